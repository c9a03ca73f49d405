"""One session as the full-screen terminal follows it: its transcript, its open questions, and what is asked of the daemon.

**Invariant:** it knows no widget. What is shown is the fold of stored events (`opta_core.transcript`), so a reconnect changes nothing.
"""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import msgspec

from opta_core.errors import OptaError, Refused
from opta_core.fold import Fold
from opta_core.transcript import Transcript
from opta_core.transcript_parts import Call, Steer, Turn
from opta_protocol import events as e
from opta_protocol import wire
from opta_protocol.error_info import ErrorCode
from opta_protocol.http import EventPage, Session, SessionDetails

from ..async_client import AsyncClient
from ..client import Client, new_key
from .open_question import OpenAsk, of_call, of_child
from .session_reader import AnyOne, SessionReader

LATEST = 10**15
# Of a session with so many events, the last turns are shown before the daemon has folded the others; END_EVENTS hold a screen of them.
LONG_EVENTS, END_EVENTS = 2_000, 1_500
_DELTAS = (e.TurnToken, e.TurnThinking, e.ToolOutput, e.StepWaiting)
# Of the running turn, as `Session.activeTurn`.
ACTIVE = frozenset({"running", "pausing", "stopping", "paused"})


def _read(client: Client, path: str) -> tuple[dict[str, Any], Transcript]:
    """A session and its transcript. A long one is decoded as what it is at once: by way of dictionaries it takes five times as long."""
    session = msgspec.json.decode(client.raw("GET", f"{path}?atSeq={LATEST}"), type=SessionDetails)
    return _facts(session), msgspec.json.decode(session.transcript, type=Transcript)


def _read_end(client: Client, path: str) -> tuple[dict[str, Any], Transcript] | None:
    """A long session with its last turns alone, which the daemon need not fold; None for a short one."""
    session = msgspec.json.decode(client.raw("GET", path), type=Session)
    if session.lastSeq < LONG_EVENTS:
        return None
    page = client.raw("GET", f"/v3/sessions/{session.id}/events?afterSeq={max(0, session.lastSeq - END_EVENTS)}&limit={END_EVENTS}")
    fold = Fold(Transcript(sid=session.id, cwd=session.cwd))
    for line in msgspec.json.decode(page, type=EventPage).events:
        fold.apply(wire.decode(bytes(line)))
    return (_facts(session), fold.transcript) if fold.transcript.turns else None


def _facts(session: Session | SessionDetails) -> dict[str, Any]:
    return {name: str(getattr(session, name)) for name in ("id", "title", "cwd", "mode", "model", "level")}


