"""Row A68 and LMX's promises about ends: clients that leave, engines that die in any state, a front that is stopped; and the faults
of the server that LMX replaces, by name.
"""

import base64
import contextlib
import http.client
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.daemon import Daemon
from support.limits import limit_s
from support.lmx import CHAT, HELLO, admin, chat, engine_lives_on, figure, get, headers, lmx, port_of, running
from support.oracles import MIB, fds_of, rss_of, until
from support.random_model import make_random_qwen3
from support.raw_http import Answer, head, read_answer

pytestmark = pytest.mark.system

CONTEXT = 4096
CONFIG = '[lmx]\nmodel = "tiny"\n'
ANSWERS_S, HEALTHY_S = 40.0, 0.3
COMPLETIONS, MESSAGES, RESPONSES, EMBEDDINGS = "/v1/completions", "/v1/messages", "/v1/responses", "/v1/embeddings"
APIS = (CHAT, COMPLETIONS, MESSAGES, RESPONSES)


def make_tiny(daemon: Daemon) -> None:
    """A model that never ends an answer of its own: its end is no token of its vocabulary."""
    make_random_qwen3(daemon.home / "models/tiny", context=CONTEXT, eos_token_id=99_999)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("deaths")
    daemon = Daemon(folder, only="lmx", config=CONFIG)
    make_tiny(daemon)
    with lmx(folder, daemon):
        yield daemon


@pytest.fixture
def port(alone: Daemon) -> Generator[int]:
    """The same engine lives on."""
    with engine_lives_on(alone):
        yield port_of(alone)


@pytest.fixture
def mortal(alone: Daemon) -> int:
    """With an engine that has not died yet: three deaths in five minutes would leave it alone."""
    admin(alone, "POST", "/admin/models/unload", {"model": "tiny"})
    assert admin(alone, "POST", "/admin/models/load", {"model": "tiny"}).status == 200
    return port_of(alone)


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
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
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
        while not over.wait(0.02):
            asked = time.perf_counter()
            answers += get(port, "/healthz").status == 200
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


# clients that leave -------------------------------------------------------------------------------------


