"""The gateway's routes without a process: what they answer, refuse and leave alone."""

import hashlib
import hmac
from collections.abc import Iterator

import pytest
from support.gateway import LocalGateway

UNKNOWN = "zzzzzz"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalGateway]:
    with LocalGateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture(scope="module")
def sid(gateway: LocalGateway) -> str:
    return gateway.session()


def test_hello_proves_the_token_and_shows_nothing_of_it(gateway: LocalGateway) -> None:
    nonce = "n0nce-of-a-client"
    answer = gateway.get(f"/v3/hello?n={nonce}", token=None)
    assert answer.json() == {"proof": hmac.new(gateway.auth.token.encode(), nonce.encode(), hashlib.sha256).hexdigest()}
    for bad in ("", "?n=", "?n=short", f"?n={'x' * 201}"):
        assert gateway.get(f"/v3/hello{bad}", token=None).refusal == (400, "bad_request")
