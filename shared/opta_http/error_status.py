"""Maps errors to HTTP: the status of an error code, and the headers of a status."""

from collections.abc import Mapping

from opta_core.errors import OptaError
from opta_protocol.error_info import ErrorCode

from .asgi import Headers

STATUS: Mapping[ErrorCode, int] = {
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
}


def status_of(code: ErrorCode) -> int:
    """The HTTP status of a code. A code that is not in the table is 503: the client may try again."""
    return STATUS.get(code, 503)


def status_headers(status: int, error: OptaError) -> Headers:
    """Retry-After (seconds, at least 1) and WWW-Authenticate, when the status or the error needs them."""
    headers: Headers = []
    if error.retry_after_s is not None or status in (429, 503):
        headers.append((b"retry-after", b"%d" % max(1, round(error.retry_after_s or 1))))
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    return headers
