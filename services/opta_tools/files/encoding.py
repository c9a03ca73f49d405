"""Decodes files to text and encodes them again: encodings, byte order marks, line ends. Unchanged parts keep their bytes."""

import codecs
import re
from dataclasses import dataclass

from ..result import ToolProblem

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True)
class DecodedText:
    """The decoded content of a file, with its line ends. `encoding` and `mark` (byte order mark) restore the bytes."""

    text: str
    encoding: str = "utf-8"
    mark: bytes = b""

    @property
    def newline(self) -> str:
        """The line end of most lines; a lone carriage return where there is no other line break."""
        if "\r" not in self.text:
            return "\n"
        ends, breaks = self.text.count("\r\n"), self.text.count("\n")
        return "\r" if not breaks else "\r\n" if ends * 2 >= breaks else "\n"

    def encode(self, text: str, path: str) -> bytes:
        """Encode another text in this file's encoding. Raises ToolProblem when the encoding lacks a character."""
        try:
            return self.mark + text.encode(self.encoding, "surrogateescape" if self.encoding == "utf-8" else "strict")
        except UnicodeEncodeError as error:
            character = text[error.start]
            raise ToolProblem(f"{path} is {self.encoding}, which has no character {character!r}; leave it out") from None


def decode(content: bytes, path: str) -> DecodedText:
    """Decode the content of a file. Raises ToolProblem when it is not text."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            try:
                return DecodedText(content[len(mark) :].decode(encoding), encoding, mark)
            except UnicodeDecodeError:
                raise ToolProblem(f"{path} begins like {encoding} text but is not valid {encoding}", "not_text") from None
    if b"\0" in content[:8192]:
        raise ToolProblem(f"{path} is not a text file ({len(content)} bytes, binary)", "not_text")
    try:
        return DecodedText(content.decode())
    except UnicodeDecodeError:
        kept = content.decode("utf-8", "surrogateescape")
        odd = sum("\udc80" <= character <= "\udcff" for character in kept)
        # Mostly UTF-8 with some invalid bytes: these are kept.
        if sum(character > "\x7f" for character in kept) > 2 * odd:
            return DecodedText(kept, "utf-8")
        # Latin-1 maps every byte to a character and back without loss; older western files use it.
        return DecodedText(content.decode("latin-1"), "latin-1")


def describe(text: DecodedText, name: str) -> list[str]:
    """What a reader cannot see in a file's lines and does not expect: line ends, encoding, format."""
    facts: list[str] = []
    if ends := {"\r": "CR", "\r\n": "CRLF"}.get(text.newline):
        facts.append(f"line ends are {ends}, edits keep them")
    if text.encoding != "utf-8":
        facts.append(f"encoding is {text.encoding}, edits keep it")
    if name.endswith(".ipynb"):
        facts.append("a notebook, shown as JSON")
    return facts


def lines_of(text: str) -> list[str]:
    """Lines with their ends. Only U+000A ends a line; U+000C or U+2028 is part of a line."""
    return re.findall(r"[^\n]*\n|[^\n]+\Z", text)
