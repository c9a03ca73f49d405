"""The events of one request, from the engine's callbacks to the one coroutine that reads them."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Protocol

from opta_core.errors import OptaError

from ..ipc.messages import Delta, Finished, Tokens, Vectors

# After this long without an event, iteration yields an empty list: time for a keep-alive comment.
IDLE_S = 10.0

EngineEvent = Delta | Finished | Vectors | Tokens
# (index of the choice, event)
ChoiceEvents = list[tuple[int, EngineEvent]]


class Meter(Protocol):
    """Counts what one request costs."""

    def count(self, events: ChoiceEvents) -> None:
        """The reader takes these events."""
        ...

    def close(self) -> None:
        """The request is over, complete or not."""
        ...


class EngineStream:
    """Events of all choices of a request, in order of arrival. Leaving the `with` block cancels the choices that still run.

    One reader: `async for` yields every event that arrived since the last turn, or [] after `IDLE_S` without any. Raises
    OptaError when a choice fails, after the events that arrived before.
    """

    def __init__(self, choices: int, on_close: Callable[[], None], meter: Meter | None = None):
        self._left, self._on_close, self._meter = choices, on_close, meter
        self._loop = asyncio.get_running_loop()
        self._events: ChoiceEvents = []
        self._error: OptaError | None = None
        self._reader: asyncio.Future[None] | None = None
        self._is_idle = False
        self._idle_timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> "EngineStream":
        self._idle_timer = self._loop.call_later(IDLE_S, self._on_idle)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Cancel the choices that still run."""
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        self._on_close()
        if self._meter is not None:
            self._meter.close()

    def __aiter__(self) -> "EngineStream":
        return self

    async def __anext__(self) -> ChoiceEvents:
        while not self._events:
            if self._error is not None:
                raise self._error
            if not self._left:
                raise StopAsyncIteration
            self._reader = self._loop.create_future()
            await self._reader
            if self._is_idle and not self._events and self._error is None:
                return []
        self._is_idle = False
        events, self._events = self._events, []
        if self._meter is not None:
            self._meter.count(events)
        return events

    def put(self, choice: int, event: EngineEvent) -> None:
        """An event of a choice; anything but a Delta is its last one."""
        self._left -= not isinstance(event, Delta)
        self._events.append((choice, event))
        self._wake()

    def fail(self, error: OptaError) -> None:
        """The request cannot be completed; the first error counts."""
        self._error = self._error or error
        self._wake()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def _on_idle(self) -> None:
        # One timer for the whole stream: a timer per token would cost more than the token.
        if self._is_idle:
            self._wake()
        self._is_idle = True
        self._idle_timer = self._loop.call_later(IDLE_S, self._on_idle)
