"""Finds the control files of a tree by descriptor, cheaply enough to look before and after every command.

A folder is read again only when its time of change moved, which nobody can set back. No symbolic link is followed on the way.
Repositories are taken apart: git's own folder may be written; its configuration, its hooks and what leads to others may not.
"""

import contextlib
import os
import re
import stat
import time
from dataclasses import dataclass, field, replace
from typing import Any

from opta_core.policy.control_files import control_file
from opta_core.policy.workspaces import is_hidden_in_home

from . import linux
from .regular_files import content as content_of
from .regular_files import is_there

FOLDERS_MAX = 50_000
GIT_FOLDERS_MAX = 2_000
LINKS_MAX = 100
# Folders of packages and build output: large, and made anew by their tools. Of these only the first two levels are looked at.
NOT_WALKED = frozenset({"node_modules", ".venv", "venv", "target", "__pycache__", ".tox", ".nox", "dist", "build", ".next", ".cache", ".gradle"})  # fmt: skip
SKIPPED_LEVELS = 2
# What lies deeper could not be named any more.
PATH_CHARS_MAX = 3000
# Of a repository: what git reads programs and their arguments from.
GIT_CONTROL = ("config", "config.worktree", "hooks", "info", "commondir")
# What takes the place of those that are missing: the content changes nothing of what git does.
PLACEHOLDERS: dict[str, bytes | None] = {"config.worktree": b"", "commondir": b".\n", "hooks": None, "info": None}
# Of git's folder, what holds no other repository.
_NOT_GIT = frozenset({"objects", "refs", "logs", "hooks", "info", "branches", "lfs", "rr-cache", "svn"})
_TREE = ("commondir", "gitdir", "config.worktree")
_PATH_IN_CONFIG = re.compile(r"^\s*(hookspath|path)\s*=\s*\"?([^\"\n#;]+?)\"?\s*$", re.IGNORECASE | re.MULTILINE)
# A folder that changed so shortly before it was read may have changed again within one tick of its clock.
_RACY_NS = 30_000_000
_FLAGS = linux.RESOLVE_BENEATH | linux.RESOLVE_NO_SYMLINKS | linux.RESOLVE_NO_MAGICLINKS


@dataclass(frozen=True)
class Control:
    """A control file as it lies there, and the folder that it lies in. `link`: what it leads to when it is a symbolic link."""

    path: str
    device: int
    inode: int
    is_folder: bool
    above: tuple[int, int] = (0, 0)
    link: str = ""
    # What the link leads to, in the tree: (device, inode), or None.
    target: tuple[int, int] | None = None
    # git's own folder: a `.git`, one of a submodule, a bare repository.
    is_git: bool = False

    @property
    def identity(self) -> tuple[int, int]:
        """Device and inode."""
        return self.device, self.inode


@dataclass
class _Folder:
    changed_ns: int
    inode: int
    read_at_ns: int
    below: list[str] = field(default_factory=list[str])
    controls: list[Control] = field(default_factory=list[Control])
    too_deep: list[str] = field(default_factory=list[str])


