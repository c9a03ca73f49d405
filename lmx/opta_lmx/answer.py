"""A model's text as it arrives, split into answer, reasoning and tool calls; stops on strings.

Knows the markers of the model at hand, holds back what could be the start of one, and never gives half
a call. Pure text: no mlx in it.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["text", "thinking", "call"]
Parser = Callable[[str], Any]


@dataclass(frozen=True)
class Markers:
    """Where a model puts its reasoning and its tool calls; '' where it has no such thing."""

    think_start: str = ""
    think_end: str = ""
    call_start: str = ""
    call_end: str = ""


@dataclass(frozen=True)
class Piece:
    """Some of an answer. A call has `name` and `arguments` (JSON text)."""

    kind: Kind
    text: str = ""
    name: str = ""
    arguments: str = ""


class AnswerSplitter:
    """Feed it text; it returns what is certain. `is_stopped` once a stop string was met."""

    def __init__(self, markers: Markers, parse_call: Parser | None, stop: list[str], *, begins_thinking: bool = False):
        self._markers, self._parse = markers, parse_call
        self._stop = [text for text in stop if text]
        self._state: Kind = "thinking" if begins_thinking else "text"
        self._held = ""
        self.stopped_by = ""

    @property
    def is_stopped(self) -> bool:
        """Whether a stop string was met."""
        return bool(self.stopped_by)

    def feed(self, text: str) -> list[Piece]:
        """The pieces that are certain now."""
        if self.is_stopped:
            return []
        text, self._held = self._held + text, ""
        pieces: list[Piece] = []
        while text and not self.is_stopped:
            at, marker = self._first_marker(text)
            if marker:
                before, text = text[:at], text[at + len(marker) :]
                self._emit(pieces, before)
                self._cross(marker)
            else:
                # A call is given whole: until its end marker comes, all of it is held.
                keep = len(text) if self._state == "call" else _possible_start(text, self._watched())
                if keep < len(text):
                    self._emit(pieces, text[: len(text) - keep])
                self._held, text = text[len(text) - keep :], ""
        return pieces

    def end(self) -> list[Piece]:
        """The rest, when the model is done; a call that was cut off is given as text, never dropped."""
        pieces: list[Piece] = []
        if self._held and not self.is_stopped:
            if self._state == "call":
                pieces.append(Piece("text", self._markers.call_start + self._held))
            else:
                self._emit(pieces, self._held)
        self._held = ""
        return pieces

    def _watched(self) -> list[str]:
        m = self._markers
        by_state = {"text": [m.think_start, m.call_start, *self._stop], "thinking": [m.think_end], "call": [m.call_end]}
        return [marker for marker in by_state[self._state] if marker]

    def _first_marker(self, text: str) -> tuple[int, str]:
        found = [(text.find(marker), marker) for marker in self._watched()]
        return min((entry for entry in found if entry[0] >= 0), default=(0, ""))

    def _cross(self, marker: str) -> None:
        if self._state == "text" and marker in self._stop:
            self.stopped_by = marker
        elif self._state == "text":
            self._state = "thinking" if marker == self._markers.think_start else "call"
        else:
            self._state = "text"

    def _emit(self, pieces: list[Piece], text: str) -> None:
        if self._state == "call":
            pieces += self._calls(text)
        elif text:
            pieces.append(Piece(self._state, text))

    def _calls(self, text: str) -> list[Piece]:
        try:
            assert self._parse is not None
            parsed = self._parse(text)
            found: list[Any] = parsed if isinstance(parsed, list) else [parsed]  # pyright: ignore[reportUnknownVariableType]
            return [Piece("call", name=str(call["name"]), arguments=_arguments(call.get("arguments", {}))) for call in found]
        except Exception:  # parsers of models raise what they like; what the model wrote is then shown as it is
            return [Piece("text", f"{self._markers.call_start}{text}{self._markers.call_end}")]


def forced_call(text: str) -> Piece:
    """A call that a grammar forced: `{"name": …, "arguments": {…}}`; cut off, it is given as text, never as half a call."""
    try:
        call = json.loads(text)
        return Piece("call", name=str(call["name"]), arguments=_arguments(call["arguments"]))
    except (ValueError, KeyError, TypeError):
        return Piece("text", text)


def _arguments(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _possible_start(text: str, markers: list[str]) -> int:
    """How many characters at the end of `text` could begin one of the markers."""
    longest = max((len(marker) for marker in markers), default=1) - 1
    return next((n for n in range(min(longest, len(text)), 0, -1) if any(marker.startswith(text[-n:]) for marker in markers)), 0)
