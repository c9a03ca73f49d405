"""Checks of a request's head: size, framing, Host, and whether a web page of another site sent it."""

from collections.abc import Collection

from opta_core.errors import Refused
from opta_protocol.error_info import ErrorCode

from .asgi import Headers, Scope, header_values

HEADER_BYTES_MAX, HEADERS_MAX = 16 * 1024, 100


def check_head(scope: Scope) -> None:
    """Check size and framing. Raises Refused: too_large, bad_request."""
    headers: Headers = scope["headers"]
    if len(headers) > HEADERS_MAX or sum(len(name) + len(value) for name, value in headers) > HEADER_BYTES_MAX:
        raise Refused(
            f"The header is larger than {HEADER_BYTES_MAX // 1024} KiB, or has more than {HEADERS_MAX} lines.", code=ErrorCode.too_large
        )
    if not scope["path"].startswith("/"):
        raise Refused("The request target must be a path, without a host.", code=ErrorCode.bad_request)
    # A proxy and a server may each use a different one of the two lengths (request smuggling).
    if {b"content-length", b"transfer-encoding"} <= {name for name, _ in headers}:
        raise Refused("A body must have either a Content-Length or Transfer-Encoding chunked, not both.", code=ErrorCode.bad_request)


def names_host(headers: Headers, hosts: Collection[bytes]) -> bool:
    """Whether there is exactly one Host header, and it is one of `hosts` (in lower case)."""
    named = header_values(headers, b"host")
    return len(named) == 1 and named[0].lower() in hosts


def is_from_another_site(headers: Headers) -> bool:
    """Whether the browser reports (Sec-Fetch-Site) that a page of another site sent this request without an Origin."""
    return not header_values(headers, b"origin") and header_values(headers, b"sec-fetch-site") in ([b"cross-site"], [b"same-site"])
