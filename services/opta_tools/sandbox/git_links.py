"""Finds the repository of a worktree or submodule when it lies outside the workspace.

A `.git` that is a file names another folder. It counts only if that folder also names the workspace. Git writes that, and no file in a
workspace can, so a planted `.git` file does not reveal another repository. Format: gitrepository-layout.
"""

import os
import re
import stat

FILE_BYTES_MAX = 4096


def repositories(root: int, workspace: str) -> tuple[tuple[str, int, int], ...]:
    """(real path, device, inode) of the repository that an opened workspace is a worktree or submodule of; () if there is none."""
    try:
        content = _read(root, ".git")
    except OSError:
        return ()
    match = re.fullmatch(r"gitdir: (.+?)\n*", content)
    if match is None:
        return ()
    folder = os.path.realpath(os.path.join(workspace, match[1]))
    if folder == workspace or folder.startswith(f"{workspace}/"):
        return ()
    for found in (_worktree(folder, workspace), _submodule(folder, workspace)):
        if found:
            seen = os.stat(found)
            if stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.getuid():
                return ((found, seen.st_dev, seen.st_ino),)
    return ()


def _worktree(folder: str, workspace: str) -> str:
    """The common git folder of a worktree; '' when `folder` does not belong to this workspace."""
    try:
        at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        back = _read(at, "gitdir").strip()
        common = os.path.realpath(os.path.join(folder, _read(at, "commondir").strip()))
    except OSError:
        return ""
    finally:
        os.close(at)
    is_ours = os.path.realpath(back) == f"{workspace}/.git" and folder.startswith(f"{common}/worktrees/")
    return common if is_ours and os.path.exists(f"{common}/HEAD") else ""


def _submodule(folder: str, workspace: str) -> str:
    try:
        at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        config = _read(at, "config", 65536)
    except OSError:
        return ""
    finally:
        os.close(at)
    tree = re.search(r"^\s*worktree\s*=\s*(.+?)\s*$", config, re.MULTILINE)
    return folder if tree and os.path.realpath(os.path.join(folder, tree[1])) == workspace else ""


def _read(folder: int, name: str, bytes_max: int = FILE_BYTES_MAX) -> str:
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    with os.fdopen(descriptor, "rb") as handle:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "not a file", name)
        return handle.read(bytes_max).decode(errors="replace")