class Controls:
    """The control files of one tree. `root` is a descriptor of it that the caller keeps open.

    `is_repository`: the tree is git's own folder, of a worktree that lies elsewhere. `is_home`: what a home hides is not looked at.
    """

    def __init__(self, root: int, *, is_repository: bool = False, is_home: bool = False):
        self._root, self._is_repository, self._is_home = root, is_repository, is_home
        self._folders: dict[str, _Folder] = {}
        self._placed: set[tuple[str, str]] = set()
        # Path -> control file, of the last look
        self.found: dict[str, Control] = {}
        # Whether there were more folders than are looked at, folders too deep to be, and whether the tree itself is a bare repository.
        self.is_cut = False
        self.too_deep: list[str] = []
        self.is_bare = False

    def close(self) -> None:
        """Let go of the tree."""
        os.close(self._root)

    @property
    def path(self) -> str:
        """The real path of the tree."""
        return os.readlink(f"/proc/self/fd/{self._root}")

    @property
    def paths(self) -> set[str]:
        """Paths of every folder of the last look."""
        return set(self._folders)

    @property
    def folders(self) -> set[tuple[int, int]]:
        """(device, inode) of every folder of the last look."""
        device = os.fstat(self._root).st_dev
        return {(device, folder.inode) for folder in self._folders.values()}

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
        found |= self._in_repositories([""] if self._is_repository else [c.path for c in found.values() if c.is_git])
        self.found = found
        return found

    def mounts(self) -> list[list[Any]]:
        """What the sandbox mounts over itself: [path, "ro" or "rw", device, inode]. Makes placeholders inside of git's folders."""
        for control in list(self.found.values()):
            if control.is_git:
                self._place(control.path)
        if self._is_repository:
            self._place("")
        mounts: list[list[Any]] = []
        for control in sorted(self.found.values(), key=lambda control: control.path.count("/")):
            if control.link:
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
        return linux.openat2(self._root, path or ".", flags, _FLAGS)

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
            with contextlib.suppress(OSError):
                git = self.open(path, os.O_RDONLY | os.O_DIRECTORY)
                try:
                    _unplace(git, name)
                finally:
                    os.close(git)
        self._placed.clear()

    def _folder(self, path: str) -> _Folder | None:
        known = self._folders.get(path)
        if known is not None:
            with contextlib.suppress(OSError):
                seen = os.stat(path or ".", dir_fd=self._root, follow_symlinks=False)
                if (seen.st_ctime_ns, seen.st_ino) == (known.changed_ns, known.inode) and known.read_at_ns - known.changed_ns > _RACY_NS:
                    # What a link leads to may change without its folder.
                    known.controls = [self._again(control) for control in known.controls]
                    return known
        with contextlib.suppress(OSError):
            return self._read(path)
        return None

    def _again(self, control: Control) -> Control:
        if not control.link:
            return control
        return replace(control, target=self._identity_of_target(control.path))

    def _read(self, path: str) -> _Folder:
        descriptor = self.open_folder(path)
        try:
            seen = os.fstat(descriptor)
            folder = _Folder(seen.st_ctime_ns, seen.st_ino, time.time_ns())
            is_walked = _levels_in_skipped(path) < SKIPPED_LEVELS
            if len(path) > PATH_CHARS_MAX:
                is_walked = False
            names: set[str] = set()
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    names.add(entry.name)
                    below = _joined(path, entry.name)
                    if self._is_home and not path and is_hidden_in_home(entry.name):
                        continue
                    if control_file(entry.name) is not None:
                        with contextlib.suppress(FileNotFoundError):
                            folder.controls.append(self._control(below, descriptor, is_git=entry.name == ".git"))
                    elif entry.is_dir(follow_symlinks=False):
                        if is_walked:
                            folder.below.append(below)
                        elif len(path) > PATH_CHARS_MAX:
                            folder.too_deep.append(below)
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

    def _control(self, path: str, folder: int, *, is_git: bool = False) -> Control:
        name = path.rsplit("/", 1)[-1]
        seen, above = os.stat(name, dir_fd=folder, follow_symlinks=False), os.fstat(folder)
        link, target = "", None
        if stat.S_ISLNK(seen.st_mode):
            link, target = os.readlink(name, dir_fd=folder), self._identity_of_target(path)
        is_folder = stat.S_ISDIR(seen.st_mode)
        return Control(path, seen.st_dev, seen.st_ino, is_folder, (above.st_dev, above.st_ino), link, target, is_git and is_folder)

    def _identity_of_target(self, path: str) -> tuple[int, int] | None:
        with contextlib.suppress(OSError):
            target = linux.openat2(self._root, path, os.O_PATH, linux.RESOLVE_BENEATH | linux.RESOLVE_NO_MAGICLINKS)
            try:
                device, inode = linux.identity(target)
                return device, inode
            finally:
                os.close(target)
        return None

    def _target(self, path: str) -> list[list[Any]]:
        """What a control file that is a link leads to, when that lies in the tree."""
        with contextlib.suppress(OSError):
            target = linux.openat2(self._root, path, os.O_PATH, linux.RESOLVE_BENEATH | linux.RESOLVE_NO_MAGICLINKS)
            try:
                root, real = (os.readlink(f"/proc/self/fd/{descriptor}") for descriptor in (self._root, target))
                if real.startswith(f"{root}/"):
                    path = real[len(root) + 1 :]
                    return [*self._above(path), [path, "ro", *linux.identity(target)]]
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

    def _in_repositories(self, waiting: list[str]) -> dict[str, Control]:
        """What git reads programs from, in git's own folders and those of submodules and worktrees below them."""
        found: dict[str, Control] = {}
        count = 0
        while waiting:
            count += 1
            if count > GIT_FOLDERS_MAX:
                self.is_cut = True
                break
            path = waiting.pop(0)
            try:
                git = self.open_folder(path)
            except OSError:
                continue
            try:
                for name in (*GIT_CONTROL, "modules", "worktrees"):
                    with contextlib.suppress(OSError):
                        found[_joined(path, name)] = self._control(_joined(path, name), git)
                found |= self._named_in_config(path, git)
                waiting += self._below(_joined(path, "modules"), found)
                self._worktrees(_joined(path, "worktrees"), found)
            finally:
                os.close(git)
        return found

    def _below(self, path: str, found: dict[str, Control]) -> list[str]:
        """git folders of submodules: whatever lies in `modules`, at any depth, whether it looks whole or not."""
        git_folders: list[str] = []
        waiting = [path]
        while waiting and len(git_folders) < GIT_FOLDERS_MAX:
            at = waiting.pop(0)
            try:
                folder = self.open_folder(at)
            except OSError:
                continue
            try:
                # Only inside of git's own folder do these names stand for something else than a submodule.
                own = _NOT_GIT if is_there(folder, "HEAD") else frozenset[str]()
                with os.scandir(folder) as entries:
                    inner = [
                        entry.name
                        for entry in entries
                        if entry.is_dir(follow_symlinks=False) and entry.name not in (*own, "modules", "worktrees")
                    ]
                for name in inner:
                    below = _joined(at, name)
                    with contextlib.suppress(OSError):
                        found[below] = self._control(below, folder, is_git=True)
                        git_folders.append(below)
                        waiting.append(below)
            finally:
                os.close(folder)
        return git_folders

    def _worktrees(self, path: str, found: dict[str, Control]) -> None:
        with contextlib.suppress(OSError):
            trees = self.open_folder(path)
            try:
                for tree in sorted(os.listdir(trees))[:GIT_FOLDERS_MAX]:
                    found[_joined(path, tree)] = self._control(_joined(path, tree), trees)
                    with contextlib.suppress(OSError):
                        folder = self.open_folder(_joined(path, tree))
                        try:
                            for name in _TREE:
                                with contextlib.suppress(OSError):
                                    found[f"{path}/{tree}/{name}"] = self._control(f"{path}/{tree}/{name}", folder)
                        finally:
                            os.close(folder)
            finally:
                os.close(trees)

    def _named_in_config(self, path: str, git: int) -> dict[str, Control]:
        """Folders of hooks and further configuration that a repository's own configuration names, in the tree."""
        found: dict[str, Control] = {}
        text = b"\n".join(content_of(git, name, 65536) or b"" for name in ("config", "config.worktree"))
        root = os.readlink(f"/proc/self/fd/{self._root}")
        for kind, value in _PATH_IN_CONFIG.findall(text.decode(errors="replace")):
            # A path of hooks counts from the work tree, an included file from the configuration that names it.
            base = path.rpartition("/")[0] if kind.lower() == "hookspath" and path.endswith(".git") else path
            named = os.path.normpath(os.path.join(base, value.strip().removeprefix(f"{root}/")))
            if named.startswith(("..", "/")) or named in (".", path):
                continue
            with contextlib.suppress(OSError):
                folder = self.open(os.path.dirname(named), os.O_PATH | os.O_DIRECTORY)
                try:
                    found[named] = self._control(named, folder)
                finally:
                    os.close(folder)
        return found

    def _place(self, path: str) -> None:
        with contextlib.suppress(OSError):
            git = self.open_folder(path)
            try:
                for name in PLACEHOLDERS:
                    if _make_placeholder(git, name):
                        self._placed.add((path, name))
                    with contextlib.suppress(OSError):
                        self.found[_joined(path, name)] = self._control(_joined(path, name), git)
            finally:
                os.close(git)


