"""Looks after a command whether it made control files that were not there, and puts aside what it made.

What is there when a command begins is mounted read-only and cannot be changed. What a command makes anew is taken
out of the workspace before its result is reported, and kept, so that a person can put it back. A new repository stays, without
hooks and without configuration that runs programs.
"""

import contextlib
import os
import re
import secrets
import shutil
import stat
from pathlib import Path

from opta_core.logs import Log

from .controls import Control, Controls, is_git_folder

CONFIG_BYTES_MAX = 64 * 1024
# What a new repository may be configured with: nothing here names a program or another place for configuration.
_CONFIG_KEPT = re.compile(
    r"core\.(repositoryformatversion|filemode|bare|logallrefupdates|ignorecase|precomposeunicode|symlinks|autocrlf|eol|worktree|longpaths|abbrev)"
    r"|remote\..*\.(url|fetch|pushurl|tagopt|mirror|promisor|partialclonefilter|prune)|branch\..*\.(remote|merge|rebase|pushremote|description)"
    r"|submodule\..*\.(url|active|update|branch|path|ignore|shallow)|submodule\.active|user\.(name|email)|init\.defaultbranch"
    r"|extensions\.(objectformat|partialclone|refstorage)|pull\.(rebase|ff)|push\.(default|autosetupremote)|lfs\.repositoryformatversion"
)
_SECTION = re.compile(r'\s*\[\s*([A-Za-z0-9.-]+)\s*(?:"((?:[^"\\\n]|\\["\\])*)")?\s*\]\s*$')
_KEY = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]*)\s*(=.*)?$")
log = Log("sandbox")


