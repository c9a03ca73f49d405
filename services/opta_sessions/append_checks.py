"""Checks an append before any of its events is accepted: it must contain complete events of one session."""

import msgspec

from opta_protocol import wire
from opta_protocol.commands import Append
from opta_protocol.events import DELTA_NAMES
from opta_protocol.ids import SESSION_ID


def append_problem(head: Append, bodies: list[bytes]) -> str:
    """Why a message is not an append of complete events to one session; '' when it is one."""
    if not SESSION_ID.match(head.sid):
        return "the session id is not valid"
    for body in bodies:
        if b"\n" in body:
            return "a body contains a line break"
        try:
            header = wire.read_header(body)
            if header.sid != head.sid:
                return "a body names another session"
            if header.event not in DELTA_NAMES:
                wire.decode(body)
        except msgspec.DecodeError:
            return "a body is not an event"
    return ""
