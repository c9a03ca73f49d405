"""A quick measurement of a model of LMX: how fast it reads prompts and writes answers at a few lengths, by requests like any other.

One runs at a time, because two would measure each other. The last results are kept in the home. Nothing is estimated: what was not
measured has no figure, and says why.
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, NamedTuple

import msgspec

from opta_core.background import Background
from opta_core.clock import utc_now
from opta_core.errors import OptaError, Refused, Unavailable
from opta_core.logs import Log
from opta_core.net.http_client import HttpClient, HttpProblem
from opta_core.net.lmx_endpoint import ask, client_of, endpoint_of, key_of
from opta_core.paths import Paths
from opta_core.records import RecordFile
from opta_core.secrets.vault import Vault
from opta_core.settings import Settings
from opta_protocol.error_info import ErrorCode
from opta_protocol.http_models import BenchList, BenchPoint, ModelBench
from opta_protocol.lmx import LmxModelDetails, LmxModelList

# Tokens of the prompts, and of each answer.
LENGTHS, ANSWER_TOKENS = (512, 2048, 8192), 64
# Fewer tokens say more of the machine's mood than of the model's speed.
RATED_TOKENS_MIN = 8
LOOK_S, REQUEST_S = 5.0, 180.0
# A prompt that would be read for longer is left out.
PROMPT_S_MAX = 60.0
RESULTS_MAX = 20
# The words of two short prompts: what they have in tokens says how many words a prompt of some length needs.
SCALE_WORDS = (8, 32)
# Left free in the context for the chat template.
TEMPLATE_TOKENS = 64
WORDS = "sea ship wind sail rope deck mast wave salt gull port star moon tide reef bell".split()
TASK = "Write these words again, each in a sentence of its own."

log = Log("bench")
Connect = Callable[[Settings], Awaitable[HttpClient]]


class ModelBenches:
    """The measurement that runs, and the results of those before. `connect` makes a client of LMX, which the measurement closes."""

    def __init__(self, paths: Paths, connect: Connect | None = None):
        self._connect = connect or _connector(paths)
        self._kept = RecordFile(paths.lmx / "benches.json", msgspec.json.Decoder(list[ModelBench]), list[ModelBench])
        self._running: ModelBench | None = None
        self._background = Background()

    def shown(self) -> BenchList:
        """The one that runs, and the results, the newest first. Reads a file."""
        return BenchList(running=self._running, results=self._kept.read())

    async def start(self, model: str, settings: Settings) -> ModelBench:
        """Begin to measure a model, which is loaded for it. Raises Refused, Unavailable."""
        self._refuse_second()
        client = await self._connect(settings)
        try:
            listed = await ask(client, "GET", "/v1/models", None, LmxModelList, LOOK_S)
            known = next((each for each in listed.data if each.id == model), None)
            if known is None:
                raise Refused(f"LMX has no model {model[:80]!r}.", code=ErrorCode.not_found)
            if known.capability == "embedding":
                raise Refused(f"{model} computes vectors and writes no answers, so that there is no speed to measure.")
            self._refuse_second()
        except BaseException:
            client.close()
            raise
        self._running = ModelBench(model=model, at=utc_now(), state="running", planned=lengths_of(known), host=settings.lmx.host)
        self._background.start(self._measure(client, self._running), f"bench of {model}")
        return self._running

    async def stop(self) -> BenchList:
        """End the measurement; what it has measured is kept."""
        await self._background.close()
        return await asyncio.to_thread(self.shown)

    async def close(self) -> None:
        """End the measurement, because this process ends."""
        await self._background.close()

    def _refuse_second(self) -> None:
        if self._running is not None:
            raise Refused(
                f"{self._running.model} is being measured. Stop that first: two would measure each other.", code=ErrorCode.conflict
            )

    async def _measure(self, client: HttpClient, bench: ModelBench) -> None:
        began = time.monotonic()

        def note(**changes: Any) -> ModelBench:
            assert self._running is not None
            changes["elapsedS"] = round(time.monotonic() - began, 1)
            self._running = msgspec.structs.replace(self._running, **changes)
            return self._running

        try:
            # Loads the model, and compiles what its first requests need.
            few, more = [(await _answer(client, bench.model, words, words, 4)).tokens for words in SCALE_WORDS]
            scale, rate = _Scale.of(few, more), 0.0
            note(isLoaded=True)
            for length in bench.planned:
                point = await _point(client, bench.model, length, scale.words(length), rate)
                rate = point.promptPerS or rate
                note(points=[*(self._running.points if self._running else []), point])
            note(state="done")
        except asyncio.CancelledError:
            note(state="stopped", reason="It was stopped.")
            raise
        except OptaError as error:
            note(state="failed", reason=error.message)
        finally:
            client.close()
            ended = self._running
            # Kept first: who sees that nothing runs finds the result.
            if ended is not None and (ended.points or ended.state == "failed"):
                self._keep(ended)
            self._running = None

    def _keep(self, ended: ModelBench) -> None:
        try:
            self._kept.write([ended, *self._kept.read()][:RESULTS_MAX])
        except OSError as error:
            log.warning("result not kept", model=ended.model, reason=error.strerror)


def lengths_of(model: LmxModelDetails) -> list[int]:
    """The lengths of prompts that fit into a model's context; for a small one, half of it."""
    spare = (model.context_length or max(LENGTHS) * 2) - ANSWER_TOKENS - TEMPLATE_TOKENS
    return [length for length in LENGTHS if length <= spare] or [max(16, spare // 2)]


class _Scale(NamedTuple):
    """Tokens of a prompt by its words: tokenizers have one token for a word, or one for each of its bytes."""

    tokens_a_word: float
    tokens_around: float

    @classmethod
    def of(cls, few: int, more: int) -> "_Scale":
        """From the tokens that prompts of SCALE_WORDS had."""
        fewest, most = SCALE_WORDS
        each = max((more - few) / (most - fewest), 0.1)
        return cls(each, max(0.0, few - each * fewest))

    def words(self, tokens: int) -> int:
        """So many words make a prompt of so many tokens."""
        return max(1, round((tokens - self.tokens_around) / self.tokens_a_word))


async def _point(client: HttpClient, model: str, length: int, words: int, rate: float) -> BenchPoint:
    """One request. `rate`: tokens of a prompt a second, as measured before, 0 before the first."""
    if rate and length / rate > PROMPT_S_MAX:
        return BenchPoint(wanted=length, problem=f"left out: its prompt would be read for about {length / rate:.0f} s")
    try:
        return await _answer(client, model, length, words, ANSWER_TOKENS)
    except Refused as refusal:
        return BenchPoint(wanted=length, problem=refusal.message)


async def _answer(client: HttpClient, model: str, length: int, words: int, tokens: int) -> BenchPoint:
    body = {
        "model": model, "messages": [{"role": "user", "content": _prompt(words)}], "max_tokens": tokens, "stream": True,
        "stream_options": {"include_usage": True}, "temperature": 1.0,
    }  # fmt: skip
    started = time.perf_counter()
    first = last = 0.0
    usage: dict[str, Any] = {}
    try:
        async with asyncio.timeout(REQUEST_S), aclosing(_events(client, body)) as events:
            async for event in events:
                now = time.perf_counter()
                if any(
                    choice.get("delta", {}).keys() & {"content", "reasoning_content", "tool_calls"} for choice in event.get("choices", [])
                ):
                    first, last = first or now, now
                usage = event.get("usage") or usage
    except TimeoutError:
        raise Unavailable(f"{model} did not answer within {REQUEST_S:g} s.") from None
    prompt = usage.get("prompt_tokens", 0)
    details: dict[str, int] = usage.get("prompt_tokens_details") or {}
    cached = details.get("cached_tokens", 0)
    written = usage.get("completion_tokens", 0)
    is_rated = written >= RATED_TOKENS_MIN and last > first
    return BenchPoint(
        wanted=length,
        tokens=prompt,
        firstTokenS=round(first - started, 3) if first else 0.0,
        promptPerS=round((prompt - cached) / (first - started), 1) if first else 0.0,
        tokensPerS=round((written - 1) / (last - first), 1) if is_rated else 0.0,
        answerTokens=written,
        problem="" if is_rated or tokens < RATED_TOKENS_MIN else f"its answer had {written} tokens, too few for a speed",
    )


async def _events(client: HttpClient, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
    """The events of a streamed answer. Raises Refused: LMX refuses the request; Unavailable: it fails, or breaks off."""
    try:
        answer = await client.send("POST", "/v1/chat/completions", msgspec.json.encode(body))
    except HttpProblem as problem:
        raise Unavailable(f"LMX does not answer ({problem}).") from problem
    rest = b""
    try:
        async for chunk in answer.chunks():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if answer.status == 200 and line.startswith(b"data: {"):
                    event = msgspec.json.decode(line[6:], type=dict[str, Any])
                    if "error" in event:
                        raise Unavailable(_message(event))
                    yield event
    except HttpProblem as problem:
        raise Unavailable(f"LMX closed the connection ({problem}).") from problem
    except msgspec.DecodeError as problem:
        raise Unavailable(f"LMX's answer cannot be read ({problem}).") from problem
    finally:
        answer.close()
    if answer.status != 200:
        raise _refusal(answer.status, rest)


def _refusal(status: int, content: bytes) -> OptaError:
    try:
        message = _message(msgspec.json.decode(content, type=dict[str, Any]))
    except msgspec.DecodeError:
        message = f"LMX answered with status {status}."
    return Refused(message) if status in (400, 413, 422) else Unavailable(message)


def _message(event: dict[str, Any]) -> str:
    error: Any = event.get("error")
    return str(error.get("message", "LMX failed.") if isinstance(error, dict) else error)[:500]  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]


def _prompt(words: int) -> str:
    """A random text, so that no prefix of it is cached."""
    return f"{random.random()} {' '.join(random.choices(WORDS, k=words))}\n{TASK}"


def _connector(paths: Paths) -> Connect:
    async def connect(settings: Settings) -> HttpClient:
        vault = Vault(paths, allows_file=settings.vault_file)
        endpoint = await asyncio.to_thread(endpoint_of, settings, paths)
        return client_of(endpoint, await asyncio.to_thread(key_of, endpoint, vault))

    return connect
