"""Finds the control files of a tree by descriptor, cheaply enough to look before and after every command.

A folder is read again only when its time of change moved, which nobody can set back. No symbolic link is followed on the way.
Repositories are taken apart: git's own folder may be written; its configuration, its hooks and what leads to others may not.
"""

import contextlib
import os
import re
import stat
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from opta_core.policy.control_files import control_file
from opta_core.policy.workspaces import is_hidden_in_home

from . import linux
from .control import BENEATH, Control, control_at, followed, identity_of, way
from .git_folders import Found, GitFolders, joined
from .regular_files import content

FOLDERS_MAX = 50_000
LINKS_MAX = 100
# Folders of packages and build output: large, and made anew by their tools. Of these only the first two levels are looked at.
NOT_WALKED = frozenset({"node_modules", ".venv", "venv", "target", "__pycache__", ".tox", ".nox", "dist", "build", ".next", ".cache", ".gradle"})  # fmt: skip
SKIPPED_LEVELS = 2
# What lies in an installed package is its own, but for what no tool may write: nobody opens one as a project.
_PACKAGES = frozenset({"node_modules", "site-packages", "bower_components"})
# What lies deeper could not be named any more.
PATH_CHARS_MAX = 3000
POINTER_BYTES_MAX = 4096
# A folder that changed so shortly before it was read may have changed again within one tick of its clock.
_RACY_NS = 30_000_000


@dataclass
class _Folder:
    changed_ns: int
    inode: int
    read_at_ns: int
    below: list[str] = field(default_factory=list[str])
    controls: list[Control] = field(default_factory=list[Control])
    dormant: list[Control] = field(default_factory=list[Control])
    too_deep: list[str] = field(default_factory=list[str])


