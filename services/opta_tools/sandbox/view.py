"""What a sandbox shows, as a plan for the supervisor: every mount, with the device and inode that its source must have."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opta_core.policy.workspaces import is_hidden_in_home, not_a_workspace

from ..result import ToolProblem
from . import readable
from .user_git_config import UserGitConfig

HOME_MB = 256


@dataclass(frozen=True)
class Host:
    """The properties of this machine that every sandbox shares. `daemon_folders`: Opta's folders, which no sandbox shows."""

    home: Path
    daemon_folders: tuple[Path, ...]
    search_path: str = os.defpath
    read: tuple[str, ...] = ()
    system: tuple[list[Any], ...] = ()
    # Paths of the system that not everybody may read.
    closed: tuple[str, ...] = ()
    credentials: readable.CredentialFiles = field(default_factory=readable.CredentialFiles)
    has_unix_sockets: bool = False

    @classmethod
    def look(cls, home: Path, daemon_folders: tuple[Path, ...], search_path: str, read: tuple[str, ...], *, has_unix_sockets: bool = False) -> "Host":  # fmt: skip
        """Read the properties of this machine. Takes some ten milliseconds."""
        home, daemon_folders = home.resolve(), tuple(path.resolve() for path in daemon_folders)
        closed = tuple(readable.not_for_everybody())
        host = cls(home, daemon_folders, search_path, read, tuple(readable.system_entries()), closed, has_unix_sockets=has_unix_sockets)
        # Fills the cache, so that the first command does not wait for it.
        host.credentials.of(each.real for each in readable.toolchains(home, search_path, read))
        return host


@dataclass(frozen=True)
class View:
    """What one sandbox shows: the opened workspace (path, device, inode), its cache and /tmp, and whether the workspace is read-only."""

    host: Host
    workspace: str
    device: int
    inode: int
    cache: str
    scratch: str
    is_read_only: bool = False
    # (path, device, inode) of the git folders outside the workspace that belong to it.
    repositories: tuple[tuple[str, int, int], ...] = ()
    user_git: UserGitConfig = field(default_factory=UserGitConfig)

    @property
    def is_home(self) -> bool:
        """Whether the workspace is the person's home. Then the files of programs are hidden."""
        return self.workspace == str(self.host.home)

    @property
    def cache_inside(self) -> str:
        """The path of the cache inside the sandbox."""
        return f"{self.host.home}/.cache"

    def entries(self) -> list[list[Any]]:
        """The plan's entries, in the order in which they are mounted."""
        host, home = self.host, str(self.host.home)
        scratch = _identity(self.scratch)
        entries: list[list[Any]] = [
            *host.system,
            ["tmpfs", "/run", "0755", "1m", "1000"],
            ["rw", self.scratch, *scratch, "/tmp"],
            ["rw", self.scratch, *scratch, "/var/tmp"],
            ["tmpfs", home, "0700", f"{HOME_MB}m", "100000"],
            ["file", f"{home}/.gitconfig", self.user_git.config],
            ["file", f"{home}/.config/git/ignore", self.user_git.ignored],
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
        """The paths to hide among what is shown. Determined before every command, because files are added and replaced."""
        shown = [each.real for each in self._toolchains()]
        # Only what another mount would show: the folders above what is shown in them (the user's skills) are empty folders of the sandbox.
        roots = [*shown, *(str(entry[1]) for entry in self.host.system), *(path for path, _, _ in self.repositories)]
        roots += [str(entry[1]) for entry in self._home_entries()] if self.is_home else [self.workspace]
        daemon_folders = [
            str(path)
            for path in self.host.daemon_folders
            if not self.workspace.startswith(f"{path}/") and any(f"{path}/".startswith(f"{root}/") for root in roots)
        ]
        return [*self.host.closed, *self.host.credentials.of(shown), *daemon_folders]

    def temporary(self) -> list[str]:
        """The temporary file systems that commands may write. They end with the sandbox."""
        return [str(self.host.home), "/run", "/dev/shm"]

    def _toolchains(self) -> list[readable.Toolchain]:
        return readable.toolchains(self.host.home, self.host.search_path, self.host.read)

    def _home_entries(self) -> list[list[Any]]:
        entries: list[list[Any]] = []
        for entry in sorted(os.scandir(self.workspace), key=lambda entry: entry.name):
            if (
                not is_hidden_in_home(entry.name)
                and not entry.is_symlink()
                and not any(str(daemon_folders) == entry.path for daemon_folders in self.host.daemon_folders)
            ):
                seen = entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False):
                    entries.append(["ro" if self.is_read_only else "rw", entry.path, seen.st_dev, seen.st_ino])
        return entries


def check_workspace(host: Host, workspace: str) -> None:
    """Raise ToolProblem for a folder that cannot be a workspace, because it would show the daemon's folders or other homes."""
    if problem := not_a_workspace(workspace, host.home, host.daemon_folders):
        raise ToolProblem(problem, "sandbox")


def _identity(path: str) -> tuple[int, int]:
    seen = os.stat(path)
    return seen.st_dev, seen.st_ino


def plan(view: View, controls: list[list[Any]], program: bytes) -> dict[str, Any]:
    """The first request to the supervisor. `controls`: mounts of control files; `program`: the system call filter."""
    trees = [view.workspace, *(path for path, _, _ in view.repositories)]
    return {
        "entries": view.entries(),
        "trees": trees,
        "controls": controls,
        "masks": view.masks(),
        "temporary": view.temporary(),
        "seccomp": program.hex(),
    }
