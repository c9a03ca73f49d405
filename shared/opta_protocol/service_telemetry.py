"""What every process reports about itself. A module of its own, because a process that needs no command imports this one only."""

from typing import Any

import msgspec


class Telemetry(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, tag_field="command", tag="Telemetry"
):
    """The state of a process, sent on its telemetry socket every second and on each change."""

    service: str
    boot: str
    pid: int
    ready: bool
    reason: str = ""
    memory: int = 0
    figures: dict[str, Any] = {}
