"""A journal reads back to its last whole line, whatever happened to its end."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.events import journal as lines_of

from opta_protocol import events as e
from opta_protocol import wire
from opta_protocol.permissions import Level, Mode
from opta_sessions.files import FileSystem
from opta_sessions.journal import Journal

LINES = lines_of(
    e.SessionStart(sid="abcdef", title="é\n\u2028", cwd="/", mode=Mode.chat, level=Level.L1),
    *(e.TurnToken(sid="abcdef", turn="t1", delta=f"word {number} “quoted” \u0000") for number in range(40)),
)
CONTENT = b"\n".join(LINES) + b"\n"


def opened(folder: Path, content: bytes) -> Journal:
    file = folder / "abcdef.jsonl"
    file.write_bytes(content)
    return Journal(file, FileSystem())


def whole_lines(cut: int) -> int:
    return CONTENT[:cut].count(b"\n")


def test_cut_at_every_byte_of_the_tail(tmp_path: Path) -> None:
    tail = len(CONTENT) - sum(len(line) + 1 for line in LINES[-2:])
    for cut in range(tail, len(CONTENT) + 1):
        journal = opened(tmp_path, CONTENT[:cut])
        lines, damaged = journal.recover()
        assert lines == LINES[: whole_lines(cut)]
        assert not damaged
        journal.append(LINES[len(lines)] + b"\n" if len(lines) < len(LINES) else b"")
        journal.close()
        assert (tmp_path / "abcdef.jsonl").read_bytes() == b"".join(line + b"\n" for line in LINES[: len(lines) + 1])


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_flipped_byte_is_found_and_never_skipped(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(CONTENT) - 1))
    broken = bytearray(CONTENT)
    broken[at] ^= data.draw(st.integers(1, 255))
    with tempfile.TemporaryDirectory() as folder:
        journal = opened(Path(folder), bytes(broken))
        lines, damaged = journal.recover()
        journal.close()
    hit = CONTENT[:at].count(b"\n")
    assert lines == LINES[: len(lines)]
    assert len(lines) == hit
    assert damaged == (hit < len(LINES) - 1)


def test_zeroes_at_the_end_are_cut_and_kept_aside(tmp_path: Path) -> None:
    journal = opened(tmp_path, CONTENT + b"\0" * 4096)
    assert journal.recover() == (LINES, False)
    assert journal.size == len(CONTENT)
    assert (tmp_path / "abcdef.torn").read_bytes().startswith(b"\0" * 4096)
    journal.close()


def test_after_finds_every_seq_by_bisection(tmp_path: Path) -> None:
    journal = opened(tmp_path, CONTENT)
    journal.recover()
    for seq in range(len(LINES) + 3):
        assert journal.after(seq, 7) == LINES[seq : seq + 7]
    journal.close()


@given(st.text(), st.integers(1, 10**12))
def test_wire_round_trip(text: str, seq: int) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    line = wire.stamp(wire.encode_body(e.TurnToken(sid="abcdef", turn="t1", delta=text)), seq, "2026", "p.boot", 7)
    event = wire.decode(line)
    assert isinstance(event, e.TurnToken)
    assert (event.delta, event.seq, event.n, wire.is_whole(line), b"\n" in line) == (text, seq, 7, True, False)


@pytest.mark.parametrize("line", [b"", b"{}", LINES[0][:-1], LINES[0] + b" ", LINES[0].replace(b"chat", b"cha7")])
def test_a_line_with_a_wrong_checksum_is_not_whole(line: bytes) -> None:
    assert not wire.is_whole(line)


class _ShortReads(FileSystem):
    def read(self, descriptor: int, size: int, offset: int) -> bytes:
        return super().read(descriptor, min(size, 100), offset)


class _BreaksOff(FileSystem):
    def read(self, descriptor: int, size: int, offset: int) -> bytes:
        return super().read(descriptor, min(size, 500 - offset), offset) if offset < 500 else b""


def test_reads_that_return_less_cut_nothing_off(tmp_path: Path) -> None:
    file = tmp_path / "abcdef.jsonl"
    file.write_bytes(CONTENT)
    journal = Journal(file, _ShortReads())
    assert journal.recover() == (LINES, False)
    journal.close()
    broken = Journal(file, _BreaksOff())
    with pytest.raises(OSError, match="ended while it was read"):
        broken.recover()
    broken.close()
    assert file.read_bytes() == CONTENT


class _SyncFailsOnce(FileSystem):
    def __init__(self) -> None:
        self.failed = False
        self.written_over: list[tuple[int, bytes]] = []

    def sync(self, descriptor: int) -> None:
        if not self.failed:
            self.failed = True
            raise OSError(5, "Input/output error")
        super().sync(descriptor)

    def write_at(self, descriptor: int, content: bytes, offset: int) -> int:
        self.written_over.append((offset, content))
        return super().write_at(descriptor, content, offset)


def test_what_a_failed_sync_may_have_dropped_is_written_again(tmp_path: Path) -> None:
    files = _SyncFailsOnce()
    journal = Journal(tmp_path / "abcdef.jsonl", files, create=True)
    journal.append(CONTENT)
    with pytest.raises(OSError, match="Input/output error"):
        journal.sync()
    journal.sync()
    assert files.written_over == [(0, CONTENT)]
    journal.append(LINES[0] + b"\n")
    journal.sync()
    assert len(files.written_over) == 1
    journal.close()
    assert (tmp_path / "abcdef.jsonl").read_bytes() == CONTENT + LINES[0] + b"\n"
