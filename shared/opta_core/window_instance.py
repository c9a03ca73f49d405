"""One window for each home: the first one holds a lock and listens to a socket; a later `opta window` hands its link to the first and ends.

The lock decides who is first, so a socket that a killed window left behind is replaced and never asked. Both files are 0600 in the 0700
run directory of the home.
"""

import contextlib
import fcntl
import os
import socket
import time
from pathlib import Path

import msgspec

from .errors import Unavailable
from .paths import Paths

ANSWER_S = 3.0
MESSAGE_BYTES_MAX = 4096
# A window that has just taken its lock listens a moment later.
LISTENS_S = 5.0
RETRY_S = 0.05


class Show(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Come to the front, and show a session; '' for what is shown already."""

    sid: str = ""


class WindowInstance:
    """The lock and the socket of the first window. `listen` before the window opens; close it at the end."""

    def __init__(self, paths: Paths):
        self.file = paths.run / "window.sock"
        self._lock_file = paths.run / "window.lock"
        self._lock: int | None = None
        self.listener: socket.socket | None = None

    def claim(self) -> bool:
        """Become the window of this home. Returns False when there is one."""
        descriptor = os.open(self._lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._lock = descriptor
        return True

    def listen(self) -> socket.socket:
        """Listen for later windows; only the holder of the lock may."""
        self.file.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)
        try:
            listener.bind(str(self.file))
        finally:
            os.umask(before)
        listener.listen(8)
        listener.setblocking(False)
        self.listener = listener
        return listener

    def take(self) -> Show | None:
        """The request of one waiting client, which is answered; None when there is none, or it is no request."""
        assert self.listener is not None
        try:
            client, _ = self.listener.accept()
        except OSError:
            return None
        with client, contextlib.suppress(OSError, msgspec.DecodeError):
            # A client sends its line at once; one that does not must not hold the window.
            client.settimeout(0.5)
            request = msgspec.json.decode(_line(client), type=Show)
            client.sendall(b"ok\n")
            return request
        return None

    def close(self) -> None:
        """Give up the socket and the lock."""
        if self.listener is not None:
            self.listener.close()
            self.file.unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)
        self.listener = self._lock = None


def hand_over(paths: Paths, request: Show) -> bool:
    """Have the window of this home show something. Returns False when no window runs. Raises Unavailable when it does not answer."""
    until = time.monotonic() + LISTENS_S
    while True:
        instance = WindowInstance(paths)
        if not paths.run.is_dir():
            return False
        if instance.claim():
            instance.close()
            return False
        if _is_taken(instance.file, request):
            return True
        if time.monotonic() > until:
            raise Unavailable("A window of this home is running and does not answer. Close it, then: opta window")
        time.sleep(RETRY_S)


def _is_taken(file: Path, request: Show) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(ANSWER_S)
        try:
            client.connect(str(file))
            client.sendall(msgspec.json.encode(request) + b"\n")
            return _line(client) == b"ok"
        except OSError:
            return False


def _line(connection: socket.socket) -> bytes:
    content = b""
    while not content.endswith(b"\n") and len(content) < MESSAGE_BYTES_MAX:
        piece = connection.recv(MESSAGE_BYTES_MAX)
        if not piece:
            break
        content += piece
    return content.rstrip(b"\n")
