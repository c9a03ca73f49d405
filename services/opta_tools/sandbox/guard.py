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
import re
from pathlib import Path
from typing import Any

from opta_core.logs import Log

from .aside import Aside, quoted, said_of, shortened
from .controls import GIT_CONTROL, Control, Controls, is_placeholder
from .git_config import CONFIG_BYTES_MAX, config_of, plain_config
from .git_states import GIT_STATES, what_runs
from .regular_files import content, is_there

log = Log("sandbox")


class GuardError(Exception):
    """What commands made could not be looked at; nothing more runs until it can."""


class Guard:
    """One tree's. `aside`: the folder that takes what is put aside; `record`: a file that remembers what was known while commands run.

    `is_mounted`: what is known is mounted over itself, so that a command cannot replace it where it lies.
    """

    def __init__(self, controls: Controls, aside: Path, record: Path | None = None, *, is_mounted: bool = True):
        self._controls, self._aside, self._record, self._is_mounted = controls, Aside(aside), record, is_mounted
        self._known: dict[str, Control] = {}
        self._folders: set[tuple[int, int]] = set()
        # What was known at any time since `begin`: one look may miss what is being exchanged. Links are known where they lie alone.
        self._ids: set[tuple[int, int]] = set()
        self._was_bare = False
        # Folders of repositories that came whole, by path; what a rebase had begun before.
        self._whole: set[str] = set()
        self._paths: set[str] = set()
        self._plans: dict[str, bytes] = {}
        self._deep: set[str] = set()
        # What the record holds; None when there is none.
        self._saved: tuple[dict[str, Control], set[tuple[int, int]]] | None = None
        self._is_running = False

    def begin(self) -> list[str]:
        """Take what is there as it is; what to say. Only while nothing contained runs. Raises GuardError."""
        notes: list[str] = []
        if not self._is_running and self._record is not None and self._record.exists():
            # A worker died while commands ran: what they made is looked at first.
            self._controls.look()
            if self._restore():
                notes = self.end()
        elif self._is_running:
            return self.end()
        self._known = dict(self._controls.look())
        self._folders = self._controls.folders
        self._was_bare, self._deep = self._controls.is_bare, set(self._controls.too_deep)
        self._is_running = True
        self._ids = {control.identity for control in self._known.values() if not control.link}
        self._whole, self._paths = set(), self._controls.paths
        self._plans = self._rebases()
        self._save()
        return notes

    def rest(self) -> None:
        """Nothing contained runs any more, and `end` has looked."""
        self._is_running = False
        self._saved = None
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

    def _end(self) -> list[str]:
        found = self._controls.look()
        notes: list[str] = []
        ids = self._ids
        new = sorted((control for control in found.values() if self._is_new(control, ids)), key=lambda control: control.path)
        made = [control for control in new if control.is_git]
        # In a repository that came whole, with a folder of its own, its other control files are part of what was asked for.
        for control in made:
            folder, _, name = control.path.rpartition("/")
            if folder and name == ".git" and control.above not in self._folders and folder not in self._paths:
                self._whole.add(folder)
        for control in new:
            if control.is_git or self._is_part_of_git(control, made):
                continue  # looked at with its repository
            if self._is_pointer(control):
                # What `git worktree add` and `git submodule update` make; the repository it leads to is looked at itself.
                if control.above not in self._folders:
                    self._whole.add(control.path.rpartition("/")[0])
                continue
            if not any(control.path.startswith(f"{folder}/") for folder in self._whole if folder):
                notes += self._put_aside(control.path, control)
        for control in new:
            notes += self._clean_part(control, found)
        # One that was exchanged before it could be cleaned stays unknown, so that the next look cleans it.
        cleaned: set[tuple[int, int]] = set()
        for control in sorted(made, key=lambda control: control.path):
            said = self._clean_repository(control)
            if said is not None:
                notes += said
                cleaned.add(control.identity)
        for path, was in self._known.items():
            if was.link:
                notes += self._check_link(path, was, found.get(path))
        notes += self._unfinished()
        for path in self._controls.too_deep:
            if path not in self._deep:
                notes += self._put_aside(path)
        if self._controls.is_bare and not self._was_bare:
            # The folder itself became a repository without a work tree, whose configuration git would read.
            notes += [*self._put_aside("config"), *self._put_aside("HEAD")]
        # What is still there and was known, and repositories that are clean now.
        self._known = {
            path: control
            for path, control in found.items()
            if not self._is_new(control, ids) or (control.is_git and control.identity in cleaned)
        } | {path: was for path, was in self._known.items() if was.link}
        self._ids |= {control.identity for control in self._known.values() if not control.link}
        # Nothing that was put aside is mounted.
        self._controls.found = {
            path: control for path, control in found.items() if path in self._known or control.is_git or "/.git/" in f"/{path}"
        }
        self._save()
        if self._controls.is_cut:
            raise GuardError("the workspace has more folders than can be looked at; remove what is not needed, or work in a part of it")
        return notes

    def _is_part_of_git(self, control: Control, made: list[Control]) -> bool:
        folder, _, name = control.path.rpartition("/")
        if ".git" in control.path.split("/")[:-1]:
            return True
        # Of a bare repository its own parts, and not whatever lies beneath it.
        return name in (*GIT_CONTROL, "modules", "worktrees") and any(git.path == folder for git in made)

    def _is_pointer(self, control: Control) -> bool:
        """Whether a new `.git` is a file that leads to a worktree's or a submodule's place in a repository of this tree."""
        folder, _, name = control.path.rpartition("/")
        if name != ".git" or control.is_folder or control.link:
            return False
        above, _ = self._parent(control.path)
        if above < 0:
            return False
        try:
            match = re.fullmatch(r"gitdir: (.+?)\n*", (content(above, name, CONFIG_BYTES_MAX) or b"").decode(errors="replace"))
        finally:
            os.close(above)
        if match is None:
            return False
        leads_to = os.path.normpath(os.path.join(folder, match[1].removeprefix(f"{self._controls.path}/")))
        return not leads_to.startswith(("/", "..")) and bool(re.search(r"(^|/)\.git/(modules|worktrees)/", leads_to))

    def _is_new(self, control: Control, ids: set[tuple[int, int]]) -> bool:
        known = self._known.get(control.path)
        if known is not None and control.link:
            return known.link != control.link
        if known is not None and (known.identity == control.identity or (self._is_mounted and known.above == control.above)):
            # The same, or replaced in its own folder: that is a person's, since a command cannot take what is mounted away.
            return False
        # What was moved along with its folder is as it was.
        return control.identity not in ids

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
            if name == "hooks" and not control.link:
                return [note for hook in self._hooks(above) for note in self._take_from(above, hook, folder)]
            parts = control.path.split("/")
            if "worktrees" in parts[:-1]:
                # What `git worktree add` makes leads to the repository above it.
                if name == "commondir" and (content(above, name, CONFIG_BYTES_MAX) or b"").strip() == b"../..":
                    return []
                if name == "gitdir" or (len(parts) > 1 and parts[-2] == "worktrees"):
                    return []
            if name == "config" and found.get(folder) is not None:
                return []  # with its repository
        finally:
            os.close(above)
        return self._put_aside(control.path, control)

    def _check_link(self, path: str, was: Control, now: Control | None) -> list[str]:
        notes: list[str] = []
        if now is None or now.link != was.link:
            notes += self._restore_link(path, was.link)
            now = self._controls.look().get(path)
        if (
            now is not None
            and now.target is not None
            and now.target != was.target
            and now.target not in {c.identity for c in self._known.values()}
        ):
            notes += self._put_aside(os.path.normpath(os.path.join(os.path.dirname(path), now.link)))
        return notes

    def _unfinished(self) -> list[str]:
        """A rebase that a command began and that would run programs when a person goes on with it. One that was there before is a person's."""
        now = self._rebases()
        return [note for path, runs in now.items() if path not in self._plans and runs for note in self._put_aside(path)]

    def _rebases(self) -> dict[str, bytes]:
        """git's folders of unfinished work: path -> b"" for one that runs nothing, else what it would."""
        found: dict[str, bytes] = {}
        for control in self._controls.found.values():
            if not control.is_git:
                continue
            with contextlib.suppress(OSError):
                git = self._controls.open_folder(control.path)
                try:
                    for folder, plans in GIT_STATES.items():
                        if is_there(git, folder):
                            found[f"{control.path}/{folder}"] = b"".join(what_runs(git, f"{folder}/{name}", name) for name in plans)
                finally:
                    os.close(git)
        return found

    def _put_aside(self, path: str, control: Control | None = None) -> list[str]:
        """Move something away; `control`: only when it is still what was seen. Raises GuardError where it cannot be reached."""
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

    def _restore_link(self, path: str, link: str) -> list[str]:
        notes = self._put_aside(path)
        above, name = self._parent(path)
        if above >= 0:
            with contextlib.suppress(OSError):
                os.symlink(link, name, dir_fd=above)
                notes.append(f"{quoted(path)} is the link again that it was.")
            os.close(above)
        return notes

    def _clean_repository(self, control: Control) -> list[str] | None:
        """Keep a new repository, without what makes git run programs; what to say, None when it was not there to be cleaned.

        Works in the folder that was seen, whatever lies at its path by now.
        """
        notes: list[str] = []
        path = control.path
        try:
            git = self._controls.open_folder(path)
        except FileNotFoundError:
            return None
        try:
            seen = os.fstat(git)
            if (seen.st_dev, seen.st_ino) != control.identity:
                return None  # exchanged meanwhile: the next look finds what is there
            for name in ("config.worktree", "commondir", "info/attributes"):
                if is_there(git, name) and not is_placeholder(git, name):
                    notes += self._take_from(git, name, path)
            for name in self._hooks(git):
                notes += self._take_from(git, name, path)
            text = config_of(git)
            if text is None and is_there(git, "config"):
                notes += self._take_from(git, "config", path)
            elif text is not None and (kept := plain_config(text, path)) != text:
                notes += self._take_from(git, "config", path)
                descriptor = os.open("config", os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644, dir_fd=git)
                os.write(descriptor, kept.encode())
                os.close(descriptor)
        finally:
            os.close(git)
        return notes

    def _take_from(self, git: int, name: str, path: str) -> list[str]:
        """Put aside a part of an opened git folder."""
        folder, _, last = name.rpartition("/")
        above = os.open(folder or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=git)
        try:
            kept = self._aside.take(above, last)
        except FileNotFoundError:
            return []
        finally:
            os.close(above)
        return [said_of(f"{path}/{name}", kept)]

    def _hooks(self, git: int) -> list[str]:
        if not is_there(git, "hooks"):
            return []
        try:
            hooks = os.open("hooks", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=git)
        except OSError:
            return ["hooks"]
        try:
            return [f"hooks/{name}" for name in sorted(os.listdir(hooks)) if not name.endswith(".sample")]
        finally:
            os.close(hooks)

    def _parent(self, path: str) -> tuple[int, str]:
        folder, _, name = path.rpartition("/")
        try:
            return self._controls.open_folder(folder), name
        except FileNotFoundError:
            return -1, name
        except OSError as error:
            raise GuardError(
                f"{quoted(path)} cannot be looked at ({error.strerror}); remove it before anything more runs in this folder"
            ) from error

    def _save(self) -> None:
        if self._record is not None and self._saved != (self._known, self._folders):
            with contextlib.suppress(OSError):
                self._record.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                record = {
                    "boot": _boot(),
                    "known": [control.__dict__ for control in self._known.values()],
                    "folders": sorted(self._folders),
                }
                part = self._record.with_suffix(".part")
                part.write_text(json.dumps(record))
                part.rename(self._record)
                self._saved = dict(self._known), set(self._folders)

    def _restore(self) -> bool:
        """Whether a record of this start of the machine was read."""
        assert self._record is not None
        try:
            record = json.loads(self._record.read_text())
            if record["boot"] != _boot():
                # After a start of the machine devices have other numbers, and nothing of a command lives.
                return False
            # A file system may have got another number.
            device = next(iter(self._controls.folders), (0, 0))[0]
            known = [_control_of(entry, device) for entry in record["known"]]
            self._folders = {(device, inode) for _, inode in record["folders"]}
        except (OSError, ValueError, TypeError, KeyError):
            return False
        self._known = {control.path: control for control in known}
        self._ids = {control.identity for control in known if not control.link}
        return True


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _control_of(entry: dict[str, Any], device: int) -> Control:
    target = entry["target"]
    return Control(
        path=str(entry["path"]),
        device=device,
        inode=int(entry["inode"]),
        is_folder=bool(entry["is_folder"]),
        above=(device, int(entry["above"][1])),
        link=str(entry["link"]),
        target=(device, int(target[1])) if target else None,
        is_git=bool(entry["is_git"]),
    )
