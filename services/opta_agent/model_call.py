"""One model call: its stream becomes events; a lost stream is retried, a silent route is left for its fallback."""

import asyncio
import re
from contextlib import aclosing
from dataclasses import dataclass
from itertools import groupby
from typing import cast

import msgspec

from opta_core.clock import now_s
from opta_core.errors import OptaError
from opta_core.transcript import Step
from opta_protocol.error_info import ErrorCode
from opta_protocol.events import StepDone, StepStart, TurnThinking, TurnThought, TurnToken
from opta_protocol.ids import share

from .model_options import ModelOptions
from .model_request import build_request, is_spent, options_of, thinking_left
from .providers.base import CallPart, End, Finish, ModelRequest, Notice, Part, Prefill, TextPart, Thinking, Thought, Usage
from .runaway import Runaway
from .thinking_budget import SPENT, ThinkingBudget, ThinkingSpent, spent
from .turn_run import TurnRun
from .waiting import Silence, watched

ATTEMPTS_MAX = 4
RETRY_DELAYS_S = (0.2, 1.0, 2.5)
RETRY_AFTER_MAX_S = 30.0
# A server that loads its model is asked again for so long.
LOADING_S, LOADING_RETRY_S = 300.0, 3.0
# Failures without any part of an answer, after which a configured fallback is taken.
SILENT_MAX = 2
# No text has so many bytes for each token; the system prompt and the tools alone are not looked at.
TRUNCATION_BYTES_A_TOKEN, TRUNCATION_BYTES_MIN = 12, 12_000
# No model reads so little; a server that counts fewer does not count.
TRUNCATED_TOKENS_MIN = 256
# From this many parts in one read, neighbours are joined: nobody sees them one by one, and each would cost every process its share.
JOINED_FROM = 32
_IMAGES = re.compile(r"\bimages?\b|image_url|vision|multi-?modal|mmproj", re.IGNORECASE)


@dataclass
class ModelAnswer:
    """A whole answer of a model. `has_text`, `has_thinking`: whether there is any besides space; the transcript may not have it yet."""

    calls: list[CallPart]
    end: End
    usage: Usage
    has_text: bool
    has_thinking: bool


async def call_model(run: TurnRun) -> ModelAnswer:
    """Get one whole answer; every further attempt raises `run.attempt`, a fallback replaces `run.route`.

    Raises OptaError when the error cannot be retried, or after `ATTEMPTS_MAX` attempts on one route.
    """
    tries = silent = 0
    loading_since = 0.0
    # Images that the server may have refused.
    hidden: list[str] = []
    while True:
        route = run.route
        run.emit(
            StepStart(
                sid=run.session.sid,
                turn=run.turn.id,
                step=run.step,
                attempt=run.attempt,
                provider=route.provider.name,
                model=route.model,
                host=route.provider.host,
                contextLimit=route.context_limit,
                nudge=run.nudge,
                steers=run.take_steers(),
                limits=run.limits_to_say(),
            )
        )
        options = options_of(run)
        stream = _Stream(run, thinking_left(run, options))
        images = {} if hidden else await _visible_images(run)
        try:
            answer = await stream.read(build_request(run, options, images))
            _remember_refused(run, hidden)
            return answer
        except ThinkingSpent as error:
            _end_thinking(run, options, error)
        except OptaError as error:
            if images and not stream.first_at and _may_be_about_images(error):
                hidden = list(images)
                run.warn(
                    "images", f"{route.provider.name}/{route.model} did not take the attached images, and goes on without: {error.message}"
                )
                run.attempt += 1
                continue
            is_loading = bool(error.details.get("isLoading"))
            if is_loading and not stream.first_at and now_s() - (loading_since := loading_since or now_s()) < LOADING_S:
                run.attempt += 1
                await _wait_for_loading(run, error, now_s() - loading_since)
                continue
            tries += 1
            silent = 0 if stream.first_at else silent + 1
            is_dead = bool(error.details.get("isUnreachable"))
            fallback = route.fallback_after(is_dead=is_dead) if silent >= SILENT_MAX else None
            if fallback is None and (not error.retryable or tries >= ATTEMPTS_MAX):
                raise
            run.attempt += 1
            if fallback is not None:
                run.switch(f"{route.provider.name}/{route.model}", fallback, error.message)
                tries = silent = 0
                hidden = []
                continue
            run.warn(error.code, f"{error.message} Trying again.")
            wait_s = error.retry_after_s or RETRY_DELAYS_S[min(tries, len(RETRY_DELAYS_S)) - 1]
            # Spread out, so that requests that were refused together do not come back together.
            await asyncio.sleep(min(wait_s, RETRY_AFTER_MAX_S) * (1 + 0.2 * share()))


