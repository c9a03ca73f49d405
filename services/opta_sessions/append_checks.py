"""What the store takes from the bus at all: whole events of one session, looked at before any of them is taken."""

import msgspec

from opta_protocol import wire
from opta_protocol.commands import Append
from opta_protocol.events import DELTA_NAMES
from opta_protocol.ids import SESSION_ID


def not_an_append(head: Append, bodies: list[bytes]) -> str:
    """Why a message holds something else than events of one session; all of it is looked at before any of it is taken."""
    if not SESSION_ID.match(head.sid):
        return "this is no session id"
    for body in bodies:
        if b"\n" in body:
            return "a body holds a line break"
        try:
            header = wire.read_header(body)
            if header.sid != head.sid:
                return "a body names another session"
            if header.event not in DELTA_NAMES:
                wire.decode(body)
        except msgspec.DecodeError:
            return "a body is no event"
    return ""
