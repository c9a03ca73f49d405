"""FOLDER.part: an unfinished download. It is checked, continued after any interruption, and renamed to FOLDER when complete.

The hub's library gives a partial file a random name and deletes it when the connection breaks; here it is named by its digest and kept.
"""

import fcntl
import os
import shutil
import time
from io import BufferedRandom
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from opta_core.errors import Broken, Refused, Unavailable
from opta_core.paths import write_whole

from .download_events import DownloadFound, DownloadProgress, write_line
from .hub_repo import ORIGIN, Hub, RepoFile, is_transient

if TYPE_CHECKING:
    import hashlib

_PROGRESS_EVERY_S = 0.5
# Consecutive connections without a new byte; each wait is three times as long as the one before.
_STALLED_MAX, _WAIT_S = 4, 0.1
_BLOCK_BYTES = 1024**2


class PartialDownload:
    """FOLDER.part, locked by one process at a time. Methods raise OSError, and what `Hub` raises."""

    def __init__(self, folder: Path, hub: Hub, found: DownloadFound, files: list[RepoFile]):
        self._folder, self._hub, self._found, self._files = folder, hub, found, files
        self._path = folder.with_name(f"{folder.name}.part")
        # Partial files, named by their digests: one of another revision is never continued.
        self._partials = self._path / ".half"
        self._done, self._said = 0, 0.0
        self._partials.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = os.open(self._path, os.O_RDONLY)  # held until the process ends
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Unavailable(f"{folder.name} is being pulled by another process. Wait until it ends.") from None

    def complete(self) -> None:
        """Fetch the missing bytes, then rename to FOLDER."""
        needed, free = self._missing() * 1.05, shutil.disk_usage(self._path).free
        if needed > free:
            raise Refused(f"{self._found.repo} needs {_gb(needed)} more at {self._path}, where {_gb(free)} are free. Free some space.")
        for file in self._files:
            self._fetch(file)
        origin = {"repo": self._found.repo, "revision": self._found.revision, "licence": self._found.licence, "bytes": self._found.bytes}
        write_whole(self._path / ORIGIN, msgspec.json.encode(origin))
        self._partials.rmdir()
        refuse_existing(self._folder)
        _sync(self._path)
        self._path.rename(self._folder)
        _sync(self._folder.parent)

    def _missing(self) -> int:
        """Bytes still to fetch. Removes files that this revision does not use."""
        useful = {self._path / file.name for file in self._files} | {self._partials / file.digest for file in self._files}
        present = {file for file in self._path.rglob("*") if not file.is_dir()}
        for file in present - useful:
            file.unlink()
        return max(0, self._found.bytes - sum(file.stat().st_size for file in present & useful))

    def _fetch(self, file: RepoFile) -> None:
        partial, target = self._partials / file.digest, self._path / file.name
        # A complete file of an earlier run is checked like a new one.
        if target.exists():
            target.replace(partial)
        # A loss of power can corrupt a file of an earlier run; only then is it fetched a second time.
        is_resumed = partial.exists()
        if not self._fetch_rest(file, partial) and not (is_resumed and self._fetch_rest(file, partial)):
            message = f"{file.name} of {self._found.repo} is damaged: its checksum is not the one that {self._hub.endpoint} states"
            raise Broken(f"{message}. It was deleted. Pull again; if that fails too, the hub's copy is at fault.")
        target.parent.mkdir(mode=0o700, exist_ok=True)
        partial.replace(target)
        _sync(target.parent)

    def _fetch_rest(self, file: RepoFile, partial: Path) -> bool:
        """Fetch the rest of a file and check it; False when the checksum is wrong, and the file is deleted then."""
        checksum, stalled = file.checksum(), 0
        with partial.open("ab+") as handle:
            handle.seek(0)
            while block := handle.read(_BLOCK_BYTES):
                checksum.update(block)
                self._count(len(block))
            while (before := handle.tell()) < file.size:
                trouble = self._continue(file, handle, checksum)
                stalled = 0 if handle.tell() > before else stalled + 1
                if stalled == _STALLED_MAX:
                    raise trouble or Unavailable(f"{self._hub.endpoint} ends {file.name} too early. Pull again; what has arrived is kept.")
                time.sleep(_WAIT_S * 3**stalled if stalled else 0)
            if is_right := checksum.hexdigest() == file.digest:
                os.fsync(handle.fileno())
            else:
                self._done -= handle.tell()
                partial.unlink()
        return is_right

    def _continue(self, file: RepoFile, handle: BufferedRandom, checksum: "hashlib._Hash") -> Exception | None:
        """Append to a partial file until the connection ends. Returns the error that ended it, when another attempt can help."""
        from httpx2 import HTTPError

        try:
            with self._hub.content(file, self._found.revision, handle.tell()) as (start, pieces):
                # When the hub sends the file from its beginning, skip the bytes that are here.
                known = handle.tell() - start
                for piece in pieces:
                    new, known = piece[known:], max(0, known - len(piece))
                    handle.write(new)
                    checksum.update(new)
                    self._count(len(new))
                    if handle.tell() > file.size:
                        break
        except HTTPError as error:
            if not is_transient(error):
                raise
            return error
        return None

    def _count(self, size: int) -> None:
        self._done += size
        if (now := time.monotonic()) - self._said >= _PROGRESS_EVERY_S:
            self._said = now
            write_line(DownloadProgress(done=self._done, total=self._found.bytes))


def refuse_existing(folder: Path) -> None:
    """Raise Refused when the folder exists: a model is never overwritten."""
    if os.path.lexists(folder):
        raise Refused(f"{folder} exists already. Remove that model or choose another name.")


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def _gb(size: float) -> str:
    return f"{size / 1e9:,.2f} GB"
