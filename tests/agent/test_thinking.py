"""Thinking that a server refuses: learnt from its error once, said once, and the turn goes on."""

import asyncio
import json
from typing import Any

import msgspec
import pytest
from support.byte_server import STREAM, ByteServer, Piece, Request, finish, say, whole
from support.limits import limit_s

from opta_agent.providers.base import ModelRequest, Notice, Part, TextPart
from opta_agent.providers.openai import OpenAiProvider

FIELDS = ("reasoning", "reasoning_effort", "chat_template_kwargs", "thinking_budget_tokens", "thinking_token_budget")
# Server -> how it refuses, in the manner of servers and gateways.
REFUSALS: dict[str, list[tuple[int, Any]]] = {
    "ollama": [(400, {"error": {"message": '"qwen2.5:7b" does not support thinking', "type": "api_error"}})],
    "cloud": [
        (400, {"error": {"message": "property 'reasoning_effort' is unsupported, did you mean 'reasoning_format'?", "type": "invalid_request_error"}}),
        (400, {"error": {"message": "Unrecognized request argument supplied: reasoning_effort", "param": None, "code": None}}),
        (400, {"error": {"message": "Unsupported value: 'reasoning_effort' does not support 'none' with this model. Supported values are: 'low', 'high'."}}),
        (400, {"error": {"message": "`reasoning_effort` must be one of `none` or `default`"}}),
        (400, {"error": {"message": "Invalid combination of reasoning_effort and thinking type: high + disabled"}}),
        (400, [{"error": {"code": 400, "message": "Budget 0 is invalid. This model only works in thinking mode.", "status": "INVALID_ARGUMENT"}}]),
        (400, {"error": {"message": "Unable to submit request because thinking is not supported by this model."}}),
    ],
    "openrouter": [
        (400, {"error": {"message": "Reasoning is mandatory for this endpoint and cannot be disabled.", "code": 400}}),
        (400, {"error": {"message": "Unknown parameter: 'reasoning'.", "param": "reasoning", "code": "unknown_parameter"}}),
    ],
    "": [
        (422, {"detail": [{"type": "extra_forbidden", "loc": ["body", "chat_template_kwargs"], "msg": "Extra inputs are not permitted"}]}),
        (400, {"error": {"message": "Failed to deserialize: unknown field `chat_template_kwargs`, expected one of `messages`, `temperature`, `tools`"}}),
        (500, {"error": {"message": "thinking_token_budget requires a reasoning config"}}),
    ],
}  # fmt: skip


def ask(server: str, status: int, refusal: Any, *, level: Any = "high") -> tuple[list[Request], list[Part], list[Part]]:
    """The requests and the parts of two answers of one provider."""

    def reply(request: Request) -> list[Piece]:
        if any(field in request.body for field in FIELDS):
            return [whole(status, json.dumps(refusal).encode())]
        return [STREAM, say("hello"), finish()]

    async def run(url: str) -> tuple[list[Part], list[Part]]:
        provider = OpenAiProvider("p", url)
        request = ModelRequest(
            model="m", messages=msgspec.Raw(b'[{"role":"user","content":"hi"}]'), tools=msgspec.Raw(b""), thinking=level, server=server
        )
        try:
            async with asyncio.timeout(limit_s(10)):
                first, second = [[part async for parts in provider.stream(request) for part in parts] for _ in range(2)]
                return first, second
        finally:
            provider.close()

    with ByteServer(reply) as running:
        first, second = asyncio.run(run(running.url))
        return running.requests, first, second


def notices(parts: list[Part]) -> list[str]:
    return [part.text for part in parts if isinstance(part, Notice)]


@pytest.mark.parametrize(("server", "status", "refusal"), [(server, *form) for server, forms in REFUSALS.items() for form in forms])
def test_a_server_that_refuses_thinking_is_asked_without_it_and_a_person_hears_of_it_once(server: str, status: int, refusal: Any) -> None:
    requests, first, second = ask(server, status, refusal)
    # One refusal, and two answers.
    assert len(requests) == 3
    assert [part.delta for part in (*first, *second) if isinstance(part, TextPart)] == ["hello", "hello"]
    (said,) = notices(first)
    assert "thinking high" in said and "p/m" in said
    assert notices(second) == []


def test_a_refusal_of_something_else_does_not_change_how_a_model_thinks() -> None:
    async def run(url: str) -> None:
        provider = OpenAiProvider("p", url)
        request = ModelRequest(
            model="m",
            messages=msgspec.Raw(b'[{"role":"user","content":"hi"}]'),
            tools=msgspec.Raw(b""),
            thinking="high",
            options={"seed": 1},
        )
        try:
            async for _ in provider.stream(request):
                pass
        finally:
            provider.close()

    def reply(request: Request) -> list[Piece]:
        if "seed" in request.body:
            return [whole(400, b'{"error":{"message":"Unsupported parameter: seed"}}')]
        return [STREAM, say("hello"), finish()]

    with ByteServer(reply) as running:
        asyncio.run(run(running.url))
        assert ["reasoning_effort" in request.body for request in running.requests] == [True, True]
