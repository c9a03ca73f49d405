"""The desktop process: serves the page, trades the launch code for a session key, and bootstraps the page.

No cookies: they ignore ports. The page keeps its key in sessionStorage and sends it as a header. This
process works while the daemon is down, and can then start services again.
"""

import asyncio
import hmac
import mimetypes
import re
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

import msgspec

from opta_core.errors import OptaError
from opta_core.launch_codes import take_launch_code
from opta_core.logs import Log
from opta_core.paths import Paths
from opta_core.process import state
from opta_core.process.supervision import PROGRAMS, Supervisor
from opta_core.records import RecordFile
from opta_core.strict_connection import HEADER_BYTES_MAX, HEADERS_MAX

# A file of the page: no byte that a file system reads differently, and a length that every one has.
_NAME = re.compile(r"[A-Za-z0-9_@.-]{1,100}(?:/[A-Za-z0-9_@.-]{1,100}){0,7}\Z")
_UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)
STATIC = Path(__file__).parent / "static"
KEYS_MAX = 64
BODY_BYTES_MAX = 64 * 1024

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

log = Log("desktop")


class _Refusal(Exception):
    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status, self.message = status, message


class _Launch(msgspec.Struct):
    code: str


class _Service(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    action: str


class Desktop:
    """The ASGI application. Session keys live as long as the process and are kept in the run directory for its restart."""

    def __init__(self, paths: Paths, port: int):
        self._paths, self._port = paths, port
        self._hosts = {f"127.0.0.1:{port}".encode()}
        self._kept_keys = RecordFile(paths.run / "page.keys", msgspec.json.Decoder(list[str]), list[str])
        self._keys = self._kept_keys.read()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry."""
        if scope["type"] != "http":
            return
        try:
            headers: Headers = scope["headers"]
            _check_head(scope, headers)
            hosts = [value.lower() for name, value in headers if name == b"host"]
            if hosts == [f"localhost:{self._port}".encode()] and scope["method"] == "GET":
                # Two loopback names are two sites to a browser; there is one address. The path as it was sent: decoded it could end the line.
                query = scope.get("query_string", b"")
                target = f"http://127.0.0.1:{self._port}".encode() + scope["raw_path"] + (b"?" + query if query else b"")
                await _send(send, 308, b"", [(b"location", target)])
                return
            if len(hosts) != 1 or hosts[0] not in self._hosts:
                raise _Refusal(403, "This address is not the page's.")
            if scope["path"].startswith("/bridge/"):
                await self._bridge(scope, receive, send)
            else:
                await self._file(scope, send)
        except _Refusal as refusal:
            await _send_json(send, refusal.status, {"error": {"message": refusal.message}}, is_last=True)

    # files ------------------------------------------------------------------------------------------

    async def _file(self, scope: Scope, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            raise _Refusal(405, "Only GET is answered here.")
        name = scope["path"].lstrip("/") or "index.html"
        if not _NAME.match(name):
            raise _Refusal(404, "There is no such file.")
        file = (STATIC / name).resolve()
        if not file.is_relative_to(STATIC.resolve()) or not file.is_file():
            if "." in name.rsplit("/", 1)[-1]:
                raise _Refusal(404, "There is no such file.")
            file = STATIC / "index.html"
        if not file.is_file():
            raise _Refusal(503, "The page is not built. Run: python desktop/build_page.py")
        content = await asyncio.to_thread(file.read_bytes)
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        cache = b"public, max-age=31536000, immutable" if "/assets/" in scope["path"] else b"no-cache"
        await _send(
            send,
            200,
            b"" if scope["method"] == "HEAD" else content,
            [(b"content-type", kind.encode()), (b"cache-control", cache), *self._security()],
        )

    def _security(self) -> Headers:
        known = state.read(self._paths)
        port = known.port if known else 0
        policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; manifest-src 'self'; img-src 'self' data: blob:; "
            f"connect-src 'self' http://127.0.0.1:{port} ws://127.0.0.1:{port} http://127.0.0.1:* ws://127.0.0.1:*; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        )
        return [
            (b"content-security-policy", policy.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
            (b"cross-origin-opener-policy", b"same-origin"),
        ]

    # the bridge -------------------------------------------------------------------------------------

    async def _bridge(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: Headers = scope["headers"]
        if scope["method"] != "POST" or _all(headers, b"origin") != [f"http://127.0.0.1:{self._port}".encode()]:
            raise _Refusal(403, "Only the page itself may call this.")
        content = await _body(headers, receive)
        name = scope["path"].removeprefix("/bridge/")
        if name == "launch":
            await _send_json(send, 200, {"key": self._trade(content)})
            return
        given = _all(headers, b"x-opta-key")
        if len(given) != 1 or not any(hmac.compare_digest(given[0], known.encode()) for known in self._keys):
            raise _Refusal(401, "This page has no key. Open it again: opta open")
        match name:
            case "bootstrap_metadata":
                await _send_json(send, 200, self._bootstrap())
            case "services":
                await _send_json(send, 200, await asyncio.to_thread(self._services))
            case "service":
                await _send_json(send, 200, await asyncio.to_thread(self._control, content))
            case _:
                raise _Refusal(404, "The bridge has no such call.")

    def _trade(self, content: bytes) -> str:
        try:
            code = msgspec.json.decode(content, type=_Launch).code
        except _UNREADABLE:
            raise _Refusal(400, "Send {code}.") from None
        if not take_launch_code(self._paths, code):
            raise _Refusal(401, "This launch code was used or is old. Open the page again: opta open")
        key = secrets.token_urlsafe(32)
        self._keys = [*self._keys, key][-KEYS_MAX:]
        self._kept_keys.write(self._keys)
        return key

    def _bootstrap(self) -> dict[str, Any]:
        known = state.read(self._paths)
        try:
            token = self._paths.token.read_text()
        except OSError:
            token = ""
        if known is None or not token:
            raise _Refusal(503, "The daemon has not started yet.")
        return {"host": known.host, "port": known.port, "token": token}

    def _services(self) -> dict[str, Any]:
        try:
            found = Supervisor(self._paths.run).processes()
        except OptaError as error:
            raise _Refusal(503, error.message) from error
        return {"services": [{"name": p["name"], "state": p["statename"].lower(), "pid": p["pid"]} for p in found]}

    def _control(self, content: bytes) -> dict[str, Any]:
        try:
            wanted = msgspec.json.decode(content, type=_Service)
        except _UNREADABLE as error:
            raise _Refusal(400, f"Send name and action: {error}"[:300]) from error
        if wanted.name not in PROGRAMS or wanted.action not in ("start", "stop", "restart"):
            raise _Refusal(422, "Unknown service or action.")
        try:
            getattr(Supervisor(self._paths.run), wanted.action)(wanted.name)
        except OptaError as error:
            raise _Refusal(503, error.message) from error
        return {"ok": True}


def _check_head(scope: Scope, headers: Headers) -> None:
    if len(headers) > HEADERS_MAX or sum(len(name) + len(value) for name, value in headers) > HEADER_BYTES_MAX:
        raise _Refusal(413, f"The header is larger than {HEADER_BYTES_MAX // 1024} KiB, or has more than {HEADERS_MAX} lines.")
    if not scope["path"].startswith("/"):
        raise _Refusal(400, "The target is a path: another authority in it is not ours.")
    if {b"content-length", b"transfer-encoding"} <= {name for name, _ in headers}:
        raise _Refusal(400, "A body has a Content-Length or is chunked, not both.")
    if not _all(headers, b"origin") and _all(headers, b"sec-fetch-site") in ([b"cross-site"], [b"same-site"]) and scope["method"] != "GET":
        raise _Refusal(403, "Other sites may not call this.")


def _all(headers: Headers, wanted: bytes) -> list[bytes]:
    return [value for name, value in headers if name == wanted]


async def _body(headers: Headers, receive: Receive) -> bytes:
    content = b""
    if any(not length.isdigit() or int(length) > BODY_BYTES_MAX for length in _all(headers, b"content-length")):
        raise _Refusal(413, "The body is too large.")
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Refusal(400, "The client left before its body was complete.")
        content += message.get("body", b"")
        if len(content) > BODY_BYTES_MAX:
            raise _Refusal(413, "The body is too large.")
        if not message.get("more_body"):
            return content


async def _send_json(send: Send, status: int, body: Any, *, is_last: bool = False) -> None:
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
    # After a refusal the rest of a body is not listened to.
    await _send(send, status, msgspec.json.encode(body), [*headers, *([(b"connection", b"close")] if is_last else [])])


async def _send(send: Send, status: int, body: bytes, headers: Headers) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [*headers, (b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})
