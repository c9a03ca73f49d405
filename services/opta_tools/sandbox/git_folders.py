"""Finds what git reads programs from: in git's own folders, those of submodules and worktrees, and where a configuration leads.

Formats: gitrepository-layout, git-config ("core.hooksPath", "Includes"), git-worktree.
"""

import contextlib
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from . import linux
from .control import BENEATH, Control, control_at, identity_of, way
from .git_config import text_of
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
_TREE = ("commondir", "gitdir", "config.worktree", "config", "hooks")
# How many values of configurations are followed in one look.
VALUES_MAX = 10_000
_KEY = re.compile(r"(?:.*\])?\s*(hookspath|path|worktree)\s*=(.*)", re.IGNORECASE | re.DOTALL)
_LINE_CHARS_MAX = 8192
_VALUE = re.compile(r'"((?:[^"\\]|\\.)*)"|([^"#;]+)')

# (device and inode of a git folder, name): a configuration, whatever the path of its folder.
ConfigPlace = tuple[tuple[int, int], str]


@dataclass
class Found:
    """What a look finds. Paths are relative to the tree."""

    # git's own, by path.
    controls: dict[str, Control] = field(default_factory=dict[str, Control])
    # What configurations name, whether anything lies there or not, with the configurations that do; None: the person's own, elsewhere.
    named: dict[str, set["ConfigPlace | None"]] = field(default_factory=dict[str, set["ConfigPlace | None"]])
    # What lies there.
    by_name: dict[str, Control] = field(default_factory=dict[str, Control])
    # Paths that lead over links to what is named.
    ways: dict[str, Control] = field(default_factory=dict[str, Control])
    # (path of the git folder, text) of each configuration; None for one that is too large.
    configs: dict[ConfigPlace, tuple[str, str | None]] = field(default_factory=dict["ConfigPlace", tuple[str, str | None]])
    # Each core.hooksPath that is relative.
    hooks: set[str] = field(default_factory=set[str])
    # More repositories, or more that configurations name, than are looked at.
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
                self._add_named(tree, value, None, found)
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
        for name in ("config", "config.worktree"):
            self._read_config(joined(path, name), git, found)
        inside = f"{joined(path, 'worktrees')}/"
        waiting = [
            (folder, text, place)
            for place, (folder, text) in found.configs.items()
            if text is not None and (folder == path or folder.startswith(inside))
        ]
        hooks: list[tuple[str, ConfigPlace]] = []
        seen: set[tuple[str, str]] = set()
        while waiting:
            folder, text, place = waiting.pop(0)
            for kind, value in _paths_in(text):
                if (folder, value) in seen:
                    continue
                seen.add((folder, value))
                if len(seen) > VALUES_MAX:
                    found.is_cut = True
                    return
                if kind == "worktree":
                    tree = self._in_tree(path, value)
                    if tree is not None:
                        checked_out.add(tree)
                elif kind == "hookspath":
                    hooks.append((value, place))
                else:
                    included = self._add_named(folder, value, place, found)
                    if included is not None and (more := self._text(included)) is not None:
                        waiting.append((included.rpartition("/")[0], more, place))
        for value, place in hooks:
            if not value.startswith("/"):
                found.hooks.add(value)
            # A path of hooks counts from where hooks run: the top of a work tree, or git's own folder.
            for tree in checked_out:
                self._add_named(tree, value, place, found)

    def _read_config(self, path: str, folder: int, found: Found) -> None:
        at, _, name = path.rpartition("/")
        if is_there(folder, name):
            seen = os.fstat(folder)
            found.configs[(seen.st_dev, seen.st_ino), name] = at, text_of(folder, name)

    def _text(self, path: str) -> str | None:
        with contextlib.suppress(OSError):
            folder = linux.openat2(self._root, path.rpartition("/")[0] or ".", os.O_RDONLY | os.O_DIRECTORY, BENEATH)
            try:
                return text_of(folder, path.rpartition("/")[2])
            finally:
                os.close(folder)
        return None

    def _in_tree(self, base: str, value: str) -> str | None:
        """The path without links of what a file in `base` names, in this tree; None for what lies elsewhere. '' is the tree itself."""
        named = self._spelled(base, value)
        return way(self._root, named)[1] if named is not None else None

    def _spelled(self, base: str, value: str) -> str | None:
        if not value or value.startswith("~") or "\0" in value:
            return None
        if value.startswith("/"):
            root = os.readlink(f"/proc/self/fd/{self._root}")
            return value[len(root) :].lstrip("/") if f"{os.path.normpath(value)}/".startswith(f"{root}/") else None
        return joined(base, value)

    def _add_named(self, base: str, value: str, place: "ConfigPlace | None", found: Found) -> str | None:
        """Add what a configuration names; its path without links, None for what is not there or elsewhere."""
        spelled = self._spelled(base, value)
        if spelled is None:
            return None
        links, named = way(self._root, spelled)
        if not named or named == base:
            return None
        found.named.setdefault(named, set()).add(place)
        if links:
            found.ways[spelled] = Control(spelled, 0, 0, False, links=links, target=identity_of(self._root, named))
        if named in found.by_name:
            return named
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


def _paths_in(text: str) -> list[tuple[str, str]]:
    """(key, value) of what names a path: core.hooksPath, include.path, core.worktree."""
    found: list[tuple[str, str]] = []
    for line in text.replace("\\\r\n", "").replace("\\\n", "").split("\n"):
        if len(line) <= _LINE_CHARS_MAX and (key := _KEY.match(line)) is not None:
            found.append((key[1].lower(), _unquoted(key[2].strip())))
    return found


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