def _levels_in_skipped(path: str) -> int:
    """How deep a folder lies in one that is not walked: 0 for outside, 1 for that folder itself."""
    parts = path.split("/")
    first = next((number for number, part in enumerate(parts) if part in NOT_WALKED), len(parts))
    return len(parts) - first


def _looks_like_git(names: set[str]) -> bool:
    """Whether git could take a folder with these names for a repository, whole or in parts."""
    return ("HEAD" in names and ("commondir" in names or {"objects", "refs"} <= names)) or {"objects", "refs", "config"} <= names


def is_placeholder(folder: int, name: str) -> bool:
    """Whether a file of git's folder is one of ours."""
    content = PLACEHOLDERS.get(name)
    return content is not None and content_of(folder, name, 64) == content


def _leads_to_others(control: Control) -> bool:
    """Whether a part of git's folder only holds others: it may be written, and not moved."""
    parts = control.path.split("/")
    return control.is_folder and (parts[-1] in ("modules", "worktrees") or (len(parts) > 1 and parts[-2] == "worktrees"))


def _make_placeholder(git: int, name: str) -> bool:
    """Make what a command could give to git, with a content that means nothing, so that a mount has something to lie on."""
    content = PLACEHOLDERS[name]
    try:
        if content is None:
            os.mkdir(name, 0o755, dir_fd=git)
        else:
            descriptor = os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644, dir_fd=git)
            os.write(descriptor, content)
            os.close(descriptor)
        return True
    except OSError:
        # A file of ours that a worker left when it was killed counts as made by this one.
        return is_placeholder(git, name)


def _unplace(git: int, name: str) -> None:
    if PLACEHOLDERS[name] is None:
        os.rmdir(name, dir_fd=git)
    elif is_placeholder(git, name):
        os.unlink(name, dir_fd=git)


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
