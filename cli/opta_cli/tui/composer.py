"""The composer: a message of several lines, with the history of the session. Enter sends, Ctrl+J and Alt+Enter begin a new line.

A pasted text stays one message, also where the terminal does not mark pastes: an Enter that is followed at once is a new line.
"""

import time
from typing import Any, ClassVar

from textual import events
from textual.message import Message
from textual.timer import Timer
from textual.widgets import TextArea

# Time without a further key after Enter. A person does not type faster, and a paste that is not marked does not pause.
ALONE_S = 0.06
# Keys that follow each other faster than this are inserted together, so many seconds later.
FAST_S, BURST_S = 0.008, 0.03
NEW_LINE = frozenset({"ctrl+j", "alt+enter", "shift+enter"})
HISTORY = {"ctrl+up": -1, "alt+up": -1, "ctrl+down": 1, "alt+down": 1}


class Composer(TextArea):
    """Posts what a person wants; it sends nothing itself. `offers_words`: whether completions are shown, which then get the keys."""

    BINDINGS: ClassVar = []

    class Submitted(Message):
        """A message is written. `is_next`: as a turn of its own, also while another one runs."""

        def __init__(self, text: str, *, is_next: bool = False):
            super().__init__()
            self.text, self.is_next = text, is_next

    class Scrolled(Message):
        """A key that the composer does not need: scroll the timeline by rows, or by a screen, or to an end."""

        def __init__(self, key: str):
            super().__init__()
            self.key = key

    class Completed(Message):
        """A key for the completions: up, down, take, leave."""

        def __init__(self, key: str):
            super().__init__()
            self.key = key

    class ModelWanted(Message):
        """Tab in an empty composer."""

    def __init__(self, **options: Any):
        super().__init__(soft_wrap=True, show_line_numbers=False, tab_behavior="focus", highlight_cursor_line=False, **options)
        self.cursor_blink = False
        self.offers_words = False
        self.messages: list[str] = []
        self._at = 0
        self._draft = ""
        self._enter: Timer | None = None
        self._key_at = 0.0
        self._burst: list[str] = []

    def put(self, text: str) -> None:
        """Replace the message, with the cursor behind it."""
        self.text = text
        self.move_cursor(self.document.end)

    def clear_draft(self) -> None:
        """Empty the message."""
        self._forget_enter()
        self.text = ""
        self._at = len(self.messages)

    async def _on_key(self, event: events.Key) -> None:
        # What is not prevented here goes to the text area as well, as Textual calls the handlers of every class.
        key, now = event.key, time.monotonic()
        is_fast, self._key_at = now - self._key_at < FAST_S, now
        text = "\n" if key in NEW_LINE else (event.character or "") if event.is_printable else ""
        if self._enter is not None and (text or key == "enter"):
            # The Enter was a part of a text that comes at once.
            self._forget_enter()
            self._keep("\n")
        if text and (is_fast or self._burst):
            self._keep(text)
        else:
            self._insert_burst()
            if text == "\n":
                self.insert("\n")
            elif not self._is_taken(key):
                return
        event.stop()
        event.prevent_default()

    def _keep(self, text: str) -> None:
        """Insert a text with those that follow it at once: one by one, a pasted page would take half a minute."""
        self._burst.append(text)
        if len(self._burst) == 1:
            self.set_timer(BURST_S, self._insert_burst)

    def _insert_burst(self) -> None:
        text, self._burst = "".join(self._burst), []
        if text:
            self.insert(text)

    def _is_taken(self, key: str) -> bool:
        """Deal with a key that is no text; whether it was one."""
        if key == "enter":
            self._enter = self.set_timer(ALONE_S, self._on_alone)
        elif key == "ctrl+t":
            self._submit(is_next=True)
        elif self.offers_words and key in ("up", "down", "tab", "escape"):
            self.post_message(self.Completed(key))
        elif key == "tab":
            if not self.text:
                self.post_message(self.ModelWanted())
        elif key in HISTORY:
            self._recall(HISTORY[key])
        elif key in ("pageup", "pagedown", "ctrl+home", "ctrl+end") or (key in ("up", "down") and self._is_at_edge(key)):
            self.post_message(self.Scrolled(key))
        else:
            return False
        return True

    def _on_alone(self) -> None:
        self._enter = None
        self._insert_burst()
        if self.offers_words:
            self.post_message(self.Completed("enter"))
        else:
            self._submit(is_next=False)

    def _submit(self, *, is_next: bool) -> None:
        if self.text.strip():
            self.post_message(self.Submitted(self.text, is_next=is_next))

    def _forget_enter(self) -> None:
        if self._enter is not None:
            self._enter.stop()
            self._enter = None

    async def _on_paste(self, event: events.Paste) -> None:
        self._forget_enter()

    def _is_at_edge(self, key: str) -> bool:
        """Whether the cursor cannot move: then the key scrolls the timeline."""
        row = self.cursor_location[0]
        return not self.text or self.document.line_count == 1 or row == (0 if key == "up" else self.document.line_count - 1)

    def _recall(self, step: int) -> None:
        """Another message of the history; below the last one, the draft."""
        if not self.messages:
            return
        if self._at >= len(self.messages):
            self._draft = self.text
        self._at = max(0, min(len(self.messages), min(self._at, len(self.messages)) + step))
        self.put(self.messages[self._at] if self._at < len(self.messages) else self._draft)

    def remember(self, text: str) -> None:
        """Add a message to the history."""
        if not self.messages or self.messages[-1] != text:
            self.messages.append(text)
        self._at = len(self.messages)
