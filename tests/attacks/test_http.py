"""Rows A01-A07: whoever has no right to speak to the daemon over HTTP gets one refusal, and nothing is made."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from support.daemon import Daemon
from support.gateway_requests import PORT, UNKNOWN, ask, get, headers, last_answer, page_origin
from support.oracles import untouched
from support.raw_http import Answer, exchange, head

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("lives_on")]

OPENAPI = Path(__file__).parents[2] / "docs/openapi.json"
OPEN_PATHS = ("/healthz", "/readyz", "/v3/health", "/v3/hello?n=12345678")
JSON = ("Content-Type", "application/json")


def routes(sid: str) -> list[tuple[str, str]]:
    """Every documented route, and some that are not there."""
    paths: dict[str, dict[str, Any]] = json.loads(OPENAPI.read_text())["paths"]
    found = [(method.upper(), path) for path, methods in paths.items() for method in methods]
    found += [
        ("GET", path) for path in ("/docs", "/redoc", "/openapi.json", "/v3/events", "/v3/sessions/{name}/stream", "/v3/nothing", "/")
    ]
    return [
        (
            method,
            path.format(name=sid, action="stop", grant_id="g", request_id="r", file="x.txt", turn_id="t1", steer_id="s", question_id="q"),
        )
        for method, path in found
    ]


@pytest.mark.attack("A01")
def test_without_the_token_every_route_gives_one_refusal_whether_it_exists_or_not(daemon: Daemon, sid: str, old_token: str) -> None:
    port, right = daemon.port, daemon.token
    basic = base64.b64encode(f"opta:{right}".encode()).decode()
    wrong = (None, "Bearer ", "Bearer wrong", f"Bearer {old_token}", f"Bearer  {right}", f"Bearer {right[:9]} {right[9:]}")
    wrong += (f"Bearer {right}%0a", f"Bearer {right}x", f"bearer {right[:-1]}", f"Basic {basic}", right)
    host = ("Host", f"127.0.0.1:{port}")
    with untouched(daemon):
        answers: list[Answer] = []
        for authorization in wrong:
            given = [host, *([("Authorization", authorization)] if authorization is not None else [])]
            answers += [exchange(port, head(method, target, given)) for name in (sid, UNKNOWN) for method, target in routes(name)]
        for target in {target for _, target in routes(sid)}:
            bare = exchange(port, head("HEAD", target, [host]))
            assert (bare.status, bare.body) == (429, b"")
            assert exchange(port, head("OPTIONS", target, [host])) == exchange(port, head("OPTIONS", "/v3/nothing", [host]))
    # Too many tries turn 401 into 429, for what exists and for what does not.
    assert [answer.status for answer in answers[:21]] == [401] * 20 + [429]
    assert {(answer.status, *answer.headers, answer.body) for answer in answers} == {
        (answer.status, *answer.headers, answer.body) for answer in answers[19:21]
    }


@pytest.mark.attack("A01")
def test_the_scheme_is_read_in_any_case_and_only_from_one_whole_header(daemon: Daemon, old_token: str) -> None:
    right, host = daemon.token, f"GET /v3/sessions HTTP/1.1\r\nHost: 127.0.0.1:{daemon.port}\r\n"
    assert get(daemon, "/v3/sessions", ("authorization", f"bearer {right}"), token=None).status == 200
    assert get(daemon, "/v3/sessions", ("Authorization", f"Bearer {right}")).refusal == (401, "unauthorized")
    assert last_answer(daemon, f"{host}Authorization: Bearer {right}\n\r\n\r\n".encode()).status == 400
    assert last_answer(daemon, f"{host}Authorization: Bearer\r\n {right[:9]}\r\n {right[9:]}\r\n\r\n".encode()).status in (400, 401)


@pytest.mark.attack("A01")
def test_only_the_open_routes_answer_without_the_token_and_they_tell_little(daemon: Daemon) -> None:
    assert [json.loads(get(daemon, path, token=None).body) for path in OPEN_PATHS[:2]] == [{"status": "ok"}, {"status": "ready"}]
    assert set(json.loads(get(daemon, OPEN_PATHS[2], token=None).body)) == {"status", "version", "daemonId", "uptime", "contract"}
    assert set(json.loads(get(daemon, OPEN_PATHS[3], token=None).body)) == {"proof"}
    assert "services" in json.loads(get(daemon, OPEN_PATHS[2]).body)


@pytest.mark.attack("A02")
def test_no_host_two_hosts_and_a_target_with_an_authority_are_refused(daemon: Daemon) -> None:
    ours, evil, bearer = headers(daemon)[0], ("Host", "evil.example"), headers(daemon)[1]
    for given in ([bearer], [ours, ours, bearer], [ours, evil, bearer], [evil, ours, bearer]):
        assert exchange(daemon.port, head("GET", "/v3/sessions", given)).status in (400, 403)
    assert exchange(daemon.port, f"GET /v3/sessions HTTP/1.0\r\nAuthorization: {bearer[1]}\r\n\r\n".encode()).status == 403
    with untouched(daemon):
        for token in ("right", "wrong"):
            for target in ("http://evil.example/v3/sessions", f"http://evil.example:{daemon.port}/healthz", "evil.example:443", "*"):
                for method in ("GET", "POST", "OPTIONS"):
                    assert ask(daemon, method, target, token=token).refusal == (400, "bad_request")


@pytest.mark.attack("A03")
def test_both_names_of_loopback_are_answered(daemon: Daemon) -> None:
    answers = [get(daemon, "/v3/sessions", host=f"{name}:{PORT}") for name in ("127.0.0.1", "localhost", "LOCALHOST")]
    assert [answer.status for answer in answers] == [200, 200, 200]


@pytest.mark.attack("A06")
def test_the_page_gets_its_preflight_and_its_answers_and_never_credentials(daemon: Daemon, old_token: str) -> None:
    origin = ("Origin", page_origin(daemon))
    asks = [("Access-Control-Request-Method", "DELETE"), ("Access-Control-Request-Headers", "authorization,idempotency-key")]
    answer = ask(daemon, "OPTIONS", "/v3/sessions", origin, *asks, token=None)
    allowed = (answer.header("access-control-allow-headers") or "").lower()
    assert (answer.status, answer.header("access-control-allow-origin")) == (204, origin[1])
    assert "authorization" in allowed and "idempotency-key" in allowed
    assert answer.header("access-control-allow-credentials") is None
    for token, status in (("right", 200), ("wrong", 401)):
        read = get(daemon, "/v3/sessions", origin, ("Sec-Fetch-Site", "cross-site"), token=token)
        assert (read.status, read.header("access-control-allow-origin")) == (status, origin[1])


@pytest.mark.attack("A07")
def test_a_token_anywhere_but_in_its_header_opens_no_plain_request(daemon: Daemon, old_token: str) -> None:
    token, bare = daemon.token, [("Host", f"127.0.0.1:{daemon.port}"), JSON]
    body = json.dumps({"token": token, "authorization": f"Bearer {token}"}).encode()
    with untouched(daemon):
        answers = [get(daemon, f"{path}?token={token}&ticket={token}", token=None) for path in ("/v3/sessions", "/v3/events")]
        answers += [get(daemon, "/v3/sessions", ("Cookie", f"token={token}; Authorization=Bearer {token}"), token=None)]
        answers += [
            get(daemon, "/v3/sessions", ("X-Authorization", f"Bearer {token}"), ("Proxy-Authorization", f"Bearer {token}"), token=None)
        ]
        answers += [exchange(daemon.port, head("POST", "/v3/sessions", [*bare, ("Content-Length", str(len(body)))]) + body)]
    assert {answer.refusal for answer in answers} == {(401, "unauthorized")}
