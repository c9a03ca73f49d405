"""Damaged and hostile session files: what was accepted stays readable, and nothing is dropped without a word."""

import time
from pathlib import Path
from zlib import crc32

import pytest
from support.aftermath import MEBIBYTE, peak_memory_below
from support.journals import LINES, OTHER, SID, WHOLE, ask, disk, file_of, listed, play, replayed
from support.limits import limit_s
from support.store import House, prompt

from opta_protocol import events as e
from opta_protocol import wire
from opta_protocol.error_info import ErrorCode


def kinds(lines: list[bytes], code: str = "") -> list[str]:
    return [wire.event_name(line) for line in lines if code.encode() in line]


@pytest.mark.attack("A53")
def test_a_journal_cut_at_any_byte_of_its_last_three_lines_opens_and_takes_turns(tmp_path: Path) -> None:
    first = len(WHOLE) - sum(len(line) + 1 for line in LINES[-3:])
    with disk(tmp_path, "256m"):
        for cut in range(first, len(WHOLE) + 1):
            kept = WHOLE[:cut].count(b"\n")
            torn = WHOLE[:cut].rpartition(b"\n")[2]
            folder = tmp_path / str(cut)

            async def story(house: House, kept: int = kept, torn: bytes = torn) -> None:
                assert set(await listed(house)) == {SID, OTHER}
                assert await replayed(house) == LINES[:kept]
                assert (await ask(house)).status == "written"
                house.local.restart()
                assert (await ask(house, "again")).status == "written"
                lines = await replayed(house)
                assert lines == house.local.journal(SID)
                assert lines[:kept] == LINES[:kept]
                assert kinds(lines, "journal_torn") == (["warning"] if torn else [])

            play(folder, story, WHOLE[:cut])
            assert not torn or file_of(folder).with_suffix(".torn").read_bytes() == torn + b"\n"


JUNK = {
    "a block of NULs": b"\0" * 4096,
    "a line of NULs": b"\0" * 4096 + b"\n",
    "a binary line": bytes(range(11, 256)) + b"\n",
    "a line of brackets": b"{" * 50_000 + b"\n",
    "an empty line": b"\n",
    "a line with CR": LINES[2] + b"\r\n",
    "a byte order mark": b"\xef\xbb\xbf",
}


@pytest.mark.attack("A54")
@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("before", [0, 2, 5], ids=["first", "between", "last"])
def test_junk_in_a_journal_is_reported_and_neither_skipped_nor_lost(tmp_path: Path, junk: str, before: int) -> None:
    good = b"".join(line + b"\n" for line in LINES[:before])
    _check_damaged(tmp_path, good + JUNK[junk] + WHOLE[len(good) :], before)


@pytest.mark.attack("A54")
def test_a_journal_whose_newlines_were_all_changed_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    _check_damaged(tmp_path, WHOLE.replace(b"\n", b"\r\n"), 0)


def _check_damaged(folder: Path, content: bytes, good: int) -> None:
    """Read-only and said so, or cut off, kept aside and said so; the same at the next start; the neighbour is well."""

    async def story(house: House) -> None:
        for number in range(3):
            summary = (await listed(house))[SID]
            assert (await replayed(house))[:good] == LINES[:good]
            result = await ask(house, f"turn {number}")
            if summary.state == "failed":
                assert result.error is not None and result.error.code is ErrorCode.broken
                assert file_of(folder).read_bytes() == content
                assert len(await replayed(house)) == good
            else:
                assert good == len(LINES)
                assert result.status == "written"
                assert kinds(await replayed(house), "journal_torn") == ["warning"]
                assert content[len(WHOLE) :].rstrip(b"\n") in file_of(folder).with_suffix(".torn").read_bytes()
            house.local.restart()
        assert (await house.gateway.written(prompt(OTHER))).status == "written"

    play(folder, story, content)


