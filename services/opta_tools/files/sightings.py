"""What each session was shown of each file, so that no file is overwritten by a model that does not know what it holds.

One file of JSON lines for each session survives a restart of the worker. It is written without a sync: what a crash of the machine loses
only makes a model read a file again.
"""

import contextlib
import hashlib
import os
import threading
from collections import OrderedDict
from pathlib import Path

import msgspec

from opta_core.logs import Log

SESSIONS_MAX, PATHS_MAX, LINES_MAX = 64, 2000, 8000
# Of a larger content, the identity of the file decides whether it is the same.
HASHED_BYTES_MAX = 1024 * 1024
Stamp = tuple[int, int, int]
log = Log("sightings")


class Sight(msgspec.Struct, frozen=True, array_like=True):
    """One look at a file: its real path, its `stamp_of`, the sha256 of its content ('' when it was not computed), and the lines shown.

    `total` is 0 when nobody counted the lines; then the file was not seen whole, unless `first` is 0: that means all of it.
    """

    path: str
    stamp: Stamp
    sha256: str = ""
    first: int = 0
    last: int = 0
    total: int = 0


# Made here, because threads that meet a class for the first time in the same moment end the process (see `opta_core.settings`).
_SIGHTS = msgspec.json.Decoder(Sight)


class _Known:
    """What is known of one version of a file."""

    def __init__(self, sight: Sight):
        self.stamp, self.sha256 = sight.stamp, sight.sha256
        self._is_whole = False
        self._total = 0
        self._shown: list[tuple[int, int]] = []
        self.add(sight)

    def add(self, sight: Sight) -> None:
        self._is_whole |= sight.first == 0
        self._total = max(self._total, sight.total)
        self.sha256 = self.sha256 or sight.sha256
        merged: list[tuple[int, int]] = []
        for first, last in sorted([*self._shown, (sight.first, sight.last)]):
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
            else:
                merged.append((first, last))
        self._shown = merged

    @property
    def is_whole(self) -> bool:
        return self._is_whole or (self._total > 0 and self._shown[0][0] <= 1 and self._shown[0][1] >= self._total)

    def sight(self, path: str) -> Sight:
        first, last = (0, 0) if self.is_whole else self._shown[0]
        return Sight(path, self.stamp, self.sha256, first, last, self._total)


class Sightings:
    """`folder` holds the files, mode 0600. May be called from any thread."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._sessions: OrderedDict[str, OrderedDict[str, _Known]] = OrderedDict()
        self._lines: dict[str, int] = {}
        self._lock = threading.Lock()

    def add(self, sid: str, sight: Sight) -> None:
        """A session was shown a file, or wrote it."""
        with self._lock:
            known = self._of(sid)
            _fold(known, sight)
            self._lines[sid] += 1
            if self._lines[sid] > LINES_MAX:
                self._rewrite(sid, known)
            else:
                self._append(sid, [sight])

    def is_whole(self, sid: str, path: str) -> bool:
        """Whether the session was shown all of some version of a file."""
        with self._lock:
            found = self._of(sid).get(path)
            return found is not None and found.is_whole

    def problem(self, sid: str, path: str, content: bytes, stamp: Stamp) -> str:
        """Why the session must not overwrite a file that holds `content`; '' when it may."""
        if not content.strip():
            return ""
        with self._lock:
            found = self._of(sid).get(path)
        if found is None:
            return "exists and you have not read it in this session, so it is not overwritten; read it first with read_file, or change a part of it with edit_file"
        is_same = found.sha256 == sha256_of(content) if found.sha256 else found.stamp == stamp
        if not is_same:
            return "was changed since you read it, so it is not overwritten; read it again, then write"
        if not found.is_whole:
            return (
                "was shown to you only in part, so it is not overwritten; read the rest of it first, or change a part of it with edit_file"
            )
        return ""

    def _of(self, sid: str) -> OrderedDict[str, _Known]:
        if (known := self._sessions.get(sid)) is not None:
            self._sessions.move_to_end(sid)
            return known
        known = self._sessions[sid] = OrderedDict()
        lines: list[bytes] = []
        with contextlib.suppress(OSError):
            lines = self._file(sid).read_bytes().split(b"\n")
        for line in lines:
            # A line that was cut by a crash is left out.
            with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
                _fold(known, _SIGHTS.decode(line))
        self._lines[sid] = len(lines)
        if len(self._sessions) > SESSIONS_MAX:
            gone, _ = self._sessions.popitem(last=False)
            del self._lines[gone]
        return known

    def _file(self, sid: str) -> Path:
        return self._folder / f"{sid}.jsonl"

    def _append(self, sid: str, sights: list[Sight], flags: int = os.O_APPEND) -> None:
        try:
            try:
                descriptor = os.open(self._file(sid), os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | flags, 0o600)
            except FileNotFoundError:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                descriptor = os.open(self._file(sid), os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | flags, 0o600)
            try:
                os.write(descriptor, b"".join(msgspec.json.encode(sight) + b"\n" for sight in sights))
            finally:
                os.close(descriptor)
        except (OSError, UnicodeEncodeError) as error:
            log.warning("what a session has read is not kept", sid=sid, reason=error)

    def _rewrite(self, sid: str, known: OrderedDict[str, _Known]) -> None:
        self._append(sid, [seen.sight(path) for path, seen in known.items()], os.O_TRUNC)
        self._lines[sid] = len(known)


def _fold(known: OrderedDict[str, _Known], sight: Sight) -> None:
    found = known.get(sight.path)
    if found is not None and found.sha256 == sight.sha256 and (found.sha256 or found.stamp == sight.stamp):
        found.add(sight)
    else:
        known[sight.path] = _Known(sight)
    known.move_to_end(sight.path)
    if len(known) > PATHS_MAX:
        known.popitem(last=False)


def stamp_of(found: os.stat_result) -> Stamp:
    """What changes when a file is written or replaced: inode, size and modification time in nanoseconds."""
    return found.st_ino, found.st_size, found.st_mtime_ns


def sha256_of(content: bytes) -> str:
    """The sha256 of a content; '' for one that is too large to be hashed at each look."""
    return hashlib.sha256(content).hexdigest() if len(content) <= HASHED_BYTES_MAX else ""
