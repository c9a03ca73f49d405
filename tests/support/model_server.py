"""A scripted OpenAI-compatible model server on loopback, for tests and benchmarks.

`reply(messages)` says what to answer as a list of actions: `Say("text", rate=…)`, `Think(…)`,
`Use("tool", {...})`, `Wait(seconds)`, `Hold(event)`, `Drop()` (cut the connection), `Fail(status, message)`. It runs in
a thread of its own and records every request with the time it arrived.
"""

import asyncio
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from support.limits import limit_s
from support.typed import as_typed


@dataclass(frozen=True)
class Say:
    """Text in pieces of `size` characters, `rate` pieces a second (0: as fast as it goes)."""

    text: str
    rate: float = 0.0
    size: int = 4


@dataclass(frozen=True)
class Think:
    """Reasoning, in one piece."""

    text: str


@dataclass(frozen=True)
class Use:
    """A tool call."""

    name: str
    args: dict[str, Any]


@dataclass(frozen=True)
class Wait:
    """Nothing for a while."""

    seconds: float


@dataclass(frozen=True)
class Hold:
    """Nothing until the test says so, for at most a minute."""

    until: threading.Event


@dataclass(frozen=True)
class End:
    """The reason with which the answer ends; only as the last action."""

    reason: str


@dataclass(frozen=True)
class Drop:
    """Cut the connection."""


@dataclass(frozen=True)
class Fail:
    """Refuse the request; only as the first action."""

    status: int
    message: str


Action = Say | Think | Use | Wait | Hold | End | Drop | Fail
Reply = Callable[[list[dict[str, Any]]], list[Action]]


@dataclass
class Request:
    """What arrived."""

    at: float
    body: dict[str, Any]
    sent_at: list[float] = field(default_factory=list[float])


class ModelServer:
    """`with ModelServer(reply) as server: server.url`. `about`: what `/v1/models` says of the model beside its name; `port`: 0 for a free one.

    `key`: what requests have to show, '' for nothing; with `lists_openly` the list of models needs none.
    """

    def __init__(self, reply: Reply, about: dict[str, Any] | None = None, port: int = 0):
        self._reply, self._about = reply, about or {}
        self.requests: list[Request] = []
        self.port = port
        self.key, self.lists_openly = "", False
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="model server", daemon=True)

    @property
    def url(self) -> str:
        """Up to and with /v1."""
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> "ModelServer":
        self._thread.start()
        assert self._ready.wait(limit_s(5))
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(limit_s(5))

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(self._connection(reader, writer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        server = await asyncio.start_server(accept, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next((int(line.split(":")[1]) for line in head.split("\r\n") if line.lower().startswith("content-length:")), 0)
                body = json.loads(await reader.readexactly(length)) if length else {}
                is_list = "/models" in head.split("\r\n")[0]
                if self.key and f"bearer {self.key}".lower() not in head.lower() and not (is_list and self.lists_openly):
                    await _whole(writer, 401, {"error": {"message": "Incorrect API key provided"}})
                elif is_list:
                    await _whole(writer, 200, {"object": "list", "data": [{"id": "scripted", "object": "model", **self._about}]})
                elif head.startswith("GET "):
                    await _whole(writer, 404, {})
                elif not await self._chat(writer, body):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _chat(self, writer: asyncio.StreamWriter, body: dict[str, Any]) -> bool:
        request = Request(time.perf_counter(), body)
        self.requests.append(request)
        actions = self._reply(as_typed(body["messages"]))
        if actions and isinstance(actions[0], Fail):
            await _whole(writer, actions[0].status, {"error": {"message": actions[0].message}})
            return True
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        calls = pieces = 0
        finish = ""
        for action in actions:
            match action:
                case Say():
                    texts = [action.text[at : at + action.size] for at in range(0, len(action.text), action.size)]
                    pieces += len(texts)
                    await _say(writer, texts, action.rate, request)
                case Think():
                    _chunk(writer, _delta({"reasoning_content": action.text}))
                case Use():
                    call = {"index": calls, "id": f"call_{calls}", "function": {"name": action.name, "arguments": json.dumps(action.args)}}
                    _chunk(writer, _delta({"tool_calls": [call]}))
                    calls += 1
                case Wait():
                    await writer.drain()
                    await asyncio.sleep(action.seconds)
                case Hold():
                    await writer.drain()
                    await asyncio.to_thread(action.until.wait, limit_s(60))
                case End():
                    finish = action.reason
                case Drop():
                    await writer.drain()
                    writer.transport.abort()
                    return False
                case Fail():
                    raise AssertionError("Fail comes first")
        _chunk(writer, _delta({}, finish or ("tool_calls" if calls else "stop")))
        usage = {"prompt_tokens": len(json.dumps(body["messages"])) // 4, "completion_tokens": pieces}
        _chunk(writer, b"data: " + json.dumps({"choices": [], "usage": usage}).encode() + b"\n\n")
        _chunk(writer, b"data: [DONE]\n\n")
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True


async def _say(writer: asyncio.StreamWriter, texts: list[str], rate: float, request: Request) -> None:
    started = time.perf_counter()
    for number, text in enumerate(texts):
        if rate:
            await writer.drain()
            await asyncio.sleep(max(0.0, started + number / rate - time.perf_counter()))
        elif number % 256 == 0:
            await writer.drain()
        request.sent_at.append(time.perf_counter())
        _chunk(writer, _delta({"content": text}))


def _delta(delta: dict[str, Any], finish: str | None = None) -> bytes:
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}).encode() + b"\n\n"


def _chunk(writer: asyncio.StreamWriter, content: bytes) -> None:
    if writer.is_closing():
        raise ConnectionResetError("the client has gone")
    writer.write(b"%x\r\n%b\r\n" % (len(content), content))


async def _whole(writer: asyncio.StreamWriter, status: int, body: dict[str, Any]) -> None:
    content = json.dumps(body).encode()
    writer.write(b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(content)) + content)
    await writer.drain()
