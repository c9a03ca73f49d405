"""Events about processes of the daemon that ended and came back while a session had a running turn."""

from .event_base import Event


class ServiceLost(Event, frozen=True, kw_only=True, omit_defaults=True, tag="service.lost"):
    """A process ended while this session had a running turn."""

    service: str
    reason: str = ""


class ServiceBack(Event, frozen=True, kw_only=True, omit_defaults=True, tag="service.back"):
    """The process runs again."""

    service: str
    stall_ms: float = 0