class LiveSession:
    """`settings`: mode, model and level of the next turn, and the folder; those of the session once it exists.

    `on_change(is_urgent)`: something has changed; not urgent are pieces of an answer. `on_connection(reason)`: '' when it is good.
    """

    def __init__(
        self,
        client: Client,
        settings: dict[str, Any],
        on_change: Callable[[bool], None],
        on_connection: Callable[[str], None],
    ):
        self.client, self.requests = client, AsyncClient(client)
        self.settings = settings
        self.sid = self.title = ""
        self._fold = Fold()
        # False while only the last turns of a long session are known.
        self.is_whole = True
        # How many sessions were asked for, and which of them was shown last, to drop one whose answer comes late.
        self._asked = self._opening = 0
        self._on_change, self._on_connection = on_change, on_connection
        self._reader: SessionReader | None = None
        # Permission questions as they were asked, by id.
        self._questions: dict[str, e.PermissionRequest] = {}
        self.lost = ""
        self.waiting: e.StepWaiting | None = None
        # Pieces of the answer since the start, for the rate.
        self.pieces = 0

    # what it is -------------------------------------------------------------------------------------

    @property
    def transcript(self) -> Transcript:
        """All that is known of the session."""
        return self._fold.transcript

    @property
    def active(self) -> Turn | None:
        """The turn that runs or is paused."""
        return next((turn for turn in reversed(self.transcript.turns) if turn.state in ACTIVE), None)

    @property
    def running(self) -> Turn | None:
        """The turn that runs."""
        turn = self.active
        return turn if turn is not None and turn.state != "paused" else None

    @property
    def queued(self) -> list[Turn]:
        """Turns that wait for the one that runs."""
        return [turn for turn in self.transcript.turns if turn.state == "queued"]

    @property
    def unread(self) -> list[Steer]:
        """Words for the running turn that no model has read."""
        turn = self.active
        return [steer for steer in turn.steers if not steer.step] if turn is not None else []

    @property
    def asked(self) -> list[OpenAsk]:
        """The open questions, the oldest first: permissions, questions of the model, and those of sub-agents."""
        turn = self.active
        if turn is None:
            return []
        return [
            found for step in turn.steps for call in step.calls if (found := of_call(self.sid, turn, call, self._questions)) is not None
        ]

    @property
    def plan_turn(self) -> str:
        """The last turn, when it came to a plan that nobody has accepted; '' else."""
        last = self.transcript.turns[-1] if self.transcript.turns else None
        is_plan = last is not None and last.mode == "plan" and last.state == "done" and (last.stats or {}).get("finish") == "stop"
        return last.id if last is not None and is_plan else ""

    @property
    def resumable(self) -> str:
        """The last turn, when it did not come to its end; '' else."""
        last = self.transcript.turns[-1] if self.transcript.turns else None
        if last is None or last.state not in ("error", "cancelled", "done"):
            return ""
        return last.id if last.state != "done" or (last.stats or {}).get("finish") != "stop" else ""

    def call(self, call_id: str) -> tuple[Turn, Call] | None:
        """A call with its turn."""
        for turn in reversed(self.transcript.turns):
            for step in turn.steps:
                for call in step.calls:
                    if call.id == call_id:
                        return turn, call
        return None

    # opening ----------------------------------------------------------------------------------------

    async def open(self, name: str) -> None:
        """Show another session, with all that has happened in it. Raises OptaError."""
        path = f"/v3/sessions/{quote(name, safe='')}"
        self._asked += 1
        number = self._asked
        end = await asyncio.to_thread(_read_end, self.client.another(), path)
        # One that was asked for later is shown already. One that cannot be read takes no other one away.
        if number < self._opening:
            return
        self._opening = number
        if end is not None:
            self._show(*end)
            self.is_whole = False
            self._on_change(True)
        try:
            whole = await asyncio.to_thread(_read, self.client.another(), path)
        except OptaError:
            if end is not None and self._opening == number:
                self.begin(*end)
            raise
        if self._opening == number:
            self.begin(*whole)

    def begin(self, session: dict[str, Any], transcript: Transcript) -> None:
        """Follow a session from the end of its transcript."""
        self._show(session, transcript)
        self._reader = SessionReader(self.client.another(), self.sid, transcript.lastSeq, self.take, self.report)
        self._on_change(True)

    def _drop_opening(self) -> None:
        """No session that was asked for before is shown any more."""
        self._asked += 1
        self._opening = self._asked

    def _show(self, session: dict[str, Any], transcript: Transcript) -> None:
        self.close()
        self.sid, self.title = str(session["id"]), str(session["title"])
        self._fold, self.waiting, self.is_whole = Fold(transcript), None, True
        self.settings = {name: str(session[name]) for name in ("cwd", "mode", "model", "level")}

    def reset(self, settings: dict[str, Any]) -> None:
        """Show an empty session, which is made with its first message."""
        self.close()
        self._drop_opening()
        self.sid = self.title = ""
        self._fold, self.settings, self.waiting, self.is_whole = Fold(), settings, None, True
        self._on_change(True)

    def close(self) -> None:
        """Follow nothing more."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def take(self, events: list[AnyOne]) -> None:
        """Fold further events."""
        is_urgent = False
        for event in events:
            self._fold.apply(event)
            self.pieces += isinstance(event, e.TurnToken | e.TurnThinking)
            if isinstance(event, e.StepWaiting):
                self.waiting = event
            elif not isinstance(event, _DELTAS):
                is_urgent = True
                self._note(event)
            else:
                self.waiting = None
        self._on_change(is_urgent)

    def _note(self, event: AnyOne) -> None:
        self.waiting = None
        if isinstance(event, e.PermissionRequest):
            self._questions[event.requestId] = event
        elif isinstance(event, e.PermissionDecision):
            self._questions.pop(event.requestId, None)
        elif isinstance(event, e.SessionUpdated):
            self.title = str(event.changes.get("title", self.title))
            self.settings |= {name: str(value) for name, value in event.changes.items() if name in ("mode", "model", "level")}

    def report(self, reason: str) -> None:
        """Why the daemon does not answer; '' when it does."""
        self.lost = reason
        self._on_connection(reason)

    # requests ---------------------------------------------------------------------------------------

    async def send(self, text: str, *, attachments: list[str] | None = None, **fields: Any) -> str:
        """Submit a prompt; it waits while another turn runs. Makes the session first. Returns the turn's id. Raises OptaError."""
        if not self.sid:
            body = {name: value for name, value in self.settings.items() if value}
            session = await self.requests.post("/v3/sessions", {**body, "interactive": True})
            self._drop_opening()
            self.begin(session, Transcript(sid=session["id"], cwd=session["cwd"]))
        more = {**fields, **({"attachments": attachments} if attachments else {})}
        return await self.requests.submit(self.sid, text, **more)

    async def steer(self, text: str) -> None:
        """Add words to the running turn. When it has just ended, they are a prompt. Raises OptaError."""
        try:
            await self.requests.post(f"{self.path}/steer", {"text": text}, new_key())
        except OptaError as error:
            if error.code != ErrorCode.conflict:
                raise
            await self.send(text)

    async def control(self, action: str, body: dict[str, Any] | None = None) -> Any:
        """POST .../{action}: stop, pause, resume, compact, clear, fork … Raises OptaError."""
        return await self.requests.post(f"{self.path}/{action}", body or {}, "" if action == "stop" else new_key())

    async def change(self, **settings: str) -> None:
        """Change the session's title, mode, model or level; of one that is not made yet, for its beginning. Raises OptaError."""
        if self.sid:
            await self.requests.ask("PATCH", self.path, settings)
        else:
            self.settings |= settings
            self._on_change(True)

    async def answer(self, asked: OpenAsk, body: dict[str, Any]) -> None:
        """Answer a question. Raises OptaError, also when another client was first."""
        kind = "permissions" if asked.permission is not None else "questions"
        path = f"/v3/sessions/{quote(asked.sid, safe='')}/{kind}/{quote(asked.id, safe='')}"
        await self.requests.post(path, {**body, "client": "the terminal"})

    async def of_child(self, asked: OpenAsk) -> OpenAsk:
        """The question of a sub-agent in full. Raises OptaError."""
        if not asked.child_seq:
            return asked
        path = f"/v3/sessions/{quote(asked.sid, safe='')}/events"
        found = (await self.requests.get(path, afterSeq=asked.child_seq - 1, limit=1))["events"]
        if not found:
            raise Refused("The sub-agent's question is not there any more.")
        return of_child(asked, found[0])

    @property
    def path(self) -> str:
        """Of the session. Raises Refused before there is one."""
        if not self.sid:
            raise Refused("There is no session yet: write a message first.")
        return f"/v3/sessions/{self.sid}"
