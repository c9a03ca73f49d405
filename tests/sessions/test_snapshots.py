"""A snapshot beside a journal: used only with exactly its journal, dropped in every doubt, never needed."""

import asyncio
import errno
import os
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.events import journal as lines_of
from support.oracles import until_async
from support.snapshots import reduced, state_fields
from support.store import House, prompt, settle, start_of

from opta_core.code_edition import code_edition
from opta_protocol import events as e
from opta_protocol import wire
from opta_protocol.permissions import Level, Mode
from opta_sessions.catalog import SessionCatalog
from opta_sessions.files import FileSystem
from opta_sessions.journal import Journal, JournalPosition
from opta_sessions.snapshot_format import HEADER_BYTES_MAX, encode_state, encoded

SID, OTHER = "abcdef", "fedcba"
CONTEXT = b"what an agent knew " * 50


def run(folder: Path, story: Callable[[House], Awaitable[None]], files: FileSystem | None = None) -> None:
    async def whole() -> None:
        house = House(folder, files)
        try:
            await story(house)
        finally:
            house.close()

    asyncio.run(whole())


async def turn(house: House, number: int, *, ends: bool = True) -> int:
    """A turn; the seq of its last line."""
    began = await house.gateway.written(prompt(SID, f"say {number}", f"k{number}"))
    await house.agent.written(e.StepStart(sid=SID, turn=began.turn, step=1, provider="p", model="m", attempt=1))
    call = e.ToolCall(sid=SID, turn=began.turn, callId=f"c{number}", name="read_file", args={}, risk="read", step=1)  # type: ignore[arg-type]
    await house.agent.written(call)
    if not ends:
        return (await house.agent.written(e.TurnToken(sid=SID, turn=began.turn, delta="half"))).seq or house.local.store.catalog.states[
            SID
        ].last_seq
    done = e.TurnDone(sid=SID, turn=began.turn, tokens=1, elapsed=1, tokensPerSec=1, tools=0, steps=1, finish="stop")
    return (await house.agent.written(done)).seq


async def kept(house: House) -> int:
    """A session with a snapshot; after which line it is."""
    await house.gateway.written(start_of(SID))
    seq = 0
    for number in range(3):
        seq = await turn(house, number)
    assert await house.client.keep_snapshot(SID, seq, CONTEXT)
    return seq


def file_of(house: House, kind: str = "snapshot", sid: str = SID) -> Path:
    return house.local.folder / "sessions" / f"{sid}.{kind}"


def whole_state(house: House) -> dict[str, object]:
    return state_fields(reduced(SID, house.local.journal(SID)))


