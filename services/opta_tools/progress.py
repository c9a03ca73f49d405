"""What a running call says of its progress: joined and bounded, since a server may say it thousands of times a second."""

import asyncio
from collections.abc import Callable

# A person sees no more than this; the first news is told at once.
PAUSE_S = 0.05
BYTES_MAX = 256 * 1024
LEFT_OUT = "… more progress was told, and is left out …\n"


class Progress:
    """`with Progress(on_text) as progress`: pieces that come within a moment are one text; all of them are told in the end."""

    def __init__(self, on_text: Callable[[str], object]):
        self._on_text = on_text
        self._unsent: list[str] = []
        self._room = BYTES_MAX
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        if self._timer is not None:
            self._timer.cancel()

    def add(self, text: str) -> None:
        """More was said."""
        if self._room <= 0:
            return
        self._room -= len(text.encode(errors="replace"))
        self._unsent.append(text if self._room > 0 else LEFT_OUT)
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
