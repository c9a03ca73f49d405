"""FOLDER.part: what has arrived of a download, checked, continued after any end, and made FOLDER when it is whole.

The hub's library gives a half file a random name and deletes it when the connection breaks; here it is named by its digest and kept.
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

from .hub_repo import ORIGIN, File, Found, Hub, Progress, is_transient, say

if TYPE_CHECKING:
    import hashlib

_PROGRESS_EVERY_S = 0.5
# Connections in a row that bring nothing new; each wait before the next is three times as long.
_FRUITLESS_MAX, _WAIT_S = 4, 0.1
_BLOCK_BYTES = 1024**2


class Part:
    """FOLDER.part: what has arrived so far. One process at a time has it. Methods raise OSError besides what Hub raises."""

    def __init__(self, folder: Path, hub: Hub, found: Found, files: list[File]):
        self._folder, self._hub, self._found, self._files = folder, hub, found, files
        self._path = folder.with_name(f"{folder.name}.part")
        # Named by their digests: a half file of another revision is never continued.
        self._halves = self._path / ".half"
        self._done, self._said = 0, 0.0
        self._halves.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = os.open(self._path, os.O_RDONLY)  # until the process ends
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Unavailable(f"{folder.name} is being pulled by another process. Wait for that one.") from None

    def complete(self) -> None:
        """Fetch what is missing, and make it FOLDER."""
        needed, free = self._missing() * 1.05, shutil.disk_usage(self._path).free
        if needed > free:
            raise Refused(f"{self._found.repo} needs {_gb(needed)} more at {self._path}, where {_gb(free)} are free. Make room.")
        for file in self._files:
            self._bring(file)
        origin = {"repo": self._found.repo, "revision": self._found.revision, "licence": self._found.licence, "bytes": self._found.bytes}
        write_whole(self._path / ORIGIN, msgspec.json.encode(origin))
        self._halves.rmdir()
        refuse_existing(self._folder)
        _sync(self._path)
        self._path.rename(self._folder)
        _sync(self._folder.parent)

    def _missing(self) -> int:
        """Bytes still to come. What no file of this revision can use is removed first."""
        useful = {self._path / file.name for file in self._files} | {self._halves / file.digest for file in self._files}
        present = {file for file in self._path.rglob("*") if not file.is_dir()}
        for file in present - useful:
            file.unlink()
        return max(0, self._found.bytes - sum(file.stat().st_size for file in present & useful))

    def _bring(self, file: File) -> None:
        half, place = self._halves / file.digest, self._path / file.name
        # What an earlier run put in its place is checked like what arrives.
        if place.exists():
            place.replace(half)
        # A loss of power can spoil what an earlier run left; then, and only then, it is worth its bytes a second time.
        is_resumed = half.exists()
        if not self._is_brought(file, half) and not (is_resumed and self._is_brought(file, half)):
            message = f"{file.name} of {self._found.repo} is damaged: its checksum is not the one that {self._hub.endpoint} told"
            raise Broken(f"{message}. It was deleted. Pull again; if that fails too, the hub's copy is at fault.")
        place.parent.mkdir(mode=0o700, exist_ok=True)
        half.replace(place)
        _sync(place.parent)

    def _is_brought(self, file: File, half: Path) -> bool:
        """Whether a file is there as it should be; if not, it is deleted."""
        checksum, fruitless = file.checksum(), 0
        with half.open("ab+") as handle:
            handle.seek(0)
            while block := handle.read(_BLOCK_BYTES):
                checksum.update(block)
                self._count(len(block))
            while (before := handle.tell()) < file.size:
                trouble = self._continue(file, handle, checksum)
                fruitless = 0 if handle.tell() > before else fruitless + 1
                if fruitless == _FRUITLESS_MAX:
                    raise trouble or Unavailable(f"{self._hub.endpoint} ends {file.name} too early. Pull again; what has arrived is kept.")
                time.sleep(_WAIT_S * 3**fruitless if fruitless else 0)
            if is_right := checksum.hexdigest() == file.digest:
                os.fsync(handle.fileno())
            else:
                self._done -= handle.tell()
                half.unlink()
        return is_right

    def _continue(self, file: File, handle: BufferedRandom, checksum: "hashlib._Hash") -> Exception | None:
        """Write from the end of a half file to the end of the connection. Returns what broke it, if another attempt can help."""
        from httpx2 import HTTPError

        try:
            with self._hub.content(file, self._found.revision, handle.tell()) as (start, pieces):
                # Of a file that is sent from its beginning again, what is here already is passed over.
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
            say(Progress(done=self._done, total=self._found.bytes))


def refuse_existing(folder: Path) -> None:
    """Raises Refused: a model is never written over."""
    if os.path.lexists(folder):
        raise Refused(f"{folder} exists already. Remove that model or choose another name.")


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def _gb(size: float) -> str:
    return f"{size / 1e9:,.2f} GB"
