"""JSON-RPC 2.0 with one MCP server, independent of how messages travel: requests with their answers in any order, progress, cancelling.

A message that is not understood is ignored, so that a careless server loses at most the call that it answered wrongly.
"""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import Any, cast

Message = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]
# (progress, total or None, message)
OnProgress = Callable[[float, float | None, str], None]

METHOD_NOT_FOUND = -32601


class RpcError(Exception):
    """The server answered a request with an error. `data` is what it added."""

    def __init__(self, code: int, message: str, data: Any = None):
        super().__init__(message)
        self.code, self.data = code, data


class ConnectionEnded(Exception):
    """No answer will arrive. `is_session_lost`: the server forgot the session and did not work on the request."""

    def __init__(self, reason: str, *, is_session_lost: bool = False):
        super().__init__(reason)
        self.is_session_lost = is_session_lost


class RpcSession:
    """One connection. `send` is set by the transport, which calls `receive` with every message and `end` once.

    `on_notification` gets the method of every notification that is not progress.
    """

    def __init__(self, on_notification: Callable[[str], None]):
        self._on_notification = on_notification
        self._send: Send | None = None
        self._number = 0
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._progress: dict[int, OnProgress] = {}
        self._answers: set[asyncio.Task[None]] = set()
        self._ended: ConnectionEnded | None = None

    def attach(self, send: Send) -> None:
        """Use `send` for outgoing messages. It raises OSError or ConnectionEnded when a message cannot be sent."""
        self._send = send

    async def request(self, method: str, params: Message | None = None, on_progress: OnProgress | None = None) -> Message:
        """The result of a request. Cancelling notifies the server. Raises RpcError, ConnectionEnded, OSError."""
        if self._ended is not None:
            raise self._ended
        self._number += 1
        number = self._number
        message: Message = {"jsonrpc": "2.0", "id": number, "method": method}
        if params is not None or on_progress is not None:
            message["params"] = dict(params or {})
        if on_progress is not None:
            message["params"]["_meta"] = {"progressToken": number}
            self._progress[number] = on_progress
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            await self._sent(message)
            result = await answer
        except asyncio.CancelledError:
            if method != "initialize":
                self._later(self.notify("notifications/cancelled", {"requestId": number, "reason": "cancelled by the user"}))
            raise
        finally:
            self._waiting.pop(number, None)
            self._progress.pop(number, None)
        if isinstance(result, dict):
            return cast("Message", result)
        return {} if result is None else {"content": result}

    async def notify(self, method: str, params: Message | None = None) -> None:
        """Send a notification. Raises OSError, ConnectionEnded."""
        await self._sent({"jsonrpc": "2.0", "method": method, **({"params": params} if params else {})})

    def receive(self, message: Any) -> None:
        """Take a message, or a list of them, from the server. Raises nothing."""
        if isinstance(message, list):
            for each in cast("list[Any]", message):
                self.receive(each)
        elif isinstance(message, dict):
            known = cast("Message", message)
            if isinstance(known.get("method"), str):
                self._receive_call(known, known["method"])
            elif "result" in known or "error" in known:
                self._receive_answer(known)

    def fail(self, number: int, problem: Exception) -> None:
        """Let one request fail."""
        waiting = self._waiting.get(number)
        if waiting is not None and not waiting.done():
            waiting.set_exception(problem)

    def end(self, problem: ConnectionEnded) -> None:
        """Let every request fail, now and later."""
        self._ended = self._ended or problem
        for number in list(self._waiting):
            self.fail(number, problem)

    async def close(self) -> None:
        """Cancel what is still being sent."""
        self.end(ConnectionEnded("the connection was closed"))
        for task in self._answers:
            task.cancel()
        await asyncio.gather(*self._answers, return_exceptions=True)

    def _receive_answer(self, message: Message) -> None:
        number = message.get("id")
        if isinstance(number, str) and number.isascii() and number.isdigit() and len(number) < 12:
            number = int(number)
        waiting = self._waiting.get(number) if isinstance(number, int) else None
        if waiting is None or waiting.done():
            return
        error = message.get("error")
        if error is None or ("result" in message and not error):
            waiting.set_result(message.get("result"))
        else:
            waiting.set_exception(_error_of(error))

    def _receive_call(self, message: Message, method: str) -> None:
        params = object_of(message.get("params"))
        if (number := message.get("id")) is not None:
            self._later(self._answer(number, method))
        elif method == "notifications/progress":
            self._receive_progress(params)
        else:
            self._on_notification(method)

    def _receive_progress(self, params: Message) -> None:
        token = params.get("progressToken")
        on_progress = self._progress.get(token) if isinstance(token, int) else None
        if on_progress is None:
            return
        progress, total = params.get("progress"), params.get("total")
        on_progress(
            float(progress) if isinstance(progress, int | float) else 0.0,
            float(total) if isinstance(total, int | float) and total else None,
            str(params.get("message") or ""),
        )

    async def _answer(self, number: Any, method: str) -> None:
        """Answer a request of the server: only pings are served."""
        answer: Message = (
            {"result": {}} if method == "ping" else {"error": {"code": METHOD_NOT_FOUND, "message": f"{method[:100]} is not supported"}}
        )
        await self._sent({"jsonrpc": "2.0", "id": number, **answer})

    async def _sent(self, message: Message) -> None:
        if self._send is None:
            raise ConnectionEnded("it is not connected")
        await self._send(message)

    def _later(self, work: Awaitable[None]) -> None:
        async def quietly() -> None:
            with contextlib.suppress(OSError, ConnectionEnded):
                await work

        task = asyncio.create_task(quietly(), name="mcp answer")
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)


def decoded(text: bytes) -> Any:
    """A JSON document from a server; None for anything else. Half surrogate pairs are replaced, so that the text can be stored."""
    try:
        found = json.loads(text)
        if b"\\ud" in text or b"\\uD" in text:
            found = json.loads(json.dumps(found, ensure_ascii=False).encode(errors="replace"))
    except (ValueError, RecursionError):
        return None
    return found


def object_of(value: Any) -> Message:
    """A JSON object, or an empty one in place of anything else."""
    return cast("Message", value) if isinstance(value, dict) else {}


def list_of(value: Any) -> list[Any]:
    """A JSON array, or an empty one in place of anything else."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def _error_of(error: Any) -> RpcError:
    if not isinstance(error, dict):
        return RpcError(0, str(error)[:2000])
    known = cast("Message", error)
    code = known.get("code")
    return RpcError(code if isinstance(code, int) else 0, str(known.get("message") or "it gave no reason")[:2000], known.get("data"))
