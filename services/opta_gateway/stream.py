"""Live streams: WebSocket and server-sent events over the same cursor.

A frame holds one or more newline-separated stored lines, byte for byte as on the disk. Control lines (`ping`, `cursor`, `reset`, `bye`, and
`metrics` on `/v3/events?metrics=1`) have `control` instead of `event`, and no seq. Clients send nothing: a WebSocket on which a message
arrives is closed with 1008.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any, Protocol

import msgspec

from opta_core.errors import OptaError, Refused
from opta_core.logs import Log
from opta_http.asgi import Receive, Scope, Send, header_values, query_of
from opta_http.event_stream import EventStream
from opta_protocol.error_info import ErrorCode

from .error_responses import refuse
from .live_metrics import LiveMetrics
from .live_streams import LiveStreams, Sender
from .query import seq_of
from .recent_lines import GlobalRing, Ring
from .store_access import StoreAccess

FRAME_LINES_MAX = 512
FRAME_BYTES_MAX = 256 * 1024
# A client that does not take the closing frame within this time is cut off.
CLOSE_S = 1.0
SPOKEN = "this stream takes no messages"

# Lines, and the SSE id after them; '' leaves the id as it is.
Push = Callable[[list[bytes], str], Coroutine[Any, Any, None]]
Close = Callable[[str], Coroutine[Any, Any, None]]

log = Log("stream")


class Cursor(Protocol):
    """Where a client is."""

    # Pushed beside the lines, to a client that asks for them.
    metrics: LiveMetrics | None

    def frames(self) -> AsyncGenerator[list[bytes], None]: ...

    def mark(self, lines: list[bytes]) -> str: ...

    def close(self) -> None: ...


class SessionCursor:
    """After `seq` in one session."""

    metrics: LiveMetrics | None = None

    def __init__(self, ring: Ring, seq: int):
        self._ring, self._seq = ring, seq
        # Counted from now on, not from the first line: a ring without users may be dropped at any moment.
        ring.users += 1

    def close(self) -> None:
        """Stop using the ring."""
        self._ring.users -= 1

    async def frames(self) -> AsyncGenerator[list[bytes], None]:
        """Lines in order, without end; a ping when there are none."""
        while True:
            lines = await self._ring.after(self._seq, FRAME_LINES_MAX)
            if lines:
                lines = _within_bytes(lines)
                self._seq += len(lines)
                yield lines
            else:
                await self._ring.moved()
                if self._ring.last_seq <= self._seq:
                    yield [_control("ping", lastSeq=self._ring.last_seq)]

    def mark(self, lines: list[bytes]) -> str:
        """The SSE id after these lines."""
        return str(self._seq)


class GlobalCursor:
    """After `number` in the stream of all sessions; an unknown epoch begins with `reset`."""

    def __init__(self, ring: GlobalRing, after: str, last_seqs: dict[str, int], metrics: LiveMetrics | None = None):
        self._ring, self.metrics = ring, metrics
        epoch, _, number = after.partition(".")
        self._is_known = epoch == ring.epoch and number.isdecimal() and len(number) <= 18 and int(number) <= ring.last
        self._number = int(number) if self._is_known else ring.last
        self._last_seqs = last_seqs

    async def frames(self) -> AsyncGenerator[list[bytes], None]:
        """Lines of all sessions, each batch with its cursor."""
        if not self._is_known:
            yield [_control("reset", lastSeq=self._last_seqs), self._cursor()]
        while True:
            lines = self._ring.after(self._number, FRAME_LINES_MAX)
            if lines is None:
                self._number = self._ring.last
                yield [_control("reset", lastSeq={}), self._cursor()]
            elif lines:
                lines = _within_bytes(lines)
                self._number += len(lines)
                yield [*lines, self._cursor()]
            else:
                await self._ring.moved()
                if self._ring.last <= self._number:
                    yield [_control("ping")]

    def mark(self, lines: list[bytes]) -> str:
        """The SSE id after these lines."""
        return f"{self._ring.epoch}.{self._number}"

    def close(self) -> None:
        """Nothing is held."""

    def _cursor(self) -> bytes:
        return _control("cursor", cursor=f"{self._ring.epoch}.{self._number}")


def is_stream(scope: Scope) -> bool:
    """Whether a request is for a live stream."""
    path: str = scope["path"]
    if not (path == "/v3/events" or (path.startswith("/v3/sessions/") and path.endswith("/stream") and path.count("/") == 4)):
        return False
    return scope["type"] == "websocket" or scope["method"] == "GET"


async def serve(scope: Scope, receive: Receive, send: Send, store: StoreAccess, streams: LiveStreams, metrics: LiveMetrics) -> None:
    """Answer a stream request to its end."""
    try:
        cursor = await _cursor_of(scope, store, metrics)
    except OptaError as error:
        await refuse(scope, send, error)
        return
    sender = Sender()
    streams.senders.add(sender)
    try:
        if scope["type"] == "websocket":
            await _serve_websocket(scope, receive, send, cursor, sender)
        else:
            await _serve_sse(receive, send, cursor, sender)
    finally:
        streams.senders.discard(sender)
        cursor.close()


async def _cursor_of(scope: Scope, store: StoreAccess, metrics: LiveMetrics) -> Cursor:
    query = {name: values[-1] for name, values in query_of(scope).items()}
    header = next(iter(header_values(scope["headers"], b"last-event-id")), b"").decode("latin-1")
    after = header or query.get("afterSeq", query.get("cursor", ""))
    if scope["path"] == "/v3/events":
        page = await store.queries.sessions(limit=1000)
        last_seqs = {session.id: session.lastSeq for session in page.sessions}
        return GlobalCursor(store.everything, after, last_seqs, metrics if query.get("metrics") == "1" else None)
    session = await store.session(scope["path"].split("/")[3])
    return SessionCursor(await store.ring(session), seq_of(after))


async def _serve_websocket(scope: Scope, receive: Receive, send: Send, cursor: Cursor, sender: Sender) -> None:
    while (await receive())["type"] != "websocket.connect":
        pass
    await send({"type": "websocket.accept", "subprotocol": scope.get("opta.subprotocol")})

    async def push(lines: list[bytes], mark: str) -> None:
        await send({"type": "websocket.send", "text": b"\n".join(lines).decode()})

    async def close(reason: str) -> None:
        code = {"leaving": 1012, SPOKEN: 1008}.get(reason, 4408)
        await send({"type": "websocket.close", "code": code, "reason": SPOKEN if code == 1008 else "resume with afterSeq"})

    await _until_gone(receive, "websocket.disconnect", cursor, push, close, sender)


async def _serve_sse(receive: Receive, send: Send, cursor: Cursor, sender: Sender) -> None:
    stream = EventStream(send)
    await stream.begin()

    async def push(lines: list[bytes], mark: str) -> None:
        position = b"id: %b\n" % mark.encode() if mark else b""
        await stream.write(position + b"".join(b"data: %b\n" % line for line in lines) + b"\n")

    async def close(reason: str) -> None:
        await stream.close()

    await _until_gone(receive, "http.disconnect", cursor, push, close, sender)


async def _until_gone(receive: Receive, gone: str, cursor: Cursor, push: Push, close: Close, sender: Sender) -> None:
    """Push until the client leaves, stops reading, or this process stops."""
    now = asyncio.get_running_loop().time

    async def listen() -> None:
        while (kind := (await receive())["type"]) != gone:
            if kind == "websocket.receive":
                raise Refused(SPOKEN, code=ErrorCode.bad_request)

    pushing = asyncio.Lock()

    async def write(lines: list[bytes], mark: str) -> None:
        async with pushing:
            sender.since = now()
            await push(lines, mark)
            sender.since = 0.0

    async def work() -> None:
        async with contextlib.aclosing(cursor.frames()) as frames:
            async for lines in frames:
                await write(lines, cursor.mark(lines))

    async def measure(metrics: LiveMetrics) -> None:
        async with contextlib.aclosing(metrics.lines()) as measured:
            async for line in measured:
                await write([line], "")

    jobs = [listen(), work(), *([measure(cursor.metrics)] if cursor.metrics else [])]
    tasks = [asyncio.create_task(job, name="stream") for job in jobs]
    try:
        await asyncio.wait([*tasks, sender.over], return_when=asyncio.FIRST_COMPLETED)
        reason = sender.over.result() if sender.over.done() else ""
        for task in tasks:
            error = task.exception() if task.done() else None
            if isinstance(error, OptaError):
                reason = error.message
            elif error is not None and not isinstance(error, OSError | RuntimeError):
                raise error
        if reason:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(CLOSE_S):
                    await close(reason)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _within_bytes(lines: list[bytes]) -> list[bytes]:
    total = 0
    for count, line in enumerate(lines):
        total += len(line) + 1
        if total > FRAME_BYTES_MAX and count:
            return lines[:count]
    return lines


def _control(kind: str, **fields: object) -> bytes:
    return msgspec.json.encode({"control": kind, **fields})
