"""Where files go that commands do not make: out of the workspace, whole, and with words about where they are."""

import contextlib
import os
import re
import secrets
import shutil
import stat
from pathlib import Path

NOTES_MAX = 20
_COPIED_BYTES_MAX, _COPIED_FILES_MAX = 64 * 1024 * 1024, 1000


class Aside:
    """A folder outside of every workspace."""

    def __init__(self, folder: Path):
        self.folder = folder

    def take(self, above: int, name: str, identity: tuple[int, int] | None = None) -> str:
        """Move something out of an opened folder; where it is then, '' when it was not what was meant (`identity`) and is back. Raises OSError."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = f"{secrets.token_hex(4)}-{re.sub(r'[^A-Za-z0-9._-]', '_', name.lstrip('.'))[:60]}"
        seen = os.stat(name, dir_fd=above, follow_symlinks=False)
        # Without these rights it could be neither moved into another folder nor out of this one.
        _make_writable(above)
        if stat.S_ISDIR(seen.st_mode):
            folder = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)
            _make_writable(folder)
            os.close(folder)
        aside = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            try:
                os.rename(name, kept, src_dir_fd=above, dst_dir_fd=aside)
            except FileNotFoundError:
                raise
            except OSError:
                # Another file system: under a name that no program looks for, where it is.
                os.rename(name, f"put-aside-{kept}", src_dir_fd=above, dst_dir_fd=above)
                return f"put-aside-{kept} beside it"
            moved = os.stat(kept, dir_fd=aside, follow_symlinks=False)
            if identity is not None and (moved.st_dev, moved.st_ino) != identity:
                # Exchanged in the last moment, perhaps for something of a person's.
                with contextlib.suppress(OSError):
                    os.rename(kept, name, src_dir_fd=aside, dst_dir_fd=above)
                return ""
            _break_links(aside, kept)
        finally:
            os.close(aside)
        return str(self.folder / kept)


def said_of(path: str, kept: str) -> str:
    """What a result says about something that was put aside."""
    return f"{quoted(path)} is a control file, which commands do not make. It was put aside to {kept}. write_file makes it after asking a person."


def shortened(notes: list[str]) -> list[str]:
    """As many as a reader takes in."""
    return notes if len(notes) <= NOTES_MAX else [*notes[:NOTES_MAX], f"and {len(notes) - NOTES_MAX} more were put aside."]


def quoted(path: str) -> str:
    """A path on one line, whatever it holds."""
    return path if path.isprintable() and len(path) <= 200 else ascii(path[:200])


def _make_writable(folder: int) -> None:
    with contextlib.suppress(OSError):
        mode = stat.S_IMODE(os.fstat(folder).st_mode)
        if mode & 0o700 != 0o700:
            os.chmod(f"/proc/self/fd/{folder}", mode | 0o700)


def _break_links(aside: int, name: str) -> None:
    """Give what was put aside files of its own: one with another name in the workspace could still be written there. A large one keeps its links."""
    waiting = [name]
    count = 0
    while waiting and count < _COPIED_FILES_MAX:
        path = waiting.pop()
        count += 1
        with contextlib.suppress(OSError):
            seen = os.stat(path, dir_fd=aside, follow_symlinks=False)
            if stat.S_ISDIR(seen.st_mode):
                folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=aside)
                waiting += [f"{path}/{entry}" for entry in os.listdir(folder)]
                os.close(folder)
            elif stat.S_ISREG(seen.st_mode) and seen.st_nlink > 1 and seen.st_size <= _COPIED_BYTES_MAX:
                copy = os.open(f"{path}.copy", os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600, dir_fd=aside)
                # Not as an argument of open, from which the umask is taken.
                os.fchmod(copy, stat.S_IMODE(seen.st_mode))
                source = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=aside)
                with os.fdopen(source, "rb") as reader, os.fdopen(copy, "wb") as writer:
                    shutil.copyfileobj(reader, writer)
                os.rename(f"{path}.copy", path, src_dir_fd=aside, dst_dir_fd=aside)