class Controls:
    """The control files of one tree. `root` is a descriptor of it that the caller keeps open.

    `is_repository`: the tree is git's own folder, of a worktree that lies elsewhere. `is_home`: what a home hides is not looked at.
    `more_hooks`: core.hooksPath of configurations that lie elsewhere and hold here too.
    """

    def __init__(self, root: int, *, is_repository: bool = False, is_home: bool = False, more_hooks: Callable[[], Iterable[str]] = tuple):
        self._root, self._is_repository, self._is_home, self._more_hooks = root, is_repository, is_home, more_hooks
        self._git = GitFolders(root, self.open_folder)
        self._folders: dict[str, _Folder] = {}
        self._placed: set[tuple[str, str]] = set()
        # Path -> control file, of the last look
        self.found: dict[str, Control] = {}
        # What git's own folders hold, of the last look.
        self.git = Found()
        # Paths that are controls because a configuration of git names them.
        self.only_named: set[str] = set()
        # Whether there were more folders than are looked at, folders too deep to be, and whether the tree itself is a bare repository.
        self.is_cut = False
        self.too_deep: list[str] = []
        self.is_bare = False

    def close(self) -> None:
        """Let go of the tree."""
        os.close(self._root)

    @property
    def root(self) -> int:
        """The descriptor of the tree."""
        return self._root

    def record(self) -> dict[str, Any]:
        """What names the tree to another process."""
        return {"tree": self.path, "inode": os.fstat(self._root).st_ino, "is_repository": self._is_repository, "is_home": self._is_home}

    def end_of(self, path: str) -> str:
        """The path in the tree that links lead to; '' for what lies elsewhere."""
        return way(self._root, path)[1] or ""

    @property
    def path(self) -> str:
        """The real path of the tree."""
        return os.readlink(f"/proc/self/fd/{self._root}")

    @property
    def dormant(self) -> list[Control]:
        """What would be a control file if its folder were a repository, of the last look."""
        return [control for folder in self._folders.values() for control in folder.dormant]

    @property
    def folders(self) -> dict[str, tuple[int, int]]:
        """Path -> (device, inode) of every folder of the last look."""
        device = os.fstat(self._root).st_dev
        return {path: (device, folder.inode) for path, folder in self._folders.items()}

    def look(self) -> dict[str, Control]:
        """Look again; path -> control file, those of repositories included."""
        folders: dict[str, _Folder] = {}
        found: dict[str, Control] = {}
        waiting = [] if self._is_repository else [""]
        self.is_cut = False
        while waiting:
            following: list[str] = []
            for path in waiting:
                if len(folders) >= FOLDERS_MAX:
                    self.is_cut = True
                    break
                folder = self._folder(path)
                if folder is not None:
                    folders[path] = folder
                    found |= {control.path: control for control in folder.controls}
                    following += folder.below
            # Level by level, so that a bound leaves out what lies deepest.
            waiting = following
        self._folders = folders
        self.too_deep = [path for folder in folders.values() for path in folder.too_deep]
        tops = [path.rpartition("/")[0] for path in found if path.rpartition("/")[2] == ".git"]
        self.git = self._git.look(self._git_folders(found), tops, self._more_hooks())
        self.is_cut |= self.git.is_cut
        self.found = self.git.by_name | self.git.controls | found
        self.only_named = self.git.by_name.keys() - self.git.controls.keys() - found.keys()
        return self.found

    def ways(self) -> dict[str, Control]:
        """Links on the way to a control file: in its folder, or where a configuration names it."""
        found = dict(self.git.ways)
        for control in self.found.values():
            if control.is_folder and not control.is_git:
                for name in self._links_in(control.path):
                    path = joined(control.path, name)
                    found[path] = followed(self._root, Control(path, 0, 0, False))
        return found

    def is_pointer_into_git(self, path: str) -> bool:
        """Whether a `.git` is a file that leads to a submodule's or a worktree's folder in a repository of the last look.

        Judged by what lies there now, without any link on the way, and never by how it is spelled.
        """
        above, _, name = path.rpartition("/")
        try:
            folder = self.open_folder(above)
        except OSError:
            return False
        try:
            written = content(folder, name, POINTER_BYTES_MAX) or b""
        finally:
            os.close(folder)
        match = re.fullmatch(r"gitdir: (.+?)\n*", written.decode(errors="surrogateescape"))
        if match is None or "\0" in match[1]:
            return False
        to = match[1].removeprefix(f"{self.path}/")
        leads_to = os.path.normpath(to if to != match[1] else joined(above, to))
        known = {control.identity for control in self.found.values() if control.is_git}
        if identity_of(self._root, leads_to) in known:
            return True
        trees, _, _ = leads_to.rpartition("/")
        git = trees.rpartition("/")[0]
        if not trees.endswith("/worktrees") or identity_of(self._root, git) not in known:
            return False
        with contextlib.suppress(OSError):
            tree = self.open(leads_to, os.O_RDONLY | os.O_DIRECTORY)
            try:
                return (content(tree, "commondir", POINTER_BYTES_MAX) or b"").strip() == b"../.."
            finally:
                os.close(tree)
        return False

    def again(self, control: Control) -> Control:
        """A link with where it leads now."""
        return followed(self._root, control)

    def git_states(self) -> list[str]:
        """Folders in which git keeps what it has begun: its own, and those of its worktrees."""
        trees = [path for path, control in self.git.controls.items() if control.is_folder and path.split("/")[-2:-1] == ["worktrees"]]
        return [*self._git_folders(self.found), *trees]

    def _git_folders(self, found: dict[str, Control]) -> list[str]:
        return [""] if self._is_repository else [control.path for control in found.values() if control.is_git]

    def mounts(self) -> list[list[Any]]:
        """What the sandbox mounts over itself: [path, "ro" or "rw", device, inode]. Makes placeholders inside of git's folders."""
        for path in self._git_folders(self.found):
            for name in self._git.place(path):
                self._placed.add((path, name))
                with contextlib.suppress(OSError):
                    git = self.open(path, os.O_PATH | os.O_DIRECTORY)
                    try:
                        self.found[joined(path, name)] = control_at(self._root, joined(path, name), git)
                    finally:
                        os.close(git)
        mounts: list[list[Any]] = []
        for control in sorted(self.found.values(), key=lambda control: control.path.count("/")):
            if control.links:
                mounts += self._target(control.path)
            else:
                # git's own folders get a mount of their own, so that none can be moved away and made anew with other hooks.
                mounts.append([control.path, "rw" if control.is_git or _leads_to_others(control) else "ro", *control.identity])
                if control.is_folder and not control.is_git:
                    for name in self._links_in(control.path):
                        mounts += self._target(f"{control.path}/{name}")
        return mounts

    def open(self, path: str, flags: int = os.O_PATH) -> int:
        """A descriptor of something beneath the tree; no link is followed. Raises OSError."""
        return linux.openat2(self._root, path or ".", flags, BENEATH)

    def open_folder(self, path: str) -> int:
        """A folder that can be read: one that its owner may not read is made readable. Raises OSError."""
        try:
            return self.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except PermissionError:
            descriptor = self.open(path, os.O_PATH | os.O_DIRECTORY)
            try:
                os.chmod(f"/proc/self/fd/{descriptor}", stat.S_IMODE(os.fstat(descriptor).st_mode) | 0o700)
            finally:
                os.close(descriptor)
            return self.open(path, os.O_RDONLY | os.O_DIRECTORY)

    def remove_placeholders(self) -> None:
        """Take away what `mounts` made, where nobody made something else of it. Only while no command runs."""
        for path, name in self._placed:
            self._git.remove_placeholder(path, name)
        self._placed.clear()

    def _folder(self, path: str) -> _Folder | None:
        known = self._folders.get(path)
        if known is not None:
            with contextlib.suppress(OSError):
                seen = os.stat(path or ".", dir_fd=self._root, follow_symlinks=False)
                if (seen.st_ctime_ns, seen.st_ino) == (known.changed_ns, known.inode) and known.read_at_ns - known.changed_ns > _RACY_NS:
                    # What a link leads to may change without its folder.
                    known.controls = [followed(self._root, each) if each.links else each for each in known.controls]
                    return known
        with contextlib.suppress(OSError):
            return self._read(path)
        return None

    def _read(self, path: str) -> _Folder:
        descriptor = self.open_folder(path)
        try:
            seen = os.fstat(descriptor)
            folder = _Folder(seen.st_ctime_ns, seen.st_ino, time.time_ns())
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
                # A bare repository: git uses one that it stands in.
                above = os.stat("..", dir_fd=descriptor)
                folder.controls.append(Control(path, seen.st_dev, seen.st_ino, True, (above.st_dev, above.st_ino), is_git=True))
            return folder
        finally:
            os.close(descriptor)

    def _target(self, path: str) -> list[list[Any]]:
        """What a control file that is a link leads to, when that lies in the tree."""
        real = self.end_of(path)
        if real:
            with contextlib.suppress(OSError):
                target = self.open(real)
                try:
                    return [*self._above(real), [real, "ro", *linux.identity(target)]]
                finally:
                    os.close(target)
        return []

    def _links_in(self, path: str) -> list[str]:
        """Links in a control folder: a hook is often one to a script of the repository."""
        with contextlib.suppress(OSError):
            folder = self.open(path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                with os.scandir(folder) as entries:
                    return [entry.name for entry in entries if entry.is_symlink()][:LINKS_MAX]
            finally:
                os.close(folder)
        return []

    def _above(self, path: str) -> list[list[Any]]:
        """The folders above something, each to be mounted over itself, so that none is moved away with it."""
        mounts: list[list[Any]] = []
        parts = path.split("/")[:-1]
        for count in range(1, len(parts) + 1):
            folder = self.open("/".join(parts[:count]), os.O_PATH | os.O_DIRECTORY)
            mounts.append(["/".join(parts[:count]), "rw", *linux.identity(folder)])
            os.close(folder)
        return mounts


def _levels_in_skipped(path: str) -> int:
    """How deep a folder lies in one that is not walked: 0 for outside, 1 for that folder itself."""
    parts = path.split("/")
    first = next((number for number, part in enumerate(parts) if part in NOT_WALKED), len(parts))
    # The scope of a package is no level of its own.
    return len(parts) - first - sum(part.startswith("@") for part in parts[first:])


def _looks_like_git(names: set[str]) -> bool:
    """Whether git could take a folder with these names for a repository, whole or in parts."""
    return ("HEAD" in names and ("commondir" in names or {"objects", "refs"} <= names)) or {"objects", "refs", "config"} <= names


def _leads_to_others(control: Control) -> bool:
    """Whether a part of git's folder only holds others: it may be written, and not moved."""
    parts = control.path.split("/")
    return control.is_folder and (parts[-1] in ("modules", "worktrees") or (len(parts) > 1 and parts[-2] == "worktrees"))
