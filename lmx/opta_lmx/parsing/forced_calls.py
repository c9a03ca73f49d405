"""Parses calls that a grammar forces: `{"name":…,"arguments":{…}}`, or an array of them. Pure text, no mlx."""

import json
import re

from .output_parser import OutputPiece

_HEAD = re.compile(r'[\s\[,}]*\{\s*"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"arguments"\s*:\s*')


class ForcedCallParser:
    """Emits the name of a call once its arguments begin, and the arguments as they arrive."""

    stopped_by = ""
    malformed = 0
    is_stopped = False

    def __init__(self) -> None:
        self._held = ""
        self._name = ""
        self._is_called = False
        # Within arguments: open brackets, and whether a string or an escape in it is open.
        self._is_open = self._is_string = self._is_escaped = False
        self._depth = 0

    def parse(self, text: str) -> list[OutputPiece]:
        """Take more text; returns the pieces that are certain now."""
        pieces: list[OutputPiece] = []
        self._held += text
        while self._held:
            if not self._is_open and not self._open():
                break
            size = self._end_of_arguments()
            ready, self._held = self._held[:size], self._held[size:]
            if ready:
                pieces.append(OutputPiece("call", name=self._name, arguments=ready))
                self._name, self._is_called = "", True
        return pieces

    def end(self, *, is_cut: bool = False) -> list[OutputPiece]:
        """The rest. A call that was cut off before its name was complete is emitted as text, unless it follows another one."""
        held, self._held = self._held, ""
        return [OutputPiece("text", held)] if held and not self._is_called else []

    def _open(self) -> bool:
        head = _HEAD.match(self._held)
        if head is None or head.end() == len(self._held):
            return False
        self._name, self._held = str(json.loads(head.group(1))), self._held[head.end() :]
        self._is_open, self._depth = True, 0
        return True

    def _end_of_arguments(self) -> int:
        """The number of held characters that belong to the arguments; closes them when they are complete."""
        for at, character in enumerate(self._held):
            if self._is_string:
                if self._is_escaped:
                    self._is_escaped = False
                elif character == "\\":
                    self._is_escaped = True
                elif character == '"':
                    self._is_string = False
            elif character == '"':
                self._is_string = True
            elif character in "{[":
                self._depth += 1
            elif character in "}]":
                if self._depth == 0:
                    # The arguments were a number or a word, which this bracket follows.
                    self._is_open = False
                    return at
                self._depth -= 1
                if self._depth == 0:
                    self._is_open = False
                    return at + 1
        return len(self._held)
