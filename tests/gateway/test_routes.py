"""The gateway's routes in one process: what they return, refuse and leave unchanged."""

import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

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


@pytest.mark.parametrize(
    ("target", "body", "field"),
    [
        ("/v3/sessions", {"colour": 1}, "colour"),
        ("/v3/sessions", {"title": 5}, "title"),
        ("/v3/sessions", {"title": "x" * 201}, "title"),
        ("/v3/sessions", {"mode": "evil"}, "mode"),
        ("/v3/sessions", {"policy": "none"}, "policy"),
        ("/v3/sessions", {"interactive": 1}, "interactive"),
        ("/v3/sessions", {"cwd": "relative"}, "cwd"),
        ("/v3/sessions", {"cwd": "/nowhere/at/all"}, "cwd"),
        ("/v3/sessions", {"cwd": "/etc/passwd"}, "cwd"),
        ("/v3/sessions", {"cwd": "/a\0b"}, "cwd"),
        ("/v3/sessions", {"cwd": "/" + "a" * 4000}, "cwd"),
        ("/v3/sessions", {"cwd": "~no-such-user/x"}, "cwd"),
        ("/v3/sessions/{sid}/turns", {}, "text"),
        ("/v3/sessions/{sid}/turns", {"text": ""}, "text"),
        ("/v3/sessions/{sid}/turns", {"text": " \n"}, "text"),
        ("/v3/sessions/{sid}/turns", {"text": 10**400}, "text"),
        ("/v3/sessions/{sid}/turns", {"text": "x" * 400_001}, "text"),
        ("/v3/sessions/{sid}/turns", {"text": "a", "Text": "b"}, "Text"),
        ("/v3/sessions/{sid}/turns", {"text": "a", "level": "L9"}, "level"),
        ("/v3/sessions/{sid}/turns", {"text": "a", "attachments": "x"}, "attachments"),
        ("/v3/sessions/{sid}/turns", {"text": "a", "attachments": ["../../token"]}, "attachments"),
        ("/v3/sessions/{sid}/stop", {"turnId": 5}, "turnId"),
        ("/v3/sessions/{sid}/note", {"text": "a", "kind": ["x"]}, "kind"),
        ("/v3/sessions/{sid}/permissions/nope", {"decision": "maybe"}, "decision"),
    ],
)
def test_a_field_that_does_not_fit_is_named(gateway: LocalGateway, sid: str, target: str, body: dict[str, Any], field: str) -> None:
    before = gateway.stored()
    answer = gateway.post(target.format(sid=sid), body)
    assert answer.refusal == (422, "invalid")
    assert field in answer.error["message"]
    assert gateway.stored() == before


@pytest.mark.parametrize("name", ["../../token", "..%2f..%2ftoken", "%2e%2e%2ftoken", "*", "%2a", "%3f", "", "%20", "a" * 10_240, "%00", "{sid}%00", "{sid}%0a", "{upper}", "%ff", "%ed%a0%80", "{sid}.jsonl", "s-", UNKNOWN], ids=lambda name: name[:20] or "empty")  # fmt: skip
def test_bad_session_ids_are_400_or_404(gateway: LocalGateway, sid: str, name: str) -> None:
    before = gateway.stored()
    at = f"/v3/sessions/{name.format(sid=sid, upper=sid.upper())}"
    answers = [gateway.get(at + rest) for rest in ("/events", "/stream", "/export", "/tools", "?atSeq=1")]
    answers += [gateway.post(at + rest, {"text": "a"}) for rest in ("/turns", "/note")]
    answers += [gateway.post(at + rest, b"") for rest in ("/stop", "/clear")]
    answers.append(gateway.ask("DELETE", at))
    # A name that ends up as no name at all is a path that takes other methods.
    allowed = {(404, "not_found"), (400, "bad_request"), *([(405, "method_not_allowed")] if not name else [])}
    assert {answer.refusal for answer in answers if answer.body or answer.status >= 400} <= allowed
    assert gateway.stored() == before


@pytest.mark.parametrize(
    "value", ["-1", "1.5", "abc", "0x1", "1e3", "9" * 19, "9" * 5000, "%C2%B2", "%D9%A3", "%00", "+1", "1,2"], ids=lambda value: value[:20]
)
def test_bad_numbers_are_400(gateway: LocalGateway, sid: str, value: str) -> None:
    answers = [
        gateway.get(f"/v3/sessions/{sid}/{name}={value}")
        for name in ("events?afterSeq", "events?limit", "events?wait_ms", "stream?afterSeq")
    ]
    answers += [
        gateway.get(f"/v3/sessions/{sid}?atSeq={value}"),
        gateway.get(f"/v3/sessions?limit={value}"),
        gateway.get(f"/v3/daemon/logs?limit={value}"),
    ]
    assert {answer.refusal for answer in answers} == {(400, "bad_request")}


def test_no_route_takes_a_wrong_method(gateway: LocalGateway, sid: str) -> None:
    for method in ("PUT", "TRACE", "FOO"):
        for target in ("/v3/sessions", f"/v3/sessions/{sid}/turns", "/healthz", "/v3/ws-ticket"):
            answer = gateway.ask(method, target)
            assert answer.refusal == (405, "method_not_allowed")
    assert gateway.get("/v3/nothing").refusal == (404, "not_found")
    assert gateway.post("/v3/daemon/services/..%2ftoken/restart", b"").refusal == (404, "not_found")
    assert gateway.post("/v3/daemon/services/sessions/explode", b"").refusal == (404, "not_found")
    assert gateway.get("/v3/daemon/logs?service=../token").refusal == (404, "not_found")
    assert gateway.get("/v3/sessions?state=evil").refusal == (422, "invalid")
    assert gateway.get(f"/v3/sessions/{sid}/export?format=../x").refusal == (422, "invalid")
