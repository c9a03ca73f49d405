"""What is known of a tree's control files while commands run, so that what they make can be told from what was there before."""

from collections.abc import Iterable
from typing import Any

from .contents import Contents
from .control import Control
from .git_folders import ConfigPlace

# How many control files are recognised by their content.
CONTENTS_MAX = 200

# (which file, identity of the folder above, name): where a control file lies, whatever the path of its folder.
Spot = tuple[tuple[int, int, int], tuple[int, int], str]


class Known:
    """Of one tree. `is_mounted`: what is known is mounted over itself, so that a command cannot replace it where it lies.

    `brought`: spots of what came with a new repository, with the path where it came; one for all sessions.
    """

    def __init__(self, contents: Contents, brought: dict[Spot, str], *, is_mounted: bool):
        self._contents, self._brought, self._is_mounted = contents, brought, is_mounted
        self.by_path: dict[str, Control] = {}
        # Folders that were there: (device, inode) and path.
        self.folders: set[tuple[int, int]] = set()
        self.folder_paths: set[str] = set()
        # Texts of git's configurations; None for one that is too large.
        self.configs: dict[ConfigPlace, str | None] = {}
        # `.git` files that lead into a repository of the tree.
        self.pointers: set[str] = set()
        # Parts of git's own folders, of the last look: nobody replaces these, but for configurations.
        self.git_parts: set[str] = set()
        # What was made before this counts as a command's (ns); 0: everything. For what a dead worker left.
        self.made_until_ns = 0
        # Links on the way to control files.
        self.ways: dict[str, Control] = {}
        # What was known at any time since `start`: one look may miss what is being exchanged. Links are known where they lie alone.
        self._spots: set[Spot] = set()
        # Paths of what came back with the content that it had; it has to keep it while commands run, which may hold it open.
        self._came_back: set[str] = set()
        # (path, digest) of what was known and may come back.
        self._digests: set[tuple[str, bytes]] = set()

    def start(self, found: Iterable[Control], dormant: Iterable[Control], folders: dict[str, tuple[int, int]]) -> None:
        """Forget what was, and take what is there."""
        self.by_path = {control.path: control for control in found}
        self.folders, self.folder_paths = set(folders.values()), set(folders)
        self._spots = {_spot(control) for control in (*self.by_path.values(), *dormant) if not control.links}
        self._digests.clear()
        self._came_back.clear()
        self.made_until_ns = 0

    def keep(self, controls: dict[str, Control]) -> None:
        """These are known from now on, and those that were are not forgotten where they lay."""
        self.by_path = controls
        self._spots |= {_spot(control) for control in controls.values() if not control.links}

    def brought(self, control: Control) -> None:
        """It came with a new repository."""
        self._brought[_spot(control)] = control.path

    def remember_contents(self) -> None:
        """So that what a person removes and brings back is known. For commands that take seconds: it reads files."""
        self._contents.begin_look()
        count = 0
        for control in self.by_path.values():
            if control.links or control.is_git or ".git" in control.path.split("/"):
                continue
            count += 1
            if count > CONTENTS_MAX:
                break
            digest = self._contents.digest(control)
            if digest is not None:
                self._digests.add((control.path, digest))

    def is_new(self, control: Control) -> bool:
        """Whether it counts as made since `start`."""
        known = self.by_path.get(control.path)
        if known is not None and (control.links or known.links):
            return bool(known.links) != bool(control.links) or known.links[0] != control.links[0]
        if control.path in self._came_back:
            return not self._has_content(control)
        if known is not None and known.generation == control.generation:
            return False
        spot = _spot(control)
        if spot in self._brought and self._brought[spot] != control.path:
            return True
        if self.is_replaced(control) or spot in self._spots:
            # Replaced in its own folder, which a command cannot do to what is mounted; or moved along with its folder.
            return False
        if self.made_until_ns and control.born_ns > self.made_until_ns:
            return False
        if self._has_content(control):
            self._came_back.add(control.path)
            return False
        return True

    def is_replaced(self, control: Control) -> bool:
        """Whether a person put something else in the place of a known control file."""
        known = self.by_path.get(control.path)
        return (
            known is not None
            and self._is_mounted
            and not (control.links or known.links)
            and known.above == control.above
            and known.generation != control.generation
            and (control.path not in self.git_parts or control.name in ("config", "config.worktree"))
        )

    def is_changed(self, control: Control) -> bool:
        """Whether a known file was replaced, written or linked while commands ran, and has not a content that it had before."""
        known = self.by_path.get(control.path)
        if known is None or control.links or control.path in self.git_parts or control.is_git:
            return False
        is_written = not control.is_folder and known.changed_ns != control.changed_ns
        return (is_written or self.is_replaced(control)) and not self._has_content(control)

    def record(self) -> dict[str, Any]:
        """As much as the next worker needs, as plain values."""
        return {
            "pointers": sorted(self.pointers),
            "known": [control.__dict__ for control in self.by_path.values()],
            "folders": sorted(self.folders),
            "folder_paths": sorted(self.folder_paths),
            "configs": [[inode, name, text] for ((_, inode), name), text in self.configs.items()],
        }

    def restore(self, record: dict[str, Any], device: int) -> None:
        """Take it from a record; `device`: the number that the file system has now. Raises ValueError, TypeError, KeyError."""
        known = [_control_of(entry, device) for entry in record["known"]]
        self.folders = {(device, inode) for _, inode in record["folders"]}
        self.folder_paths, self.pointers = set(record["folder_paths"]), set(record["pointers"])
        self.configs = {((device, inode), str(name)): text for inode, name, text in record["configs"]}
        self.by_path = {control.path: control for control in known}
        self._spots = {_spot(control) for control in known if not control.links}

    def _has_content(self, control: Control) -> bool:
        if not self._digests or control.is_git:
            return False
        digest = self._contents.digest(control)
        return digest is not None and (control.path, digest) in self._digests


def _spot(control: Control) -> Spot:
    return control.generation, control.above, control.name


def _control_of(entry: dict[str, Any], device: int) -> Control:
    target = entry["target"]
    return Control(
        path=str(entry["path"]),
        device=device,
        inode=int(entry["inode"]),
        is_folder=bool(entry["is_folder"]),
        above=(device, int(entry["above"][1])),
        links=tuple((str(path), str(text)) for path, text in entry["links"]),
        target=(device, int(target[1])) if target else None,
        is_git=bool(entry["is_git"]),
        born_ns=int(entry["born_ns"]),
        changed_ns=int(entry["changed_ns"]),
        names=int(entry["names"]),
    )
