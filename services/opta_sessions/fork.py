"""Makes the journal of a new session from the history of another one, up to a turn.

The lines keep their bodies, so that a model reads the same bytes; they are numbered anew, and name the new session. Left out are turns that
are not wanted (a later one may have been queued meanwhile), what concerned the session as an object (pinned, archived), and the scope of
answers that held for the old session: a fork asks again.
"""

from collections.abc import Iterable

import msgspec

from opta_core.errors import Refused
from opta_protocol import wire
from opta_protocol.context_events import ContextCompacted
from opta_protocol.error_info import ErrorCode
from opta_protocol.events import ENDING_NAMES, PermissionDecision, SessionCleared, SessionStart, SessionUpdated

# Changes of a session that belong to its history.
_CHANGES = ("title", "model", "mode", "level")


def forked(lines: Iterable[bytes], sid: str, new: str, turn: str, *, is_before: bool, producer: str) -> list[bytes]:
    """The lines of the new session. Raises Refused: there is no such turn, or it has not ended."""
    read = [(wire.read_header(line), line) for line in lines]
    cut, kept = _history(read, sid, turn, is_before=is_before)
    found: list[bytes] = []
    # Seq in the old session -> seq of the same line, or of the last one before it, in the new session.
    numbers: dict[int, int] = {0: 0}
    last_turn = ""
    for header, line in read:
        if header.seq <= cut and (not header.turn or header.turn in kept):
            last_turn = header.turn or last_turn
            if body := _body(line, header, sid, new, numbers, last_turn=max(kept, key=_number, default="")):
                _, ts = wire.unstamp(line)
                found.append(wire.stamp(body, len(found) + 1, ts, producer, len(found) + 1))
        numbers[header.seq] = len(found)
    return found


def _history(read: list[tuple[wire.Header, bytes]], sid: str, turn: str, *, is_before: bool) -> tuple[int, set[str]]:
    """(seq of the last line that may be taken, turns that are)."""
    begins = {header.turn: header.seq for header, _ in read if header.event == "turn.start"}
    ends = {header.turn: header.seq for header, _ in read if header.event in ENDING_NAMES}
    if turn not in begins:
        raise Refused(f"There is no turn {turn[:20]!r} in s-{sid}.", code=ErrorCode.not_found)
    if not is_before and turn not in ends:
        raise Refused(f"{turn} of s-{sid} has not ended. Fork before it, or wait until it has.", code=ErrorCode.busy)
    kept = {known for known in begins if _number(known) < _number(turn) or (known == turn and not is_before)}
    if running := sorted(kept - ends.keys(), key=_number):
        raise Refused(f"{running[0]} of s-{sid} has not ended.", code=ErrorCode.busy)
    cut = max([ends[known] for known in kept], default=0)
    return max(cut, begins[turn] - 1 if is_before else cut), kept


def _body(line: bytes, header: wire.Header, sid: str, new: str, numbers: dict[int, int], *, last_turn: str) -> bytes:
    """The body of a line in the new session; b'' for one that is left out."""
    match event := wire.decode(line):
        case SessionStart():
            # The fork of a sub-agent is an ordinary session, with the tools that the sub-agent had (`depth`).
            return _encoded(event, sid=new, parent=sid, parentTurn=last_turn, parentCall="")
        case SessionUpdated():
            changes = {name: value for name, value in event.changes.items() if name in _CHANGES}
            return _encoded(event, sid=new, changes=changes) if changes else b""
        case SessionCleared() | ContextCompacted():
            return _encoded(event, sid=new, upTo=_before(numbers, event.upTo))
        case PermissionDecision() if event.scope == "session":
            return _encoded(event, sid=new, scope="allow")
        case _:
            body, _ = wire.unstamp(line)
            return body.replace(b'"sid":"%b"' % sid.encode(), b'"sid":"%b"' % new.encode(), 1)


def _encoded(event: SessionStart | SessionUpdated | SessionCleared | ContextCompacted | PermissionDecision, **changed: object) -> bytes:
    return wire.encode_body(msgspec.structs.replace(event, seq=0, ts="", p="", n=0, c="", **changed))


def _before(numbers: dict[int, int], seq: int) -> int:
    return numbers.get(seq, max((number for known, number in numbers.items() if known <= seq), default=0))


def _number(turn: str) -> int:
    return int(turn[1:]) if turn[1:].isdecimal() else 0
