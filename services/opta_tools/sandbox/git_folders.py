"""Finds the files from which git takes programs to run: in git folders, those of submodules and worktrees, and where configurations lead.

Formats: gitrepository-layout, git-config ("core.hooksPath", "Includes"), git-worktree.
"""

import contextlib
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from . import linux
from .control import BENEATH, Control, control_at, identity_of, resolve_links
from .git_config import text_of
from .regular_files import content as content_of
from .regular_files import is_there

GIT_FOLDERS_MAX = 2_000
INCLUDES_MAX = 100
# The parts of a git folder from which git takes programs and their arguments.
GIT_CONTROL = ("config", "config.worktree", "hooks", "info", "commondir")
# The parts of a git folder that hold no other repository.
_NOT_GIT = frozenset({"objects", "refs", "logs", "hooks", "info", "branches", "lfs", "rr-cache", "svn"})
_TREE = ("commondir", "gitdir", "config.worktree", "config", "hooks")
# How many values of configurations are followed in one look.
VALUES_MAX = 10_000
_KEY = re.compile(r"(?:.*\])?\s*(hookspath|path|worktree)\s*=(.*)", re.IGNORECASE | re.DOTALL)
_LINE_CHARS_MAX = 8192
_VALUE = re.compile(r'"((?:[^"\\]|\\.)*)"|([^"#;]+)')

# ((device, inode) of a git folder, name): identifies a configuration independently of its path.
ConfigLocation = tuple[tuple[int, int], str]


@dataclass
class GitFiles:
    """The result of `GitFolders.look`. Paths are relative to the tree."""

    # Path -> control file in a git folder
    controls: dict[str, Control] = field(default_factory=dict[str, Control])
    # Path that configurations name, whether it exists or not -> these configurations; None: one outside the tree
    named: dict[str, set["ConfigLocation | None"]] = field(default_factory=dict[str, set["ConfigLocation | None"]])
    # Path -> file that a configuration names, if it exists
    by_name: dict[str, Control] = field(default_factory=dict[str, Control])
    # Path with symbolic links that a configuration names -> its links and target
    link_paths: dict[str, Control] = field(default_factory=dict[str, Control])
    # Configuration -> (path of the git folder, text; None if it is too large)
    configs: dict[ConfigLocation, tuple[str, str | None]] = field(default_factory=dict["ConfigLocation", tuple[str, str | None]])
    # Every relative value of core.hooksPath
    hooks: set[str] = field(default_factory=set[str])
    # Whether repositories or configuration values were left out because there were too many
    is_cut: bool = False


class GitFolders:
    """The git folders of one tree. `root`: a descriptor of it; `open_folder` opens a folder of it for reading, and raises OSError."""

    def __init__(self, root: int, open_folder: Callable[[str], int]):
        self._root, self._open_folder = root, open_folder

    def look(self, waiting: Iterable[str], tops: Iterable[str], outside_hooks: Iterable[str]) -> GitFiles:
        """The control files of the git folders at the paths `waiting`, and below. `tops`: folders with a `.git`, to which the values
        `more_hooks` of core.hooksPath apply too.
        """
        found = GitFiles()
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
        for value in outside_hooks:
            for tree in trees:
                self._add_named(tree, value, None, found)
        return found

    def _submodules(self, path: str, found: GitFiles) -> list[str]:
        """The git folders of submodules: every folder beneath `modules`, at any depth, complete or not. Adds them to `found`."""
        git_folders: list[str] = []
        waiting = [path]
        while waiting and len(git_folders) < GIT_FOLDERS_MAX:
            at = waiting.pop(0)
            try:
                folder = self._open_folder(at)
            except OSError:
                continue
            try:
                # Only inside a git folder these names are not those of submodules.
                reserved = _NOT_GIT if is_there(folder, "HEAD") else frozenset[str]()
                with os.scandir(folder) as entries:
                    inner = [
                        entry.name
                        for entry in entries
                        if entry.is_dir(follow_symlinks=False) and entry.name not in (*reserved, "modules", "worktrees")
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

    def _worktrees(self, path: str, git: int, found: GitFiles) -> list[str]:
        """Add the control files of linked worktrees; the paths of these worktrees in this tree."""
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

    def _read_configs(self, path: str, git: int, checked_out: set[str], found: GitFiles) -> None:
        """Add the folders of hooks and the included configurations that a repository's configuration names, if they lie in the tree."""
        for name in ("config", "config.worktree"):
            self._read_config(joined(path, name), git, found)
        inside = f"{joined(path, 'worktrees')}/"
        waiting = [
            (folder, text, place)
            for place, (folder, text) in found.configs.items()
            if text is not None and (folder == path or folder.startswith(inside))
        ]
        hooks: list[tuple[str, ConfigLocation]] = []
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
            # core.hooksPath is relative to the folder where hooks run: the top of a work tree, or the git folder.
            for tree in checked_out:
                self._add_named(tree, value, place, found)

    def _read_config(self, path: str, folder: int, found: GitFiles) -> None:
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
        """Resolve a path that a file in the folder `base` names; None if it leads out of the tree. '' is the tree itself."""
        named = self._spelled(base, value)
        return resolve_links(self._root, named)[1] if named is not None else None

    def _spelled(self, base: str, value: str) -> str | None:
        if not value or value.startswith("~") or "\0" in value:
            return None
        if value.startswith("/"):
            root = os.readlink(f"/proc/self/fd/{self._root}")
            return value[len(root) :].lstrip("/") if f"{os.path.normpath(value)}/".startswith(f"{root}/") else None
        return joined(base, value)

    def _add_named(self, base: str, value: str, place: "ConfigLocation | None", found: GitFiles) -> str | None:
        """Add a file that a configuration names; its resolved path, None if it does not exist or lies outside the tree."""
        spelled = self._spelled(base, value)
        if spelled is None:
            return None
        links, named = resolve_links(self._root, spelled)
        if not named or named == base:
            return None
        found.named.setdefault(named, set()).add(place)
        if links:
            found.link_paths[spelled] = Control(spelled, 0, 0, False, links=links, target=identity_of(self._root, named))
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


def joined(folder: str, name: str) -> str:
    """A path below a folder; '' is the tree."""
    return f"{folder}/{name}" if folder else name


def _paths_in(text: str) -> list[tuple[str, str]]:
    """(key, value) of each line that names a path: core.hooksPath, include.path, core.worktree."""
    found: list[tuple[str, str]] = []
    for line in text.replace("\\\r\n", "").replace("\\\n", "").split("\n"):
        if len(line) <= _LINE_CHARS_MAX and (key := _KEY.match(line)) is not None:
            found.append((key[1].lower(), _unquoted(key[2].strip())))
    return found


def _unquoted(raw: str) -> str:
    return "".join(re.sub(r"\\(.)", r"\1", quoted) if quoted else plain for quoted, plain in _VALUE.findall(raw)).strip()
