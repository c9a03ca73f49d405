"""The desktop process's HTTP server: the files of the page, and the bridge, which gives the page its session key and the daemon's address.

No cookies are used, because they ignore ports: the page keeps its key in sessionStorage and sends it as a header. This process works
while the daemon is down, and can then start services again.
"""

import asyncio
import hmac
import mimetypes
import re
import secrets
from pathlib import Path
from typing import Any

import msgspec

from opta_core.errors import OptaError, Refused, Unavailable
from opta_core.launch_codes import take_launch_code
from opta_core.log_files import LogFiles
from opta_core.logs import Log
from opta_core.paths import Paths
from opta_core.process import state
from opta_core.process.process import memory_bytes
from opta_core.process.restarts import restarts
from opta_core.process.supervision import PROGRAMS, SupervisordClient
from opta_core.records import RecordFile
from opta_http import json_body
from opta_http.asgi import Headers, Receive, Scope, Send, header_values, send_response
from opta_http.body import LimitedBody
from opta_http.error_status import status_of
from opta_http.head_checks import check_head, is_from_another_site, names_host
from opta_protocol.error_info import ErrorCode

from .window_codes import WindowCodes

# The name of a file of the page: only characters that every file system reads alike, and a length that every one allows.
_NAME = re.compile(r"[A-Za-z0-9_@.-]{1,100}(?:/[A-Za-z0-9_@.-]{1,100}){0,7}\Z")
# Media types that the tables of Python and of the system may lack.
_MEDIA_TYPES = {".webmanifest": "application/manifest+json"}
STATIC = Path(__file__).parent / "static"
KEYS_MAX = 64
BODY_BYTES_MAX = 64 * 1024
# What one answer holds of the logs.
LOG_TAIL_BYTES, ENTRIES_MAX, ENTRY_CHARS_MAX = 256 * 1024, 2_000, 8_000

log = Log("desktop")


class _Launch(msgspec.Struct):
    code: str


