"""What lists show of every session, kept between starts, so that a start opens no journal that is as it was.

A cache: one checksummed line a session and change, appended; the newest line of a session holds. An entry is believed only
while its journal has the size and the change time that it was made from, and it is made only of bytes that are on the disk.
What cannot be read is skipped: a lost or damaged index costs time, never data.
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
# More lines than so many a session, and the file is written anew.
LINES_A_SESSION_MAX, LINES_SPARE = 3, 2000

log = Log("index")


class IndexEntry(msgspec.Struct, frozen=True):
    """A session that was at rest, and the journal it was read from."""

    size: int
    changed_ns: int
    session: Session


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(IndexEntry).decode


class Index:
    """The file beside the journals. Nothing here raises: without it, journals are read."""

    def __init__(self, folder: Path, files: FileSystem):
        self._file, self._former, self._files = folder / NAME, folder / FORMER_NAME, files
        self._lines = 0
        # Whether the file may end in the middle of a line.
        self._is_torn = False

    def load(self) -> dict[str, IndexEntry]:
        """The newest whole entry of every session."""
        entries: dict[str, IndexEntry] = {}
        try:
            content = read_whole(self._files, self._file)
        except FileNotFoundError:
            return entries
        except OSError as error:
            log.warning("index is unreadable, reading the journals", reason=error)
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
            log.warning("lines of the index are unreadable, reading their journals", lines=unreadable)
        self._is_torn = not content.endswith(b"\n")
        return entries

    def add(self, entries: Iterable[IndexEntry]) -> None:
        """Append entries; need not be durable, since a line that is not whole is not believed."""
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
        """Write the file anew when most of its lines are of no use any more."""
        if self._lines <= LINES_A_SESSION_MAX * len(entries) + LINES_SPARE:
            return
        try:
            replace_whole(self._files, self._file, b"".join(map(_line, entries.values())))
            self._files.unlink(self._former)
        except OSError as error:
            log.warning("index not written anew", reason=error)
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
