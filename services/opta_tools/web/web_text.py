"""What of a body is text, and in which encoding: by the headers, the content's first bytes, and what an HTML page says of itself."""

import codecs
import re
from dataclasses import dataclass
from email.message import Message

from opta_protocol.web_address import WebAddress

from ..result import ToolProblem
from .html_text import page_text

# Names of encodings on the web -> Python's. By the standard of the web, Latin-1 and ASCII mean Windows-1252. Others are not used: some
# of Python's codecs take quadratic time or are no encodings of text.
_ENCODINGS = {
    **dict.fromkeys(("iso-8859-1", "latin1", "latin-1", "us-ascii", "ascii", "windows-1252", "cp1252"), "cp1252"),
    **{f"windows-{number}": f"cp{number}" for number in range(1250, 1259)},
    **{f"iso-8859-{number}": f"iso8859-{number}" for number in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)},
    **dict.fromkeys(("iso-8859-9", "latin5"), "cp1254"),
    **dict.fromkeys(("utf-8", "utf8"), "utf-8"),
    **dict.fromkeys(("utf-16", "unicode"), "utf-16"),
    **{name: name for name in ("utf-16le", "utf-16be", "koi8-r", "koi8-u", "gb18030", "big5", "euc-jp", "iso-2022-jp", "euc-kr")},
    **dict.fromkeys(("gbk", "gb2312", "x-gbk"), "gb18030"),
    **dict.fromkeys(("shift_jis", "shift-jis", "sjis", "x-sjis", "windows-31j"), "cp932"),
    "ks_c_5601-1987": "cp949", "macintosh": "mac-roman", "ibm866": "cp866", "windows-874": "cp874", "tis-620": "cp874", "big5-hkscs": "big5hkscs",
}  # fmt: skip
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE)
META_BYTES = 4096
_HTML = ("text/html", "application/xhtml+xml")
# Text besides text/* and types that end in +json, +xml or +yaml.
_TEXT = frozenset(
    f"application/{name}"
    for name in "json xml javascript x-javascript ecmascript typescript yaml x-yaml toml x-ndjson jsonl ld+json sql graphql x-sh x-httpd-php".split()
)
_UNKNOWN = ("", "application/octet-stream", "binary/octet-stream", "application/x-download")
# First bytes of files that are no text, whatever their type says.
_SIGNATURES = {
    b"%PDF-": "a PDF", b"PK\x03\x04": "a ZIP archive", b"\x89PNG": "a PNG picture", b"\xff\xd8\xff": "a JPEG picture", b"GIF8": "a GIF picture",
    b"\x1f\x8b": "a gzip file", b"\x7fELF": "a program", b"MZ\x90": "a program",
}  # fmt: skip
_PAGE_START = re.compile(rb"<(?:!doctype\s++html|html|head|body)[\s>]", re.IGNORECASE)


@dataclass(frozen=True)
class ContentType:
    """The type that a response states, in lower case, and its charset; '' for none."""

    name: str
    charset: str

    @classmethod
    def read(cls, header: bytes) -> "ContentType":
        """Read a Content-Type header, however it is written."""
        message = Message()
        message["content-type"] = "".join(character for character in header.decode("latin-1")[:300] if character.isprintable())
        name = message.get_content_type() if b"/" in header else ""
        charset = message.get_param("charset")
        return cls(name, charset.strip().lower()[:40] if isinstance(charset, str) else "")

    @property
    def may_be_text(self) -> bool:
        """Whether a body of this type can be text; its content decides when the type says nothing."""
        name = self.name
        return name.startswith("text/") or name in (*_HTML, *_UNKNOWN) or name in _TEXT or name.endswith(("+json", "+xml", "+yaml"))


@dataclass(frozen=True)
class WebText:
    """A body as text. `kind` names its type for the model; `note`: what was not as expected, '' for nothing."""

    text: str
    kind: str
    note: str = ""


def text_of(content: bytes, stated: ContentType, address: WebAddress) -> WebText:
    """A body as text. Takes up to a second for a large page. Raises ToolProblem for what is no text."""
    if (found := next((name for start, name in _SIGNATURES.items() if content.startswith(start)), "")) != "":
        raise ToolProblem(no_text(f"it is {found}"), "not_text")
    is_page = stated.name in _HTML or (stated.name in (*_UNKNOWN, "text/plain") and _is_page(content[:META_BYTES]))
    encoding, note = _encoding(content, stated, is_page=is_page)
    if "utf-16" not in encoding and b"\0" in content[:META_BYTES]:
        raise ToolProblem(no_text(f"it is binary, though its type is {stated.name or 'not stated'}"), "not_text")
    text = content.decode(encoding, "replace").removeprefix("\ufeff")
    if stated.name in _UNKNOWN and not is_page and _is_garbled(text):
        raise ToolProblem(no_text("it is binary"), "not_text")
    return WebText(page_text(text, address.url) if is_page else text, stated.name or ("text/html" if is_page else "text"), note)


def no_text(reason: str) -> str:
    """The message for what is no text, with what to do instead."""
    return f"{reason}, and web_fetch reads text only; to work with the file, download it with run_command, which asks for the network"


def _is_page(start: bytes) -> bool:
    """Whether a content begins as an HTML page does, perhaps behind comments."""
    start = start.removeprefix(codecs.BOM_UTF8).lstrip()
    while start.startswith(b"<!--"):
        start = start.partition(b"-->")[2].lstrip()
    return _PAGE_START.match(start) is not None


def _encoding(content: bytes, stated: ContentType, *, is_page: bool) -> tuple[str, str]:
    """(Python's name of the encoding, a note when it is a guess)."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return encoding, ""
    meta = _META.search(content[:META_BYTES]) if is_page else None
    named = [name for name in (stated.charset, meta[1].decode().lower() if meta else "") if name]
    known = next((_ENCODINGS[name] for name in named if name in _ENCODINGS), "")
    # A page that could be read so far is not UTF-16, whatever it says.
    if known.startswith("utf-16") and not stated.charset:
        known = "utf-8"
    if known:
        return known, ""
    note = f"its encoding {named[0]!r} is not known" if named else ""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(content)
    except UnicodeDecodeError:
        return "cp1252", note or "its encoding is not stated and was guessed"
    return "utf-8", note


def _is_garbled(text: str) -> bool:
    start = text[:META_BYTES]
    odd = sum(character == "\ufffd" or (character < " " and character not in "\t\n\r\f\x1b") for character in start)
    return odd > len(start) // 50
