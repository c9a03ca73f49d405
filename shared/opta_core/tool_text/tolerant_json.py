"""Reads the JSON that models write: with trailing commas, single quotes, Python's words, raw line breaks, or a missing last bracket.

Nothing is invented: a string without its end, a key without a value, or a word that is neither a name nor a constant is an error.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

DEPTH_MAX = 200

_SPACE = re.compile(r"(?:\s|//[^\n]*\n|/\*.*?\*/)*", re.DOTALL)
_NUMBER = re.compile(r"[-+]?(?:\d[\d_]*)(?:\.\d+)?(?:[eE][-+]?\d+)?")
_WORD = re.compile(r"[A-Za-z_$][\w$.-]*")
_PLAIN_STRING = {'"': re.compile(r'[^"\\]*'), "'": re.compile(r"[^'\\]*"), "”": re.compile(r"[^”\\]*"), "’": re.compile(r"[^’\\]*")}
# Opening quote -> closing quote. Typographic quotes come from models that were trained on prose.
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’"}
_CONSTANTS: dict[str, Any] = {"true": True, "false": False, "null": None, "none": None, "undefined": None}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "/": "/", "\\": "\\", '"': '"', "'": "'", "\n": ""}
_HEX = re.compile(r"[0-9a-fA-F]{4}")


class Unreadable(ValueError):
    """The text holds no value; `at` is the character where reading failed."""

    def __init__(self, message: str, at: int):
        super().__init__(f"{message} at character {at}")
        self.at = at


class TooDeep(Unreadable):
    """The value has more brackets in brackets than anybody reads."""


class Incomplete(Unreadable):
    """The text ended inside a value."""


@dataclass
class _Reader:
    text: str
    # Whether brackets that are open when the text ends count as closed.
    closes: bool
    at: int = 0

    def value(self, depth: int) -> Any:
        if depth > DEPTH_MAX:
            raise TooDeep("the value is nested too deep", self.at)
        character = self._peek("a value")
        if character == "{":
            return self._object(depth)
        if character == "[":
            return self._array(depth)
        if character in _QUOTES:
            return self._string()
        if number := _NUMBER.match(self.text, self.at):
            return self._number(number)
        if word := _WORD.match(self.text, self.at):
            constant = word.group().lower()
            if constant in _CONSTANTS:
                self.at = word.end()
                return _CONSTANTS[constant]
            if word.end() == len(self.text):
                raise Incomplete("the text ends in a word", self.at)
        raise Unreadable(f"there is no value, but {self.text[self.at : self.at + 12]!r}", self.at)

    def _object(self, depth: int) -> dict[str, Any]:
        self.at += 1
        found: dict[str, Any] = {}
        # `{{"a": 1}}`: a template's braces around an object.
        if self._space() and self.text.startswith("{", self.at):
            inner = self._object(depth + 1)
            if self._space() and self.text.startswith("}", self.at):
                self.at += 1
            elif not (self.at == len(self.text) and self.closes):
                raise Unreadable("an object stands where a key is needed", self.at)
            return inner
        while not self._closed("}"):
            key = self._key()
            if self._peek("a colon") not in ":=":
                raise Unreadable(f"the key {key[:40]!r} has no value", self.at)
            self.at += 1
            found[key] = self.value(depth + 1)
            self._separator("}")
        return found

    def _array(self, depth: int) -> list[Any]:
        self.at += 1
        found: list[Any] = []
        while not self._closed("]"):
            found.append(self.value(depth + 1))
            self._separator("]")
        return found

    def _key(self) -> str:
        if self._peek("a key") in _QUOTES:
            return self._string()
        if word := _WORD.match(self.text, self.at):
            self.at = word.end()
            return word.group()
        raise Unreadable(f"there is no key, but {self.text[self.at : self.at + 12]!r}", self.at)

    def _closed(self, closer: str) -> bool:
        """Whether the collection ends here; its closer is passed over."""
        self._space()
        if self.at == len(self.text):
            if self.closes:
                return True
            raise Incomplete(f"a {closer!r} is missing", self.at)
        if self.text[self.at] != closer:
            # The end of an outer collection closes this one too.
            return self.closes and self.text[self.at] in "}]" and not self.text[self.at + 1 :].strip("}] \n\r\t")
        self.at += 1
        return True

    def _separator(self, closer: str) -> None:
        """Pass over the comma between two entries; a line break or a trailing comma will do as well."""
        before = self.at
        self._space()
        if self.text.startswith(",", self.at):
            self.at += 1
        elif self.at < len(self.text) and self.text[self.at] not in "}]" and "\n" not in self.text[before : self.at]:
            raise Unreadable(f"a comma or {closer!r} is missing before {self.text[self.at : self.at + 12]!r}", self.at)

    def _string(self) -> str:
        quote = _QUOTES[self.text[self.at]]
        begin = self.at
        self.at += 1
        if self.text.startswith(quote * 2, self.at) and quote in "\"'":
            end = self.text.find(quote * 3, self.at + 2)
            if end > 0:
                found, self.at = self.text[self.at + 2 : end], end + 3
                return found
        pieces: list[str] = []
        while True:
            plain = _PLAIN_STRING[quote].match(self.text, self.at)
            assert plain is not None
            pieces.append(plain.group())
            self.at = plain.end()
            if self.at == len(self.text):
                raise Incomplete("a string has no end", begin)
            if self.text[self.at] == quote:
                self.at += 1
                return "".join(pieces)
            pieces.append(self._escape())

    def _escape(self) -> str:
        character = self.text[self.at + 1 : self.at + 2]
        if not character:
            raise Incomplete("a string has no end", self.at)
        if character == "u" and (code := _HEX.match(self.text, self.at + 2)):
            self.at += 6
            unit = int(code.group(), 16)
            if 0xD800 <= unit < 0xDC00 and self.text.startswith("\\u", self.at) and (low := _HEX.match(self.text, self.at + 2)):
                self.at += 6
                return (chr(unit) + chr(int(low.group(), 16))).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            return "\ufffd" if 0xD800 <= unit < 0xE000 else chr(unit)
        self.at += 2
        # An escape that JSON does not know is meant as it stands, like the `\d` of a pattern.
        return _ESCAPES.get(character, "\\" + character)

    def _number(self, number: "re.Match[str]") -> int | float:
        if number.end() == len(self.text) and not self.closes:
            raise Incomplete("the text ends in a number", self.at)
        self.at = number.end()
        text = number.group().replace("_", "")
        return float(text) if any(mark in text for mark in ".eE") else int(text)

    def _peek(self, wanted: str) -> str:
        self._space()
        if self.at == len(self.text):
            raise Incomplete(f"the text ends where {wanted} is needed", self.at)
        return self.text[self.at]

    def _space(self) -> bool:
        space = _SPACE.match(self.text, self.at)
        assert space is not None
        self.at = space.end()
        return True


def read_at(text: str, at: int = 0, *, closes: bool = False) -> tuple[Any, int]:
    """(the value that begins at character `at`, the character after it). Raises Unreadable; Incomplete when the text ends inside it.

    `closes`: brackets that are open when the text ends count as closed, and a number may end with the text.
    """
    reader = _Reader(text, closes, at)
    found = reader.value(0)
    return found, reader.at


def read(text: str) -> Any:
    """The one value that a text holds, in a code fence or not, encoded twice or not. Raises Unreadable."""
    text = unfenced(text).strip()
    try:
        found = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        found, at = read_at(text, closes=True)
        if rest := text[at:].strip("}]; \n\r\t"):
            raise Unreadable(f"{rest[:20]!r} follows the value", at) from None
    return found


_FENCE = re.compile(r"^\s*```[\w-]*[ \t]*\n?(.*?)\n?\s*```\s*$", re.DOTALL)


def unfenced(text: str) -> str:
    """The content of a text that is one code fence; any other text as it is."""
    fenced = _FENCE.match(text)
    return fenced.group(1) if fenced else text
