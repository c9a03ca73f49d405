"""An open question of a session, followed while a person is asked on this terminal: another client may answer first."""

import contextlib
import threading
from collections.abc import Callable
from typing import Any, Protocol

from opta_core.clock import seconds_until
from opta_core.errors import OptaError
from opta_protocol import events as e
from opta_protocol import wire

from .client import Client


class AskedEvent(Protocol):
    """An event that asks: of a permission, or of the model."""

    @property
    def sid(self) -> str: ...

    @property
    def seq(self) -> int: ...

    @property
    def turn(self) -> str: ...

    @property
    def expiresAt(self) -> str: ...


class QuestionWatch:
    """`said` gives the words for the event that answers it, '' for any other; `late` says that nobody did."""

    def __init__(self, client: Client, asked: AskedEvent, said: Callable[[Any], str], late: str):
        self._asked, self._said, self._late = asked, said, late
        self._reason, self._is_closed = "", False
        threading.Thread(target=self._follow, args=(client,), name="watch", daemon=True).start()

    def over(self) -> str:
        """Why the question is void; '' while it is open."""
        if self._reason:
            return self._reason
        with contextlib.suppress(ValueError):
            if seconds_until(self._asked.expiresAt) <= 0:
                return self._late
        return ""

    def close(self) -> None:
        """Stop following the session."""
        self._is_closed = True

    def _follow(self, client: Client) -> None:
        with contextlib.suppress(OptaError):
            for line in client.events(self._asked.sid, self._asked.seq, is_over=lambda: self._is_closed):
                event = wire.decode(line)
                self._reason = self._said(event)
                if not self._reason and isinstance(event, e.ENDINGS) and event.turn == self._asked.turn:
                    self._reason = "The turn has ended, so the question is void."
                if self._reason or self._is_closed:
                    return
