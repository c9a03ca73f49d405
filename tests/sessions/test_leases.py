"""Leases without a store: open turns go to the live agent, and end when no agent runs them."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from support.events import journal
from support.limits import limit_s
from support.store import prompt, start_of

from opta_core.bus.bus import LocalBus
from opta_protocol import events as e
from opta_protocol.commands import Held, Hello, Work
from opta_protocol.topics import STORE_CMD
from opta_sessions import leases as rules
from opta_sessions.catalog import SessionCatalog
from opta_sessions.files import FileSystem
from opta_sessions.leases import Leases
from opta_sessions.session_state import SessionState

SID = "abcdef"


class Desk:
    """One session with one open turn, an agent's end of the bus, and the events that the leases had written."""

    def __init__(self, folder: Path):
        (folder / "sessions").mkdir()
        turn = msgspec.structs.replace(prompt(SID), turn="t1")
        (folder / "sessions" / f"{SID}.jsonl").write_bytes(b"".join(line + b"\n" for line in journal(start_of(SID), turn)))
        self.catalog = SessionCatalog(folder / "sessions", {"trash": folder, "archive": folder}, FileSystem())
        self.catalog.load()
        self.bus = LocalBus()
        self.written: list[e.Event] = []
        self.leases = Leases(self.bus, "store000", self.catalog, self.write)
        self.work: asyncio.Queue[Work] = asyncio.Queue()
        self.agent = self.bus.dealer(STORE_CMD, lambda frames: self.work.put_nowait(msgspec.json.decode(frames[0], type=Work)))

    def write(self, state: SessionState, *events: e.Event) -> None:
        assert state is self.catalog.states[SID]
        self.written += events

    async def hello(self, boot: str, incarnation: int, *running: Held) -> Work:
        """Say what the agent runs; the store's answer."""
        self.agent.send([msgspec.json.encode(Hello(service="agent", boot=boot, incarnation=incarnation, running=list(running)))])
        return await asyncio.wait_for(self.work.get(), limit_s(5))


def test_an_agent_gets_every_open_turn_once_and_its_successor_gets_it_again(tmp_path: Path) -> None:
    async def story() -> None:
        desk = Desk(tmp_path)
        held = Held(sid=SID, turn="t1", seq=2)
        assert (await desk.hello("agent000", 1)).turns == [held]
        assert (await desk.hello("agent000", 1, held)).turns == []
        assert (await desk.hello("agent111", 2)).turns == [held]
        assert not desk.leases.admits(1)
        assert desk.leases.admits(2)
        assert desk.written == []
        desk.catalog.close()

    asyncio.run(story())


def test_a_turn_ends_when_the_agent_stays_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        desk = Desk(tmp_path)
        await desk.hello("agent000", 1)
        monkeypatch.setattr(rules, "SILENT_AFTER_S", -1.0)
        desk.leases.check()
        assert [type(event) for event in desk.written] == [e.ServiceLost]
        monkeypatch.setattr(rules, "AGENT_LOST_AFTER_S", -1.0)
        desk.leases.check()
        ending = desk.written[-1]
        assert isinstance(ending, e.TurnError)
        assert (ending.turn, ending.code) == ("t1", "agent_lost")
        desk.catalog.close()

    asyncio.run(story())


class _Clock:
    """The monotonic time of the leases."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.now = 1000.0
        monkeypatch.setattr(rules, "now_s", lambda: self.now)


def test_the_silence_of_an_idle_agent_counts_from_the_turn_that_it_is_handed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        clock = _Clock(monkeypatch)
        desk = Desk(tmp_path)
        state = desk.catalog.states[SID]
        turn, state.open_turns = dict(state.open_turns), {}
        await desk.hello("agent000", 1)
        clock.now += 2.0
        desk.leases.check()
        state.open_turns = turn
        desk.leases.hand_out(state)
        clock.now += 0.9
        desk.leases.check()
        assert desk.written == []
        clock.now += 0.2
        desk.leases.check()
        assert [type(event) for event in desk.written] == [e.ServiceLost]
        await desk.hello("agent000", 1, Held(sid=SID, turn="t1", seq=2))
        assert [(type(event), getattr(event, "stall_ms", None)) for event in desk.written[1:]] == [(e.ServiceBack, 1100)]
        desk.catalog.close()

    asyncio.run(story())


def test_an_agent_that_runs_a_turn_is_lost_after_a_second_without_a_hello(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        clock = _Clock(monkeypatch)
        desk = Desk(tmp_path)
        await desk.hello("agent000", 1)
        await desk.hello("agent000", 1, Held(sid=SID, turn="t1", seq=2))
        clock.now += 1.1
        desk.leases.check()
        assert [type(event) for event in desk.written] == [e.ServiceLost]
        desk.catalog.close()

    asyncio.run(story())
