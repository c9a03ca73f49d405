"""Wakes supervisord when a process of the daemon has ended. supervisord itself checks its children once a second."""

import contextlib
import socket
import threading
import time
from pathlib import Path

SOCKET = "supervisor.sock"
# The connection of a killed process breaks a moment before supervisord can reap it.
_AGAIN_S = (0.002, 0.01, 0.03, 0.1)
_CALL = b"<?xml version='1.0'?><methodCall><methodName>supervisor.getState</methodName><params></params></methodCall>"
_REQUEST = b"POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (
    len(_CALL),
    _CALL,
)


class SupervisorWakeup:
    """One instance per process. `run` is the run directory."""

    def __init__(self, run: Path):
        self._path = str(run / SOCKET)
        self._lock = threading.Lock()
        self._is_busy = self._is_wanted = False

    def __call__(self) -> None:
        """Start a wake-up and return at once. A call during a wake-up restarts it."""
        with self._lock:
            self._is_wanted = True
            if self._is_busy:
                return
            self._is_busy = True
        threading.Thread(target=self._wake, name="supervisor wake-up", daemon=True).start()

    def _wake(self) -> None:
        at = 0
        while True:
            with self._lock:
                if self._is_wanted:
                    self._is_wanted, at = False, 0
                elif at == len(_AGAIN_S):
                    self._is_busy = False
                    return
            time.sleep(_AGAIN_S[at])
            at += 1
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(0.5)
                connection.connect(self._path)
                connection.sendall(_REQUEST)
                while connection.recv(4096):
                    pass
