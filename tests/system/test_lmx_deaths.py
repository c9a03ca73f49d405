"""An engine that dies or stops in every state, and clients that leave by the thousand: the front stays, errors have a type, the next is served."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.daemon import Daemon
from support.lmx import CHAT, admin, chat, get, headers, lmx, port_of, running
from support.oracles import MIB, fds_of, rss_of, until
from support.random_model import make_random_qwen3
from support.raw_http import Answer, exchange, head

pytestmark = pytest.mark.system

LONG = [{"role": "user", "content": "tell me of the sea"}]
# An end of the answer is token 256: without it answers are as long as they may be.
ENDLESS = {"messages": LONG, "max_tokens": 1500, "logit_bias": {"256": -100}}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("deaths")
    daemon = Daemon(folder, only="lmx", config='[lmx]\nmodel = "tiny"\n')
    make_random_qwen3(daemon.home / "models/tiny", context=8192, tie_word_embeddings=False)
    with lmx(folder, daemon):
        yield daemon


def engine_of(daemon: Daemon) -> int:
    return int(get(port_of(daemon), "/readyz").json()["pid"])


def content_of(path: str, port: int, body: dict[str, Any]) -> bytes:
    content = json.dumps(body).encode()
    return head("POST", path, headers(port, ("Content-Length", str(len(content))))) + content


class Asking(threading.Thread):
    """A request whose whole answer is read beside the test."""

    def __init__(self, port: int, body: dict[str, Any], path: str = CHAT):
        super().__init__(daemon=True)
        self.content, self.port = content_of(path, port, body), port
        self.body = b""
        self.start()

    def run(self) -> None:
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(self.content)
            while not self.body.endswith(b"0\r\n\r\n") and (more := connection.recv(65536)):
                self.body += more
                if b"content-length" in self.body.partition(b"\r\n\r\n")[0] and self.is_whole():
                    break

    def is_whole(self) -> bool:
        first, _, rest = self.body.partition(b"\r\n\r\n")
        length = next((int(line.split(b":")[1]) for line in first.split(b"\r\n") if line.lower().startswith(b"content-length")), -1)
        return len(rest) >= length >= 0

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    def answer(self) -> str:
        """All of it, once it has come."""
        self.join(30)
        assert not self.is_alive(), self.text[-300:]
        return self.text


def kill(daemon: Daemon) -> None:
    """Kill the engine; the front answers meanwhile, and the next engine is there soon."""
    port, before = port_of(daemon), engine_of(daemon)
    os.kill(before, signal.SIGKILL)
    asked = time.perf_counter()
    assert get(port, "/healthz").status == 200
    assert time.perf_counter() - asked < 0.3


def is_served_again(daemon: Daemon) -> None:
    # Three deaths in five minutes would have the model left alone: an admin says otherwise.
    assert admin(daemon, "POST", "/admin/models/load", {"model": "tiny"}).status == 200
    answer = chat(port_of(daemon), max_tokens=4)
    assert (answer.status, answer.json()["usage"]["completion_tokens"] > 0) == (200, True)
    assert until(lambda: running(port_of(daemon)) == 0, 2)


def test_who_was_told_nothing_is_answered_whole_by_the_next_engine(alone: Daemon) -> None:
    port = port_of(alone)
    idle_killed = engine_of(alone)
    kill(alone)
    assert chat(port, max_tokens=4).status == 200  # waits for the next one
    assert engine_of(alone) != idle_killed
    reading = Asking(port, {"messages": [{"role": "user", "content": "word " * 1500}], "max_tokens": 3})
    assert until(lambda: running(port) == 1, 2)
    kill(alone)
    assert "200 OK" in reading.answer()
    is_served_again(alone)


def test_a_stream_that_had_begun_ends_with_a_typed_error_and_those_behind_it_are_answered(alone: Daemon) -> None:
    port = port_of(alone)
    streams = [Asking(port, {**ENDLESS, "stream": True}) for _ in range(16)]
    assert until(lambda: all(b"content" in stream.body for stream in streams), 20)
    waiting = [Asking(port, {"messages": LONG, "max_tokens": 3}) for _ in range(4)]
    assert until(lambda: running(port) == 20, 5)
    kill(alone)
    for stream in streams:
        last = stream.answer().split("data: ")[-1]
        assert '"code":"engine_lost"' in last
        assert "[DONE]" not in last
    assert all("200 OK" in asking.answer() for asking in waiting)
    is_served_again(alone)


def test_streams_of_other_apis_end_in_their_own_form(alone: Daemon) -> None:
    port = port_of(alone)
    message = Asking(port, {"messages": LONG, "max_tokens": 4000, "stream": True}, "/v1/messages")
    response = Asking(port, {"input": "x", "max_output_tokens": 4000, "stream": True}, "/v1/responses")
    vectors = Asking(port, {"input": ["some words " * 30] * 200}, "/v1/embeddings")
    assert until(lambda: b"content_block_delta" in message.body and b"output_text.delta" in response.body, 10)
    kill(alone)
    if "message_stop" not in message.answer():
        assert 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error"' in message.text
    if "response.completed" not in response.answer():
        assert "event: error\ndata: " in response.text
        assert '"code":"engine_lost"' in response.text
    assert "200 OK" in vectors.answer()  # nothing of it was told
    is_served_again(alone)


def test_a_model_that_dies_again_and_again_is_left_alone_until_somebody_loads_it(alone: Daemon) -> None:
    port = port_of(alone)
    is_served_again(alone)
    for _ in range(3):
        assert until(lambda: get(port, "/readyz").status == 200, 20)
        kill(alone)
        time.sleep(0.05)
    assert until(lambda: get(port, "/readyz").status == 503 and "left alone" in get(port, "/readyz").json()["reason"], 10)
    refused = chat(port, max_tokens=2)
    assert (refused.status, refused.error["type"]) == (503, "server_error")
    assert "opta models load tiny" in refused.error["message"]
    assert int(refused.header("retry-after") or 0) > 0
    (entry,) = [model for model in get(port, "/v1/models").json()["data"] if model["id"] == "tiny"]
    assert entry["state"] == "quarantined"
    is_served_again(alone)


def test_an_engine_that_stands_still_for_a_while_loses_nothing(alone: Daemon) -> None:
    port, engine = port_of(alone), engine_of(alone)
    stream = Asking(port, {**ENDLESS, "max_tokens": 300, "stream": True})
    assert until(lambda: b"content" in stream.body, 10)
    os.kill(engine, signal.SIGSTOP)
    try:
        held = len(stream.body)
        assert not until(lambda: len(stream.body) > held + 20_000, 2)
        assert get(port, "/healthz").status == 200
    finally:
        os.kill(engine, signal.SIGCONT)
    assert "[DONE]" in stream.answer()
    assert engine_of(alone) == engine


def test_a_thousand_clients_that_leave_cost_nothing_in_the_end(alone: Daemon) -> None:
    port = port_of(alone)
    front, engine = alone.pids()["lmx"], engine_of(alone)
    leave(port, 200)
    before = [rss_of(front), rss_of(engine)]
    fds = fds_of(front)
    leave(port, 1000)
    assert until(lambda: running(port) == 0, 2)
    assert engine_of(alone) == engine
    assert all(rss_of(pid) - known < 64 * MIB for pid, known in zip((front, engine), before, strict=True))
    assert until(lambda: fds_of(front) <= fds + 5, 10)
    is_served_again(alone)


def leave(port: int, count: int) -> None:
    """So many requests, streamed and not, of which nobody waits for the end."""
    for wave in range(0, count, 40):
        clients: list[socket.socket] = []
        for number in range(40):
            client = socket.create_connection(("127.0.0.1", port), timeout=10)
            client.sendall(content_of(CHAT, port, {**ENDLESS, "max_tokens": 200, "stream": number % 2 == 0}))
            clients.append(client)
        for number, client in enumerate(clients):
            if number % 8 == 0:
                assert client.recv(1)
            client.close()
        assert until(lambda: running(port) == 0, 5), wave


def test_a_flood_of_connections_is_answered_at_once_one_way_or_the_other(alone: Daemon) -> None:
    port = port_of(alone)
    started = time.perf_counter()
    statuses: list[tuple[int, float]] = []

    def ask() -> None:
        answer: Answer = exchange(port, content_of(CHAT, port, {"messages": LONG, "max_tokens": 4}), 30)
        assert answer.status == 200 or int(answer.header("retry-after") or 0) > 0
        statuses.append((answer.status, time.perf_counter() - started))

    threads = [threading.Thread(target=ask) for _ in range(128)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(statuses) == 128
    assert {status for status, _ in statuses} == {200, 429}
    assert all(seconds < 2 for status, seconds in statuses if status == 429)


def test_lmx_that_is_asked_to_stop_ends_what_is_short_and_tells_the_rest(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path)
    daemon.loaded.paths.make()
    make_random_qwen3(daemon.home / "models/tiny", context=8192, tie_word_embeddings=False)
    environment = {**daemon.environment, "OPTA_LMX_MODEL": "tiny"}
    with subprocess.Popen([sys.executable, "-m", "opta_lmx"], env=environment, stderr=subprocess.DEVNULL) as process:
        assert until(lambda: port_of(daemon) != 0 and get(port_of(daemon), "/readyz").status == 200, 20)
        port, engine = port_of(daemon), engine_of(daemon)
        short = Asking(port, {**ENDLESS, "max_tokens": 200, "stream": True})
        long = Asking(port, {**ENDLESS, "max_tokens": 8000, "stream": True})
        assert until(lambda: b"content" in short.body and b"content" in long.body, 10)
        process.terminate()
        assert "[DONE]" in short.answer()
        assert '"code":"engine_lost"' in long.answer() or "[DONE]" in long.text
        assert process.wait(10) == 0
        assert not Path(f"/proc/{engine}").exists()
