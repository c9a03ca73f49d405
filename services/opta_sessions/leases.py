"""Leases of turns: hands open turns to the live agent, and takes them back when the agent is gone.

A new agent process receives every open turn and continues or ends it. A turn that the live agent no longer lists, or that
had no agent for too long, is ended here.
"""

from typing import Protocol

import msgspec

from opta_core.bus.bus import Bus, Frames
from opta_core.clock import now_s
from opta_core.logs import Log
from opta_protocol.commands import Held, Hello, Work
from opta_protocol.error_info import ErrorCode
from opta_protocol.events import Event, ServiceBack, ServiceLost, TurnError
from opta_protocol.topics import STORE_CMD

from .catalog import SessionCatalog
from .child_turns import waiting_parents
from .session_state import SessionState

# Longer than the longest delay between restarts of a crashing process.
AGENT_LOST_AFTER_S = 45.0
# Without a hello for this long, the agent is gone. It sends one every 0.2 s while it runs turns, and one for each turn that it is handed.
SILENT_AFTER_S = 1.0
# An agent that runs no turn sends one every two seconds.
IDLE_SILENT_AFTER_S = 4.0
# The end of a turn may arrive after the hello that no longer lists the turn.
FORGOTTEN_AFTER_S = 4.0
# A turn that was handed out and is not listed within this time did not arrive.
HAND_AGAIN_AFTER_S = 1.0
# A turn that the agent no longer lists is ended after this time.
HANDED_KEPT_S = 60.0
# A turn ends when this many agents in a row died in the same step.
BOOTS_A_STEP_MAX = 6

_hello = msgspec.json.Decoder(Hello)
_encode = msgspec.json.Encoder().encode
log = Log("leases")


class WriteEvents(Protocol):
    """Writes events that the store itself creates."""

    def __call__(self, state: SessionState, *events: Event) -> None: ...