def test_a_store_that_starts_again_goes_on_from_the_snapshot_and_the_lines_after_it(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        seq = await kept(house)
        await turn(house, 7)
        await turn(house, 8, ends=False)
        before = house.local.store.catalog.states[SID]
        house.local.restart()
        assert await house.client.snapshot(SID) == (seq, CONTEXT)
        state = house.local.store.catalog.states[SID]
        assert state_fields(state) == state_fields(before) == whole_state(house)
        # A resent prompt gets the turn that it began, and no second one.
        again = await house.gateway.written(prompt(SID, "say 1", "k1"))
        assert (again.turn, again.repeated) == ("t2", True)

    run(tmp_path, story)


def test_nothing_is_given_for_a_session_without_a_snapshot(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        await house.gateway.written(start_of(SID))
        assert await house.client.snapshot(SID) == (0, b"")
        assert await house.client.snapshot(OTHER) == (0, b"")

    run(tmp_path, story)


def test_a_snapshot_after_a_line_that_is_not_the_last_one_is_refused(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        await house.gateway.written(start_of(SID))
        seq = await turn(house, 0)
        assert not await house.client.keep_snapshot(SID, seq - 1, CONTEXT)
        assert not await house.client.keep_snapshot(SID, seq + 1, CONTEXT)
        assert not await house.client.keep_snapshot(OTHER, 1, CONTEXT)
        assert not file_of(house).exists()

    run(tmp_path, story)


def test_a_snapshot_is_private_to_its_user(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        await kept(house)
        assert file_of(house).stat().st_mode & 0o777 == 0o600

    run(tmp_path, story)


def _edited(line: bytes) -> bytes:
    """The line with another content and a right checksum."""
    body, ts = wire.unstamp(line)
    header = wire.read_header(line)
    return wire.stamp(body.replace(b"say 1", b"say 9"), header.seq, ts, header.p, header.n)


def _shorter(lines: list[bytes]) -> list[bytes]:
    return lines[:-4]


def _changed(lines: list[bytes]) -> list[bytes]:
    return [_edited(line) if b"say 1" in line else line for line in lines]


def _another(lines: list[bytes]) -> list[bytes]:
    return lines_of(start_of(SID), *(e.SessionNote(sid=SID, text=f"note {n}", kind="x") for n in range(60)))


@pytest.mark.parametrize("change", [_shorter, _changed, _another])
def test_a_journal_that_was_changed_is_read_from_its_beginning(tmp_path: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    async def story(house: House) -> None:
        await kept(house)
        lines = house.local.journal(SID)
        house.local.store.close()
        file_of(house, "jsonl").write_bytes(b"".join(line + b"\n" for line in change(lines)))
        house.local.start()
        assert await house.client.snapshot(SID) == (0, b"")
        state = house.local.store.catalog.states.get(SID) or house.local.store.catalog.state(SID)
        assert state is not None and state_fields(state) == whole_state(house)
        assert not file_of(house).exists()

    run(tmp_path, story)


def test_damage_before_the_snapshots_end_is_still_found(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        await kept(house)
        house.local.store.close()
        content = bytearray(file_of(house, "jsonl").read_bytes())
        content[len(content) // 2] ^= 1
        file_of(house, "jsonl").write_bytes(content)
        house.local.start()
        state = house.local.store.catalog.state(SID)
        assert state is not None and state.is_damaged
        await house.client.repair(SID, is_wanted=True)
        assert await house.client.snapshot(SID) == (0, b"")

    run(tmp_path, story)


def test_a_torn_tail_behind_the_snapshot_is_cut_off(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        seq = await kept(house)
        house.local.store.close()
        with file_of(house, "jsonl").open("ab") as journal:
            journal.write(b'{"seq":99,"eve')
        house.local.start()
        assert await house.client.snapshot(SID) == (seq, CONTEXT)
        assert len(house.local.journal(SID)) == seq

    run(tmp_path, story)


def test_another_edition_of_the_code_does_not_use_it(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        await kept(house)
        house.local.store.close()
        folders = {name: tmp_path / name for name in ("trash", "archive")}
        for edition in ("", "another"):
            catalog = SessionCatalog(tmp_path / "sessions", folders, FileSystem(), lambda edition=edition: edition)
            catalog.load()
            state = catalog.state(SID)
            assert state is not None and state_fields(state) == whole_state(house)
            assert catalog.snapshots.context(SID) == (0, b"")
            catalog.close()
        house.local.start()

    run(tmp_path, story)


def test_code_that_changed_since_the_process_started_has_no_edition(tmp_path: Path) -> None:
    assert len(code_edition(Path(__file__).parent.parent.parent / "services" / "opta_sessions")) == 64
    (tmp_path / "new.py").write_text("x = 1\n")
    assert code_edition(tmp_path) == ""


@pytest.mark.parametrize("change", [{"trashed": True}, {"pruned": True}])
def test_a_session_that_is_put_away_leaves_none_behind(tmp_path: Path, change: dict[str, bool]) -> None:
    async def story(house: House) -> None:
        await kept(house)
        await house.gateway.written(e.SessionUpdated(sid=SID, changes=change))
        assert await until_async(lambda: not file_of(house, "jsonl").exists() and not file_of(house).exists())
        restored = await house.client.restore(SID)
        assert restored.id == SID
        assert await house.client.snapshot(SID) == (0, b"")

    run(tmp_path, story)


def test_a_fork_begins_without_one(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        await kept(house)
        await house.client.fork(SID, OTHER, "t2", is_before=False)
        assert await house.client.snapshot(OTHER) == (0, b"")
        assert file_of(house).exists()

    run(tmp_path, story)


def test_snapshots_without_a_journal_and_unfinished_ones_are_removed_at_the_start(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        await kept(house)
        house.local.store.close()
        file_of(house, sid=OTHER).write_bytes(b"orphan")
        unfinished = house.local.folder / "sessions" / f".{OTHER}.snapshot.part"
        unfinished.write_bytes(b"half")
        house.local.start()
        assert (file_of(house).exists(), file_of(house, sid=OTHER).exists(), unfinished.exists()) == (True, False, False)

    run(tmp_path, story)


class _FullForSnapshots(FileSystem):
    """No snapshot can be written: a part of it is, then the disk is full."""

    def __init__(self) -> None:
        self._parts: set[int] = set()

    def open(self, file: Path, flags: int) -> int:
        descriptor = super().open(file, flags)
        if "snapshot" in file.name:
            self._parts.add(descriptor)
        return descriptor

    def close(self, descriptor: int) -> None:
        self._parts.discard(descriptor)
        super().close(descriptor)

    def write(self, descriptor: int, content: bytes) -> int:
        if descriptor in self._parts:
            os.write(descriptor, content[: len(content) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(descriptor, content)


def test_a_full_disk_costs_the_snapshot_and_nothing_else(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        await house.gateway.written(start_of(SID))
        seq = await turn(house, 0)
        assert not await house.client.keep_snapshot(SID, seq, CONTEXT)
        assert [file.name for file in (tmp_path / "sessions").iterdir() if "snapshot" in file.name] == []
        assert not house.local.store.storage.is_failing
        await turn(house, 1)
        await settle()

    run(tmp_path, story, _FullForSnapshots())


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes, int]:
    """(journal, snapshot, its line)"""
    folder = tmp_path_factory.mktemp("saved")
    found: list[tuple[bytes, bytes, int]] = []

    async def story(house: House) -> None:
        seq = await kept(house)
        found.append((file_of(house, "jsonl").read_bytes(), file_of(house).read_bytes(), seq))

    run(folder, story)
    return found[0]


def _opened(journal: bytes, snapshot: bytes) -> tuple[dict[str, object], tuple[int, bytes]]:
    """(the state of the session, what is given to an agent) with these files."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for each in ("sessions", "trash", "archive"):
            (folder / each).mkdir()
        (folder / "sessions" / f"{SID}.jsonl").write_bytes(journal)
        (folder / "sessions" / f"{SID}.snapshot").write_bytes(snapshot)
        catalog = SessionCatalog(folder / "sessions", {"trash": folder / "trash", "archive": folder / "archive"}, FileSystem())
        state = catalog.state(SID)
        assert state is not None
        given = catalog.snapshots.context(SID)
        catalog.close()
        return state_fields(state), given


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_damage_to_a_snapshot_changes_what_is_known(saved: tuple[bytes, bytes, int], data: st.DataObject) -> None:
    journal, snapshot, seq = saved
    broken = bytearray(snapshot)
    if data.draw(st.booleans()):
        broken = broken[: data.draw(st.integers(0, len(snapshot) - 1))]
    else:
        broken[data.draw(st.integers(0, len(snapshot) - 1))] ^= data.draw(st.integers(1, 255))
    known, given_context = _opened(journal, bytes(broken))
    assert known == state_fields(reduced(SID, journal.splitlines()))
    assert given_context in [(0, b""), (seq, CONTEXT)]


_TURN = st.sampled_from(["done", "error", "cancelled", "open", "queued"])


def _turn_events(number: int, how: str) -> list[e.Event]:
    of: dict[str, Any] = {"sid": SID, "turn": f"t{number}"}
    events: list[e.Event] = [e.TurnStart(role="user", text=f"say {number}", mode=Mode.do, level=Level.L2, key=f"k{number}", body="b", **of)]
    if how == "queued":
        return [*events, e.TurnQueued(position=1, **of)]
    events += [
        e.StepStart(step=1, provider="p", model="m", attempt=1, **of),
        e.TurnThinking(delta="hm", **of),
        e.TurnToken(delta="word", **of),
        e.ToolCall(callId=f"c{number}", name="run_command", args={"command": "ls"}, risk="execute", step=1, **of),  # type: ignore[arg-type]
        e.PermissionRequest(
            requestId=f"r{number}", callId=f"c{number}", name="run_command", args={}, reason="", rule="", layer="", expiresAt="", **of
        ),
        e.TurnSteer(steerId=f"s{number}", text="more", **of),
        e.TurnPausing(by="client", key=f"p{number}", **of),
        e.TurnResumed(by="client", key=f"q{number}", **of),
    ]
    if how == "done":
        events.append(e.TurnDone(tokens=1, elapsed=1, tokensPerSec=1, tools=0, steps=1, finish="stop", **of))
    elif how == "error":
        events.append(e.TurnError(code="broken", message="no", domain="tool", retryable=True, resumable=True, **of))  # type: ignore[arg-type]
    elif how == "cancelled":
        events.append(e.SessionCancelled(reason="stopped", by="client", **of))
    return events


@settings(max_examples=60, deadline=None)
@given(st.lists(_TURN, max_size=6), st.data())
def test_any_journal_reduces_to_the_same_state_from_any_of_its_lines(kinds: list[str], data: st.DataObject) -> None:
    events: list[e.Event] = [start_of(SID)]
    for number, how in enumerate(kinds, 1):
        events += _turn_events(number, how)
        events.append(e.SessionUpdated(sid=SID, changes={"title": f"title {number}", "pinned": True}))
    lines = lines_of(*events)
    seq = data.draw(st.integers(1, len(lines)))
    content = b"".join(line + b"\n" for line in lines)
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / f"{SID}.jsonl"
        file.write_bytes(b"".join(line + b"\n" for line in lines[:seq]))
        journal = Journal(file, FileSystem())
        journal.recover()
        assert journal.crc is not None
        position = JournalPosition(journal.size, seq, journal.crc)
        journal.close()
    state = reduced(SID, lines[:seq])
    snapshot = b"".join(
        encoded(SID, code_edition(Path(__file__).parents[2] / "services" / "opta_sessions"), position, encode_state(state), CONTEXT)
    )
    known, given_context = _opened(content, snapshot)
    assert known == state_fields(reduced(SID, lines))
    assert given_context == (seq, CONTEXT)
    assert len(snapshot) > HEADER_BYTES_MAX
