"""An answer in the form of one API: made from the engine's events, as one JSON body or as server-sent events. No input or output."""

from typing import Protocol

from ..engine_client.engine_stream import ChoiceEvents


class AnswerForm(Protocol):
    """Use either `frames` for each group of events, or `add` for each group and then `body` once."""

    def frames(self, events: ChoiceEvents) -> bytes:
        """Server-sent events for a group of engine events. The last group also ends the stream."""
        ...

    def add(self, events: ChoiceEvents) -> None:
        """Collect events for `body`."""
        ...

    def body(self) -> bytes:
        """The JSON body. Every choice is finished."""
        ...
