"""`daemon/state.json`: where this home's daemon listens. Holds no secret; every field has one writer."""

import contextlib
import fcntl
from typing import Any

import msgspec

from ..paths import Paths, write_whole


class DaemonState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Written before listening; merged field by field by the processes that know them."""

    pid: int = 0
    port: int = 0
    uiPort: int = 0
    lmxPort: int = 0
    startedAt: str = ""
    daemonId: str = ""
    host: str = "127.0.0.1"
    version: str = ""
    run: str = ""


def read(paths: Paths) -> DaemonState | None:
    """The state of the daemon that runs or ran last; None when there is none, or it is unreadable."""
    with contextlib.suppress(OSError, msgspec.DecodeError):
        return msgspec.json.decode(paths.state.read_bytes(), type=DaemonState)
    return None


def update(paths: Paths, **fields: Any) -> DaemonState:
    """Set some fields, keeping the others."""
    with open(paths.run / "state.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        state = msgspec.structs.replace(read(paths) or DaemonState(), **fields)
        write_whole(paths.state, msgspec.json.encode(state))
        return state
