"""Reads one folder of a tree: its control files, and the folders below it that may hold more.

A folder is read again only when its time of change (ctime) differs, which no command can set back.
"""

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from opta_core.policy.control_files import control_file
from opta_core.policy.workspaces import is_hidden_in_home

from .control import Control, control_at, followed
from .git_folders import joined

# Folders of packages and build output: large, and created by tools. Only their first SKIPPED_LEVELS levels are read.
NOT_WALKED = frozenset({"node_modules", ".venv", "venv", "target", "__pycache__", ".tox", ".nox", "dist", "build", ".next", ".cache", ".gradle"})  # fmt: skip
SKIPPED_LEVELS = 2
# Nobody opens an installed package as a project, so in one only the files that no tool may write are control files.
_PACKAGES = frozenset({"node_modules", "site-packages", "bower_components"})
# A longer path could not be passed to system calls.
PATH_CHARS_MAX = 3000
# A folder that changed so shortly before it was read may have changed again within the same tick of the file system's clock.
RACY_NS = 30_000_000


@dataclass
class ScannedFolder:
    """The result of reading a folder. `dormant`: files that would be control files if the folder were a repository."""

    changed_ns: int
    inode: int
    read_at_ns: int
    below: list[str] = field(default_factory=list[str])
    controls: list[Control] = field(default_factory=list[Control])
    dormant: list[Control] = field(default_factory=list[Control])
    too_deep: list[str] = field(default_factory=list[str])


class FolderScan:
    """Reads and caches the folders of one tree. `root`: a descriptor of it; `is_home`: skip the entries that a home hides.

    `open_folder` opens a folder of the tree for reading, and raises OSError.
    """

    def __init__(self, root: int, open_folder: Callable[[str], int], *, is_home: bool):
        self._root, self._open_folder, self._is_home = root, open_folder, is_home
        # Path -> folder, of the last look
        self.folders: dict[str, ScannedFolder] = {}
        # Whether the tree itself is a bare repository
        self.is_bare = False

    def folder(self, path: str) -> ScannedFolder | None:
        """Read a folder, or return the cached result; None when it cannot be read."""
        known = self.folders.get(path)
        if known is not None:
            with contextlib.suppress(OSError):
                seen = os.stat(path or ".", dir_fd=self._root, follow_symlinks=False)
                if (seen.st_ctime_ns, seen.st_ino) == (known.changed_ns, known.inode) and known.read_at_ns - known.changed_ns > RACY_NS:
                    # The target of a link may change without a change of the folder.
                    known.controls = [followed(self._root, each) if each.links else each for each in known.controls]
                    return known
        with contextlib.suppress(OSError):
            return self._read(path)
        return None

    def _read(self, path: str) -> ScannedFolder:
        descriptor = self._open_folder(path)
        try:
            seen = os.fstat(descriptor)
            folder = ScannedFolder(seen.st_ctime_ns, seen.st_ino, time.time_ns())
            is_walked = _levels_in_skipped(path) < SKIPPED_LEVELS
            if len(path) > PATH_CHARS_MAX:
                is_walked = False
            names: set[str] = set()
            is_packages = any(part in _PACKAGES for part in path.split("/")[:-1])
            of_repository: list[Control] = []
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    names.add(entry.name)
                    below = joined(path, entry.name)
                    if self._is_home and not path and is_hidden_in_home(entry.name):
                        continue
                    if (known := control_file(entry.name)) is not None and (known.is_refused or not is_packages):
                        with contextlib.suppress(FileNotFoundError):
                            control = control_at(self._root, below, descriptor, is_git=entry.name == ".git")
                            (of_repository if known.is_of_repository else folder.controls).append(control)
                    elif entry.is_dir(follow_symlinks=False):
                        if is_walked:
                            folder.below.append(below)
                        elif len(path) > PATH_CHARS_MAX:
                            folder.too_deep.append(below)
            if not path or ".git" in names:
                folder.controls += of_repository
            else:
                folder.dormant = of_repository
            is_bare = _looks_like_git(names)
            if not path:
                self.is_bare = is_bare and ".git" not in names
            elif is_bare:
                # A bare repository: git uses the one that it is started in.
                above = os.stat("..", dir_fd=descriptor)
                folder.controls.append(Control(path, seen.st_dev, seen.st_ino, True, (above.st_dev, above.st_ino), is_git=True))
            return folder
        finally:
            os.close(descriptor)


def _levels_in_skipped(path: str) -> int:
    """How deep a folder lies in one of NOT_WALKED: 0 outside, 1 for that folder itself."""
    parts = path.split("/")
    first = next((number for number, part in enumerate(parts) if part in NOT_WALKED), len(parts))
    # The scope of a package (`@scope/name`) does not count as a level.
    return len(parts) - first - sum(part.startswith("@") for part in parts[first:])


def _looks_like_git(names: set[str]) -> bool:
    """Whether git could take a folder with these entries for a repository, complete or incomplete."""
    return ("HEAD" in names and ("commondir" in names or {"objects", "refs"} <= names)) or {"objects", "refs", "config"} <= names
