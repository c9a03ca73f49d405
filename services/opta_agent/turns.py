"""The turns this agent runs: takes them from the store, runs each in a task, writes each one's ending.

Wiring only. A turn handed to this boot is run once; a stop cancels its task and the ending says so.
"""

import asyncio
import functools
from collections.abc import Callable
from typing import cast

import msgspec

from opta_core import mcp_servers
from opta_core.attachments import AttachmentFolder
from opta_core.bus.bus import Frames
from opta_core.bus.outbox import Outbox
from opta_core.bus.store_client import StoreClient
from opta_core.bus.subscription import Subscription, Subscriptions
from opta_core.errors import OptaError
from opta_core.fold import fold
from opta_core.logs import Log, current_session, current_turn
from opta_core.process.process import ServiceContext
from opta_core.settings import LiveSettings, environment
from opta_core.transcript import Turn
from opta_protocol import wire
from opta_protocol.commands import Held, Hello, Work
from opta_protocol.error_info import ErrorCode
from opta_protocol.events import Event, SessionCancelled, TurnError
from opta_protocol.topics import STORE_CMD

from .children import Children
from .folder_facts import FolderLooks
from .gate import Network, PermissionGate
from .gate_environment import GateEnvironment
from .hook_client import WorkerHooks
from .hooks import Hooks
from .images import Images
from .loop import run_turn
from .router import Routes
from .session import AgentSession
from .skill_list import SkillLooks
from .snapshot_client import SnapshotClient
from .toolbox import WorkerToolbox
from .turn_run import Collaborators, TurnLimits
from .user_questions import Questions
from .workspace_texts import WorkspaceTexts

HELLO_S, HELLO_IDLE_S = 0.2, 2.0
FENCED_S = 1.0
# Sessions whose transcripts stay folded between turns.
WARM_MAX = 64

_work = msgspec.json.Decoder(Work)
_encode = msgspec.json.Encoder().encode
_INFERENCE = {
    ErrorCode.provider_unavailable,
    ErrorCode.provider_error,
    ErrorCode.provider_auth,
    ErrorCode.model_not_found,
    ErrorCode.context_overflow,
    ErrorCode.stream_lost,
    ErrorCode.engine_lost,
    ErrorCode.no_answer,
}
# A turn is logged so long after it began.
LOG_S = 0.02
log = Log("turns")


