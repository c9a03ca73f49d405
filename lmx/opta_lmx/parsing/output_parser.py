"""Splits a model's text, as it arrives, into answer, reasoning and tool calls, and stops at stop strings.

It knows the model's markers, holds back text that could be the start of one, and never emits half a call. Pure text, no mlx.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from ..json_values import as_object
from . import tool_call_repair

PieceKind = Literal["text", "thinking", "call"]
CallParser = Callable[[str], Any]


@dataclass(frozen=True)
class Markers:
    """The markers around a model's reasoning and tool calls; '' when it has none."""

    think_start: str = ""
    think_end: str = ""
    call_start: str = ""
    call_end: str = ""


@dataclass(frozen=True)
class OutputPiece:
    """A part of an answer. A call has `name` and `arguments` (JSON text), or continues the call before with `arguments` alone."""

    kind: PieceKind
    text: str = ""
    name: str = ""
    arguments: str = ""


class OutputParser:
    """The parser of one answer. `one_call`: stop after the first tool call."""

    def __init__(
        self,
        markers: Markers,
        parse_call: CallParser | None,
        stop: list[str],
        *,
        begins_thinking: bool = False,
        tools: list[dict[str, Any]] | None = None,
        one_call: bool = False,
    ):
        self._markers, self._parse, self._tools = markers, parse_call, tools or []
        self._stop = [text for text in stop if text]
        self._state: PieceKind = "thinking" if begins_thinking else "text"
        self._held: str = ""
        self._one_call, self._is_called = one_call, False
        # Models without markers, or that forget them, write a bare call as their whole answer.
        self._may_be_bare = bool(self._tools)
        self.stopped_by = ""
        # Calls that could not be parsed, and were emitted as text.
        self.malformed = 0

    @property
    def is_stopped(self) -> bool:
        """Whether the answer is over: a stop string was found, or the one allowed call was made."""
        return bool(self.stopped_by) or (self._one_call and self._is_called)

    def parse(self, text: str) -> list[OutputPiece]:
        """Take more text; returns the pieces that are certain now."""
        if self.is_stopped:
            return []
        text = self._held + text
        self._held = ""
        if self._may_be_bare and self._state == "text" and not self._first_marker(text)[1]:
            if tool_call_repair.might_be_call(text):
                self._held = text
                return []
            self._may_be_bare = not text.strip()
        pieces: list[OutputPiece] = []
        while text and not self.is_stopped:
            at, marker = self._first_marker(text)
            if marker:
                before, text = text[:at], text[at + len(marker) :]
                self._emit(pieces, before)
                self._cross(marker)
            else:
                # A call is emitted whole: hold all of it until its end marker arrives.
                keep = len(text) if self._state == "call" else possible_start(text, self._watched())
                if keep < len(text):
                    self._emit(pieces, text[: len(text) - keep])
                self._held, text = text[len(text) - keep :], ""
        return pieces

    def end(self, *, is_cut: bool = False) -> list[OutputPiece]:
        """The rest, when the model is done. A call that was cut off by length (`is_cut`) is emitted as text, never dropped."""
        pieces: list[OutputPiece] = []
        if self._held and not self.is_stopped:
            if self._state == "call" and (is_cut or self._markers.call_end):
                whole = [] if is_cut else tool_call_repair.calls_of(self._held, self._tools, only_known=True)
                pieces += self._emit_calls(whole) if whole else [self._malformed(self._markers.call_start + self._held)]
            elif self._state == "text" and self._may_be_bare and not is_cut:
                bare = tool_call_repair.calls_of(self._held, self._tools, only_known=True)
                pieces += self._emit_calls(bare) if bare else [OutputPiece("text", self._held)]
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
            self._may_be_bare &= self._state == "thinking"
        else:
            self._state = "text"

    def _emit(self, pieces: list[OutputPiece], text: str) -> None:
        if self._state == "call":
            pieces += self._calls(text)
        elif text:
            pieces.append(OutputPiece(self._state, text))

    def _calls(self, text: str) -> list[OutputPiece]:
        try:
            assert self._parse is not None
            parsed = self._parse(text)
            found: list[Any] = parsed if isinstance(parsed, list) else [parsed]  # pyright: ignore[reportUnknownVariableType]
            calls = [tool_call_repair.fitted(str(call["name"]), _object(call.get("arguments", {})), self._tools) for call in found]
            # Some parsers make a call of any text; a call of an offered tool is more likely to be meant.
            return self._emit_calls(
                calls
                if tool_call_repair.are_known(calls, self._tools)
                else tool_call_repair.calls_of(text, self._tools, only_known=True) or calls
            )
        except Exception:  # a model's parser raises what it likes; repair gets the text then
            if calls := tool_call_repair.calls_of(text, self._tools):
                return self._emit_calls(calls)
            return [self._malformed(f"{self._markers.call_start}{text}{self._markers.call_end}")]

    def _emit_calls(self, calls: list[tool_call_repair.ToolCall]) -> list[OutputPiece]:
        self._is_called = True
        kept = calls[:1] if self._one_call else calls
        return [OutputPiece("call", name=name, arguments=json.dumps(arguments, ensure_ascii=False)) for name, arguments in kept]

    def _malformed(self, text: str) -> OutputPiece:
        self.malformed += 1
        return OutputPiece("text", text)


def _object(value: Any) -> dict[str, Any]:
    found = as_object(json.loads(value) if isinstance(value, str) else value)
    if found is None:
        raise TypeError("the arguments are not an object")
    return found


def possible_start(text: str, markers: list[str]) -> int:
    """The number of characters at the end of `text` that could begin one of the markers."""
    longest = max((len(marker) for marker in markers), default=1) - 1
    return next((n for n in range(min(longest, len(text)), 0, -1) if any(marker.startswith(text[-n:]) for marker in markers)), 0)
