"""Errors at the HTTP border: one body form, one status a code."""

import msgspec

from opta_core.errors import OptaError
from opta_protocol.errors import ErrorBody, ErrorCode, ErrorInfo

STATUS: dict[ErrorCode, int] = {
    ErrorCode.bad_request: 400,
    ErrorCode.bad_json: 400,
    ErrorCode.unauthorized: 401,
    ErrorCode.forbidden_host: 403,
    ErrorCode.forbidden_origin: 403,
    ErrorCode.denied: 403,
    ErrorCode.not_found: 404,
    ErrorCode.model_not_found: 404,
    ErrorCode.method_not_allowed: 405,
    ErrorCode.conflict: 409,
    ErrorCode.busy: 409,
    ErrorCode.cancelled: 409,
    ErrorCode.too_large: 413,
    ErrorCode.unsupported_media_type: 415,
    ErrorCode.invalid: 422,
    ErrorCode.too_many_requests: 429,
    ErrorCode.timeout: 503,
}
Headers = list[tuple[bytes, bytes]]


def problem(info: ErrorInfo) -> tuple[int, Headers, bytes]:
    """(status, headers, body) of an error; whatever has no status of its own is 503 and may be tried again."""
    status = STATUS.get(info.code, 503)
    headers: Headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    if info.retry_after_s is not None or status in (429, 503):
        headers.append((b"retry-after", b"%d" % max(1, round(info.retry_after_s or 1))))
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    return status, headers, msgspec.json.encode(ErrorBody(error=info))


def problem_of(error: OptaError) -> tuple[int, Headers, bytes]:
    """The same for an exception."""
    return problem(error.info())
