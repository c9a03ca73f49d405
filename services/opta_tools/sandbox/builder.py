"""Builds the file system of a sandbox from a plan, by descriptor, and verifies it before a command runs.

Runs inside the new namespaces. A source is opened once, without following symbolic links, and compared with the device and inode in the
plan. The opened descriptor is mounted, so the path is never resolved a second time. Paths of the plan are real paths.
Mounts: open_tree(2), move_mount(2), mount_setattr(2).
"""

import contextlib
import errno
import os
import stat
from typing import Any

from . import linux

_NO_LINKS = linux.RESOLVE_NO_SYMLINKS | linux.RESOLVE_NO_MAGICLINKS
_BENEATH = _NO_LINKS | linux.RESOLVE_BENEATH
_SAFE = linux.MOUNT_ATTR_NOSUID | linux.MOUNT_ATTR_NODEV
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
# Where the new root is mounted until it becomes `/`. The folder exists on every system.
_STAGE = "/proc"


class BuildError(Exception):
    """A sandbox cannot be made as planned. Then no command runs."""


class Root:
    """The file system under construction. `old` is a descriptor of the machine's `/`. Methods raise BuildError, OSError."""

    def __init__(self, old: int):
        self._old = old
        tree = linux.new_filesystem("tmpfs", _SAFE, mode="0755", size="16m", nr_inodes="20000")
        stage = os.open(_STAGE, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        linux.attach(tree, stage)
        os.close(stage)
        self.descriptor = tree

    def add(self, entry: list[Any]) -> None:
        """Add an entry of the plan: [kind, path, …]."""
        kind, path, *rest = entry
        match kind:
            case "ro" | "rw":
                self._bind(path, rest[0], rest[1], rest[2] if len(rest) > 2 else path, is_read_only=kind == "ro")
            case "link":
                self._link(path, rest[0])
            case "dir":
                os.close(self._folder(path))
            case "file":
                self._file(path, rest[0].encode())
            case "tmpfs":
                target = self._folder(path)
                self._attach(linux.new_filesystem("tmpfs", _SAFE, mode=rest[0], size=rest[1], nr_inodes=rest[2]), target)
            case _:
                raise BuildError(f"unknown entry {kind}")

    def devices(self) -> None:
        """Add a /dev with harmless devices, private terminals and shared memory."""
        self.add(["tmpfs", "/dev", "0755", "1m", "1000"])
        for name in _DEVICES:
            source = os.open(f"dev/{name}", os.O_PATH | os.O_CLOEXEC, dir_fd=self._old)
            if not stat.S_ISCHR(os.fstat(source).st_mode):
                raise BuildError(f"/dev/{name} is not a device")
            target = self._empty_file(f"/dev/{name}")
            tree = linux.clone_tree(source)
            linux.restrict_tree(tree, linux.MOUNT_ATTR_NOSUID | linux.MOUNT_ATTR_NOEXEC)
            self._attach(tree, target)
            os.close(source)
        with contextlib.suppress(OSError):  # a sandbox also works without private terminals
            target = self._folder("/dev/pts")
            terminals = linux.new_filesystem("devpts", linux.MOUNT_ATTR_NOSUID | linux.MOUNT_ATTR_NOEXEC, ptmxmode="0666", mode="620")
            self._attach(terminals, target)
        self.add(["tmpfs", "/dev/shm", "1777", "256m", "100000"])
        for name, leads_to in (
            ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"), ("stderr", "/proc/self/fd/2"), ("ptmx", "pts/ptmx"),
        ):  # fmt: skip
            self.add(["link", f"/dev/{name}", leads_to])

    def _bind(self, path: str, device: int, inode: int, at: str, *, is_read_only: bool) -> None:
        source = _opened(self._old, path, device, inode)
        try:
            tree = linux.clone_tree(source)
            linux.restrict_tree(tree, _SAFE | (linux.MOUNT_ATTR_RDONLY if is_read_only else 0))
            is_folder = stat.S_ISDIR(os.fstat(source).st_mode)
            target = self._folder(at) if is_folder else self._empty_file(at)
            self._attach(tree, target)
        finally:
            os.close(source)
        mounted = linux.openat2(self.descriptor, at.lstrip("/"), os.O_PATH, _BENEATH)
        try:
            if linux.identity(mounted) != [device, inode]:
                raise BuildError(f"{at} is not the file or folder that was to be mounted there")
        finally:
            os.close(mounted)

    def _attach(self, tree: int, target: int) -> None:
        linux.attach(tree, target)
        os.close(tree)
        os.close(target)

    def _folder(self, path: str) -> int:
        """A descriptor of a folder of the new root, which is made if it is missing."""
        at = os.dup(self.descriptor)
        for name in path.strip("/").split("/"):
            if name:
                below = _step(at, name)
                os.close(at)
                at = below
        return at

    def _empty_file(self, path: str) -> int:
        try:
            return linux.openat2(self.descriptor, path.lstrip("/"), os.O_PATH, _BENEATH)
        except FileNotFoundError:
            self._file(path, b"")
            return linux.openat2(self.descriptor, path.lstrip("/"), os.O_PATH, _BENEATH)

    def _file(self, path: str, content: bytes) -> None:
        folder, _, name = path.rpartition("/")
        above = self._folder(folder)
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644, dir_fd=above)
            os.write(descriptor, content)
            os.close(descriptor)
        os.close(above)

    def _link(self, path: str, target: str) -> None:
        folder, _, name = path.rpartition("/")
        above = self._folder(folder)
        with contextlib.suppress(FileExistsError):
            os.symlink(target, name, dir_fd=above)
        os.close(above)


