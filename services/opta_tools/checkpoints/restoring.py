"""Gives paths of a workspace other states: all of them, or none when one cannot be changed.

A file `undo.json` with the states before and after exists while files are being changed; the next worker goes back with it after a kill.
Going back touches only what the undo made: what a person changed since stays.
"""

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Generator
from pathlib import Path

import msgspec

from opta_core.logs import Log

from ..files.workspace import PathProblem, Workspace
from . import path_steps
from .file_state import UNKEPT, FileState
from .kept_contents import KeptContents
from .path_states import beneath, state_of
from .path_steps import ASIDE, ChangedMeanwhile, Restoration

# More files are synced to the disk together, which is faster than one by one; the file `undo.json` stays until then.
SYNCED_MAX = 20
log = Log("checkpoints")


class CannotRestore(Exception):
    """Nothing was changed, or everything is as it was. `path` is the one that could not be changed."""

    def __init__(self, path: str, reason: str):
        super().__init__(reason)
        self.path = path


class _Saved(msgspec.Struct, frozen=True):
    """What a path held before, and what it gets; as the file `undo.json` has it."""

    path: str
    mode: int
    sha256: str
    targetMode: int
    targetSha256: str

    @property
    def restoration(self) -> Restoration:
        """The same without contents."""
        return Restoration(self.path, FileState(self.mode), FileState(self.targetMode))

    @property
    def is_content_kept(self) -> bool:
        """Whether what the path held is among the kept contents."""
        return not self.sha256.startswith(UNKEPT)


class _Undo(msgspec.Struct, frozen=True):
    """`aside`: the folder of what was put aside. `is_whole`: all is done, only that folder is to be removed."""

    root: str
    aside: str
    before: list[_Saved]
    is_whole: bool = False


class _PathError(OSError):
    """An OSError with the path at which it happened."""

    def __init__(self, path: str, problem: OSError | PathProblem):
        super().__init__(getattr(problem, "errno", None), _words(problem))
        self.path = path


def restore(workspace: Workspace, wanted: list[Restoration], contents: KeptContents, folder: Path) -> list[str]:
    """Give every path its target; the folders that stay because they hold other files. Raises CannotRestore, OSError.

    `folder` gets the file `undo.json`, and `contents` what the paths hold now.
    """
    changed = [each for each in wanted if each.now != each.target]
    if not changed:
        return []
    file = folder / "undo.json"
    if file.exists():
        go_back_after_kill(contents, folder)
    contents.keep(each.now.content for each in changed if not each.now.unkept)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    saved = [_Saved(each.path, each.now.mode, each.now.sha256, each.target.mode, each.target.sha256) for each in changed]
    undo = _Undo(workspace.path, f"{ASIDE}-{secrets.token_hex(4)}", saved)
    _write(file, undo)
    try:
        staying = _apply(workspace, changed, undo.aside)
        if len(changed) > SYNCED_MAX:
            os.sync()
        _write(file, msgspec.structs.replace(undo, is_whole=True))
    except (OSError, PathProblem) as problem:
        # If going back fails too, the file stays for the next worker.
        _go_back(workspace, undo, contents)
        file.unlink(missing_ok=True)
        raise CannotRestore(getattr(problem, "path", changed[0].path), _words(problem)) from problem
    _remove_aside(workspace, undo.aside)
    file.unlink(missing_ok=True)
    return staying


def go_back_after_kill(contents: KeptContents, folder: Path) -> str:
    """Go back to the states from before an undo that a kill interrupted; the workspace, '' when there was nothing to do.

    Raises OSError, PathProblem.
    """
    file = folder / "undo.json"
    try:
        undo = msgspec.json.decode(file.read_bytes(), type=_Undo)
    except FileNotFoundError:
        return ""
    except msgspec.DecodeError as error:
        file.replace(file.with_suffix(".damaged"))
        raise OSError(f"its record is damaged: {error}") from error
    workspace = Workspace(undo.root)
    try:
        if undo.is_whole:
            _remove_aside(workspace, undo.aside)
        else:
            _go_back(workspace, undo, contents)
        file.unlink(missing_ok=True)
        return "" if undo.is_whole else undo.root
    finally:
        workspace.close()


