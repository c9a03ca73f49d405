"""Checks that every request passes before anything else looks at it.

Order: head -> Host -> Origin -> Sec-Fetch-Site -> credentials -> size of the body. JSON and types are checked by `opta_http.json_body`.
**Invariant:** without a valid token no route is reached but the four of `OPEN_PATHS`.
"""

from collections.abc import Callable
from urllib.parse import parse_qs

from opta_core import attachments
from opta_core.errors import OptaError, Refused
from opta_http.asgi import App, Headers, Message, Receive, Scope, Send, header_values
from opta_http.body import LimitedBody
from opta_http.head_checks import check_head, is_from_another_site, names_host
from opta_protocol.error_info import ErrorCode

from .error_responses import refuse
from .token_auth import PROTOCOL, Auth

OPEN_PATHS = frozenset({"/healthz", "/readyz", "/v3/hello", "/v3/health"})
BODY_BYTES_MAX = 1024 * 1024
# Where files are uploaded; a form around a file takes a little more.
UPLOAD_PATHS = {"/v3/attachments": attachments.BYTES_MAX + 4096}


class RequestGuard:
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
        origin = _origin(headers)
        try:
            check_head(scope)
            self._check_host(headers)
            self._check_origin(headers, origin)
            if scope["type"] == "http" and scope["method"] == "OPTIONS":
                await _preflight(origin, send)
                return
            self._check_credentials(scope, headers)
            if scope["type"] == "http":
                body = LimitedBody(headers, receive, UPLOAD_PATHS.get(scope["path"], BODY_BYTES_MAX))
                receive, send = body.receive, _closing_after(body, send)
        except OptaError as error:
            await refuse(scope, send, error, origin if self._is_page(origin) else None)
            return
        if origin is not None and scope["type"] == "http":
            send = _with_cors(send, origin)
        await self._app(scope, receive, send)

    def _check_host(self, headers: Headers) -> None:
        if not names_host(headers, self._hosts):
            raise Refused("This daemon answers only to its own address. Use http://127.0.0.1 and its port.", code=ErrorCode.forbidden_host)

    def _is_page(self, origin: bytes | None) -> bool:
        return origin is not None and origin.decode("latin-1") in self._origins()

    def _check_origin(self, headers: Headers, origin: bytes | None) -> None:
        if origin is not None and not self._is_page(origin):
            raise Refused("Pages of this origin may not call the daemon.", code=ErrorCode.forbidden_origin)
        if is_from_another_site(headers):
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
        given = header_values(headers, b"authorization")
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
                # The answer's subprotocol is visible in proxies and in the browser's tools, so it is never the one that carries the token.
                scope["opta.subprotocol"] = PROTOCOL if PROTOCOL in scope["subprotocols"] else None
                return True
        return False


def _origin(headers: Headers) -> bytes | None:
    """The Origin; several of them are joined to a value that no page has."""
    values = header_values(headers, b"origin")
    return b"\0".join(values) if values else None


def _closing_after(body: LimitedBody, send: Send) -> Send:
    """After a body that was too large the connection still carries its rest, so the answer closes it."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start" and body.is_too_large:
            message["headers"] = [*message.get("headers", []), (b"connection", b"close")]
        await send(message)

    return sending


async def _preflight(origin: bytes | None, send: Send) -> None:
    headers: Headers = [(b"content-length", b"0")]
    if origin is not None:
        headers += [
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE"),
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
