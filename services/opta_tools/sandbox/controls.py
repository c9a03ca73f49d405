"""Finds the control files of a workspace by descriptor, cheaply enough to look before every command.

A folder is read again only when its time of change moved. No symbolic link is followed on the way; a control file that is a
link is remembered with what it leads to. Repositories are taken apart: git's own folder may be written, its configuration
and hooks may not.
"""

import contextlib
import os
import stat
import time
from dataclasses import dataclass, field
from typing import Any, Literal

from opta_core.policy.control_files import control_file
from opta_core.policy.workspaces import is_hidden_in_home

from . import linux

FOLDERS_MAX = 1500
REPOSITORIES_MAX = 64
# Folders of packages and build output: large, and made anew by their tools.
NOT_WALKED = frozenset({"node_modules", ".venv", "venv", "target", "__pycache__", ".tox", ".nox", "dist", "build", ".next", ".cache", ".gradle"})  # fmt: skip
# Of a repository: what git reads programs and their arguments from.
GIT_CONTROL = ("config", "config.worktree", "hooks", "info", "commondir")
# What takes the place of those that are missing: the content changes nothing of what git does.
PLACEHOLDERS: dict[str, bytes | None] = {"config.worktree": b"", "commondir": b".\n", "hooks": None, "info": None}
# A folder that changed so shortly before it was read may have changed again within one tick of its clock.
_RACY_NS = 30_000_000

Way = Literal["ro", "rw"]
_FLAGS = linux.RESOLVE_BENEATH | linux.RESOLVE_NO_SYMLINKS | linux.RESOLVE_NO_MAGICLINKS


@dataclass(frozen=True)
class Control:
    """A control file as it lies there. `link`: what it leads to when it is a symbolic link."""

    path: str
    device: int
    inode: int
    is_folder: bool
    link: str = ""
    changed_ns: int = 0


@dataclass
class _Folder:
    changed_ns: int
    inode: int
    read_at_ns: int
    below: list[str] = field(default_factory=list[str])
    controls: list[Control] = field(default_factory=list[Control])


