"""The sequencer over a LocalBus: each event once, in order, durable, and at most one ending for a turn."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from msgspec import structs
from support.events import journal
from support.oracles import until_async
from support.promises import check_journal
from support.store import FailingFiles, House, prompt, settle, start_of

from opta_protocol import events as e
from opta_protocol import wire
from opta_protocol.commands import Append
from opta_protocol.error_info import ErrorCode
from opta_protocol.permissions import Level, Mode
from opta_sessions.catalog import SLOW_BYTES
from opta_sessions.files import FileSystem
from opta_sessions.sequencer import Sequencer
from opta_sessions.session_state import SessionState

SID = "abcdef"


def token(number: int, turn: str = "t1") -> e.TurnToken:
    return e.TurnToken(sid=SID, turn=turn, delta=f"{number} ")


def done(turn: str = "t1") -> e.TurnDone:
    return e.TurnDone(sid=SID, turn=turn, tokens=1, elapsed=1, tokensPerSec=1, tools=0, steps=1, finish="stop")


def test_events_are_numbered_stored_and_readable(tmp_path: Path) -> None:
    async def story() -> None:
        house = House(tmp_path)
        await house.gateway.written(start_of(SID))
        accepted = await house.gateway.written(prompt(SID))
        assert (accepted.turn, accepted.seq, accepted.queued) == ("t1", 2, False)
        for number in range(300):
            house.agent.append(token(number))
        await house.agent.written(done())
        lines = await house.client.all_after(SID, 0)
        assert lines == house.local.journal(SID)
        check_journal(lines)
        for seq in (0, 1, 150, 302, 303, 9999):
            assert [json.loads(line)["seq"] for line in await house.client.after(SID, seq, 5)] == list(range(seq + 1, 304))[:5]
        summary = await house.client.session(SID[:3])
        assert (summary.id, summary.state, summary.turns, summary.lastSeq, summary.title) == (SID, "idle", 1, 303, "hello")
        house.close()

    asyncio.run(story())


def test_a_restart_of_the_store_loses_and_repeats_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        house = House(tmp_path)
        await house.gateway.written(start_of(SID))
        await house.gateway.written(prompt(SID))
        for number in range(600):
            house.agent.append(token(number))
            if number % 100 == 50:
                await asyncio.sleep(0)
                house.local.restart()
        await house.agent.written(done())
        events = check_journal(house.local.journal(SID))
        assert "".join(event["delta"] for event in events if event["event"] == "turn.token") == "".join(f"{n} " for n in range(600))
        house.close()

    asyncio.run(story())


def test_the_same_key_gets_the_same_turn_and_another_body_is_refused(tmp_path: Path) -> None:
    async def story() -> None:
        house = House(tmp_path)
        await house.gateway.written(start_of(SID))
        first = await house.gateway.written(prompt(SID, "one", "k"))
        house.local.restart()
        again = await house.gateway.written(prompt(SID, "one", "k"))
        other = await house.gateway.written(prompt(SID, "two", "k"))
        assert (first.turn, again.turn, again.seq, again.repeated) == ("t1", "t1", first.seq, True)
        assert other.error is not None
        assert other.error.code is ErrorCode.invalid
        assert len(house.local.journal(SID)) == 2
        house.close()

    asyncio.run(story())


def test_turns_queue_in_order_and_a_stopped_waiting_turn_ends_at_once(tmp_path: Path) -> None:
    async def story() -> None:
        house = House(tmp_path)
        await house.gateway.written(start_of(SID))
        results = [await house.gateway.written(prompt(SID, text)) for text in ("a", "b", "c")]
        assert [(r.turn, r.queued) for r in results] == [("t1", False), ("t2", True), ("t3", True)]
        await house.gateway.written(e.TurnStopping(sid=SID, turn="t2", by="client"))
        await house.agent.written(done("t1"))
        late = await house.agent.written(done("t2"))
        assert late.status == "fenced"
        await house.agent.written(done("t3"))
        events = check_journal(house.local.journal(SID))
        assert [event["turn"] for event in events if event["event"] == "turn.queued"] == ["t2", "t3"]
        house.close()

    asyncio.run(story())


def test_only_the_first_answer_to_a_question_is_written(tmp_path: Path) -> None:
    async def story() -> None:
        house = House(tmp_path)
        await house.gateway.written(start_of(SID))
        await house.gateway.written(prompt(SID))
        ask = e.PermissionRequest(
            sid=SID, turn="t1", requestId="r1", callId="c1", name="x", args={}, reason="", rule="", layer="", expiresAt=""
        )
        await house.agent.written(ask)
        assert (await house.client.session(SID)).state == "waiting"
        answers = [
            await box.written(e.PermissionDecision(sid=SID, turn="t1", requestId="r1", callId="c1", decision=decision, by=by))
            for box, decision, by in (
                (house.gateway, "allow", "client"),
                (house.gateway, "deny", "client"),
                (house.agent, "deny", "timeout"),
            )
        ]
        assert [answer.status for answer in answers] == ["written", "refused", "refused"]
        house.close()

    asyncio.run(story())


def test_a_superseded_agent_writes_nothing_into_running_turns(tmp_path: Path) -> None:
    async def story() -> None:
        from opta_core.bus.outbox import Outbox
        from opta_protocol.commands import Hello
        from opta_protocol.topics import STORE_CMD

        house = House(tmp_path)
        await house.gateway.written(start_of(SID))
        await house.gateway.written(prompt(SID))
        work: list[bytes] = []
        dealer = house.bus.dealer(STORE_CMD, lambda frames: work.append(frames[0]))
        import msgspec

        for incarnation, boot in enumerate(("agent000", "agent111")):
            dealer.send([msgspec.json.encode(Hello(service="agent", boot=boot, incarnation=incarnation))])
            await settle()
        assert [json.loads(message)["boot"] for message in work] == ["agent000", "agent111"]
        assert all(json.loads(message)["turns"] == [{"sid": SID, "turn": "t1", "seq": 2}] for message in work)
        assert (await house.agent.written(token(1))).status == "fenced"
        successor = Outbox(house.bus, "agent", "agent111", 1)
        assert (await successor.written(done())).status == "written"
        successor.close()
        house.close()

    asyncio.run(story())


def test_any_failing_write_or_sync_loses_nothing_accepted(tmp_path: Path) -> None:
    async def story(kind: str, number: int) -> int:
        folder = tmp_path / f"{kind}{number}"
        folder.mkdir()
        files = FailingFiles(kind, number)
        house = House(folder, files)
        accepted: list[str] = []
        while len(accepted) < 2:
            started = await house.gateway.written(start_of(SID))
            if started.status == "written" or (started.error and started.error.code is ErrorCode.conflict):
                result = await house.gateway.written(prompt(SID, f"p{len(accepted)}", f"k{len(accepted)}"))
                if result.turn:
                    accepted.append(result.turn)
        for number_ in range(50):
            house.agent.append(token(number_))
            if number_ % 10 == 0:
                await asyncio.sleep(0)
        for turn in accepted:
            assert (await house.agent.written(done(turn))).status == "written"
        events = check_journal(house.local.journal(SID))
        assert [event["turn"] for event in events if event["event"] == "turn.start"] == accepted
        assert sum(event["event"] == "turn.token" for event in events) == 50
        house.close()
        return files.calls

    for kind in ("write", "sync"):
        number, calls = 1, 1
        while number <= min(calls, 12):
            calls = asyncio.run(story(kind, number))
            number += 1
        assert number > 3


def test_an_answer_that_was_lost_with_the_store_is_given_again(tmp_path: Path) -> None:
    async def story() -> None:
        house = House(tmp_path)
        await house.gateway.written(start_of(SID))
        waiting = asyncio.create_task(house.gateway.written(prompt(SID)))
        while len(house.local.journal(SID)) < 2:  # noqa: ASYNC110 - one turn of the loop
            await asyncio.sleep(0)
        house.local.start()  # as after kill -9: what was on its way to the producer is gone
        accepted = await waiting
        assert (accepted.turn, accepted.seq) == ("t1", 2)
        assert len(house.local.journal(SID)) == 2
        house.close()

    asyncio.run(story())


def test_a_later_event_brings_the_result_of_an_earlier_one_that_was_lost_with_the_store() -> None:
    state = SessionState(SID)
    for line in journal(start_of(SID), structs.replace(prompt(SID), turn="t1")):
        state.apply(line)
    # The store that wrote the prompt died before it said so; a later event reaches the next one first.
    head = Append(p="test.boot", sid=SID, n=3, base=2)
    batch = Sequencer("boot", {}, lambda _: True).number(state, head, [wire.encode_body(e.SessionNote(sid=SID, text="lost"))], 2)
    assert [(result.n, result.turn) for result in batch.noteworthy] == [(2, "t1"), (3, "")]


def test_a_follower_finds_what_was_written_and_never_published(tmp_path: Path) -> None:
    async def story() -> None:
        from opta_core.bus.subscription import Subscriptions

        house = House(tmp_path)
        await house.gateway.written(start_of(SID))
        await house.gateway.written(prompt(SID))
        seen: list[bytes] = []
        subscriptions = Subscriptions(house.bus, house.client)
        subscription = subscriptions.follow(SID, 0, lambda first, lines: seen.extend(lines))
        await subscription.caught_up.wait()
        house.local.store.heartbeat()
        await settle()
        state = house.local.store.catalog.state(SID)
        assert state is not None
        line = wire.stamp(wire.encode_body(done()), 3, "2026-01-01T00:00:00.000000Z", "agent.agent000", 1)
        house.local.store.catalog.journal(SID).append(line + b"\n")
        house.local.start()
        house.local.store.heartbeat()
        assert await until_async(lambda: len(seen) >= 3)
        await settle()
        assert seen == house.local.journal(SID)
        house.close()

    asyncio.run(story())


def test_work_that_did_not_arrive_is_handed_out_again(tmp_path: Path) -> None:
    async def story() -> None:
        import msgspec

        from opta_protocol.commands import Hello
        from opta_protocol.topics import STORE_CMD

        house = House(tmp_path)
        hello = [msgspec.json.encode(Hello(service="agent", boot="agent000"))]
        lost = house.bus.dealer(STORE_CMD, lambda frames: None)
        lost.send(hello)
        await settle()
        await house.gateway.written(start_of(SID))
        await house.gateway.written(prompt(SID))
        work: list[bytes] = []
        back = house.bus.dealer(STORE_CMD, lambda frames: work.append(frames[0]))

        def is_handed_out() -> bool:
            back.send(hello)
            return any(json.loads(message).get("turns") for message in work)

        assert await until_async(is_handed_out)
        assert any(json.loads(message).get("turns") == [{"sid": SID, "turn": "t1", "seq": 2}] for message in work)
        assert len(house.local.journal(SID)) == 2
        house.close()

    asyncio.run(story())


def test_a_line_of_many_megabytes_is_read_back_with_all_after_it(tmp_path: Path) -> None:
    async def story() -> None:
        house = House(tmp_path)
        await house.gateway.written(start_of(SID))
        await house.gateway.written(prompt(SID))
        house.agent.append(e.TurnToken(sid=SID, turn="t1", delta="x" * 6_000_000))
        await house.agent.written(done())
        assert await house.client.all_after(SID, 0) == house.local.journal(SID)
        assert len(await house.client.all_after(SID, 2)) == 2
        house.close()

    asyncio.run(story())


def test_what_is_thrown_away_is_not_in_the_next_list_however_soon_the_store_stops(tmp_path: Path) -> None:
    async def story() -> None:
        house = House(tmp_path)
        await house.gateway.written(start_of(SID))
        await house.gateway.written(e.SessionUpdated(sid=SID, changes={"trashed": True}))
        house.local.restart()
        assert (await house.client.sessions()).sessions == []
        assert not (tmp_path / "sessions" / f"{SID}.jsonl").exists()
        assert (tmp_path / "trash" / f"{SID}.jsonl").exists()
        house.close()

    asyncio.run(story())


def test_a_journal_that_could_not_be_read_at_one_start_is_read_at_the_next(tmp_path: Path) -> None:
    class Unreadable(FailingFiles):
        is_broken = False

        def open(self, file: Path, flags: int) -> int:
            if self.is_broken and file.suffix == ".jsonl":
                raise OSError(24, "Too many open files")
            return super().open(file, flags)

    async def story() -> None:
        files = Unreadable()
        house = House(tmp_path, files)
        await house.gateway.written(start_of(SID))
        await house.gateway.written(prompt(SID))
        house.local.store.close()
        (tmp_path / "sessions" / "index.lines").unlink(missing_ok=True)
        files.is_broken = True
        house.local.start()
        assert (await house.client.session(SID)).title == "(cannot be read: Too many open files)"
        house.local.store.close()
        files.is_broken = False
        house.local.start()
        summary = await house.client.session(SID)
        assert (summary.title, summary.state, summary.activeTurn) == ("hello", "running", "t1")
        house.close()

    asyncio.run(story())


def long_session(folder: Path) -> None:
    """A journal that takes a moment to read, with its second turn ended."""
    (folder / "sessions").mkdir()
    began = e.TurnStart(sid=SID, turn="t1", role="user", text="x", mode=Mode.do, level=Level.L2)
    lines = journal(start_of(SID), began, *(e.TurnToken(sid=SID, turn="t1", delta="x" * 700) for _ in range(6000)), done())
    (folder / "sessions" / f"{SID}.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    assert (folder / "sessions" / f"{SID}.jsonl").stat().st_size > SLOW_BYTES


def test_a_long_session_is_opened_beside_the_work_of_the_others(tmp_path: Path) -> None:
    class Watched(FileSystem):
        """Notes what is written to the disk while the long session is not open."""

        is_open: Callable[[], bool] | None = None
        beside = b""

        def write(self, descriptor: int, content: bytes) -> int:
            if self.is_open is not None and not self.is_open():
                self.beside += content
            return super().write(descriptor, content)

    async def story() -> None:
        long_session(tmp_path)
        files = Watched()
        house = House(tmp_path, files)
        house.local.store.catalog.forget(SID)
        await house.gateway.written(start_of("fedcba"))
        files.is_open = lambda: SID in house.local.store.catalog.states
        first = asyncio.create_task(house.gateway.written(prompt(SID, "one")))
        second = asyncio.create_task(house.agent.written(token(1)))
        await asyncio.sleep(0)
        assert (await house.gateway.written(e.SessionNote(sid="fedcba", text="beside"))).status == "written"
        accepted = await first
        assert (accepted.turn, accepted.seq) == ("t2", 6004)
        assert (await second).status == "fenced"
        assert (await house.agent.written(token(2, "t2"))).status == "written"
        assert len(house.local.journal(SID)) == 6005
        assert b'"beside"' in files.beside
        house.close()

    asyncio.run(story())


def test_a_long_session_that_cannot_be_opened_refuses_and_is_opened_later(tmp_path: Path) -> None:
    class Unreadable(FailingFiles):
        is_broken = False

        def read(self, descriptor: int, size: int, offset: int) -> bytes:
            if self.is_broken:
                raise OSError(5, "Input/output error")
            return super().read(descriptor, size, offset)

    async def story() -> None:
        long_session(tmp_path)
        files = Unreadable()
        house = House(tmp_path, files)
        house.local.store.catalog.forget(SID)
        files.is_broken = True
        refused = await house.gateway.written(prompt(SID, "one"))
        assert refused.error is not None
        assert refused.error.code is ErrorCode.storage_full
        files.is_broken = False
        assert (await house.gateway.written(prompt(SID, "one"))).turn == "t2"
        house.close()

    asyncio.run(story())
