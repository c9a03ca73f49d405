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
from .profile import GIT_FILES, control_paths


class Masks:
    """The stand-ins of all workspaces this worker runs commands in. `record` is the file that remembers them."""

    def __init__(self, record: Path):
        self._record = record
        # Workspace -> (how many commands run in it, the stand-ins made for them)
        self._held: dict[str, tuple[int, list[str]]] = {}

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
        if new:
            # Written down before they are made.
            self._write(new)
            try:
                for path in new:
                    _make(path)
            except OSError as error:
                for path in new:
                    _remove(path)
                raise ToolProblem(f"{workspace} cannot be protected: {error.strerror} ({error.filename})", "sandbox") from error
        self._held[workspace] = count + 1, [*made, *new]

    def release(self, workspace: str) -> None:
        """A command of a workspace has ended."""
        count, made = self._held[workspace]
        if count > 1:
            self._held[workspace] = count - 1, made
            return
        del self._held[workspace]
        for path in made:
            _remove(path)
        if made:
            self._write([])

    def _write(self, new: list[str]) -> None:
        paths = [*(path for _, made in self._held.values() for path in made), *new]
        self._record.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if paths:
            write_whole(self._record, msgspec.json.encode(paths))
        else:
            self._record.unlink(missing_ok=True)


def _make(path: str) -> None:
    name = path.rsplit("/", 1)[-1]
    with contextlib.suppress(FileExistsError):
        if "/.git/" in path and name in GIT_FILES:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
            with os.fdopen(descriptor, "w") as handle:
                handle.write(GIT_FILES[name])
        else:
            # An empty folder, whatever it stands for: git does not see one, and nothing can be written to it.
            os.mkdir(path, 0o755)


def _remove(path: str) -> None:
    """Only what is still as it was made: anything else is somebody's."""
    name = path.rsplit("/", 1)[-1]
    with contextlib.suppress(OSError):
        if os.path.isdir(path) and not os.path.islink(path):
            os.rmdir(path)
        elif "/.git/" in path and name in GIT_FILES and not os.path.islink(path):
            with open(path) as handle:
                is_ours = handle.read(64) == GIT_FILES[name]
            if is_ours:
                os.unlink(path)
