"""Exports each turn when it has ended: its events are read from the store, so a restart in the middle of a turn loses no part of it.

One turn at a time, behind a bounded queue: the export can neither slow a turn nor break one.
"""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Protocol

from opta_core.errors import OptaError
from opta_core.logs import Log
from opta_core.otel_settings import OtelSettings
from opta_protocol import wire
from opta_protocol.events import ENDING_NAMES, TurnStart

from .span_export import SpanExport
from .turn_spans import SpanRecord, spans_of

WAITING_MAX, TURNS_MAX, LINES_MAX = 256, 2000, 200_000
log = Log("otel")


class Sink(Protocol):
    """Takes the spans of a turn (`span_export.SpanExport`)."""

    def send(self, sid: str, turn: str, records: list[SpanRecord]) -> None: ...

    def close(self) -> None: ...


class TurnExport:
    """`after` reads lines of a session behind a seq; `make` makes the sink, in a thread, because importing the SDK takes time."""

    def __init__(
        self,
        settings: OtelSettings,
        after: Callable[[str, int], Awaitable[list[bytes]]],
        make: Callable[[OtelSettings], Sink] = SpanExport,
    ):
        self._settings, self._after, self._make = settings, after, make
        # (session, turn) -> the seq before its beginning.
        self._began: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._ended: asyncio.Queue[tuple[str, str, int]] = asyncio.Queue(WAITING_MAX)
        self._working = asyncio.create_task(self._work(), name="otel") if settings.enabled else None
        self._sink: Sink | None = None

    def take(self, lines: list[bytes]) -> None:
        """Lines of any session, as they are published."""
        if self._working is None or self._working.done():
            return
        for line in lines:
            name = wire.event_name(line)
            if name == "turn.start":
                event = wire.decode(line)
                if isinstance(event, TurnStart):
                    self._began[event.sid, event.turn] = event.seq - 1
                    if len(self._began) > TURNS_MAX:
                        self._began.popitem(last=False)
            elif name in ENDING_NAMES:
                event = wire.decode(line)
                # A turn that began before this gateway did is looked for from the session's beginning.
                with contextlib.suppress(asyncio.QueueFull):
                    self._ended.put_nowait((event.sid, event.turn, self._began.pop((event.sid, event.turn), 0)))

    async def close(self) -> None:
        """Send what is queued, for a short time, and stop."""
        if self._working is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):
                await self._ended.join()
                if self._sink is not None:
                    await asyncio.to_thread(self._sink.close)
        self._working.cancel()
        await asyncio.gather(self._working, return_exceptions=True)

    async def _work(self) -> None:
        try:
            self._sink = await asyncio.to_thread(self._make, self._settings)
        except ImportError as error:
            log.warning("otel.enabled is set, but what it needs is not installed: ./opta otel (or pip install opta[otel])", reason=error)
            return
        log.info("telemetry is exported", endpoint=self._settings.endpoint, content=self._settings.content)
        while True:
            sid, turn, seq = await self._ended.get()
            try:
                lines = await self._lines(sid, seq, turn)
                if spans := await asyncio.to_thread(self._spans, lines, turn):
                    self._sink.send(sid, turn, spans)
            except (OptaError, ValueError) as error:
                log.warning("a turn is not exported", session=sid, turn=turn, reason=error)
            finally:
                self._ended.task_done()

    def _spans(self, lines: list[bytes], turn: str) -> list[SpanRecord]:
        return spans_of(map(wire.decode, lines), turn, has_content=self._settings.content)

    async def _lines(self, sid: str, seq: int, turn: str) -> list[bytes]:
        """The lines of a session up to the end of a turn; deltas only where their content is wanted."""
        found: list[bytes] = []
        mark = f'"turn":"{turn}"'.encode()
        while page := await self._after(sid, seq):
            for line in page:
                name = wire.event_name(line)
                if mark in line[:200] and (self._settings.content or name not in ("turn.token", "turn.thinking", "tool.output")):
                    found.append(line)
                if name in ENDING_NAMES and mark in line[:200]:
                    return found
            seq = wire.decode(page[-1]).seq
            if len(found) > LINES_MAX:
                break
        return found
