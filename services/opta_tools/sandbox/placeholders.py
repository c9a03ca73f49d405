"""Placeholders: files in git's own folders that a command could otherwise create, with a content that has no effect on git.

A mount needs something to lie on, so a placeholder is made before a command runs and removed when none runs any more.
"""

import contextlib
import os
import secrets
from collections.abc import Callable

from . import linux
from .control import BENEATH
from .regular_files import content as content_of

# Name in a git folder -> content of its placeholder (None: an empty folder).
PLACEHOLDERS: dict[str, bytes | None] = {"config.worktree": b"", "commondir": b".\n", "hooks": None, "info": None}


class Placeholders:
    """The placeholders of one tree. `root`: a descriptor of it; `open_folder` opens a folder of it for reading, and raises OSError."""

    def __init__(self, root: int, open_folder: Callable[[str], int]):
        self._root, self._open_folder = root, open_folder
        # (path of the git folder, name) of each placeholder
        self._made: set[tuple[str, str]] = set()

    def make(self, path: str) -> list[str]:
        """Make the placeholders in the git folder at a path; the names of those that exist then."""
        made: list[str] = []
        with contextlib.suppress(OSError):
            git = self._open_folder(path)
            try:
                made = [name for name in PLACEHOLDERS if _make_placeholder(git, name)]
            finally:
                os.close(git)
        self._made |= {(path, name) for name in made}
        return made

    def remove_all(self) -> None:
        """Remove the placeholders, except those that were changed. Call it only while no command runs."""
        for path, name in self._made:
            self._remove(path, name)
        self._made.clear()

    def _remove(self, path: str, name: str) -> None:
        with contextlib.suppress(OSError):
            git = linux.openat2(self._root, path or ".", os.O_RDONLY | os.O_DIRECTORY, BENEATH)
            try:
                if PLACEHOLDERS[name] is None:
                    os.rmdir(name, dir_fd=git)
                elif is_placeholder(git, name):
                    os.unlink(name, dir_fd=git)
            finally:
                os.close(git)


def is_placeholder(folder: int, name: str) -> bool:
    """Whether a file in an opened git folder is a placeholder."""
    content = PLACEHOLDERS.get(name)
    return content is not None and content_of(folder, name, 64) == content


def _write_whole(git: int, name: str, content: bytes) -> None:
    """Make a file that has its content from the first moment: an empty commondir would be put aside, under the eyes of git. Raises OSError."""
    part = f"opta-{secrets.token_hex(8)}"
    descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644, dir_fd=git)
    try:
        os.write(descriptor, content)
        os.link(part, name, src_dir_fd=git, dst_dir_fd=git, follow_symlinks=False)
    finally:
        os.close(descriptor)
        os.unlink(part, dir_fd=git)


def _make_placeholder(git: int, name: str) -> bool:
    """Make a placeholder, unless there is a file of that name; whether there is a placeholder then."""
    content = PLACEHOLDERS[name]
    try:
        if content is None:
            os.mkdir(name, 0o755, dir_fd=git)
        else:
            _write_whole(git, name, content)
        return True
    except OSError:
        # A placeholder that a killed worker left counts as made by this one.
        return is_placeholder(git, name)