async def _visible_images(run: TurnRun) -> dict[str, bytes]:
    """The images of this prompt that the route's model may see."""
    images, route = run.collaborators.images, run.route
    if images is None or route.vision is False or not (names := run.session.history.images(run.turn_now())):
        return {}
    return await images.encoded(names, route.provider.name, route.model)


def _may_be_about_images(error: OptaError) -> bool:
    """Whether a request may have failed because of its images: the server says so, or refuses the request for good."""
    if error.code in (ErrorCode.provider_auth, ErrorCode.context_overflow):
        return False
    return bool(_IMAGES.search(error.message)) or (error.code == ErrorCode.provider_error and not error.retryable)


def _remember_refused(run: TurnRun, hidden: list[str]) -> None:
    # Only now is it known that it was because of them.
    if run.collaborators.images is not None:
        run.collaborators.images.refused.update((run.route.provider.name, run.route.model, name) for name in hidden)


def step_done(run: TurnRun, answer: ModelAnswer) -> StepDone:
    """The event that makes an answer whole: what a later agent finds before it is asked for again."""
    usage = answer.usage
    return StepDone(
        sid=run.session.sid,
        turn=run.turn.id,
        step=run.step,
        tokens=usage.completion,
        promptTokens=usage.prompt,
        cachedTokens=usage.cached,
        thinkingTokens=usage.thinking,
        finish=answer.end.finish,
        contextUsed=usage.prompt + usage.completion,
        contextLimit=run.route.context_limit,
        thinkingField=answer.end.thinking_field,
        thinkingBlocks=list(answer.end.thinking_blocks),
        model=_reported(answer.end.model, run.route.model),
        hasCutCall=answer.end.has_cut_call,
    )


def stored_answer(step: Step) -> ModelAnswer:
    """The whole answer without calls that a former agent stored."""
    usage = Usage(prompt=step.promptTokens, completion=step.tokens, cached=step.cachedTokens, thinking=step.thinkingTokens)
    finish = cast("Finish", step.finish)
    return ModelAnswer([], End(finish, usage, step.hasCutCall), usage, bool(step.text.strip()), bool(step.thinking.strip()))


def _end_thinking(run: TurnRun, options: ModelOptions, error: ThinkingSpent) -> None:
    """The model thought for longer than it may: it is asked again, to answer now. Raises OptaError the second time."""
    budget = options.thinking_budget
    run.tally.thinking_tokens += error.tokens
    if is_spent(run):
        raise spent(budget)
    run.warn("thinking_budget", f"The model used its {budget} tokens for thinking (thinking-budget) and is asked to answer now.")
    run.nudge = f"{run.nudge} {SPENT}".strip()
    run.attempt += 1


async def _wait_for_loading(run: TurnRun, error: OptaError, waited_s: float) -> None:
    """The server loads the model: say so, and give it a moment."""
    silence = Silence(run.session.sid, run.turn.id, run.step, run.emit, waited_s)
    silence.phase = "loading"
    async with watched(silence):
        silence.look()
        await asyncio.sleep(min(error.retry_after_s or LOADING_RETRY_S, RETRY_AFTER_MAX_S))


