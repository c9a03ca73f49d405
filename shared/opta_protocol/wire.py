"""Encoding of events: the same bytes on the disk, on the bus and in the WebSocket.

A producer's body is `{"event":"turn.token","sid":…}`. The store inserts its fields without decoding the body:
`{"seq":N,"event":"turn.token","ts":"…","sid":…,"p":"…","n":N,"c":"8 hex"}`. `c` is the crc32 of all bytes before `,"c"`.
"""

import re
from zlib import crc32

import msgspec

from .events import EVENT_TYPES, AnyEvent, Event, Unknown

_encoder = msgspec.json.Encoder()


class Header(msgspec.Struct, frozen=True):
    """The fields of every line that are needed to route it."""

    event: str
    sid: str = ""
    turn: str = ""
    seq: int = 0
    ts: str = ""
    p: str = ""
    n: int = 0


_header = msgspec.json.Decoder(Header)
_decoders = {name: msgspec.json.Decoder(kind) for name, kind in EVENT_TYPES.items()}
_any = msgspec.json.Decoder()
_STAMPED = re.compile(rb'\{"seq":\d+,("event":"[^"]*",)"ts":"([^"]*)",(.*),"p":"[^"]*","n":\d+,"c":"[0-9a-f]{8}"\}\Z', re.DOTALL)
_CRC_TAIL = len(b',"c":"00000000"}')


class CorruptLine(ValueError):
    """A journal line with a wrong checksum or shape."""


def encode_body(event: Event) -> bytes:
    """The body of an event as a producer sends it, without seq, ts, p, n and c."""
    return _encoder.encode(event)


def stamp(body: bytes, seq: int, ts: str, p: str, n: int) -> bytes:
    """The stored line for `body`, without newline. `ts` is ISO 8601."""
    # The encoder writes the tag first, so the first `",` ends the event's name.
    at = body.index(b'",') + 2 if b'",' in body else len(body) - 1
    head = b'{"seq":%d,%b"ts":"%b",%b,"p":"%b","n":%d' % (seq, body[1:at], ts.encode(), body[at:-1], p.encode(), n)
    return b'%b,"c":"%08x"}' % (head, crc32(head))


def unstamp(line: bytes) -> tuple[bytes, str]:
    """(body, time) of a stored line: the reverse of `stamp`. Raises CorruptLine."""
    found = _STAMPED.match(line)
    if found is None:
        raise CorruptLine("the line has another form")
    return b"{%b%b}" % (found[1], found[3]), found[2].decode()


def is_whole(line: bytes) -> bool:
    """Whether the checksum of a line (without newline) is correct."""
    if len(line) <= _CRC_TAIL or line[-_CRC_TAIL:-10] != b',"c":"' or line[-2:] != b'"}':
        return False
    return b"%08x" % crc32(line[:-_CRC_TAIL]) == line[-10:-2]


def read_header(line: bytes) -> Header:
    """Read the header of a line or body. Raises msgspec.DecodeError."""
    return _header.decode(line)


def event_name(line: bytes) -> str:
    """The event's name, read by position: decoding a line twice would double the cost of a fold."""
    at = line.find(b'"event":"') + 9
    return line[at : line.find(b'"', at)].decode(errors="replace")


def decode(line: bytes) -> AnyEvent | Unknown:
    """Decode a line. Kinds and shapes of another version are returned as `Unknown`. Raises CorruptLine."""
    try:
        decoder = _decoders.get(event_name(line))
        if decoder is not None:
            try:
                return decoder.decode(line)  # type: ignore[return-value]
            except msgspec.ValidationError:
                pass
        header = _header.decode(line)
        return Unknown(raw=_any.decode(line), seq=header.seq, event=header.event, sid=header.sid, turn=header.turn)
    except msgspec.DecodeError as error:
        raise CorruptLine(str(error)) from error
