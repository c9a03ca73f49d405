"""Journals made by hand, stamped as the store does."""

from opta_protocol import wire
from opta_protocol.events import Event

TS = "2026-01-02T03:04:05.{:06d}Z"


def journal(*events: Event, producer: str = "test.boot") -> list[bytes]:
    """The lines of a session made of these events."""
    return [wire.stamp(wire.encode_body(event), seq, TS.format(seq), producer, seq) for seq, event in enumerate(events, 1)]
