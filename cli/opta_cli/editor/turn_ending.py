"""How a turn ended, as the protocol says it: a stop reason, or an error that says what happened and how to fix it."""

from typing import Any, Literal, NamedTuple

from acp import RequestError

from opta_core.errors import OptaError
from opta_protocol import events as e
from opta_protocol.error_info import ErrorCode

StopReason = Literal["end_turn", "max_tokens", "max_turn_requests", "refusal", "cancelled"]
_FINISHES: dict[str, StopReason] = {"stop": "end_turn", "steps": "max_turn_requests", "budget": "max_turn_requests", "length": "max_tokens"}
# Codes of JSON-RPC, and those that the protocol adds.
INVALID_PARAMS, INTERNAL, AUTH_REQUIRED, NOT_FOUND = -32602, -32603, -32000, -32002
_CODES: dict[str, int] = {
    ErrorCode.invalid: INVALID_PARAMS,
    ErrorCode.bad_request: INVALID_PARAMS,
    ErrorCode.too_large: INVALID_PARAMS,
    ErrorCode.unsupported_media_type: INVALID_PARAMS,
    ErrorCode.model_not_found: INVALID_PARAMS,
    ErrorCode.not_found: NOT_FOUND,
    ErrorCode.provider_auth: AUTH_REQUIRED,
}


class TurnEnding(NamedTuple):
    """`reason`, or the error when there is none."""

    reason: StopReason | None
    error: RequestError | None = None


def ending_of(event: e.TurnDone | e.TurnError | e.SessionCancelled, *, was_filtered: bool) -> TurnEnding:
    """The ending of a turn. `was_filtered`: the last answer of its model was stopped by a content filter."""
    match event:
        case e.TurnDone():
            return TurnEnding(_FINISHES[event.finish])
        case e.SessionCancelled():
            return TurnEnding("cancelled")
        case e.TurnError() if was_filtered:
            return TurnEnding("refusal")
        case e.TurnError():
            data: dict[str, Any] = {
                "code": event.code,
                "domain": event.domain,
                "turn": event.turn,
                "retryable": event.retryable,
                "resumable": event.resumable,
            }
            return TurnEnding(None, RequestError(_CODES.get(event.code, INTERNAL), event.message, data))


def request_error(error: OptaError) -> RequestError:
    """An error of the daemon or of ours as a response."""
    return RequestError(_CODES.get(error.code, INTERNAL), error.message, {"code": str(error.code), "retryable": error.retryable})


def refused(message: str) -> RequestError:
    """A request that is wrong. `message`: what is wrong, and how it is right."""
    return RequestError(INVALID_PARAMS, message)