class Controls:
    """The control files of one tree. `root` is a descriptor of it that the caller keeps open.

    `is_repository`: the tree is git's own folder, of a worktree that lies elsewhere. `is_home`: what a home hides is not looked at.
    """

    def __init__(self, root: int, *, is_repository: bool = False, is_home: bool = False):
        self._root, self._is_repository, self._is_home = root, is_repository, is_home
        self._folders: dict[str, _Folder] = {}
        # Path -> control file, of the last look
        self.found: dict[str, Control] = {}
        # Whether the workspace has more folders than are looked at.
        self.is_cut = False
        self._placed: set[tuple[str, str]] = set()

    def close(self) -> None:
        """Let go of the tree."""
        os.close(self._root)

    def look(self) -> dict[str, Control]:
        """Look again; path -> control file."""
        folders: dict[str, _Folder] = {}
        found: dict[str, Control] = {}
        waiting = [] if self._is_repository else [""]
        self.is_cut = False
        while waiting:
            if len(folders) >= FOLDERS_MAX:
                self.is_cut = True
                break
            following: list[str] = []
            for path in waiting:
                folder = self._folder(path)
                if folder is None:
                    continue
                folders[path] = folder
                found |= {control.path: control for control in folder.controls}
                following += folder.below
            # Level by level, so that a bound leaves out what lies deepest.
            waiting = following
        self._folders, self.found = folders, found
        return found

    def mounts(self) -> list[list[Any]]:
        """What the sandbox mounts over itself: [path, "ro" or "rw", device, inode]. Makes placeholders inside of git's folders."""
        mounts: list[list[Any]] = []
        for control in self.found.values():
            if control.link:
                mounts += self._target(control.path)
            elif not is_git_folder(control):
                mounts.append([control.path, "ro", control.device, control.inode])
        return mounts + self._repositories()

    def _target(self, path: str) -> list[list[Any]]:
        """What a control file that is a link leads to, when that lies in the workspace."""
        with contextlib.suppress(OSError):
            target = linux.openat2(self._root, path, os.O_PATH, linux.RESOLVE_BENEATH | linux.RESOLVE_NO_MAGICLINKS)
            try:
                root, real = (os.readlink(f"/proc/self/fd/{descriptor}") for descriptor in (self._root, target))
                if real.startswith(f"{root}/"):
                    return [[real[len(root) + 1 :], "ro", *linux.identity(target)]]
            finally:
                os.close(target)
        return []

    def git_folders(self) -> dict[str, tuple[int, int]]:
        """Git's own folders, `.git` and those of submodules below: path -> (device, inode)."""
        found: dict[str, tuple[int, int]] = {}
        waiting = [""] if self._is_repository else [control.path for control in self.found.values() if is_git_folder(control)]
        while waiting and len(found) < REPOSITORIES_MAX:
            path = waiting.pop()
            with contextlib.suppress(OSError):
                git = self.open(path, os.O_RDONLY | os.O_DIRECTORY)
                try:
                    if not path or path.endswith(".git") or _exists(git, "HEAD") or _exists(git, "config"):
                        seen = os.fstat(git)
                        found[path] = seen.st_dev, seen.st_ino
                        waiting += [_joined(path, "modules")] if _exists(git, "modules") else []
                    else:
                        waiting += [_joined(path, entry.name) for entry in os.scandir(git) if entry.is_dir(follow_symlinks=False)]
                finally:
                    os.close(git)
        return found

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

    def open(self, path: str, flags: int = os.O_PATH) -> int:
        """A descriptor of something beneath the workspace; no link is followed. Raises OSError."""
        return linux.openat2(self._root, path or ".", flags, _FLAGS)

    def _folder(self, path: str) -> _Folder | None:
        known = self._folders.get(path)
        try:
            if known is not None:
                seen = os.stat(path or ".", dir_fd=self._root, follow_symlinks=False)
                if (seen.st_mtime_ns, seen.st_ino) == (known.changed_ns, known.inode) and known.read_at_ns - known.changed_ns > _RACY_NS:
                    self._look_at_controls(known)
                    return known
            return self._read(path)
        except OSError:
            return None

    def _look_at_controls(self, folder: _Folder) -> None:
        """A file that was replaced by rename has changed its folder; one that was written in place has not."""
        for number, control in enumerate(folder.controls):
            seen = os.stat(control.path, dir_fd=self._root, follow_symlinks=False)
            if (seen.st_ctime_ns, seen.st_ino) != (control.changed_ns, control.inode):
                folder.controls[number] = self._control(control.path, seen)

    def _read(self, path: str) -> _Folder:
        descriptor = self.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            seen = os.fstat(descriptor)
            folder = _Folder(seen.st_mtime_ns, seen.st_ino, time.time_ns())
            for entry in os.scandir(descriptor):
                below = _joined(path, entry.name)
                if self._is_home and not path and is_hidden_in_home(entry.name):
                    continue
                if control_file(entry.name) is not None:
                    with contextlib.suppress(FileNotFoundError):
                        folder.controls.append(
                            self._control(below, os.stat(entry.name, dir_fd=descriptor, follow_symlinks=False), descriptor)
                        )
                elif entry.name not in NOT_WALKED and entry.is_dir(follow_symlinks=False):
                    folder.below.append(below)
            return folder
        finally:
            os.close(descriptor)

    def _control(self, path: str, seen: os.stat_result, folder: int = -1) -> Control:
        link = ""
        if stat.S_ISLNK(seen.st_mode):
            with contextlib.suppress(OSError):
                link = os.readlink(path.rsplit("/", 1)[-1] if folder >= 0 else path, dir_fd=folder if folder >= 0 else self._root)
        return Control(path, seen.st_dev, seen.st_ino, stat.S_ISDIR(seen.st_mode), link, seen.st_ctime_ns)

    def _repositories(self) -> list[list[Any]]:
        mounts: list[list[Any]] = []
        for path, (device, inode) in self.git_folders().items():
            with contextlib.suppress(OSError):
                git = self.open(path, os.O_RDONLY | os.O_DIRECTORY)
                try:
                    if _exists(git, "HEAD"):
                        self._placed |= {(path, name) for name in PLACEHOLDERS if _place(git, name)}
                    if path:
                        # A mount of its own, so that the folder cannot be moved away and made anew with other hooks.
                        mounts.append([path, "rw", device, inode])
                    mounts += _git_controls(path, git)
                finally:
                    os.close(git)
        return mounts


def is_git_folder(control: Control) -> bool:
    """Whether a control file is a repository's own folder."""
    return control.is_folder and control.path.rsplit("/", 1)[-1] == ".git"


def _git_controls(path: str, git: int) -> list[list[Any]]:
    mounts: list[list[Any]] = []
    names = list(GIT_CONTROL)
    with contextlib.suppress(OSError):
        trees = os.open("worktrees", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=git)
        names += [f"worktrees/{tree}/{name}" for tree in sorted(os.listdir(trees)) for name in ("commondir", "gitdir", "config.worktree")]
        os.close(trees)
    for name in names:
        with contextlib.suppress(OSError):
            seen = os.stat(name, dir_fd=git, follow_symlinks=False)
            if not stat.S_ISLNK(seen.st_mode):
                mounts.append([_joined(path, name), "ro", seen.st_dev, seen.st_ino])
    return mounts


def _place(git: int, name: str) -> bool:
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
        return content is not None and _content(git, name) == content


def _unplace(git: int, name: str) -> None:
    content = PLACEHOLDERS[name]
    if content is None:
        os.rmdir(name, dir_fd=git)
    elif _content(git, name) == content:
        os.unlink(name, dir_fd=git)


def _content(folder: int, name: str) -> bytes | None:
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as handle:
        return handle.read(64) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _exists(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
        return True
    except OSError:
        return False
