"""One model call: its stream becomes events; a lost stream is retried, a silent route is left for its fallback."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from itertools import groupby

from opta_core.clock import now_s
from opta_core.errors import OptaError
from opta_protocol.events import StepStart, TurnThinking, TurnToken
from opta_protocol.ids import share

from .providers.base import CallPart, End, ModelRequest, Part, TextPart, Thinking, Usage
from .turn_run import TurnRun

ATTEMPTS_MAX = 4
RETRY_DELAYS_S = (0.2, 1.0, 2.5)
RETRY_AFTER_MAX_S = 30.0
# Failures without any part of an answer, after which a configured fallback is taken.
SILENT_MAX = 2
# From this many parts in one read, neighbours are joined: nobody sees them one by one, and each would cost every process its share.
JOINED_FROM = 32


@dataclass
class ModelAnswer:
    """A whole answer of a model."""

    calls: list[CallPart]
    finish: str


async def call_model(run: TurnRun) -> ModelAnswer:
    """Get one whole answer; every further attempt raises `run.attempt`, a fallback replaces `run.route`.

    Raises OptaError when the error cannot be retried, or after `ATTEMPTS_MAX` attempts on one route.
    """
    messages = run.session.history.messages(run.session.transcript, run.turn, cut_off=run.attempt > 1)
    tries = silent = 0
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
            )
        )
        stream = _Stream(run)
        tools = run.offered.encoded(run.session, run.turn, route.tools)
        try:
            return await stream.read(ModelRequest(model=route.model, messages=messages, tools=tools, session=run.session.sid))
        except OptaError as error:
            tries += 1
            silent = 0 if stream.first_at else silent + 1
            fallback = route.fallback if silent >= SILENT_MAX else None
            if fallback is None and (not error.retryable or tries >= ATTEMPTS_MAX):
                raise
            run.attempt += 1
            if fallback is not None:
                run.switch(f"{route.provider.name}/{route.model}", fallback, error.message)
                tries = silent = 0
                continue
            run.warn(error.code, f"{error.message} Trying again.")
            wait_s = error.retry_after_s or RETRY_DELAYS_S[min(tries, len(RETRY_DELAYS_S)) - 1]
            # Spread out, so that requests that were refused together do not come back together.
            await asyncio.sleep(min(wait_s, RETRY_AFTER_MAX_S) * (1 + 0.2 * share()))


class _Stream:
    """One attempt: its parts become events as they come. `first_at`: when the first one came, 0 before."""

    def __init__(self, run: TurnRun):
        self._run = run
        # Looked up once, not at each token.
        self._sid, self._turn, self._step, self._attempt = run.session.sid, run.turn.id, run.step, run.attempt
        self._emit, self._fold = run.collaborators.emit, run.session.say
        self.first_at = 0.0
        self._deltas = 0
        self._calls: list[CallPart] = []
        self._end: End | None = None

    async def read(self, request: ModelRequest) -> ModelAnswer:
        """The whole answer. Raises OptaError when the stream is lost."""
        run, asked_at = self._run, now_s()
        async with aclosing(run.route.provider.stream(request)) as stream:
            async for parts in stream:
                self.first_at = self.first_at or now_s()
                self._deltas += sum(isinstance(part, TextPart | Thinking) for part in parts)
                for part in joined(parts) if len(parts) >= JOINED_FROM else parts:
                    self._take(part)
                await run.collaborators.backpressure()
        assert self._end is not None
        usage = self._end.usage or Usage(completion=self._deltas)
        run.tally.add_answer(usage, asked_at, self.first_at, run.route.context_limit)
        return ModelAnswer(self._calls, self._end.finish)

    def _take(self, part: Part) -> None:
        match part:
            case TextPart(delta):
                self._say(TurnToken(sid=self._sid, turn=self._turn, delta=delta))
            case Thinking(delta):
                self._say(TurnThinking(sid=self._sid, turn=self._turn, delta=delta))
            case CallPart():
                self._calls.append(part)
            case End():
                self._end = part

    def _say(self, event: TurnToken | TurnThinking) -> None:
        self._emit(event)
        self._fold(event, self._step, self._attempt)


def joined(parts: list[Part]) -> list[Part]:
    """The same parts, with neighbours of one kind joined into one."""
    found: list[Part] = []
    for kind, group in groupby(parts, type):
        if kind is TextPart or kind is Thinking:
            found.append(kind("".join(part.delta for part in group if isinstance(part, TextPart | Thinking))))
        else:
            found += group
    return found
