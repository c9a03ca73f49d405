"""Web pages and LMX: a listed origin may ask for answers, and no page may do more."""

from collections.abc import Iterator

import httpx2
import pytest
from support.in_process_lmx import InProcessLmx, in_process_lmx

from opta_core.errors import Refused
from opta_core.lmx_settings import LmxSettings, check_lmx

LISTED = ["http://localhost:3000", "app://obsidian.md"]
CHAT = "/v1/chat/completions"
ASKED = {"messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture(scope="module")
def lmx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcessLmx]:
    with in_process_lmx(tmp_path_factory.mktemp("home"), settings=LmxSettings(origins=LISTED)) as made:
        yield made


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcessLmx]:
    """As it is off loopback: each request needs a key."""
    with in_process_lmx(tmp_path_factory.mktemp("home"), settings=LmxSettings(origins=LISTED), allows_anonymous=False) as made:
        yield made


def preflight(lmx: InProcessLmx, path: str, origin: str, *more: tuple[str, str]) -> httpx2.Response:
    with lmx.client() as client:
        return client.request("OPTIONS", path, headers=[("Origin", origin), ("Access-Control-Request-Method", "POST"), *more])


@pytest.mark.parametrize("origin", LISTED)
def test_a_listed_page_asks_first_and_then_reads_its_answer(lmx: InProcessLmx, origin: str) -> None:
    names = "authorization, content-type, x-stainless-os"
    asked = preflight(lmx, CHAT, origin, ("Access-Control-Request-Headers", names), ("Access-Control-Request-Private-Network", "true"))
    assert (asked.status_code, asked.content) == (204, b"")
    assert asked.headers["access-control-allow-origin"] == origin
    assert asked.headers["access-control-allow-headers"] == names
    assert asked.headers["access-control-allow-private-network"] == "true"
    assert "POST" in asked.headers["access-control-allow-methods"]
    with lmx.client() as client:
        for body, status in ((ASKED, 200), ({**ASKED, "stream": True}, 200), ({}, 400)):
            answer = client.post(CHAT, json=body, headers={"Origin": origin})
            assert (answer.status_code, answer.headers["access-control-allow-origin"], answer.headers["vary"]) == (status, origin, "Origin")
            assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin",
    ["null", "*", "http://localhost:3001", "https://localhost:3000", "http://localhost:3000.evil.example", "http://127.0.0.1:1234", ""],
)
def test_no_other_page_may_ask(lmx: InProcessLmx, origin: str) -> None:
    with lmx.client() as client:
        answers = [preflight(lmx, CHAT, origin), client.post(CHAT, json=ASKED, headers={"Origin": origin})]
        answers.append(client.post(CHAT, json=ASKED, headers=[("Origin", LISTED[0]), ("Origin", origin)]))
    for answer in answers:
        assert answer.status_code == 403
        assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("path", ["/admin/models", "/admin/keys", "/proof", "/pair", "/metrics", "/readyz", "/"])
def test_a_listed_page_may_not_administer(lmx: InProcessLmx, path: str) -> None:
    with lmx.client(lmx.keys.admin_key()) as client:
        for method in ("GET", "POST"):
            assert client.request(method, path, headers={"Origin": LISTED[0]}).status_code == 403
    assert preflight(lmx, path, LISTED[0]).status_code == 403


def test_a_name_of_a_header_that_is_none_is_not_repeated(lmx: InProcessLmx) -> None:
    for names in ("a b", "x" * 2000, "a,,b", "a;b"):
        asked = preflight(lmx, CHAT, LISTED[0], ("Access-Control-Request-Headers", names))
        assert (asked.status_code, asked.headers.get("access-control-allow-headers")) == (204, None)


def test_a_listed_page_needs_a_key_where_everyone_does(locked: InProcessLmx) -> None:
    assert preflight(locked, CHAT, LISTED[0]).status_code == 204
    with locked.client() as client:
        refused = client.post(CHAT, json=ASKED, headers={"Origin": LISTED[0]})
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, LISTED[0])
    with locked.client(locked.keys.add("page", ["infer"])) as client:
        assert client.post(CHAT, json=ASKED, headers={"Origin": LISTED[0]}).status_code == 200


def test_health_is_open_and_head_has_no_body(lmx: InProcessLmx, locked: InProcessLmx) -> None:
    for each in (lmx, locked):
        with each.client() as client:
            assert client.get("/health").json() == {"status": "ok"}
            for path in ("/", "/health", "/healthz"):
                answer = client.head(path)
                assert (answer.status_code, answer.content) == (200, b"")
                assert answer.headers["content-length"] == client.get(path).headers["content-length"]
    with lmx.client() as client, locked.client() as stranger:
        assert (client.head("/v1/models").status_code, stranger.head("/v1/models").status_code) == (200, 401)
        assert client.head(CHAT).status_code == 405
        assert client.head("/admin/events").status_code == 401


@pytest.mark.parametrize("origin", ["*", "localhost", "http://a/b", "http://*.example", "null", "http://a b", "https://a/", ""])
def test_what_is_no_origin_is_refused_as_a_setting(origin: str) -> None:
    with pytest.raises(Refused, match=r"lmx\.origins"):
        check_lmx(LmxSettings(origins=[origin]))
    check_lmx(LmxSettings(origins=[*LISTED, "https://[::1]:8443", "chrome-extension://abcdef"]))
