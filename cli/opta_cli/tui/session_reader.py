"""Reads a session's events in a thread and hands them to the event loop in batches, across restarts of the daemon, each once.

A batch is what has arrived since the loop looked last. Pieces of an answer wait for a moment, so that many of them cost one wake-up.
"""

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable
from typing import Literal

from opta_core.errors import OptaError
from opta_protocol import events as e
from opta_protocol import wire
from opta_protocol.error_info import ErrorCode

from ..client import Client

AnyOne = e.AnyEvent | e.Unknown
# Lines that wait for a busy loop; further ones stay in the connection.
AHEAD_MAX = 20_000
RETRY_S = 0.5
PIECES = (e.TurnToken, e.TurnThinking, e.ToolOutput)
# The screen is drawn ten times a second, so half of that costs nobody anything.
PIECES_S = 0.05


class SessionReader:
    """Events of session `sid` after seq `after`. `on_events` and `on_connection` are called on the loop that made the reader.

    `on_connection` gets '' when the daemon answers, and else why it does not.
    """

    def __init__(
        self,
        client: Client,
        sid: str,
        after: int,
        on_events: Callable[[list[AnyOne]], None],
        on_connection: Callable[[str], None],
    ):
        self._client, self._sid, self._after = client, sid, after
        self._on_events, self._on_connection = on_events, on_connection
        # Of the caller: what is called may ask in which program it runs.
        self._loop, self._context = asyncio.get_running_loop(), contextvars.copy_context()
        self._waiting: list[AnyOne] = []
        # Whether what waits is handed over at once, or with the pieces that come meanwhile; '' when nothing waits.
        self._due: Literal["", "soon", "now"] = ""
        self._lock = threading.Condition()
        self._is_over = self._is_lost = False
        threading.Thread(target=self._read, name=f"events of {sid}", daemon=True).start()

    def close(self) -> None:
        """Hand over nothing more. The thread ends with the next line or ping of the daemon."""
        with self._lock:
            self._is_over = True
            self._waiting.clear()
            self._lock.notify_all()

    def _read(self) -> None:
        while not self._is_over:
            try:
                for line in self._client.events(self._sid, self._after, on_lost=self._lost, is_over=self._answers):
                    event = wire.decode(line)
                    self._after = event.seq
                    self._put(event)
                    if self._is_over:
                        return
            except OptaError as error:
                if error.code == ErrorCode.not_found:
                    # The session is gone: another attempt would get the same answer.
                    self._say(error.message)
                    return
                # The daemon is away for long; it may come back at any time.
                self._is_lost = True
                self._say(error.message)
                time.sleep(RETRY_S)

    def _put(self, event: AnyOne) -> None:
        with self._lock:
            while len(self._waiting) >= AHEAD_MAX and not self._is_over:
                self._lock.wait()
            self._waiting.append(event)
            is_piece = isinstance(event, PIECES) and len(self._waiting) < AHEAD_MAX
            before, self._due = self._due, "soon" if is_piece and self._due != "now" else "now"
            is_new = before != self._due
        if is_new:
            self._call(self._hand_over_soon if is_piece else self._hand_over)

    def _hand_over_soon(self) -> None:
        self._loop.call_later(PIECES_S, self._hand_over, context=self._context)

    def _hand_over(self) -> None:
        with self._lock:
            batch, self._waiting, self._due = self._waiting, [], ""
            self._lock.notify_all()
        if batch and not self._is_over:
            self._on_events(batch)

    def _lost(self) -> None:
        if not self._is_lost:
            self._is_lost = True
            self._say("the connection to the daemon is lost")

    def _answers(self) -> bool:
        """Called with every line and ping of the daemon."""
        if self._is_lost:
            self._is_lost = False
            self._say("")
        return self._is_over

    def _say(self, reason: str) -> None:
        self._call(lambda: None if self._is_over else self._on_connection(reason))

    def _call(self, function: Callable[[], object]) -> None:
        try:
            self._loop.call_soon_threadsafe(function, context=self._context)
        except RuntimeError:
            # The loop has ended, and with it who would be called.
            self._is_over = True
