"""How far a sub-agent may go: its settings, and its share of what is left of the turn that starts it."""

from opta_core.agent_settings import AgentSettings
from opta_core.errors import Refused
from opta_protocol.event_parts import Limits

from .turn_run import TurnLimits

# Of the limits of a turn, what is kept for itself: it has to make something of the reports.
KEPT_SHARE = 0.2


def limits_of(settings: AgentSettings, turn: TurnLimits, left: TurnLimits, reserved: list[Limits], sharing: int) -> Limits:
    """The limits of the next child. `turn`, `left`: the limits of the turn, and what is left of them; `reserved`: what children that work
    may still use; `sharing`: how many children have yet to get their limits. Raises Refused when nothing is left.
    """

    def share(name: str, most: int, is_left: int, used: int) -> int:
        rest = is_left - int(KEPT_SHARE * most) - used
        if rest <= 0:
            raise Refused(f"nothing is left of the turn's limit {name} for it.")
        # The last ones go away empty when there is not enough for all.
        return max(rest // sharing, 1)

    steps = share("max-steps", turn.max_steps, left.max_steps, sum(limits.steps for limits in reserved))
    calls = share("max-calls", turn.max_calls, left.max_calls, sum(limits.calls for limits in reserved))
    tokens = settings.max_tokens
    if turn.max_tokens:
        rest = share("max-turn-tokens", turn.max_tokens, left.max_tokens, sum(limits.tokens for limits in reserved))
        tokens = min(tokens or rest, rest)
    if left.max_minutes <= 0:
        raise Refused("nothing is left of the turn's limit max-minutes for it.")
    minutes = round(min(settings.max_minutes, left.max_minutes), 3)
    return Limits(steps=min(settings.max_steps, steps), calls=min(settings.max_calls, calls), minutes=max(minutes, 0.001), tokens=tokens)
