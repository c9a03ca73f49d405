"""A cache of all session summaries, so that a start does not open unchanged journals.

Each change of a session appends one checksummed line; the newest line of a session counts. An entry is used only while its
journal has the size and change time that the entry states, and it is written only when those bytes are on the disk.
Unreadable lines are skipped: a lost or damaged index costs time, never data.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from zlib import crc32

import msgspec

from opta_core.logs import Log
from opta_protocol.http import Session

from .files import FileSystem, read_whole, replace_whole, write_all

NAME, FORMER_NAME = "index.lines", "index.json"
# With more lines per session than this, the file is rewritten.
LINES_A_SESSION_MAX, LINES_SPARE = 3, 2000

log = Log("index")


class IndexEntry(msgspec.Struct, frozen=True):
    """The summary of a session without open turns, with the size and change time of its journal."""

    size: int
    changed_ns: int
    session: Session


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(IndexEntry).decode


class Index:
    """The index file beside the journals. Its methods never raise: without an index, journals are read."""

    def __init__(self, folder: Path, files: FileSystem):
        self._file, self._former, self._files = folder / NAME, folder / FORMER_NAME, files
        self._lines = 0
        # Whether the file may end with an incomplete line.
        self._is_torn = False

    def load(self) -> dict[str, IndexEntry]:
        """The newest complete entry of every session."""
        entries: dict[str, IndexEntry] = {}
        try:
            content = read_whole(self._files, self._file)
        except FileNotFoundError:
            return entries
        except OSError as error:
            log.warning("index cannot be read, reading the journals", reason=error)
            return entries
        unreadable = 0
        for line in content.split(b"\n"):
            if not line:
                continue
            entry = _read(line)
            if entry is None:
                unreadable += 1
            else:
                entries[entry.session.id] = entry
                self._lines += 1
        if unreadable:
            log.warning("lines of the index cannot be read, reading their journals", lines=unreadable)
        self._is_torn = not content.endswith(b"\n")
        return entries

    def add(self, entries: Iterable[IndexEntry]) -> None:
        """Append entries. They need not be durable, because an incomplete line is ignored."""
        lines = [_line(entry) for entry in entries]
        if not lines:
            return
        try:
            descriptor = self._files.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            try:
                write_all(self._files, descriptor, (b"\n" if self._is_torn else b"") + b"".join(lines))
            finally:
                self._files.close(descriptor)
        except OSError as error:
            self._is_torn = True
            log.warning("index not written", reason=error)
            return
        self._is_torn = False
        self._lines += len(lines)

    def tidy(self, entries: dict[str, IndexEntry]) -> None:
        """Rewrite the file when most of its lines are obsolete."""
        if self._lines <= LINES_A_SESSION_MAX * len(entries) + LINES_SPARE:
            return
        try:
            replace_whole(self._files, self._file, b"".join(map(_line, entries.values())))
            self._files.unlink(self._former)
        except OSError as error:
            log.warning("index not rewritten", reason=error)
            return
        self._lines, self._is_torn = len(entries), False


def _line(entry: IndexEntry) -> bytes:
    body = _encode(entry)
    return b"%08x %b\n" % (crc32(body), body)


def _read(line: bytes) -> IndexEntry | None:
    body = line[9:]
    if b"%08x " % crc32(body) != line[:9]:
        return None
    try:
        return _decode(body)
    except msgspec.DecodeError:  # of another version
        return None
