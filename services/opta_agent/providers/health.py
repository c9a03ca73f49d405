"""Which providers are left alone for a while, because they did not answer: decided without a connection.

A failure cools a provider for 5 s, each further one in a row for twice as long, up to 300 s. A first word of it ends that.
"""

from dataclasses import dataclass

from opta_core.clock import now_s

COOLING_MIN_S, COOLING_MAX_S = 5.0, 300.0


@dataclass
class _State:
    until: float = 0.0
    failures: int = 0
    reason: str = ""
    is_dead: bool = False


class ProviderHealth:
    """The measured health of every provider by its name."""

    def __init__(self) -> None:
        self._states: dict[str, _State] = {}

    def failed(self, name: str, reason: str, *, is_dead: bool) -> None:
        """It did not answer. Failures while it is left alone anyhow change nothing: several turns may meet the same one.

        `is_dead`: it takes no connection.
        """
        state = self._states.setdefault(name, _State())
        state.reason, state.is_dead = reason, is_dead
        if now_s() >= state.until:
            state.failures += 1
            state.until = now_s() + min(COOLING_MIN_S * 2 ** (state.failures - 1), COOLING_MAX_S)

    def answered(self, name: str) -> None:
        """It said a word of an answer."""
        self._states.pop(name, None)

    def reached(self, name: str) -> None:
        """It takes connections: that is all that a dead one lacked, and no proof for one that breaks off its answers."""
        if (state := self._states.get(name)) is not None and state.is_dead:
            self.answered(name)

    def cooling_s(self, name: str) -> float:
        """For how long it is left alone still; 0 when it is not."""
        state = self._states.get(name)
        return max(0.0, state.until - now_s()) if state is not None else 0.0

    def is_dead(self, name: str) -> bool:
        """Whether it took no connection the last time."""
        state = self._states.get(name)
        return state is not None and state.is_dead

    def reason(self, name: str) -> str:
        """Why it did not answer the last time; '' when it did."""
        state = self._states.get(name)
        return state.reason if state is not None else ""

    def cooling(self) -> dict[str, float]:
        """Seconds left, of those that are left alone."""
        return {name: round(left, 1) for name in self._states if (left := self.cooling_s(name)) > 0}
