"""Checks after each command whether it made new control files, and puts these aside.

Control files that exist when a command begins are mounted over themselves and cannot be changed. Control files that a command makes are
moved out of the workspace before its result is reported, and kept, so that a person can restore them. A new repository stays, without
hooks and without configuration that runs programs.

Invariant: a control file that appears while a command runs never becomes known because it was seen. It was known before, or it is put
aside, or it stays unknown.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from opta_core.logs import Log

from .aside import Aside, quoted, shortened
from .contents import Contents
from .control import Control
from .controls import Controls
from .git_folders import GIT_CONTROL, ConfigLocation
from .git_guard import GitGuard
from .guard_record import GuardRecord
from .known import FileLocation, KnownControls
from .tree_aside import GuardError, TreeAside

log = Log("sandbox")


class TreeGuard:
    """Guards one tree for one session. `aside`: the folder for files put aside; `record`: a file that stores the known control files.

    `is_mounted`: known control files are mounted over themselves, so that a command cannot replace them. `others`: guards of other
    sessions; a control file that a command of one makes does not become known to another. `imported`: see KnownControls, shared by them.
    """

    def __init__(self, controls: Controls, aside: Path, record: Path | None = None, *, is_mounted: bool = True, others: Callable[[], Iterable["TreeGuard"]] = tuple, imported: dict[FileLocation, str] | None = None):  # fmt: skip
        self._controls, self._record, self._is_mounted, self._others = controls, GuardRecord(record), is_mounted, others
        self._tree = TreeAside(controls, Aside(aside))
        self._known = KnownControls(Contents(controls.root), {} if imported is None else imported, is_mounted=is_mounted)
        self._git = GitGuard(controls, self._known, self._tree)
        self._was_bare = False
        # Paths of the folders of repositories that arrived as a whole, as by git clone.
        self._whole: set[str] = set()
        self._deep: set[str] = set()
        self.is_running = False

    @property
    def has_cleaned(self) -> bool:
        """Whether the last check cleaned a git configuration, which is protected only from the next mount on."""
        return self._git.has_cleaned

    def begin(self) -> list[str]:
        """Before a command: record the existing control files as known. While a command runs: the same as `end`.

        Returns notes for the model. Raises GuardError.
        """
        if self.is_running:
            return self.end()
        try:
            return self._begin()
        except (OSError, RecursionError, ValueError) as error:
            raise GuardError(f"this folder's control files could not be checked ({error}), so no command runs in it") from error

    def _begin(self) -> list[str]:
        notes: list[str] = []
        if self._record.exists:
            # A worker died while commands ran: check first what they made.
            self._controls.look()
            if self._restore():
                notes = self.end()
        found = self._controls.look()
        folders = self._controls.folders
        # Commands of other sessions may have made some of these at this moment.
        others = [other for other in self._others() if other is not self and other.is_running]
        known = [control for control in found.values() if not self._is_doubted(control, others)]
        self._known.start(known, self._controls.dormant, {path: at for path, at in folders.items() if not self._is_made(path, at, others)})
        self._known.configs = {place: _known_to(others, place, text) for place, (_, text) in self._controls.git.configs.items()}
        self._known.pointers = {path for path in found if path.rpartition("/")[2] == ".git" and self._controls.is_pointer_into_git(path)}
        self._known.link_paths = self._controls.link_paths()
        self._was_bare, self._deep = self._controls.is_bare, set(self._controls.too_deep)
        self._whole = set()
        self._git.begin()
        self.is_running = True
        self._save()
        return notes

    def rest(self) -> None:
        """Forget the record, after the last command has ended and `end` has checked."""
        self.is_running = False
        self._record.remove()

    def end(self, *, is_last: bool = False) -> list[str]:
        """Put aside the control files that appeared since `begin`. Returns notes for the model. Raises GuardError.

        `is_last`: `rest` follows, so no record is written.
        """
        try:
            notes = self._end()
            if not is_last:
                self._save()
            if self._controls.is_cut:
                raise GuardError("the workspace has more folders than can be checked; remove folders, or work in a part of it")
            return shortened(notes)
        except (OSError, RecursionError, ValueError) as error:
            log.error("control files could not be checked", reason=error)
            raise GuardError(
                f"the files that commands made could not be checked ({error}), so no further command runs in this folder"
            ) from error

    def remember(self) -> None:
        """For commands that take seconds: store digests of known control files, to recognise restored ones, and update the record's time."""
        self._known.remember_contents()
        self._record.touch()

    def is_new(self, place: str, control: Control) -> bool:
        """Whether a control file at an absolute path was made since this session's commands began."""
        path = self._inside(place)
        return path is not None and self._known.is_new(replace(control, path=path))

    def is_new_folder(self, place: str, identity: tuple[int, int]) -> bool:
        """Whether a folder at an absolute path was made since this session's commands began."""
        return self._inside(place) is not None and identity not in self._known.folders

    def config(self, place: ConfigLocation) -> str | None:
        """The known text of a git configuration; None if it is unknown or too large."""
        return self._known.configs.get(place)

    def _inside(self, place: str) -> str | None:
        top = self._controls.path
        return place[len(top) + 1 :] if place.startswith(f"{top}/") else None

    def _is_doubted(self, control: Control, others: list["TreeGuard"]) -> bool:
        return any(other.is_new(f"{self._controls.path}/{control.path}", control) for other in others)

    def _is_made(self, path: str, identity: tuple[int, int], others: list["TreeGuard"]) -> bool:
        return any(other.is_new_folder(f"{self._controls.path}/{path}", identity) for other in others)

    def _end(self) -> list[str]:
        self._tree.aside.begin_look()
        found = self._controls.look()
        self._known.git_parts = set(self._controls.git.controls)
        notes: list[str] = []
        new = sorted((control for control in found.values() if self._is_new(control)), key=lambda control: control.path)
        made = [control for control in new if control.is_git]
        self._find_whole(new)
        for control in new:
            if control.is_git or self._is_part_of_git(control, made) or self._is_pointer(control):
                continue  # checked with its repository
            if control.path not in self._controls.only_named and any(folder in self._whole for folder in _above(control.path)):
                # It arrived with a repository. A file that a person's configuration names does not count as a part of it.
                self._known.mark_imported(control)
            else:
                notes += self._tree.put(control.path, control)
        notes += [note for path in self._misled(found) for note in self._tree.put(path)]
        notes += self._changed(found)
        for control in new:
            notes += self._git.clean_part(control, found)
        # A repository that was replaced before it could be cleaned stays unknown, so that the next check cleans it.
        cleaned: set[tuple[int, int]] = set()
        for control in sorted(made, key=lambda control: control.path):
            said = self._git.clean_repository(control)
            if said is not None:
                notes += said
                cleaned.add(control.identity)
        notes += self._git.clean_configs(found, {control.identity for control in made})
        for was in (*self._known.by_path.values(), *self._known.link_paths.values()):
            if was.links:
                notes += self._check_links(was)
        notes += self._git.unfinished()
        for path in self._controls.too_deep:
            if path not in self._deep:
                notes += self._tree.put(path)
        if self._controls.is_bare and not self._was_bare:
            # The workspace itself became a bare repository, whose configuration git would read.
            notes += [*self._tree.put("config"), *self._tree.put("HEAD")]
        self._keep(found, cleaned)
        return notes

    def _is_new(self, control: Control) -> bool:
        # A file that only new configurations name is not a control file, because these configurations are cleaned.
        return not self._is_named_anew(control) and self._known.is_new(control)

    def _is_named_anew(self, control: Control) -> bool:
        """Whether it is a control file only because new configurations name it."""
        if control.path not in self._controls.only_named:
            return False
        configs = self._controls.git.configs
        return not any(
            place is None or (place in self._known.configs and configs[place][1] == self._known.configs[place])
            for place in self._controls.git.named[control.path]
        )

    def _find_whole(self, new: list[Control]) -> None:
        """Find repositories that arrived as a whole, each with a new folder. Other control files in them were asked for."""
        for control in new:
            folder, _, name = control.path.rpartition("/")
            if control.above in self._known.folders or not folder:
                continue
            if (control.is_git and name == ".git" and folder not in self._known.folder_paths) or self._is_pointer(control):
                self._whole.add(folder)

    def _keep(self, found: dict[str, Control], cleaned: set[tuple[int, int]]) -> None:
        """Keep as known: known control files that still exist, and new repositories that were cleaned."""
        kept = {
            path: control
            for path, control in found.items()
            if not self._is_new(control) or (control.is_git and control.identity in cleaned)
        }
        links = {path: was for path, was in self._known.by_path.items() if was.links}
        self._known.keep(kept | links)
        # Files that were put aside are not mounted.
        self._controls.found = {
            path: control for path, control in found.items() if path in self._known.by_path or control.is_git or "/.git/" in f"/{path}"
        }

    def _is_part_of_git(self, control: Control, made: list[Control]) -> bool:
        folder, _, name = control.path.rpartition("/")
        if ".git" in control.path.split("/")[:-1]:
            return True
        # Only the parts of a bare repository, and not every file beneath it.
        return name in (*GIT_CONTROL, "modules", "worktrees") and any(git.path == folder for git in made)

    def _is_pointer(self, control: Control) -> bool:
        """Whether a new `.git` is a file as `git worktree add` or `git submodule update` makes it."""
        if control.name != ".git" or control.is_folder or control.links or not self._controls.is_pointer_into_git(control.path):
            return False
        self._known.pointers.add(control.path)
        return True

    def _misled(self, found: dict[str, Control]) -> list[str]:
        """Paths of `.git` files that pointed into a repository of the tree and point elsewhere now."""
        return [path for path in self._known.pointers if path in found and not self._controls.is_pointer_into_git(path)]

    def _changed(self, found: dict[str, Control]) -> list[str]:
        """Notes about known control files that were written while commands ran. Until the next mount, a command can write them too."""
        notes: list[str] = []
        for path, control in found.items():
            if not self._known.is_changed(control):
                continue
            known = self._known.by_path[path]
            if control.names > max(1, known.names):
                self._tree.renew(control)
            notes.append(
                f"{quoted(path)} was changed on the disk while a command ran. Check it before you use it, unless you have just saved it yourself."
            )
        return notes

    def _check_links(self, was: Control) -> list[str]:
        """Restore a symbolic link whose target has changed, and put aside a new file at its target. Returns notes."""
        now = self._controls.again(was)
        if (now.links, now.target) == (was.links, was.target):
            return []
        notes: list[str] = []
        if now.links == was.links and was.target is not None and self._is_mounted:
            return [f"The target of {quoted(was.path)} was replaced on the disk while a command ran. Check it before you use it."]
        current = dict(now.links)
        for path, text in was.links:
            if current.get(path) != text:
                notes += self._tree.restore_link(path, text)
        now = self._controls.again(was)
        if now.target is not None and now.target != was.target and now.target not in {c.identity for c in self._known.by_path.values()}:
            notes += self._tree.put(self._controls.end_of(was.path))
        return notes

    def _save(self) -> None:
        if self._record.is_enabled:
            self._record.write({**self._controls.record(), "aside": str(self._tree.aside.folder), **self._known.record()})

    def _restore(self) -> bool:
        """Restore the known control files from the record; whether that worked."""
        try:
            state, alive_until_ns = self._record.read()
            # The file system may have another device number by now.
            self._known.restore(state, next(iter(self._controls.folders.values()), (0, 0))[0])
            self._known.made_until_ns = alive_until_ns
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return False
        return True


def _known_to(others: list[TreeGuard], place: ConfigLocation, text: str | None) -> str | None:
    known = [config for other in others if (config := other.config(place)) is not None]
    return known[0] if known else text


def _above(path: str) -> list[str]:
    """The parent folders of a path, without the tree itself."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
