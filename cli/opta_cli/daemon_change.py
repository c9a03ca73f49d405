"""Changes of settings go through the running daemon, as those of the page do; without one, the command makes them itself.

Both use the same functions of `opta_core`, so that the words and the result are the same.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from opta_core.errors import Refused
from opta_core.process import state
from opta_core.settings import LoadedSettings
from opta_core.version import VERSION
from opta_protocol.error_info import ErrorCode
from opta_protocol.http_settings import SettingChange

from .client import Client
from .daemon_state import LOOK_S


def change_by_daemon(
    loaded: LoadedSettings, method: str, path: str, body: dict[str, Any] | None, here: Callable[[], SettingChange]
) -> SettingChange:
    """Ask the daemon for a change; `here` makes it when no daemon of this version is ready. Raises OptaError."""
    client = ready_daemon(loaded)
    return here() if client is None else msgspec.convert(client.ask(method, path, body), SettingChange)


def ready_daemon(loaded: LoadedSettings) -> Client | None:
    """A client of the daemon of this home, when it runs, is ready and has this version."""
    known = state.read(loaded.paths)
    if known is None or known.version != VERSION:
        return None
    client = Client(loaded.paths)
    is_ready, _ = client.readiness(LOOK_S)
    return client if is_ready else None


def removed(change: SettingChange | None, what: str) -> SettingChange:
    """A change that was made. Raises Refused when there was nothing to remove."""
    if change is None:
        raise Refused(f"{what} is not set any more.", code=ErrorCode.not_found)
    return change
