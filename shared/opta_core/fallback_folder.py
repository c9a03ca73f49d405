"""The fallback folder, in memory, for a home that cannot be written: sockets, token, state and logs of a read-only daemon.

A full disk or a read-only home has no space for a token or a socket, but its sessions can be read. The name of the fallback
folder is derived from the home. The folder is used only when it belongs to this user alone, and only while the home cannot be
written or is marked (by an empty file, which fits on a full disk) as used from its fallback folder.
"""

import contextlib
import errno
import os
import stat
from pathlib import Path

MARK = ".fallback"
# The session store's reason for not being ready. It still serves reads.
NO_WRITES = "the disk cannot be written"
# A home counts as writable when it has space for this much: logs, a token and some lines of a journal.
PROBE_BYTES = 64 * 1024
_REFUSALS = {errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EACCES, errno.EIO}


def candidates(home: Path) -> list[Path]:
    """Possible locations, best first: this user's memory folder, shared memory, the system's temporary folder."""
    import hashlib

    name = f"opta-{os.getuid()}-{hashlib.sha256(os.fsencode(home)).hexdigest()[:12]}-ro"
    return [Path(folder) / name for folder in (f"/run/user/{os.getuid()}", "/dev/shm", "/tmp")]


def find(home: Path, daemon: Path) -> Path | None:
    """The fallback folder that is in use; None when the home is used."""
    if not (daemon / MARK).exists() and (os.access(daemon, os.W_OK) or not daemon.exists()):
        return None
    return next(filter(is_ours, candidates(home)), None)


def make(home: Path, daemon: Path) -> Path:
    """Create the fallback folder, and mark the home if possible. Raises OSError when no location can be written."""
    problem: OSError | None = None
    for folder in candidates(home):
        try:
            with contextlib.suppress(FileExistsError):
                folder.mkdir(mode=0o700)
            if not is_ours(folder):
                raise PermissionError(f"{folder} belongs to another user, or is open to others. Remove it.")
            (folder / "logs").mkdir(mode=0o700, exist_ok=True)
            _probe(folder)
        except OSError as error:
            problem = problem or error
            continue
        mark(daemon)
        return folder
    assert problem is not None
    raise problem


def mark(daemon: Path) -> None:
    """Mark the home: a daemon runs from its fallback folder."""
    with contextlib.suppress(OSError):
        (daemon / MARK).touch(mode=0o600)


def refusal(folder: Path) -> str:
    """Why a folder cannot be written; '' when it can. Raises OSError for any other failure."""
    try:
        _probe(folder)
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        return error.strerror or "I/O error"
    return ""


def _probe(folder: Path) -> None:
    import tempfile

    descriptor, name = tempfile.mkstemp(dir=folder, prefix=".probe.")
    try:
        rest = memoryview(bytes(PROBE_BYTES))
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
        Path(name).unlink()


def is_ours(folder: Path) -> bool:
    """Whether a path is a folder of this user, not a link, and closed to other users."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
