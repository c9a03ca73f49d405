"""Finds the control files of a tree by descriptor, fast enough to do so before and after every command.

No symbolic link is followed. Inside a repository, git's own folder may be written, but its configuration, its hooks and the files that
lead to other repositories may not.
"""

import contextlib
import os
import re
import stat
from collections.abc import Callable, Iterable
from typing import Any

from . import linux
from .control import BENEATH, Control, control_at, followed, identity_of, resolve_links
from .folder_scan import FolderScan, ScannedFolder
from .git_folders import GitFiles, GitFolders, joined
from .placeholders import Placeholders
from .regular_files import content

FOLDERS_MAX = 50_000
LINKS_MAX = 100
POINTER_BYTES_MAX = 4096


class Controls:
    """The control files of one tree. `root` is a descriptor of it, which this object closes.

    `is_repository`: the tree is a git folder whose worktree lies elsewhere. `is_home`: skip the entries that a home hides.
    `outside_hooks`: values of core.hooksPath in configurations outside the tree that also apply to it.
    """

    def __init__(
        self, root: int, *, is_repository: bool = False, is_home: bool = False, outside_hooks: Callable[[], Iterable[str]] = tuple
    ):
        self._root, self._is_repository, self._is_home, self._outside_hooks = root, is_repository, is_home, outside_hooks
        self._git = GitFolders(root, self.open_folder)
        self._scan = FolderScan(root, self.open_folder, is_home=is_home)
        self._placeholders = Placeholders(root, self.open_folder)
        # Path -> control file, after the last `look`
        self.found: dict[str, Control] = {}
        # The control files of git folders, after the last `look`
        self.git = GitFiles()
        # Paths that are control files only because a git configuration names them
        self.only_named: set[str] = set()
        # Whether the last `look` left out folders because there were too many, and the folders that it left out as too deep
        self.is_cut = False
        self.too_deep: list[str] = []

    def close(self) -> None:
        """Close the descriptor of the tree."""
        os.close(self._root)

    @property
    def root(self) -> int:
        """The descriptor of the tree."""
        return self._root

    def record(self) -> dict[str, Any]:
        """What another process needs to open the tree again."""
        return {"tree": self.path, "inode": os.fstat(self._root).st_ino, "is_repository": self._is_repository, "is_home": self._is_home}

    def end_of(self, path: str) -> str:
        """The path in the tree that `path` leads to over symbolic links; '' when it leads out of the tree."""
        return resolve_links(self._root, path)[1] or ""

    @property
    def path(self) -> str:
        """The real path of the tree."""
        return os.readlink(f"/proc/self/fd/{self._root}")

    @property
    def dormant(self) -> list[Control]:
        """Files that would be control files if their folder were a repository, after the last `look`."""
        return [control for folder in self._scan.folders.values() for control in folder.dormant]

    @property
    def folders(self) -> dict[str, tuple[int, int]]:
        """Path -> (device, inode) of every folder, after the last `look`."""
        device = os.fstat(self._root).st_dev
        return {path: (device, folder.inode) for path, folder in self._scan.folders.items()}

    @property
    def is_bare(self) -> bool:
        """Whether the tree itself is a bare repository, after the last `look`."""
        return self._scan.is_bare

    def look(self) -> dict[str, Control]:
        """Find the control files again, including those of repositories. Returns path -> control file. Raises OSError."""
        folders: dict[str, ScannedFolder] = {}
        found: dict[str, Control] = {}
        waiting = [] if self._is_repository else [""]
        self.is_cut = False
        while waiting:
            following: list[str] = []
            for path in waiting:
                if len(folders) >= FOLDERS_MAX:
                    self.is_cut = True
                    break
                folder = self._scan.folder(path)
                if folder is not None:
                    folders[path] = folder
                    found |= {control.path: control for control in folder.controls}
                    following += folder.below
            # Breadth first, so that the limit leaves out the deepest folders.
            waiting = following
        self._scan.folders = folders
        self.too_deep = [path for folder in folders.values() for path in folder.too_deep]
        tops = [path.rpartition("/")[0] for path in found if path.rpartition("/")[2] == ".git"]
        self.git = self._git.look(self._git_folders(found), tops, self._outside_hooks())
        self.is_cut |= self.git.is_cut
        self.found = self.git.by_name | self.git.controls | found
        self.only_named = self.git.by_name.keys() - self.git.controls.keys() - found.keys()
        return self.found

    def link_paths(self) -> dict[str, Control]:
        """Symbolic links that lead to control files: links in control folders, and links on paths that configurations name."""
        found = dict(self.git.link_paths)
        for control in self.found.values():
            if control.is_folder and not control.is_git:
                for name in self._links_in(control.path):
                    path = joined(control.path, name)
                    found[path] = followed(self._root, Control(path, 0, 0, False))
        return found

    def is_pointer_into_git(self, path: str) -> bool:
        """Whether a `.git` is a file that points to the folder of a submodule or worktree in a repository that `look` found.

        Decided by the folder that the path leads to now, without symbolic links, and never by its spelling.
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
        """A symbolic link with its current target."""
        return followed(self._root, control)

    def git_states(self) -> list[str]:
        """The folders in which git keeps the state of unfinished operations: git folders, and those of worktrees."""
        trees = [path for path, control in self.git.controls.items() if control.is_folder and path.split("/")[-2:-1] == ["worktrees"]]
        return [*self._git_folders(self.found), *trees]

    def _git_folders(self, found: dict[str, Control]) -> list[str]:
        return [""] if self._is_repository else [control.path for control in found.values() if control.is_git]

    def mounts(self) -> list[list[Any]]:
        """The mounts that protect control files: [path, "ro" or "rw", device, inode] each. Makes the placeholders in git folders."""
        for path in self._git_folders(self.found):
            for name in self._placeholders.make(path):
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
                # A git folder is a separate mount, so that a command cannot move it away and make another one with other hooks.
                mounts.append([control.path, "rw" if control.is_git or _leads_to_others(control) else "ro", *control.identity])
                if control.is_folder and not control.is_git:
                    for name in self._links_in(control.path):
                        mounts += self._target(f"{control.path}/{name}")
        return mounts

    def open(self, path: str, flags: int = os.O_PATH) -> int:
        """A descriptor for a path beneath the tree. No symbolic link is followed. Raises OSError."""
        return linux.openat2(self._root, path or ".", flags, BENEATH)

    def open_folder(self, path: str) -> int:
        """A descriptor for reading a folder. A folder that its owner may not read is made readable. Raises OSError."""
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
        """Remove the placeholders that `mounts` made. Call it only while no command runs."""
        self._placeholders.remove_all()

    def _target(self, path: str) -> list[list[Any]]:
        """The mounts for the target of a link, when the target lies in the tree."""
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
        """The names of symbolic links in a control folder: a hook is often a link to a script of the repository."""
        with contextlib.suppress(OSError):
            folder = self.open(path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                with os.scandir(folder) as entries:
                    return [entry.name for entry in entries if entry.is_symlink()][:LINKS_MAX]
            finally:
                os.close(folder)
        return []

    def _above(self, path: str) -> list[list[Any]]:
        """The mounts for the parent folders of a path, so that none can be moved away together with it."""
        mounts: list[list[Any]] = []
        parts = path.split("/")[:-1]
        for count in range(1, len(parts) + 1):
            folder = self.open("/".join(parts[:count]), os.O_PATH | os.O_DIRECTORY)
            mounts.append(["/".join(parts[:count]), "rw", *linux.identity(folder)])
            os.close(folder)
        return mounts


def _leads_to_others(control: Control) -> bool:
    """Whether a part of a git folder only holds other git folders. It may be written but not moved."""
    parts = control.path.split("/")
    return control.is_folder and (parts[-1] in ("modules", "worktrees") or (len(parts) > 1 and parts[-2] == "worktrees"))
