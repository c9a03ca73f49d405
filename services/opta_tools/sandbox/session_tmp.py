"""The /tmp of a session: a folder on the disk that only the session's sandbox and its reading file tools see.

It outlives commands, the sandbox and the tool-worker. It is removed when the session is deleted or unused for long.
"""

import contextlib
import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path

from ..housekeeping import remove_tree
from ..result import ToolProblem

# For how many seconds the /tmp of an unused session is kept.
KEPT_S = 7 * 86_400.0
# A folder that was used within this time is not removed, even if its session seems to be gone.
IN_USE_S = 3600.0
# How far `size_of` counts: entries, and levels of folders.
ENTRIES_MAX, LEVELS_MAX = 1_000_000, 256
UNCOUNTABLE = 1 << 60


class SessionTmps:
    """`state`: the folder of the sandbox's records. One folder for each session beneath `state/tmp`, named by a hash of the session's id."""

    def __init__(self, state: Path):
        self.folder = state / "tmp"

    def path(self, session: str) -> str:
        """The path of a session's folder, which need not exist."""
        return str(self.folder / hashlib.sha256(os.fsencode(session)).hexdigest()[:16] / "here")

    def make(self, session: str) -> str:
        """The path of a session's folder, which is made if it is missing. Only its owner may open it. Raises ToolProblem."""
        path = Path(self.path(session))
        # The folder above is not visible to commands. It records the session and the time of the last use.
        above = path.parent
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            above.mkdir(mode=0o700, exist_ok=True)
            path.mkdir(mode=0o700, exist_ok=True)
            # A command may have changed the mode of the folder that it sees as /tmp.
            _close_to_others(above)
            _close_to_others(path)
            if not (above / "session").exists():
                (above / "session").write_text(session)
            os.utime(above)
        except OSError as error:
            raise ToolProblem(f"the sandbox needs {path}, which cannot be made: {error.strerror}", "sandbox") from error
        return str(path)

    def forget_old(self, exists: Callable[[str], bool] | None = None) -> list[str]:
        """Remove the folders of sessions that are deleted (not `exists`) or were unused for KEPT_S seconds; the ids of these sessions."""
        gone: list[str] = []
        with contextlib.suppress(OSError), os.scandir(self.folder) as entries:
            for entry in entries:
                with contextlib.suppress(OSError, UnicodeDecodeError):
                    unused_s = time.time() - entry.stat(follow_symlinks=False).st_mtime
                    session = ""
                    with contextlib.suppress(FileNotFoundError):
                        session = Path(entry.path, "session").read_text()
                    is_deleted = bool(session) and exists is not None and not exists(session)
                    if unused_s > KEPT_S or (is_deleted and unused_s > IN_USE_S):
                        remove_tree(entry.path)
                        gone.append(session)
        return gone


def size_of(folder: int) -> int:
    """Bytes on the disk beneath an opened folder; links are not followed. A tree that is too deep to be counted is UNCOUNTABLE.

    Raises nothing. Safe while a command changes the tree: every step is a descriptor.
    """
    total = entries = 0
    # For each level: a descriptor of the folder, and the names of the folders in it that are not counted yet.
    levels: list[tuple[int, list[str]]] = []
    try:
        at = os.dup(folder)
        while True:
            below: list[str] = []
            levels.append((at, below))
            with contextlib.suppress(OSError), os.scandir(at) as found:
                for entry in found:
                    entries += 1
                    with contextlib.suppress(OSError):
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
                        if entry.is_dir(follow_symlinks=False):
                            below.append(entry.name)
            if entries > ENTRIES_MAX:
                return total
            if len(levels) > LEVELS_MAX:
                return UNCOUNTABLE
            while (next_folder := _next(levels)) is None:
                if not levels:
                    return total
            at = next_folder
    finally:
        for descriptor, _ in levels:
            os.close(descriptor)


def _next(levels: list[tuple[int, list[str]]]) -> int | None:
    """A descriptor of the next folder to count; None when there is none, or when the lowest level is done and was dropped."""
    if not levels:
        return None
    above, names = levels[-1]
    while names:
        with contextlib.suppress(OSError):
            return os.open(names.pop(), os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)
    levels.pop()
    os.close(above)
    return None


def _close_to_others(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fchmod(descriptor, 0o700)
    finally:
        os.close(descriptor)
