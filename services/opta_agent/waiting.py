"""Says how long the model has been silent, while a turn waits for it."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Literal

from opta_core.clock import now_s
from opta_protocol.events import StepWaiting

# Seconds of silence after which it is said first, and how often then.
FIRST_S, EVERY_S = 5.0, 15.0

Phase = Literal["loading", "prompt", "answer"]


class Silence:
    """The silence of one model call. `heard` ends it; `prefill` is what the server says of the prompt it reads."""

    def __init__(self, sid: str, turn: str, step: int, emit: Callable[[StepWaiting], object], waited_s: float = 0.0):
        self._sid, self._turn, self._step, self._emit = sid, turn, step, emit
        self._since = now_s() - waited_s
        self._said_at = 0.0
        self.phase: Phase = "prompt"
        self.prefill: tuple[int, int] = (0, 0)

    def heard(self) -> None:
        """A part of the answer came."""
        self._since, self._said_at, self.phase = now_s(), 0.0, "answer"

    def look(self) -> float:
        """Say it when it is time; returns after how many seconds to look again."""
        now = now_s()
        due = self._said_at + EVERY_S if self._said_at else self._since + FIRST_S
        if now >= due:
            done, total = self.prefill
            seconds = round(now - self._since, 1)
            self._emit(
                StepWaiting(sid=self._sid, turn=self._turn, step=self._step, phase=self.phase, seconds=seconds, done=done, total=total)
            )
            self._said_at = now
            due = now + EVERY_S
        return max(0.05, due - now)


@asynccontextmanager
async def watched(silence: Silence) -> AsyncGenerator[Silence]:
    """Looks at a silence while the block runs: one timer a model call, not one a token."""
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle

    def look() -> None:
        nonlocal timer
        timer = loop.call_later(silence.look(), look)

    timer = loop.call_later(FIRST_S, look)
    try:
        yield silence
    finally:
        timer.cancel()
