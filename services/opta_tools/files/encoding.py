"""Files as text and back, byte for byte where nothing was changed: encodings, byte order marks, line ends."""

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
    """`text` holds the line ends of the file; `encoding` and `mark` bring the bytes back."""

    text: str
    encoding: str = "utf-8"
    mark: bytes = b""

    @property
    def newline(self) -> str:
        """The line end most lines have."""
        ends = self.text.count("\r\n")
        return "\r\n" if ends and ends * 2 >= self.text.count("\n") else "\n"

    def encode(self, text: str, path: str) -> bytes:
        """Another text in this file's encoding. Raises ToolProblem when it cannot be written so."""
        try:
            return self.mark + text.encode(self.encoding, "surrogateescape" if self.encoding == "utf-8" else "strict")
        except UnicodeEncodeError as error:
            character = text[error.start]
            raise ToolProblem(f"{path} is {self.encoding}, which has no character {character!r}; leave it out") from None


def decode(content: bytes, path: str) -> DecodedText:
    """Raises ToolProblem for what is no text."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            try:
                return DecodedText(content[len(mark) :].decode(encoding), encoding, mark)
            except UnicodeDecodeError:
                raise ToolProblem(f"{path} begins like {encoding} text but is none") from None
    if b"\0" in content[:8192]:
        raise ToolProblem(f"{path} is not a text file ({len(content)} bytes, binary)")
    try:
        return DecodedText(content.decode())
    except UnicodeDecodeError:
        kept = content.decode("utf-8", "surrogateescape")
        odd = sum("\udc80" <= character <= "\udcff" for character in kept)
        # Mostly UTF-8, with some bytes that are none: those are kept as they are.
        if sum(character > "\x7f" for character in kept) > 2 * odd:
            return DecodedText(kept, "utf-8")
        # One byte a character, and back without loss; older files of the western world are this.
        return DecodedText(content.decode("latin-1"), "latin-1")


def lines_of(text: str) -> list[str]:
    """Lines with their ends, cut at line feeds only (a form feed or U+2028 is part of a line)."""
    return re.findall(r"[^\n]*\n|[^\n]+\Z", text)