def mask(root: int, paths: list[str], masked: dict[str, int]) -> None:
    """Hide files and folders of a finished root, again when a program outside replaced them. `masked`: path -> id of the hiding mount."""
    for path in paths:
        try:
            target = linux.openat2(root, path.lstrip("/"), os.O_PATH, _BENEATH)
        except OSError:
            continue
        try:
            if masked.get(path) == linux.mount_id(target):
                continue
            if stat.S_ISDIR(os.fstat(target).st_mode):
                tree = linux.new_filesystem("tmpfs", _SAFE | linux.MOUNT_ATTR_RDONLY, mode="0555", size="4k", nr_inodes="2")
            else:
                source = linux.openat2(root, ".empty", os.O_PATH, _BENEATH)
                tree = linux.clone_tree(source)
                linux.restrict_tree(tree, _SAFE | linux.MOUNT_ATTR_RDONLY)
                os.close(source)
            linux.attach(tree, target)
            os.close(tree)
        finally:
            os.close(target)
        there = linux.openat2(root, path.lstrip("/"), os.O_PATH, _BENEATH)
        masked[path] = linux.mount_id(there)
        os.close(there)


def _step(folder: int, name: str) -> int:
    """A descriptor of a subfolder, which is made if it is missing. A file or link that a command left at its path is removed."""
    for _ in range(3):
        try:
            return linux.openat2(folder, name, os.O_PATH | os.O_DIRECTORY, _BENEATH)
        except FileNotFoundError:
            os.mkdir(name, 0o755, dir_fd=folder)
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.ENOTDIR):
                raise
            os.unlink(name, dir_fd=folder)
    raise BuildError(f"{name} cannot be made")


def protect(trees: list[int], controls: list[list[Any]], mounted: dict[tuple[int, str], tuple[int, list[Any]]]) -> None:
    """Mount every control file and folder over itself, given as [index of its tree, path, "ro" or "rw", device, inode].

    `mounted` records the mounts: (tree, path) -> (mount id, identity). A mount that the kernel removed, because a program outside
    replaced the file, is made again. A "rw" mount only prevents a folder from being moved. Raises BuildError.
    """
    number: int
    problem = ""
    for number, path, kind, device, inode in controls:
        try:
            target = linux.openat2(trees[number], path or ".", os.O_PATH, _BENEATH)
        except OSError as error:
            # Continue, so that the other control files are protected.
            problem = problem or f"{path} cannot be protected: {os.strerror(error.errno or 0)}"
            continue
        try:
            found = linux.identity(target)
            if found != [device, inode]:
                problem = problem or f"{path} was exchanged while the sandbox was made"
                continue
            if mounted.get((number, path)) == (linux.mount_id(target), found):
                continue
            tree = linux.clone_tree(target)
            linux.restrict_tree(tree, _SAFE | (linux.MOUNT_ATTR_RDONLY if kind == "ro" else 0))
            linux.attach(tree, target)
            os.close(tree)
        finally:
            os.close(target)
        there = linux.openat2(trees[number], path or ".", os.O_PATH, _BENEATH)
        try:
            if linux.identity(there) != [device, inode]:
                raise BuildError(f"{path} was exchanged while it was protected")
            mounted[(number, path)] = linux.mount_id(there), [device, inode]
        finally:
            os.close(there)
    if problem:
        raise BuildError(problem)


def _opened(root: int, path: str, device: int, inode: int) -> int:
    try:
        source = linux.openat2(root, path.lstrip("/") or ".", os.O_PATH, _NO_LINKS)
    except OSError as error:
        raise BuildError(f"{path} cannot be opened: {os.strerror(error.errno or 0)}") from error
    if linux.identity(source) != [device, inode]:
        os.close(source)
        raise BuildError(f"{path} is no longer the same folder")
    return source
