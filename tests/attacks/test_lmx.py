"""Rows A65-A68: what reaches LMX from elsewhere, in the wrong shape, or in excess; one client never costs another."""

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.daemon import Daemon
from support.limits import limit_s
from support.lmx import CHAT, HELLO, chat, engine_lives_on, figure, get, headers, lmx, port_of, post, request, running
from support.oracles import until
from support.raw_http import Answer, Headers, exchange, head, read_answer

from opta_lmx.models.model_catalog import PROBE

pytestmark = pytest.mark.system

KEY_A, KEY_B = ("Authorization", "Bearer a"), ("Authorization", "Bearer b")
TOKENS = ('lmx_tokens_total{kind="completion"}', 'lmx_tokens_total{kind="prompt"}')


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with lmx(tmp_path_factory.mktemp("lmx")) as daemon:
        yield daemon


@pytest.fixture
def port(alone: Daemon) -> Generator[int]:
    with engine_lives_on(alone):
        yield port_of(alone)


def listening(pid: int) -> set[str]:
    """Addresses on which a process listens, as the kernel writes them."""
    opened = {os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    lines = [line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
    return {fields[1].partition(":")[0] for fields in lines if fields[3] == "0A" and f"socket:[{fields[9]}]" in opened}


def refusal(answer: Answer) -> tuple[int, str]:
    """(status, type) of an error in OpenAI's form."""
    assert set(answer.error) == {"message", "type", "param", "code"}
    return answer.status, answer.error["type"]


@contextlib.contextmanager
def asking(
    port: int, count: int, *more: tuple[str, str], buffer_bytes: int = 0, stream: bool = True, is_long: bool = False
) -> Generator[list[socket.socket]]:
    """Clients that have sent a request and not yet read anything. `is_long`: an answer cannot end before its many tokens."""
    body: dict[str, Any] = {"messages": HELLO, "stream": stream}
    if is_long:
        body |= {"max_tokens": 150, "logit_bias": {str(json.loads((PROBE / "config.json").read_text())["eos_token_id"]): -100}}
    content = request(port, json.dumps(body).encode(), *more)
    with contextlib.ExitStack() as stack:
        clients: list[socket.socket] = []
        for _ in range(count):
            clients.append(stack.enter_context(socket.socket()))
            if buffer_bytes:
                clients[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
            clients[-1].settimeout(limit_s(10))
            clients[-1].connect(("127.0.0.1", port))
            clients[-1].sendall(content)
        yield clients


# from elsewhere -----------------------------------------------------------------------------------------


@pytest.mark.attack("A65")
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_other_hosts_and_pages_are_refused(port: int, method: str) -> None:
    evil = ("Origin", "https://evil.example")
    asks = ("Access-Control-Request-Method", "POST")
    hosts: list[Headers] = [[("Host", "evil.example")], [("Host", f"127.0.0.1.evil.example:{port}")], [("Host", f"evil.example:{port}")]]
    hosts += [[("Host", "127.0.0.1")], [("Host", f"localhost.:{port}")], [], headers(port) * 2]
    pages: list[Headers] = [headers(port, ("Origin", origin)) for origin in ("null", f"http://127.0.0.1:{port}", "http://localhost:5173")]
    pages += [headers(port, evil), headers(port, evil, asks)]
    for given in (*hosts, *pages):
        for target in ("/v1/models", CHAT, "/v1/completions", "/metrics", "/healthz"):
            answer = exchange(port, head(method, target, given))
            assert answer.status in ((400, 403) if not given else (403,))
            assert not [name for name, _ in answer.headers if name.startswith("access-control-")]
    assert get(port, CHAT, method="OPTIONS").status == 405


@pytest.mark.attack("A65")
def test_lmx_binds_to_loopback_whatever_is_wished_for(alone: Daemon, port: int, tmp_path: Path) -> None:
    assert listening(alone.pids()["lmx"]) == {"0100007F"}
    other = Daemon(tmp_path, only="lmx")
    environment = {**other.environment, "OPTA_LMX_HOST": "0.0.0.0", "HOST": "0.0.0.0", "UVICORN_HOST": "0.0.0.0"}
    with subprocess.Popen([sys.executable, "-m", "opta_lmx"], env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            assert until(lambda: port_of(other) != 0, 15)
            assert until(lambda: listening(process.pid) == {"0100007F"}, 5)
        finally:
            process.terminate()


# in the wrong shape -------------------------------------------------------------------------------------


@pytest.mark.attack("A66")
@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"{} x", b"\0" * 100, b'{"messages":null}', b'{"messages":[{"role":"user","content":"x"}',
        b'{"messages":[{"role":"user","content":"x"}],"temperature":NaN}',
        b'{"messages":[{"role":"user","content":"x"}],"temperature":1e999}',
        b'{"messages":[{"role":"user","content":"x"}],"top_k":' + b"9" * 5000 + b"}",
        b'{"messages":[{"role":"user","content":"\\ud800"}]}',
        b'{"messages":[{"role":"user","content":"\xff"}]}',
        b'{"messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"messages":[{"role":"user","content":' + b"[" * 100_000 + b"]" * 100_000 + b"}]}",
        b'{"messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"x","parameters":{"a":'
        + b"[" * 900 + b"]" * 900 + b"}}}]}",
    ],
    ids=["empty", "array", "two", "NUL", "null", "cut off", "NaN", "1e999", "huge", "surrogate", "UTF-8", "deep", "deep content", "deep tool"],
)  # fmt: skip
def test_malformed_bodies_are_400(port: int, content: bytes) -> None:
    assert refusal(post(port, content)) == (400, "invalid_request_error")


@pytest.mark.attack("A66")
@pytest.mark.parametrize(
    ("messages", "field"),
    [
        ("hello", "messages"), ([], "messages"), ({}, "messages"), ([5], "messages"), (HELLO * 100_000, "messages"),
        ([{"role": "evil", "content": "x"}], "role"), ([{"content": "x"}], "role"), ([{"role": "user", "content": {"a": 1}}], "content"),
        ([{"role": "user", "content": [{"type": "evil", "text": "x"}]}], "content"), ([{"role": "user", "content": [5]}], "content"),
        ([*HELLO, {"role": "assistant", "tool_calls": "abc"}], "tool_calls"),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_messages_that_are_none_are_named(port: int, messages: Any, field: str) -> None:
    answer = chat(port, messages=messages)
    assert refusal(answer) == (400, "invalid_request_error")
    assert field in answer.error["message"]


@pytest.mark.attack("A66")
def test_an_image_is_refused_and_nothing_is_fetched_or_opened(port: int, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as trap:
        bait = tmp_path / "bait.png"
        os.mkfifo(bait)  # whoever opened it would hang
        urls = [f"http://127.0.0.1:{trap.getsockname()[1]}/x.png", bait.as_uri(), str(bait), "http://169.254.169.254/latest", "data:,x"]
        for url in urls:
            answer = chat(port, messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}])
            assert refusal(answer) == (400, "invalid_request_error")
            assert "content" in answer.error["message"]
        assert select.select([trap], [], [], 0.2)[0] == []


@pytest.mark.attack("A66")
def test_a_model_is_never_a_path_and_other_routes_are_404(port: int) -> None:
    for name in ("../../x", "/etc/passwd", "a/../b", "..", "a\0b", "a\nb"):
        assert refusal(chat(port, model=name)) == (400, "invalid_request_error")
    for target in ("/v1/images", "/v1/models/../../etc", "/v1/models/..%2f..%2fx", "/v1/files", "/v1"):
        assert refusal(get(port, target)) == (404, "invalid_request_error")


@pytest.mark.attack("A67")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", -1), ("temperature", 1e9), ("temperature", 2.1), ("temperature", "hot"), ("top_p", 2), ("top_p", -1), ("top_k", -2), ("top_k", 1.5), ("min_p", 2),
        ("max_tokens", -5), ("max_tokens", 0), ("max_tokens", "many"), ("max_tokens", True), ("max_completion_tokens", -2), ("n", 1000),
        ("n", 2**80), ("stop", ["x"] * 10_000), ("stop", ["x"] * 17), ("stop", ["x" * 257]), ("stop", [[]]), ("stop", [1]), ("stop", 5),
        ("seed", 2**70), ("logit_bias", {"x": "junk"}), ("top_logprobs", 99), ("response_format", {"type": "yaml"}), ("grammar", "x"),
        ("stream_options", {"include_usage": "x"}), ("stream", "yes"), ("model", 5), ("model", "x" * 201), ("modalities", ["audio"]), ("tool_choice", "evil"),
        ("tools", [{"type": "function", "function": {"name": ""}}]), ("tools", [{"type": "function", "function": {"name": "x", "parameters": 5}}]), ("tools", [{"type": "function", "function": {"name": "x"}}] * 129),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_a_field_that_does_not_fit_is_400_and_named_before_any_work(port: int, field: str, value: Any) -> None:
    before = [figure(port, name) for name in ("lmx_requests_total", *TOKENS)]
    answer = chat(port, **{field: value})
    assert refusal(answer) == (400, "invalid_request_error")
    assert field in answer.error["message"]
    assert [figure(port, name) for name in ("lmx_requests_total", *TOKENS)] == before


@pytest.mark.attack("A67")
def test_a_prompt_over_the_context_is_refused_by_its_code_before_any_work(port: int) -> None:
    before = [figure(port, name) for name in TOKENS]
    # The probe's template cuts texts, but not the arguments of a call.
    call = {"function": {"name": "read_file", "arguments": json.dumps({"path": "x" * 5000})}}
    for stream in (False, True):
        answer = chat(port, messages=[*HELLO, {"role": "assistant", "tool_calls": [call]}], stream=stream)
        assert (*refusal(answer), answer.error["code"]) == (400, "invalid_request_error", "context_length_exceeded")
    assert [figure(port, name) for name in TOKENS] == before


# in excess ----------------------------------------------------------------------------------------------


@pytest.mark.attack("A68")
@pytest.mark.parametrize("stream", [True, False])
def test_50_clients_that_leave_free_their_slots_at_once(port: int, stream: bool) -> None:
    failed = figure(port, "lmx_requests_failed_total")
    with asking(port, 25, KEY_A, stream=stream, is_long=True) as some, asking(port, 25, KEY_B, stream=stream, is_long=True) as others:
        for client in some[:16] if stream else []:
            assert client.recv(1)  # the head of a stream comes with its first token
        assert until(lambda: running(port) > 20, 5)
        for client in (*some, *others):
            client.close()
        assert until(lambda: running(port) == 0, 1)
    # They were ended, not finished: 50 answers take longer than this.
    assert figure(port, "lmx_requests_failed_total") - failed >= 20


@pytest.mark.attack("A68")
def test_clients_that_read_nothing_hold_nobody_up(port: int) -> None:
    with asking(port, 48, KEY_A, buffer_bytes=2048), asking(port, 52, buffer_bytes=2048):
        assert until(lambda: chat_with(port, KEY_B).status == 200, 8)
        assert until(lambda: running(port) == 0, 8)


def chat_with(port: int, key: tuple[str, str]) -> Answer:
    """A short request of one client; too many at once is an answer that says when to come again."""
    answer = post(port, json.dumps({"messages": HELLO, "max_tokens": 2}).encode(), key)
    assert answer.status == 200 or (answer.status == 429 and answer.header("retry-after"))
    return answer


@pytest.mark.attack("A68")
def test_one_client_that_asks_for_much_waits_for_itself(port: int) -> None:
    with asking(port, 48, KEY_A, is_long=True):
        assert until(lambda: running(port) == 48, 8)
        more = chat_with(port, KEY_A)
        assert (more.status, more.error["code"]) == (429, "rate_limit_exceeded")
        assert chat_with(port, KEY_B).status == 200
        # The other was served before the half of those that came first.
        assert running(port) > 24
    assert until(lambda: running(port) == 0, 1)


@pytest.mark.attack("A68")
def test_slow_heads_are_ended_while_others_are_served_at_once(port: int) -> None:
    started, slowest_s = time.monotonic(), 0.0
    left = {socket.create_connection(("127.0.0.1", port)) for _ in range(200)}
    for number, connection in enumerate(left):
        connection.sendall(b"GET /healthz HTTP/1.1\r\nX-Slow: " if number % 2 else b"")
    while left and time.monotonic() - started < limit_s(10):
        for connection in select.select(list(left), [], [], 0.3)[0]:
            left.discard(connection)
            connection.close()
        for connection in left:
            with contextlib.suppress(ConnectionError):
                connection.send(b"a")
        asked = time.perf_counter()
        assert get(port, "/healthz").status == 200
        slowest_s = max(slowest_s, time.perf_counter() - asked)
    assert not left
    assert slowest_s < limit_s(0.2)


@pytest.mark.attack("A68")
def test_a_head_without_end_is_cut_off(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=limit_s(5)) as connection, contextlib.suppress(ConnectionError):
        connection.sendall(b"GET /healthz HTTP/1.1\r\nX-Long: " + b"a" * 10 * 1024 * 1024)
        assert read_answer(connection).status == 400
