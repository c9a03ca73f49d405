"""Sub-agents on the terminal of the session that started them: one line that says how far they are, and their questions."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import msgspec

from opta_core.errors import OptaError
from opta_protocol import events as e
from opta_protocol import wire
from opta_protocol.child_events import ChildStart, ChildState

from . import ask_user, question
from .client import Client
from .plain_text import plain_line

TITLE_CHARS_MAX = 30
_ENDED = frozenset({"done", "limit", "failed", "stopped"})


class ChildLines:
    """The sub-agents of one turn. `cwd`: the folder, which is the same for all."""

    def __init__(self, client: Client, cwd: str):
        self._client, self._cwd = client, cwd
        self._titles: dict[str, str] = {}
        self._states: dict[str, ChildState] = {}
        # Questions that were shown, as (session, seq): an open one is reported again when another was answered.
        self._shown: set[tuple[str, int]] = set()

    def begin(self, event: ChildStart) -> str:
        """A sub-agent was started; its title."""
        self._titles[event.callId] = event.title
        return event.title

    def take(self, event: ChildState) -> None:
        """A sub-agent has come further."""
        if event.state in _ENDED:
            self._states.pop(event.callId, None)
        else:
            self._states[event.callId] = event

    def is_worth_a_line(self, event: ChildState) -> bool:
        """Whether a place that only adds lines shows it: not each step."""
        return event.state in _ENDED or event.state in ("waiting", "paused")

    def one(self, event: ChildState) -> str:
        """A sub-agent on one line."""
        return f"  ↳ {self._said(event)}" + (f": {event.asks}" if event.asks else "")

    def all(self) -> str:
        """All that work, on one line; '' for none."""
        return f"  ↳ {' · '.join(self._said(state) for state in self._states.values())}" if self._states else ""

    def answer(self, event: ChildState, say: Callable[[str], None]) -> None:
        """Put a sub-agent's question to the person, once; the answer goes to the sub-agent's session."""
        key = event.childSid, event.askSeq
        if not event.askSeq or key in self._shown:
            return
        self._shown.add(key)
        try:
            asked = self._question(event)
        except OptaError as error:
            say(f"! The question of s-{event.childSid} cannot be shown: {error.message}")
            return
        say(f"  Sub-agent “{plain_line(self._titles.get(event.callId, ''))}” (s-{event.childSid}) of s-{event.sid} asks:")
        if isinstance(asked, e.PermissionRequest):
            question.answer(self._client, asked, self._cwd)
        elif isinstance(asked, e.QuestionAsked):
            ask_user.answer(self._client, asked)

    def _question(self, event: ChildState) -> Any:
        path = f"/v3/sessions/{quote(event.childSid, safe='')}/events"
        found = self._client.get(path, afterSeq=event.askSeq - 1, limit=1)["events"]
        return wire.decode(msgspec.json.encode(found[0])) if found else None

    def _said(self, event: ChildState) -> str:
        title = self._titles.get(event.callId, f"s-{event.childSid}")
        title = title if len(title) <= TITLE_CHARS_MAX else f"{title[: TITLE_CHARS_MAX - 1]}…"
        how = {"running": f"step {event.step}" if event.step else "begins", "waiting": "asks you"}.get(event.state, event.state)
        return f"{title}: {how}"
