"""The only access to the files of a workspace: paths are resolved beneath the descriptor of its folder, never as strings.

Linux: openat2 with RESOLVE_BENEATH, so that no symbolic link, `..` or race leads out. Elsewhere: a walk of one component at a time that
follows no symbolic link.
"""

import ctypes
import errno
import os
import stat
import sys
from collections.abc import Iterable
from functools import cached_property
from pathlib import PurePosixPath
from typing import ClassVar

from opta_core.errors import Refused
from opta_core.policy.actions import is_secret
from opta_core.policy.workspaces import is_hidden_in_home

from .open_path import path_of

_SYS_OPENAT2 = 437
_RESOLVE_NO_MAGICLINKS, _RESOLVE_NO_SYMLINKS, _RESOLVE_BENEATH = 0x02, 0x04, 0x08
PATH_BYTES_MAX = 4000


class PathProblem(Refused):
    """A path that must not or cannot be opened. The message is for the model."""


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


_libc = ctypes.CDLL(None, use_errno=True)


class Workspace:
    """The folder that a session works in, held open.

    `identity`: "device:inode" of the folder when the session began (`session.start`); a different folder is refused with PathProblem.
    """

    # Set once at start: the daemon's folders, which no workspace shows except `workspaces_folder`, and the person's home.
    hidden_folders: ClassVar[tuple[str, ...]] = ()
    workspaces_folder: ClassVar[str] = ""
    # Holds the /tmp of each session; one of them can be opened as a workspace, which shows only itself.
    tmps_folder: ClassVar[str] = ""
    home: ClassVar[str] = ""
    # The user's skills, which can be opened as a workspace that is read.
    skills_folder: ClassVar[str] = ""

    @classmethod
    def hide(cls, hidden_folders: Iterable[str], workspaces_folder: str, home: str, tmps_folder: str = "", skills_folder: str = "") -> None:
        """Set what no workspace of this process shows. The paths are real paths."""
        cls.skills_folder = skills_folder
        cls.hidden_folders, cls.workspaces_folder, cls.home = tuple(hidden_folders), workspaces_folder, home
        cls.tmps_folder = tmps_folder

    @classmethod
    def hidden(cls) -> tuple[tuple[str, ...], str, str, str, str]:
        """The arguments of `hide`, for a child process that searches."""
        return cls.hidden_folders, cls.workspaces_folder, cls.home, cls.tmps_folder, cls.skills_folder

    def __init__(self, root: str, identity: str = ""):
        self.root = root
        try:
            self._descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise PathProblem(f"the workspace {root} cannot be opened: {_why(error)}") from error
        found = os.fstat(self._descriptor)
        if identity and identity != f"{found.st_dev}:{found.st_ino}":
            os.close(self._descriptor)
            raise PathProblem(f"the workspace {root} is no longer the folder in which this session began; start a new session")

    def shows(self, relative: str) -> bool:
        """Whether a relative path is shown. In a home, the files of programs are hidden."""
        return self._is_not_home or not is_hidden_in_home(relative.split("/", 1)[0]) or relative == "."

    @cached_property
    def _is_not_home(self) -> bool:
        return not self.home or self.path != self.home

    @property
    def path(self) -> str:
        """The real path of the folder. Raises PathProblem."""
        try:
            return path_of(self._descriptor, lambda: self.root)
        except OSError as error:
            raise PathProblem(f"the path of the workspace {self.root} cannot be determined: {_why(error)}; start a new session") from error

    def close(self) -> None:
        """Close the folder."""
        os.close(self._descriptor)

    def relative(self, path: str) -> str:
        """`path` relative to the root ('.' for the root itself). Raises PathProblem."""
        if "\0" in path:
            raise PathProblem("a path must not contain a NUL character")
        try:
            os.fsencode(path)
        except UnicodeEncodeError:
            raise PathProblem("the path contains half of a surrogate pair") from None
        if len(os.fsencode(path)) > PATH_BYTES_MAX:
            raise PathProblem("the path is too long")
        if path.startswith("~"):
            raise PathProblem(f"{path} is outside the workspace")
        if path.startswith("/"):
            # Models often give the absolute path; beneath the root it means the same file.
            try:
                path = str(PurePosixPath(path).relative_to(self.root))
            except ValueError:
                raise PathProblem(f"{path} is outside the workspace") from None
        parts = [part for part in path.split("/") if part not in ("", ".")]
        if parts and not self.shows(parts[0]):
            raise PathProblem(f"{path} is hidden, because the workspace is the whole home; work in a project's folder")
        if ".." in parts:
            raise PathProblem(f"{path} is outside the workspace" if _leads_out(parts) else f"{path}: give the path without '..'")
        return "/".join(parts) or "."

    def open(self, path: str, flags: int, mode: int = 0o600, *, follows: bool = True) -> int:
        """A descriptor for `path` beneath the root. If `follows` is false, no symbolic link is followed. Raises PathProblem."""
        relative = self.relative(path)
        try:
            if sys.platform == "linux" and _has_openat2():
                descriptor = _openat2(self._descriptor, relative, flags | os.O_CLOEXEC, mode, follows=follows)
            else:
                descriptor = _walk(self._descriptor, relative, flags | os.O_CLOEXEC, mode)
        except OSError as error:
            raise PathProblem(_explain(error, path, follows=follows)) from error
        real = self.real_path(descriptor, path)
        is_hidden = any(real == folder or real.startswith(f"{folder}/") for folder in self.hidden_folders)
        is_workspace = bool(self.workspaces_folder) and real.startswith(f"{self.workspaces_folder}/")
        if is_hidden and not is_workspace and not self._is_in_session_tmp(real) and not self._is_in_skills(real):
            os.close(descriptor)
            raise PathProblem(f"{path} belongs to Opta itself")
        return descriptor

    def _is_in_session_tmp(self, real: str) -> bool:
        """Whether this workspace is the /tmp of a session, and `real` lies in it."""
        root = self.path
        return (
            bool(self.tmps_folder)
            and os.path.dirname(os.path.dirname(root)) == self.tmps_folder
            and (real == root or real.startswith(f"{root}/"))
        )

    def _is_in_skills(self, real: str) -> bool:
        """Whether this workspace is the folder of the user's skills, and `real` lies in it."""
        return bool(self.skills_folder) and self.path == self.skills_folder and f"{real}/".startswith(f"{self.skills_folder}/")

    def open_regular(self, path: str, *, follows: bool = True) -> int:
        """A descriptor for reading a regular file. Devices, FIFOs and sockets are refused without blocking. Raises PathProblem."""
        descriptor = self.open(path, os.O_RDONLY | os.O_NONBLOCK, follows=follows)
        kind = os.fstat(descriptor).st_mode
        # The target of a link is judged by its real name.
        real = self.real_path(descriptor, path)
        if is_secret(real) and not is_secret(path):
            os.close(descriptor)
            raise PathProblem(f"{path} leads to {real.rsplit('/', 1)[-1]}, which may hold credentials; name that file itself")
        if stat.S_ISREG(kind):
            return descriptor
        os.close(descriptor)
        raise PathProblem(f"{path} is a folder" if stat.S_ISDIR(kind) else f"{path} is not a regular file")

    def real_path(self, descriptor: int, path: str) -> str:
        """The real path of an opened descriptor. When it cannot be determined, the descriptor is closed and PathProblem is raised."""
        try:
            return path_of(descriptor, lambda: f"{self.path}/{self.relative(path)}")
        except OSError as error:
            os.close(descriptor)
            raise PathProblem(f"{path}: {_why(error)}; try again") from error
        except PathProblem:
            os.close(descriptor)
            raise

    def open_parent(self, path: str, *, create: bool) -> tuple[int, str]:
        """(descriptor of the folder that holds `path`, the last component). `create`: make missing folders. Raises PathProblem."""
        *folders, name = self.relative(path).split("/")
        if name == ".":
            raise PathProblem(f"{path} is a folder")
        at = "."
        for folder in folders:
            at = f"{at}/{folder}"
            try:
                os.close(self.open(at, os.O_RDONLY | os.O_DIRECTORY, follows=False))
            except PathProblem as problem:
                if not create or not isinstance(problem.__cause__, FileNotFoundError):
                    raise
                above = self.open(at.rpartition("/")[0], os.O_RDONLY | os.O_DIRECTORY, follows=False)
                try:
                    os.mkdir(folder, 0o777, dir_fd=above)
                except FileExistsError:
                    pass
                finally:
                    os.close(above)
        return self.open(at, os.O_RDONLY | os.O_DIRECTORY, follows=False), name


