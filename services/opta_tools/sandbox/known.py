"""What is known of a tree's control files while commands run, so that what they make can be told from what was there before."""

from collections.abc import Iterable
from typing import Any

from .contents import Contents
from .control import Control
from .git_folders import ConfigPlace

# How many control files are recognised by their content.
CONTENTS_MAX = 200

# (identity, identity of the folder above, name): where a control file lies, whatever the path of its folder.
_Spot = tuple[tuple[int, int], tuple[int, int], str]


class Known:
    """Of one tree. `is_mounted`: what is known is mounted over itself, so that a command cannot replace it where it lies."""

    def __init__(self, contents: Contents, *, is_mounted: bool):
        self._contents, self._is_mounted = contents, is_mounted
        self.by_path: dict[str, Control] = {}
        # Folders that were there: (device, inode) and path.
        self.folders: set[tuple[int, int]] = set()
        self.folder_paths: set[str] = set()
        # Texts of git's configurations, and the paths that these name.
        self.configs: dict[ConfigPlace, str] = {}
        self.named: set[str] = set()
        self._settled: dict[ConfigPlace, tuple[int, int]] = {}
        # Links on the way to control files.
        self.ways: dict[str, Control] = {}
        # What was known at any time since `start`: one look may miss what is being exchanged. Links are known where they lie alone.
        self._spots: set[_Spot] = set()
        # What came with a new repository stays where it came.
        self._brought: dict[_Spot, str] = {}
        # (path, digest) of what was known and may come back.
        self._digests: set[tuple[str, bytes]] = set()

    def start(self, found: Iterable[Control], dormant: Iterable[Control], folders: dict[str, tuple[int, int]]) -> None:
        """Forget what was, and take what is there."""
        self.by_path = {control.path: control for control in found}
        self.folders, self.folder_paths = set(folders.values()), set(folders)
        self._spots = {_spot(control) for control in (*self.by_path.values(), *dormant) if not control.links}
        self._digests.clear()
        self._settled.clear()

    def keep(self, controls: dict[str, Control]) -> None:
        """These are known from now on, and those that were are not forgotten where they lay."""
        self.by_path = controls
        self._spots |= {_spot(control) for control in controls.values() if not control.links}

    def brought(self, control: Control) -> None:
        """It came with a new repository."""
        self._brought[_spot(control)] = control.path

    def settle(self, place: ConfigPlace, control: Control | None) -> None:
        """A configuration has the text that is known. Settled is one that was seen so twice, and so was mounted in between."""
        if control is None:
            return
        was = self.by_path.get(control.path)
        if was is not None and was.identity == control.identity:
            self._settled[place] = control.identity

    def is_settled(self, place: ConfigPlace, control: Control) -> bool:
        """Whether no command could write this configuration since its text was read."""
        return self._is_mounted and self._settled.get(place) == control.identity

    def remember_contents(self) -> None:
        """So that what a person removes and brings back is known. For commands that take seconds: it reads files."""
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
        if known is not None and known.identity == control.identity:
            return False
        spot = _spot(control)
        if spot in self._brought and self._brought[spot] != control.path:
            return True
        if self.is_replaced(control) or spot in self._spots:
            # Replaced in its own folder, which a command cannot do to what is mounted; or moved along with its folder.
            return False
        return not self._comes_back(control)

    def is_replaced(self, control: Control) -> bool:
        """Whether a person put something else in the place of a known control file."""
        known = self.by_path.get(control.path)
        return (
            known is not None
            and self._is_mounted
            and not (control.links or known.links)
            and known.above == control.above
            and known.identity != control.identity
        )

    def is_other(self, control: Control) -> bool:
        """Whether what is there now has another content than a known control file had, as far as can be told."""
        return not self._comes_back(control)

    def record(self) -> dict[str, Any]:
        """As much as the next worker needs, as plain values."""
        return {
            "known": [control.__dict__ for control in self.by_path.values()],
            "folders": sorted(self.folders),
            "folder_paths": sorted(self.folder_paths),
            "configs": [[inode, name, text] for ((_, inode), name), text in self.configs.items()],
            "named": sorted(self.named),
        }

    def restore(self, record: dict[str, Any], device: int) -> None:
        """Take it from a record; `device`: the number that the file system has now. Raises ValueError, TypeError, KeyError."""
        known = [_control_of(entry, device) for entry in record["known"]]
        self.folders = {(device, inode) for _, inode in record["folders"]}
        self.folder_paths, self.named = set(record["folder_paths"]), set(record["named"])
        self.configs = {((device, inode), str(name)): str(text) for inode, name, text in record["configs"]}
        self.by_path = {control.path: control for control in known}
        self._spots = {_spot(control) for control in known if not control.links}

    def _comes_back(self, control: Control) -> bool:
        if not self._digests or control.is_git:
            return False
        digest = self._contents.digest(control)
        return digest is not None and (control.path, digest) in self._digests


def _spot(control: Control) -> _Spot:
    return control.identity, control.above, control.name


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
    )
