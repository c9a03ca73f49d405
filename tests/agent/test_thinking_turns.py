"""Turns of models that think, through each type of provider: thinking is streamed and counted apart, and kept for the running turn."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec
from support.byte_server import STREAM, ByteServer, Piece, Request, finish, use
from support.byte_server import event as chat_event
from support.in_process_lmx import ScriptedEngine, in_process_lmx
from support.story import Story

from opta_agent.model_options import ModelOptions
from opta_agent.providers.anthropic import AnthropicProvider
from opta_agent.providers.base import CallPart, End, ModelRequest, Part, TextPart, Thinking
from opta_agent.providers.http_provider import HttpProvider
from opta_agent.providers.openai import OpenAiProvider
from opta_lmx.ipc.messages import Delta, EngineMessage, Finished
from opta_protocol import events as e


class Connected:
    """A provider whose connections live as long as one answer, so that it can be made before the loop of the turn."""

    name, host = "p", "nowhere"

    def __init__(self, make: Callable[[], HttpProvider]):
        self._make = make

    async def stream(self, request: ModelRequest) -> AsyncGenerator[list[Part], None]:
        provider = self._make()
        try:
            async with aclosing(provider.stream(request)) as stream:
                async for parts in stream:
                    yield parts
        finally:
            provider.close()


def play(make: Callable[[str], HttpProvider], answers: list[bytes]) -> tuple[Story, list[dict[str, Any]]]:
    """A turn with these answers, and the bodies of its requests."""
    left = list(answers)

    def reply(request: Request) -> list[Piece]:
        return [STREAM, left.pop(0)]

    with ByteServer(reply) as server:
        story = Story()
        story.play(Connected(lambda: make(server.url)), options=ModelOptions(thinking="high", answer_tokens=9000))
        return story, [request.body for request in server.requests]


def heard(story: Story) -> tuple[str, str, list[int]]:
    """(text, thinking, thinking tokens of each step)"""
    text = "".join(event.delta for event in story.events if isinstance(event, e.TurnToken))
    thinking = "".join(event.delta for event in story.events if isinstance(event, e.TurnThinking))
    return text, thinking, [event.thinkingTokens for event in story.events if isinstance(event, e.StepDone)]


def message_event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def block(at: int, start: dict[str, Any], *deltas: dict[str, Any]) -> bytes:
    pieces = [message_event("content_block_delta", index=at, delta=delta) for delta in deltas]
    return (
        message_event("content_block_start", index=at, content_block=start)
        + b"".join(pieces)
        + message_event("content_block_stop", index=at)
    )


def message(reason: str, *blocks: bytes) -> bytes:
    begin = message_event("message_start", message={"type": "message", "model": "model", "content": [], "usage": {"input_tokens": 50}})
    end = message_event("message_delta", delta={"stop_reason": reason}, usage={"output_tokens": 40}) + message_event("message_stop")
    return begin + b"".join(blocks) + end


def test_signed_thinking_is_given_back_before_its_call_while_the_turn_runs() -> None:
    thinking = block(
        0,
        {"type": "thinking", "thinking": ""},
        {"type": "thinking_delta", "thinking": "First "},
        {"type": "thinking_delta", "thinking": "look."},
        {"type": "signature_delta", "signature": "sig"},
    )
    call = block(
        1,
        {"type": "tool_use", "id": "toolu_1", "name": "list_dir", "input": {}},
        {"type": "input_json_delta", "partial_json": '{"path":'},
        {"type": "input_json_delta", "partial_json": '"."}'},
    )
    text = block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": "Done."})
    story, bodies = play(lambda url: AnthropicProvider("p", url), [message("tool_use", thinking, call), message("end_turn", text)])
    said, thought, counted = heard(story)
    assert (said, thought) == ("Done.", "First look.")
    assert 0 < counted[0] < 40 and counted[1] == 0
    assert [body["thinking"] for body in bodies] == [{"type": "enabled", "budget_tokens": 7976}] * 2
    (again,) = [given for given in bodies[1]["messages"] if given["role"] == "assistant"]
    assert [given["type"] for given in again["content"]] == ["thinking", "tool_use"]
    assert again["content"][0] == {"type": "thinking", "thinking": "First look.", "signature": "sig"}
    assert again["content"][1]["input"] == {"path": "."}
    # The prefix that the server keeps: tools and system are the same bytes.
    assert bodies[0]["system"] == bodies[1]["system"] and bodies[0].get("tools") == bodies[1].get("tools")


def test_reasoning_goes_back_in_the_field_that_it_came_in_and_is_counted_as_the_server_counts_it() -> None:
    thinks = chat_event({"choices": [{"delta": {"reasoning_content": "First look."}}]})
    call = use({"index": 0, "id": "c1", "function": {"name": "list_dir", "arguments": "{}"}})
    usage = {"prompt_tokens": 50, "completion_tokens": 40, "completion_tokens_details": {"reasoning_tokens": 31}}
    answer = chat_event({"choices": [{"delta": {"content": "Done."}}]})
    story, bodies = play(lambda url: OpenAiProvider("p", url), [thinks + call + finish("tool_calls", usage), answer + finish("stop")])
    assert heard(story) == ("Done.", "First look.", [31, 0])
    assert [body["chat_template_kwargs"]["enable_thinking"] for body in bodies] == [True, True]
    (again,) = [given for given in bodies[1]["messages"] if given["role"] == "assistant"]
    assert again["reasoning_content"] == "First look."


def test_lmx_streams_thinking_text_and_a_call_through_its_messages_api(tmp_path: Path) -> None:
    def think(order: Any) -> list[EngineMessage]:
        id_ = order.id
        pieces = [Delta(id=id_, thinking="I "), Delta(id=id_, thinking="look."), Delta(id=id_, text="Here "), Delta(id=id_, text="it is:")]
        call = [Delta(id=id_, name="list_dir", arguments='{"pa'), Delta(id=id_, arguments='th":"."}')]
        return [*pieces, *call, Finished(id=id_, finish="stop", prompt_tokens=9, completion_tokens=8, thinking_tokens=3, cached_tokens=4)]

    (tmp_path / "models/tiny").mkdir(parents=True)
    (tmp_path / "models/tiny/config.json").write_text('{"model_type":"qwen3"}')
    tool = {"name": "list_dir", "input_schema": {"type": "object"}}
    body = {"model": "tiny", "max_tokens": 99, "stream": True, "messages": [{"role": "user", "content": "x"}], "tools": [tool]}
    with in_process_lmx(tmp_path, lambda config, send: ScriptedEngine(send, think)) as lmx, lmx.client() as client:
        answer = client.post("/v1/messages", json=body)
        assert answer.status_code == 200, answer.text
        content = answer.content
    chat_tool = {"type": "function", "function": {"name": "list_dir", "parameters": {"type": "object"}}}
    request = ModelRequest(
        model="tiny", messages=msgspec.Raw(b'[{"role":"user","content":"x"}]'), tools=msgspec.Raw(msgspec.json.encode([chat_tool]))
    )

    async def parts_of(url: str) -> list[Part]:
        return [part async for parts in Connected(lambda: AnthropicProvider("p", url)).stream(request) for part in parts]

    for size in (1, 3, 7, len(content)):
        pieces = [content[at : at + size] for at in range(0, len(content), size)]
        with ByteServer(lambda request, pieces=pieces: [STREAM, *pieces]) as server:
            parts = asyncio.run(parts_of(server.url))
        assert "".join(part.delta for part in parts if isinstance(part, Thinking)) == "I look."
        assert "".join(part.delta for part in parts if isinstance(part, TextPart)) == "Here it is:"
        (call,) = [part for part in parts if isinstance(part, CallPart)]
        assert (call.name, json.loads(call.arguments)) == ("list_dir", {"path": "."})
        (end,) = [part for part in parts if isinstance(part, End)]
        assert end.usage is not None
        # Not signed, so nothing of it is given back.
        assert (end.finish, end.usage.prompt, end.usage.cached, end.usage.completion, end.thinking_blocks) == ("tool_calls", 9, 4, 8, ())
