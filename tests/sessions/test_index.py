"""Many sessions: a start opens only what changed, whatever happened to the index, and lists always match the journals."""

import os
import random
import time
from collections import Counter
from pathlib import Path

import pytest
from support.work import Work

from opta_core.clock import utc_at
from opta_core.errors import Unavailable
from opta_protocol import events as e
from opta_protocol import wire
from opta_protocol.commands import ListSessions
from opta_protocol.http import Session
from opta_protocol.ids import new_session_id
from opta_protocol.permissions import Level, Mode
from opta_sessions.catalog import READ_FIRST, SETTLED_S, SessionCatalog
from opta_sessions.files import FileSystem
from opta_sessions.index import NAME
from opta_sessions.listing import SessionListing

MANY = 5000
OLD_NS = 1_700_000_000 * 10**9


class CountingFiles(FileSystem):
    """Which files were opened."""

    def __init__(self) -> None:
        self.opened: Counter[str] = Counter()

    def open(self, file: Path, flags: int) -> int:
        self.opened[file.name] += 1
        return super().open(file, flags)


def lines_of(sid: str, title: str, at_ns: int = OLD_NS, *, is_open: bool = False) -> list[bytes]:
    events: list[e.Event] = [
        e.SessionStart(sid=sid, title=title, cwd="/w", mode=Mode.do, level=Level.L2),
        e.TurnStart(sid=sid, turn="t1", role="user", text="x", mode=Mode.do, level=Level.L2),
    ]
    if not is_open:
        events.append(e.TurnDone(sid=sid, turn="t1", tokens=1, elapsed=1, tokensPerSec=1, tools=0, steps=1, finish="stop"))
    ts = utc_at(at_ns / 1e9)
    return [wire.stamp(wire.encode_body(event), seq, ts, "test.boot", seq) for seq, event in enumerate(events, 1)]


def write(folder: Path, sid: str, lines: list[bytes], changed_ns: int) -> None:
    file = folder / f"{sid}.jsonl"
    file.write_bytes(b"".join(line + b"\n" for line in lines))
    file.chmod(0o600)
    os.utime(file, ns=(changed_ns, changed_ns))


