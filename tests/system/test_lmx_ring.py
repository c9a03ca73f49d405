"""A model spread over two ranks: the same tokens as in one process, under MLX's launcher and served by LMX."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from support.daemon import Daemon
from support.limits import limit_s
from support.lmx import chat, get, lmx, port_of
from support.oracles import until
from support.random_model import make_random_qwen3
from support.ring_rank import ORDERS
from support.served import Served

pytestmark = pytest.mark.system

HOSTS = [{"ssh": "127.0.0.1", "ips": ["127.0.0.1"]}] * 2
TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ring") / "spread"
    make_random_qwen3(folder, tie_word_embeddings=False)
    return folder


def test_two_ranks_under_mlx_launch_give_the_tokens_of_one_process(model: Path) -> None:
    alone = [text for text, _, _ in Served(model).ask(*ORDERS)]
    launcher = str(Path(sys.executable).parent / "mlx.launch")
    command = [launcher, "-n", "2", "--backend", "ring", "--python", sys.executable, "--", str(TESTS / "support/ring_rank.py"), str(model)]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    # A terminal's input that never ends: the launcher reads its own without rest.
    with subprocess.Popen(["sleep", "100"], stdout=subprocess.PIPE) as quiet:
        done = subprocess.run(
            command, env=environment, stdin=quiet.stdout, capture_output=True, text=True, timeout=limit_s(90), check=False
        )
        quiet.kill()
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("TEXTS ")]
    assert json.loads(line[6:]) == alone


def test_lmx_serves_a_model_over_two_ranks_and_comes_back_when_one_dies(model: Path, tmp_path: Path) -> None:
    hosts = tmp_path / "hosts.json"
    hosts.write_text(json.dumps(HOSTS))
    daemon = Daemon(tmp_path, only="lmx", config=f'[lmx]\nmodel = "spread"\nring = "{hosts}"\n')
    (daemon.home / "models").mkdir(mode=0o700)
    (daemon.home / "models/spread").symlink_to(model)
    with lmx(tmp_path, daemon):
        port = port_of(daemon)
        ((wanted, _, _),) = Served(model).ask({"messages": [{"role": "user", "content": "hello"}], "max_tokens": 24})
        first = chat(port, max_tokens=24).json()["choices"][0]["message"]["content"]
        assert first == wanted
        rank0 = psutil.Process(get(port, "/readyz").json()["pid"])
        (rank1,) = rank0.children()
        rank1.kill()
        assert until(lambda: not rank0.is_running() or rank0.status() == psutil.STATUS_ZOMBIE, 5)
        assert until(lambda: get(port, "/readyz").status == 200, 30)
        assert chat(port, max_tokens=24).json()["choices"][0]["message"]["content"] == wanted
        # Ranks that have nothing to do wait, and do not look again and again.
        ranks = [psutil.Process(get(port, "/readyz").json()["pid"])]
        ranks += ranks[0].children()
        before = [sum(rank.cpu_times()[:2]) for rank in ranks]
        assert not until(lambda: any(sum(rank.cpu_times()[:2]) - spent > 1.0 for rank, spent in zip(ranks, before, strict=True)), 2)
