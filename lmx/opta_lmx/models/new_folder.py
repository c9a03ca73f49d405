"""A model folder that appears whole or not at all: written beside its final name, then renamed."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Generator
from pathlib import Path

from opta_core.errors import Refused, Unavailable

# Of the needed bytes, for the smaller files and the file system.
_MARGIN = 1.02


@contextlib.contextmanager
def new_folder(folder: Path, suffix: str) -> Generator[Path]:
    """An empty folder to write to, which becomes `folder` at the end of the block. What an earlier, interrupted attempt left is removed.

    Raises Refused: `folder` exists. Unavailable: another process writes it. OSError.
    """
    refuse_existing(folder)
    part = folder.with_name(f"{folder.name}{suffix}")
    part.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Unavailable(f"{folder.name} is being made by another process. Wait until it ends.") from None
        for entry in part.iterdir():
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        try:
            yield part
            refuse_existing(folder)
            for file in part.iterdir():
                _sync(file)
            _sync(part)
            part.rename(folder)
            _sync(folder.parent)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
    finally:
        os.close(lock)


def refuse_existing(folder: Path) -> None:
    """Raise Refused when the folder exists: a model is never overwritten."""
    if os.path.lexists(folder):
        raise Refused(f"There is a model {folder.name!r} already, at {folder}. Choose another name with --name, or remove that folder.")


def check_space(folder: Path, size: int) -> None:
    """Raise Refused when the disk of `folder` has less than `size` bytes free. OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    needed, free = size * _MARGIN, shutil.disk_usage(folder).free
    if needed > free:
        raise Refused(f"{needed / 1e9:.2f} GB are needed at {folder}, where {free / 1e9:.2f} GB are free. Free some space.")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
