"""opta models bench: time to first token, prefill and decode speed of a model, alone and concurrently. A client like any other."""

import asyncio
import random
import time

import msgspec

from opta_core.errors import Unavailable
from opta_core.net.http_client import HttpClient, HttpProblem
from opta_core.settings import LoadedSettings

from .client import open_client

ROUNDS, AT_ONCE = 5, (1, 2, 4, 8, 16)
WORDS = "sea ship wind sail rope deck mast wave salt gull port star moon tide reef bell".split()


class ConcurrencyFigures(msgspec.Struct, frozen=True, kw_only=True):
    """`at_once` concurrent requests: tokens per second of all together, and the gap between two tokens of a stream (p50, p95)."""

    at_once: int
    total: float
    gap_ms: tuple[float, float]


class ModelFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The measurements. Times are (p50, p95); `prefill`: prompt tokens per second; `again_ms`: first token of a cached prompt."""

    model: str
    prompt_tokens: int
    tokens: int
    first_ms: tuple[float, float]
    again_ms: tuple[float, float]
    prefill: float
    batches: list[ConcurrencyFigures]


class _Run(msgspec.Struct, frozen=True):
    first_s: float
    times: list[float]
    prompt_tokens: int
    tokens: int
    model: str


async def measure(loaded: LoadedSettings, model: str, *, tokens: int, prompt_words: int) -> ModelFigures:
    """Run every measurement. Raises OptaError."""
    client = open_client(loaded)
    try:
        await _answer(client, model, _prompt(8), 4)
        first = [await _answer(client, model, _prompt(prompt_words), 1) for _ in range(ROUNDS)]
        same = _prompt(prompt_words)
        again = [await _answer(client, model, same, 1) for _ in range(ROUNDS)][1:]
        batches = [await _batch(client, model, at_once, tokens) for at_once in AT_ONCE]
    except HttpProblem as problem:
        raise Unavailable(f"LMX at {client.url} closed the connection ({problem}). See LMX's log: opta daemon logs lmx") from problem
    finally:
        client.close()
    seconds = percentile([run.first_s for run in first], 0.5)
    return ModelFigures(
        model=first[0].model,
        prompt_tokens=first[0].prompt_tokens,
        tokens=tokens,
        first_ms=_ms([run.first_s for run in first]),
        again_ms=_ms([run.first_s for run in again]),
        prefill=first[0].prompt_tokens / seconds if seconds else 0.0,
        batches=batches,
    )


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` of the values lie; 0.0 of an empty list."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


async def _batch(client: HttpClient, model: str, at_once: int, tokens: int) -> ConcurrencyFigures:
    started = time.perf_counter()
    runs = await asyncio.gather(*(_answer(client, model, _prompt(24), tokens) for _ in range(at_once)))
    seconds = time.perf_counter() - started
    gaps = [later - earlier for run in runs for earlier, later in zip(run.times, run.times[1:], strict=False)]
    return ConcurrencyFigures(at_once=at_once, total=sum(run.tokens for run in runs) / seconds, gap_ms=_ms(gaps))


async def _answer(client: HttpClient, model: str, prompt: str, tokens: int) -> _Run:
    body = {
        "model": model, "messages": [{"role": "user", "content": prompt}], "max_tokens": tokens, "stream": True,
        "stream_options": {"include_usage": True}, "temperature": 1.0,
    }  # fmt: skip
    started = time.perf_counter()
    answer = await client.send("POST", "/v1/chat/completions", msgspec.json.encode(body))
    times: list[float] = []
    content = b""
    try:
        async for chunk in answer.chunks():
            times.append(time.perf_counter())
            content += chunk
    finally:
        answer.close()
    if answer.status != 200:
        raise Unavailable(f"LMX refused: {content[:300].decode(errors='replace')}")
    last = next((line for line in reversed(content.split(b"\n\n")) if b'"usage":{' in line), b"data: {}")
    end = msgspec.json.decode(last.partition(b"data: ")[2])
    usage = end.get("usage", {})
    return _Run(
        times[0] - started if times else 0.0, times, usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0), end.get("model", "")
    )


def _prompt(words: int) -> str:
    """A random prompt, so that no prefix is cached."""
    return " ".join(random.choices(WORDS, k=words)) + f" {random.random()}"


def _ms(seconds: list[float]) -> tuple[float, float]:
    return round(1000 * percentile(seconds, 0.5), 2), round(1000 * percentile(seconds, 0.95), 2)
