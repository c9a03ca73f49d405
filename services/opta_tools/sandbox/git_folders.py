"""Finds what git reads programs from: in git's own folders, those of submodules and worktrees, and where a configuration leads.

Formats: gitrepository-layout, git-config ("core.hooksPath", "Includes"), git-worktree.
"""

import contextlib
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from . import linux
from .control import BENEATH, Control, control_at, links_of, target_of, target_path
from .git_config import CONFIG_BYTES_MAX
from .regular_files import content as content_of
from .regular_files import is_there

GIT_FOLDERS_MAX = 2_000
INCLUDES_MAX = 100
# Of a repository: what git reads programs and their arguments from.
GIT_CONTROL = ("config", "config.worktree", "hooks", "info", "commondir")
# What takes the place of those that are missing: the content changes nothing of what git does.
PLACEHOLDERS: dict[str, bytes | None] = {"config.worktree": b"", "commondir": b".\n", "hooks": None, "info": None}
# Of git's folder, what holds no other repository.
_NOT_GIT = frozenset({"objects", "refs", "logs", "hooks", "info", "branches", "lfs", "rr-cache", "svn"})
_TREE = ("commondir", "gitdir", "config.worktree")
_KEY = re.compile(r"(?:^|\])[ \t]*(hookspath|path|worktree)[ \t]*=[ \t]*(.+?)[ \t]*$", re.IGNORECASE | re.MULTILINE)
_VALUE = re.compile(r'"((?:[^"\\]|\\.)*)"|([^"#;]+)')

# (device and inode of a git folder, name): a configuration, whatever the path of its folder.
ConfigPlace = tuple[tuple[int, int], str]


@dataclass
class Found:
    """`controls`: git's own, by path. `by_name`: what configurations name. `named`: the same, whether anything lies there or not.

    `ways`: paths that lead over links to what is named. `configs`: (folder's path, text) by where they lie. `hooks`: relative core.hooksPath.
    """

    controls: dict[str, Control] = field(default_factory=dict[str, Control])
    by_name: dict[str, Control] = field(default_factory=dict[str, Control])
    ways: dict[str, Control] = field(default_factory=dict[str, Control])
    configs: dict[ConfigPlace, tuple[str, str]] = field(default_factory=dict["ConfigPlace", tuple[str, str]])
    hooks: set[str] = field(default_factory=set[str])
    named: set[str] = field(default_factory=set[str])
    # More repositories than are looked at.
    is_cut: bool = False