def generate(folder: Path, count: int) -> list[str]:
    """Journals of so many sessions, the last one the newest; their ids."""
    for name in ("sessions", "trash", "archive"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    sids: dict[str, None] = {}
    while len(sids) < count:
        sids[new_session_id()] = None
    for number, sid in enumerate(sids):
        at_ns = OLD_NS + number * 10**9
        write(folder / "sessions", sid, lines_of(sid, f"Session {number}", at_ns), at_ns)
    return list(sids)


def start(folder: Path, files: FileSystem | None = None) -> SessionCatalog:
    catalog = SessionCatalog(folder / "sessions", {name: folder / name for name in ("trash", "archive")}, files or FileSystem())
    catalog.load()
    return catalog


def read_all(catalog: SessionCatalog) -> None:
    while catalog.is_reading:
        catalog.read_more(100)
    catalog.note()


def listed(catalog: SessionCatalog, limit: int = 1000) -> list[Session]:
    found: list[Session] = []
    cursor = ""
    while True:
        page = SessionListing(catalog).page(ListSessions(id=1, limit=limit, cursor=cursor))
        found += page.sessions
        if page.nextCursor is None:
            return found
        cursor = page.nextCursor


def as_read(folder: Path) -> list[Session]:
    """The list of a start that has no index."""
    (folder / "sessions" / NAME).unlink(missing_ok=True)
    catalog = start(folder)
    read_all(catalog)
    found = listed(catalog)
    (folder / "sessions" / NAME).unlink(missing_ok=True)
    return found


def test_a_start_opens_the_index_alone_and_lists_what_the_journals_say(tmp_path: Path) -> None:
    sids = generate(tmp_path, MANY)
    files = CountingFiles()
    first = start(tmp_path, files)
    # Not one more than is read before the store answers.
    assert sum(count for name, count in files.opened.items() if name.endswith(".jsonl")) == READ_FIRST
    # The first page is right although most journals are not read; a search would miss some, and says so.
    assert {s.title for s in SessionListing(first).page(ListSessions(id=1)).sessions} == {f"Session {n}" for n in range(MANY - 50, MANY)}
    with pytest.raises(Unavailable, match="not read yet"):
        SessionListing(first).page(ListSessions(id=1, q="Session"))
    assert first.summary(sids[0]).title == "Session 0"
    assert SessionListing(first).resolve(sids[7]) == sids[7]
    read_all(first)
    found = listed(first)
    assert [s.lastActivityAt for s in found] == sorted((s.lastActivityAt for s in found), reverse=True)
    assert {s.id for s in found} == set(sids)
    # Killed: nothing is closed, nothing is saved.
    files = CountingFiles()
    second = start(tmp_path, files)
    assert files.opened == {NAME: 1}
    assert not second.is_reading
    assert listed(second) == found
    assert [s.title for s in SessionListing(second).page(ListSessions(id=1, q="session 4999")).sessions] == ["Session 4999"]


def test_whatever_changed_behind_the_index_is_read_again(tmp_path: Path) -> None:
    sids = generate(tmp_path, 300)
    read_all(start(tmp_path))
    folder = tmp_path / "sessions"
    longer, same_size, gone, new, running = *sids[:3], "newnew", "runrun"
    write(folder, longer, [*lines_of(longer, "Session 0"), *journal_end(longer, 4)], OLD_NS)
    write(folder, same_size, lines_of(same_size, "Another1"), OLD_NS + 5)
    (folder / f"{gone}.jsonl").unlink()
    write(folder, new, lines_of(new, "New"), OLD_NS)
    write(folder, running, lines_of(running, "Running", is_open=True), OLD_NS)
    files = CountingFiles()
    catalog = start(tmp_path, files)
    assert {name for name in files.opened if name != NAME} == {f"{sid}.jsonl" for sid in (longer, same_size, new, running)}
    found = {s.id: s for s in listed(catalog)}
    assert (found[longer].lastSeq, found[same_size].title, found[new].title) == (4, "Another1", "New")
    assert gone not in found
    assert (found[running].state, found[running].activeTurn) == ("running", "t1")
    assert list(found.values()) == as_read(tmp_path)


def journal_end(sid: str, seq: int) -> list[bytes]:
    return [wire.stamp(wire.encode_body(e.SessionNote(sid=sid, text="more")), seq, "2026-01-02T03:04:05.000004Z", "test.boot", seq)]


def test_an_index_that_is_cut_flipped_or_garbage_changes_no_list(tmp_path: Path) -> None:
    generate(tmp_path, 40)
    read_all(start(tmp_path))
    index = tmp_path / "sessions" / NAME
    whole = index.read_bytes()
    expected = as_read(tmp_path)
    chance = random.Random(1)
    for _ in range(60):
        damaged = bytearray(whole)
        kind = chance.choice(["cut", "flip", "zero", "garbage", "twice"])
        at = chance.randrange(len(damaged))
        if kind == "cut":
            del damaged[at:]
        elif kind == "flip":
            damaged[at] ^= 1 << chance.randrange(8)
        elif kind == "zero":
            damaged[at:] = bytes(len(damaged) - at)
        elif kind == "garbage":
            damaged[at:at] = bytes(chance.randrange(256) for _ in range(50))
        else:
            damaged += damaged[at:]
        index.write_bytes(damaged)
        catalog = start(tmp_path)
        read_all(catalog)
        assert listed(catalog) == expected, kind
        # What was appended behind a torn line is read.
        again = CountingFiles()
        assert listed(start(tmp_path, again)) == expected
        assert set(again.opened) == {NAME}
    index.write_bytes(b'{"abcdef":{"size":1}}')
    assert listed(start(tmp_path)) == expected


def test_an_index_of_old_lines_is_written_anew_and_stays_small(tmp_path: Path) -> None:
    generate(tmp_path, 10)
    read_all(start(tmp_path))
    index = tmp_path / "sessions" / NAME
    whole = index.read_bytes()
    index.write_bytes(whole * 400)
    expected = listed(start(tmp_path))
    assert len(index.read_bytes()) == len(whole)
    assert listed(start(tmp_path)) == expected


def test_a_journal_that_was_written_a_moment_ago_is_not_believed_to_be_on_the_disk(tmp_path: Path) -> None:
    generate(tmp_path, 3)
    now = time.time_ns()
    write(tmp_path / "sessions", "newnew", lines_of("newnew", "New"), now)
    write(tmp_path / "sessions", "agoago", lines_of("agoago", "Old"), now - int((SETTLED_S + 5) * 1e9))
    read_all(start(tmp_path))
    files = CountingFiles()
    start(tmp_path, files)
    assert set(files.opened) == {NAME, "newnew.jsonl"}


def test_a_page_costs_what_it_shows_and_not_how_many_sessions_there_are(tmp_path: Path) -> None:
    def work_of(count: int) -> int:
        folder = tmp_path / str(count)
        folder.mkdir()
        generate(folder, count)
        read_all(start(folder))
        catalog = start(folder)
        page = SessionListing(catalog).page(ListSessions(id=1, limit=20))
        with Work() as work:
            SessionListing(catalog).page(ListSessions(id=1, limit=20, cursor=page.nextCursor or ""))
        return work.count

    assert work_of(2000) <= work_of(100) * 1.1