def _leads_out(parts: list[str]) -> bool:
    depth = 0
    for part in parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            return True
    return False


_openat2_works: bool | None = None


def _has_openat2() -> bool:
    global _openat2_works
    if _openat2_works is None:
        try:
            descriptor = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.close(_openat2(descriptor, ".", os.O_RDONLY | os.O_DIRECTORY, 0))
                _openat2_works = True
            finally:
                os.close(descriptor)
        except OSError:
            _openat2_works = False
    return _openat2_works


def _openat2(root: int, relative: str, flags: int, mode: int, *, follows: bool = True) -> int:
    resolve = _RESOLVE_BENEATH | _RESOLVE_NO_MAGICLINKS | (0 if follows else _RESOLVE_NO_SYMLINKS)
    how = _OpenHow(flags, mode if flags & os.O_CREAT else 0, resolve)
    for _ in range(8):
        result = _libc.syscall(_SYS_OPENAT2, root, os.fsencode(relative), ctypes.byref(how), ctypes.sizeof(how))
        if result >= 0:
            return int(result)
        number = ctypes.get_errno()
        if number != errno.EAGAIN:  # a rename raced with the resolution
            raise OSError(number, os.strerror(number), relative)
    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN), relative)


def _walk(root: int, relative: str, flags: int, mode: int) -> int:
    at = os.dup(root)
    try:
        *folders, name = relative.split("/")
        for folder in folders:
            below = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
            os.close(at)
            at = below
        return os.open(name, flags | os.O_NOFOLLOW, mode, dir_fd=at)
    finally:
        os.close(at)


def _explain(error: OSError, path: str, *, follows: bool = True) -> str:
    if error.errno == errno.ELOOP and not follows:
        return f"{path} leads over a symbolic link; use the real path"
    if error.errno in (errno.EXDEV, errno.ELOOP):
        return f"{path} is outside the workspace"
    if isinstance(error, FileNotFoundError):
        return f"no such file: {path}"
    if isinstance(error, PermissionError):
        return f"permission denied: {path}"
    if isinstance(error, IsADirectoryError):
        return f"{path} is a folder"
    if isinstance(error, NotADirectoryError):
        return f"{path} is not a folder"
    return f"{path}: {_why(error)}"


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