class _Service(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    action: str


class _LogsWanted(msgspec.Struct, forbid_unknown_fields=True):
    """`ends`: how far each log was read, as the answer before said; None for the newest lines."""

    services: list[str] = msgspec.field(default_factory=lambda: list(PROGRAMS))
    ends: dict[str, int] | None = None


class Desktop:
    """The ASGI application. Session keys live as long as the process and are kept in the run directory for its restart."""

    def __init__(self, paths: Paths, port: int, window_codes: WindowCodes):
        self._paths, self._port, self._window_codes = paths, port, window_codes
        self._hosts = {f"127.0.0.1:{port}".encode()}
        self._kept_keys = RecordFile(paths.run / "page.keys", msgspec.json.Decoder(list[str]), list[str])
        self._keys = self._kept_keys.read()
        self._launching = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry."""
        if scope["type"] != "http":
            return
        try:
            headers: Headers = scope["headers"]
            check_head(scope)
            if is_from_another_site(headers) and scope["method"] != "GET":
                raise Refused("Other sites may not call this.", code=ErrorCode.forbidden_origin)
            if names_host(headers, [f"localhost:{self._port}".encode()]) and scope["method"] == "GET":
                # A browser treats the two loopback names as two sites, so one of them redirects. The path is sent undecoded: decoded it could hold a line break.
                query = scope.get("query_string", b"")
                target = f"http://127.0.0.1:{self._port}".encode() + scope["raw_path"] + (b"?" + query if query else b"")
                await send_response(send, 308, [(b"location", target)], b"")
                return
            if not names_host(headers, self._hosts):
                raise Refused("This address is not the page's.", code=ErrorCode.forbidden_host)
            if scope["path"].startswith("/bridge/"):
                await self._bridge(scope, receive, send)
            else:
                await self._file(scope, send)
        except OptaError as error:
            await _send_json(send, status_of(error.code), {"error": {"message": error.message}}, is_last=True)

    # files ------------------------------------------------------------------------------------------

    async def _file(self, scope: Scope, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            raise Refused("Only GET is answered here.", code=ErrorCode.method_not_allowed)
        name = scope["path"].lstrip("/") or "index.html"
        if not _NAME.match(name):
            raise Refused("There is no such file.", code=ErrorCode.not_found)
        cache = b"public, max-age=31536000, immutable" if "/assets/" in scope["path"] else b"no-cache"
        kind, content, security = await asyncio.to_thread(self._read_file, name)
        headers = [(b"content-type", kind.encode()), (b"cache-control", cache), *security]
        await send_response(send, 200, headers, content, is_head=scope["method"] == "HEAD")

    def _read_file(self, name: str) -> tuple[str, bytes, Headers]:
        """(media type, content, security headers) of a file of the page; blocking."""
        file = (STATIC / name).resolve()
        if not file.is_relative_to(STATIC.resolve()) or not file.is_file():
            if "." in name.rsplit("/", 1)[-1]:
                raise Refused("There is no such file.", code=ErrorCode.not_found)
            file = STATIC / "index.html"
        if not file.is_file():
            raise Unavailable("The page is not built. Run: python desktop/build_page.py")
        kind = _MEDIA_TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        return kind, file.read_bytes(), self._security()

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
        if scope["path"] == "/bridge/window_code" and scope["method"] == "POST" and not header_values(headers, b"origin"):
            # The window's process asks, before there is a page: a browser would name its origin.
            content = await LimitedBody(headers, receive, BODY_BYTES_MAX).read()
            await _send_json(send, 200, await asyncio.to_thread(self._window_codes.give, content))
            return
        if scope["method"] != "POST" or header_values(headers, b"origin") != [f"http://127.0.0.1:{self._port}".encode()]:
            raise Refused("Only the page itself may call this.", code=ErrorCode.forbidden_origin)
        content = await LimitedBody(headers, receive, BODY_BYTES_MAX).read()
        name = scope["path"].removeprefix("/bridge/")
        if name == "launch":
            # One at a time: a launch code opens the page once.
            async with self._launching:
                key = await asyncio.to_thread(self._trade, content)
            await _send_json(send, 200, {"key": key})
            return
        given = header_values(headers, b"x-opta-key")
        if len(given) != 1 or not any(hmac.compare_digest(given[0], known.encode()) for known in self._keys):
            raise Refused("This page has no key. Open it again: opta open", code=ErrorCode.unauthorized)
        match name:
            case "bootstrap_metadata":
                await _send_json(send, 200, await asyncio.to_thread(self._bootstrap))
            case "services":
                await _send_json(send, 200, await asyncio.to_thread(self._services))
            case "service":
                await _send_json(send, 200, await asyncio.to_thread(self._control, content))
            case "logs":
                await _send_json(send, 200, await asyncio.to_thread(self._logs, content))
            case _:
                raise Refused("The bridge has no such call.", code=ErrorCode.not_found)

    def _trade(self, content: bytes) -> str:
        try:
            code = json_body.read(content, _Launch).code
        except Refused:
            raise Refused("Send {code}.", code=ErrorCode.bad_request) from None
        if not take_launch_code(self._paths, code):
            raise Refused("This launch code was used or is old. Open the page again: opta open", code=ErrorCode.unauthorized)
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
            raise Unavailable("The daemon has not started yet.")
        return {"host": known.host, "port": known.port, "token": token}

    def _services(self) -> dict[str, Any]:
        run = self._paths.run
        return {
            "services": [
                {
                    "name": p["name"],
                    "state": p["statename"].lower(),
                    "pid": p["pid"],
                    "uptimeS": p["now"] - p["start"] if p["statename"] == "RUNNING" else 0,
                    "memory": _memory_of(p["name"], p["pid"]),
                    "restarts": restarts(run, p["name"]),
                }
                for p in SupervisordClient(run).processes()
            ]
        }

    def _logs(self, content: bytes) -> dict[str, Any]:
        try:
            wanted = json_body.read(content, _LogsWanted)
        except Refused as error:
            raise Refused(f"Send services and ends: {error.message}"[:300], code=ErrorCode.bad_request) from error
        if unknown := [name for name in wanted.services if name not in PROGRAMS]:
            raise Refused(f"There is no service {unknown[0][:40]!r}. The services are {', '.join(PROGRAMS)}.", code=ErrorCode.invalid)
        files = LogFiles(self._paths.logs, wanted.services, wanted.ends)
        entries = files.newest(LOG_TAIL_BYTES) if wanted.ends is None else files.news()
        shown = [msgspec.structs.replace(entry, text=entry.text[:ENTRY_CHARS_MAX]) for entry in entries[-ENTRIES_MAX:]]
        return {"entries": shown, "ends": files.ends, "leftOut": len(entries) - len(shown)}

    def _control(self, content: bytes) -> dict[str, Any]:
        try:
            wanted = json_body.read(content, _Service)
        except Refused as error:
            raise Refused(f"Send name and action: {error.message}"[:300], code=ErrorCode.bad_request) from error
        if wanted.name not in PROGRAMS or wanted.action not in ("start", "stop", "restart"):
            raise Refused("Unknown service or action.", code=ErrorCode.invalid)
        getattr(SupervisordClient(self._paths.run), wanted.action)(wanted.name)
        return {"ok": True}


def _memory_of(service: str, pid: int) -> int:
    """The memory of a service's process; 0 when it does not run, or in another container, where this number is another process."""
    if not pid:
        return 0
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return 0 if Path("/proc/self").exists() else memory_bytes(pid)
    return memory_bytes(pid) if PROGRAMS[service][0].encode() in command else 0


async def _send_json(send: Send, status: int, body: Any, *, is_last: bool = False) -> None:
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
    # After a refusal the rest of a body is not read.
    await send_response(send, status, [*headers, *([(b"connection", b"close")] if is_last else [])], msgspec.json.encode(body))