class Leases:
    """The store's side of `store.cmd`. `boot` names this start of the store."""

    def __init__(self, bus: Bus, boot: str, catalog: SessionCatalog, write_events: WriteEvents):
        self._store_boot, self._catalog, self._write_events = boot, catalog, write_events
        self._router = bus.router(STORE_CMD, self._on_hello)
        self._peer = b""
        self._boot = ""
        # The highest incarnation of the agent so far. A lower one is superseded.
        self._incarnation = 0
        self._heard_at = now_s()
        # When a turn was handed out, if the agent has sent no hello since, and whether its last hello listed any turn.
        # The agent of a former store may run turns, and sends a hello at once when it meets this one.
        self._handed_at = 0.0
        self._is_agent_busy = True
        self._lost_at = 0.0
        # (sid, turn) -> when the agent of this boot last listed or received it
        self._handed: dict[tuple[str, str], float] = {}
        self._listed: set[tuple[str, str]] = set()
        # (sid, turn) -> (step, number of agents that ran it)
        self._tried: dict[tuple[str, str], tuple[int, int]] = {}

    def admits(self, incarnation: int) -> bool:
        """Whether the agent of an incarnation may write: no later one has sent a hello."""
        self._incarnation = max(self._incarnation, incarnation)
        return incarnation == self._incarnation

    def hand_out(self, state: SessionState) -> None:
        """Hand the session's first open turn to the agent, unless the agent has it already or there is no agent."""
        head = state.head()
        if head is not None and self._peer and (state.sid, head.turn) not in self._handed:
            self._send([Held(sid=state.sid, turn=head.turn, seq=head.seq)])

    def check(self) -> None:
        """Detect a silent agent, and end turns that no agent will continue. Called often."""
        if not (running := self._running()):
            return
        now = now_s()
        silent_s = now - max(self._heard_at, self._handed_at)
        patience_s = SILENT_AFTER_S if self._is_agent_busy or self._handed_at > self._heard_at else IDLE_SILENT_AFTER_S
        if silent_s > patience_s and not self._lost_at:
            self._lost_at = now - silent_s
            for state in running:
                self._write_events(state, ServiceLost(sid=state.sid, turn=_head_id(state), service="agent", reason="silent"))
        if silent_s > AGENT_LOST_AFTER_S:
            for state in running:
                if (head := state.head()) and head.is_paused:
                    continue
                self._end(state, "The agent did not restart. Start it with `opta daemon restart agent`, then send the prompt again.")
            self._heard_at = now

    def _on_hello(self, peer: bytes, frames: Frames) -> None:
        hello = _hello.decode(frames[0])
        if not self.admits(hello.incarnation):
            return  # a late message of a superseded agent
        now = now_s()
        back_after_s = now - self._lost_at if self._lost_at else 0.0
        self._peer, self._heard_at, self._lost_at = peer, now, 0.0
        self._is_agent_busy = bool(hello.running)
        if hello.boot != self._boot:
            log.info("agent took over", boot=hello.boot, former=self._boot or None)
            self._boot = hello.boot
            self._count_tries()
            self._handed.clear()
            self._listed.clear()
        if back_after_s:
            for state in self._running():
                self._write_events(
                    state, ServiceBack(sid=state.sid, turn=_head_id(state), service="agent", stall_ms=round(back_after_s * 1000))
                )
        listed = {(held.sid, held.turn) for held in hello.running}
        for key in listed:
            self._handed[key] = now
        self._listed = {key for key in self._listed | listed if key in self._handed}
        missing: list[Held] = []
        for state in list(self._catalog.states.values()):
            head = state.head()
            if head is None or state.is_damaged:
                continue
            key = (state.sid, head.turn)
            if key in listed:
                continue
            if key not in self._handed or (key not in self._listed and now - self._handed[key] > HAND_AGAIN_AFTER_S):
                # The turn may not have arrived. The agent ignores a turn that it already has.
                missing.append(Held(sid=key[0], turn=key[1], seq=head.seq))
            elif key in self._listed and now - self._handed[key] > FORGOTTEN_AFTER_S:
                self._end(state, "The agent no longer runs this turn. The answer so far is kept; send the prompt again to continue.")
        self._handed = {key: at for key, at in self._handed.items() if key in listed or now - at < HANDED_KEPT_S}
        self._send(missing)

    def _count_tries(self) -> None:
        """Count the agents of each open turn, and end turns in which several agents in a row died in the same step."""
        before, self._tried = self._tried, {}
        waiting = waiting_parents(self._catalog.states)
        for state in self._running():
            head = state.head()
            assert head is not None
            key = (state.sid, head.turn)
            step, tries = before.get(key, (head.step, 0))
            # A turn that is paused, or waits for its sub-agents, does nothing that an agent could die of.
            tries = tries if head.is_paused or key in waiting else tries + 1 if step == head.step else 1
            if tries > BOOTS_A_STEP_MAX:
                self._end(
                    state,
                    f"The agent was restarted {tries - 1} times while it ran this step. The answer so far is kept; resume the turn to try again.",
                    ErrorCode.agent_restarted,
                )
            else:
                self._tried[key] = (head.step, tries)

    def _send(self, turns: list[Held]) -> None:
        now = now_s()
        for held in turns:
            self._handed[(held.sid, held.turn)] = now
        if turns and self._handed_at <= self._heard_at:
            self._handed_at = now
        self._router.send(self._peer, [_encode(Work(boot=self._boot, store=self._store_boot, turns=turns))])

    def _running(self) -> list[SessionState]:
        return [
            state
            for state in self._catalog.states.values()
            if (head := state.head()) and (head.is_started or (state.sid, head.turn) in self._handed)
        ]

    def _end(self, state: SessionState, message: str, code: ErrorCode = ErrorCode.agent_lost) -> None:
        turn = _head_id(state)
        self._handed.pop((state.sid, turn), None)
        self._write_events(
            state,
            TurnError(sid=state.sid, turn=turn, code=code, message=message, domain="orchestration", retryable=True, resumable=True),
        )


def _head_id(state: SessionState) -> str:
    head = state.head()
    return head.turn if head else ""
