"""Errors of the gateway as HTTP answers: one form of the body, one status for each code."""

import msgspec

from opta_core.errors import OptaError
from opta_http.asgi import Headers, Scope, Send
from opta_http.error_status import status_headers, status_of
from opta_protocol.error_info import ErrorBody


def problem_of(error: OptaError) -> tuple[int, Headers, bytes]:
    """(status, headers, body) of an error."""
    status = status_of(error.code)
    headers: Headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store"), *status_headers(status, error)]
    return status, headers, msgspec.json.encode(ErrorBody(error=error.info()))


async def refuse(scope: Scope, send: Send, error: OptaError, origin: bytes | None = None) -> None:
    """Answer with the error and close the connection; a WebSocket is refused in its handshake. `origin`: a page that may read why."""
    status, headers, body = problem_of(error)
    headers.append((b"connection", b"close"))
    if origin is not None:
        headers += [(b"access-control-allow-origin", origin), (b"vary", b"Origin")]
    kind = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
    await send({"type": f"{kind}.start", "status": status, "headers": [*headers, (b"content-length", b"%d" % len(body))]})
    await send({"type": f"{kind}.body", "body": b"" if scope.get("method") == "HEAD" else body})
