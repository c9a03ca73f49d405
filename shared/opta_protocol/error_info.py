"""Errors between processes, and between the daemon and its clients."""

from enum import StrEnum
from typing import Any

import msgspec


class ErrorCode(StrEnum):
    """All error codes that a client can receive."""

    bad_request = "bad_request"
    bad_json = "bad_json"
    unauthorized = "unauthorized"
    forbidden_host = "forbidden_host"
    forbidden_origin = "forbidden_origin"
    not_found = "not_found"
    method_not_allowed = "method_not_allowed"
    conflict = "conflict"
    busy = "busy"
    too_large = "too_large"
    unsupported_media_type = "unsupported_media_type"
    invalid = "invalid"
    too_many_requests = "too_many_requests"
    unavailable = "unavailable"
    storage_full = "storage_full"
    agent_lost = "agent_lost"
    agent_restarted = "agent_restarted"
    provider_unavailable = "provider_unavailable"
    provider_error = "provider_error"
    provider_auth = "provider_auth"
    model_not_found = "model_not_found"
    context_overflow = "context_overflow"
    stream_lost = "stream_lost"
    no_answer = "no_answer"
    engine_lost = "engine_lost"
    denied = "denied"
    cancelled = "cancelled"
    timeout = "timeout"
    broken = "broken"


class ErrorInfo(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error as it is sent between processes. `message` says what happened, to what, and how to fix it."""

    code: ErrorCode
    message: str
    retryable: bool = False
    retry_after_s: float | None = None
    details: dict[str, Any] = {}


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """The body of every HTTP response that is an error."""

    error: ErrorInfo
