"""The time from a prompt to the request at the model server, and the content of that request."""

import asyncio
import json
from typing import Any

from figure import Figure, percentile
from gateway_client import GatewayClient
from scripted import Asked, Scripted
from support.daemon import Daemon

WARM_TURNS, LONG_TURNS = 30, 15
PAUSE_S = 0.05
# The system prompt and the twelve tools are 5,209 characters and 1,162 tokens of cl100k, which cannot be loaded here.
CHARS_A_TOKEN = 4.48


async def first_request(daemon: Daemon, server: Scripted) -> list[Figure]:
    """The first prompt of a new daemon, then a second one in the same session."""
    async with GatewayClient(daemon) as gateway:
        sid = await gateway.session(daemon)
        server.take()
        async with gateway.stream(sid) as socket:
            seen = await gateway.turn(socket, sid, "say 3")
            first = server.take(bodies=True)
            await gateway.turn(socket, sid, "say 3")
            second = server.take(bodies=True)
    body = first[0].body
    size = (len(json.dumps(body["messages"][0]["content"])) + len(json.dumps(body["tools"], separators=(",", ":")))) / CHARS_A_TOKEN
    shared = _shared_share(body, second[0].body)
    return [
        Figure("prompt -> model request, the first of a fresh daemon", 1000 * (first[0].at - seen.asked_at), "ms"),
        Figure(
            "first request: system and tools, as cl100k counts them",
            size,
            "tokens",
            110 * len(body["tools"]),
            note=f"{len(body['tools'])} tools",
        ),
        Figure("model requests before the first answer", len(first), "", 1, note="no title request"),
        Figure("turn 2: share of turn 1's request that is its prefix", 100 * shared, "%", 95, is_rate=True),
    ]


async def warm(daemon: Daemon, server: Scripted) -> Figure:
    """The time in a short session."""
    async with GatewayClient(daemon) as gateway:
        sid = await gateway.session(daemon)
        took = await _prompts(gateway, server, sid, 0, WARM_TURNS)
    return _figure("prompt -> model request, warm", took, 10)


async def long_session(daemon: Daemon, server: Scripted, sid: str, turns: int, last: int) -> list[Figure]:
    """The time in a session of many turns: the first prompt, which reads the journal, and later prompts."""
    async with GatewayClient(daemon) as gateway:
        cold = await _prompts(gateway, server, sid, last, 1)
        _, _, session = await gateway.ask("GET", f"/v3/sessions/{sid}")
        took = await _prompts(gateway, server, sid, session["lastSeq"], LONG_TURNS)
    return [
        _figure(f"prompt -> model request in a session of {turns:,} turns, warm", took, 20),
        Figure("the same, the first prompt after a start (reads the journal)", cold[0], "ms"),
    ]


async def _prompts(gateway: GatewayClient, server: Scripted, sid: str, after: int, count: int) -> list[float]:
    took: list[float] = []
    server.take()
    async with gateway.stream(sid, after) as socket:
        for _ in range(count):
            seen = await gateway.turn(socket, sid, "say 3")
            took.append(1000 * (_only(server.take()).at - seen.asked_at))
            await asyncio.sleep(PAUSE_S)
    return took


def _figure(name: str, took: list[float], bar: float) -> Figure:
    return Figure(
        name, percentile(took, 0.5), "ms", bar, note=f"p50 of {len(took)}; p95 {percentile(took, 0.95):.1f}, least {min(took):.1f} ms"
    )


def _only(asked: list[Asked]) -> Asked:
    assert len(asked) == 1, f"{len(asked)} model requests in one turn"
    return asked[0]


def _shared_share(first: dict[str, Any], second: dict[str, Any]) -> float:
    """The share of the first request's tools and messages that is a prefix of the second request."""
    one, two = (json.dumps(body["tools"]) + json.dumps(body["messages"]) for body in (first, second))
    same = next((at for at, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), len(one))
    return (same + 1) / len(one)