class Turns:
    """The agent's side of `store.cmd`."""

    def __init__(self, context: ServiceContext, store: StoreClient, subscriptions: Subscriptions, outbox: Outbox, router: Routes):
        self._boot, self._incarnation, self._settings = context.boot, context.incarnation, context.settings
        self._store, self._subscriptions, self._outbox, self._router = store, subscriptions, outbox, router
        live = LiveSettings(context.settings, context.paths)
        self._hooks = WorkerHooks(context.bus)
        self._configured = live
        self._toolbox = WorkerToolbox(context.bus, outbox, lambda: mcp_servers.are_any(live(), context.paths))
        self.last_offered = self._toolbox.last_offered
        readable = (*self._settings.sandbox.read, context.paths.shown(context.paths.skills))
        self._machine = GateEnvironment(context.paths, environment().get("PATH", ""), self._toolbox, readable)
        self._skills = SkillLooks(context.paths)
        self._texts = WorkspaceTexts(context.bus, self._machine)
        self._attachments = AttachmentFolder(context.paths.attachments)
        self._images = Images(self._attachments)
        self._folders = FolderLooks()
        self._running: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._ended: set[tuple[str, str]] = set()
        # Why a task was cancelled: who asked for the stop, or '' when the store ended the turn itself.
        self._stopping: dict[tuple[str, str], str] = {}
        # A task that is cancelled before its first line never runs one, not even to say so.
        self._begun: set[tuple[str, str]] = set()
        self._writing: set[tuple[str, str]] = set()
        self._warm: dict[str, tuple[AgentSession, Subscription]] = {}
        self._snapshots = SnapshotClient(store)
        self._dealer = context.bus.dealer(STORE_CMD, self._on_work)
        outbox.on_fenced = self._on_fenced
        self.done = 0
        # Called when a turn begins or has ended.
        self.on_change: Callable[[], None] | None = None

    def hello(self) -> None:
        """Tell the store what really runs."""
        running = [Held(sid=sid, turn=turn) for sid, turn in self._running]
        self._dealer.send([_encode(Hello(service="agent", boot=self._boot, incarnation=self._incarnation, running=running))])

    @property
    def running(self) -> int:
        """How many turns run now."""
        return len(self._running)

    async def close(self) -> None:
        """Leave running turns open: the next agent adopts them."""
        for task in self._running.values():
            task.cancel("leaving")
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        await self._snapshots.close()
        await self._outbox.drained(2)

    def _on_work(self, frames: Frames) -> None:
        for held in _work.decode(frames[0]).turns:
            key = (held.sid, held.turn)
            if key not in self._running and key not in self._ended:
                task = asyncio.create_task(self._run(held), name=f"turn {held.sid} {held.turn}")
                self._running[key] = task
                self.hello()
                self._changed()

    async def _run(self, held: Held) -> None:
        key = (held.sid, held.turn)
        self._begun.add(key)
        current_session.set(held.sid)
        current_turn.set(held.turn)
        ended_seq = 0
        try:
            while (ending := await self._ending_of(held)) is None and self._is_open(held):
                # The lease was lost, not the turn: the session is read anew, and the turn goes on from what was stored.
                self._drop(held.sid)
                self._stopping.pop(key, None)
            # Until the store has the ending the turn is still listed as running; a stop comes too late now.
            self._writing.add(key)
            while ending is not None:
                try:
                    ended_seq = (await self._outbox.written(ending, 30)).seq
                    self.done += 1
                    log.info("turn ended", how=type(ending).__name__)
                    break
                except OptaError as error:
                    log.warning("ending not stored yet", reason=error.message)
            self._ended.add(key)
            self._toolbox.end(held.sid, held.turn)
            if (warm := self._warm.get(held.sid)) is not None and warm[0].transcript.parentCall:
                # Its report is all that is left of a sub-agent.
                self._toolbox.end_session(held.sid)
        finally:
            self._running.pop(key, None)
            self._begun.discard(key)
            self._writing.discard(key)
            self._stopping.pop(key, None)
            self._changed()
        if ended_seq and (warm := self._warm.get(held.sid)) is not None:
            self._snapshots.turn_ended(*warm, ended_seq, functools.partial(self._is_idle, held.sid, warm))

    def _is_idle(self, sid: str, warm: tuple[AgentSession, Subscription]) -> bool:
        """Whether the session is followed as before, and none of its turns runs."""
        return self._warm.get(sid) is warm and not any(running == sid for running, _ in self._running)

    def _changed(self) -> None:
        if self.on_change is not None:
            self.on_change()

    async def _ending_of(self, held: Held) -> Event | None:
        """The event that ends the turn; None when the store ended it. Raises CancelledError when this process leaves."""
        try:
            return await self._to_ending(held)
        except asyncio.CancelledError:
            by = self._stopping.get((held.sid, held.turn))
            if by is None:
                raise
            return self._stopped(held, by)

    def _stopped(self, held: Held, by: str) -> SessionCancelled | None:
        reason = "Stopped with the session that started it." if by == "parent" else "Stopped by the user."
        return SessionCancelled(sid=held.sid, turn=held.turn, reason=reason, by=by) if by else None

    async def _to_ending(self, held: Held) -> Event | None:
        session = await self.session(held.sid, held.seq)
        await session.reached_ends(held.turn)
        turn = session.transcript.turn(held.turn)
        if turn is None:
            return self._error(held, ErrorCode.broken, "The turn is not in its session.", "orchestration")
        by = self._stopping.get((held.sid, held.turn), "client" if turn.state == "stopping" else None)
        if by is not None:
            return self._stopped(held, by)
        # Behind the request: writing a line takes as long as all that is done before it.
        logged = functools.partial(log.info, "turn runs", mode=turn.mode, level=turn.level, resumed=bool(turn.steps))
        asyncio.get_running_loop().call_later(LOG_S, logged)
        gate = PermissionGate(
            self._outbox, self._machine, self._settings.permissions.timeout_s, cast("Network", self._settings.sandbox.network)
        )
        hooks = self._configured().hooks
        collaborators = Collaborators(
            choose_route=self._router.route,
            gate=gate,
            toolbox=self._toolbox,
            emit=self._outbox.append,
            backpressure=lambda: self._outbox.wait_for_capacity(held.sid),
            limits=TurnLimits(
                self._settings.max_steps, self._settings.max_calls, self._settings.max_minutes, self._settings.max_turn_tokens
            ),
            network=self._settings.sandbox.network,
            texts=self._texts,
            images=self._images,
            attachments=self._attachments,
            folders=self._folders,
            skills=self._skills,
            children=Children(
                self.session, self._settled, self._whole_turn, self._outbox.append, self._outbox.written, self._settings.agents
            ),
            questions=Questions(self._outbox.append, self._outbox.written, self._settings.permissions.timeout_s),
            hooks=Hooks(hooks, self._hooks, self._outbox.append, self._outbox.written) if hooks else None,
        )
        try:
            return await run_turn(session, held.turn, collaborators)
        except OptaError as error:
            domain = "inference" if error.code in _INFERENCE else "orchestration"
            return self._error(held, error.code, error.message, domain, retryable=error.retryable)
        except Exception as error:  # a turn ends clearly whatever went wrong in it; other turns go on
            log.exception("turn failed")
            return self._error(
                held, ErrorCode.broken, f"The agent failed unexpectedly: {error}. The log has more: opta daemon logs.", "orchestration"
            )

    def _error(self, held: Held, code: ErrorCode, message: str, domain: str, *, retryable: bool = False) -> TurnError:
        return TurnError(sid=held.sid, turn=held.turn, code=code, message=message, domain=domain, retryable=retryable, resumable=True)  # type: ignore[arg-type]

    async def session(self, sid: str, seq: int) -> AgentSession:
        """A session, folded up to `seq` at least. Raises the store's OptaError when it does not exist."""
        is_new = False
        if sid in self._warm:
            self._warm[sid] = self._warm.pop(sid)
            session, subscription = self._warm[sid]
        else:
            session = AgentSession(sid, f"agent.{self._boot}")
            is_new = True
            session.on_stop = lambda turn, by: self._stop(sid, turn, by)
            session.on_end = lambda turn: self._stop(sid, turn, "")
            subscription = self._subscriptions.follow(sid, 0, session.take, lambda: self._snapshots.restore(session, seq))
            self._warm[sid] = (session, subscription)
            self._cool_down()
        try:
            await subscription.reached(seq)
        except BaseException:
            # Not read to its end: from where this agent speaks is not known.
            if is_new:
                self._drop(sid)
            raise
        if is_new:
            session.speaks_after(subscription.seq)
        return session

    async def _settled(self, sid: str, turn: str) -> None:
        """Wait until a turn runs here no more: then its ending is stored."""
        if (task := self._running.get((sid, turn))) is not None:
            await asyncio.wait({task})

    async def _whole_turn(self, sid: str, turn: str) -> Turn | None:
        """A turn of a session, also one that this agent has forgotten. Raises OptaError."""
        lines = await self._store.all_after(sid, 0)
        return (await asyncio.to_thread(fold, map(wire.decode, lines))).turn(turn)

    def _stop(self, sid: str, turn: str, by: str) -> None:
        task = self._running.get((sid, turn))
        if task is not None and (sid, turn) not in self._stopping and (sid, turn) not in self._writing:
            self._stopping[(sid, turn)] = by
            if (sid, turn) in self._begun:
                task.cancel()

    def _on_fenced(self, sid: str, turn: str) -> None:
        # Mostly the turn has ended, and its ending is on its way here. If not, the lease was lost for a moment: a part
        # of what the turn said was not stored, so it begins again from what was.
        asyncio.get_running_loop().call_later(FENCED_S, self._stop, sid, turn, "")

    def _is_open(self, held: Held) -> bool:
        warm = self._warm.get(held.sid)
        turn = warm[0].transcript.turn(held.turn) if warm else None
        return turn is not None and not turn.endedAt

    def _cool_down(self) -> None:
        busy = {sid for sid, _ in self._running}
        for sid in [sid for sid in self._warm if sid not in busy][: max(0, len(self._warm) - WARM_MAX)]:
            self._drop(sid)

    def _drop(self, sid: str) -> None:
        self._warm.pop(sid, None)
        self._subscriptions.drop(sid)
