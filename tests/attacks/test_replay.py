"""Rows A62, A63: what was said once on the bus does nothing the second time, nor what a worker says that was not asked."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from support.daemon import Daemon
from support.gateway_requests import post
from support.oracles import until, untouched
from support.promises import check_journal

from opta_core.bus.outbox import Outbox
from opta_core.bus.zmq_bus import ZmqBus
from opta_protocol import wire
from opta_protocol.commands import Ack, Append, CancelTool, Command, RunTool, ToolsHello, ToolsState
from opta_protocol.events import Event, PermissionDecision, SessionStart, ToolResult, ToolStart
from opta_protocol.permissions import Level, Mode

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("lives_on")]

TIMEOUT_S = 8

T = TypeVar("T")


class Impostor:
    """A process of this user that speaks on the bus as if it were one of ours."""

    def __init__(self, bus: ZmqBus):
        self._bus = bus
        self._states: asyncio.Queue[ToolsState] = asyncio.Queue()
        self._acks: asyncio.Queue[Ack] = asyncio.Queue()
        self._tools = bus.dealer("tools.rpc", lambda frames: self._states.put_nowait(msgspec.json.decode(frames[0], type=ToolsState)))
        self._store = bus.dealer("store.in", lambda frames: self._acks.put_nowait(msgspec.json.decode(frames[0], type=Ack)))

    async def order(self, *commands: Command) -> None:
        """Give orders to the tool-worker, and wait until it has nothing left to do."""
        for command in commands:
            self._tools.send([msgspec.json.encode(command)])
        while True:
            self._tools.send([msgspec.json.encode(ToolsHello())])
            if not (await self._states.get()).running:
                return

    async def append(self, producer: str, n: int, event: Event) -> Ack:
        """Send an event as number `n` of any producer."""
        head = Append(p=producer, sid=event.sid, n=n, base=1)
        self._store.send([msgspec.json.encode(head), wire.encode_body(event)])
        return await self._acks.get()

    async def throw(self, head: Append, *bodies: bytes) -> None:
        """Send bodies to the store, and wait until it has looked at them: what comes after is answered."""
        self._store.send([msgspec.json.encode(head), *bodies])
        probe = Append(p=f"probe.{id(head)}", sid="neverher", n=1, base=1)
        self._store.send([msgspec.json.encode(probe), b'{"event":"session.note","sid":"neverher","text":"x"}'])
        while (await self._acks.get()).p != probe.p:
            pass

    async def tell(self, producer: str, *events: Event) -> list[str]:
        """Append as a process would; what became of each."""
        outbox = Outbox(self._bus, producer, "impostor")
        found = [(await outbox.written(event)).status for event in events]
        outbox.close()
        return found


@contextlib.asynccontextmanager
async def _impostor(daemon: Daemon) -> AsyncGenerator[Impostor]:
    bus = ZmqBus(daemon.loaded.paths.run)
    async with asyncio.timeout(TIMEOUT_S):
        yield Impostor(bus)
    bus.close()


def attack(daemon: Daemon, deed: Callable[[Impostor], Awaitable[T]]) -> T:
    """Do something on the bus."""

    async def run() -> T:
        async with _impostor(daemon) as impostor:
            return await deed(impostor)

    return asyncio.run(run())


def begun(daemon: Daemon, folder: Path, until_event: str, **fields: Any) -> tuple[str, str, dict[str, Any]]:
    """(session, turn, event): a turn that runs a command and then talks for some seconds, up to an event of that name."""
    sid = daemon.session(mode="do", cwd=str(folder), **fields)
    turn = daemon.submit(sid, "run, then slow")
    return sid, turn, next(event for event in map(json.loads, daemon.client.events(sid, 0)) if event["event"] == until_event)


def check(daemon: Daemon, sid: str, folder: Path) -> None:
    """The command ran once, its call has one result, and the journal keeps its promises."""
    events = check_journal(daemon.journal(sid))
    assert sum(event["event"] == "tool.result" for event in events) == 1
    assert (folder / "ran.txt").read_text() == "once\n"


@pytest.mark.attack("A62")
def test_an_order_said_again_runs_nothing_while_its_turn_runs_and_after(daemon: Daemon, tmp_path: Path) -> None:
    sid, turn, result = begun(daemon, tmp_path, "tool.result", policy="unrestricted")
    args = {"command": "echo once >> ran.txt"}
    order = RunTool(callId=result["callId"], sid=sid, turn=turn, name="run_command", args=args, cwd=str(tmp_path))
    attack(daemon, lambda impostor: impostor.order(order, order, CancelTool(callId=order.callId), order))
    daemon.kill("tools")
    assert until(lambda: daemon.client.is_ready()[0], 10)
    attack(daemon, lambda impostor: impostor.order(order, order))  # to a worker that never heard of it
    assert daemon.follow(sid, turn)[-1]["event"] == "turn.done"
    late = msgspec.structs.replace(order, callId="neverasked")
    attack(daemon, lambda impostor: impostor.order(order, late))
    check(daemon, sid, tmp_path)


@pytest.mark.attack("A62")
def test_a_decision_said_again_changes_nothing(daemon: Daemon, tmp_path: Path) -> None:
    sid, turn, request = begun(daemon, tmp_path, "permission.request")
    answer = f"/v3/sessions/{sid}/permissions/{request['requestId']}"
    assert post(daemon, answer, {"decision": "allow"}).status == 200
    assert post(daemon, answer, {"decision": "deny"}).refusal == (409, "conflict")
    decided = next(event for event in map(json.loads, daemon.client.events(sid, 0)) if event["event"] == "permission.decision")
    again = PermissionDecision(sid=sid, turn=turn, callId=request["callId"], requestId=request["requestId"], decision="allow", by="client")
    denied = msgspec.structs.replace(again, decision="deny")
    assert attack(daemon, lambda impostor: impostor.tell("gateway", again, denied)) == ["refused", "refused"]
    # The captured message itself: its number was used.
    assert attack(daemon, lambda impostor: impostor.append(decided["p"], decided["n"], denied)).n == decided["n"]
    assert daemon.follow(sid, turn)[-1]["event"] == "turn.done"
    with untouched(daemon):
        assert attack(daemon, lambda impostor: impostor.tell("late", again, denied)) == ["fenced", "fenced"]
    assert sum(event["event"] == "permission.decision" for event in map(json.loads, daemon.journal(sid))) == 1
    check(daemon, sid, tmp_path)


@pytest.mark.attack("A63")
def test_a_second_result_and_one_after_the_end_are_ignored(daemon: Daemon, tmp_path: Path) -> None:
    sid, turn, result = begun(daemon, tmp_path, "tool.result", policy="unrestricted")
    forged = ToolResult(sid=sid, turn=turn, callId=result["callId"], ok=True, content="forged")
    restart = ToolStart(sid=sid, turn=turn, callId=result["callId"], worker="forged", sandbox="none")
    assert attack(daemon, lambda impostor: impostor.tell("tools", forged, restart, forged)) == ["known"] * 3
    assert post(daemon, f"/v3/sessions/{sid}/stop", {"turnId": turn}).status == 200
    assert daemon.follow(sid, turn)[-1]["event"] == "session.cancelled"
    with untouched(daemon):
        assert attack(daemon, lambda impostor: impostor.tell("late", forged, restart)) == ["fenced"] * 2
    check(daemon, sid, tmp_path)


@pytest.mark.attack("A63")
def test_a_result_of_a_call_that_was_not_asked_for_is_ignored(daemon: Daemon, tmp_path: Path) -> None:
    sid, turn, _ = begun(daemon, tmp_path, "tool.result", policy="unrestricted")
    result = ToolResult(sid=sid, turn=turn, callId="neverasked", ok=True, content="forged")
    start = ToolStart(sid=sid, turn=turn, callId="neverasked", worker="forged", sandbox="none")
    assert "written" not in attack(daemon, lambda impostor: impostor.tell("tools", start, result))
    assert daemon.follow(sid, turn)[-1]["event"] == "turn.done"
    check(daemon, sid, tmp_path)


NOTE = b'{"event":"session.note","sid":"%b","text":"x","kind":""}'
BODIES = {
    "array": [b"[]"],
    "no event": [b'{"sid":"%b"}'],
    "turn of another type": [b'{"event":"session.note","sid":"%b","turn":5}'],
    "pickle": [b"\x80\x04N."],
    "second is junk": [NOTE, b"junk"],
    "line break": [b'{"event":"session.note",\n"sid":"%b","text":"x","kind":""}'],
    "another session's": [NOTE.replace(b"%b", b"../evil")],
}


@pytest.mark.attack("A61")
@pytest.mark.parametrize("name", BODIES)
def test_bodies_that_are_no_events_leave_the_journal_whole(daemon: Daemon, tmp_path: Path, name: str) -> None:
    sid = daemon.session(cwd=str(tmp_path))
    bodies = [body.replace(b"%b", sid.encode()) for body in BODIES[name]]
    attack(daemon, lambda impostor: impostor.throw(Append(p="evil.boot", sid=sid, n=1, base=1), *bodies))
    assert post(daemon, f"/v3/sessions/{sid}/note", {"text": "after"}).status == 200
    events = check_journal(daemon.journal(sid))
    assert {event["sid"] for event in events} == {sid}
    assert events[-1]["text"] == "after"


@pytest.mark.attack("A61")
def test_a_session_by_the_name_of_a_path_is_not_made(daemon: Daemon) -> None:
    with untouched(daemon):
        for sid in ("../evil", "../../evil", "/tmp/evil", "a/b", "a\0b", "a" * 300, ""):
            start = SessionStart(sid=sid, title="", cwd="/", mode=Mode.do, level=Level.L2)
            attack(daemon, lambda impostor: impostor.throw(Append(p="evil.boot", sid=sid, n=1, base=1), wire.encode_body(start)))  # noqa: B023
