"""Answers of model servers as they should never be: the right text or one clear error, in time and within bounds."""

import gzip
import json
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.aftermath import MEBIBYTE, peak_memory_below
from support.byte_server import DONE, RESET, STREAM, ByteServer, Piece, Request, apart, event, finish, say, use, whole
from support.heard import Heard, hear
from support.limits import limit_s

from opta_agent.providers import openai
from opta_agent.providers.base import End
from opta_core.net import http_client, http_connection
from opta_protocol.error_info import ErrorCode

KEY = "canary-key-of-a-provider"
WORDS = "Привет 😀\u2028\u0085 мир"
ANSWER = say(WORDS) + finish()


ODD_STREAMS: dict[str, Callable[[], Iterable[Piece]]] = {
    "a byte at a time": lambda: [STREAM, *apart(ANSWER)],
    "CR LF, a byte at a time": lambda: [STREAM, *apart(ANSWER.replace(b"\n", b"\r\n"))],
    "comments and other fields": lambda: [STREAM, b": hello\n\nid: 5\nretry: 1\nevent: x\n", ANSWER],
    "no space after data": lambda: [STREAM, ANSWER.replace(b"data: ", b"data:")],
    "no blank lines": lambda: [STREAM, ANSWER.replace(b"\n\n", b"\n")],
    "no newline at the end": lambda: [STREAM, ANSWER.removesuffix(DONE).rstrip(b"\n")],
    "no DONE": lambda: [STREAM, ANSWER.removesuffix(DONE)],
    "a mark at the beginning": lambda: [STREAM, b"\xef\xbb\xbf" + ANSWER],
    "data over two lines": lambda: [STREAM, ANSWER.replace(b'"choices":', b'\ndata: "choices":')],
    "all on one line": lambda: [STREAM, ANSWER.replace(b"\n\n", b"")],
    "a whole JSON answer": lambda: [
        whole(200, json.dumps({"choices": [{"message": {"content": WORDS}, "finish_reason": "stop"}]}).encode())
    ],
    "no reason for the end": lambda: [STREAM, say(WORDS), DONE],
    "events that are not for us": lambda: [STREAM, b'event: ping\ndata: {"type":"ping"}\n\ndata: keepalive\n\ndata:\n\n', ANSWER],
    "two DONE": lambda: [STREAM, ANSWER, DONE, say("more"), DONE],
}


@pytest.mark.attack("A69")
@pytest.mark.parametrize("form", ODD_STREAMS)
def test_a_stream_in_an_odd_form_gives_the_right_text(form: str) -> None:
    heard = hear(ODD_STREAMS[form]())
    assert (heard.text, heard.code) == (WORDS, "")
    assert heard.end == End("stop", None)


@pytest.mark.attack("A57", "A69")
def test_bytes_that_are_no_text_are_replaced() -> None:
    assert hear([STREAM, say("a<>b").replace(b"<>", b"\xff\xfe"), finish()]).text == "a\ufffd\ufffdb"


BOMB = gzip.compress(bytes(64 * MEBIBYTE))
BROKEN_STREAMS: dict[str, tuple[Iterable[Piece], ErrorCode]] = {
    "an event of 10 MiB": ([STREAM, say("x" * 10 * MEBIBYTE), finish()], ErrorCode.provider_error),
    "a line without end": ([STREAM, *[b"x" * MEBIBYTE] * 128], ErrorCode.provider_error),
    "JSON without end": ([STREAM, b'data: {"error":' + b"[" * 500_000 + b"\n\n"], ErrorCode.stream_lost),
    "an array": ([STREAM, b"data: []\n\n"], ErrorCode.stream_lost),
    "null for choices": ([STREAM, b'data: {"choices":null}\n\n'], ErrorCode.stream_lost),
    "an error as an event": ([STREAM, b'event: error\ndata: {"message":"no memory"}\n\n'], ErrorCode.provider_error),
    "an error in the place of an answer": ([whole(200, b'{"error":{"message":"no memory"}}')], ErrorCode.provider_error),
    "an end by an error": ([STREAM, say("half"), finish("abort")], ErrorCode.stream_lost),
    "HTML": ([whole(200, b"<html><body>Please log in</body></html>")], ErrorCode.stream_lost),
    "a gzip bomb": ([whole(200, BOMB, "Content-Encoding: gzip")], ErrorCode.stream_lost),
    "cut off": ([STREAM, say("half an answer")], ErrorCode.stream_lost),
    "nothing": ([STREAM], ErrorCode.stream_lost),
}


@pytest.mark.attack("A69", "A73")
@pytest.mark.parametrize("form", BROKEN_STREAMS)
def test_what_is_no_stream_is_one_clear_error_and_held_in_bounds(form: str) -> None:
    pieces, code = BROKEN_STREAMS[form]
    with peak_memory_below(32 * MEBIBYTE):
        heard = hear(pieces)
    assert (heard.code, heard.end) == (code, None)
    assert heard.error is not None and len(heard.error.message) < 600


PATIENCE = ("FIRST_CONTENT_S", "CONTENT_GAP_S")
SILENCES: dict[str, tuple[Iterable[Piece], str]] = {
    "no first byte": ([30.0], ""),
    "in the middle of a word": ([STREAM, say("half"), b"data: {", 30.0], "half"),
    "a byte at a time": ([STREAM, say("half"), *[b"x", 0.05] * 100], "half"),
    "cut in the middle of a call": ([STREAM, say("half"), use({"index": 0, "id": "c", "function": {"name": "x"}}), 0.1, RESET], "half"),
}


