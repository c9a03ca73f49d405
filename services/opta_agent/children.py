"""Sub-agents: a call of `agent` becomes a session of its own, whose last answer is the call's result.

The child session and its turn are named after the call, so an agent that takes over finds them instead of starting them again. The child's turn
is an ordinary one: the store hands it out, the gate decides on its calls in its session, and answers that were given for the parent's session do
not hold there. The store passes stops and pauses of the parent on (`opta_sessions.child_turns`); this module starts, watches and reports.

**Invariant:** the limits of all sub-agents that work, with what was used before, never exceed those of the turn that started them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from opta_core.agent_settings import AgentSettings
from opta_core.clock import now_s
from opta_core.errors import OptaError, Refused
from opta_core.logs import Log
from opta_core.transcript import Call, Turn
from opta_core.transcript_parts import Child
from opta_protocol.child_events import ChildProgress, ChildStart, ChildState
from opta_protocol.commands import AppendResult
from opta_protocol.error_info import ErrorCode
from opta_protocol.event_parts import Limits
from opta_protocol.events import Event, SessionStart, ToolCall, ToolResult, TurnPaused, TurnStart
from opta_protocol.ids import derived_session_id
from opta_protocol.permissions import Mode
from opta_protocol.tools.delegating import AGENT, Delegate

from .child_limits import limits_of
from .child_report import report_of, used_by
from .session import AgentSession
from .turn_run import TurnRun

# Sub-agents of one turn that work at the same time; more wait.
RUNNING_MAX = 4
LOOK_AGAIN_S = 5.0
RESTING = ("waiting", "paused")
ENDED = ("ok", "failed", "denied")
log = Log("children")

# A session by its id, folded up to a seq at least; the whole journal of one, folded.
Opening = Callable[[str, int], Awaitable[AgentSession]]


@dataclass
class _Delegated:
    """One call that has not ended: its state, as it was reported, and the limits that are reserved for it."""

    progress: ChildProgress = "queued"
    limits: Limits | None = None


@dataclass
class Children:
    """The sub-agents of one turn. `open_session` gives a session; `whole_turn` reads a turn of one again, with all of it; `settled`
    waits until the end of a turn of this agent is on the disk.
    """

    open_session: Opening
    settled: Callable[[str, str], Awaitable[None]]
    whole_turn: Callable[[str, str], Awaitable[Turn | None]]
    emit: Callable[[Event], Any]
    written: Callable[[Event], Awaitable[AppendResult]]
    settings: AgentSettings
    waited_s: float = field(default=0.0, init=False)
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(RUNNING_MAX), init=False)
    # One begins after the other, because each takes a share of what is left.
    _beginning: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _open: dict[str, _Delegated] = field(default_factory=dict[str, _Delegated], init=False)
    # Calls that have ended here; their results may not be back from the store.
    _ended: set[str] = field(default_factory=set[str], init=False)
    _resting_since: float = field(default=0.0, init=False)
    _is_pause_said: bool = field(default=False, init=False)

    async def run(self, run: TurnRun, call: ToolCall) -> ToolResult:
        """Run a call to its result, which is stored; or go on waiting for a child that a former agent started."""
        started = now_s()
        asked = AGENT.read(call.args)
        child = derived_session_id(f"{call.sid} {call.callId}")
        self._open[call.callId] = _Delegated()
        try:
            await self._announce(run, call, asked, child)
            async with self._slots:
                await self._until_unpaused(run)
                self._open[call.callId].progress = "running"
                turn, seq = await self._begin(run, call, asked, child)
                ended = await self._until_ended(run, call, child, turn, seq)
            report = report_of(child, ended)
            self.emit(_state(call, report.progress, report.used))
            run.tally.add_child(report.used)
            content, code = report.text, report.code
        except OptaError as error:
            self.emit(_state(call, "failed", Child(sid=child, title=asked.title)))
            content, code = f"Error: the sub-agent did not work: {error.message}", "failed"
        finally:
            del self._open[call.callId]
            self._ended.add(call.callId)
            self._note_rest(run)
        took_ms = round((now_s() - started) * 1000, 1)
        result = ToolResult(
            sid=call.sid,
            turn=call.turn,
            callId=call.callId,
            ok=not code,
            content=content,
            code=code,
            lines=content.count("\n") + 1,
            durationMs=took_ms,
        )
        self.emit(result)
        return result

    async def _announce(self, run: TurnRun, call: ToolCall, asked: Delegate, child: str) -> None:
        """Write down which session the call gets, once."""
        session = run.session
        # The journal shows the call and its decision before.
        while (known := session.call(call.turn, call.callId)) is None or known.state == "called":
            await session.changed(0.2)
        if known.child is None:
            start = ChildStart(
                sid=call.sid, turn=call.turn, callId=call.callId, childSid=child, title=asked.title, readOnly=asked.read_only
            )
            # Before there is a child: no session has one that its journal does not name.
            if (await self._insist(start)).status == "fenced":
                raise Refused("the turn has ended.")

    async def _until_unpaused(self, run: TurnRun) -> None:
        self._note_rest(run)
        while run.turn_now().state in ("pausing", "paused"):
            await run.session.changed(LOOK_AGAIN_S)
            self._note_rest(run)

    async def _begin(self, run: TurnRun, call: ToolCall, asked: Delegate, child: str) -> tuple[str, int]:
        """(turn, seq of its start) of the child's turn; both are made once, whoever asks how often. Raises OptaError."""
        async with self._beginning:
            try:
                limits = self._limits(run)
            except Refused:
                # Unless a former agent has begun it.
                if (known := await self._delegated_turn(child)) is None:
                    raise
                turn, seq, self._open[call.callId].limits = known.id, known.seq, known.limits
            else:
                turn, seq = await self._start(run, call, asked, child, limits)
                known = (await self.open_session(child, seq)).transcript.turn(turn)
                limits = known.limits or limits if known is not None else limits
                self._open[call.callId].limits = limits
            return turn, seq

    async def _delegated_turn(self, child: str) -> Turn | None:
        try:
            session = await self.open_session(child, 0)
        except OptaError:
            return None
        return next((turn for turn in session.transcript.turns if turn.role == "agent"), None)

    async def _start(self, run: TurnRun, call: ToolCall, asked: Delegate, child: str, limits: Limits) -> tuple[str, int]:
        parent, turn = run.session.transcript, run.turn
        mode = Mode.plan if asked.read_only or turn.mode is Mode.plan else Mode.do
        model = turn.model or parent.model
        start = SessionStart(
            sid=child,
            title=asked.title,
            cwd=parent.cwd,
            mode=mode,
            level=turn.level,
            model=model,
            policy=parent.policy,
            trusted=parent.trusted,
            interactive=parent.interactive,
            folder=parent.folder,
            parent=call.sid,
            parentTurn=call.turn,
            parentCall=call.callId,
            depth=parent.depth + 1,
        )
        made = await self._insist(start)
        if made.error is not None:
            known = (await self.open_session(child, 0)).transcript
            if (known.parent, known.parentCall) != (call.sid, call.callId):
                raise Refused(f"Session s-{child} exists already, and is another one. Make the call again.", code=ErrorCode.conflict)
        prompt = TurnStart(
            sid=child,
            role="agent",
            text=asked.task,
            mode=mode,
            level=turn.level,
            model=model,
            # The same for every try, so that the first one counts.
            key=f"agent {call.callId}",
            body="agent",
            limits=limits,
        )
        while True:
            accepted = await self._insist(prompt)
            if accepted.error is not None:
                raise OptaError(accepted.error.message, code=accepted.error.code)
            # When an acknowledgement is lost, the next one says that it was written, and not as which turn.
            if accepted.turn:
                return accepted.turn, accepted.seq

    def _limits(self, run: TurnRun) -> Limits:
        """What the next child may use. Raises Refused when nothing is left."""
        left = run.tally.left(run.limits, run.waited_s())
        reserved = [known.limits for known in self._open.values() if known.limits is not None]
        sharing = sum(known.name == AGENT.name and self._is_unlimited(known) for known in _calls_of(run.turn_now()))
        return limits_of(self.settings, run.limits, left, reserved, max(1, sharing))

    def _is_unlimited(self, known: Call) -> bool:
        """Whether a call of the step has yet to get its limits."""
        begun = self._open.get(known.id)
        return known.state not in ENDED and known.id not in self._ended and (begun is None or begun.limits is None)

    async def _insist(self, event: Event) -> AppendResult:
        """The store's answer to an event that it takes once, however often it is sent."""
        while True:
            try:
                return await self.written(event)
            except OptaError as error:
                if not error.retryable:
                    raise
                log.warning("child not stored yet", session=event.sid, reason=error.message)

    async def _until_ended(self, run: TurnRun, call: ToolCall, child: str, turn_id: str, seq: int) -> Turn:
        """Watch the child's turn to its end, and report each change in the session that started it. Raises OptaError: the child is gone."""
        said: ChildState | None = None
        # Questions that were reported, by their seq.
        reported: set[int] = set()
        news = asyncio.Event()
        while True:
            news.clear()
            # Asked for anew each time: a lease that was lost for a moment makes another session of it.
            session = await self.open_session(child, seq)
            turn = session.transcript.turn(turn_id)
            # One that is not there any more has ended, and a later turn runs in the child.
            if turn is None or turn.endedAt:
                break
            for state in _due(self._states(call, child, turn, session), said, reported):
                self.emit(state)
                said = state
            self._open[call.callId].progress = said.state if said is not None else "running"
            self._note_rest(run)
            session.watchers.add(news)
            try:
                async with asyncio.timeout(LOOK_AGAIN_S):
                    await news.wait()
            except TimeoutError:
                pass
            finally:
                session.watchers.discard(news)
        # What a parent hears is on the disk: until then the end could still be lost.
        await self.settled(child, turn_id)
        if turn is None:
            turn = await self._read_turn(child, turn_id)
        if turn is None:
            raise Refused(f"its turn is not in s-{child} any more.")
        return turn

    async def _read_turn(self, child: str, turn_id: str) -> Turn | None:
        while True:
            try:
                return await self.whole_turn(child, turn_id)
            except OptaError as error:
                if not error.retryable:
                    raise

    def _states(self, call: ToolCall, child: str, turn: Turn, session: AgentSession) -> list[ChildState]:
        """What to report of a child now: each question, and otherwise its step."""
        used, asked = used_by(child, turn), sorted(session.asked.values())
        if asked:
            return [_state(call, "waiting", used, seq, text) for seq, text in asked]
        return [_state(call, "paused" if turn.state == "paused" else "running", used)]

    def _note_rest(self, run: TurnRun) -> None:
        """Count the time in which every sub-agent that works waits for a person; and say that a turn is paused once all of them are."""
        working = [known.progress for known in self._open.values() if known.progress != "queued"]
        if self._resting_since:
            self.waited_s += now_s() - self._resting_since
        turn = run.turn_now()
        is_pausing = turn.state in ("pausing", "paused")
        is_resting = bool(self._open) and all(state in RESTING for state in working) and (bool(working) or is_pausing)
        self._resting_since = now_s() if is_resting else 0.0
        if not is_pausing:
            self._is_pause_said = False
        elif not self._is_pause_said and self._open and all(state == "paused" for state in working) and self._is_all(turn):
            self._is_pause_said = True
            self.emit(TurnPaused(sid=run.session.sid, turn=turn.id, step=run.step))

    def _is_all(self, turn: Turn) -> bool:
        """Whether nothing but sub-agents is under way in the step."""
        return all(call.name == AGENT.name or call.state in ENDED for call in _calls_of(turn))


def _calls_of(turn: Turn) -> list[Call]:
    return turn.steps[-1].calls if turn.steps else []


def _state(call: ToolCall, progress: ChildProgress, used: Child, ask_seq: int = 0, asks: str = "") -> ChildState:
    return ChildState(
        sid=call.sid,
        turn=call.turn,
        callId=call.callId,
        childSid=used.sid,
        state=progress,
        childTurn=used.turn,
        step=used.step,
        calls=used.calls,
        tokens=used.tokens,
        asks=asks,
        askSeq=ask_seq,
    )


def _due(states: list[ChildState], said: ChildState | None, reported: set[int]) -> list[ChildState]:
    """Which states of a child are news: each question once; one that was reported before, when it is the one that is left."""
    if not states[0].askSeq:
        return states if states[0] != said else []
    due = [state for state in states if state.askSeq not in reported]
    reported.update(state.askSeq for state in due)
    is_shown = said is not None and said.askSeq in {state.askSeq for state in states}
    return due or ([] if is_shown else states[:1])
