"""The base of requests and replies between processes on the bus."""

import msgspec


class Command(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, tag_field="command"):
    """Base of every command. The field `command` holds its name."""
