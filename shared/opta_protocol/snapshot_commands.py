"""Queries about the snapshot of a session: what the store and the agent have reduced from its journal, kept beside it."""

from .command_base import Command

# What an agent knows travels in frames of this size: the bus refuses large ones. More than the limit is not kept.
FRAME_BYTES = 8 * 1024 * 1024
SNAPSHOT_BYTES_MAX = 256 * 1024 * 1024


class KeepSnapshot(Command, frozen=True, kw_only=True, omit_defaults=True, tag="KeepSnapshot"):
    """Asks the store to keep what the agent knows of a session after line `seq`, which follows as frames. The result: whether it is kept.

    It is not kept when line `seq` is no longer the last one.
    """

    id: int
    sid: str
    seq: int


class GetSnapshot(Command, frozen=True, kw_only=True, omit_defaults=True, tag="GetSnapshot"):
    """Asks for what the agent knew of a session. The result: after which line, 0 for nothing; it follows as frames."""

    id: int
    sid: str


def framed(content: bytes) -> list[bytes]:
    """The content in frames."""
    return [content[at : at + FRAME_BYTES] for at in range(0, len(content), FRAME_BYTES)]
