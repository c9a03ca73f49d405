"""What is at a path of a workspace now."""

import os
import stat

from ..files.workspace import PathProblem, Workspace
from .file_state import ABSENT, FileState, mode_of, unkept

# The content of a larger file is not kept.
FILE_BYTES_MAX = 16 * 1024 * 1024


def beneath(path: str) -> str:
    """A path as `Workspace` takes it: a name that begins with `~` is a name here, and no home."""
    return f"./{path}" if path else "."


def parent_of(workspace: Workspace, path: str) -> tuple[int, str]:
    """(descriptor of the folder that holds a path, its name). Raises PathProblem."""
    folder, _, name = path.rpartition("/")
    return workspace.open(beneath(folder), os.O_RDONLY | os.O_DIRECTORY, follows=False), name


def state_of(workspace: Workspace, path: str, *, exact: bool = False) -> FileState:
    """What is at a path. Raises PathProblem, OSError.

    `exact`: also where the file system does not distinguish upper and lower case, only a file of exactly this name counts.
    """
    try:
        folder, name = parent_of(workspace, path)
    except PathProblem as problem:
        if isinstance(problem.__cause__, FileNotFoundError | NotADirectoryError):
            return ABSENT
        raise
    try:
        if exact and name not in os.listdir(folder):
            return ABSENT
        return state_in(folder, name)
    finally:
        os.close(folder)


def state_in(folder: int, name: str) -> FileState:
    """What is at a name in an open folder. Raises OSError."""
    try:
        seen = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISLNK(seen.st_mode):
            return FileState(mode_of(seen), os.fsencode(os.readlink(name, dir_fd=folder)))
        if not stat.S_ISREG(seen.st_mode):
            return FileState(mode_of(seen))
        if seen.st_size > FILE_BYTES_MAX:
            return FileState(mode_of(seen), unkept=unkept(seen.st_size, seen.st_mtime_ns))
        content, seen = content_of(folder, name)
    except FileNotFoundError:
        return ABSENT
    if content is None:
        return FileState(mode_of(seen), unkept=unkept(seen.st_size, seen.st_mtime_ns))
    return FileState(mode_of(seen), content)


def content_of(folder: int, name: str) -> tuple[bytes | None, os.stat_result]:
    """A regular file's content, None when it is too large to be kept, and its state before it was read. Raises OSError."""
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    with os.fdopen(descriptor, "rb") as handle:
        seen = os.fstat(descriptor)
        if not stat.S_ISREG(seen.st_mode):
            raise OSError("it was replaced")
        content = handle.read(FILE_BYTES_MAX + 1) if seen.st_size <= FILE_BYTES_MAX else b""
        is_large = seen.st_size > FILE_BYTES_MAX or len(content) > FILE_BYTES_MAX
        return None if is_large else content, os.fstat(descriptor) if is_large else seen
