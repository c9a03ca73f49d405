"""What one sandbox shows, as a plan for the supervisor: every mount with the device and inode that it must have."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opta_core.paths import WORKSPACES
from opta_core.policy.workspaces import is_hidden_in_home

from ..result import ToolProblem
from . import readable
from .git_person import GitPerson

HOME_MB = 256


@dataclass(frozen=True)
class Machine:
    """What is the same for every sandbox of this worker. `own`: the daemon's folders, which no sandbox shows."""

    home: Path
    own: tuple[Path, ...]
    search_path: str = os.defpath
    read: tuple[str, ...] = ()
    system: tuple[list[Any], ...] = ()
    # What of the system not everybody may read.
    closed: tuple[str, ...] = ()
    credentials: readable.CredentialFiles = field(default_factory=readable.CredentialFiles)
    has_unix_sockets: bool = False

    @classmethod
    def look(cls, home: Path, own: tuple[Path, ...], search_path: str, read: tuple[str, ...], *, has_unix_sockets: bool = False) -> "Machine":  # fmt: skip
        """Look at the machine once. Takes some ten milliseconds."""
        home, own = home.resolve(), tuple(path.resolve() for path in own)
        closed = tuple(readable.not_for_everybody())
        machine = cls(home, own, search_path, read, tuple(readable.system_entries()), closed, has_unix_sockets=has_unix_sockets)
        # Looked through once before the first command has to wait for it.
        machine.credentials.of(each.real for each in readable.toolchains(home, search_path, read))
        return machine


@dataclass(frozen=True)
class View:
    """One sandbox's: the workspace as it was opened, folders that it may write, and whether it may write the workspace."""

    machine: Machine
    workspace: str
    device: int
    inode: int
    cache: str
    scratch: str
    is_read_only: bool = False
    # Git folders outside of the workspace that belong to it: path -> (device, inode).
    repositories: tuple[tuple[str, int, int], ...] = ()
    person: GitPerson = field(default_factory=GitPerson)

    @property
    def is_home(self) -> bool:
        """Whether the workspace is the person's home: then it shows nothing whose name begins with a dot."""
        return self.workspace == str(self.machine.home)

    @property
    def cache_inside(self) -> str:
        """Where the cache is in the sandbox."""
        return f"{self.machine.home}/.cache"

    def entries(self) -> list[list[Any]]:
        """The plan's entries, in the order in which they are mounted."""
        machine, home = self.machine, str(self.machine.home)
        scratch = _identity(self.scratch)
        entries: list[list[Any]] = [
            *machine.system,
            ["tmpfs", "/run", "0755", "1m", "1000"],
            ["rw", self.scratch, *scratch, "/tmp"],
            ["rw", self.scratch, *scratch, "/var/tmp"],
            ["tmpfs", home, "0700", f"{HOME_MB}m", "100000"],
            ["file", f"{home}/.gitconfig", self.person.config],
            ["file", f"{home}/.config/git/ignore", self.person.ignored],
            ["rw", self.cache, *_identity(self.cache), self.cache_inside],
            *readable.toolchain_entries(self._toolchains()),
        ]
        if self.is_home:
            entries += self._home_entries()
        else:
            entries.append(["ro" if self.is_read_only else "rw", self.workspace, self.device, self.inode])
        kind = "ro" if self.is_read_only else "rw"
        entries += [[kind, path, device, inode] for path, device, inode in self.repositories]
        return entries

    def masks(self) -> list[str]:
        """What is hidden of what is shown, as it lies there now: looked for before every command, since files come and are replaced."""
        own = [str(path) for path in self.machine.own if not self.workspace.startswith(f"{path}/")]
        return [*self.machine.closed, *self.machine.credentials.of(each.real for each in self._toolchains()), *own]

    def _toolchains(self) -> list[readable.Toolchain]:
        return readable.toolchains(self.machine.home, self.machine.search_path, self.machine.read)

    def _home_entries(self) -> list[list[Any]]:
        entries: list[list[Any]] = []
        for entry in sorted(os.scandir(self.workspace), key=lambda entry: entry.name):
            if not is_hidden_in_home(entry.name) and not entry.is_symlink() and not any(str(own) == entry.path for own in self.machine.own):
                seen = entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False):
                    entries.append(["ro" if self.is_read_only else "rw", entry.path, seen.st_dev, seen.st_ino])
        return entries


def check_workspace(machine: Machine, workspace: str) -> None:
    """Raises ToolProblem for a workspace that would show what no workspace shows."""
    is_home = workspace == str(machine.home)
    if workspace == "/" or (f"{machine.home}/".startswith(f"{workspace}/") and not is_home):
        raise ToolProblem(f"{workspace} is no folder to work in: it holds whole homes", "sandbox")
    if any(f"{own}/".startswith(f"{workspace}/") for own in machine.own) and not is_home:
        raise ToolProblem(f"{workspace} is no folder to work in: it holds Opta's own files", "sandbox")
    if any(workspace.startswith(f"{own}/") and not workspace.startswith(f"{own}/{WORKSPACES}/") for own in machine.own):
        raise ToolProblem(f"{workspace} is no folder to work in: it belongs to Opta itself", "sandbox")


def _identity(path: str) -> tuple[int, int]:
    seen = os.stat(path)
    return seen.st_dev, seen.st_ino


def plan(view: View, controls: list[list[Any]], program: bytes) -> dict[str, Any]:
    """The supervisor's first request."""
    trees = [view.workspace, *(path for path, _, _ in view.repositories)]
    return {"entries": view.entries(), "trees": trees, "controls": controls, "masks": view.masks(), "seccomp": program.hex()}
