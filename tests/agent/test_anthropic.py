"""The Messages API: recorded shapes of its streams in pieces of any size, what is sent, and what is done about refusals."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import pytest
from support.byte_server import STREAM, ByteServer, Piece, Request, whole
from support.heard import HeardAnswer

from opta_agent.providers.anthropic import AnthropicProvider
from opta_agent.providers.anthropic_messages import converted
from opta_agent.providers.base import CallPart, End, ModelRequest, Thinking, Usage
from opta_core.secrets.vault import Secret
from opta_protocol.events import ThinkingBlock

KEY = "canary-key-of-a-provider"
TOOL = {"type": "function", "function": {"name": "read_file", "description": "Read.", "parameters": {"type": "object"}}}


def event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def block(at: int, start: dict[str, Any], *deltas: dict[str, Any]) -> bytes:
    pieces = [event("content_block_delta", index=at, delta=delta) for delta in deltas]
    return event("content_block_start", index=at, content_block=start) + b"".join(pieces) + event("content_block_stop", index=at)


def start(**usage: int) -> bytes:
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x-1",
        "content": [],
        "stop_reason": None,
        "usage": usage,
    }
    return event("message_start", message=message) + event("ping")


def stop(reason: str, **usage: int) -> bytes:
    return event("message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage=usage) + event("message_stop")


THINKING = block(
    0,
    {"type": "thinking", "thinking": "", "signature": ""},
    {"type": "thinking_delta", "thinking": "The file "},
    {"type": "thinking_delta", "thinking": "is needed."},
    {"type": "signature_delta", "signature": "c2ln"},
)
REDACTED = block(1, {"type": "redacted_thinking", "data": "aGlkZGVu"})
TEXT = block(2, {"type": "text", "text": ""}, {"type": "text_delta", "text": "I read "}, {"type": "text_delta", "text": "it."})
CALL = block(
    3,
    {"type": "tool_use", "id": "toolu_1", "name": "read_file", "input": {}},
    {"type": "input_json_delta", "partial_json": ""},
    {"type": "input_json_delta", "partial_json": '{"path": "a'},
    {"type": "input_json_delta", "partial_json": '.txt"}'},
)
WHOLE = start(input_tokens=10, cache_read_input_tokens=90, cache_creation_input_tokens=5) + THINKING + REDACTED + TEXT + CALL
WHOLE += stop("tool_use", output_tokens=33)


class Heard(HeardAnswer):
    """What came of one request with a tool; and what was sent."""

    def __init__(self, reply: Callable[[Request], Iterable[Piece]], messages: list[dict[str, Any]] | None = None, **fields: Any):
        given = messages or [{"role": "user", "content": "hi"}]
        request = ModelRequest(model="m", messages=encoded(given), tools=encoded([TOOL]), **fields)
        with ByteServer(reply) as server:
            super().__init__(lambda: AnthropicProvider("p", server.url, Secret(KEY)), request)
            self.requests = server.requests


def encoded(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


@pytest.mark.parametrize("size", [1, 3, 7, 100_000])
def test_an_answer_is_heard_whole_in_pieces_of_any_size(size: int) -> None:
    heard = Heard(lambda request: [STREAM, *(WHOLE[at : at + size] for at in range(0, len(WHOLE), size))])
    assert heard.error is None
    assert "".join(part.delta for part in heard.parts if isinstance(part, Thinking)) == "The file is needed."
    assert heard.text == "I read it."
    assert [part for part in heard.parts if isinstance(part, CallPart)] == [CallPart("toolu_1", "read_file", '{"path": "a.txt"}')]
    assert heard.end == End(
        "tool_calls",
        Usage(prompt=105, completion=33, cached=90),
        thinking_blocks=(ThinkingBlock(chars=19, signature="c2ln"), ThinkingBlock(data="aGlkZGVu")),
        model="claude-x-1",
    )


def test_what_is_sent_marks_the_prefix_and_the_last_message_for_the_cache() -> None:
    messages = [
        {"role": "system", "content": "You are Opta."},
        {"role": "user", "content": "read a.txt"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "t1.c1", "type": "function", "function": {"name": "read_file", "arguments": '{"path":"a.txt"}'}}],
            "thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "s"}],
        },
        {"role": "tool", "tool_call_id": "t1.c1", "content": "text"},
    ]
    heard = Heard(lambda request: [STREAM, WHOLE], messages, max_tokens=9000, thinking="low", options={"temperature": 0.2})
    (sent,) = heard.requests
    assert sent.body == {
        "model": "m",
        "max_tokens": 9000,
        "stream": True,
        "system": [{"type": "text", "text": "You are Opta.", "cache_control": {"type": "ephemeral"}}],
        "tools": [{"name": "read_file", "description": "Read.", "input_schema": {"type": "object"}}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "read a.txt"}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "s"},
                    {"type": "tool_use", "id": "t1_c1", "name": "read_file", "input": {"path": "a.txt"}},
                ],
            },
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "t1_c1", "content": "text", "cache_control": {"type": "ephemeral"}}],
            },
        ],
        "thinking": {"type": "enabled", "budget_tokens": 2048},
    }
    head = sent.head.lower()
    assert b"x-api-key: " + KEY.encode() in head and b"anthropic-version: 2023-06-01" in head and b"authorization" not in head


def test_a_turn_whose_calls_have_no_signed_thinking_goes_on_without_thinking() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "read_file", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "y"},
    ]
    heard = Heard(lambda request: [STREAM, WHOLE], messages, max_tokens=9000, thinking="high")
    assert "thinking" not in heard.requests[0].body


@pytest.mark.parametrize(
    ("pieces", "finish", "has_cut_call"),
    [
        (TEXT + stop("end_turn"), "stop", False),
        (TEXT + stop("stop_sequence"), "stop", False),
        (TEXT + stop("max_tokens"), "length", False),
        (TEXT + CALL + stop("max_tokens"), "length", True),
        (TEXT + stop("model_context_window_exceeded"), "length", False),
        (TEXT + stop("refusal"), "content_filter", False),
        (TEXT + stop("something_new"), "stop", False),
    ],
)
def test_every_reason_for_an_end_is_known(pieces: bytes, finish: str, has_cut_call: bool) -> None:
    heard = Heard(lambda request: [STREAM, start() + pieces])
    assert heard.end is not None
    assert (heard.end.finish, heard.end.has_cut_call, [part for part in heard.parts if isinstance(part, CallPart)]) == (
        finish,
        has_cut_call,
        [],
    )


def test_a_message_that_is_not_streamed_is_heard_too() -> None:
    content = [{"type": "text", "text": "hello"}, {"type": "tool_use", "id": "a", "name": "read_file", "input": {"path": "b"}}]
    message = {
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": content,
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 3},
    }
    heard = Heard(lambda request: [whole(200, json.dumps(message).encode())])
    assert heard.text == "hello"
    assert [part for part in heard.parts if isinstance(part, CallPart)] == [CallPart("a", "read_file", '{"path":"b"}')]


ERRORS: dict[str, tuple[list[Piece], str, bool]] = {
    "overloaded": ([whole(529, b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}')], "provider_unavailable", True),
    "rate limit": ([whole(429, b'{"type":"error","error":{"type":"rate_limit_error","message":"slow"}}', "Retry-After: 3")], "provider_unavailable", True),
    "key": ([whole(401, b'{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}')], "provider_auth", False),
    "model": ([whole(404, b'{"type":"error","error":{"type":"not_found_error","message":"model: nope"}}')], "model_not_found", False),
    "too long": (
        [whole(400, b'{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}')],
        "context_overflow",
        False,
    ),
    "in the stream": ([STREAM, start(), event("error", error={"type": "overloaded_error", "message": "Overloaded"})], "provider_unavailable", True),
    "cut": ([STREAM, start() + TEXT], "stream_lost", True),
    "nothing": ([STREAM], "stream_lost", True),
    "HTML": ([whole(200, b"<html>log in</html>")], "stream_lost", True),
}  # fmt: skip


@pytest.mark.parametrize("form", ERRORS)
def test_every_error_is_in_the_same_table_as_those_of_chat_servers(form: str) -> None:
    pieces, code, is_retryable = ERRORS[form]
    heard = Heard(lambda request: pieces)
    assert heard.error is not None
    assert (heard.error.code.value, heard.error.retryable) == (code, is_retryable)
    assert KEY not in heard.error.message
    if form == "too long":
        assert heard.error.details == {"contextLimit": 200_000}


REFUSALS: dict[str, tuple[str, dict[str, Any], Callable[[dict[str, Any]], bool]]] = {
    "an effort is wanted": (
        '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort".',
        {"thinking": "high"},
        lambda body: body["thinking"] == {"type": "adaptive"} and body["output_config"] == {"effort": "high"},
    ),
    "temperature": (
        "`temperature` is deprecated for this model.",
        {"options": {"temperature": 0.1}},
        lambda body: "temperature" not in body,
    ),
    "too long an answer": (
        "max_tokens: 64000 > 32000, which is the maximum allowed number of output tokens for m",
        {"max_tokens": 64_000},
        lambda body: body["max_tokens"] == 8192,
    ),
    "no cache marks": (
        "messages.0.content.0.text.cache_control: Extra inputs are not permitted",
        {},
        lambda body: "cache_control" not in json.dumps(body),
    ),
    "thinking": (
        "adaptive thinking is not supported on this model",
        {"thinking": "high"},
        lambda body: "thinking" not in body,
    ),
    "blocks that are not as they were": (
        "messages.3.content.8: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified. "
        "These blocks must remain as they were in the original response.",
        {"thinking": "high", "max_tokens": 30_000},
        lambda body: body["thinking"] == {"type": "disabled"},
    ),
    "a block is missing": (
        "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is enabled, a final "
        "`assistant` message must start with a thinking block.",
        {"thinking": "high", "max_tokens": 30_000},
        lambda body: body["thinking"] == {"type": "disabled"},
    ),
    "a signature of another": (
        "messages.1.content.0: Invalid `signature` in `thinking` block",
        {"thinking": "high", "max_tokens": 30_000},
        lambda body: body["thinking"] == {"type": "disabled"},
    ),
}


@pytest.mark.parametrize("form", REFUSALS)
def test_a_refused_request_is_sent_again_without_what_was_refused(form: str) -> None:
    message, fields, is_right = REFUSALS[form]

    def reply(request: Request) -> list[Piece]:
        if is_right(request.body):
            return [STREAM, start() + TEXT + stop("end_turn")]
        error = {"type": "error", "error": {"type": "invalid_request_error", "message": message}}
        return [whole(400, json.dumps(error).encode())]

    heard = Heard(reply, **{"max_tokens": 20_000, **fields})
    assert (heard.text, len(heard.requests), heard.error) == ("I read it.", 3 if form == "thinking" else 2, None)


def test_a_refusal_that_nothing_helps_against_is_one_error() -> None:
    error = b'{"type":"error","error":{"type":"invalid_request_error","message":"temperature: invalid, thinking: invalid, cache_control: invalid"}}'
    heard = Heard(lambda request: [whole(400, error)], thinking="low", options={"temperature": 1.0})
    assert heard.error is not None and heard.error.code.value == "provider_error"
    assert len(heard.requests) <= 5


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": ""}],
        [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}],
        [{"role": "user", "content": "a"}, {"role": "assistant", "content": " \n"}, {"role": "user", "content": "b"}],
        [{"role": "system", "content": "s"}, {"role": "user", "content": "a"}, {"role": "system", "content": "later"}],
        [
            {
                "role": "user",
                "content": [{"type": "text", "text": "see"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}],
            }
        ],
        [{"role": "user", "content": "a"}, {"role": "tool", "tool_call_id": "é/…", "content": ""}],
        [
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "", "function": {"name": "x", "arguments": "{broken"}}]},
            {"role": "tool", "tool_call_id": "", "content": "no"},
            {"role": "user", "content": "go on"},
        ],
    ],
)
def test_whatever_the_history_holds_roles_alternate_and_no_block_is_empty(messages: list[dict[str, Any]]) -> None:
    _, found = converted(encoded(messages), with_thinking=True)
    assert [message["role"] for message in found] == ["user", "assistant", "user"][: len(found)]
    for message in found:
        for given in message["content"]:
            assert given.get("text", "x").strip() and given.get("content", "x")
            assert isinstance(given.get("input", {}), dict)
