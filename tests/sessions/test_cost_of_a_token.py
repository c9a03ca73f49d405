"""A token costs the same in a long session as in a short one, measured in instructions in every process that it passes."""

import asyncio
from pathlib import Path

import pytest
from support.events import journal
from support.store import House, prompt, settle, start_of
from support.work import Work

from opta_agent.session import AgentSession
from opta_core.bus.outbox import Outbox
from opta_gateway.recent_lines import GLOBAL_LINES, RING_LINES, GlobalRing, RecentLines
from opta_protocol import events as e
from opta_protocol import wire
from opta_protocol.ids import new_session_id
from opta_protocol.permissions import Level, Mode
from opta_protocol.topics import STORE_IN
from opta_sessions.producer_answers import PRODUCERS_ANSWERED_MAX
from opta_sessions.session_state import SessionState

SID = "abcdef"
TOKENS = 20
# What hash tables and the like may differ by.
TOLERANCE = 1.1


def turns(count: int) -> list[bytes]:
    """A session with so many ended turns, and one that runs."""
    events: list[e.Event] = [start_of(SID)]
    for number in range(1, count + 1):
        turn = f"t{number}"
        events.append(e.TurnStart(sid=SID, turn=turn, role="user", text="x", mode=Mode.do, level=Level.L2, key=f"k{number}", body="b"))
        events.append(e.TurnDone(sid=SID, turn=turn, tokens=1, elapsed=1, tokensPerSec=1, tools=0, steps=1, finish="stop"))
    last = f"t{count + 1}"
    events.append(e.TurnStart(sid=SID, turn=last, role="user", text="x", mode=Mode.do, level=Level.L2, key="k", body="b"))
    events.append(e.StepStart(sid=SID, turn=last, step=1, provider="p", model="m", attempt=1))
    return journal(*events)


def store_work(folder: Path, count: int) -> int:
    """What the store does for some tokens in a session of so many turns, acknowledgements included."""
    folder.mkdir()
    (folder / "sessions").mkdir()
    (folder / "sessions" / f"{SID}.jsonl").write_bytes(b"".join(line + b"\n" for line in turns(count)))

    async def story() -> int:
        house = House(folder)
        turn = f"t{count + 1}"
        for _ in range(2):
            await house.agent.written(e.TurnToken(sid=SID, turn=turn, delta="warm"))
        with Work() as work:
            for _ in range(TOKENS):
                house.agent.append(e.TurnToken(sid=SID, turn=turn, delta="word"))
                await settle()
        await house.agent.drained(5)
        house.close()
        return work.count

    return asyncio.run(story())


def test_a_token_costs_the_store_the_same_after_ten_turns_and_after_two_thousand(tmp_path: Path) -> None:
    few, many = store_work(tmp_path / "few", 10), store_work(tmp_path / "many", 2000)
    assert few > TOKENS * 100
    assert many <= few * TOLERANCE, f"{few / TOKENS:.0f} instructions a token after 10 turns, {many / TOKENS:.0f} after 2,000"


def test_a_prompt_costs_the_store_the_same_too(tmp_path: Path) -> None:
    def work_of(folder: Path, count: int) -> int:
        folder.mkdir()
        (folder / "sessions").mkdir()
        (folder / "sessions" / f"{SID}.jsonl").write_bytes(b"".join(line + b"\n" for line in turns(count)))

        async def story() -> int:
            house = House(folder)
            await house.gateway.written(prompt(SID, "first", "first"))
            with Work() as work:
                await house.gateway.written(prompt(SID, "second", "second"))
            house.close()
            return work.count

        return asyncio.run(story())

    assert work_of(tmp_path / "many", 2000) <= work_of(tmp_path / "few", 10) * TOLERANCE * 1.2


def test_answers_are_let_go_once_each_and_dead_producers_with_them() -> None:
    state = SessionState(SID)
    for line in turns(500):
        state.apply(line)
    answers = state.answers("test.boot")
    assert answers.get(2) is not None
    with Work() as first:
        answers.forget(900)
    with Work() as again:
        for _ in range(100):
            answers.forget(900)
    assert (answers.get(2), answers.get(898)) == (None, None)
    assert answers.get(900) is not None
    assert first.count > 400 * 5
    assert again.count < 100 * 30


