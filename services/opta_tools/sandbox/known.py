"""The control files of a tree that existed before commands ran, to distinguish them from those that commands make."""

from collections.abc import Iterable
from typing import Any

from .contents import Contents
from .control import Control
from .git_folders import ConfigLocation

# How many control files can be recognised by their content.
CONTENTS_MAX = 200

# (generation of the file, identity of its folder, name): where a control file lies, independently of the path of its folder.
FileLocation = tuple[tuple[int, int, int], tuple[int, int], str]


class KnownControls:
    """The known control files of one tree. `is_mounted`: they are mounted over themselves, so that a command cannot replace them.

    `imported`: location -> path of each control file that arrived with a new repository; shared by all sessions.
    """

    def __init__(self, contents: Contents, imported: dict[FileLocation, str], *, is_mounted: bool):
        self._contents, self._imported, self._is_mounted = contents, imported, is_mounted
        self.by_path: dict[str, Control] = {}
        # Folders that existed: (device, inode), and their paths
        self.folders: set[tuple[int, int]] = set()
        self.folder_paths: set[str] = set()
        # Texts of git configurations; None for one that is too large
        self.configs: dict[ConfigLocation, str | None] = {}
        # Paths of `.git` files that point into a repository of the tree
        self.pointers: set[str] = set()
        # Paths of the parts of git folders, from the last check. Except for configurations, people do not replace these.
        self.git_parts: set[str] = set()
        # After a worker has died: a file with a later birth time (ns) belongs to a person; 0: no such time
        self.made_until_ns = 0
        # Symbolic links that lead to control files
        self.link_paths: dict[str, Control] = {}
        # Locations that were known at any time since `start`, because one check may miss a file that is being replaced. Symbolic links
        # are known by their path only.
        self._locations: set[FileLocation] = set()
        # Paths of files that were restored with their former content. They must keep it while commands run, which may hold them open.
        self._restored: set[str] = set()
        # (path, digest) of known files, to recognise them when they are restored
        self._digests: set[tuple[str, bytes]] = set()

    def start(self, found: Iterable[Control], dormant: Iterable[Control], folders: dict[str, tuple[int, int]]) -> None:
        """Replace everything known by the given control files and folders."""
        self.by_path = {control.path: control for control in found}
        self.folders, self.folder_paths = set(folders.values()), set(folders)
        self._locations = {_location(control) for control in (*self.by_path.values(), *dormant) if not control.links}
        self._digests.clear()
        self._restored.clear()
        self.made_until_ns = 0

    def keep(self, controls: dict[str, Control]) -> None:
        """Set the known control files. Locations that were known before stay known."""
        self.by_path = controls
        self._locations |= {_location(control) for control in controls.values() if not control.links}

    def mark_imported(self, control: Control) -> None:
        """Record that a control file came with a new repository."""
        self._imported[_location(control)] = control.path

    def remember_contents(self) -> None:
        """Store digests of the known control files, to recognise one that a person removes and restores. Reads files."""
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
        if control.path in self._restored:
            return not self._has_content(control)
        if known is not None and known.generation == control.generation:
            return False
        location = _location(control)
        if location in self._imported and self._imported[location] != control.path:
            return True
        if self.is_replaced(control) or location in self._locations:
            # A person replaced it, which a command cannot do to a mounted file; or it was moved together with its folder.
            return False
        if self.made_until_ns and control.born_ns > self.made_until_ns:
            return False
        if self._has_content(control):
            self._restored.add(control.path)
            return False
        return True

    def is_replaced(self, control: Control) -> bool:
        """Whether a person replaced a known control file."""
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
        """Whether a known file was replaced, written or hard-linked while commands ran, and has none of its former contents."""
        known = self.by_path.get(control.path)
        if known is None or control.links or control.path in self.git_parts or control.is_git:
            return False
        is_written = not control.is_folder and known.changed_ns != control.changed_ns
        return (is_written or self.is_replaced(control)) and not self._has_content(control)

    def record(self) -> dict[str, Any]:
        """The state that the next worker needs, as JSON values."""
        return {
            "pointers": sorted(self.pointers),
            "known": [control.__dict__ for control in self.by_path.values()],
            "folders": sorted(self.folders),
            "folder_paths": sorted(self.folder_paths),
            "configs": [[inode, name, text] for ((_, inode), name), text in self.configs.items()],
        }

    def restore(self, record: dict[str, Any], device: int) -> None:
        """Set the state from a record. `device`: the current device number of the file system. Raises ValueError, TypeError, KeyError."""
        known = [_control_of(entry, device) for entry in record["known"]]
        self.folders = {(device, inode) for _, inode in record["folders"]}
        self.folder_paths, self.pointers = set(record["folder_paths"]), set(record["pointers"])
        self.configs = {((device, inode), str(name)): text for inode, name, text in record["configs"]}
        self.by_path = {control.path: control for control in known}
        self._locations = {_location(control) for control in known if not control.links}

    def _has_content(self, control: Control) -> bool:
        if not self._digests or control.is_git:
            return False
        digest = self._contents.digest(control)
        return digest is not None and (control.path, digest) in self._digests


def _location(control: Control) -> FileLocation:
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