class GitFolders:
    """Those of one tree. `root`: a descriptor of it; `open_folder`: opens a path of it, made readable where needed. Raises OSError."""

    def __init__(self, root: int, open_folder: Callable[[str], int]):
        self._root, self._open_folder = root, open_folder

    def look(self, waiting: Iterable[str], tops: Iterable[str], more_hooks: Iterable[str]) -> Found:
        """What lies in the git folders at these paths and below. `tops`: folders with a `.git`, where `more_hooks` of elsewhere hold too."""
        found = Found()
        folders = list(waiting)
        trees = set(tops)
        count = 0
        while folders:
            count += 1
            if count > GIT_FOLDERS_MAX:
                found.is_cut = True
                break
            path = folders.pop(0)
            try:
                git = self._open_folder(path)
            except OSError:
                continue
            try:
                for name in (*GIT_CONTROL, "modules", "worktrees"):
                    with contextlib.suppress(OSError):
                        found.controls[joined(path, name)] = control_at(self._root, joined(path, name), git)
                folders += self._submodules(joined(path, "modules"), found)
                checked_out = {path, *self._worktrees(joined(path, "worktrees"), git, found)}
                if path.rpartition("/")[2] == ".git":
                    checked_out.add(path.rpartition("/")[0])
                self._read_configs(path, git, checked_out, found)
                trees |= checked_out
            finally:
                os.close(git)
        for value in more_hooks:
            for tree in trees:
                self._add_named(tree, value, found)
        return found

    def place(self, path: str) -> list[str]:
        """Make placeholders in the git folder at a path; the names of those that are there."""
        placed: list[str] = []
        with contextlib.suppress(OSError):
            git = self._open_folder(path)
            try:
                placed = [name for name in PLACEHOLDERS if _make_placeholder(git, name)]
            finally:
                os.close(git)
        return placed

    def remove_placeholder(self, path: str, name: str) -> None:
        """Where nobody made something else of it."""
        with contextlib.suppress(OSError):
            git = linux.openat2(self._root, path or ".", os.O_RDONLY | os.O_DIRECTORY, BENEATH)
            try:
                if PLACEHOLDERS[name] is None:
                    os.rmdir(name, dir_fd=git)
                elif is_placeholder(git, name):
                    os.unlink(name, dir_fd=git)
            finally:
                os.close(git)

    def _submodules(self, path: str, found: Found) -> list[str]:
        """git folders of submodules: whatever lies in `modules`, at any depth, whether it looks whole or not."""
        git_folders: list[str] = []
        waiting = [path]
        while waiting and len(git_folders) < GIT_FOLDERS_MAX:
            at = waiting.pop(0)
            try:
                folder = self._open_folder(at)
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
                    below = joined(at, name)
                    with contextlib.suppress(OSError):
                        found.controls[below] = control_at(self._root, below, folder, is_git=True)
                        git_folders.append(below)
                        waiting.append(below)
            finally:
                os.close(folder)
        return git_folders

    def _worktrees(self, path: str, git: int, found: Found) -> list[str]:
        """Adds what belongs to linked worktrees; the folders that these have in this tree."""
        checked_out: list[str] = []
        if not is_there(git, "worktrees"):
            return checked_out
        with contextlib.suppress(OSError):
            trees = self._open_folder(path)
            try:
                for tree in sorted(os.listdir(trees))[:GIT_FOLDERS_MAX]:
                    found.controls[joined(path, tree)] = control_at(self._root, joined(path, tree), trees)
                    with contextlib.suppress(OSError):
                        folder = self._open_folder(joined(path, tree))
                        try:
                            for name in _TREE:
                                with contextlib.suppress(OSError):
                                    found.controls[f"{path}/{tree}/{name}"] = control_at(self._root, f"{path}/{tree}/{name}", folder)
                            self._read_config(f"{path}/{tree}/config.worktree", folder, found)
                            back = (content_of(folder, "gitdir", 4096) or b"").decode(errors="replace").strip()
                        finally:
                            os.close(folder)
                        named = self._in_tree(joined(path, tree), os.path.dirname(back))
                        if named is not None:
                            checked_out.append(named)
            finally:
                os.close(trees)
        return checked_out

    def _read_configs(self, path: str, git: int, checked_out: set[str], found: Found) -> None:
        """Folders of hooks and further configuration that a repository's own configuration names, in the tree."""
        waiting = [
            (path, text)
            for name in ("config", "config.worktree")
            if (text := self._read_config(joined(path, name), git, found)) is not None
        ]
        waiting += [(folder, text) for folder, text in found.configs.values() if folder.startswith(f"{joined(path, 'worktrees')}/")]
        hooks: list[str] = []
        count = 0
        while waiting and count < INCLUDES_MAX:
            count += 1
            folder, text = waiting.pop(0)
            for kind, raw in _KEY.findall(text.replace("\\\r\n", "").replace("\\\n", "")):
                value = _unquoted(raw)
                if kind.lower() == "worktree":
                    tree = self._in_tree(path, value)
                    if tree is not None:
                        checked_out.add(tree)
                elif kind.lower() == "hookspath":
                    hooks.append(value)
                else:
                    included = self._add_named(folder, value, found)
                    if included is not None and (more := self._text(included)) is not None:
                        waiting.append((included.rpartition("/")[0], more))
        for value in hooks:
            if not value.startswith("/"):
                found.hooks.add(value)
            # A path of hooks counts from where hooks run: the top of a work tree, or git's own folder.
            for tree in checked_out:
                self._add_named(tree, value, found)

    def _read_config(self, path: str, folder: int, found: Found) -> str | None:
        text = content_of(folder, path.rpartition("/")[2], CONFIG_BYTES_MAX + 1)
        if text is None:
            return None
        seen = os.fstat(folder)
        at, _, name = path.rpartition("/")
        # One that is too large is kept cut, and so is never harmless.
        found.configs[(seen.st_dev, seen.st_ino), name] = at, text.decode(errors="replace")
        return text.decode(errors="replace")

    def _text(self, path: str) -> str | None:
        with contextlib.suppress(OSError):
            folder = linux.openat2(self._root, path.rpartition("/")[0] or ".", os.O_RDONLY | os.O_DIRECTORY, BENEATH)
            try:
                text = content_of(folder, path.rpartition("/")[2], CONFIG_BYTES_MAX)
                return text.decode(errors="replace") if text is not None else None
            finally:
                os.close(folder)
        return None

    def _in_tree(self, base: str, value: str) -> str | None:
        """A path that a file in `base` names, in this tree; None for one that leads elsewhere. '' is the tree itself."""
        if not value or value.startswith("~"):
            return None
        if value.startswith("/"):
            root = os.readlink(f"/proc/self/fd/{self._root}")
            if not f"{value}/".startswith(f"{root}/"):
                return None
            base, value = "", value[len(root) :].lstrip("/")
        named = os.path.normpath(os.path.join(base, value))
        return None if named.startswith("..") else "" if named == "." else named

    def _add_named(self, base: str, value: str, found: Found) -> str | None:
        """Add what a configuration names; its real path in the tree, None for what is not there or elsewhere."""
        named = self._in_tree(base, value)
        if not named or named == base:
            return None
        found.named.add(named)
        links = links_of(self._root, named)
        if links:
            real = target_path(self._root, named)
            if not real:
                return None
            found.ways[named] = Control(named, 0, 0, False, links=links, target=target_of(self._root, named))
            found.named.add(named := real)
        with contextlib.suppress(OSError):
            folder = linux.openat2(self._root, os.path.dirname(named) or ".", os.O_PATH | os.O_DIRECTORY, BENEATH)
            try:
                found.by_name[named] = control_at(self._root, named, folder)
                return named
            finally:
                os.close(folder)
        return None


def is_placeholder(folder: int, name: str) -> bool:
    """Whether a file of git's folder is one of ours."""
    content = PLACEHOLDERS.get(name)
    return content is not None and content_of(folder, name, 64) == content


def joined(folder: str, name: str) -> str:
    """A path below another; '' is the tree."""
    return f"{folder}/{name}" if folder else name


def _unquoted(raw: str) -> str:
    return "".join(re.sub(r"\\(.)", r"\1", quoted) if quoted else plain for quoted, plain in _VALUE.findall(raw)).strip()


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
