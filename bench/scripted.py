"""The scripted model server in a separate process, so that it takes no time from the measuring client.

The last prompt selects the answer: `say COUNT RATE` (pieces of four characters, RATE per second, 0: as fast as possible),
`flood COUNT` (the same bytes, encoded beforehand, many pieces per write), `read COUNT` and `run COUNT` (COUNT tool calls, one
per step). `time.perf_counter` is one clock for all processes.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

from support.model_server import Action, ModelServer, Request, Say, Use, _chunk, _delta
from support.typed import typed

PIECE = "word"
_PIECES_A_WRITE = 16


@dataclass(frozen=True)
class Asked:
    """A request as the server received it."""

    at: float
    sent_at: list[float]
    body: dict[str, Any]


class Scripted:
    """`with Scripted() as server: server.url`"""

    def __enter__(self) -> "Scripted":
        command, environment = [sys.executable, __file__], {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        self._process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self._ask("url")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=10)

    def take(self, *, bodies: bool = False) -> list[Asked]:
        """The requests since the last call, oldest first."""
        return [Asked(at, sent_at, body) for at, sent_at, body in self._ask("bodies" if bodies else "times")]

    def _ask(self, word: str) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


class _Server(ModelServer):
    """Adds `flood`, whose bytes are encoded beforehand."""

    def __init__(self) -> None:
        super().__init__(_reply)
        self._floods: dict[int, list[bytes]] = {}

    async def _chat(self, writer: asyncio.StreamWriter, body: dict[str, Any]) -> bool:
        word, count = _script(body["messages"])[:2]
        if word != "flood":
            return await super()._chat(writer, body)
        writes = self._floods.get(count) or _flood(count)
        self._floods[count] = writes
        self.requests.append(Request(time.perf_counter(), {}))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for write in writes:
            writer.write(write)
            await writer.drain()
        return True


class _Joined:
    """Collects the output of `_chunk`."""

    def __init__(self) -> None:
        self.content = b""

    def is_closing(self) -> bool:
        """Never: there is no connection."""
        return False

    def write(self, content: bytes) -> None:
        self.content += content


def _flood(count: int) -> list[bytes]:
    writes: list[bytes] = []
    for first in range(0, count, _PIECES_A_WRITE):
        joined = _Joined()
        for _ in range(min(_PIECES_A_WRITE, count - first)):
            _chunk(joined, _delta({"content": PIECE}))  # type: ignore[arg-type]
        writes.append(joined.content)
    end = _Joined()
    for content in (_delta({}, "stop"), b"data: [DONE]\n\n"):
        _chunk(end, content)  # type: ignore[arg-type]
    return [*writes, end.content + b"0\r\n\r\n"]


def _script(messages: list[dict[str, Any]]) -> tuple[str, int, float, int]:
    """(word, count, rate, number of tool results after the last prompt)."""
    at = max((at for at, message in enumerate(messages) if message["role"] == "user"), default=0)
    word, count, rate = (typed(messages[at]["content"]) + " 0 0").split()[:3]
    results = sum(message["role"] == "tool" for message in messages[at:])
    return word, int(count), float(rate), results


def _reply(messages: list[dict[str, Any]]) -> list[Action]:
    word, count, rate, results = _script(messages)
    if word in ("read", "run") and results < count:
        # The Say comes first: its time is that of the tool call, which is written directly after it. Each call is different.
        use = (
            Use("read_file", {"path": "text.txt", "end_line": 20 + results})
            if word == "read"
            else Use("run_command", {"command": f"echo {results}"})
        )
        return [Say("look"), use]
    return [Say(PIECE * count, rate=rate)] if word == "say" else [Say("done")]


def _serve() -> None:
    with _Server() as server:
        for line in sys.stdin:
            taken, server.requests = server.requests, []
            word = line.strip()
            said: Any = server.url if word == "url" else [[r.at, r.sent_at, r.body if word == "bodies" else {}] for r in taken]
            print(json.dumps(said), flush=True)


if __name__ == "__main__":
    _serve()
