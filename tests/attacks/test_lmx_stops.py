"""LMX's server process: what its end does to answers in progress, and how much it keeps of prompts."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest
from support.daemon import Daemon
from support.limits import limit_s
from support.lmx import CHAT, HELLO, chat, figure, get, lmx, port_of, running
from support.lmx_clients import CONFIG, Client, body_of, engine, make_tiny, streams
from support.oracles import MIB, rss_of, until
from support.random_model import make_random_qwen3

pytestmark = pytest.mark.system


# fronts that are stopped ---------------------------------------------------------------------------


@contextlib.contextmanager
def front(folder: Path) -> Generator[tuple[subprocess.Popen[bytes], Daemon]]:
    """LMX by itself, without anybody who would start it again."""
    daemon = Daemon(folder, only="lmx", config=f"{CONFIG}drain-s = {limit_s(3)}\n")
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
