"""The measuring client: one persistent HTTP connection, one WebSocket, and the arrival time of each frame."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any

import websockets
from support.daemon import Daemon

ENDINGS = tuple(f'"event":"{name}"' for name in ("turn.done", "turn.error", "session.cancelled"))
TURN_S = 60.0


@dataclass
class Seen:
    """One turn as a client sees it: the time of the request, and the frames with their times."""

    asked_at: float = 0.0
    answered_at: float = 0.0
    frames: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])

    def characters(self) -> list[tuple[float, int]]:
        """(time, characters of answer) of each frame that has any."""
        found: list[tuple[float, int]] = []
        for at, frame in self.frames:
            count = sum(len(json.loads(line)["delta"]) for line in frame.split("\n") if '"event":"turn.token"' in line[:60])
            if count:
                found.append((at, count))
        return found

    def token_bytes(self) -> int:
        """Bytes of all token lines with their newlines."""
        return sum(len(line.encode()) + 1 for _, frame in self.frames for line in frame.split("\n") if '"event":"turn.token"' in line[:60])

    def ending(self) -> dict[str, Any]:
        """The last event."""
        return json.loads(self.frames[-1][1].split("\n")[-1])


class GatewayClient:
    """`async with GatewayClient(daemon) as gateway:`"""

    def __init__(self, daemon: Daemon):
        self._port, self._token = daemon.port, daemon.token

    async def __aenter__(self) -> "GatewayClient":
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
        await self._writer.wait_closed()

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[float, float, Any]:
        """Send a request: (time sent, time received, response)."""
        content = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nAuthorization: Bearer {self._token}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        left_at = time.perf_counter()
        self._writer.write(head.encode() + content)
        answer = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = next(int(line.split(":")[1]) for line in answer.split("\r\n") if line.startswith("content-length:"))
        said = await self._reader.readexactly(length)
        back_at = time.perf_counter()
        if not answer.startswith("http/1.1 2"):
            raise RuntimeError(f"{method} {path}: {answer.splitlines()[0]} {said[:300]!r}")
        return left_at, back_at, json.loads(said)

    async def session(self, daemon: Daemon, **fields: Any) -> str:
        """Create a session in the daemon's workspace; returns its id."""
        _, _, session = await self.ask("POST", "/v3/sessions", {"cwd": str(daemon.workspace), **fields})
        return session["id"]

    def stream(self, sid: str, after: int = 0) -> websockets.connect:
        """The session's WebSocket."""
        url = f"ws://127.0.0.1:{self._port}/v3/sessions/{sid}/stream?afterSeq={after}"
        headers = {"Authorization": f"Bearer {self._token}"}
        return websockets.connect(url, additional_headers=headers, compression=None, max_size=None, max_queue=None, proxy=None)

    def stream_of_all(self) -> websockets.connect:
        """The WebSocket of all sessions. Its first line is a control line."""
        headers = {"Authorization": f"Bearer {self._token}"}
        return websockets.connect(f"ws://127.0.0.1:{self._port}/v3/events", additional_headers=headers, compression=None, proxy=None)

    async def turn(self, socket: websockets.ClientConnection, sid: str, text: str, **fields: Any) -> Seen:
        """Submit a prompt and follow it to its end. Raises RuntimeError when the turn fails."""
        seen = Seen()
        async with asyncio.timeout(TURN_S), asyncio.TaskGroup() as group:
            posted = group.create_task(self.ask("POST", f"/v3/sessions/{sid}/turns", {"text": text, **fields}))
            while True:
                frame = str(await socket.recv())
                seen.frames.append((time.perf_counter(), frame))
                if any(ending in frame for ending in ENDINGS):
                    break
        seen.asked_at, seen.answered_at, _ = posted.result()
        if seen.ending()["event"] != "turn.done":
            raise RuntimeError(f"turn {text!r} ended badly: {seen.ending()}")
        return seen
