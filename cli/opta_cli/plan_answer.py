"""What a person says to a plan on a terminal: accept it, say what to change, or leave it."""

import sys
from typing import Protocol

from .ask import ask, ask_words, can_ask


class PlanTalk(Protocol):
    """A conversation whose last turn may have come to a plan (`commands.chat.Conversation`)."""

    plan_turn: str

    def run(self, text: str, *, mode: str = "") -> int: ...

    def carry_out(self, turn: str, text: str = "") -> int: ...


def settle(talk: PlanTalk, exit_code: int, sid: str = "") -> int:
    """Ask about the plan until it is accepted or left; the exit code of what followed, or the one given.

    Where nobody can be asked, say how the plan of session `sid` is carried out.
    """
    if sid and exit_code == 0 and talk.plan_turn and not can_ask():
        print(f"Carry out this plan: opta do --session {sid} --from-plan {talk.plan_turn}", file=sys.stderr)
    while exit_code == 0 and talk.plan_turn and can_ask():
        chosen = ask("  [a]ccept and do, [c]hange, [l]eave it: ", {"a": "a", "c": "c", "l": ""}, "")
        if chosen == "a":
            return talk.carry_out(talk.plan_turn)
        words = (ask_words("  what to change ▸ ", lambda: "") or "").strip() if chosen == "c" else ""
        if not words:
            return exit_code
        exit_code = talk.run(words, mode="plan")
    return exit_code
