"""The pace at which the output of running commands reaches an editor: each update repeats it whole, so a few in a second are enough."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from opta_protocol import events as e

EVERY_S = 0.25


class OutputPace:
    """`send` sends an update. Whatever else is said of a call replaces its output that waits."""

    def __init__(self, send: Callable[[Any], Awaitable[None]]):
        self._send = send
        self._waiting: dict[str, Any] = {}
        self._later: asyncio.Task[None] | None = None

    async def send(self, update: Any, event: Any) -> None:
        """Send an update, at once or a moment later. `event`: what it shows."""
        call = str(getattr(update, "tool_call_id", ""))
        if isinstance(event, e.ToolOutput) and "terminal_output" not in (update.field_meta or {}):
            self._waiting[call] = update
            if self._later is None or self._later.done():
                self._later = asyncio.create_task(self._flush(), name="output")
            return
        self._waiting.pop(call, None)
        await self._send(update)

    def close(self) -> None:
        """Send nothing any more."""
        if self._later is not None:
            self._later.cancel()

    async def _flush(self) -> None:
        await asyncio.sleep(EVERY_S)
        waiting, self._waiting = self._waiting, {}
        try:
            for update in waiting.values():
                await self._send(update)
        except ConnectionError:
            # The editor has gone.
            return
