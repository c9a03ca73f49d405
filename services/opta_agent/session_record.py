"""What an agent knows of a session, as bytes that are kept in its snapshot."""

import msgspec

from opta_core.transcript import Transcript
from opta_protocol.events import PermissionDecision, ToolResult

from .history import HistoryRecord
from .injected_files import InjectedRecord


class SessionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An `AgentSession` after line `seq`, between turns; the fields as there."""

    seq: int
    transcript: Transcript
    history: HistoryRecord
    injected: InjectedRecord
    granted: set[str]
    commands: list[str]
    asked: dict[str, tuple[int, str]]
    results: dict[str, ToolResult]
    decisions: dict[str, PermissionDecision]


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(SessionRecord)


def encoded(edition: str, record: SessionRecord) -> bytes:
    """The bytes of a record, by an edition of the code. Raises ValueError or OverflowError: a call has an argument that cannot be encoded."""
    return b"%b\n%b" % (edition.encode(), _encode(record))


def decoded(edition: str, content: bytes) -> SessionRecord | None:
    """The record; None when another edition of the code encoded it."""
    head = b"%b\n" % edition.encode()
    if not edition or not content.startswith(head):
        return None
    try:
        return _decoder.decode(memoryview(content)[len(head) :])
    except msgspec.DecodeError:
        return None
