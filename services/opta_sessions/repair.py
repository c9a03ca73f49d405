"""Repairs a damaged journal so that the session can continue: readable lines stay, and each lost line is named.

A kept line has the same bytes and the same seq, so that clients can resume. A `warning` line replaces each lost line. Nothing is
guessed: a line counts only when its checksum is correct.
"""

import re
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import msgspec

from opta_core.clock import utc_now
from opta_protocol import wire
from opta_protocol.events import Warning
from opta_protocol.http import DroppedLine

from .files import FileSystem, replace_whole
from .session_state import SessionState

# Bytes around a line that are removed: line endings of another system, padding, zeroes of a lost block.
_AROUND = b" \t\r\x00\xef\xbb\xbf"
_BEGIN = re.compile(rb'\{"seq":')
# A larger gap is not filled: the journal ends before it.
HOLE_MAX = 100_000
LOST = "journal_line_lost"


@dataclass
class RepairPlan:
    """The content of a repaired journal, and its differences from the damaged one."""

    lines: list[bytes] = field(default_factory=list[bytes])
    kept: int = 0
    # Seqs whose line is lost.
    lost: list[int] = field(default_factory=list[int])
    dropped: list[DroppedLine] = field(default_factory=list[DroppedLine])
    # Why the journal cannot be repaired.
    problem: str = ""


def plan(sid: str, content: bytes) -> RepairPlan:
    """RepairPlan the repair of a journal's content. Changes nothing."""
    made = RepairPlan()
    found = _readable(sid, content, made)
    if 1 not in found:
        made.problem = "its first line, which describes the session, is lost"
        return made
    ts, last = "", 0
    for seq in sorted(found):
        if seq - last - 1 > HOLE_MAX:
            made.dropped += [_dropped(*found[later], f"after a gap of {seq - last - 1} lines") for later in sorted(found) if later >= seq]
            break
        for missing in range(last + 1, seq):
            made.lost.append(missing)
            made.lines.append(_filler(sid, missing, ts))
        made.lines.append(found[seq][1])
        made.kept += 1
        ts, last = wire.read_header(made.lines[-1]).ts, seq
    made.dropped.sort(key=lambda dropped: dropped.line)
    return made


def write(files: FileSystem, file: Path, content: bytes, made: RepairPlan) -> Path:
    """Copy the damaged journal, replace it atomically, and return the copy's path. When it raises OSError, the journal is unchanged."""
    number = 1
    while files.stat(copy := file.with_name(f"{file.stem}.damaged-{number}")) is not None:
        number += 1
    replace_whole(files, copy, content)
    replace_whole(files, file, b"".join(line + b"\n" for line in made.lines))
    return copy


def _readable(sid: str, content: bytes, made: RepairPlan) -> dict[int, tuple[int, bytes]]:
    """Seq -> (line number in the file, complete line), in any order. All other lines are added to `made.dropped`."""
    found: dict[int, tuple[int, bytes]] = {}
    for number, raw in enumerate(content.split(b"\n"), 1):
        if not raw:
            continue
        whole = _whole_in(raw)
        if not whole:
            made.dropped.append(_dropped(number, raw, "unreadable"))
        elif sum(map(len, whole)) < len(raw.strip(_AROUND)):
            made.dropped.append(_dropped(number, raw, "partly unreadable"))
        for line in whole:
            if reason := _unusable(sid, line):
                made.dropped.append(_dropped(number, line, reason))
                continue
            seq = wire.read_header(line).seq
            if seq in found:
                made.dropped.append(_dropped(number, line, "repeated" if found[seq][1] == line else f"another line {seq}"))
            else:
                found[seq] = number, line
    return found


def _whole_in(raw: bytes) -> list[bytes]:
    """The complete lines between two newlines: usually one."""
    if wire.is_whole(raw):
        return [raw]
    stripped = raw.strip(_AROUND)
    if wire.is_whole(stripped):
        return [stripped]
    starts = [match.start() for match in _BEGIN.finditer(raw)]
    pieces = [raw[begin:end].strip(_AROUND) for begin, end in pairwise([*starts, len(raw)])]
    return [piece for piece in pieces if wire.is_whole(piece)]


def _unusable(sid: str, line: bytes) -> str:
    try:
        header = wire.read_header(line)
        if header.sid != sid:
            return "of another session"
        if header.seq < 1:
            return "without a seq"
        # Whether the store can apply the line. A separate state is enough, because only the shape matters here.
        SessionState(sid).apply(line)
    except (msgspec.DecodeError, ValueError):
        return "of a wrong shape"
    if (header.seq == 1) != (header.event == "session.start"):
        return "a beginning in the middle" if header.seq > 1 else "no beginning"
    return ""


def _filler(sid: str, seq: int, ts: str) -> bytes:
    body = wire.encode_body(Warning(sid=sid, code=LOST, message=f"Line {seq} of this session's journal was lost."))
    return wire.stamp(body, seq, ts or utc_now(), "store.repair", seq)


def _dropped(number: int, raw: bytes, reason: str) -> DroppedLine:
    return DroppedLine(line=number, bytes=len(raw), reason=reason)
