"""Snapshots on the disk, one beside the journal of each long session: `<id>.snapshot`.

**Invariant:** a snapshot is used only when the journal begins with exactly the bytes that it was made from: their number and their checksum
are compared whenever it is opened. It is neither synced nor needed: every doubt throws it away, and the journal is read from its beginning.
"""

import contextlib
import os
from collections.abc import Callable, Generator
from pathlib import Path

from opta_core.logs import Log
from opta_protocol.ids import SESSION_ID

from .files import FileSystem, read_range, write_all
from .journal import Journal, JournalPosition
from .session_state import SessionState
from .snapshot_format import HEADER_BYTES_MAX, SnapshotHeader, UnusableSnapshot, header_of, state_of

SUFFIX = ".snapshot"
PART_SUFFIX = f"{SUFFIX}.part"

log = Log("snapshots")


class SnapshotFolder:
    """The snapshots in the folder of the journals. `edition` names the code that reduces journals, '' for none (see `code_edition`).

    Its methods never raise OSError: without a snapshot, the journal is read.
    """

    def __init__(self, folder: Path, files: FileSystem, edition: Callable[[], str]):
        self._folder, self._files, self.edition = folder, files, edition
        # Sessions whose snapshot agrees with their open journal.
        self._usable: dict[str, JournalPosition] = {}

    def restoring(self, sid: str, journal: Journal) -> Generator[None, None, tuple[SessionState, JournalPosition] | None]:
        """The state in a session's snapshot, and the position after which the journal must be read; None when it cannot be used. In steps."""
        self._usable.pop(sid, None)
        if not self.has(sid):
            return None
        try:
            header, state = self._read_state(sid)
            if not (yield from journal.has_prefix(header.position)):
                raise UnusableSnapshot("the journal is another one")
        except (OSError, UnusableSnapshot) as error:
            if not journal.is_closed:
                log.info("snapshot not used, reading the journal", session=sid, reason=error)
                self.drop(sid)
            return None
        self._usable[sid] = header.position
        return state, header.position

    def context(self, sid: str) -> tuple[int, bytes]:
        """(seq of a line, what an agent knew of the session after it), (0, b'') for nothing that can be used. Runs in a thread."""
        position = self._usable.get(sid)
        if position is None:
            return 0, b""
        try:
            with self._opened(sid) as (descriptor, header):
                if header.position != position:
                    raise UnusableSnapshot("it was replaced")
                part = header.context
                return position.seq, part.checked(read_range(self._files, descriptor, part.at, part.at + part.size))
        except (OSError, UnusableSnapshot) as error:
            log.info("snapshot not used, reading the journal", session=sid, reason=error)
            return 0, b""

    def write(self, sid: str, content: list[bytes]) -> bool:
        """Write a snapshot, whole or not at all. Runs in a thread. Returns False when it was not written, for example on a full disk."""
        part = self._part(sid)
        try:
            descriptor = self._files.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            try:
                for piece in content:
                    write_all(self._files, descriptor, piece)
            finally:
                self._files.close(descriptor)
            # Not synced: after a power loss its checksums show whether it is whole.
            self._files.rename(part, self._file(sid))
        except OSError as error:
            log.warning("snapshot not written", session=sid, reason=error)
            with contextlib.suppress(OSError):
                self._files.unlink(part)
            return False
        return True

    def written(self, sid: str, position: JournalPosition) -> None:
        """Note that the snapshot that was just written belongs to the open journal."""
        self._usable[sid] = position

    def forget(self, sid: str) -> None:
        """Note that a session's journal was closed. Its snapshot is compared again when it is opened."""
        self._usable.pop(sid, None)

    def has(self, sid: str) -> bool:
        """Whether a session has a snapshot. It is not compared with the journal here."""
        return self._files.stat(self._file(sid)) is not None

    def drop(self, sid: str) -> None:
        """Remove a session's snapshot, if there is one."""
        self._usable.pop(sid, None)
        self._remove(self._file(sid))

    def sweep(self, names: list[str], journals: set[str]) -> None:
        """Of the files in the folder, remove snapshots without a journal, and those that a killed store was writing."""
        for name in names:
            sid = name.removesuffix(SUFFIX)
            if name.endswith(PART_SUFFIX) or (sid != name and SESSION_ID.match(sid) and sid not in journals):
                self._remove(self._folder / name)

    def _read_state(self, sid: str) -> tuple[SnapshotHeader, SessionState]:
        with self._opened(sid) as (descriptor, header):
            part = header.state
            return header, state_of(header, read_range(self._files, descriptor, part.at, part.at + part.size))

    @contextlib.contextmanager
    def _opened(self, sid: str) -> Generator[tuple[int, SnapshotHeader], None, None]:
        descriptor = self._files.open(self._file(sid), os.O_RDONLY)
        try:
            size = self._files.size(descriptor)
            first = read_range(self._files, descriptor, 0, min(size, HEADER_BYTES_MAX))
            yield descriptor, header_of(first, sid=sid, edition=self.edition(), size=size)
        finally:
            self._files.close(descriptor)

    def _remove(self, file: Path) -> None:
        try:
            if self._files.stat(file) is not None:
                self._files.unlink(file)
        except OSError as error:
            log.warning("snapshot not removed", file=file.name, reason=error)

    def _file(self, sid: str) -> Path:
        return self._folder / f"{sid}{SUFFIX}"

    def _part(self, sid: str) -> Path:
        return self._folder / f".{sid}{PART_SUFFIX}"
