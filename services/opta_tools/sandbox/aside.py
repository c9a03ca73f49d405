"""Puts files aside that commands must not make: moves them out of the workspace unchanged, and says where they are."""

import contextlib
import os
import re
import secrets
import shutil
import stat
from pathlib import Path

NOTES_MAX = 20
_COPIED_BYTES_MAX, _COPIED_FILES_MAX = 32 * 1024 * 1024, 1000
# The bytes of all files that may be copied in one check.
COPIED_A_LOOK_MAX = 32 * 1024 * 1024


class Aside:
    """A folder for files put aside, outside every workspace."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._copied = 0

    def begin_look(self) -> None:
        """Reset the limit on copied bytes, at the begin of a check."""
        self._copied = 0

    def take(self, above: int, name: str, identity: tuple[int, int] | None = None) -> str:
        """Move an entry out of an opened folder; the path where it is kept. Raises OSError.

        `identity`: the (device, inode) that it must have. If it has another one, it is moved back, and the result is ''.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = f"{secrets.token_hex(4)}-{re.sub(r'[^A-Za-z0-9._-]', '_', name.lstrip('.'))[:60]}"
        seen = os.stat(name, dir_fd=above, follow_symlinks=False)
        # Both folders must be writable for the move.
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
                return self._rename_in_place(above, name, f"put-aside-{kept}.put-aside", identity)
            moved = os.stat(kept, dir_fd=aside, follow_symlinks=False)
            if identity is not None and (moved.st_dev, moved.st_ino) != identity:
                # It was replaced at the last moment, perhaps by a person's file.
                with contextlib.suppress(OSError):
                    os.rename(kept, name, src_dir_fd=aside, dst_dir_fd=above)
                return ""
            self._break_links(aside, kept)
        finally:
            os.close(aside)
        return str(self.folder / kept)

    def _rename_in_place(self, above: int, name: str, kept: str, identity: tuple[int, int] | None) -> str:
        """For an entry on another file system: rename it in its folder, to a name that no program looks for."""
        os.rename(name, kept, src_dir_fd=above, dst_dir_fd=above)
        moved = os.stat(kept, dir_fd=above, follow_symlinks=False)
        if identity is not None and (moved.st_dev, moved.st_ino) != identity:
            with contextlib.suppress(OSError):
                os.rename(kept, name, src_dir_fd=above, dst_dir_fd=above)
            return ""
        return f"{kept} beside it"

    def _break_links(self, aside: int, name: str) -> None:
        """Replace hard-linked files that were put aside by copies, because they could still be written through their name in the workspace.

        Large files, and files beyond the limit of one check, keep their links.
        """
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
                    if self._copied + seen.st_size > COPIED_A_LOOK_MAX:
                        continue
                    self._copied += seen.st_size
                    renew(aside, path, seen)


def renew(folder: int, path: str, seen: os.stat_result) -> None:
    """Replace a file in an opened folder by a copy, so that no other name and no open descriptor leads to it. Raises OSError."""
    part = f"{path}.{secrets.token_hex(4)}.copy"
    copy = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600, dir_fd=folder)
    try:
        # With fchmod, because the mode given to open is reduced by the umask.
        os.fchmod(copy, stat.S_IMODE(seen.st_mode))
        source = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        with os.fdopen(source, "rb") as reader, os.fdopen(os.dup(copy), "wb") as writer:
            shutil.copyfileobj(reader, writer)
        os.rename(part, path, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(part, dir_fd=folder)
        raise
    finally:
        os.close(copy)


def aside_note(path: str, kept: str) -> str:
    """The note for the model about a file that was put aside."""
    return (
        f"{quoted(path)} is a control file, which commands cannot make. It was put aside to {kept}. write_file can make it, after asking "
        "a person."
    )


def shortened(notes: list[str]) -> list[str]:
    """The first NOTES_MAX notes, and the number of the others."""
    return notes if len(notes) <= NOTES_MAX else [*notes[:NOTES_MAX], f"and {len(notes) - NOTES_MAX} more were put aside."]


def quoted(path: str) -> str:
    """A path on one line, with unprintable characters escaped."""
    return path if path.isprintable() and len(path) <= 200 else ascii(path[:200])


def _make_writable(folder: int) -> None:
    with contextlib.suppress(OSError):
        mode = stat.S_IMODE(os.fstat(folder).st_mode)
        if mode & 0o700 != 0o700:
            os.chmod(f"/proc/self/fd/{folder}", mode | 0o700)
