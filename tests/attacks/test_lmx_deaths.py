"""Row A68 and LMX's promises about ends: clients that leave, engines that die or stand still; and the faults
of the server that LMX replaces, by name.
"""

import base64
import contextlib
import json
import os
import select
import signal
import socket
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.daemon import Daemon
from support.limits import limit_s
from support.lmx import CHAT, HELLO, admin, engine_lives_on, figure, get, headers, lmx, port_of, running
from support.lmx_clients import (
    APIS,
    COMPLETIONS,
    CONFIG,
    EMBEDDINGS,
    MESSAGES,
    RESPONSES,
    Client,
    answer_text,
    body_of,
    comes_to_rest,
    engine,
    front_answers,
    kill,
    make_tiny,
    steps,
    streams,
    works,
)
from support.oracles import MIB, fds_of, rss_of, until
from support.raw_http import Answer, head, read_answer

pytestmark = pytest.mark.system


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
    descriptors, growths = fds_of(pids[0]), list[list[float]]()
    # What is left behind is left behind every time. What the engine needs at once depends on how many clients are there at once, and is kept.
    while len(growths) < 3 and not (growths and max(growths[-1]) < 64):
        sizes = [rss_of(pid) for pid in pids]
        leave_in_waves(port, int(os.environ.get("OPTA_TEST_CLIENTS", "320")))
        assert until(lambda: running(port) == 0, 1)
        assert comes_to_rest(port)
        assert until(lambda: fds_of(pids[0]) <= descriptors, 10)
        growths.append([(rss_of(pid) - size) / MIB for pid, size in zip(pids, sizes, strict=True)])
    assert max(growths[-1]) < 64, growths
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
        wrong += [{name: [1]} for name in {CHAT: ["stop"], COMPLETIONS: ["stop"], MESSAGES: ["stop_sequences"]}.get(path, [])]
        wrong += [{"model": name} for name in ("../../x", "/etc/passwd", "~/x", "a\\..\\b", "x\0", str(bait))]
        for fields in wrong:
            status, refused = Client(port, path, {**body, **fields}).whole()
            assert status == 400, (fields, refused)
            assert refused["error"]["type"] == "invalid_request_error"
        # What a vendor's servers would do is dropped, or refused where it has to be used.
        for fields in (
            {"mcp_servers": [{"url": url}]},
            {"tools": [{"type": "mcp", "server_url": url}]},
            {"tools": [{"type": "web_search"}]},
        ):
            assert Client(port, path, {**body, **fields}).whole()[0] in (200, 400)
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
