"""`daemon/state.json`: the ports and the process id of this home's daemon. Contains no secret; each field has one writer."""

from typing import Any

import msgspec

from ..paths import Paths
from ..records import RecordFile


class DaemonState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Written before the process listens. Each process merges the fields that it owns."""

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
    """The state of the running daemon, or of the last one; None when the file is missing or cannot be read."""
    return _records(paths).read()


def update(paths: Paths, **fields: Any) -> DaemonState:
    """Set the given fields and keep the others."""
    state = _records(paths).update(lambda known: msgspec.structs.replace(known or DaemonState(), **fields))
    assert state is not None  # The value is never None here; only a missing file reads as None.
    return state


def _records(paths: Paths) -> RecordFile[DaemonState | None]:
    return RecordFile(paths.state, _DECODER, lambda: None)


_DECODER: msgspec.json.Decoder[DaemonState | None] = msgspec.json.Decoder(DaemonState)
