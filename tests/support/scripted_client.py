"""A daemon's client in this process, for screens: it answers from tables, and its events are those that a test gives.

It has the methods of `opta_cli.client.Client` that the full-screen terminal uses, and counts nothing and knows no socket.
"""

import queue
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from opta_core.errors import Refused
from opta_core.fold import fold
from opta_core.transcript import Transcript
from opta_protocol import wire
from opta_protocol.error_info import ErrorCode
from opta_protocol.events import Event
from support.events import TS

SID = "a3b2c1"
CWD = "/work/api"
SESSION: dict[str, Any] = {
    "id": SID,
    "title": "Refactor the auth layer",
    "cwd": CWD,
    "mode": "do",
    "model": "lmx/qwen3-coder",
    "level": "L2",
    "state": "idle",
    "turns": 2,
    "createdAt": "2026-01-02T03:04:05Z",
    "lastActivityAt": "2026-01-02T03:14:05Z",
    "lastSeq": 0,
    "pinned": False,
    "archived": False,
    "pending": 0,
}
Answer = Callable[[Any], Any]


class ScriptedClient:
    """`answers`: `METHOD path` without the query -> what is answered, or a function of the body. `requests`: what was asked."""

    def __init__(self, events: list[Event] | None = None, answers: dict[str, Any] | None = None):
        self.lines: list[bytes] = []
        self.requests: list[tuple[str, str, Any]] = []
        self.answers: dict[str, Any] = {"GET /v3/commands": {"commands": [], "problems": []}, **(answers or {})}
        self._live: queue.Queue[bytes] = queue.Queue()
        self.add(*(events or []))
        self._live = queue.Queue()

    def another(self) -> "ScriptedClient":
        return self

    def add(self, *events: Event) -> None:
        """Events that happen now."""
        for event in events:
            seq = len(self.lines) + 1
            line = wire.stamp(wire.encode_body(event), seq, TS.format(seq), "test.boot", seq)
            self.lines.append(line)
            self._live.put(line)

    @property
    def transcript(self) -> Transcript:
        """All events so far, folded at once."""
        return fold(map(wire.decode, self.lines))

    def get(self, path: str, **query: Any) -> Any:
        return self.ask("GET", path, query)

    def post(self, path: str, body: Any = None, key: str = "") -> Any:
        return self.ask("POST", path, body)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        self.requests.append((method, path, body))
        name = f"{method} {path.partition('?')[0]}"
        if name == f"GET /v3/sessions/{SID}":
            return {**SESSION, "lastSeq": len(self.lines), "transcript": msgspec.to_builtins(self.transcript)}
        if name not in self.answers:
            raise Refused(f"There is no answer for {name}.", code=ErrorCode.not_found)
        answer = self.answers[name]
        return answer(body) if callable(answer) else answer

    def raw(self, method: str, path: str, body: Any = None) -> bytes:
        return msgspec.json.encode(self.ask(method, path, body))

    def events(
        self, sid: str, after: int, *, on_lost: Callable[[], None] | None = None, is_over: Callable[[], bool] | None = None
    ) -> Iterator[bytes]:
        while is_over is None or not is_over():
            try:
                yield self._live.get(timeout=0.05)
            except queue.Empty:
                continue
