"""The files and folders of one home, and atomic replacement of a file."""

import contextlib
import fcntl
import os
import stat
from collections.abc import Generator
from pathlib import Path

import msgspec

from . import fallback_folder

# Unix socket paths have at most 108 bytes on Linux and 104 on macOS.
SOCKET_PATH_BYTES_MAX = 100
_LONGEST_SOCKET_NAME = "supervisor.sock.123456"


# The only folder of a home that sessions may work in.
WORKSPACES = "workspaces"


class Paths(msgspec.Struct, frozen=True):
    """The files of one home. Each home has its own independent daemon."""

    home: Path
    # The runtime folder of this process's daemon; None: look it up on each access, as clients do.
    fixed_runtime: Path | None = None

    @property
    def runtime(self) -> Path:
        """The folder with a running daemon's sockets, token, state and logs; the fallback folder while the home cannot be written."""
        return self.fixed_runtime or fallback_folder.find(self.home, self.daemon) or self.daemon

    @property
    def is_read_only(self) -> bool:
        """Whether the home cannot be written, so that the fallback folder is used."""
        return self.runtime != self.daemon

    @property
    def config(self) -> Path:
        return self.home / "config.toml"

    @property
    def daemon(self) -> Path:
        return self.home / "daemon"

    @property
    def workspaces(self) -> Path:
        """Empty folders of sessions that were started without a folder."""
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
    def attachments(self) -> Path:
        """Files that people uploaded for turns."""
        return self.daemon / "attachments"

    @property
    def logs(self) -> Path:
        return self.runtime / "logs"

    @property
    def token(self) -> Path:
        return self.runtime / "token"

    @property
    def state(self) -> Path:
        return self.runtime / "state.json"

    @property
    def models(self) -> Path:
        return self.home / "models"

    @property
    def skills(self) -> Path:
        """The user's skills, one folder each."""
        return self.home / "skills"

    @property
    def hooks(self) -> Path:
        """Programs of the user's hooks."""
        return self.home / "hooks"

    def shown(self, folder: Path) -> str:
        """The real path of a folder of this home that sandboxes show. A link may lead out of the home, and to nothing else in or above it.

        One that does stays a link, which nothing follows.
        """
        home, real = os.path.realpath(self.home), os.path.realpath(folder)
        is_plain = real == f"{home}/{folder.name}"
        is_elsewhere = not f"{real}/".startswith(f"{home}/") and not f"{home}/".startswith(f"{real.rstrip('/')}/")
        return real if is_plain or is_elsewhere else str(folder)

    @property
    def exams(self) -> Path:
        """Results of `opta models exam`, one file for each run."""
        return self.home / "exams"

    @property
    def lmx(self) -> Path:
        """Keys, certificates and stored prefixes of LMX."""
        return self.home / "lmx"

    @property
    def run(self) -> Path:
        """The socket directory; a short 0700 directory when the home's path is too long for sockets."""
        if (ground := self.runtime) != self.daemon:
            return ground
        inside = self.daemon / "run"
        if len(os.fsencode(inside / _LONGEST_SOCKET_NAME)) <= SOCKET_PATH_BYTES_MAX:
            return inside
        # Derived from the home, so that every process of this home finds the same directory.
        import hashlib

        name = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:12]
        return Path("/tmp") / f"opta-{os.getuid()}-{name}"

    def make(self) -> None:
        """Create the directories, 0700. Raises OSError; PermissionError when a directory belongs to another user."""
        is_read_only = self.is_read_only
        for folder in (self.home, self.daemon, self.sessions, self.trash, self.archive, self.logs, self.models, self.lmx, self.run):
            if not (is_read_only and folder.exists()):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.daemon, self.sessions, self.trash, self.archive, self.logs, self.lmx, self.run):
            if folder.stat().st_uid != os.getuid():
                raise PermissionError(f"{folder} belongs to another user. Remove it or set OPTA_HOME to a directory of your own.")
            # No chmod without need: a read-only disk refuses even one that changes nothing.
            if stat.S_IMODE(folder.stat().st_mode) != 0o700 and not is_read_only:
                folder.chmod(0o700)


@contextlib.contextmanager
def folder_lock(folder: Path) -> Generator[None]:
    """Create `folder` (0700) and hold its exclusive lock, so that one process or thread at a time changes files in it.

    Not reentrant: a thread that enters it twice for the same folder waits for ever.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_whole(file: Path, content: bytes) -> None:
    """Replace `file` atomically, 0600. Readers see the old or the new content, never a part. Raises OSError."""
    # Imported late: most commands write no file.
    import tempfile

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
