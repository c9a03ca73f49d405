"""Server-sent events: bytes in, data payloads out. Splits on newlines only, as the standard says for data."""


class SseSplitter:
    """Feed it chunks; it returns the payloads of the `data:` lines completed so far.

    Events of one line each are what chat servers send; a payload that spans several `data:` lines is
    not joined.
    """

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Payloads that became whole."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return [line[5:].strip() for line in lines if line.startswith(b"data:")]