def interrupted_in(folder: Path) -> str:
    """The workspace of the undo that was interrupted, by the file `undo.json` in `folder`; '' when it cannot be known."""
    with contextlib.suppress(OSError, msgspec.DecodeError):
        return msgspec.json.decode((folder / "undo.json").read_bytes(), type=_Undo).root
    return ""


def _apply(workspace: Workspace, changed: list[Restoration], aside_name: str) -> list[str]:
    """Remove, then make: what is in a folder goes before it, and comes after it. Returns folders that stay. Raises _PathError."""
    numbers = {each.path: number for number, each in enumerate(changed)}
    staying: list[str] = []
    top = workspace.open(".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.mkdir(aside_name, 0o700, dir_fd=top)
    except OSError as error:
        raise _PathError(aside_name, error) from error
    finally:
        os.close(top)
    aside = workspace.open(aside_name, os.O_RDONLY | os.O_DIRECTORY, follows=False)
    try:
        folders = sorted((each for each in changed if "folder" in (each.now.kind, each.target.kind)), key=_depth)
        for each in folders:
            if each.now.kind == "folder":
                path_steps.loosen(workspace, each.path)
        for each in sorted(changed, key=lambda each: (each.now.kind == "folder", -_depth(each))):
            if each.now.mode and each.now.kind != each.target.kind:
                with _named(each.path):
                    if each.now.kind != "folder":
                        path_steps.put_aside(workspace, each, aside, numbers[each.path])
                    elif not _is_removed(workspace, each):
                        staying.append(each.path)
        for each in folders:
            if each.target.kind == "folder" != each.now.kind:
                with _named(each.path):
                    path_steps.make_folder(workspace, each.path)
        for each in changed:
            if each.target.mode and each.target.kind != "folder":
                with _named(each.path):
                    _give(workspace, each, aside, numbers[each.path], is_synced=len(changed) <= SYNCED_MAX)
        for each in reversed(folders):
            if each.target.kind == "folder" or each.path in staying:
                with _named(each.path):
                    path_steps.set_permissions(workspace, each.path, (each.target if each.target.mode else each.now).permissions)
    finally:
        os.close(aside)
    return staying


def _give(workspace: Workspace, each: Restoration, aside: int, number: int, *, is_synced: bool) -> None:
    if path_steps.is_mode_only(each):
        if state_of(workspace, each.path) != each.now:
            raise ChangedMeanwhile
        path_steps.set_permissions(workspace, each.path, each.target.permissions)
    elif each.now.kind != each.target.kind:
        path_steps.make(workspace, each, aside, number, is_synced=is_synced)
    elif each.target.kind == "link":
        path_steps.put_aside(workspace, each, aside, number)
        path_steps.make(workspace, each, aside, number, is_synced=is_synced)
    else:
        path_steps.replace(workspace, each, aside, number, is_synced=is_synced)


def _is_removed(workspace: Workspace, each: Restoration) -> bool:
    """Remove a folder; False when it stays, because it holds other files. Raises OSError, PathProblem."""
    try:
        path_steps.remove_folder(workspace, each.path)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            if not each.target.mode:
                return False
            raise OSError("it holds other files") from error
        raise
    return True


def _go_back(workspace: Workspace, undo: _Undo, contents: KeptContents) -> None:
    """Go back from as much of an undo as was done. Raises OSError when that fails, with the place of what was put aside."""
    try:
        _take_back(workspace, undo, contents)
        _remove_aside(workspace, undo.aside)
    except (OSError, PathProblem) as problem:
        log.error("an undo that failed could not be taken back whole", workspace=workspace.root, reason=problem)
        raise OSError(
            f"it failed, and going back failed too: {_words(problem)}. What was put aside is in {workspace.root}/{undo.aside}"
        ) from problem


def _take_back(workspace: Workspace, undo: _Undo, contents: KeptContents) -> None:
    try:
        aside = workspace.open(undo.aside, os.O_RDONLY | os.O_DIRECTORY, follows=False)
    except PathProblem as problem:
        if isinstance(problem.__cause__, FileNotFoundError):
            # It is made before anything else.
            return
        raise
    try:
        folders = sorted((each for each in undo.before if stat.S_ISDIR(each.mode)), key=lambda each: each.path.count("/"))
        for each in folders:
            path_steps.loosen(workspace, each.path)
        made = sorted((each for each in undo.before if each.targetMode), key=lambda each: -each.path.count("/"))
        for number, each in enumerate(undo.before):
            with contextlib.suppress(PathProblem, FileNotFoundError), path_steps.folder_of(workspace, each.path) as (folder, _):
                os.unlink(path_steps.part_name(aside, number), dir_fd=folder)
        for each in made:
            _unmake(workspace, each)
        for each in folders:
            if not state_of(workspace, each.path).mode:
                path_steps.make_folder(workspace, each.path)
        for number, each in enumerate(undo.before):
            _bring_back(workspace, each, aside, number, contents)
        for each in reversed(folders):
            if state_of(workspace, each.path).kind == "folder":
                path_steps.set_permissions(workspace, each.path, each.mode & 0o777)
    finally:
        os.close(aside)


def _unmake(workspace: Workspace, each: _Saved) -> None:
    """Remove what the undo made where nothing, or something of another kind, was."""
    kind = each.restoration.now.kind
    if kind == each.restoration.target.kind and kind != "link":
        return
    now = state_of(workspace, each.path)
    if not now.mode or now.kind == kind:
        return
    if now.kind == "folder":
        # What somebody has put in it since stays, with it.
        with contextlib.suppress(OSError):
            path_steps.remove_folder(workspace, each.path)
    elif (now.mode, now.sha256) == (each.targetMode, each.targetSha256):
        path_steps.remove_file(workspace, each.path)


def _bring_back(workspace: Workspace, each: _Saved, aside: int, number: int, contents: KeptContents) -> None:
    """Bring a file or a link back, unless somebody has changed it since."""
    if stat.S_ISDIR(each.mode) or not each.mode:
        return
    now = state_of(workspace, each.path)
    is_undone_state = (now.mode, now.sha256) == (each.targetMode, each.targetSha256)
    try:
        os.stat(str(number), dir_fd=aside, follow_symlinks=False)
    except FileNotFoundError:
        if is_undone_state and each.sha256 == each.targetSha256:
            path_steps.set_permissions(workspace, each.path, each.mode & 0o777)
        return
    if not now.mode:
        path_steps.bring_back(workspace, each.path, aside, number)
    elif is_undone_state:
        path_steps.bring_back_over(workspace, each.path, aside, number)
    elif (now.mode, now.sha256) != (each.mode, each.sha256):
        log.warning("what was changed since an undo that was taken back stays", workspace=workspace.root, path=each.path)
        if not each.is_content_kept or contents.content(each.sha256) is None:
            raise OSError(f"{each.path} was changed since")


def _remove_aside(workspace: Workspace, name: str) -> None:
    """Remove the folder of what was put aside, which holds no folders. Raises OSError, PathProblem."""
    try:
        aside = workspace.open(beneath(name), os.O_RDONLY | os.O_DIRECTORY, follows=False)
    except PathProblem as problem:
        if isinstance(problem.__cause__, FileNotFoundError):
            return
        raise
    top = workspace.open(".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        for inner in os.listdir(aside):
            os.unlink(inner, dir_fd=aside)
        os.rmdir(name, dir_fd=top)
    finally:
        os.close(aside)
        os.close(top)


@contextlib.contextmanager
def _named(path: str) -> Generator[None, None, None]:
    """Raises _PathError for every problem with the path."""
    try:
        yield
    except (OSError, PathProblem) as problem:
        raise _PathError(path, problem) from problem


def _write(file: Path, undo: _Undo) -> None:
    part = file.with_suffix(".part")
    part.write_bytes(msgspec.json.encode(undo))
    part.replace(file)


def _depth(each: Restoration) -> int:
    return each.path.count("/")


def _words(problem: BaseException) -> str:
    return (problem.strerror or str(problem)).lower() if isinstance(problem, OSError) else str(problem)
