"""The lock on a work tree's index, held while it is replaced, so that no other git changes it. Format: git's lock files.

The lock is a second link of a file with a name of ours. So after a kill it is known whether a lock that was left is ours.
"""

import contextlib
import os
from collections.abc import Generator
from pathlib import Path

from opta_core.worktree_records import identity_of

from .git_program import WorktreeProblem


class IndexLock:
    """`git`: the git folder of the work tree. `name`: for the file of ours."""

    def __init__(self, git: str, name: str):
        self._index, self._lock, self._file = f"{git}/index", f"{git}/index.lock", f"{git}/opta-{name}.lock"

    @contextlib.contextmanager
    def held(self) -> Generator[None]:
        """Hold the lock. Raises WorktreeProblem: another git has it. OSError."""
        self.recover()
        os.close(os.open(self._file, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o666))
        try:
            os.link(self._file, self._lock)
        except FileExistsError:
            os.unlink(self._file)
            raise WorktreeProblem(
                f"another git is at work there, or one that was killed left {self._lock}. Try again, or remove that file first"
            ) from None
        try:
            yield
        finally:
            self.recover()

    def publish(self, index: str) -> None:
        """While the lock is held: make a file the index, and release the lock. Raises OSError; then the index is as it was."""
        with open(self._lock, "r+b") as handle:
            handle.truncate()
            handle.write(Path(index).read_bytes())
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(self._lock, self._index)

    def recover(self) -> None:
        """Release a lock of ours, also one that a killed worker left."""
        identity = identity_of(self._file)
        if identity and identity_of(self._lock) == identity:
            with contextlib.suppress(OSError):
                os.unlink(self._lock)
        with contextlib.suppress(OSError):
            os.unlink(self._file)
