"""One control file as it lies in a tree: what it is, the folder that holds it, and where it leads when it is a symbolic link."""

import contextlib
import os
import stat
from dataclasses import dataclass, replace

from . import linux

# How many links one name may lead over, as in the kernel (path_resolution(7), ELOOP).
LINKS_MAX = 40
BENEATH = linux.RESOLVE_BENEATH | linux.RESOLVE_NO_SYMLINKS | linux.RESOLVE_NO_MAGICLINKS
_FOLLOWING = linux.RESOLVE_BENEATH | linux.RESOLVE_NO_MAGICLINKS


@dataclass(frozen=True)
class Control:
    """`links`: the links that lead from it to `target`, itself first, as (path, text); () when it is no symbolic link."""

    path: str
    device: int
    inode: int
    is_folder: bool
    # (device, inode) of the folder that holds it.
    above: tuple[int, int] = (0, 0)
    links: tuple[tuple[str, str], ...] = ()
    # What the links lead to in the tree: (device, inode), or None.
    target: tuple[int, int] | None = None
    # git's own folder: a `.git`, one of a submodule, a bare repository.
    is_git: bool = False

    @property
    def identity(self) -> tuple[int, int]:
        """Device and inode."""
        return self.device, self.inode

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]


def control_at(root: int, path: str, folder: int, *, is_git: bool = False) -> Control:
    """What lies at a path of the tree `root`, in its opened folder. Raises OSError."""
    name = path.rpartition("/")[2]
    seen, above = os.stat(name, dir_fd=folder, follow_symlinks=False), os.fstat(folder)
    is_folder = stat.S_ISDIR(seen.st_mode)
    control = Control(path, seen.st_dev, seen.st_ino, is_folder, (above.st_dev, above.st_ino), is_git=is_git and is_folder)
    return followed(root, control) if stat.S_ISLNK(seen.st_mode) else control


def followed(root: int, control: Control) -> Control:
    """The same with the links that it leads over, as they are now."""
    return replace(control, links=links_of(root, control.path), target=target_of(root, control.path))


def target_of(root: int, path: str) -> tuple[int, int] | None:
    """(device, inode) of what a path leads to over links, in the tree `root`."""
    with contextlib.suppress(OSError):
        target = linux.openat2(root, path, os.O_PATH, _FOLLOWING)
        try:
            device, inode = linux.identity(target)
            return device, inode
        finally:
            os.close(target)
    return None


def target_path(root: int, path: str) -> str:
    """The real path of what a path leads to over links, relative to the tree `root`; '' for what lies elsewhere or nowhere."""
    with contextlib.suppress(OSError):
        target = linux.openat2(root, path, os.O_PATH, _FOLLOWING)
        try:
            top, real = (os.readlink(f"/proc/self/fd/{descriptor}") for descriptor in (root, target))
            return real[len(top) + 1 :] if real.startswith(f"{top}/") else ""
        finally:
            os.close(target)
    return ""


def links_of(root: int, path: str) -> tuple[tuple[str, str], ...]:
    """Every link on the way, also those among the folders, until the way leaves the tree or ends."""
    found: list[tuple[str, str]] = []
    done, waiting = list[str](), path.split("/")
    while waiting and len(found) < LINKS_MAX:
        part = waiting.pop(0)
        if part in ("", "."):
            continue
        if part == "..":
            if not done:
                break  # out of the tree
            done.pop()
            continue
        here = "/".join([*done, part])
        try:
            folder = linux.openat2(root, "/".join(done) or ".", os.O_PATH | os.O_DIRECTORY, BENEATH)
        except OSError:
            break
        try:
            text = os.readlink(part, dir_fd=folder)
        except OSError:
            done.append(part)
            continue
        finally:
            os.close(folder)
        found.append((here, text))
        if text.startswith("/"):
            break  # resolved from the root of the system, as RESOLVE_BENEATH refuses
        waiting = text.split("/") + waiting
    return tuple(found)
