"""Looks after commands whether they made control files that were not there, and puts aside what they made.

What is there when a command begins is mounted over itself and cannot be changed. What a command makes anew is taken
out of the workspace before its result is reported, and kept, so that a person can put it back. A new repository stays, without
hooks and without configuration that runs programs.

Invariant: what was seen while something contained ran never becomes known by being seen. It is known from before, or it
is put aside, or it stays unknown.
"""

import contextlib
import errno
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from opta_core.logs import Log

from . import new_repository
from .aside import Aside, quoted, renew, said_of, shortened
from .contents import Contents
from .control import Control
from .controls import Controls
from .git_config import CONFIG_BYTES_MAX, is_same, plain_config
from .git_folders import GIT_CONTROL, ConfigPlace, is_placeholder, joined
from .git_states import GIT_STATES, what_runs
from .known import Known, Spot
from .regular_files import content, is_there

log = Log("sandbox")


# How long after its record was touched a worker may have lived.
ALIVE_NS = 4_000_000_000


class GuardError(Exception):
    """What commands made could not be looked at; nothing more runs until it can."""


class Guard:
    """One tree's, for one session. `aside`: the folder that takes what is put aside; `record`: a file that remembers what was known.

    `is_mounted`: what is known is mounted over itself, so that a command cannot replace it where it lies. `others`: guards of other
    sessions; what the command of one makes does not become known to another. `brought`: see Known, shared by these guards.
    """

    def __init__(self, controls: Controls, aside: Path, record: Path | None = None, *, is_mounted: bool = True, others: Callable[[], Iterable["Guard"]] = tuple, brought: dict[Spot, str] | None = None):  # fmt: skip
        self._controls, self._aside, self._record = controls, Aside(aside), record
        self._is_mounted, self._others = is_mounted, others
        self._known = Known(Contents(controls.root), {} if brought is None else brought, is_mounted=is_mounted)
        self._was_bare = False
        # Folders of repositories that came whole, by path; what a rebase had begun before.
        self._whole: set[str] = set()
        self._plans: dict[str, frozenset[bytes]] = {}
        self._deep: set[str] = set()
        # The record as it is written; '' when there is none.
        self._saved = ""
        self.is_running = False
        # Whether the last look put a configuration of git in order, which is protected only from the next mount on.
        self.has_cleaned = False

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
        self._whole, self._plans = set(), self._rebases()
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

    def end(self) -> list[str]:
        """Put aside what appeared since `begin`; what to say about it. Raises GuardError."""
        try:
            return shortened(self._end())
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

    def _is_doubted(self, control: Control, others: list["Guard"]) -> bool:
        return any(other.is_new(f"{self._controls.path}/{control.path}", control) for other in others)

    def _is_made(self, path: str, identity: tuple[int, int], others: list["Guard"]) -> bool:
        return any(other.is_new_folder(f"{self._controls.path}/{path}", identity) for other in others)

    def _end(self) -> list[str]:
        self.has_cleaned = False
        self._aside.begin_look()
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
                notes += self._put_aside(control.path, control)
        notes += [note for path in self._misled(found) for note in self._put_aside(path)]
        notes += self._changed(found)
        for control in new:
            notes += self._clean_part(control, found)
        # One that was exchanged before it could be cleaned stays unknown, so that the next look cleans it.
        cleaned: set[tuple[int, int]] = set()
        for control in sorted(made, key=lambda control: control.path):
            said = self._clean_repository(control)
            if said is not None:
                notes += said
                cleaned.add(control.identity)
        notes += self._clean_configs(found, {control.identity for control in made})
        for was in (*self._known.by_path.values(), *self._known.ways.values()):
            if was.links:
                notes += self._check_links(was)
        notes += self._unfinished()
        for path in self._controls.too_deep:
            if path not in self._deep:
                notes += self._put_aside(path)
        if self._controls.is_bare and not self._was_bare:
            # The folder itself became a repository without a work tree, whose configuration git would read.
            notes += [*self._put_aside("config"), *self._put_aside("HEAD")]
        self._keep(found, cleaned)
        self._save()
        if self._controls.is_cut:
            raise GuardError("the workspace has more folders than can be looked at; remove what is not needed, or work in a part of it")
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
                self._renew(control)
            notes.append(
                f"{quoted(path)} was changed on the disk while a command ran. Look at it before you use it, unless you have just saved it yourself."
            )
        return notes

    def _renew(self, control: Control) -> None:
        """Give a file that got another name while commands ran a copy in its place: through that name it could be written later."""
        above, name = self._parent(control.path)
        if above >= 0:
            with contextlib.suppress(OSError):
                renew(above, name, os.stat(name, dir_fd=above, follow_symlinks=False))
            os.close(above)

    def _clean_part(self, control: Control, found: dict[str, Control]) -> list[str]:
        """A part of a repository that was known, made anew: another commondir, a worktree that leads elsewhere, hooks where there were none."""
        folder, _, name = control.path.rpartition("/")
        if ".git" not in control.path.split("/")[:-1] or control.is_git:
            return []
        above, _ = self._parent(control.path)
        if above < 0:
            return []
        try:
            seen = os.fstat(above)
            if control.above != (seen.st_dev, seen.st_ino):
                return []  # exchanged meanwhile: the next look finds what is there
            if is_placeholder(above, name) or name in ("modules", "worktrees", "info"):
                return []
            parts = control.path.split("/")
            is_of_tree = "worktrees" in parts[:-1]
            if name == "hooks" and control.is_folder and not is_of_tree:
                hooks = new_repository.hooks(above)
                if len(hooks) <= new_repository.HOOKS_MAX:
                    return [note for hook in hooks for note in new_repository.take_from(above, hook, folder, self._aside)]
            if is_of_tree:
                # What `git worktree add` makes leads to the repository above it.
                if name == "commondir" and (content(above, name, CONFIG_BYTES_MAX) or b"").strip() == b"../..":
                    return []
                if name == "gitdir" or (parts[-2] == "worktrees" and control.is_folder):
                    return []
            elif name == "config" and not control.links and not control.is_folder and found.get(folder) is not None:
                return []  # with its repository, by its text
        finally:
            os.close(above)
        return self._put_aside(control.path, control)

    def _clean_repository(self, control: Control) -> list[str] | None:
        """Keep a new repository, without what makes git run programs; what to say, None when it was not there to be cleaned."""
        try:
            git = self._controls.open_folder(control.path)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EXDEV):
                return None
            raise
        try:
            seen = os.fstat(git)
            if (seen.st_dev, seen.st_ino) != control.identity:
                return None  # exchanged meanwhile: the next look finds what is there
            notes, text = new_repository.clean(git, control.path, self._aside)
            self._known.configs[control.identity, "config"] = text
            return notes
        finally:
            os.close(git)

    def _clean_configs(self, found: dict[str, Control], made: set[tuple[int, int]]) -> list[str]:
        """Configurations of known repositories that were replaced, as git does: without what runs programs and was not there before."""
        notes: list[str] = []
        for place, (folder, text) in self._controls.git.configs.items():
            identity, name = place
            known = self._known.configs.get(place, "")
            if identity in made or text == known:
                continue
            if known is None:
                notes.append(f"{quoted(joined(folder, name))} is too large to be compared. Look at it before you use git here.")
                continue
            # One that grew too large to be read is as it was; the large one is put aside.
            kept = plain_config(text, folder, known, allows_worktree=False) if text is not None else known
            if text is not None and is_same(kept, text):
                self._known.configs[place] = text
                continue
            with contextlib.suppress(FileNotFoundError):
                git = self._controls.open_folder(folder)
                try:
                    seen = os.fstat(git)
                    if identity == (seen.st_dev, seen.st_ino):
                        self._known.configs[place] = kept
                        self.has_cleaned = True
                        notes += new_repository.replace_config(git, name, folder, kept, self._aside)
                finally:
                    os.close(git)
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
                notes += self._restore_link(path, text)
        now = self._controls.again(was)
        if now.target is not None and now.target != was.target and now.target not in {c.identity for c in self._known.by_path.values()}:
            notes += self._put_aside(self._controls.end_of(was.path))
        return notes

    def _restore_link(self, path: str, text: str) -> list[str]:
        notes = self._put_aside(path)
        above, name = self._parent(path)
        if above >= 0:
            with contextlib.suppress(OSError):
                os.symlink(text, name, dir_fd=above)
                notes.append(f"{quoted(path)} is the link again that it was.")
            os.close(above)
        return notes

    def _unfinished(self) -> list[str]:
        """A rebase that a command began and that would run programs when a person goes on with it. One that was there before is a person's."""
        now = self._rebases()
        return [note for path, runs in now.items() if runs - self._plans.get(path, frozenset()) for note in self._put_aside(path)]

    def _rebases(self) -> dict[str, frozenset[bytes]]:
        """git's folders of unfinished work, also of its worktrees: path -> the lines that run a program."""
        found: dict[str, frozenset[bytes]] = {}
        for at in self._controls.git_states():
            with contextlib.suppress(OSError):
                git = self._controls.open_folder(at)
                try:
                    for folder, plans in GIT_STATES.items():
                        if is_there(git, folder):
                            lines = (what_runs(git, f"{folder}/{name}", name) for name in plans)
                            found[joined(at, folder)] = frozenset[bytes]().union(*lines)
                finally:
                    os.close(git)
        return found

    def _put_aside(self, path: str, control: Control | None = None) -> list[str]:
        """Move something away; `control`: only when it is still what was seen. Raises GuardError where it cannot be reached."""
        if not path:
            return []
        above, name = self._parent(path)
        if above < 0:
            return []
        try:
            seen = os.fstat(above)
            if control is not None and control.above not in ((0, 0), (seen.st_dev, seen.st_ino)):
                return []  # the folder was exchanged meanwhile: the next look finds what is there
            kept = self._aside.take(above, name, control.identity if control is not None else None)
        except FileNotFoundError:
            return []
        finally:
            os.close(above)
        if not kept:
            return []
        log.warning("put aside", path=path, kept=kept)
        return [said_of(path, kept)]

    def _parent(self, path: str) -> tuple[int, str]:
        folder, _, name = path.rpartition("/")
        try:
            return self._controls.open_folder(folder), name
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EXDEV):
                return -1, name  # exchanged meanwhile: the next look finds what is there
            raise GuardError(
                f"{quoted(path)} cannot be looked at ({error.strerror}); remove it before anything more runs in this folder"
            ) from error

    def _save(self) -> None:
        if self._record is None:
            return
        record = json.dumps({**self._controls.record(), "aside": str(self._aside.folder), **self._known.record()})
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


def _known_to(others: list[Guard], place: ConfigPlace, text: str | None) -> str | None:
    known = [config for other in others if (config := other.config(place)) is not None]
    return known[0] if known else text


def _above(path: str) -> list[str]:
    """The folders above a path, without the tree itself."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
