"""The bytes of a snapshot: one line with a checksum that describes it, the store's state of a session, and what its agent knows.

A snapshot is a cache. Whatever does not agree with its description, or was written by other code, is refused, and the journal is read instead.
"""

from collections import OrderedDict
from typing import Any
from zlib import crc32

import msgspec

from opta_protocol.commands import AppendResult

from .journal import JournalPosition
from .producer_answers import Answers
from .session_state import SessionState

# Counts up when this file changes what the bytes mean. What the code reduces from a journal is covered by `code_edition`.
FORMAT = 1
# The description is read in one piece.
HEADER_BYTES_MAX = 4096


class UnusableSnapshot(ValueError):
    """The bytes of a snapshot that cannot be used, with the reason."""


class SnapshotPart(msgspec.Struct, frozen=True, kw_only=True):
    """Where a part begins in the file, its bytes, and their crc32."""

    at: int
    size: int
    crc: int

    def checked(self, content: bytes) -> bytes:
        """The part's bytes. Raises UnusableSnapshot when they are other ones."""
        if len(content) != self.size or crc32(content) != self.crc:
            raise UnusableSnapshot("its checksum is wrong")
        return content


class SnapshotHeader(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a snapshot is: of which session, after which line, by which code."""

    format: int
    edition: str
    sid: str
    position: JournalPosition
    state: SnapshotPart
    context: SnapshotPart


class _KeptAnswers(msgspec.Struct):
    base: int
    results: dict[int, AppendResult]


def _convert(kind: Any, value: Any) -> Any:
    """The answers of a state: msgspec decodes no ordered mappings."""
    kept = msgspec.convert(value, dict[str, _KeptAnswers])
    return OrderedDict((producer, Answers(answers.base, OrderedDict(answers.results))) for producer, answers in kept.items())


_decode_header = msgspec.json.Decoder(SnapshotHeader).decode
encode_state = msgspec.msgpack.Encoder().encode
_decode_state = msgspec.msgpack.Decoder(SessionState, dec_hook=_convert).decode


def encoded(sid: str, edition: str, position: JournalPosition, body: bytes, context: bytes) -> list[bytes]:
    """The bytes of a snapshot, in pieces. `body`: a state, by `encode_state`."""
    # The header has a fixed size, so that the offsets that it states do not depend on its length.
    header = SnapshotHeader(
        format=FORMAT,
        edition=edition,
        sid=sid,
        position=position,
        state=SnapshotPart(at=HEADER_BYTES_MAX, size=len(body), crc=crc32(body)),
        context=SnapshotPart(at=HEADER_BYTES_MAX + len(body), size=len(context), crc=crc32(context)),
    )
    line = msgspec.json.encode(header)
    first = b"%08x %b\n" % (crc32(line), line)
    return [first.ljust(HEADER_BYTES_MAX), body, context]


def header_of(first: bytes, *, sid: str, edition: str, size: int) -> SnapshotHeader:
    """The description of a snapshot of `size` bytes that begins with `first`. Raises UnusableSnapshot."""
    check, _, rest = first.partition(b" ")
    line, newline, _ = rest.partition(b"\n")
    if not newline or check != b"%08x" % crc32(line):
        raise UnusableSnapshot("its description is incomplete")
    try:
        header = _decode_header(line)
    except msgspec.DecodeError:
        raise UnusableSnapshot("it has another format") from None
    if header.format != FORMAT or not edition or header.edition != edition:
        raise UnusableSnapshot("it was written by another version")
    if header.sid != sid or header.context.at + header.context.size != size:
        raise UnusableSnapshot("it is incomplete")
    return header


def state_of(header: SnapshotHeader, content: bytes) -> SessionState:
    """The state in a snapshot. Raises UnusableSnapshot."""
    try:
        state = _decode_state(header.state.checked(content))
    except msgspec.DecodeError:
        raise UnusableSnapshot("its state cannot be read") from None
    if (state.sid, state.last_seq) != (header.sid, header.position.seq) or state.is_damaged or state.away:
        raise UnusableSnapshot("its state is of another session or line")
    return state
