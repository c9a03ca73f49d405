"""Changes one path of a workspace so that no content is lost: what it held is put aside, and looked at there once more.

Nobody can write between the look at a file and its change: a file is looked at after it was renamed, and a new one never replaces
another. What is put aside lies in the folder `ASIDE` at the top of the workspace until the undo is whole.
"""

import contextlib
import os
import stat
import sys
from collections.abc import Generator
from dataclasses import dataclass

from ..files.workspace import PathProblem, Workspace
from .file_state import FileState
from .path_states import parent_of, state_in

ASIDE = ".opta-undo"


@dataclass(frozen=True)
class Restoration:
    """One path, the state that it has and the state that it gets."""

    path: str
    now: FileState
    target: FileState


class ChangedMeanwhile(OSError):
    """Somebody changed the path since it was looked at."""

    def __init__(self) -> None:
        super().__init__("it was changed just now")


@contextlib.contextmanager
def folder_of(workspace: Workspace, path: str) -> Generator[tuple[int, str], None, None]:
    """(descriptor of the folder that holds a path, its name). Raises PathProblem."""
    folder, name = parent_of(workspace, path)
    try:
        yield folder, name
    finally:
        os.close(folder)


def is_mode_only(each: Restoration) -> bool:
    """Whether only the permissions change."""
    now, target = each.now, each.target
    return now.mode != 0 and now.kind == target.kind and (now.content, now.unkept) == (target.content, target.unkept)


def put_aside(workspace: Workspace, each: Restoration, aside: int, number: int) -> None:
    """Move a file or a link into the open folder `aside`, under its number. Raises OSError, PathProblem; then it is where it was."""
    with folder_of(workspace, each.path) as (folder, name):
        os.rename(name, str(number), src_dir_fd=folder, dst_dir_fd=aside)
        if state_in(aside, str(number)) != each.now:
            _place(aside, str(number), folder, name)
            raise ChangedMeanwhile


def replace(workspace: Workspace, each: Restoration, aside: int, number: int, *, is_synced: bool) -> None:
    """Give a file another content. Readers see the old file or the new one. Raises OSError, PathProblem; then it is as it was."""
    with folder_of(workspace, each.path) as (folder, name):
        part = _written(folder, aside, number, each.target, is_synced=is_synced)
        try:
            os.link(name, str(number), src_dir_fd=folder, dst_dir_fd=aside, follow_symlinks=False)
        except OSError:
            # A file system without hard links
            os.rename(name, str(number), src_dir_fd=folder, dst_dir_fd=aside)
            _place(folder, part, folder, name)
        else:
            os.rename(part, name, src_dir_fd=folder, dst_dir_fd=folder)
        if state_in(aside, str(number)) != each.now:
            os.rename(str(number), name, src_dir_fd=aside, dst_dir_fd=folder)
            raise ChangedMeanwhile


def make(workspace: Workspace, each: Restoration, aside: int, number: int, *, is_synced: bool) -> None:
    """Make a file or a link where nothing is. Raises OSError, PathProblem."""
    with folder_of(workspace, each.path) as (folder, name):
        try:
            if each.target.kind == "link":
                os.symlink(each.target.content, os.fsencode(name), dir_fd=folder)
            else:
                _place(folder, _written(folder, aside, number, each.target, is_synced=is_synced), folder, name)
        except FileExistsError:
            raise ChangedMeanwhile from None


def make_folder(workspace: Workspace, path: str) -> None:
    """Make a folder that its owner may write. Raises OSError, PathProblem."""
    with folder_of(workspace, path) as (folder, name):
        try:
            os.mkdir(name, 0o700, dir_fd=folder)
        except FileExistsError:
            raise ChangedMeanwhile from None


def remove_folder(workspace: Workspace, path: str) -> None:
    """Remove an empty folder. Raises OSError, PathProblem."""
    with folder_of(workspace, path) as (folder, name):
        os.rmdir(name, dir_fd=folder)


def remove_file(workspace: Workspace, path: str) -> None:
    """Remove a file or a link. Raises OSError, PathProblem."""
    with folder_of(workspace, path) as (folder, name):
        os.unlink(name, dir_fd=folder)


def bring_back(workspace: Workspace, path: str, aside: int, number: int) -> None:
    """Move what was put aside to its place, where nothing may be now. Raises OSError, PathProblem."""
    with folder_of(workspace, path) as (folder, name):
        _place(aside, str(number), folder, name)


def bring_back_over(workspace: Workspace, path: str, aside: int, number: int) -> None:
    """Move what was put aside to its place, over the file that was made there. Raises OSError, PathProblem."""
    with folder_of(workspace, path) as (folder, name):
        os.rename(str(number), name, src_dir_fd=aside, dst_dir_fd=folder)


def set_permissions(workspace: Workspace, path: str, permissions: int) -> None:
    """Set the permissions of a file or a folder; set-id bits and the sticky bit stay. Raises OSError, PathProblem."""
    with folder_of(workspace, path) as (folder, name):
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode & 0o7777
        if mode & 0o777 != permissions:
            _chmod(folder, name, (mode & 0o7000) | permissions)


def loosen(workspace: Workspace, path: str) -> None:
    """Let the owner list and write a folder, as far as it may be changed. What cannot be is met again where it matters."""
    with contextlib.suppress(OSError, PathProblem), folder_of(workspace, path) as (folder, name):
        seen = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISDIR(seen.st_mode) and seen.st_mode & 0o700 != 0o700:
            _chmod(folder, name, (seen.st_mode & 0o7777) | 0o700)


def _chmod(folder: int, name: str, mode: int) -> None:
    """chmod(2) that follows no link, also for what cannot be opened."""
    if sys.platform != "linux":
        os.chmod(name, mode, dir_fd=folder, follow_symlinks=False)
        return
    descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        os.chmod(f"/proc/self/fd/{descriptor}", mode)
    finally:
        os.close(descriptor)


def part_name(aside: int, number: int) -> str:
    """The name of a new file until it gets its place."""
    return f"{ASIDE}-{os.fstat(aside).st_ino}-{number}"


def _written(folder: int, aside: int, number: int, target: FileState, *, is_synced: bool) -> str:
    """A new file with the target's content beside its place, so that it gets what that folder gives to files; its name."""
    part = part_name(aside, number)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(part, dir_fd=folder)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(target.content)
            handle.flush()
            os.fchmod(descriptor, target.permissions)
            if is_synced:
                os.fsync(descriptor)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(part, dir_fd=folder)
        raise
    return part


def _place(source: int, part: str, folder: int, name: str) -> None:
    """Rename without replacing anything. Raises ChangedMeanwhile, OSError; then `part` is removed unless it was put aside."""
    try:
        os.link(part, name, src_dir_fd=source, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        if source == folder:
            os.unlink(part, dir_fd=source)
        raise ChangedMeanwhile from None
    except OSError:
        # A file system without hard links
        with contextlib.suppress(FileNotFoundError):
            os.stat(name, dir_fd=folder, follow_symlinks=False)
            raise ChangedMeanwhile from None
        os.rename(part, name, src_dir_fd=source, dst_dir_fd=folder)
    else:
        os.unlink(part, dir_fd=source)
