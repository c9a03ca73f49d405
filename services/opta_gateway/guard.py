"""What every request passes before anything else looks at it.

Order: framing -> Host -> Origin -> Sec-Fetch-Site -> bearer -> size. JSON and schema are checked by `bodies`.
Invariant: no route is reached without a token but the four open ones.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from opta_core.errors import OptaError, Refused
from opta_core.strict_connection import HEADER_BYTES_MAX, HEADERS_MAX
from opta_protocol.errors import ErrorCode

from .auth import PROTOCOL, Auth
from .error_responses import Headers, problem_of

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

OPEN_PATHS = frozenset({"/healthz", "/readyz", "/v3/hello", "/v3/health"})
BODY_BYTES_MAX = 1024 * 1024


class Guard:
    """Wraps the application. `origins` are the pages that may call from a browser, `port` is ours."""

    def __init__(self, app: App, auth: Auth, port: int, origins: Callable[[], set[str]]):
        self._app, self._auth, self._origins = app, auth, origins
        self._hosts = {f"127.0.0.1:{port}".encode(), f"localhost:{port}".encode()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers: Headers = scope["headers"]
        origin = _one(headers, b"origin")
        try:
            if len(headers) > HEADERS_MAX or sum(len(name) + len(value) for name, value in headers) > HEADER_BYTES_MAX:
                raise Refused(
                    f"The header is larger than {HEADER_BYTES_MAX // 1024} KiB, or has more than {HEADERS_MAX} lines.",
                    code=ErrorCode.too_large,
                )
            _check_framing(scope, headers)
            self._check_host(headers)
            self._check_origin(headers, origin)
            if scope["type"] == "http" and scope["method"] == "OPTIONS":
                await _preflight(origin, send)
                return
            self._check_credentials(scope, headers)
            if scope["type"] == "http":
                receive, send = _sized(headers, receive, send)
        except OptaError as error:
            await refuse(scope, send, error, origin if self._is_page(origin) else None)
            return
        if origin is not None and scope["type"] == "http":
            send = _with_cors(send, origin)
        await self._app(scope, receive, send)

    def _check_host(self, headers: Headers) -> None:
        hosts = [value for name, value in headers if name == b"host"]
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            raise Refused("This daemon answers only to its own address. Use http://127.0.0.1 and its port.", code=ErrorCode.forbidden_host)

    def _is_page(self, origin: bytes | None) -> bool:
        return origin is not None and origin.decode("latin-1") in self._origins()

    def _check_origin(self, headers: Headers, origin: bytes | None) -> None:
        if origin is not None and not self._is_page(origin):
            raise Refused("Pages of this origin may not call the daemon.", code=ErrorCode.forbidden_origin)
        if origin is None and _one(headers, b"sec-fetch-site") in (b"cross-site", b"same-site"):
            raise Refused("Other sites may not call the daemon.", code=ErrorCode.forbidden_origin)

    def _check_credentials(self, scope: Scope, headers: Headers) -> None:
        scope["opta.authenticated"] = self._is_authenticated(scope, headers)
        if scope["opta.authenticated"] or (scope["path"] in OPEN_PATHS and scope["type"] == "http" and scope["method"] in ("GET", "HEAD")):
            return
        if self._auth.note_failure():
            raise OptaError(
                "Too many wrong tokens. Wait a minute; the right token works at once.", code=ErrorCode.too_many_requests, retry_after_s=60
            )
        raise OptaError(
            "The token is missing or wrong. Read it again from daemon/token in the config directory.", code=ErrorCode.unauthorized
        )

    def _is_authenticated(self, scope: Scope, headers: Headers) -> bool:
        given = [value for name, value in headers if name == b"authorization"]
        if len(given) == 1 and self._auth.accepts_header(given[0].decode("latin-1")):
            return True
        if scope["type"] != "websocket":
            return False
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        if any(self._auth.accepts(token) for token in query.get("token", [])[:1]):
            return True
        if any(self._auth.take_ticket(ticket) for ticket in query.get("ticket", [])[:1]):
            return True
        for protocol in scope.get("subprotocols", []):
            if self._auth.accepts_subprotocol(protocol):
                # What is said back stands in proxies and in the browser's tools, so it is never the one with the token.
                scope["opta.subprotocol"] = PROTOCOL if PROTOCOL in scope["subprotocols"] else None
                return True
        return False


def _one(headers: Headers, name: bytes) -> bytes | None:
    values = [value for key, value in headers if key == name]
    return b"\0".join(values) if values else None


def _check_framing(scope: Scope, headers: Headers) -> None:
    if not scope["path"].startswith("/"):
        raise Refused("The target is a path: another authority in it is not ours.", code=ErrorCode.bad_request)
    # Two lengths, of which a client and a server may believe one each.
    if {b"content-length", b"transfer-encoding"} <= {name for name, _ in headers}:
        raise Refused("A body has a Content-Length or is chunked, not both.", code=ErrorCode.bad_request)


def _sized(headers: Headers, receive: Receive, send: Send) -> tuple[Receive, Send]:
    """Refuses a body over the limit, announced or not, or one that ends early; the answer to it ends the connection."""
    announced = _one(headers, b"content-length")
    if announced is not None and (not announced.isdigit() or int(announced) > BODY_BYTES_MAX):
        raise _too_large()
    taken, is_whole = 0, False

    async def counted() -> Message:
        nonlocal taken, is_whole
        message = await receive()
        if message["type"] == "http.request":
            taken += len(message.get("body", b""))
            is_whole = not message.get("more_body", False)
            if taken > BODY_BYTES_MAX:
                raise _too_large()
        elif not is_whole:
            raise Refused("The client left before its body was complete.", code=ErrorCode.bad_request)
        return message

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start" and taken > BODY_BYTES_MAX:
            message["headers"] = [*message.get("headers", []), (b"connection", b"close")]
        await send(message)

    return counted, sending


def _too_large() -> OptaError:
    return Refused(f"The body is larger than {BODY_BYTES_MAX // 1024} KiB.", code=ErrorCode.too_large)


async def refuse(scope: Scope, send: Send, error: OptaError, origin: bytes | None = None) -> None:
    """Answer with the error; a WebSocket is refused in its handshake."""
    status, headers, body = problem_of(error)
    headers.append((b"connection", b"close"))
    if origin is not None:
        headers += [(b"access-control-allow-origin", origin), (b"vary", b"Origin")]
    kind = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
    await send({"type": f"{kind}.start", "status": status, "headers": [*headers, (b"content-length", b"%d" % len(body))]})
    await send({"type": f"{kind}.body", "body": b"" if scope.get("method") == "HEAD" else body})


async def _preflight(origin: bytes | None, send: Send) -> None:
    headers: Headers = [(b"content-length", b"0")]
    if origin is not None:
        headers += [
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-methods", b"GET, POST, PATCH, DELETE"),
            (b"access-control-allow-headers", b"Authorization, Content-Type, Idempotency-Key, Last-Event-ID"),
            (b"access-control-max-age", b"600"),
            (b"vary", b"Origin"),
        ]
    await send({"type": "http.response.start", "status": 204 if origin is not None else 405, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _with_cors(send: Send, origin: bytes) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), (b"access-control-allow-origin", origin), (b"vary", b"Origin")]
        await send(message)

    return sending
