"""One control file in a tree: its identity, the folder that holds it, and the target if it is a symbolic link."""

import os
import stat
import sys
from dataclasses import dataclass, replace

from . import linux

# How many symbolic links one path may contain, as in the kernel (path_resolution(7), ELOOP).
LINKS_MAX = 40
BENEATH = linux.RESOLVE_BENEATH | linux.RESOLVE_NO_SYMLINKS | linux.RESOLVE_NO_MAGICLINKS


@dataclass(frozen=True)
class Control:
    """A control file. `links`: the symbolic links from it to `target`, itself first, as (path, text); () if it is not a link."""

    path: str
    device: int
    inode: int
    is_folder: bool
    # (device, inode) of the folder that holds it
    above: tuple[int, int] = (0, 0)
    links: tuple[tuple[str, str], ...] = ()
    # (device, inode) of the target of the links in the tree; None if it does not exist or lies outside the tree
    target: tuple[int, int] | None = None
    # Whether it is a git folder: a `.git`, the git folder of a submodule, or a bare repository
    is_git: bool = False
    # Times of birth (0: not recorded by the file system) and of change in ns, and the number of hard links
    born_ns: int = 0
    changed_ns: int = 0
    names: int = 1

    @property
    def identity(self) -> tuple[int, int]:
        """(device, inode)."""
        return self.device, self.inode

    @property
    def generation(self) -> tuple[int, int, int]:
        """(device, inode, birth time): the inode of a removed file may be used again, but with another birth time."""
        return self.device, self.inode, self.born_ns

    @property
    def name(self) -> str:
        """The last component of its path."""
        return self.path.rpartition("/")[2]


def control_at(root: int, path: str, folder: int, *, is_git: bool = False) -> Control:
    """The file at `path` in the tree `root`, as a Control. `folder`: a descriptor of the folder that holds it. Raises OSError."""
    name = path.rpartition("/")[2]
    seen, above = os.stat(name, dir_fd=folder, follow_symlinks=False), os.fstat(folder)
    is_folder = stat.S_ISDIR(seen.st_mode)
    control = Control(
        path,
        seen.st_dev,
        seen.st_ino,
        is_folder,
        (above.st_dev, above.st_ino),
        is_git=is_git and is_folder,
        born_ns=linux.born_ns(folder, name) if sys.platform == "linux" else 0,
        changed_ns=seen.st_ctime_ns,
        names=1 if is_folder else seen.st_nlink,
    )
    return followed(root, control) if stat.S_ISLNK(seen.st_mode) else control


def followed(root: int, control: Control) -> Control:
    """The control file with its current links and target."""
    links, end = resolve_links(root, control.path)
    return replace(control, links=links, target=identity_of(root, end) if links else None)


def identity_of(root: int, path: str | None) -> tuple[int, int] | None:
    """(device, inode) of the file at a path without symbolic links; None if there is none."""
    if not path:
        return None
    try:
        target = linux.openat2(root, path, os.O_PATH, BENEATH)
    except (OSError, ValueError):
        return None
    try:
        device, inode = linux.identity(target)
        return device, inode
    finally:
        os.close(target)


def resolve_links(root: int, path: str) -> tuple[tuple[tuple[str, str], ...], str | None]:
    """(every symbolic link that the path leads over, including folders; the resolved path in the tree, None if it leads out of the tree).

    An absolute target may lie in the tree. The resolved path need not exist.
    """
    top = os.readlink(f"/proc/self/fd/{root}")
    links: list[tuple[str, str]] = []
    done, waiting = list[str](), _parts(path)
    while waiting:
        part = waiting.pop()
        if part in ("", "."):
            continue
        if part == "..":
            if not done:
                return tuple(links), None
            done.pop()
            continue
        text = _link_at(root, done, part)
        if text is None:
            done.append(part)
            continue
        links.append(("/".join([*done, part]), text))
        if len(links) > LINKS_MAX:
            return tuple(links), None
        if text.startswith("/"):
            if not f"{os.path.normpath(text)}/".startswith(f"{top}/"):
                return tuple(links), None
            done, text = [], os.path.normpath(text)[len(top) :]
        waiting += _parts(text)
    return tuple(links), "/".join(done)


def _parts(path: str) -> list[str]:
    return path.split("/")[::-1]


def _link_at(root: int, folders: list[str], name: str) -> str | None:
    try:
        folder = linux.openat2(root, "/".join(folders) or ".", os.O_PATH | os.O_DIRECTORY, BENEATH)
    except (OSError, ValueError):
        return None
    try:
        return os.readlink(name, dir_fd=folder)
    except (OSError, ValueError):
        return None
    finally:
        os.close(folder)
