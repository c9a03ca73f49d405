"""A prompt of this editor, from its submission to the ending of its turn."""

import asyncio

from ..client import new_key
from .turn_ending import TurnEnding


class PromptTurn:
    """`turn` is '' until the daemon has accepted it; `is_stopped`: the editor wants no answer any more. `work` answers the prompt."""

    work: "asyncio.Task[TurnEnding]"

    def __init__(self, turn: str = "", mode: str = ""):
        self.key = new_key()
        self.turn, self.mode = turn, mode
        self.is_stopped = self.is_stop_sent = False
        self.was_filtered = False
        # Whether the daemon has it, or is about to: then it is stopped there.
        self.is_submitted = False
        self.ending: asyncio.Future[TurnEnding] = asyncio.get_running_loop().create_future()

    def end(self, ending: TurnEnding) -> None:
        """The turn has ended, or its prompt is over for the editor."""
        if not self.ending.done():
            self.ending.set_result(ending)
