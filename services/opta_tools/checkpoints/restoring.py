"""Gives paths of a workspace other states: all of them, or none when one cannot be changed.

A file `undo.json` with the states from before exists while files are being changed; the next worker goes back to them after a kill.
"""

import contextlib
import errno
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

import msgspec

from opta_core.logs import Log

from ..files.workspace import PathProblem, Workspace
from .file_state import ABSENT, UNKEPT, FileState, mode_of, unkept
from .kept_contents import KeptContents
from .workspace_snapshot import FILE_BYTES_MAX

# More files are synced to the disk together, which is faster than one by one; the file `undo.json` stays until then.
SYNCED_MAX = 20
log = Log("checkpoints")


@dataclass(frozen=True)
class Restoration:
    """One path, the state that it has and the state that it gets."""

    path: str
    now: FileState
    target: FileState


class CannotRestore(Exception):
    """Nothing was changed, or everything is as it was. `path` is the one that could not be changed."""

    def __init__(self, path: str, reason: str):
        super().__init__(reason)
        self.path = path


class _Saved(msgspec.Struct, frozen=True):
    """What a path held before, as the file `undo.json` has it."""

    path: str
    mode: int
    sha256: str


class _Undo(msgspec.Struct, frozen=True):
    root: str
    before: list[_Saved]


def state_of(workspace: Workspace, path: str) -> FileState:
    """What is at a path. Raises PathProblem, OSError."""
    try:
        folder, name = workspace.open_parent(path, create=False)
    except PathProblem as problem:
        if isinstance(problem.__cause__, FileNotFoundError | NotADirectoryError):
            return ABSENT
        raise
    try:
        seen = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISLNK(seen.st_mode):
            return FileState(mode_of(seen), os.fsencode(os.readlink(name, dir_fd=folder)))
        if not stat.S_ISREG(seen.st_mode):
            return FileState(mode_of(seen))
        if seen.st_size > FILE_BYTES_MAX:
            return FileState(mode_of(seen), unkept=unkept(seen.st_size, seen.st_mtime_ns))
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        with os.fdopen(descriptor, "rb") as handle:
            return FileState(mode_of(os.fstat(descriptor)), handle.read(FILE_BYTES_MAX + 1))
    except FileNotFoundError:
        return ABSENT
    finally:
        os.close(folder)


def restore(workspace: Workspace, wanted: list[Restoration], contents: KeptContents, folder: Path) -> list[str]:
    """Give every path its target; the folders that stay because they hold other files. Raises CannotRestore, OSError.

    `folder` gets the file `undo.json`, and `contents` what the paths hold now.
    """
    changed = [each for each in wanted if each.now != each.target]
    file = folder / "undo.json"
    contents.keep(each.now.content for each in changed if not each.now.unkept)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    before = [_Saved(each.path, each.now.mode, each.now.sha256) for each in changed]
    part = file.with_suffix(".part")
    part.write_bytes(msgspec.json.encode(_Undo(workspace.path, before)))
    part.replace(file)
    done: list[Restoration] = []
    try:
        staying = _apply(workspace, changed, done)
        if len(changed) > SYNCED_MAX:
            os.sync()
    except _PathError as problem:
        # If going back fails too, the file stays for the next worker.
        _go_back(workspace, done)
        file.unlink(missing_ok=True)
        raise CannotRestore(problem.path, _words(problem)) from problem
    file.unlink(missing_ok=True)
    return staying


def go_back_after_kill(contents: KeptContents, folder: Path) -> str:
    """Go back to the states from before an undo that a kill interrupted; the workspace, '' when there was none."""
    file = folder / "undo.json"
    try:
        undo = msgspec.json.decode(file.read_bytes(), type=_Undo)
    except FileNotFoundError:
        return ""
    except (OSError, msgspec.DecodeError) as error:
        log.error("an interrupted undo cannot be taken back", file=str(file), reason=error)
        return ""
    try:
        workspace = Workspace(undo.root)
    except PathProblem as problem:
        log.error("an interrupted undo cannot be taken back", workspace=undo.root, reason=problem)
        return ""
    try:
        back: list[Restoration] = []
        for saved in undo.before:
            content = contents.content(saved.sha256) if saved.sha256 and not saved.sha256.startswith(UNKEPT) else b""
            if content is not None:
                back.append(Restoration(saved.path, state_of(workspace, saved.path), FileState(saved.mode, content)))
        _apply(workspace, [each for each in back if each.now != each.target], [])
        file.unlink(missing_ok=True)
        return undo.root
    finally:
        workspace.close()


