"""Ctrl+C and Ctrl+D as contract.md says: an answer stops at once, a task pauses and stops the second time, a draft is cleared.

When nothing is left to clear, a second Ctrl+C within two seconds quits.
"""

from typing import Any

AGAIN_S = 2.0


class InterruptKeys:
    """`main`: the main screen."""

    def __init__(self, main: Any):
        self._main = main
        self._paused_turn = ""
        self._quit_at = float("-inf")

    def press(self, now: float) -> None:
        """Ctrl+C, at a time of any clock."""
        turn = self._main.session.running
        if turn is not None:
            is_stop = turn.mode != "do" or turn.state in ("pausing", "stopping") or self._paused_turn == turn.id
            self._paused_turn = "" if is_stop else turn.id
            self._main.run_worker(self._main.run_action_of("turn.stop" if is_stop else "turn.pause"), group="action")
        elif self._main.composer.text:
            self._main.composer.clear_draft()
        elif now - self._quit_at < AGAIN_S:
            self._main.dismiss(0)
        else:
            self._quit_at = now
            self._main.say("Press Ctrl+C again to quit.")

    def leave(self) -> None:
        """Ctrl+D: quit when the message is empty, else delete the character under the cursor."""
        if self._main.composer.text:
            self._main.composer.action_delete_right()
        else:
            self._main.dismiss(0)
