"""Server-sent events: bytes in, data payloads out. Splits on newlines only, as the standard says for data."""

from opta_core.errors import Unavailable

EVENT_BYTES_MAX = 1024 * 1024


class TooLarge(Unavailable):
    """A line that is longer than any event of a chat server."""


class SseSplitter:
    """Feed it chunks; it returns the payloads of the `data:` lines completed so far. `lines` counts lines of every kind.

    Events of one line each are what chat servers send; a payload that spans several `data:` lines is
    not joined.
    """

    def __init__(self) -> None:
        self._rest = b""
        self.lines = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """Payloads that became whole. Raises TooLarge."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if max(map(len, lines), default=0) > EVENT_BYTES_MAX or len(self._rest) > EVENT_BYTES_MAX:
            raise TooLarge(f"an event of more than {EVENT_BYTES_MAX // 1024} KiB")
        self.lines += len(lines)
        return [line[5:].strip() for line in lines if line.startswith(b"data:")]

    def end(self) -> list[bytes]:
        """The last payload, when the stream ended without a newline after it."""
        return self.feed(b"\n") if self._rest else []