class _PathError(OSError):
    """An OSError with the path at which it happened."""

    def __init__(self, path: str, problem: OSError | PathProblem):
        super().__init__(getattr(problem, "errno", None), _words(problem))
        self.path = path


def _apply(workspace: Workspace, changed: list[Restoration], done: list[Restoration]) -> list[str]:
    """Remove, then make: what is in a folder goes before it, and comes after it. `done` gets what was changed. Returns folders that stay."""
    staying: list[str] = []
    deepest_first = sorted(changed, key=lambda each: each.path.count("/"), reverse=True)
    for each in sorted(deepest_first, key=lambda each: each.now.kind == "folder"):
        if each.now.mode and each.now.kind != each.target.kind and not _remove(workspace, each, done):
            staying.append(each.path)
    shallow_first = sorted(changed, key=lambda each: (each.target.kind != "folder", each.path.count("/")))
    for each in shallow_first:
        if each.target.mode and each.path not in staying:
            done.append(each)
            try:
                _put(workspace, each, is_synced=len(changed) <= SYNCED_MAX)
            except (OSError, PathProblem) as problem:
                raise _PathError(each.path, problem) from problem
    return staying


def _remove(workspace: Workspace, each: Restoration, done: list[Restoration]) -> bool:
    """Remove a path; False when it is a folder that holds other files. Raises _PathError."""
    try:
        folder, name = workspace.open_parent(each.path, create=False)
        try:
            if each.now.kind == "folder":
                os.rmdir(name, dir_fd=folder)
            else:
                os.unlink(name, dir_fd=folder)
        finally:
            os.close(folder)
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno == errno.ENOTEMPTY and not each.target.mode:
            return False
        raise _PathError(each.path, error) from error
    except PathProblem as problem:
        raise _PathError(each.path, problem) from problem
    done.append(each)
    return True


def _put(workspace: Workspace, each: Restoration, *, is_synced: bool) -> None:
    """Give a path its target. A file or a link is made beside it and renamed. Raises OSError, PathProblem."""
    target = each.target
    folder, name = workspace.open_parent(each.path, create=True)
    try:
        if target.kind == "folder":
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, 0o700, dir_fd=folder)
            _set_mode(folder, name, target.permissions)
            return
        part = f".{name[:80]}.{secrets.token_hex(4)}"
        try:
            if target.kind == "link":
                os.symlink(target.content, os.fsencode(part), dir_fd=folder)
            else:
                descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder)
                with os.fdopen(descriptor, "wb") as handle:
                    handle.write(target.content)
                    handle.flush()
                    os.fchmod(descriptor, target.permissions)
                    if is_synced:
                        os.fsync(descriptor)
            os.rename(part, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(part, dir_fd=folder)
            raise
    finally:
        os.close(folder)


def _set_mode(folder: int, name: str, permissions: int) -> None:
    descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        os.fchmod(descriptor, permissions)
    finally:
        os.close(descriptor)


def _go_back(workspace: Workspace, done: list[Restoration]) -> None:
    back = [Restoration(each.path, _now(workspace, each), each.now) for each in done]
    try:
        _apply(workspace, [each for each in back if each.now != each.target], [])
    except (OSError, PathProblem) as problem:
        log.error("an undo that failed could not be taken back whole", workspace=workspace.root, reason=problem)
        raise OSError(f"it failed, and going back failed too: {_words(problem)}") from problem


def _now(workspace: Workspace, each: Restoration) -> FileState:
    try:
        return state_of(workspace, each.path)
    except (OSError, PathProblem):
        return each.target


def _words(problem: BaseException) -> str:
    return (problem.strerror or str(problem)).lower() if isinstance(problem, OSError) else str(problem)
