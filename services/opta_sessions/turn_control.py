"""Whether a person's request about an open turn may be written: words for it, a pause, its end, and other words for a turn that waits."""

from opta_protocol import wire
from opta_protocol.commands import AppendResult
from opta_protocol.error_info import ErrorCode, ErrorInfo

from .session_state import OpenTurn, SessionState, read_key, read_steer

CONTROL_NAMES = frozenset({"turn.steer", "turn.edited", "turn.pausing", "turn.resumed"})
STEERS_MAX = 50
_KNOWN = AppendResult(n=0, status="known")


def control_refusal(state: SessionState, header: wire.Header, body: bytes) -> AppendResult | None:
    """Why an event of `CONTROL_NAMES` may not be written; None when it may. "known": it changes nothing."""
    turn = state.open_turns.get(header.turn)
    if turn is None:
        return _refused(ErrorCode.conflict, f"{header.turn} of s-{state.sid} has ended.")
    is_running = turn is state.head()
    if header.event == "turn.edited":
        return _refused(ErrorCode.conflict, f"{header.turn} has begun. Add words to it instead (steer).") if is_running else None
    if not is_running:
        return _refused(ErrorCode.conflict, f"{header.turn} waits for the turns before it. Change or remove it instead.")
    if turn.is_stopping:
        return _refused(ErrorCode.conflict, f"{header.turn} is being stopped.")
    if header.event == "turn.steer":
        return _about_steer(turn, body)
    asked = read_key(body)
    if asked.key and asked.key in turn.pause_keys:
        # The same request again, after a lost answer.
        return _KNOWN
    if header.event == "turn.pausing":
        return _KNOWN if turn.is_pausing else None
    if turn.paused_by == "parent" and asked.by != "parent":
        return _refused(
            ErrorCode.conflict,
            f"s-{state.sid} was paused with s-{state.parent}, which started it. Go on with that one: opta sessions resume {state.parent}",
        )
    return None if turn.is_pausing else _refused(ErrorCode.conflict, f"{header.turn} is not paused.")


def pause_refusal(state: SessionState, turn: str) -> AppendResult | None:
    """ "known" when a pause that an agent reports has ended while it came to its safe point, or was reported."""
    paused = state.open_turns[turn]
    return None if paused.is_pausing and not paused.is_paused else _KNOWN


def _about_steer(turn: OpenTurn, body: bytes) -> AppendResult | None:
    steer = read_steer(body)
    known = turn.steers.get(steer.steerId)
    if steer.isEdit:
        if known is None:
            return _refused(ErrorCode.not_found, f"There is no message {steer.steerId!r} that waits in {turn.turn}: it was removed.")
        if not known:
            return _refused(ErrorCode.conflict, "The model has read this message already.")
    elif known is not None:
        # The same request again; its words may have been read.
        is_same = known in ("", steer.text)
        return _KNOWN if is_same else _refused(ErrorCode.invalid, "This Idempotency-Key was used for another message. Use a new key.")
    elif len(turn.waiting_steers) >= STEERS_MAX:
        return _refused(ErrorCode.busy, f"{STEERS_MAX} messages wait in {turn.turn}. Remove some, or wait until the model reads them.")
    return _KNOWN if known == steer.text else None


def _refused(code: ErrorCode, message: str) -> AppendResult:
    return AppendResult(n=0, status="refused", error=ErrorInfo(code=code, message=message))
