"""Puts the pieces of streamed tool calls together: servers number and name them in many ways.

A known id continues its call. A new id, a new name after whole arguments, or a further entry of one list begins a new call.
"""

from dataclasses import dataclass, field
from typing import Any, cast

import msgspec

from .base import CallPart

_decode = msgspec.json.Decoder().decode


@dataclass
class _Call:
    """A call that may not be whole yet; its arguments are joined once, at the end."""

    id: str = ""
    index: int | None = None
    name: str = ""
    pieces: list[str] = field(default_factory=list[str])

    @property
    def arguments(self) -> str:
        return "".join(self.pieces)

    @property
    def is_whole(self) -> bool:
        """Whether the arguments are a whole JSON object."""
        text = self.arguments.strip()
        if not text.endswith("}"):
            return False
        try:
            return isinstance(_decode(text), dict)
        except (msgspec.DecodeError, RecursionError):
            return False


class StreamedCalls:
    """The calls of one answer."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []

    def __bool__(self) -> bool:
        return bool(self._calls)

    def take(self, pieces: Any) -> None:
        """Take in the `tool_calls` of one chunk: a list of pieces, or one piece. What is no piece is passed over."""
        entries: list[Any] = cast("list[Any]", pieces) if isinstance(pieces, list) else [pieces]
        touched: list[_Call] = []
        for entry in entries:
            if isinstance(entry, dict):
                self._take(cast("dict[str, Any]", entry), touched)

    def take_function(self, function: Any) -> None:
        """Take in a `function_call`, the form before `tool_calls`: there is one call an answer."""
        if isinstance(function, dict):
            self._take({"index": 0, "function": function}, [])

    def parts(self) -> list[CallPart]:
        """Every call that has a name."""
        return [CallPart(call.id, call.name, call.arguments or "{}") for call in self._calls if call.name]

    def _take(self, piece: dict[str, Any], touched: list[_Call]) -> None:
        given = piece.get("function")
        function = cast("dict[str, Any]", given) if isinstance(given, dict) else piece
        identity, index = _text(piece.get("id")), _index(piece.get("index"))
        name = _text(function.get("name"))
        arguments = function.get("arguments", function.get("parameters", function.get("input")))
        text = _arguments(arguments)
        call = self._known(identity, index, name, text, touched)
        if call is None:
            call = _Call(index=index)
            self._calls.append(call)
        touched.append(call)
        call.id = call.id or identity
        if name and name != call.name:
            if name.startswith(call.name):
                call.name = name
            elif not call.name.endswith(name) or not call.pieces:
                call.name += name
        if isinstance(arguments, dict):
            call.pieces = [text]
        elif text and not (call.arguments == text and call.is_whole):
            call.pieces.append(text)

    def _known(self, identity: str, index: int | None, name: str, text: str, touched: list[_Call]) -> _Call | None:
        """The call that a piece continues; None for a new one."""
        if identity:
            if same := next((call for call in reversed(self._calls) if call.id == identity), None):
                # Some servers give all calls of an answer one id.
                is_other = same in touched or (index is not None and index != same.index)
                begins = is_other and bool(name) and bool(text) and text != same.arguments and same.is_whole
                return None if begins else same
            same = self._by_index(index)
            if same is None and index is None and self._calls and not touched:
                same = self._calls[-1]
            # An id that comes after the name, or that changes from piece to piece, is not another call.
            if same is not None and same not in touched and not (same.id and name) and not (same.is_whole and (name or text)):
                return same
            return None
        if not self._calls:
            return None
        same = self._by_index(index)
        if same is None:
            last = self._calls[-1]
            if index is not None and name:
                return None
            same = last
        # A further entry of one list is another call.
        if same in touched and (name or index is None):
            return None
        begins = bool(name) and same.is_whole and not (same.name == name and (not text or text == same.arguments))
        return None if begins else same

    def _by_index(self, index: int | None) -> _Call | None:
        return next((call for call in reversed(self._calls) if index is not None and call.index == index), None)


def _text(value: Any) -> str:
    return "" if value is None or isinstance(value, dict | list | bool) else str(value)


def _index(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return int(value)
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 6 else None


def _arguments(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else msgspec.json.encode(value).decode()
