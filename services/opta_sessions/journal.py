"""One session's journal: an append-only file of checksummed lines.

Promise: a line is either whole in the file or, after `recover`, not there. A torn tail is cut off and
kept in `*.torn`; damage before the tail stops the session's writes and is never skipped.
"""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from opta_core.errors import Broken
from opta_core.logs import Log
from opta_protocol import wire

_SEQ = re.compile(rb'\{"seq":(\d+),')
_CHUNK = 64 * 1024
# One answer to a question holds at most this many bytes of lines.
PAGE_BYTES_MAX = 4 * 1024 * 1024

log = Log("journal")


class Files:
    """The system calls of a journal, so that a test can make the n-th one fail."""

    def open(self, file: Path, flags: int) -> int:
        return os.open(file, flags, 0o600)

    def write(self, descriptor: int, content: bytes) -> int:
        return os.write(descriptor, content)

    def truncate(self, descriptor: int, size: int) -> None:
        os.ftruncate(descriptor, size)

    def sync(self, descriptor: int) -> None:
        """Until the bytes are on the disk (fdatasync; F_FULLFSYNC on macOS)."""
        if hasattr(os, "fdatasync"):
            os.fdatasync(descriptor)
        else:  # pragma: no cover (macOS)
            import fcntl

            fcntl.fcntl(descriptor, getattr(fcntl, "F_FULLFSYNC"))  # noqa: B009 (known to macOS alone)

    def sync_folder(self, folder: Path) -> None:
        """Until a new name in `folder` is on the disk."""
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class Journal:
    """An open journal. `size` counts its whole lines in bytes."""

    def __init__(self, file: Path, files: Files, *, create: bool = False):
        self.file = file
        self._files = files
        flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | (os.O_CREAT | os.O_EXCL if create else 0)
        self._descriptor = files.open(file, flags)
        try:
            self.size = os.fstat(self._descriptor).st_size
            if create:
                files.sync_folder(file.parent)
        except BaseException:
            os.close(self._descriptor)
            raise

    def append(self, lines: bytes) -> None:
        """Write whole lines. Raises OSError, and then the file is as it was before."""
        try:
            view = memoryview(lines)
            while view:
                view = view[self._files.write(self._descriptor, bytes(view)) :]
        except OSError:
            self._files.truncate(self._descriptor, self.size)
            raise
        self.size += len(lines)

    def sync(self) -> None:
        """Wait until everything appended is on the disk. Called from the sync thread."""
        descriptor = self._descriptor
        if descriptor >= 0:
            self._files.sync(descriptor)

    def recover(self) -> tuple[list[bytes], bool]:
        """(whole lines from the start, whether damage lies before the tail); cuts a torn tail off."""
        content = Path(self.file).read_bytes()
        lines: list[bytes] = []
        at = 0
        while (end := content.find(b"\n", at)) >= 0:
            line = content[at:end]
            if not _is_next(line, len(lines) + 1):
                break
            lines.append(line)
            at = end + 1
        if at == len(content):
            return lines, False
        if any(wire.is_whole(line) for line in content[at:].split(b"\n")[1:]):
            log.error("journal is damaged in the middle", file=self.file, offset=at)
            self.size = at
            return lines, True
        torn = self.file.with_suffix(".torn")
        with open(torn, "ab") as handle:
            handle.write(content[at:] + b"\n")
        self._files.truncate(self._descriptor, at)
        self.size = at
        log.warning("cut a torn tail off", file=self.file.name, bytes=len(content) - at, kept_in=torn.name)
        return lines, False

    def after(self, seq: int, limit: int) -> list[bytes]:
        """Lines with a higher seq, oldest first, found by bisecting byte offsets (seq is monotonic)."""
        at = self._offset_after(seq)
        lines: list[bytes] = []
        rest, taken = b"", 0
        while len(lines) < limit and at < self.size and (taken < PAGE_BYTES_MAX or not lines):
            chunk = os.pread(self._descriptor, min(max(_CHUNK, limit * 64), self.size - at), at)
            if not chunk:
                break
            at += len(chunk)
            taken += len(chunk)
            *whole, rest = (rest + chunk).split(b"\n")
            lines += whole
        return lines[:limit]

    def close(self) -> None:
        """Release the descriptor; what was appended is made durable first."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                self._files.sync(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def _offset_after(self, seq: int) -> int:
        """Where the first line with a higher seq begins."""
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
                chunk = os.pread(self._descriptor, 4096, at)
                newline = chunk.find(b"\n")
                if newline >= 0:
                    offset = at + newline + 1
                    break
                if not chunk:
                    return self.size, None
                at += len(chunk)
        if offset >= self.size:
            return self.size, None
        match = _SEQ.match(os.pread(self._descriptor, 32, offset))
        if match is None:
            raise Broken(f"{self.file.name}: no seq at byte {offset}")
        return offset, int(match.group(1))


def _is_next(line: bytes, seq: int) -> bool:
    match = _SEQ.match(line)
    return match is not None and int(match.group(1)) == seq and wire.is_whole(line)


def lines_of(file: Path) -> Iterator[bytes]:
    """Every line of a journal, unchecked, for tools."""
    with open(file, "rb") as handle:
        for line in handle:
            yield line.rstrip(b"\n")
