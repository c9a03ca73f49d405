"""Clients of the LMX bench: unique prompts, streams with the time of every piece, and many connections at once."""

import asyncio
import contextlib
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec

from opta_core.net.http_client import HttpClient

CHAT = "/v1/chat/completions"
# Tokens that the template of the bench's model adds to one message, and to each further one.
AROUND_TOKENS, AROUND_MORE_TOKENS = 3, 2
HUNG_S = 60.0


class _Delta(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta


class _Usage(msgspec.Struct):
    prompt_tokens: int
    completion_tokens: int


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: Any = None


_decode = msgspec.json.Decoder(_Chunk).decode


class Words:
    """Random text. Each character is one token of the bench's model."""

    def __init__(self, seed: int):
        self._random = random.Random(seed)

    def text(self, length: int) -> str:
        """Random text of `length` characters."""
        return "".join(self._random.choices("abcdefghijklmnopqrstuvwxyz ", k=length))

    def prompt(self, tokens: int) -> str:
        """A message that makes a prompt of `tokens` tokens."""
        return self.text(tokens - AROUND_TOKENS)


@dataclass
class StreamTiming:
    """A stream as its client sees it: time of the request, arrival times of the pieces, and the final token counts."""

    asked_at: float = 0.0
    arrivals: list[float] = field(default_factory=list[float])
    done_at: float = 0.0
    prompt_tokens: int = 0
    tokens: int = 0

    @property
    def first_s(self) -> float:
        """Seconds to the first piece of text."""
        return self.arrivals[0] - self.asked_at

    def worst_gap_s(self, since: float, until: float) -> float:
        """The longest time without a piece, of the gaps that overlap the given interval."""
        pairs = zip(self.arrivals, self.arrivals[1:], strict=False)
        return max((after - before for before, after in pairs if after > since and before < until), default=0.0)


def request(text: str, max_tokens: int, *, system: str = "") -> bytes:
    """The body of a streaming chat request with greedy sampling."""
    before = [{"role": "system", "content": system}] if system else []
    return msgspec.json.encode(
        {
            "messages": [*before, {"role": "user", "content": text}],
            "max_tokens": max_tokens,
            "temperature": 0,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    )


async def stream(client: HttpClient, body: bytes, timing: StreamTiming | None = None) -> StreamTiming:
    """Send a request and read the response to its end; `timing` is updated meanwhile. Raises RuntimeError for an incomplete answer."""
    timing = timing or StreamTiming()
    timing.asked_at = time.perf_counter()
    answer = await client.send("POST", CHAT, body)
    with contextlib.closing(answer):
        if answer.status != 200:
            raise RuntimeError(f"{client.url} said {answer.status}: {(await answer.read(500)).decode(errors='replace')}")
        rest = b""
        async for content in answer.chunks():
            now = time.perf_counter()
            *lines, rest = (rest + content).split(b"\n\n")
            for line in lines:
                if line.startswith(b"data: {"):
                    _take(timing, _decode(line[6:]), now)
    timing.done_at = time.perf_counter()
    if not timing.tokens:
        raise RuntimeError(f"{client.url} broke off after {len(timing.arrivals)} pieces")
    return timing


def _take(timing: StreamTiming, chunk: _Chunk, now: float) -> None:
    if chunk.error is not None:
        raise RuntimeError(f"the stream failed: {chunk.error}")
    if chunk.usage is not None:
        timing.prompt_tokens, timing.tokens = chunk.usage.prompt_tokens, chunk.usage.completion_tokens
    if any(choice.delta.content for choice in chunk.choices):
        timing.arrivals.append(now)


@dataclass(frozen=True)
class Knock:
    """The result of one connection: a status (0: nothing within a minute, -1: refused or cut), and the time of the first byte."""

    status: int
    first_byte_s: float


async def flood(port: int, count: int) -> list[Knock]:
    """Send `count` small requests at once, each on a separate connection."""
    words = Words(count)
    return await asyncio.gather(*(_knock(port, request(words.text(20), 8)) for _ in range(count)))


def statuses(knocks: list[Knock]) -> str:
    """The number of results per status."""
    names = {0: "hung", -1: "cut"}
    return ", ".join(f"{count} × {names.get(status, status)}" for status, count in Counter(knock.status for knock in knocks).most_common())


def slowest(knocks: list[Knock]) -> str:
    """The slowest first byte per status."""
    found: dict[int, float] = {}
    for knock in knocks:
        if knock.status > 0:
            found[knock.status] = max(found.get(knock.status, 0.0), knock.first_byte_s)
    return ", ".join(f"{status}: {seconds:.2f} s" for status, seconds in sorted(found.items()))


async def _knock(port: int, body: bytes) -> Knock:
    head = (
        f"POST {CHAT} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    started = time.perf_counter()
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(HUNG_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head.encode() + body)
            line = await reader.readline()
            first_byte_s = time.perf_counter() - started
            await reader.read()  # a response that never ends does not count
            return Knock(int(line.split()[1]), first_byte_s) if line else Knock(-1, first_byte_s)
    except TimeoutError:
        return Knock(0, HUNG_S)
    except OSError:
        return Knock(-1, time.perf_counter() - started)
    finally:
        if writer is not None:
            writer.close()
