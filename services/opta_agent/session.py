"""What the agent knows of one session: its transcript, and who waits for which event in it."""

import asyncio
from collections.abc import Callable

from opta_core.transcript import Call, Transcript
from opta_protocol import wire
from opta_protocol.events import (
    AnyEvent,
    PermissionDecision,
    SessionCancelled,
    ToolCall,
    ToolResult,
    TurnDone,
    TurnError,
    TurnStopping,
    Unknown,
)

Event = AnyEvent | Unknown


class Session:
    """Folds every line as it comes; `next_event` wakes whoever waits."""

    def __init__(self, sid: str):
        self.sid = sid
        self.transcript = Transcript()
        self.granted: set[str] = set()
        self.on_stop: Callable[[str, str], None] | None = None
        self.on_end: Callable[[str], None] | None = None
        self._results: dict[str, ToolResult] = {}
        self._decisions: dict[str, PermissionDecision] = {}
        self._changed = asyncio.Event()

    def take(self, first: int, lines: list[bytes]) -> None:
        """Lines from the feed, in order."""
        for line in lines:
            event = wire.decode(line)
            self.transcript.apply(event)
            match event:
                case ToolResult():
                    self._results[event.callId] = event
                case PermissionDecision():
                    if event.requestId:
                        self._decisions[event.requestId] = event
                    if event.scope == "session" and event.decision == "allow" and (call := self.call(event.turn, event.callId)):
                        self.granted.add(call.name)
                case ToolCall():
                    pass
                case TurnDone() | TurnError() | SessionCancelled() if self.on_end is not None:
                    self.on_end(event.turn)
                case TurnStopping() if self.on_stop is not None:
                    self.on_stop(event.turn, event.by)
                case _:
                    continue
            self._changed.set()

    def call(self, turn_id: str, call_id: str) -> Call | None:
        """A call of a turn."""
        turn = self.transcript.turn(turn_id)
        steps = turn.steps if turn else []
        return next((call for step in reversed(steps) for call in step.calls if call.id == call_id), None)

    def result(self, call_id: str) -> ToolResult | None:
        """The stored result of a call, if it ended."""
        return self._results.get(call_id)

    def decision(self, request_id: str) -> PermissionDecision | None:
        """The stored answer to a question, if there is one."""
        return self._decisions.get(request_id)

    async def changed(self, timeout_s: float) -> None:
        """Wait for the next result or decision, at most `timeout_s`."""
        self._changed.clear()
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            pass
