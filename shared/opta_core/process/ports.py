"""Binds loopback ports, and names the program that holds a port."""

import contextlib
import os
import socket
from collections.abc import Iterable
from pathlib import Path

from ..errors import Unavailable
from ..logs import Log

HOST = "127.0.0.1"
FALLBACK = range(10000, 10021)

log = Log("ports")


def bind(port: int, remembered: int, fallback: Iterable[int], what: str, setting: str, host: str = HOST) -> socket.socket:
    """A listening socket at `host`: on `port`, else on the `remembered` port, else on the first free one of `fallback`. 0: any port.

    Raises Unavailable, which names the holder and the setting, when all are taken.
    """
    candidates = [remembered, 0] if port == 0 else [port, *([remembered] if remembered in fallback else []), *fallback]
    for candidate in [c for at, c in enumerate(candidates) if c or at or port == 0]:
        if candidate == 0 and port != 0:
            continue
        # With an explicit protocol, asyncio sets TCP_NODELAY on accepted connections. Without it, a small response
        # waits 40 ms for the acknowledgement of its head.
        server = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((host, candidate))
            server.listen(256)
            server.setblocking(False)
            return server
        except OSError:
            server.close()
            if candidate == port:
                log.warning("port is taken", port=port, by=holder(port), wanted_by=what)
    raise Unavailable(
        f"Port {port} for {what} is taken by {holder(port)}, and the alternatives are taken too. Choose one: opta config set {setting} PORT"
    )


def holder(port: int) -> str:
    """The program that listens on a loopback port, if this user may see it."""
    inode = ""
    with contextlib.suppress(OSError):
        for table in ("/proc/net/tcp", "/proc/net/tcp6"):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if int(fields[1].rpartition(":")[2], 16) == port and fields[3] == "0A":
                    inode = fields[9]
    if inode:
        for pid in (name for name in os.listdir("/proc") if name.isdigit()):
            with contextlib.suppress(OSError):
                for descriptor in os.listdir(f"/proc/{pid}/fd"):
                    if os.readlink(f"/proc/{pid}/fd/{descriptor}") == f"socket:[{inode}]":
                        name = Path(f"/proc/{pid}/comm").read_text().strip()
                        return f"{name} (pid {pid})"
    return "another program"
