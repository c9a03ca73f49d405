"""Looks after commands whether they made control files that were not there, and puts aside what they made.

What is there when a command begins is mounted over itself and cannot be changed. What a command makes anew is taken
out of the workspace before its result is reported, and kept, so that a person can put it back. A new repository stays, without
hooks and without configuration that runs programs.

Invariant: what was seen while something contained ran never becomes known by being seen. It is known from before, or it
is put aside, or it stays unknown.
"""

import contextlib
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from opta_core.logs import Log

from .aside import Aside, quoted, shortened
from .contents import Contents
from .control import Control
from .controls import Controls
from .git_folders import GIT_CONTROL, ConfigPlace
from .git_guard import GitGuard
from .known import Known, Spot
from .tree_aside import GuardError, TreeAside

log = Log("sandbox")


# How long after its record was touched a worker may have lived.
ALIVE_NS = 4_000_000_000


class TreeGuard:
    """One tree's, for one session. `aside`: the folder that takes what is put aside; `record`: a file that remembers what was known.

    `is_mounted`: what is known is mounted over itself, so that a command cannot replace it where it lies. `others`: guards of other
    sessions; what the command of one makes does not become known to another. `brought`: see Known, shared by these guards.
    """

    def __init__(self, controls: Controls, aside: Path, record: Path | None = None, *, is_mounted: bool = True, others: Callable[[], Iterable["TreeGuard"]] = tuple, brought: dict[Spot, str] | None = None):  # fmt: skip
        self._controls, self._record, self._is_mounted, self._others = controls, record, is_mounted, others
        self._tree = TreeAside(controls, Aside(aside))
        self._known = Known(Contents(controls.root), {} if brought is None else brought, is_mounted=is_mounted)
        self._git = GitGuard(controls, self._known, self._tree)
        self._was_bare = False
        # Folders of repositories that came whole, by path.
        self._whole: set[str] = set()
        self._deep: set[str] = set()
        # The record as it is written; '' when there is none.
        self._saved = ""
        self.is_running = False

    @property
    def has_cleaned(self) -> bool:
        """Whether the last look put a configuration of git in order, which is protected only from the next mount on."""
        return self._git.has_cleaned

    def begin(self) -> list[str]:
        """Take what is there as it is; what to say. Only while nothing contained of this session runs. Raises GuardError."""
        if self.is_running:
            return self.end()
        try:
            return self._begin()
        except (OSError, RecursionError, ValueError) as error:
            raise GuardError(f"this folder's control files could not be looked at ({error}), so nothing runs in it") from error

    def _begin(self) -> list[str]:
        notes: list[str] = []
        if self._record is not None and self._record.exists():
            # A worker died while commands ran: what they made is looked at first.
            self._controls.look()
            if self._restore():
                notes = self.end()
        found = self._controls.look()
        folders = self._controls.folders
        # Other sessions may have made some of it, in this moment.
        others = [other for other in self._others() if other is not self and other.is_running]
        known = [control for control in found.values() if not self._is_doubted(control, others)]
        self._known.start(known, self._controls.dormant, {path: at for path, at in folders.items() if not self._is_made(path, at, others)})
        self._known.configs = {place: _known_to(others, place, text) for place, (_, text) in self._controls.git.configs.items()}
        self._known.pointers = {path for path in found if path.rpartition("/")[2] == ".git" and self._controls.is_pointer_into_git(path)}
        self._known.ways = self._controls.ways()
        self._was_bare, self._deep = self._controls.is_bare, set(self._controls.too_deep)
        self._whole = set()
        self._git.begin()
        self.is_running = True
        self._save()
        return notes

    def rest(self) -> None:
        """Nothing contained runs any more, and `end` has looked."""
        self.is_running = False
        self._saved = ""
        if self._record is not None:
            with contextlib.suppress(OSError):
                self._record.unlink(missing_ok=True)

    def end(self, *, is_last: bool = False) -> list[str]:
        """Put aside what appeared since `begin`; what to say about it. `is_last`: `rest` follows, so nothing is recorded. Raises GuardError."""
        try:
            notes = self._end()
            if not is_last:
                self._save()
            if self._controls.is_cut:
                raise GuardError("the workspace has more folders than can be looked at; remove what is not needed, or work in a part of it")
            return shortened(notes)
        except (OSError, RecursionError, ValueError) as error:
            log.error("control files could not be looked at", reason=error)
            raise GuardError(f"what commands made could not be looked at ({error}), so nothing more runs in this folder") from error

    def remember(self) -> None:
        """For commands that take seconds: what a person removes and brings back meanwhile is known again; the record says that we live."""
        self._known.remember_contents()
        if self._record is not None:
            with contextlib.suppress(OSError):
                os.utime(self._record)

    def is_new(self, place: str, control: Control) -> bool:
        """Whether something at an absolute path was made since this session's commands began."""
        path = self._inside(place)
        return path is not None and self._known.is_new(replace(control, path=path))

    def is_new_folder(self, place: str, identity: tuple[int, int]) -> bool:
        """The same of a folder."""
        return self._inside(place) is not None and identity not in self._known.folders

    def config(self, place: ConfigPlace) -> str | None:
        """The text of a configuration of git as it is known."""
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
                continue  # looked at with its repository
            if control.path not in self._controls.only_named and any(folder in self._whole for folder in _above(control.path)):
                # What a configuration of the person has run is no part of what came.
                self._known.brought(control)
            else:
                notes += self._tree.put(control.path, control)
        notes += [note for path in self._misled(found) for note in self._tree.put(path)]
        notes += self._changed(found)
        for control in new:
            notes += self._git.clean_part(control, found)
        # One that was exchanged before it could be cleaned stays unknown, so that the next look cleans it.
        cleaned: set[tuple[int, int]] = set()
        for control in sorted(made, key=lambda control: control.path):
            said = self._git.clean_repository(control)
            if said is not None:
                notes += said
                cleaned.add(control.identity)
        notes += self._git.clean_configs(found, {control.identity for control in made})
        for was in (*self._known.by_path.values(), *self._known.ways.values()):
            if was.links:
                notes += self._check_links(was)
        notes += self._git.unfinished()
        for path in self._controls.too_deep:
            if path not in self._deep:
                notes += self._tree.put(path)
        if self._controls.is_bare and not self._was_bare:
            # The folder itself became a repository without a work tree, whose configuration git would read.
            notes += [*self._tree.put("config"), *self._tree.put("HEAD")]
        self._keep(found, cleaned)
        return notes

    def _is_new(self, control: Control) -> bool:
        # What only a new configuration names is no control file: that configuration is put in order.
        return not self._is_named_anew(control) and self._known.is_new(control)

    def _is_named_anew(self, control: Control) -> bool:
        """Whether only configurations that are themselves new make a control file of it."""
        if control.path not in self._controls.only_named:
            return False
        configs = self._controls.git.configs
        return not any(
            place is None or (place in self._known.configs and configs[place][1] == self._known.configs[place])
            for place in self._controls.git.named[control.path]
        )

    def _find_whole(self, new: list[Control]) -> None:
        """In a repository that came whole, with a folder of its own, other control files are part of what was asked for."""
        for control in new:
            folder, _, name = control.path.rpartition("/")
            if control.above in self._known.folders or not folder:
                continue
            if (control.is_git and name == ".git" and folder not in self._known.folder_paths) or self._is_pointer(control):
                self._whole.add(folder)

    def _keep(self, found: dict[str, Control], cleaned: set[tuple[int, int]]) -> None:
        """What is still there and was known, and repositories that are clean now."""
        kept = {
            path: control
            for path, control in found.items()
            if not self._is_new(control) or (control.is_git and control.identity in cleaned)
        }
        links = {path: was for path, was in self._known.by_path.items() if was.links}
        self._known.keep(kept | links)
        # Nothing that was put aside is mounted.
        self._controls.found = {
            path: control for path, control in found.items() if path in self._known.by_path or control.is_git or "/.git/" in f"/{path}"
        }

    def _is_part_of_git(self, control: Control, made: list[Control]) -> bool:
        folder, _, name = control.path.rpartition("/")
        if ".git" in control.path.split("/")[:-1]:
            return True
        # Of a bare repository its own parts, and not whatever lies beneath it.
        return name in (*GIT_CONTROL, "modules", "worktrees") and any(git.path == folder for git in made)

    def _is_pointer(self, control: Control) -> bool:
        """Whether a new `.git` is a file that `git worktree add` or `git submodule update` makes."""
        if control.name != ".git" or control.is_folder or control.links or not self._controls.is_pointer_into_git(control.path):
            return False
        self._known.pointers.add(control.path)
        return True

    def _misled(self, found: dict[str, Control]) -> list[str]:
        """`.git` files that led into a repository of the tree, and lead elsewhere now."""
        return [path for path in self._known.pointers if path in found and not self._controls.is_pointer_into_git(path)]

    def _changed(self, found: dict[str, Control]) -> list[str]:
        """Control files that were saved while commands ran: until the next mount a command could write them too."""
        notes: list[str] = []
        for path, control in found.items():
            if not self._known.is_changed(control):
                continue
            known = self._known.by_path[path]
            if control.names > max(1, known.names):
                self._tree.renew(control)
            notes.append(
                f"{quoted(path)} was changed on the disk while a command ran. Look at it before you use it, unless you have just saved it yourself."
            )
        return notes

    def _check_links(self, was: Control) -> list[str]:
        """A link that leads elsewhere leads again to where it did; what is new at its end is put aside."""
        now = self._controls.again(was)
        if (now.links, now.target) == (was.links, was.target):
            return []
        notes: list[str] = []
        if now.links == was.links and was.target is not None and self._is_mounted:
            return [f"What {quoted(was.path)} leads to was replaced on the disk while a command ran. Look at it before you use it."]
        current = dict(now.links)
        for path, text in was.links:
            if current.get(path) != text:
                notes += self._tree.restore_link(path, text)
        now = self._controls.again(was)
        if now.target is not None and now.target != was.target and now.target not in {c.identity for c in self._known.by_path.values()}:
            notes += self._tree.put(self._controls.end_of(was.path))
        return notes

    def _save(self) -> None:
        if self._record is None:
            return
        record = json.dumps({**self._controls.record(), "aside": str(self._tree.aside.folder), **self._known.record()})
        if record != self._saved:
            with contextlib.suppress(OSError):
                self._record.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                part = self._record.with_suffix(".part")
                part.write_text(record)
                part.rename(self._record)
                self._saved = record

    def _restore(self) -> bool:
        """Whether a record was read."""
        assert self._record is not None
        try:
            record = json.loads(self._record.read_text())
            # A file system may have got another number.
            self._known.restore(record, next(iter(self._controls.folders.values()), (0, 0))[0])
            # What was made later is a person's: the worker said every two seconds that it lived.
            self._known.made_until_ns = self._record.stat().st_mtime_ns + ALIVE_NS
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return False
        return True


def _known_to(others: list[TreeGuard], place: ConfigPlace, text: str | None) -> str | None:
    known = [config for other in others if (config := other.config(place)) is not None]
    return known[0] if known else text


def _above(path: str) -> list[str]:
    """The folders above a path, without the tree itself."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
