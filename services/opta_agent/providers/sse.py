"""The lines of a stream: server-sent events by the standard, and what servers send in their place.

Source: the HTML standard, section "Server-sent events". Beyond it: events that are not parted by a blank line, bare lines of JSON, a
whole JSON body, and several events on one line are read too, because servers send them.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

import msgspec

from opta_core.errors import Unavailable

# The largest event of a chat server is a call with a whole file in it.
EVENT_BYTES_MAX = 4 * 1024 * 1024
_BOM = b"\xef\xbb\xbf"
_UNREADABLE = (ValueError, msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_decode = msgspec.json.Decoder().decode


class TooLarge(Unavailable):
    """A line that is longer than any event of a chat server."""


@dataclass(frozen=True)
class Payload:
    """One event. `value`: its JSON, None for other text; `name`: its type, '' for the usual one."""

    value: Any
    text: bytes
    name: str = ""

    @property
    def is_done(self) -> bool:
        """Whether it is the mark at the end of a stream."""
        return self.text.strip().upper() == b"[DONE]"


class SseReader:
    """Takes chunks of a stream of server-sent events; returns the events that became whole."""

    def __init__(self) -> None:
        self._rest = b""
        self._name = ""
        self._data: list[bytes] = []
        self._is_first = True
        # The beginning of what was sent in the place of events, for an error message.
        self.stray = b""

    def feed(self, chunk: bytes) -> list[Payload]:
        """Events that became whole. Raises TooLarge."""
        text = self._rest + chunk
        if self._is_first and text:
            if _BOM.startswith(text[:3]) and len(text) < 3:
                self._rest = text
                return []
            text = text.removeprefix(_BOM)
            self._is_first = False
        # A carriage return at the end may be the first half of a line end.
        held = b"\r" if text.endswith(b"\r") else b""
        lines = text[: len(text) - len(held)].split(b"\n") if b"\r" not in text else _lines(text[: len(text) - len(held)])
        self._rest = lines.pop() + held
        if len(self._rest) + sum(map(len, self._data)) > EVENT_BYTES_MAX or max(map(len, lines), default=0) > EVENT_BYTES_MAX:
            raise TooLarge(f"an event of more than {EVENT_BYTES_MAX // 1024 // 1024} MiB")
        found: list[Payload] = []
        for line in lines:
            self._take(line, found)
        return found

    def end(self) -> list[Payload]:
        """The last event, when the stream ended without a blank line after it."""
        found = self.feed(b"\n\n") if self._rest or self._data else []
        if self._data:
            self._dispatch(found)
        return found

    def _take(self, line: bytes, found: list[Payload]) -> None:
        if not line.strip():
            # A JSON body over several lines may hold blank ones.
            if self._data and not (self._data[0].lstrip().startswith((b"{", b"[")) and self._is_bare):
                self._dispatch(found)
            return
        field, colon, value = line.partition(b":")
        match field.strip() if colon else b"":
            case b"data":
                self._is_bare = False
                self._add(value.removeprefix(b" "), found)
            case b"event":
                self._name = value.decode(errors="replace").strip()
            case b"" if line.startswith(b":"):
                pass
            case b"id" | b"retry":
                pass
            case _:
                self._is_bare = True
                if line.lstrip().startswith((b"{", b"[")) or self._data:
                    self._add(line, found)
                elif len(self.stray) < 1000:
                    self.stray += line[:1000] + b"\n"

    _is_bare = False

    def _add(self, data: bytes, found: list[Payload]) -> None:
        """Take in a line of data; an event that is whole JSON need not wait for the blank line."""
        whole = _payloads(data, self._name) if not self._data else []
        if whole:
            self._give(whole, found)
            return
        self._data.append(data)
        joined = _payloads(b"\n".join(self._data), self._name) if len(self._data) > 1 and data.rstrip().endswith((b"}", b"]")) else []
        # A line that is whole by itself was no continuation of the one before.
        joined = joined or (_payloads(data, self._name) if len(self._data) > 1 and data.lstrip().startswith(b"{") else [])
        if joined:
            self._data.clear()
            self._give(joined, found)

    def _give(self, whole: list[Payload], found: list[Payload]) -> None:
        self._name = ""
        found += whole

    def _dispatch(self, found: list[Payload]) -> None:
        text = b"\n".join(self._data)
        self._data.clear()
        if text.strip():
            if len(self.stray) < 1000:
                self.stray += text[:1000] + b"\n"
            found.append(Payload(None, text, self._name))
        self._name = ""


def _lines(text: bytes) -> list[bytes]:
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")


def _payloads(data: bytes, name: str) -> list[Payload]:
    """The JSON values of a line, or the mark at the end; [] for anything else. Several events on one line are parted at `data:`."""
    text = data.strip()
    if not text.startswith((b"{", b"[")):
        return []
    if text.upper() == b"[DONE]":
        return [Payload(None, text, name)]
    try:
        return [Payload(_decode(text), text, name)]
    except _UNREADABLE:
        pass
    found: list[Payload] = []
    rest = _LONE_SURROGATE.sub(r"\1\\ufffd", readable(text))
    while rest:
        try:
            value, at = _LENIENT.raw_decode(rest)
        except (ValueError, RecursionError):
            if not found or rest.strip().upper() != "[DONE]":
                return []
            return [*found, Payload(None, b"[DONE]", name)]
        found.append(Payload(value, rest[:at].encode(errors="replace"), name))
        rest = rest[at:].lstrip()
        if rest and not rest.startswith("data:"):
            return []
        rest = rest.removeprefix("data:").lstrip()
    return found


# Half of a character that JSON writes as two escapes. An escaped backslash before it makes it mere text.
_LONE_SURROGATE = re.compile(
    r"(?<!\\)((?:\\\\)*)(?:\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2})"
)
# Takes NaN and line breaks in strings, which other servers' encoders write.
_LENIENT = json.JSONDecoder(strict=False)


def readable(text: bytes) -> str:
    """Bytes as text, with the replacement character for what UTF-8 does not know, and for half of a character written as an escape."""
    decoded = text.decode(errors="replace")
    try:
        decoded.encode()
    except UnicodeEncodeError:
        decoded = decoded.encode(errors="replace").decode()
    return decoded
