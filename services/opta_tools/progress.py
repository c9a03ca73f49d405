"""Progress messages of a running call: joined and limited, because a server may send thousands of them a second."""

import asyncio
from collections.abc import Callable

# The shortest time between two texts. The first message is passed on immediately.
PAUSE_S = 0.05
BYTES_MAX = 256 * 1024
LEFT_OUT = "… more progress was reported and is left out …\n"


class Progress:
    """`with Progress(on_text) as progress`: joins messages that arrive within PAUSE_S seconds. Leaving the block passes on the rest."""

    def __init__(self, on_text: Callable[[str], object]):
        self._on_text = on_text
        self._unsent: list[str] = []
        self._bytes_left = BYTES_MAX
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        if self._timer is not None:
            self._timer.cancel()

    def add(self, text: str) -> None:
        """Add a message."""
        if self._bytes_left <= 0:
            return
        self._bytes_left -= len(text.encode(errors="replace"))
        self._unsent.append(text if self._bytes_left > 0 else LEFT_OUT)
        if self._timer is None:
            self._flush()
            self._wait()

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(PAUSE_S, self._on_pause)

    def _on_pause(self) -> None:
        self._timer = None
        if self._unsent:
            self._flush()
            self._wait()

    def _flush(self) -> None:
        if self._unsent:
            text = "".join(self._unsent)
            self._unsent.clear()
            self._on_text(text)