class Guard:
    """One workspace's. `aside`: the folder that takes what is put aside."""

    def __init__(self, controls: Controls, aside: Path):
        self._controls, self._aside = controls, aside
        self._known: dict[str, Control] = {}
        self._repositories: set[tuple[int, int]] = set()

    def begin(self) -> None:
        """Take what is there as it is. Only while nothing contained runs."""
        self._known = dict(self._controls.look())
        self._repositories = set(self._controls.git_folders().values())

    def end(self) -> list[str]:
        """Put aside what appeared since `begin`; what to say about each."""
        found = self._controls.look()
        identities = {(control.device, control.inode) for control in self._known.values()}
        notes: list[str] = []
        new = sorted((control for path, control in found.items() if self._is_new(path, control, identities)), key=lambda c: c.path)
        made = [control.path.rpartition("/")[0] for control in new if is_git_folder(control)]
        for control in new:
            if not is_git_folder(control) and not _is_within(control.path, made):
                notes += self._put_aside(control.path)
        for path, was in self._known.items():
            if was.link and ((now := found.get(path)) is None or now.link != was.link):
                notes += self._restore_link(path, was.link)
        repositories = self._controls.git_folders()
        for path, identity in repositories.items():
            if identity not in self._repositories:
                notes += self._clean_repository(path)
        if notes:
            self.begin()
        else:
            self._known, self._repositories = dict(found), set(repositories.values())
        return notes

    def _is_new(self, path: str, control: Control, identities: set[tuple[int, int]]) -> bool:
        # What was moved along with its folder is not new; what a person replaced meanwhile was known.
        return path not in self._known and (control.device, control.inode) not in identities

    def _put_aside(self, path: str) -> list[str]:
        above, name = self._parent(path)
        if above < 0:
            return []
        try:
            kept = self._take(above, name)
        except OSError as error:
            log.error("a control file could not be put aside", path=path, reason=error)
            return [
                f"{path} is a control file that this command made; it could not be put aside ({error.strerror}). Look at it before you use it."
            ]
        finally:
            os.close(above)
        log.warning("put aside", path=path, kept=kept)
        return [
            f"{path} is a control file, which commands do not make. It was put aside to {kept}. write_file makes it after asking a person."
        ]

    def _restore_link(self, path: str, link: str) -> list[str]:
        notes = self._put_aside(path)
        above, name = self._parent(path)
        if above >= 0:
            with contextlib.suppress(OSError):
                os.symlink(link, name, dir_fd=above)
                notes.append(f"{path} is the link again that it was.")
            os.close(above)
        return notes

    def _clean_repository(self, path: str) -> list[str]:
        """Keep a new repository, without what makes git run programs."""
        notes: list[str] = []
        try:
            git = self._controls.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            return []
        try:
            for name in ("config.worktree", "commondir", "info/attributes"):
                if _is_there(git, name):
                    notes += self._put_aside(f"{path}/{name}")
            for name in self._hooks(git):
                notes += self._put_aside(f"{path}/{name}")
            content = _config(git)
            if content is None and _is_there(git, "config"):
                notes += self._put_aside(f"{path}/config")
            elif content is not None and (kept := plain_config(content)) != content:
                notes += self._put_aside(f"{path}/config")
                descriptor = os.open("config", os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644, dir_fd=git)
                os.write(descriptor, kept.encode())
                os.close(descriptor)
        except OSError as error:
            log.error("a new repository could not be cleaned", path=path, reason=error)
            notes += self._put_aside(path)
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
            return self._controls.open(folder, os.O_RDONLY | os.O_DIRECTORY), name
        except OSError:
            return -1, name

    def _take(self, above: int, name: str) -> str:
        """Move something out of the workspace; where it is then. Raises OSError."""
        self._aside.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = f"{secrets.token_hex(3)}-{name.lstrip('.') or name}"
        aside = os.open(self._aside, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.rename(name, kept, src_dir_fd=above, dst_dir_fd=aside)
        except FileNotFoundError:
            return "nowhere: it was gone already"
        except OSError:
            # Another file system: what is small is copied, and then taken away.
            _copy(above, name, aside, kept)
            _remove(above, name)
        finally:
            os.close(aside)
        return str(self._aside / kept)


def plain_config(text: str) -> str:
    """A git configuration without every key that is not known to be harmless. Format: git-config, "Syntax"."""
    section, lines = "", list[str]()
    for line in text.split("\n"):
        if not line.strip() or line.lstrip().startswith(("#", ";")):
            lines.append(line)
        elif (head := _SECTION.match(line)) is not None:
            section = f"{head[1].lower()}.{head[2]}." if head[2] is not None else f"{head[1].lower()}."
            lines.append(line)
        elif (key := _KEY.match(line)) is not None and not line.rstrip().endswith("\\"):
            name = section + key[1].lower()
            if _CONFIG_KEPT.fullmatch(name) and _is_harmless(name, key[2] or ""):
                lines.append(line)
        else:
            # Not understood: neither this line nor what may belong to it is kept.
            section = "unknown."
    return "\n".join(lines)


def _is_harmless(name: str, value: str) -> bool:
    value = value.lstrip("= \t").strip('"')
    if name == "core.worktree":
        return not value.startswith("/") and value.strip("./").count("..") == 0
    if name.endswith((".url", ".pushurl")):
        # ext:: and other remote helpers run a program.
        return "::" not in value and not value.startswith("-")
    return not (name.startswith("submodule.") and value.startswith("!"))


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


def _is_within(path: str, folders: list[str]) -> bool:
    return any(path.startswith(f"{folder}/") for folder in folders if folder)


def _copy(above: int, name: str, target: int, kept: str) -> None:
    seen = os.stat(name, dir_fd=above, follow_symlinks=False)
    if stat.S_ISLNK(seen.st_mode):
        os.symlink(os.readlink(name, dir_fd=above), kept, dir_fd=target)
    elif stat.S_ISREG(seen.st_mode):
        source = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=above)
        copy = os.open(kept, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600, dir_fd=target)
        with os.fdopen(source, "rb") as reader, os.fdopen(copy, "wb") as writer:
            shutil.copyfileobj(reader, writer)
    elif stat.S_ISDIR(seen.st_mode):
        os.mkdir(kept, 0o700, dir_fd=target)
        inside = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)
        below = os.open(kept, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=target)
        try:
            for entry in os.listdir(inside):
                _copy(inside, entry, below, entry)
        finally:
            os.close(inside)
            os.close(below)


def _remove(above: int, name: str) -> None:
    if stat.S_ISDIR(os.stat(name, dir_fd=above, follow_symlinks=False).st_mode):
        shutil.rmtree(name, dir_fd=above)
    else:
        os.unlink(name, dir_fd=above)
