"""What a session knows of its checkers: which of them are too slow or fail and are left out, and what was found too late."""

from dataclasses import dataclass, field

from .edit_words import one_line

# How often a checker may take too long before it is left out for the rest of its session.
SLOW_MAX = 2
# How often it may fail: its configuration may be what is just edited.
FAILED_MAX = 2


@dataclass
class CheckerRecord:
    """Of one session, by the keys of its checkers. `running`: those of which a run goes on beside the session's work.

    `late`: lines about what was found after the result of its edit was given.
    """

    slow: dict[str, int] = field(default_factory=dict[str, int])
    failed: dict[str, int] = field(default_factory=dict[str, int])
    running: set[str] = field(default_factory=set[str])
    late: list[str] = field(default_factory=list[str])

    def is_usable(self, key: str) -> bool:
        """Whether a checker is still run in this session."""
        return self.slow.get(key, 0) < SLOW_MAX and self.failed.get(key, 0) < FAILED_MAX

    def count_slow(self, key: str, name: str, limit_s: float) -> str:
        """Count a run that took too long by itself; what the result says about it."""
        self.slow[key] = self.slow.get(key, 0) + 1
        left_out = "this time" if self.slow[key] < SLOW_MAX else "from now on in this session; run it with run_command"
        return f"{name} takes longer than {limit_s:g} s and is left out {left_out}"

    def count_failed(self, key: str, name: str, reason: str) -> str:
        """Count a run that failed; what the result says about it."""
        self.failed[key] = self.failed.get(key, 0) + 1
        left_out = "" if self.failed[key] < FAILED_MAX else " and is left out from now on in this session"
        return f"{name} could not check this file{left_out}: {one_line(reason)}"

    def take_late(self) -> list[str]:
        """The lines that were found too late, once."""
        late, self.late = self.late, []
        return late