@pytest.mark.attack("A70")
@pytest.mark.parametrize("form", SILENCES)
def test_a_server_that_stops_speaking_is_given_up_and_what_it_said_is_kept(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, name in ((http_connection, "FIRST_BYTE_S"), (http_connection, "BETWEEN_BYTES_S"), *((openai, name) for name in PATIENCE)):
        assert getattr(owner, name) <= 600
        monkeypatch.setattr(owner, name, 0.4)
    pieces, said = SILENCES[form]
    started = time.perf_counter()
    heard = hear(pieces)
    assert time.perf_counter() - started < limit_s(2)
    assert (heard.text, heard.calls, heard.code) == (said, [], "stream_lost")
    assert heard.error is not None and heard.error.retryable


@pytest.mark.attack("A70")
def test_a_server_that_takes_no_connection_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert http_client.CONNECT_S == 5
    monkeypatch.setattr(http_client, "CONNECT_S", 0.3)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        # Its queue is full, so a further connection is neither taken nor refused.
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        heard = Heard(f"http://127.0.0.1:{listener.getsockname()[1]}/v1")
        for filler in fillers:
            filler.close()
    assert heard.code == "provider_unavailable"
    assert heard.error is not None and "no connection within 0.3 s" in heard.error.message


@pytest.mark.attack("A71")
@pytest.mark.parametrize(
    ("header", "wait_s"),
    [("0", 0), ("7", 7), ("1000000000", 30), ("9" * 5000, 30), ("-1", None), ("²", None), ("Wed, 21 Oct 2037 07:28:00 GMT", None)],
)
def test_a_wish_to_be_left_alone_is_heard_in_moderation(header: str, wait_s: float | None) -> None:
    heard = hear([whole(429, b"{}", f"Retry-After: {header}")])
    assert heard.error is not None and heard.error.retryable
    assert heard.error.retry_after_s == wait_s


@pytest.mark.attack("A71")
def test_a_certificate_that_nobody_vouches_for_gets_no_request(tmp_path: Path) -> None:
    made = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "key",
        "-out",
        "cert",
        "-days",
        "1",
        "-subj",
        "/CN=127.0.0.1",
    ]
    subprocess.run(made, cwd=tmp_path, check=True, capture_output=True, timeout=limit_s(10))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    with ByteServer(lambda request: [STREAM, ANSWER], context) as server:
        heard = Heard(server.url, KEY)
        assert server.requests == []
    assert (heard.text, heard.code) == ("", "provider_unavailable")


@pytest.mark.attack("A71")
@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 408, 429, 500, 503, 529])
def test_a_key_that_a_server_echoes_is_in_no_error(status: int) -> None:
    def echo(request: Request) -> list[Piece]:
        assert KEY.encode() in request.head
        echoed = request.head.decode()
        error = event({"error": {"message": echoed, "code": echoed}})
        return [STREAM, error] if status == 200 else [whole(status, json.dumps({"error": {"message": echoed}}).encode())]

    heard = hear(echo, KEY)
    assert heard.error is not None
    assert KEY not in heard.error.message and KEY not in repr(heard.error.info())


@pytest.mark.attack("A73")
@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": -5, "completion_tokens": -(10**30), "prompt_tokens_details": {"cached_tokens": -1}},
        {"prompt_tokens": 10**30, "completion_tokens": None, "completion_tokens_details": {"reasoning_tokens": -7}},
        {"prompt_tokens": None, "prompt_tokens_details": None},
        {},
    ],
    ids=["negative", "huge", "null", "empty"],
)
def test_counts_of_a_server_are_never_negative_nor_beyond_measure(usage: Any) -> None:
    heard = hear([STREAM, say("ok"), finish("stop", usage)])
    assert (heard.text, heard.code) == ("ok", "")
    assert heard.end is not None and heard.end.usage is not None
    assert all(0 <= count <= 10**15 for count in msgspec.structs.astuple(heard.end.usage))


@pytest.mark.attack("A72", "A73")
@pytest.mark.parametrize(
    ("pieces", "reason", "calls"),
    [
        ([{"index": 0, "id": "a", "function": {"name": "run_command", "arguments": '{"command":"rm -r build"}'}}], "length", []),
        (
            [
                {"id": "a", "function": {"name": "grep", "arguments": '{"pattern":'}},
                {"function": {"arguments": '"x"}'}},
                {"id": "b", "function": {"name": "list_dir", "arguments": "{}"}},
            ],
            "tool_calls",
            [("grep", '{"pattern":"x"}'), ("list_dir", "{}")],
        ),
    ],
    ids=["cut off", "no index"],
)
def test_only_whole_calls_come_of_an_answer(pieces: list[dict[str, Any]], reason: str, calls: list[tuple[str, str]]) -> None:
    assert hear([STREAM, *[use(piece) for piece in pieces], finish(reason)]).calls == calls


@pytest.mark.attack("A73")
@pytest.mark.parametrize(
    ("deltas", "thought", "said"),
    [
        ([{"reasoning_content": "a", "reasoning": "a", "signature": None}, {"reasoning": "b"}], "ab", ""),
        ([{"content": "<think>a<think>b</think>"}, {"content": "</think>c"}], "a<think>b", "c"),
        ([{"content": "<think>never closed"}], "never closed", ""),
    ],
    ids=["both fields", "twice", "unclosed"],
)
def test_odd_thinking_is_thinking_and_said_once(deltas: list[dict[str, Any]], thought: str, said: str) -> None:
    heard = hear([STREAM, *[event({"choices": [{"delta": delta}]}) for delta in deltas], finish()])
    assert (heard.thought, heard.text, heard.code) == (thought, said, "")
