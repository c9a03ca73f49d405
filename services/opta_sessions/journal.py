"""One session's journal: an append-only file of checksummed lines.

Promise: after `recover`, a line is either complete in the file or not there. A torn tail is cut off and stored in `*.torn`.
Damage before the tail stops writes to the session and is never skipped. Lines are ordered by `seq` alone: a line whose seq
is not the next one is damage.
"""

import contextlib
import errno
import os
import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from opta_core.errors import Broken
from opta_core.logs import Log
from opta_protocol import wire

from .files import FileSystem, read_range, write_all

_SEQ = re.compile(rb'\{"seq":(\d+),')
_WRITE = os.O_RDWR | os.O_APPEND
_CHUNK, _READ = 64 * 1024, 1024 * 1024
# Limit of the lines in one reply to a query.
PAGE_BYTES_MAX = 4 * 1024 * 1024
# A longer line was not written by the store, and is not read to its end.
LINE_BYTES_MAX = 16 * 1024 * 1024
# Lines that are read in one step, about two milliseconds of work.
STEP_LINES = 500

log = Log("journal")


class JournalPosition(NamedTuple):
    """The end of a line: the bytes up to it, its seq, and the crc32 of these bytes."""

    size: int = 0
    seq: int = 0
    crc: int = 0


class Journal:
    """An open journal. `size` is the size of its complete lines in bytes, `crc` their crc32: None when it was not read to its end."""

    def __init__(self, file: Path, files: FileSystem, *, create: bool = False):
        self.file = file
        self._files = files
        # Bytes that are known to be on the disk (0: unknown), and whether a sync failed since.
        self._durable, self._is_suspect = 0, not create and files.stat(_mark(file)) is not None
        # Bytes beyond `size` that are not cut off yet: from a failed write, or a torn tail, which is copied to `*.torn` first.
        self._has_rest = False
        self._torn: bytes | None = None
        # Size of the torn tail that `recover` found.
        self.torn_bytes = 0
        # On a read-only disk the journal can still be read.
        self._is_read_only = False
        # The size after the last append.
        self._appended = 0
        self.crc: int | None = 0 if create else None
        try:
            self._descriptor = files.open(file, _WRITE | (os.O_CREAT | os.O_EXCL if create else 0))
        except OSError as error:
            if create or error.errno not in (errno.EROFS, errno.EACCES):
                raise
            self._descriptor = files.open(file, os.O_RDONLY)
            self._is_read_only = True
        try:
            self.size = files.size(self._descriptor)
            if create:
                files.sync_folder(file.parent)
        except BaseException:
            files.close(self._descriptor)
            raise

    @property
    def is_closed(self) -> bool:
        """Whether the journal is closed. Its durability is then unknown."""
        return self._descriptor < 0

    @property
    def is_durable(self) -> bool:
        """Whether everything that was appended is on the disk."""
        return self._appended <= self._durable and not self._is_suspect

    def append(self, lines: bytes) -> None:
        """Write complete lines. When it raises OSError, the file is unchanged."""
        if self._is_read_only:
            self._open_for_writing()
        if self._has_rest:
            self._cut_rest()
        try:
            write_all(self._files, self._descriptor, lines)
        except OSError:
            self._has_rest = True
            with contextlib.suppress(OSError):
                self._cut_rest()
            raise
        self.size += len(lines)
        self._appended = self.size
        if self.crc is not None:
            self.crc = crc32(lines, self.crc)

    def sync(self) -> None:
        """Wait until everything that was appended is on the disk. Called in the sync thread. Raises OSError."""
        descriptor = self._descriptor
        if descriptor < 0:
            return
        size = self.size
        try:
            if self._is_suspect:
                self._write_again(descriptor, size)
            self._files.sync(descriptor)
        except OSError:
            # The loop closed the journal meanwhile; it syncs before it closes.
            if self._descriptor == descriptor:
                self._mark_unsynced()
                raise
        self._durable = max(self._durable, size)
        if self._is_suspect:
            self._files.unlink(_mark(self.file))
            self._is_suspect = False

    def _mark_unsynced(self) -> None:
        """Mark the journal after a failed sync. A later store must know, because its own sync could succeed without the bytes."""
        self._is_suspect = True
        with contextlib.suppress(OSError):
            # The mark need not be durable: after a power loss, the unwritten bytes are gone as well.
            self._files.close(self._files.open(_mark(self.file), os.O_WRONLY | os.O_CREAT))

    def _write_again(self, descriptor: int, size: int) -> None:
        """Write the unsynced bytes again: after a failed sync the system marks the pages as clean, and the next sync succeeds."""
        content = read_range(self._files, descriptor, self._durable, size)
        over = self._files.open(self.file, os.O_WRONLY)
        try:
            at = 0
            while at < len(content):
                at += self._files.write_at(over, content[at:], self._durable + at)
            self._files.sync(over)
        finally:
            self._files.close(over)

    @property
    def has_rest(self) -> bool:
        """Whether the file has bytes after its complete lines, which the next append cuts off."""
        return self._has_rest

    def recover(self) -> tuple[list[bytes], bool]:
        """Cut off a torn tail. Returns (complete lines from the start, whether there is damage before the tail)."""
        lines: list[bytes] = []
        steps = self.recovering()
        while True:
            try:
                lines += next(steps)
            except StopIteration as end:
                return lines, end.value

    def has_prefix(self, known: JournalPosition) -> Generator[None, None, bool]:
        """Whether the file begins with exactly the bytes that a position describes; in steps, because a long journal takes tenths of a second."""
        at = crc = 0
        while at < known.size:
            chunk = b"" if self.is_closed else self._files.read(self._descriptor, min(_READ, known.size - at), at)
            if not chunk:
                return False
            at += len(chunk)
            crc = crc32(chunk, crc)
            yield
        return crc == known.crc

    def recovering(self, after: JournalPosition = JournalPosition()) -> Generator[list[bytes], None, bool]:
        """`recover` in steps of some lines, because a long journal takes seconds. Returns whether there is damage before the tail.

        Lines up to `after` are not read; see `has_prefix`.
        """
        size = self._files.size(self._descriptor)
        step: list[bytes] = []
        torn: list[bytes] = []
        at, seq, crc = after
        end = at
        for line in self._lines(at, size):
            end += len(line) + 1
            if not torn and end <= size and _is_next(line, seq + 1):
                seq += 1
                at = end
                step.append(line)
                if len(step) == STEP_LINES:
                    crc = _crc_with(step, crc)
                    yield step
                    step = []
            elif (torn and wire.is_whole(line)) or end - at > LINE_BYTES_MAX:
                self.stop_at(at)
                yield step
                return True
            else:
                torn.append(line)
        if torn and not seq and (len(torn) > 1 or end <= size or size > _CHUNK):
            # A crash during the first write leaves no newline and fewer bytes than this, so this file had more lines.
            self.stop_at(0)
            return True
        self.size, self.crc = at, _crc_with(step, crc)
        if torn:
            self._torn, self._has_rest, self.torn_bytes = b"\n".join(torn), True, size - at
            # On a full disk the tail stays in the file, ignored, until the next append cuts it off.
            with contextlib.suppress(OSError):
                self._cut_rest()
        yield step
        return False

    def stop_at(self, size: int) -> None:
        """Note that the file is damaged after `size`. The damaged part is neither read nor cut off."""
        log.error("journal is damaged in the middle", file=self.file, offset=size)
        self.size, self.crc = size, None

    def after(self, seq: int, limit: int) -> list[bytes]:
        """Up to `limit` lines after `seq`, oldest first, found by bisecting byte offsets (seq is monotonic). Raises OSError, Broken."""
        at = self._offset_after(seq)
        lines: list[bytes] = []
        rest, taken = b"", 0
        while len(lines) < limit and at < self.size and (taken < PAGE_BYTES_MAX or not lines):
            chunk = self._files.read(self._descriptor, min(max(_CHUNK, limit * 64), self.size - at), at)
            if not chunk:
                break
            at += len(chunk)
            taken += len(chunk)
            *whole, rest = (rest + chunk).split(b"\n")
            lines += whole
        return lines[:limit]

    def close(self) -> None:
        """Make appended lines durable, then close the descriptor."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                if not self.is_durable:
                    self.sync()
            descriptor, self._descriptor = self._descriptor, -1
            self._files.close(descriptor)

    def _lines(self, at: int, size: int) -> Iterator[bytes]:
        """All lines from byte `at` without newline. A line that is too long is cut, and is the last one."""
        held = bytearray()
        while at < size and len(held) <= LINE_BYTES_MAX:
            chunk = self._files.read(self._descriptor, min(_READ, size - at), at)
            if not chunk:
                raise OSError(errno.EIO, "the file ended while it was read")
            at += len(chunk)
            first, *others = chunk.split(b"\n")
            held += first
            for line in others:
                yield bytes(held)
                held = bytearray(line)
        if held:
            yield bytes(held)

    def _open_for_writing(self) -> None:
        former, self._descriptor = self._descriptor, self._files.open(self.file, _WRITE)
        self._is_read_only = False
        self._files.close(former)

    def _cut_rest(self) -> None:
        if self._torn is not None:
            torn = self.file.with_suffix(".torn")
            kept = self._files.open(torn, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            try:
                write_all(self._files, kept, self._torn + b"\n")
                self._files.sync(kept)
            finally:
                self._files.close(kept)
            log.warning("cut off a torn tail", file=self.file.name, bytes=self.torn_bytes, kept_in=torn.name)
        self._files.truncate(self._descriptor, self.size)
        self._torn, self._has_rest = None, False

    def _offset_after(self, seq: int) -> int:
        """The offset of the first line with a higher seq."""
        low, high = 0, self.size
        if seq <= 0:
            return 0
        while low < high:
            start, found = self._line_at((low + high) // 2, low)
            if start >= high or found is None:
                high = (low + high) // 2
            elif found <= seq:
                low = start + 1
            else:
                high = start
            if high - low < 2:
                break
        start, found = self._line_at(low, 0)
        while found is not None and found <= seq:
            start, found = self._line_at(start + 1, 0)
        return start

    def _line_at(self, offset: int, floor: int) -> tuple[int, int | None]:
        """(start, seq) of the first line that begins at or after `offset`; (size, None) when there is none."""
        if offset > 0:
            at = offset - 1
            while True:
                chunk = self._files.read(self._descriptor, 4096, at)
                newline = chunk.find(b"\n")
                if newline >= 0:
                    offset = at + newline + 1
                    break
                if not chunk:
                    return self.size, None
                at += len(chunk)
        if offset >= self.size:
            return self.size, None
        match = _SEQ.match(self._files.read(self._descriptor, 32, offset))
        if match is None:
            raise Broken(f"{self.file.name}: no seq at byte {offset}")
        return offset, int(match.group(1))


def _mark(file: Path) -> Path:
    """The file that marks a journal whose last sync failed."""
    return file.with_suffix(".suspect")


def _crc_with(lines: list[bytes], crc: int) -> int:
    """The crc32 of a journal after some more lines."""
    return crc32(b"\n".join(lines) + b"\n", crc) if lines else crc


def _is_next(line: bytes, seq: int) -> bool:
    match = _SEQ.match(line)
    return match is not None and int(match.group(1)) == seq and wire.is_whole(line)
