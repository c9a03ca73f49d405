"""LMX's front: HTTP in, engine messages out. Imports neither mlx nor transformers, so it is ready at once."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, MutableMapping
from typing import Any

import msgspec

from opta_core.errors import OptaError, Refused
from opta_core.logs import Log
from opta_protocol.errors import ErrorCode

from . import chat, completions, messages
from .body import read_body
from .engine_messages import Finished, Generate
from .engines import Answer, Engine
from .metrics import Metrics

BODY_BYTES_MAX = 8 * 1024 * 1024
KEEPALIVE_S = 10.0
STATUS = {
    ErrorCode.bad_request: 400,
    ErrorCode.bad_json: 400,
    ErrorCode.invalid: 400,
    ErrorCode.context_overflow: 400,
    ErrorCode.forbidden_host: 403,
    ErrorCode.forbidden_origin: 403,
    ErrorCode.not_found: 404,
    ErrorCode.model_not_found: 404,
    ErrorCode.method_not_allowed: 405,
    ErrorCode.too_large: 413,
    ErrorCode.too_many_requests: 429,
    ErrorCode.broken: 503,
}
# Codes that OpenAI's clients know by another name than ours.
CODES = {ErrorCode.context_overflow: "context_length_exceeded", ErrorCode.too_many_requests: "rate_limit_exceeded"}

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

log = Log("front")


class Front:
    """The ASGI application over one engine."""

    def __init__(self, engine: Engine, port: int, allowed_hosts: set[str]):
        self._engine = engine
        self._hosts = {host.encode() for host in allowed_hosts} | {f"{host}:{port}".encode() for host in ("127.0.0.1", "localhost")}
        self.metrics = Metrics()
        self._routes: dict[tuple[str, str], Callable[[Scope, Receive, Send], Awaitable[None]]] = {
            ("GET", "/healthz"): self._healthz,
            ("GET", "/readyz"): self._readyz,
            ("GET", "/metrics"): self._metrics,
            ("GET", "/v1/models"): self._models,
            ("GET", f"/v1/models/{engine.name}"): self._model,
            ("POST", "/v1/chat/completions"): self._chat,
            ("POST", "/v1/completions"): self._completions,
            ("POST", "/v1/messages"): self._messages,
            ("POST", "/v1/messages/count_tokens"): self._count,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry."""
        if scope["type"] != "http":
            raise RuntimeError("LMX speaks HTTP only")
        try:
            self._check(scope)
            route = self._routes.get((scope["method"], scope["path"]))
            if route is None:
                known = any(path == scope["path"] for _, path in self._routes)
                if known:
                    raise Refused("This path does not take this method.", code=ErrorCode.method_not_allowed)
                raise Refused(f"There is nothing at {scope['path'][:100]}.", code=ErrorCode.not_found)
            await route(scope, receive, send)
        except OptaError as error:
            await _send_error(send, error, scope["path"])
        except Exception:  # a bug answers 503 with a place to look, never a traceback
            log.exception("request failed", path=scope["path"])
            await _send_error(send, OptaError("LMX failed on this request; its log has more.", code=ErrorCode.unavailable, retryable=True))

    def _check(self, scope: Scope) -> None:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            raise Refused("LMX does not answer to this Host.", code=ErrorCode.forbidden_host)
        if any(name == b"origin" for name, _ in scope["headers"]):
            raise Refused("Web pages may not call LMX.", code=ErrorCode.forbidden_origin)

    async def _healthz(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _send_json(send, 200, {"status": "ok"})

    async def _readyz(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._engine.loaded is not None:
            await _send_json(send, 200, {"status": "ready", "model": self._engine.name, "pid": self._engine.pid})
        else:
            await _send_json(send, 503, {"status": "not ready", "reason": self._engine.problem or f"{self._engine.name} is loading"})

    async def _metrics(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _send(send, 200, self.metrics.text(self._engine).encode(), b"text/plain; version=0.0.4")

    async def _models(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _send_json(send, 200, {"object": "list", "data": [self._entry()]})

    async def _model(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _send_json(send, 200, self._entry())

    def _entry(self) -> dict[str, Any]:
        loaded = self._engine.loaded
        entry: dict[str, Any] = {
            "id": self._engine.name,
            "object": "model",
            "created": 0,
            "owned_by": "lmx",
            "state": "loaded" if loaded else "loading",
        }
        if loaded is not None:
            entry |= {"context_length": loaded.context_length}
            if loaded.capability:
                entry["capability"] = loaded.capability
        return entry

    async def _chat(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = read_body(await _body(scope, receive), chat.ChatRequest)
        self._check_name(request.model)
        orders = chat.orders_of(request)
        completion = chat.Completion(self._engine.name)
        answers = self._answers(scope, orders)
        if request.stream:
            include_usage = bool(request.stream_options and request.stream_options.include_usage)
            frames = chat.stream_frames(completion, answers, include_usage=include_usage)
            await self._give(receive, send, answers, frames=frames)
        else:
            await self._give(receive, send, answers, whole=chat.whole_answer(completion, answers, logprobs=bool(request.logprobs)))

    async def _completions(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = read_body(await _body(scope, receive), completions.CompletionRequest)
        self._check_name(request.model)
        answers = self._answers(scope, completions.orders_of(request))
        text = completions.Text(self._engine.name)
        if request.stream:
            include_usage = bool(request.stream_options and request.stream_options.include_usage)
            await self._give(receive, send, answers, frames=text.frames(answers, include_usage=include_usage))
        else:
            await self._give(receive, send, answers, whole=text.whole(answers))

    async def _messages(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = read_body(await _body(scope, receive), messages.MessagesRequest)
        self._check_name(request.model)
        answers = self._answers(scope, [messages.order_of(request)])
        reply = messages.Reply(self._engine.name)
        if request.stream:
            await self._give(receive, send, answers, frames=reply.events(answers[0]))
        else:
            await self._give(receive, send, answers, whole=reply.whole(answers[0]))

    async def _count(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = read_body(await _body(scope, receive), messages.CountRequest)
        self._check_name(request.model)
        async for pieces in self._engine.generate(messages.order_of(request), _client_of(scope)):
            for piece in pieces:
                if isinstance(piece, Finished):
                    await _send_json(send, 200, {"input_tokens": piece.prompt_tokens})

    def _answers(self, scope: Scope, orders: list[Generate]) -> list[AsyncIterator[list[Answer]]]:
        return [self.metrics.watch(self._engine.generate(order, _client_of(scope))) for order in orders]

    async def _give(
        self,
        receive: Receive,
        send: Send,
        answers: list[AsyncIterator[list[Answer]]],
        *,
        frames: AsyncIterator[bytes] | None = None,
        whole: Coroutine[Any, Any, bytes] | None = None,
    ) -> None:
        """Send an answer as `frames` or `whole`; when the client leaves, what makes it ends."""
        gone = asyncio.create_task(_disconnected(receive), name="disconnect")
        try:
            if frames is not None:
                await _stream(send, frames, gone, self._engine.name)
            elif whole is not None:
                work = asyncio.create_task(whole, name="answer")
                await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
                if work.done():
                    await _send(send, 200, work.result(), b"application/json", [(b"x-lmx-model", self._engine.name.encode())])
                else:
                    work.cancel()
                    await asyncio.gather(work, return_exceptions=True)
        finally:
            gone.cancel()
            for answer in answers:
                await _close(answer)

    def _check_name(self, name: str) -> None:
        if name.startswith("/") or ".." in name or any(ord(c) < 32 for c in name):
            raise Refused(f"{name[:80]!r} is not a model name.", code=ErrorCode.bad_request)


def _client_of(scope: Scope) -> str:
    # Only to keep clients apart who want to be told apart; on loopback nobody has to have a key.
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"), "")


async def _stream(send: Send, frames: AsyncIterator[bytes], gone: "asyncio.Task[None]", model: str) -> None:
    """Send frames until the answer or the client ends; while nothing comes, a comment says that we live."""
    headers = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store"), (b"x-lmx-model", model.encode())]
    iterator = aiter(frames)
    is_started = False
    pending: asyncio.Task[bytes] | None = None

    async def say(content: bytes) -> None:
        nonlocal is_started
        if not is_started:
            is_started = True
            await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content, "more_body": True})

    try:
        while True:
            pending = pending or asyncio.ensure_future(anext(iterator))  # type: ignore[arg-type]
            await asyncio.wait({pending, gone}, return_when=asyncio.FIRST_COMPLETED, timeout=KEEPALIVE_S)
            if gone.done():
                return
            if not pending.done():
                await say(b": waiting\n\n")
                continue
            try:
                frame = pending.result()
            except StopAsyncIteration:
                break
            except OptaError as error:
                if not is_started:
                    raise
                await say(b"data: " + _error_body(error) + b"\n\n")
                break
            finally:
                pending = None
            await say(frame)
        await send({"type": "http.response.body", "body": b""})
    finally:
        if pending is not None:
            pending.cancel()
            await asyncio.gather(pending, return_exceptions=True)
        await _close(frames)


async def _close(iterator: AsyncIterator[Any]) -> None:
    close = getattr(iterator, "aclose", None)
    if close is not None:
        with contextlib.suppress(RuntimeError):
            await close()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _body(scope: Scope, receive: Receive) -> bytes:
    parts: list[bytes] = []
    size = 0
    announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if int(announced) > BODY_BYTES_MAX:
        raise Refused(f"The body is larger than {BODY_BYTES_MAX // 1024 // 1024} MiB.", code=ErrorCode.too_large)
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused("The client left before its body was complete.", code=ErrorCode.bad_request)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > BODY_BYTES_MAX:
            raise Refused(f"The body is larger than {BODY_BYTES_MAX // 1024 // 1024} MiB.", code=ErrorCode.too_large)
        if not message.get("more_body"):
            return b"".join(parts)


def _error_body(error: OptaError) -> bytes:
    kind = "invalid_request_error" if STATUS.get(error.code, 503) < 500 else "server_error"
    return msgspec.json.encode(
        {"error": {"message": error.message, "type": kind, "code": CODES.get(error.code, error.code), "param": None}}
    )


def _anthropic_error(error: OptaError, status: int) -> bytes:
    kinds = {
        400: "invalid_request_error",
        403: "permission_error",
        404: "not_found_error",
        413: "request_too_large",
        429: "rate_limit_error",
    }
    kind = kinds.get(status, "overloaded_error" if status == 503 else "api_error")
    return msgspec.json.encode({"type": "error", "error": {"type": kind, "message": error.message}})


async def _send_error(send: Send, error: OptaError, path: str = "") -> None:
    status = STATUS.get(error.code, 503)
    headers = [(b"retry-after", b"%d" % max(1, round(error.retry_after_s or 1)))] if status in (429, 503) else []
    body = _anthropic_error(error, status) if path.startswith("/v1/messages") else _error_body(error)
    await _send(send, status, body, b"application/json", headers)


async def _send_json(send: Send, status: int, body: Any) -> None:
    await _send(send, status, msgspec.json.encode(body), b"application/json")


async def _send(send: Send, status: int, body: bytes, kind: bytes, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    every = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": every})
    await send({"type": "http.response.body", "body": body})
