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
import secrets
import stat
from pathlib import Path
from typing import Any

from opta_core.logs import Log

from .controls import Control, Controls, is_placeholder
from .git_config import plain_config

CONFIG_BYTES_MAX = 64 * 1024
NOTES_MAX = 20
# Copies that break hard links: a command may hold another name of what it made.
_COPIED_BYTES_MAX, _COPIED_FILES_MAX = 4 * 1024 * 1024, 1000
_RUNS = re.compile(rb"^\s*(x|exec)\b", re.MULTILINE)
_GIT_STATES = ("rebase-merge/git-rebase-todo", "rebase-apply/git-rebase-todo", "sequencer/todo")
log = Log("sandbox")


class GuardError(Exception):
    """What commands made could not be looked at; nothing more runs until it can."""


class Guard:
    """One tree's. `aside`: the folder that takes what is put aside; `record`: a file that remembers what was known while commands run.

    `is_mounted`: what is known is mounted over itself, so that a command cannot replace it where it lies.
    """

    def __init__(self, controls: Controls, aside: Path, record: Path | None = None, *, is_mounted: bool = True):
        self._controls, self._aside, self._record, self._is_mounted = controls, aside, record, is_mounted
        self._known: dict[str, Control] = {}
        self._folders: set[tuple[int, int]] = set()
        self._was_bare = False
        self._deep: set[str] = set()
        self._is_running = False

    def begin(self) -> list[str]:
        """Take what is there as it is; what to say. Only while nothing contained runs. Raises GuardError."""
        notes: list[str] = []
        if not self._is_running and self._record is not None and self._record.exists():
            # A worker died while commands ran: what they made is looked at first.
            self._restore()
            notes = self.end()
        elif self._is_running:
            return self.end()
        self._known = dict(self._controls.look())
        self._folders = self._controls.folders
        self._was_bare, self._deep = self._controls.is_bare, set(self._controls.too_deep)
        self._is_running = True
        self._save()
        return notes

    def rest(self) -> None:
        """Nothing contained runs any more, and `end` has looked."""
        self._is_running = False
        if self._record is not None:
            with contextlib.suppress(OSError):
                self._record.unlink(missing_ok=True)

    def end(self) -> list[str]:
        """Put aside what appeared since `begin`; what to say about it. Raises GuardError."""
        try:
            return _short(self._end())
        except (OSError, RecursionError, ValueError) as error:
            log.error("control files could not be looked at", reason=error)
            raise GuardError(f"what commands made could not be looked at ({error}), so nothing more runs in this folder") from error

    def _end(self) -> list[str]:
        found = self._controls.look()
        notes: list[str] = []
        if self._controls.is_cut:
            raise GuardError("the workspace has more folders than can be looked at; remove what is not needed, or work in a part of it")
        ids = {control.identity for control in self._known.values()}
        new = sorted((control for control in found.values() if self._is_new(control, ids)), key=lambda control: control.path)
        made = [control for control in new if control.is_git]
        # In a repository that came whole, with a folder of its own, its other control files are part of what was asked for.
        whole = [folder for control in made if (folder := control.path.rpartition("/")[0]) and control.above not in self._folders]
        for control in new:
            parts = control.path.split("/")
            if control.is_git or ".git" in parts[:-1] or any(control.path.startswith(f"{git.path}/") for git in made):
                continue  # looked at with its repository
            if not any(control.path.startswith(f"{folder}/") for folder in whole):
                notes += self._put_aside(control.path)
        for control in new:
            notes += self._clean_part(control, found)
        for control in sorted(made, key=lambda control: control.path):
            notes += self._clean_repository(control.path)
        for path, was in self._known.items():
            if was.link:
                notes += self._check_link(path, was, found.get(path))
        notes += self._unfinished(found)
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
            if not self._is_new(control, ids) or (control.is_git and control.above != (0, 0))
        } | {path: was for path, was in self._known.items() if was.link}
        self._save()
        return notes

    def _is_new(self, control: Control, ids: set[tuple[int, int]]) -> bool:
        known = self._known.get(control.path)
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
            if is_placeholder(above, name) or name in ("modules", "worktrees", "info"):
                return []
            if name == "hooks" and not control.link:
                return [note for hook in self._hooks(above) for note in self._put_aside(f"{folder}/{hook}")]
            parts = control.path.split("/")
            if "worktrees" in parts[:-1]:
                # What `git worktree add` makes leads to the repository above it.
                if name == "commondir" and _text(above, name).strip() == "../..":
                    return []
                if name == "gitdir" or (len(parts) > 1 and parts[-2] == "worktrees"):
                    return []
            if name == "config" and found.get(folder) is not None:
                return []  # with its repository
        finally:
            os.close(above)
        return self._put_aside(control.path)

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

    def _unfinished(self, found: dict[str, Control]) -> list[str]:
        """Plans of a rebase that would run programs when a person goes on with it."""
        notes: list[str] = []
        for control in found.values():
            if control.is_git:
                with contextlib.suppress(OSError):
                    git = self._controls.open_folder(control.path)
                    try:
                        for name in _GIT_STATES:
                            if _RUNS.search(_text(git, name).encode()):
                                notes += self._put_aside(f"{control.path}/{name}")
                    finally:
                        os.close(git)
        return notes

    def _put_aside(self, path: str) -> list[str]:
        above, name = self._parent(path)
        if above < 0:
            return []
        try:
            kept = self._take(above, name)
        except FileNotFoundError:
            return []
        finally:
            os.close(above)
        log.warning("put aside", path=path, kept=kept)
        return [
            f"{_quoted(path)} is a control file, which commands do not make. It was put aside to {kept}. write_file makes it after asking a person."
        ]

    def _restore_link(self, path: str, link: str) -> list[str]:
        notes = self._put_aside(path)
        above, name = self._parent(path)
        if above >= 0:
            with contextlib.suppress(OSError):
                os.symlink(link, name, dir_fd=above)
                notes.append(f"{_quoted(path)} is the link again that it was.")
            os.close(above)
        return notes

    def _clean_repository(self, path: str) -> list[str]:
        """Keep a new repository, without what makes git run programs."""
        notes: list[str] = []
        try:
            git = self._controls.open_folder(path)
        except FileNotFoundError:
            return []
        try:
            for name in ("config.worktree", "commondir", "info/attributes"):
                if _is_there(git, name) and not is_placeholder(git, name):
                    notes += self._put_aside(f"{path}/{name}")
            for name in self._hooks(git):
                notes += self._put_aside(f"{path}/{name}")
            content = _config(git)
            if content is None and _is_there(git, "config"):
                notes += self._put_aside(f"{path}/config")
            elif content is not None and (kept := plain_config(content, path)) != content:
                notes += self._put_aside(f"{path}/config")
                descriptor = os.open("config", os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644, dir_fd=git)
                os.write(descriptor, kept.encode())
                os.close(descriptor)
        finally:
            os.close(git)
        return notes

    def _hooks(self, git: int) -> list[str]:
        if not _is_there(git, "hooks"):
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
        except OSError:
            return -1, name

    def _take(self, above: int, name: str) -> str:
        """Move something out of the workspace; where it is then. Raises OSError."""
        self._aside.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = f"{secrets.token_hex(4)}-{re.sub(r'[^A-Za-z0-9._-]', '_', name.lstrip('.'))[:60]}"
        seen = os.stat(name, dir_fd=above, follow_symlinks=False)
        # Without these rights it could be neither moved into another folder nor out of this one.
        _make_writable(above)
        if stat.S_ISDIR(seen.st_mode):
            folder = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)
            _make_writable(folder)
            os.close(folder)
        aside = os.open(self._aside, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            try:
                os.rename(name, kept, src_dir_fd=above, dst_dir_fd=aside)
            except FileNotFoundError:
                raise
            except OSError:
                # Another file system: under a name that no program looks for, where it is.
                os.rename(name, f"put-aside-{kept}", src_dir_fd=above, dst_dir_fd=above)
                return f"put-aside-{kept} beside it"
            _break_links(aside, kept)
        finally:
            os.close(aside)
        return str(self._aside / kept)

    def _save(self) -> None:
        if self._record is not None:
            with contextlib.suppress(OSError):
                self._record.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                content = {"known": [control.__dict__ for control in self._known.values()], "folders": sorted(self._folders)}
                part = self._record.with_suffix(".part")
                part.write_text(json.dumps(content))
                part.rename(self._record)

    def _restore(self) -> None:
        assert self._record is not None
        try:
            content = json.loads(self._record.read_text())
            known = [_control_of(entry) for entry in content["known"]]
            self._folders = {(device, inode) for device, inode in content["folders"]}
        except (OSError, ValueError, TypeError, KeyError):
            return
        self._known = {control.path: control for control in known}


def _control_of(entry: dict[str, Any]) -> Control:
    target = entry["target"]
    return Control(
        path=str(entry["path"]),
        device=int(entry["device"]),
        inode=int(entry["inode"]),
        is_folder=bool(entry["is_folder"]),
        above=(int(entry["above"][0]), int(entry["above"][1])),
        link=str(entry["link"]),
        target=(int(target[0]), int(target[1])) if target else None,
        is_git=bool(entry["is_git"]),
    )


def _short(notes: list[str]) -> list[str]:
    return notes if len(notes) <= NOTES_MAX else [*notes[:NOTES_MAX], f"and {len(notes) - NOTES_MAX} more were put aside."]


def _quoted(path: str) -> str:
    """A path on one line, whatever it holds."""
    return path if path.isprintable() and len(path) <= 200 else ascii(path[:200])


def _make_writable(folder: int) -> None:
    with contextlib.suppress(OSError):
        mode = stat.S_IMODE(os.fstat(folder).st_mode)
        if mode & 0o700 != 0o700:
            os.chmod(f"/proc/self/fd/{folder}", mode | 0o700)


def _break_links(aside: int, name: str) -> None:
    """Give what was put aside files of its own: one with another name in the workspace could still be written there."""
    waiting = [name]
    count = 0
    while waiting and count < _COPIED_FILES_MAX:
        path = waiting.pop()
        count += 1
        with contextlib.suppress(OSError):
            seen = os.stat(path, dir_fd=aside, follow_symlinks=False)
            if stat.S_ISDIR(seen.st_mode):
                folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=aside)
                waiting += [f"{path}/{entry}" for entry in os.listdir(folder)]
                os.close(folder)
            elif stat.S_ISREG(seen.st_mode) and seen.st_nlink > 1:
                source = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=aside)
                with os.fdopen(source, "rb") as handle:
                    content = handle.read(_COPIED_BYTES_MAX)
                os.unlink(path, dir_fd=aside)
                copy = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600, dir_fd=aside)
                with os.fdopen(copy, "wb") as handle:
                    handle.write(content)


def _text(folder: int, name: str) -> str:
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return ""
    with os.fdopen(descriptor, "rb") as handle:
        return handle.read(CONFIG_BYTES_MAX).decode(errors="replace") if stat.S_ISREG(os.fstat(descriptor).st_mode) else ""


def _config(git: int) -> str | None:
    try:
        descriptor = os.open("config", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=git)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as handle:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        content = handle.read(CONFIG_BYTES_MAX + 1)
    try:
        return content.decode() if len(content) <= CONFIG_BYTES_MAX else None
    except UnicodeDecodeError:
        return None


def _is_there(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
        return True
    except OSError:
        return False
