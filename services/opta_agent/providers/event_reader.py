"""What the readers of an answer share: bytes become events, events become parts, until the mark at the end."""

from .base import Part
from .sse import Payload, SseReader


class EventReader:
    """Reads one answer. `progress`: how many events brought something; `is_done`: the mark at the end of the stream came."""

    def __init__(self) -> None:
        self._events = SseReader()
        self.is_done = False
        self.progress: int = 0

    @property
    def is_finished(self) -> bool:
        """Whether the server said why the answer ended, or marked its end after it had said something."""
        raise NotImplementedError

    @property
    def has_content(self) -> bool:
        """Whether anything of an answer came."""
        raise NotImplementedError

    @property
    def stray(self) -> bytes:
        """The beginning of what came and is no event of an answer."""
        return self._events.stray

    def feed(self, content: bytes) -> list[Part]:
        """The parts that a piece of the stream completes. Raises ErrorInStream, TooLarge."""
        return [] if self.is_done else self._parts(self._events.feed(content))

    def rest(self) -> list[Part]:
        """The parts of a last event that no blank line followed. Raises ErrorInStream."""
        return [] if self.is_done else self._parts(self._events.end())

    def end(self) -> list[Part]:
        """What was held back, and the end. Raises Unavailable when the server says that it failed."""
        raise NotImplementedError

    def _parts(self, events: list[Payload]) -> list[Part]:
        raise NotImplementedError