@pytest.mark.attack("A55")
@pytest.mark.parametrize("size", [64 * MEBIBYTE, 1024 * MEBIBYTE], ids=["64 MiB", "1 GiB sparse"])
@pytest.mark.parametrize("is_last", [True, False], ids=["at the end", "between"])
def test_a_line_without_end_is_given_up_early_and_the_others_are_listed(tmp_path: Path, size: int, is_last: bool) -> None:
    play(tmp_path, replayed, WHOLE)
    file = file_of(tmp_path)
    with open(file, "wb") as handle:
        handle.write(b"".join(line + b"\n" for line in LINES[:3]))
        for _ in range(size // MEBIBYTE if size <= 64 * MEBIBYTE else 0):
            handle.write(b"x" * MEBIBYTE)
        handle.truncate(size)
        if not is_last:
            handle.seek(size)
            handle.write(b"\n" + LINES[3] + b"\n")
    started = time.perf_counter()

    async def story(house: House) -> None:
        sessions = await listed(house)
        assert time.perf_counter() - started < limit_s(2)
        assert {sid: session.state for sid, session in sessions.items()} == {SID: "failed", OTHER: "idle"}
        assert await replayed(house) == LINES[:3]
        house.local.restart()
        assert await replayed(house) == LINES[:3]

    with peak_memory_below(64 * MEBIBYTE):
        play(tmp_path, story)
    assert file.stat().st_size >= size


@pytest.mark.attack("A55")
def test_the_store_itself_writes_no_line_that_it_would_not_read_again(tmp_path: Path) -> None:
    async def story(house: House) -> None:
        great = await house.agent.written(e.SessionNote(sid=SID, text="x" * 17 * MEBIBYTE))
        assert great.error is not None and great.error.code is ErrorCode.too_large
        assert (await ask(house)).status == "written"
        house.local.restart()
        assert (await replayed(house))[:-1] == LINES

    play(tmp_path, story, WHOLE)


def restamped(line: bytes, old: bytes, new: bytes) -> bytes:
    """The line with a change in it, and the checksum that fits."""
    head = line[: line.rindex(b',"c"')].replace(old, new, 1)
    assert head not in line
    return b'%b,"c":"%08x"}' % (head, crc32(head))


@pytest.mark.attack("A56")
@pytest.mark.parametrize("seq", [b'"seq":2', b'"seq":1', b'"seq":9', b'"sqe":3', b'"seq":"3"', b'"seq":9223372036854775808', b'"seq":3.0'])
@pytest.mark.parametrize("at", [2, 4], ids=["between", "last"])
def test_a_seq_that_is_not_the_next_one_ends_what_is_read(tmp_path: Path, seq: bytes, at: int) -> None:
    lines = [*LINES[:at], restamped(LINES[at], b'"seq":%d' % (at + 1), seq), *LINES[at + 1 :]]

    async def story(house: House) -> None:
        for _ in range(3):
            assert await replayed(house) == LINES[:at]
            assert (await listed(house))[SID].state == ("failed" if at == 2 else "running")
            house.local.restart()

    play(tmp_path, story, b"".join(line + b"\n" for line in lines))


@pytest.mark.attack("A56")
@pytest.mark.parametrize(
    ("ts", "is_read"),
    [(b'"ts":"2025-01-01T00:00:00.000000Z"', True), (b'"ts":"9999-12-31T23:59:59.999999Z"', True), (b'"ts":""', True), (b'"xx":""', True), (b'"ts":5', False)],
    ids=["an hour back", "year 9999", "empty", "missing", "a number"],
)  # fmt: skip
def test_time_decides_nothing_and_a_line_of_a_wrong_shape_stops_no_store(tmp_path: Path, ts: bytes, is_read: bool) -> None:
    old = LINES[2][LINES[2].index(b'"ts"') : LINES[2].index(b',"sid"')]
    lines = [*LINES[:2], restamped(LINES[2], old, ts), *LINES[3:]]

    async def story(house: House) -> None:
        for _ in range(3):
            assert await replayed(house) == lines[: 5 if is_read else 2]
            assert (await listed(house))[SID].state == ("idle" if is_read else "failed")
            house.local.restart()

    play(tmp_path, story, b"".join(line + b"\n" for line in lines))
