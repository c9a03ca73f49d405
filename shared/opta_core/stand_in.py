"""A folder in memory that stands in for a home which takes no writes: sockets, token, state and logs of a daemon that only reads.

A full disk or a read-only home takes no token and no socket, but what is in it can be read. The stand-in is found by its name, which
comes from the home; it counts only when it is this user's alone, and only while the home takes no writes or says itself (by a
file without content, which fits on a full disk) that a daemon runs from it.
"""

import contextlib
import errno
import hashlib
import os
import stat
import tempfile
from pathlib import Path

MARK = ".stand-in"
# What the session store says that it is not ready for; it serves reads all the same.
NO_WRITES = "the disk takes no writes"
# A home takes writes when it takes this much: logs, a token and some lines of a journal.
PROBE_BYTES = 64 * 1024
_REFUSALS = {errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EACCES, errno.EIO}


def places(home: Path) -> list[Path]:
    """Where it may be, the best first: memory of this user, memory, the system's temporary folder."""
    name = f"opta-{os.getuid()}-{hashlib.sha256(os.fsencode(home)).hexdigest()[:12]}-ro"
    return [Path(folder) / name for folder in (f"/run/user/{os.getuid()}", "/dev/shm", "/tmp")]


def find(home: Path, daemon: Path) -> Path | None:
    """The stand-in that counts now, if there is one."""
    if not (daemon / MARK).exists() and (os.access(daemon, os.W_OK) or not daemon.exists()):
        return None
    return next(filter(is_ours, places(home)), None)


def make(home: Path, daemon: Path) -> Path:
    """Make it, and have the home say so if it can. Raises OSError when there is no place for it either."""
    problem: OSError | None = None
    for place in places(home):
        try:
            with contextlib.suppress(FileExistsError):
                place.mkdir(mode=0o700)
            if not is_ours(place):
                raise PermissionError(f"{place} belongs to another user, or is open to others. Remove it.")
            (place / "logs").mkdir(mode=0o700, exist_ok=True)
            _probe(place)
        except OSError as error:
            problem = problem or error
            continue
        mark(daemon)
        return place
    assert problem is not None
    raise problem


def mark(daemon: Path) -> None:
    """Say in the home that a daemon runs from its stand-in."""
    with contextlib.suppress(OSError):
        (daemon / MARK).touch(mode=0o600)


def refusal(folder: Path) -> str:
    """Why a folder takes no writes; '' when it does. Raises OSError for any other reason."""
    try:
        _probe(folder)
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        return error.strerror or "I/O error"
    return ""


def _probe(folder: Path) -> None:
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=".probe.")
    try:
        rest = memoryview(bytes(PROBE_BYTES))
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
        Path(name).unlink()


def is_ours(place: Path) -> bool:
    """Whether a folder is this user's, no link, and closed to others."""
    try:
        found = place.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
