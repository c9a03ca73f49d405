"""`daemon/state.json`: where this home's daemon listens. Holds no secret; every field has one writer."""

from typing import Any

import msgspec

from ..paths import Paths
from ..records import RecordFile


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
    return _records(paths).read()


def update(paths: Paths, **fields: Any) -> DaemonState:
    """Set some fields, keeping the others."""
    state = _records(paths).update(lambda known: msgspec.structs.replace(known or DaemonState(), **fields))
    assert state is not None  # What the function above makes is never None; the file may be missing.
    return state


def _records(paths: Paths) -> RecordFile[DaemonState | None]:
    return RecordFile(paths.state, _DECODER, lambda: None)


_DECODER: msgspec.json.Decoder[DaemonState | None] = msgspec.json.Decoder(DaemonState)
