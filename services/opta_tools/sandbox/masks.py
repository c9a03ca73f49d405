"""Stand-ins for control files that are not there, so that a command cannot make them; gone when the last command is.

A mount needs something to lie on. What is made for that is written down before it is made, so that a worker that
dies leaves nothing for ever: the next one removes it.
"""

import contextlib
import os
from pathlib import Path

import msgspec

from opta_core.paths import write_whole

from ..outcome import ToolProblem
from .profile import GIT_POINTER, control_paths


class Masks:
    """The stand-ins of all workspaces this worker runs commands in. `record` is the file that remembers them."""

    def __init__(self, record: Path):
        self._record = record
        # Workspace -> (how many commands run in it, the stand-ins made for them)
        self._held: dict[str, tuple[int, list[str]]] = {}
        self._pointers: dict[str, bool] = {}

    def clean_up(self) -> None:
        """Remove what a former worker left."""
        with contextlib.suppress(OSError, msgspec.DecodeError):
            for path in msgspec.json.decode(self._record.read_bytes(), type=list[str]):
                _remove(path)
            self._record.unlink()

    def hold(self, workspace: str) -> None:
        """See to it that every control file of a workspace can be mounted over. Raises ToolProblem for one that is a link."""
        there, missing = control_paths(workspace)
        for path in there:
            if os.path.islink(path):
                raise ToolProblem(f"{path} is a link, so it cannot be protected; replace it by what it leads to", "sandbox")
        count, made = self._held.get(workspace, (0, []))
        new = [path for path in missing if path not in made]
        self._held[workspace] = count + 1, [*made, *new]
        if new:
            self._write()
            for path in new:
                _make(path)
        self._pointers.setdefault(workspace, os.path.lexists(f"{workspace}/{GIT_POINTER}"))

    def release(self, workspace: str) -> None:
        """A command of a workspace has ended."""
        count, made = self._held[workspace]
        if count > 1:
            self._held[workspace] = count - 1, made
            return
        del self._held[workspace]
        if not self._pointers.pop(workspace, True):
            with contextlib.suppress(OSError):
                os.unlink(f"{workspace}/{GIT_POINTER}")
        for path in made:
            _remove(path)
        if made:
            self._write()

    def _write(self) -> None:
        paths = [path for _, made in self._held.values() for path in made]
        self._record.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if paths:
            write_whole(self._record, msgspec.json.encode(paths))
        else:
            self._record.unlink(missing_ok=True)


def _make(path: str) -> None:
    # An empty folder, whatever it stands for: git does not see one, and nothing can be written to it.
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o755)


def _remove(path: str) -> None:
    """Only what is still an empty folder: anything else is somebody's."""
    with contextlib.suppress(OSError):
        os.rmdir(path)
