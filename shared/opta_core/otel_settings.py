"""Settings of the export of traces and metrics (OpenTelemetry)."""

from urllib.parse import urlsplit

import msgspec

from .errors import Refused


class OtelSettings(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """`otel` of config.toml. Only the user's own file has it. `./opta otel` installs what it needs."""

    enabled: bool = False
    # An OTLP receiver over HTTP: its base address. A collector on this machine forwards to others and holds their keys.
    endpoint: str = "http://127.0.0.1:4318"
    # Whether prompts, answers, arguments and results are exported. Without it no word of a session leaves the machine.
    content: bool = False
    # Name under which this daemon reports.
    service: str = "opta"


def check_otel(settings: OtelSettings) -> None:
    """Raise Refused when the settings cannot be used."""
    problem = Refused(f"otel.endpoint is {settings.endpoint[:200]!r}; it must be an address such as http://127.0.0.1:4318.")
    try:
        split = urlsplit(settings.endpoint)
        port = split.port or 1
    except ValueError:
        raise problem from None
    if split.scheme not in ("http", "https") or not split.hostname or split.query or port < 1:
        raise problem
    if split.username or split.password:
        raise Refused("otel.endpoint contains a user or a password. Run a collector on this machine, which holds the key.")