class _Stream:
    """One attempt: its parts become events as they come. `first_at`: when the first one came, 0 before."""

    def __init__(self, run: TurnRun, thinking_left: int | None):
        self._run = run
        # Looked up once, not at each token.
        self._sid, self._turn, self._step, self._attempt = run.session.sid, run.turn.id, run.step, run.attempt
        self._emit, self._fold = run.collaborators.emit, run.session.say
        self.first_at = 0.0
        self._deltas = 0
        self._has_text = self._has_thinking = False
        self._calls: list[CallPart] = []
        self._end: End | None = None
        self._silence = Silence(self._sid, self._turn, self._step, self._emit)
        self._runaway = Runaway()
        self._thinking = ThinkingBudget(thinking_left)
        # Characters of text and of calls.
        self._said_chars = 0

    async def read(self, request: ModelRequest) -> ModelAnswer:
        """The whole answer. Raises OptaError when the stream is lost, or never ends."""
        run, asked_at = self._run, now_s()
        async with watched(self._silence), aclosing(run.route.provider.stream(request)) as stream:
            async for parts in stream:
                if not all(isinstance(part, Notice | Prefill) for part in parts):
                    self.first_at = self.first_at or now_s()
                    self._silence.heard()
                self._deltas += sum(isinstance(part, TextPart | Thinking) for part in parts)
                for part in joined(parts) if len(parts) >= JOINED_FROM else parts:
                    self._take(part)
                await run.collaborators.backpressure()
        assert self._end is not None
        usage = self._with_thinking(self._end.usage or Usage(completion=self._deltas))
        run.tally.add_answer(usage, asked_at, self.first_at, run.route.context_limit)
        self._look_for_truncation(usage, len(request.messages) + len(request.tools) - request.image_bytes)
        return ModelAnswer(self._calls, self._end, usage, self._has_text, self._has_thinking)

    def _with_thinking(self, usage: Usage) -> Usage:
        """The counts, with those of the reasoning by its share of the answer where the server does not count it apart."""
        thought = self._thinking.chars
        if usage.thinking or not thought:
            return usage
        said = self._said_chars + sum(len(call.name) + len(call.arguments) for call in self._calls)
        share = round(usage.completion * thought / (thought + said)) if usage.completion else self._thinking.tokens
        return msgspec.structs.replace(usage, thinking=max(1, share))

    def _look_for_truncation(self, usage: Usage, size: int) -> None:
        """Some servers cut the beginning of a prompt off and say nothing: then they count far fewer tokens than were sent."""
        read = usage.prompt + usage.cached
        if self._step == 1 and size > TRUNCATION_BYTES_MIN and TRUNCATED_TOKENS_MIN < read < size / TRUNCATION_BYTES_A_TOKEN:
            self._run.warn(
                "truncated",
                f"{self._run.route.provider.name} read only {read} tokens of about {size // 4}: it cut the beginning of the conversation off. "
                "Raise the context of its model (Ollama: num_ctx).",
            )

    def _take(self, part: Part) -> None:
        match part:
            case TextPart(delta):
                self._runaway.say(delta)
                self._said_chars += len(delta)
                self._has_text = self._has_text or not delta.isspace()
                self._say(TurnToken(sid=self._sid, turn=self._turn, delta=delta))
            case Thinking(delta):
                self._runaway.think(delta)
                self._thinking.think(delta)
                self._has_thinking = self._has_thinking or not delta.isspace()
                self._say(TurnThinking(sid=self._sid, turn=self._turn, delta=delta))
            case Thought():
                self._has_text, self._has_thinking = False, self._has_thinking or self._has_text
                self._thinking.chars, self._said_chars = self._thinking.chars + self._said_chars, 0
                self._say(TurnThought(sid=self._sid, turn=self._turn))
            case Prefill():
                self._silence.prefill = (part.done, part.total)
            case Notice(text):
                self._run.warn_once("provider", text)
            case CallPart():
                self._calls.append(part)
            case End():
                self._end = part

    def _say(self, event: TurnToken | TurnThinking | TurnThought) -> None:
        self._emit(event)
        self._fold(event, self._step, self._attempt)


def _reported(model: str, asked: str) -> str:
    """The name under which a server answered, when it is another one than was asked for; '' otherwise."""
    return model if model.isprintable() and model not in (asked, f"{asked}:latest") else ""


def joined(parts: list[Part]) -> list[Part]:
    """The same parts, with neighbours of one kind joined into one."""
    found: list[Part] = []
    for kind, group in groupby(parts, type):
        if kind is TextPart or kind is Thinking:
            found.append(kind("".join(part.delta for part in group if isinstance(part, TextPart | Thinking))))
        else:
            found += group
    return found
