"""Where everything lies under one home, and how a file is replaced whole."""

import contextlib
import fcntl
import os
import stat
import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from . import stand_in

# Unix socket paths end at 108 bytes on Linux and 104 on macOS.
SOCKET_PATH_BYTES_MAX = 100
_LONGEST_SOCKET_NAME = "supervisor.sock.123456"


# The one folder of a home that sessions may work in.
WORKSPACES = "workspaces"


@dataclass(frozen=True)
class Paths:
    """The files of one home. Two homes are two independent daemons."""

    home: Path
    # Where this process's daemon writes what it needs while it runs; None: found anew each time, as a client has to.
    fixed_ground: Path | None = None

    @property
    def ground(self) -> Path:
        """Where a running daemon has its sockets, token, state and logs: its folder, or what stands in while the home takes no writes."""
        return self.fixed_ground or stand_in.find(self.home, self.daemon) or self.daemon

    @property
    def reads_only(self) -> bool:
        """Whether a stand-in is used."""
        return self.ground != self.daemon

    @property
    def config(self) -> Path:
        return self.home / "config.toml"

    @property
    def daemon(self) -> Path:
        return self.home / "daemon"

    @property
    def workspaces(self) -> Path:
        """Empty folders of sessions that were started without one."""
        return self.home / WORKSPACES

    @property
    def sessions(self) -> Path:
        return self.daemon / "sessions"

    @property
    def trash(self) -> Path:
        return self.daemon / "trash"

    @property
    def archive(self) -> Path:
        return self.daemon / "archive"

    @property
    def logs(self) -> Path:
        return self.ground / "logs"

    @property
    def token(self) -> Path:
        return self.ground / "token"

    @property
    def state(self) -> Path:
        return self.ground / "state.json"

    @property
    def models(self) -> Path:
        return self.home / "models"

    @property
    def lmx(self) -> Path:
        """Keys, certificates and kept prefixes of LMX."""
        return self.home / "lmx"

    @property
    def run(self) -> Path:
        """The socket directory; a short 0700 directory stands in when the home's own path is too long for sockets."""
        if (ground := self.ground) != self.daemon:
            return ground
        own = self.daemon / "run"
        if len(os.fsencode(own / _LONGEST_SOCKET_NAME)) <= SOCKET_PATH_BYTES_MAX:
            return own
        # Derived from the home, so that every process of this home finds the same one.
        import hashlib

        name = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:12]
        return Path("/tmp") / f"opta-{os.getuid()}-{name}"

    def make(self) -> None:
        """Create the directories, 0700. Raises OSError; PermissionError when the short run directory is another user's."""
        reads_only = self.reads_only
        for folder in (self.home, self.daemon, self.sessions, self.trash, self.archive, self.logs, self.models, self.lmx, self.run):
            if not (reads_only and folder.exists()):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.daemon, self.sessions, self.trash, self.archive, self.logs, self.lmx, self.run):
            if folder.stat().st_uid != os.getuid():
                raise PermissionError(f"{folder} belongs to another user. Remove it or set OPTA_HOME to a directory of your own.")
            # Not asked for when it is so: on a read-only disk even that is refused.
            if stat.S_IMODE(folder.stat().st_mode) != 0o700 and not reads_only:
                folder.chmod(0o700)


@contextlib.contextmanager
def folder_lock(folder: Path) -> Generator[None]:
    """Make `folder` (0700) and hold its lock: of all processes and threads that read, change and write a file in it, one at a time goes on.

    It must not be entered twice for one folder by the same thread: that would wait for ever.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_whole(file: Path, content: bytes) -> None:
    """Replace `file` at once, 0600: readers see the old content or the new, never a part."""
    descriptor, part = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        Path(part).replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(part).unlink()
        raise
