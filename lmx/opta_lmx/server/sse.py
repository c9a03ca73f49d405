"""Answers of LMX: complete JSON, and errors in the form of the API that the client called. `delivery` sends what takes time."""

from typing import Any, TypeVar

import msgspec

from opta_core.errors import OptaError
from opta_http import json_body
from opta_http.asgi import Headers, Receive, Scope, Send, send_response
from opta_http.body import LimitedBody
from opta_http.error_status import status_headers, status_of
from opta_protocol.error_info import ErrorCode

from .auth import Caller

BODY_BYTES_MAX = 8 * 1024 * 1024
# OpenAI's clients expect 400 where the daemon answers 422.
_STATUS = {ErrorCode.invalid: 400, ErrorCode.context_overflow: 400}
# Codes that have another name in OpenAI's API.
CODES = {
    ErrorCode.context_overflow: "context_length_exceeded",
    ErrorCode.too_many_requests: "rate_limit_exceeded",
    ErrorCode.unauthorized: "invalid_api_key",
}
_ANTHROPIC = {
    400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error",
    413: "request_too_large", 429: "rate_limit_error", 503: "overloaded_error",
}  # fmt: skip

T = TypeVar("T")


class Asked(msgspec.Struct, frozen=True):
    """One request, and how to answer it."""

    scope: Scope
    receive: Receive
    send: Send
    caller: Caller

    @property
    def path(self) -> str:
        """Without its query."""
        return str(self.scope["path"])

    async def body(self, kind: type[T], bytes_max: int = BODY_BYTES_MAX) -> T:
        """The body as `kind`. Raises Refused: too_large, bad_json, invalid, or bad_request (the client left)."""
        content = await LimitedBody(self.scope["headers"], self.receive, bytes_max).read()
        return json_body.decode(content, kind)

    async def json(self, status: int, body: Any) -> None:
        """Answer with JSON."""
        await send_json(self.send, status, body)


async def send_body(send: Send, status: int, body: bytes, kind: bytes, headers: Headers | None = None) -> None:
    """Send a complete answer of media type `kind`."""
    await send_response(send, status, [(b"content-type", kind), *(headers or [])], body)


async def send_json(send: Send, status: int, body: Any, headers: Headers | None = None) -> None:
    """Send a complete answer of JSON."""
    await send_body(send, status, msgspec.json.encode(body), b"application/json", headers)


async def send_error(send: Send, error: OptaError, path: str = "") -> None:
    """Send an error in the form that the clients of `path` expect."""
    status = _status(error)
    await send_body(send, status, error_body(error, path), b"application/json", status_headers(status, error))


def error_body(error: OptaError, path: str = "") -> bytes:
    """The JSON of an error."""
    status = _status(error)
    if is_ollama(path):
        return msgspec.json.encode({"error": error.message})
    if path.startswith("/v1/messages"):
        return msgspec.json.encode({"type": "error", "error": {"type": _ANTHROPIC.get(status, "api_error"), "message": error.message}})
    kind = "invalid_request_error" if status < 500 else "server_error"
    code = CODES.get(error.code, error.code)
    return msgspec.json.encode({"error": {"message": error.message, "type": kind, "code": code, "param": None}})


def is_ollama(path: str) -> bool:
    """Whether a path is of Ollama's API. Those of LM Studio have a version after `/api/`."""
    return path.startswith("/api/") and not path.startswith("/api/v0/")


def _status(error: OptaError) -> int:
    return _STATUS.get(error.code) or status_of(error.code)
