"""Clients of LMX's four inference APIs that leave, wait and count, and what LMX's processes do meanwhile."""

import contextlib
import http.client
import json
import os
import select
import signal
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.daemon import Daemon
from support.limits import limit_s
from support.lmx import CHAT, admin, chat, figure, get
from support.oracles import until
from support.random_model import make_random_qwen3

CONTEXT = 4096
CONFIG = '[lmx]\nmodel = "tiny"\n'
ANSWERS_S, HEALTHY_S = 40.0, 0.3
COMPLETIONS, MESSAGES, RESPONSES, EMBEDDINGS = "/v1/completions", "/v1/messages", "/v1/responses", "/v1/embeddings"
APIS = (CHAT, COMPLETIONS, MESSAGES, RESPONSES)


def make_tiny(daemon: Daemon) -> None:
    """A model that never ends an answer of its own: its end is no token of its vocabulary."""
    make_random_qwen3(daemon.home / "models/tiny", context=CONTEXT, eos_token_id=99_999)


# clients ------------------------------------------------------------------------------------------------


def body_of(path: str, tokens: int, *, stream: bool, text: str = "hello") -> dict[str, Any]:
    """The same question in each API's words."""
    asked = [{"role": "user", "content": text}]
    match path:
        case "/v1/completions":
            return {"prompt": text, "max_tokens": tokens, "stream": stream}
        case "/v1/responses":
            return {"input": text, "max_output_tokens": tokens, "stream": stream}
        case _:
            return {"messages": asked, "max_tokens": tokens, "stream": stream}


@dataclass
class Client:
    """A request under way, and what came of it."""

    port: int
    path: str
    body: dict[str, Any]
    said: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    _answer: http.client.HTTPResponse | None = None

    def __post_init__(self) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=limit_s(ANSWERS_S))
        self._connection.request("POST", self.path, json.dumps(self.body), {"Content-Type": "application/json"})

    def leave(self) -> None:
        """Hang up, whatever is under way."""
        if self._answer is not None:
            self._answer.close()
        self._connection.close()

    @property
    def has_answer_part(self) -> bool:
        """Whether anything has come."""
        return bool(self._connection.sock and select.select([self._connection.sock], [], [], 0)[0])

    def answer(self) -> http.client.HTTPResponse:
        """The head."""
        if self._answer is None:
            self._answer = self._connection.getresponse()
        return self._answer

    def read(self, frames: int) -> None:
        """So many frames more; fewer when it ends before."""
        lines = 0
        while lines < frames and (line := self.answer().readline()):
            if line.startswith(b"data: "):
                lines += 1
                self.said.append({"done": True} if line.strip() == b"data: [DONE]" else json.loads(line[6:]))

    def rest(self) -> None:
        """To its end, which is whole or raises."""
        self.read(1_000_000)
        self.leave()

    def whole(self) -> tuple[int, dict[str, Any]]:
        """(status, body) of an answer that does not stream."""
        answer = self.answer()
        content = answer.read()
        self.leave()
        if answer.status == 503:
            assert int(answer.getheader("retry-after", "0")) > 0
        return answer.status, json.loads(content)

    @property
    def text(self) -> str:
        """What a stream has answered so far."""
        return "".join(_text(frame) for frame in self.said)

    def lost(self) -> str:
        """The message of the error that ended it: the last thing said, and in its API's form."""
        last = self.said[-1]
        if self.path == MESSAGES:
            assert (last["type"], last["error"]["type"]) == ("error", "overloaded_error"), last
        else:
            assert (last["error"]["code"], last["error"]["type"]) == ("engine_lost", "server_error"), last
        return str(last["error"]["message"])

    @property
    def is_whole(self) -> bool:
        """Whether a stream ended as one that got all its tokens."""
        last = self.said[-1]
        return last == {"done": True} or last.get("type") in ("message_stop", "response.incomplete")


def _text(frame: dict[str, Any]) -> str:
    match frame:
        case {"choices": [{"delta": {"content": str() as text}}]} | {"choices": [{"text": str() as text}]}:
            return text
        case {"type": "content_block_delta", "delta": {"text": str() as text}} | {
            "type": "response.output_text.delta",
            "delta": str() as text,
        }:
            return text
        case _:
            return ""


def streams(port: int, count: int, tokens: int) -> list[Client]:
    """So many, of every API, all of them begun."""
    found = [Client(port, APIS[number % 4], body_of(APIS[number % 4], tokens, stream=True)) for number in range(count)]
    for client in found:
        client.read(2)
    return found


def answer_text(port: int, tokens: int) -> str:
    """What the model says when nothing happens to it."""
    return str(chat(port, max_tokens=tokens).json()["choices"][0]["message"]["content"])


# what is going on ---------------------------------------------------------------------------------------


def engine(daemon: Daemon) -> dict[str, Any]:
    """What an admin sees of the model."""
    return next(model for model in admin(daemon, "GET", "/admin/models").json()["models"] if model["id"] == "tiny")


def kill(daemon: Daemon) -> int:
    """The engine's child, at once; who it was."""
    pid = int(engine(daemon)["pid"])
    os.kill(pid, signal.SIGKILL)
    return pid


def busy_s(pid: int) -> float:
    """Seconds that all threads of a process have run."""
    fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def works(pid: int, seconds: float) -> bool:
    """Wait until it has worked for so long."""
    before = busy_s(pid)
    return until(lambda: busy_s(pid) - before > seconds, 10)


def steps(port: int) -> int:
    """Made by the engine, as far as it has reported."""
    return figure(port, 'lmx_steps_total{model="tiny"}')


def comes_to_rest(port: int) -> bool:
    """Whether the engine soon makes no steps any more: it computes nothing for nobody."""
    made, since = steps(port), time.monotonic()

    def has_rested() -> bool:
        nonlocal made, since
        if made != (now := steps(port)):
            made, since = now, time.monotonic()
        # It tells them twice a second.
        return time.monotonic() - since > 1.2

    return until(has_rested, 3)


@contextlib.contextmanager
def front_answers(port: int) -> Generator[None]:
    """Meanwhile /healthz answers, every time and soon."""
    over, slowest_s, answers = threading.Event(), 0.0, 0

    def watch() -> None:
        nonlocal slowest_s, answers
        # At least once, however short the block is.
        while not answers or not over.wait(0.02):
            asked = time.perf_counter()
            status = get(port, "/healthz").status
            assert status == 200, status
            answers += 1
            slowest_s = max(slowest_s, time.perf_counter() - asked)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
    assert answers
    assert slowest_s < limit_s(HEALTHY_S), f"/healthz took {slowest_s:.2f} s"