def leave_in_waves(port: int, count: int) -> None:
    """Ask and hang up after 0 to 3 frames, 40 at a time, in every API, streamed or not, with short prompts and long ones."""
    for _ in range(count // 40):
        wave: list[tuple[Client, int]] = []
        for number in range(40):
            path, is_stream = APIS[number % 4], number % 3 != 0
            body = body_of(path, 2000, stream=is_stream, text="hello" if number % 5 else f"{number} long " * 150)
            # The likeliest answer of this model to a long text is nothing but spaces, which are sent when something else follows.
            wave.append((Client(port, path, {**body, "temperature": 1}), number // 4 % 4 if is_stream else 0))
        for client, frames in wave:
            client.read(frames)
            client.leave()
        assert until(lambda: running(port) == 0, 1)


@pytest.mark.attack("A68")
def test_clients_that_leave_leave_nothing_behind(alone: Daemon) -> None:
    """A thousand by name: OPTA_TEST_CLIENTS=1000."""
    port = port_of(alone)
    expected = answer_text(port, 50)
    leave_in_waves(port, 80)
    assert comes_to_rest(port)
    pids = [alone.pids()["lmx"], int(engine(alone)["pid"])]
    sizes, descriptors = [rss_of(pid) for pid in pids], fds_of(pids[0])
    leave_in_waves(port, int(os.environ.get("OPTA_TEST_CLIENTS", "320")))
    assert until(lambda: running(port) == 0, 1)
    assert comes_to_rest(port)
    assert until(lambda: fds_of(pids[0]) <= descriptors, 10)
    more = [(rss_of(pid) - size) / MIB for pid, size in zip(pids, sizes, strict=True)]
    assert max(more) < 64, more
    with engine_lives_on(alone):
        assert answer_text(port, 50) == expected


# engines that die ---------------------------------------------------------------------------------------


def assert_served(daemon: Daemon, killed: int, expected: str) -> None:
    """Another engine has taken its place."""
    assert answer_text(port_of(daemon), 20) == expected[:20]
    assert engine(daemon)["pid"] != killed
    assert engine(daemon)["restarts"] == 1
    assert until(lambda: running(port_of(daemon)) == 0, 1)


def test_an_engine_killed_while_it_loads_costs_nobody_an_answer(alone: Daemon, mortal: int) -> None:
    expected = answer_text(mortal, 20)
    assert admin(alone, "POST", "/admin/models/unload", {"model": "tiny"}).status == 200
    with front_answers(mortal):
        assert admin(alone, "POST", "/admin/models/load", {"model": "tiny", "wait": False}).json()["state"] == "loading"
        waiting = [Client(mortal, path, body_of(path, 20, stream=True)) for path in APIS]
        assert until(lambda: running(mortal) == 4, 1)
        killed = kill(alone)
        for client in waiting:
            client.rest()
    assert [(client.is_whole, client.text[:20]) for client in waiting if client.path == CHAT] == [(True, expected)]
    assert all(client.is_whole for client in waiting)
    assert_served(alone, killed, expected)


def test_an_idle_engine_is_killed_and_the_next_request_does_not_know(alone: Daemon, mortal: int) -> None:
    expected = answer_text(mortal, 20)
    with front_answers(mortal):
        assert_served(alone, kill(alone), expected)


def test_an_engine_killed_while_it_reads_a_prompt_is_asked_again(alone: Daemon, mortal: int) -> None:
    expected, prompt = answer_text(mortal, 20), "a b c d " * 437
    with front_answers(mortal):
        pid = int(engine(alone)["pid"])
        stream, whole = (Client(mortal, CHAT, body_of(CHAT, 20, stream=is_stream, text=prompt)) for is_stream in (True, False))
        assert works(pid, 0.2)
        assert not stream.has_answer_part
        assert kill(alone) == pid
        stream.rest()
        status, body = whole.whole()
    assert (stream.is_whole, status, body["choices"][0]["finish_reason"]) == (True, 200, "length")
    assert stream.text == body["choices"][0]["message"]["content"]
    assert_served(alone, pid, expected)


def test_streams_of_an_engine_that_is_killed_end_with_an_error_of_their_api(alone: Daemon, mortal: int) -> None:
    expected = answer_text(mortal, 20)
    with front_answers(mortal):
        begun = streams(mortal, 4, 3000)
        killed = kill(alone)
        for client in begun:
            client.rest()
            assert "was lost (SIGKILL)" in client.lost()
    assert_served(alone, killed, expected)


def test_vectors_of_an_engine_that_is_killed_are_made_by_the_next(alone: Daemon, mortal: int) -> None:
    expected = answer_text(mortal, 20)
    texts = {"input": [f"{number} a b c d " * 50 for number in range(30)], "encoding_format": "base64"}
    with front_answers(mortal):
        pid = int(engine(alone)["pid"])
        asking = Client(mortal, EMBEDDINGS, texts)
        assert works(pid, 0.3)
        assert not asking.has_answer_part
        assert kill(alone) == pid
        status, body = asking.whole()
    assert status == 200
    assert [len(base64.b64decode(entry["embedding"])) for entry in body["data"]] == [64 * 4] * 30
    assert_served(alone, pid, expected)


def test_a_full_batch_and_its_line_survive_their_engine(alone: Daemon, mortal: int) -> None:
    expected = answer_text(mortal, 20)
    with front_answers(mortal):
        begun = streams(mortal, 12, 3000)
        # Four more places of the batch; nobody is sent what these have until they are whole.
        hidden = [Client(mortal, path, body_of(path, 3000, stream=False)) for path in APIS]
        waiting = [Client(mortal, path, body_of(path, 20, stream=is_stream)) for path in APIS for is_stream in (True, False) * 3]
        assert until(lambda: (running(mortal), figure(mortal, "lmx_requests_waiting")) == (40, 24), 5)
        killed = kill(alone)
        for client in begun:
            client.rest()
            assert "was lost (SIGKILL)" in client.lost()
        for client in hidden:
            status, body = client.whole()
            if status == 503:
                client.said.append(body)
                assert "was lost (SIGKILL)" in client.lost()
            else:
                assert status == 200
        for client in waiting:
            if client.body["stream"]:
                client.rest()
                assert client.is_whole, client.said
            else:
                assert client.whole()[0] == 200
    assert_served(alone, killed, expected)


def test_a_model_that_dies_thrice_is_left_alone_until_an_admin_loads_it(alone: Daemon, mortal: int) -> None:
    expected = answer_text(mortal, 20)
    with front_answers(mortal):
        for _ in range(2):
            kill(alone)
            assert answer_text(mortal, 20) == expected
        begun = streams(mortal, 4, 3000)
        waiting = Client(mortal, CHAT, body_of(CHAT, 3000, stream=False))
        killed = kill(alone)
        for client in begun:
            client.rest()
            assert "was lost" in client.lost()
        # That one was either part of the batch, and is not asked again, or comes to a model that is left alone.
        assert waiting.whole()[0] == 503
        for path in (*APIS, EMBEDDINGS):
            body = {"input": "x"} if path == EMBEDDINGS else body_of(path, 20, stream=path == CHAT)
            status, refused = Client(mortal, path, body).whole()
            assert status == 503
            assert "opta models load tiny" in refused["error"]["message"]
        ready = get(mortal, "/readyz")
        assert (ready.status, engine(alone)["state"]) == (503, "quarantined")
        assert "died 3 times" in ready.json()["reason"]
        assert get(mortal, "/v1/models").status == get(mortal, "/metrics").status == 200
        loaded = admin(alone, "POST", "/admin/models/load", {"model": "tiny"})
        assert (loaded.status, loaded.json()["state"]) == (200, "loaded")
        assert loaded.json()["pid"] != killed
        assert answer_text(mortal, 20) == expected
        # It is a new count.
        kill(alone)
        assert answer_text(mortal, 20) == expected


# engines that stand still -------------------------------------------------------------------------------


def test_an_engine_that_stands_still_for_three_seconds_goes_on_where_it_was(alone: Daemon, port: int) -> None:
    expected = answer_text(port, 600)
    assert comes_to_rest(port)
    before = steps(port)
    pid = int(engine(alone)["pid"])
    begun = [Client(port, CHAT, body_of(CHAT, 600, stream=True)) for _ in range(2)]
    for client in begun:
        client.read(3)
    os.kill(pid, signal.SIGSTOP)
    try:
        stopped = time.monotonic()
        with front_answers(port):
            # As many as one batch holds come while nobody looks.
            later = [Client(port, CHAT, body_of(CHAT, 20, stream=bool(number % 2))) for number in range(16)]
            assert until(lambda: time.monotonic() - stopped > 3, 4)
            assert get(port, "/readyz").status == 200
    finally:
        os.kill(pid, signal.SIGCONT)
    for client in begun:
        client.rest()
        assert (client.is_whole, client.text) == (True, expected)
    for client in later:
        if client.body["stream"]:
            client.rest()
            assert (client.is_whole, client.text) == (True, expected[:20])
        else:
            status, body = client.whole()
            assert (status, body["choices"][0]["message"]["content"]) == (200, expected[:20])
    assert comes_to_rest(port)
    # Nothing was computed twice: the longest took 600 steps, and those that came later had room beside it or behind it.
    assert steps(port) - before < 700


# fronts that are stopped ---------------------------------------------------------------------------


@contextlib.contextmanager
def front(folder: Path) -> Generator[tuple[subprocess.Popen[bytes], Daemon]]:
    """LMX by itself, without anybody who would start it again."""
    daemon = Daemon(folder, only="lmx", config=CONFIG)
    make_tiny(daemon)

    def is_ready() -> bool:
        with contextlib.suppress(OSError):
            return bool(port_of(daemon)) and get(port_of(daemon), "/readyz").status == 200
        return False

    with subprocess.Popen([sys.executable, "-m", "opta_lmx"], env=daemon.environment, stderr=subprocess.DEVNULL) as process:
        try:
            assert until(is_ready, 30)
            yield process, daemon
        finally:
            process.kill()


def assert_ends(process: "subprocess.Popen[bytes]", daemon: Daemon, since: float) -> None:
    """Well, soon, and with everything of it."""
    assert (process.wait(limit_s(8)), time.monotonic() - since < limit_s(8)) == (0, True)
    assert daemon.leftovers() == []


def test_a_front_that_is_stopped_ends_short_answers_and_takes_no_new_ones(tmp_path: Path) -> None:
    with front(tmp_path) as (process, daemon):
        port = port_of(daemon)
        begun = streams(port, 4, 200)
        whole = Client(port, CHAT, body_of(CHAT, 100, stream=False))
        since = time.monotonic()
        process.terminate()
        assert until(lambda: get(port, "/readyz").status == 503, 1)
        late = chat(port)
        assert (late.status, late.error["message"], late.header("retry-after")) == (503, "LMX is stopping.", "5")
        for client in begun:
            client.rest()
            assert client.is_whole, client.said[-1]
        assert whole.whole()[0] == 200
        assert_ends(process, daemon, since)


@pytest.mark.parametrize("stands_still", [False, True], ids=["at work", "standing still"])
def test_a_front_that_is_stopped_ends_long_answers_with_an_error(tmp_path: Path, stands_still: bool) -> None:
    with front(tmp_path) as (process, daemon):
        port = port_of(daemon)
        begun = streams(port, 4, 4000)
        # Nobody reads that one: it may not keep the process.
        logprobs = {"messages": HELLO, "max_tokens": 4000, "stream": True, "logprobs": True, "top_logprobs": 20}
        unread = Client(port, CHAT, logprobs)
        whole = Client(port, CHAT, body_of(CHAT, 4000, stream=False))
        assert until(lambda: running(port) == 6, 1)
        if stands_still:
            os.kill(int(engine(daemon)["pid"]), signal.SIGSTOP)
        since = time.monotonic()
        process.terminate()
        for client in begun:
            client.rest()
            assert "was unloaded" in client.lost()
        status, body = whole.whole()
        assert (status, body["error"]["code"]) == (503, "engine_lost")
        assert_ends(process, daemon, since)
        unread.leave()


# the faults of the server that LMX replaces -------------------------------------------------------------


@pytest.mark.attack("A66", "A67")
@pytest.mark.parametrize("path", [*APIS, EMBEDDINGS, "/v1/tokenize", "/v1/messages/count_tokens"])
def test_no_api_takes_a_stop_that_is_no_text_or_a_path_for_a_model_or_fetches_anything(port: int, tmp_path: Path, path: str) -> None:
    right = {EMBEDDINGS: {"input": "x"}, "/v1/tokenize": {"messages": HELLO}, "/v1/messages/count_tokens": {"messages": HELLO}}
    body = right.get(path) or body_of(path, 2, stream=False)
    bait = tmp_path / "bait"
    os.mkfifo(bait)  # whoever opened it would hang
    with socket.create_server(("127.0.0.1", 0)) as trap:
        url = f"http://127.0.0.1:{trap.getsockname()[1]}/x.png"
        parts = [
            {"type": "image_url", "image_url": {"url": url}}, {"type": "image", "source": {"type": "url", "url": url}}, {"type": "input_image", "image_url": url},
            {"type": "input_file", "file_url": bait.as_uri()}, {"type": "document", "source": {"type": "url", "url": url}}, {"type": "image_url", "image_url": {"url": str(bait)}},
        ]  # fmt: skip
        talk = "input" if path in (RESPONSES, EMBEDDINGS) else "prompt" if path == COMPLETIONS else "messages"
        wrong: list[dict[str, Any]] = [{talk: [{"role": "user", "content": [part]}]} for part in parts]
        wrong += [{name: [1]} for name in ("stop", "stop_sequences")]
        wrong += [{"model": name} for name in ("../../x", "/etc/passwd", "~/x", "a\\..\\b", "x\0", str(bait))]
        wrong += [{"mcp_servers": [{"url": url}]}, {"tools": [{"type": "mcp", "server_url": url}]}, {"tools": [{"type": "web_search"}]}]
        for fields in wrong:
            status, refused = Client(port, path, {**body, **fields}).whole()
            assert status == 400, (fields, refused)
            assert refused["error"]["type"] == "invalid_request_error"
        assert select.select([trap], [], [], 0.2)[0] == []


@pytest.mark.attack("A68")
@pytest.mark.parametrize("clients", [1, 128], ids=["one client", "128 clients"])
def test_128_connections_at_once_are_all_answered_within_two_seconds(port: int, clients: int) -> None:
    content = json.dumps({"messages": HELLO, "max_tokens": 4}).encode()
    keys = [("Authorization", f"Bearer {number % clients}") for number in range(128)]
    requests = [head("POST", CHAT, headers(port, key, ("Content-Length", str(len(content))))) + content for key in keys]
    with contextlib.ExitStack() as stack:
        asked = time.monotonic()
        all_of_them: list[socket.socket] = []
        for request in requests:
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=limit_s(10)))
            connection.sendall(request)
            all_of_them.append(connection)
        silent = set(all_of_them)
        while silent and time.monotonic() - asked < limit_s(2):
            silent -= set(select.select(list(silent), [], [], 0.1)[0])
        assert not silent
        answers = [read_answer(connection) for connection in all_of_them]
    assert {answer.status for answer in answers} <= {200, 429}
    assert sum(answer.status == 200 for answer in answers) >= 48
    assert all(is_refused_for_now(answer) for answer in answers if answer.status == 429)


def is_refused_for_now(answer: Answer) -> bool:
    return answer.error["code"] == "rate_limit_exceeded" and int(answer.header("retry-after") or 0) > 0


@pytest.mark.attack("A68")
def test_what_is_kept_of_prompts_has_an_end_whoever_asks(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, only="lmx", config=f"{CONFIG}memory-limit-mb = 600\n")
    # 16 KiB a token: 8 MiB of a prompt, and 90 MiB are there for all of them.
    make_random_qwen3(daemon.home / "models/tiny", context=1024, num_hidden_layers=8, num_key_value_heads=4, head_dim=64)
    limit, kept = int(600 * MIB * 0.15), list[int]()
    with lmx(tmp_path, daemon):
        port, pid = port_of(daemon), int(engine(daemon)["pid"])
        assert chat(port, max_tokens=1).status == 200
        size = rss_of(pid)
        for number in range(24):
            answer = chat(port, messages=[{"role": "user", "content": f"{number:04} " * 100}], max_tokens=1)
            assert answer.status == 200, answer
            kept.append(figure(port, 'lmx_prefix_bytes{model="tiny"}'))
        assert until(lambda: figure(port, 'lmx_prefix_bytes{model="tiny"}') > limit // 2, 2)
        assert max(kept) <= limit
        # What mlx holds in reserve comes on top.
        assert rss_of(pid) - size < limit + 256 * MIB
