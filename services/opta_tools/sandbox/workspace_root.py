"""Opens the folder of a workspace for a sandbox, without following a symbolic link."""

import os

from ..result import ToolProblem
from . import linux


def open_workspace(path: str, identity: str = "") -> tuple[int, str]:
    """(descriptor of a workspace, its real path). `identity`: the "device:inode" that it must have, '' for any. Raises ToolProblem."""
    real = os.path.realpath(path)
    try:
        flags = linux.RESOLVE_NO_SYMLINKS | linux.RESOLVE_NO_MAGICLINKS
        root = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            descriptor = linux.openat2(root, real.lstrip("/") or ".", os.O_RDONLY | os.O_DIRECTORY, flags)
        finally:
            os.close(root)
    except OSError as error:
        raise ToolProblem(f"the workspace {path} cannot be opened: {error.strerror}", "path") from error
    seen = os.fstat(descriptor)
    if identity and identity != f"{seen.st_dev}:{seen.st_ino}":
        os.close(descriptor)
        raise ToolProblem(f"the workspace {path} is no longer the folder in which this session began; start a new session", "path")
    return descriptor, real