def test_the_answers_to_a_producer_are_forgotten_after_enough_others_have_come() -> None:
    state = SessionState(SID)
    first = state.answers("gateway.0")
    for number in range(1, PRODUCERS_ANSWERED_MAX):
        state.answers(f"gateway.{number}")
    assert state.answers("gateway.0") is first
    state.answers(f"gateway.{PRODUCERS_ANSWERED_MAX}")
    assert state.answers("gateway.0") is not first


def agent_work(queued: int, said: int) -> int:
    """What the agent does for some pieces of its answer with so many turns waiting behind it, so much of it said before."""
    events = [
        start_of(SID),
        e.TurnStart(sid=SID, turn="t1", role="user", text="x", mode=Mode.do, level=Level.L2),
        e.StepStart(sid=SID, turn="t1", step=1, provider="p", model="m", attempt=1),
        *(e.TurnStart(sid=SID, turn=f"t{n}", role="user", text="x", mode=Mode.do, level=Level.L2) for n in range(2, queued + 2)),
    ]
    session = AgentSession(SID, "agent.a")
    session.take(1, journal(*events))
    session.speaks_after(len(events))
    for _ in range(said):
        session.say(e.TurnToken(sid=SID, turn="t1", delta="word"), 1, 1)
    with Work() as work:
        for _ in range(TOKENS):
            session.say(e.TurnToken(sid=SID, turn="t1", delta="word"), 1, 1)
    turn = session.transcript.turn("t1")
    assert turn is not None
    assert turn.steps[0].text == "word" * (said + TOKENS)
    return work.count


def test_a_piece_costs_the_agent_the_same_with_turns_waiting_and_in_a_long_answer() -> None:
    assert agent_work(queued=2000, said=5000) <= agent_work(queued=1, said=1) * TOLERANCE


def test_a_piece_does_not_copy_the_answer_so_far() -> None:
    session = AgentSession(SID, "agent.a")
    lines = journal(
        start_of(SID),
        e.TurnStart(sid=SID, turn="t1", role="user", text="x", mode=Mode.do, level=Level.L2),
        e.StepStart(sid=SID, turn="t1", step=1, provider="p", model="m", attempt=1),
    )
    session.take(1, lines)
    session.speaks_after(3)
    turn = session.transcript.turn("t1")
    assert turn is not None
    step = turn.steps[0]
    step.text = before = "x" * 1000
    for _ in range(10):
        session.say(e.TurnToken(sid=SID, turn="t1", delta="y"), 1, 1)
        session.take(4, [wire.stamp(wire.encode_body(e.TurnToken(sid=SID, turn="t1", delta="z")), 4, "", "agent.other", 1)])
    assert step.text is before
    assert session.transcript.turns[0].steps[0].text == before + "yz" * 10


@pytest.mark.parametrize("sessions", [2000])
def test_a_process_that_wrote_into_many_sessions_looks_at_those_in_the_air_alone(tmp_path: Path, sessions: int) -> None:
    async def work_of(count: int) -> int:
        folder = tmp_path / str(count)
        folder.mkdir()
        house = House(folder)
        box = Outbox(house.bus, "gateway", "gate1111")
        for _ in range(count):
            box.append(e.SessionNote(sid=new_session_id(), text="refused: there is no such session"))
        await box.drained(20)
        box.append(e.SessionNote(sid=SID, text="in the air"))
        sent: asyncio.Queue[bytes] = asyncio.Queue()
        with Work() as work:
            # A store that does not answer: the resender looks several times, until it sends the event again.
            house.bus.router(STORE_IN, lambda peer, frames: sent.put_nowait(peer))
            await sent.get()
            await sent.get()
        box.close()
        house.close()
        return work.count

    few, many = asyncio.run(work_of(5)), asyncio.run(work_of(sessions))
    assert many <= few * 2, f"{few} instructions with 5 sessions, {many} with {sessions}"


def test_a_line_costs_the_gateway_the_same_however_much_came_before() -> None:
    def work_of(ring: GlobalRing | RecentLines, before: int) -> int:
        take = ring.take if isinstance(ring, GlobalRing) else ring.extend
        for _ in range(before // 100):
            take([b"x" * 100] * 100)
        with Work() as work:
            for _ in range(TOKENS):
                take([b"y" * 100])
        return work.count

    assert work_of(GlobalRing("e"), GLOBAL_LINES * 2) <= work_of(GlobalRing("e"), 100) * 1.5
    assert work_of(RecentLines(RING_LINES, 10**9), RING_LINES * 3) <= work_of(RecentLines(RING_LINES, 10**9), 100) * 1.5
