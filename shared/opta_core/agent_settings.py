"""Settings of sub-agents: how far each may go. What is left of the limits of the turn that starts it bounds it as well."""

import msgspec

from .errors import Refused


class AgentSettings(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """Limits of one sub-agent: model calls, tool calls, minutes without those in which a person was waited for, and tokens (0: no limit)."""

    max_steps: int = 100
    max_calls: int = 500
    max_minutes: float = 30.0
    max_tokens: int = 0


def check_agents(settings: AgentSettings) -> None:
    """Check the values. Raises Refused."""
    for key, value in (("max-steps", settings.max_steps), ("max-calls", settings.max_calls), ("max-minutes", settings.max_minutes)):
        if value <= 0:
            raise Refused(f"agents.{key} is {value}; a sub-agent needs more than 0.")
    if settings.max_tokens < 0:
        raise Refused(f"agents.max-tokens is {settings.max_tokens}; it must be 0 (no limit) or more.")
