"""Rows A02, A04 and A05: which Host, which page and which kind of body the gateway refuses before a route sees the request."""

from collections.abc import Iterator

import pytest
from support.gateway import PAGE_PORT, PORT, LocalGateway
from support.gateway_requests import UNKNOWN, no_cors

OPEN_PATHS = ("/healthz", "/readyz", "/v3/health", "/v3/hello?n=12345678")
PAGE = f"http://127.0.0.1:{PAGE_PORT}"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalGateway]:
    with LocalGateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.mark.attack("A02")
@pytest.mark.parametrize(
    "host",
    ["evil.example:{port}", "evil.example", "127.0.0.1.evil.example:{port}", "localhost.", "localhost.:{port}", "127.0.0.1:1234", "127.0.0.1",
     "0.0.0.0:{port}", "x@127.0.0.1:{port}", "127.0.0.1:{port}0", "[::1]:{port}", ""],
)  # fmt: skip
def test_another_host_is_refused_before_the_token_is_looked_at(gateway: LocalGateway, host: str) -> None:
    with gateway.untouched():
        for token in ("right", "wrong", None):
            answers = [
                gateway.ask(method, "/v3/sessions", token=token, host=host.replace("{port}", str(PORT))) for method in ("GET", "POST")
            ]
            answers += [gateway.get(target, token=token, host=host.replace("{port}", str(PORT))) for target in OPEN_PATHS]
            assert {answer.refusal for answer in answers} == {(403, "forbidden_host")}
            assert all(no_cors(answer) for answer in answers)


@pytest.mark.attack("A04")
@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx"]
)
def test_a_post_that_a_page_may_send_without_asking_makes_nothing(gateway: LocalGateway, kind: str) -> None:
    body = {"title": "evil", "cwd": str(gateway.workspace)}
    with gateway.untouched():
        assert gateway.post("/v3/sessions", body, kind=kind).refusal == (415, "unsupported_media_type")
        for given in (("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-site")):
            answer = gateway.post("/v3/sessions", body, given, kind=kind or "application/json")
            assert answer.refusal == (403, "forbidden_origin") and no_cors(answer)
    assert gateway.get("/v3/sessions", ("Sec-Fetch-Site", "none")).status == 200


@pytest.mark.attack("A05", "A06", "A13")
@pytest.mark.parametrize(
    "origin",
    ["http://evil", "https://evil.example", "null", "", "http://127.0.0.1:5174", "{page}.evil", "{page}0", "{page}/", "https{rest}",
     "HTTP{rest}", "HTTP://LOCALHOST:{ui}", "http://localhost:{ui}", "http://localhost:{ui}.evil", "http://127.0.0.1:{port}",
     "tauri://localhost.evil", "file://"],
)  # fmt: skip
def test_another_origin_is_refused_and_no_page_may_read_why(gateway: LocalGateway, origin: str) -> None:
    page = PAGE
    given = ("Origin", origin.format(page=page, rest=page.removeprefix("http"), ui=page.rpartition(":")[2], port=PORT))
    wish = ("Access-Control-Request-Headers", "authorization")
    with gateway.untouched():
        answers = [gateway.get("/v3/sessions", given), gateway.get("/healthz", given, token=None), gateway.post("/v3/sessions", {}, given)]
        answers += [gateway.handshake(path, given, token="right") for path in ("/v3/events", f"/v3/sessions/{UNKNOWN}/stream")]
        for method in ("POST", "PUT", "DELETE"):
            asks = ("Access-Control-Request-Method", method)
            answers.append(gateway.ask("OPTIONS", "/v3/sessions", given, asks, wish, token=None))
    assert {answer.refusal for answer in answers} == {(403, "forbidden_origin")}
    assert all(no_cors(answer) for answer in answers)
