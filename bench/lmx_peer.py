"""The systems that the LMX bench compares, each in a separate process with the same model and the same BLAS: LMX,
`mlx_lm.server`, and mlx-lm's BatchGenerator alone, which `python bench/lmx_peer.py FOLDER` runs.
"""

import asyncio
import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lmx_load import AROUND_TOKENS, Words, request, stream

from opta_core.net.http_client import HttpClient
from opta_lmx.engine_client.blas import blas_environment
from opta_lmx.models.model_catalog import PROBE

START_S, LOOK_EVERY_S = 60.0, 0.003
# Time for the work that a server does after the last byte of a response.
AFTERWORK_S = 0.05
# Each message in full, between two special tokens.
_TEMPLATE = (
    "{%- for m in messages -%}<|{{ 'assistant' if m.role == 'assistant' else 'user' }}|>{{ m.content or '' }}<|end|>{%- endfor -%}"
    "{%- if add_generation_prompt -%}<|assistant|>{%- endif -%}"
)
# Only letters, digits and blanks can be sampled, so that no answer ends early and each token is one character.
_MAKE = """
import sys, json, mlx.core as mx
from mlx.utils import tree_flatten
from mlx_lm.models import qwen3
config = json.load(open(sys.argv[1] + "/config.json"))
mx.random.seed(1)
model = qwen3.Model(qwen3.ModelArgs.from_dict(config))
seen = mx.array([float(id_ < 128 and (chr(id_).isalnum() or chr(id_) == " ")) for id_ in range(config["vocab_size"])])
model.lm_head.weight = mx.random.normal(model.lm_head.weight.shape) * seen[:, None]
mx.save_safetensors(sys.argv[1] + "/model.safetensors", dict(tree_flatten(model.parameters())), {"format": "mlx"})
"""


def make_model(folder: Path) -> None:
    """A Qwen3 of 10 M random parameters with the probe's tokenizer."""
    folder.mkdir(parents=True)
    probe = json.loads((PROBE / "config.json").read_text())
    config = {
        "model_type": "qwen3", "hidden_size": 256, "num_hidden_layers": 8, "intermediate_size": 1376, "num_attention_heads": 8,
        "num_key_value_heads": 4, "head_dim": 32, "rms_norm_eps": 1e-6, "vocab_size": probe["vocab_size"], "max_position_embeddings": 4096,
        "rope_theta": 10000.0, "tie_word_embeddings": False, "eos_token_id": probe["eos_token_id"],
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(PROBE / name, folder / name)
    (folder / "chat_template.jinja").write_text(_TEMPLATE)
    subprocess.run([sys.executable, "-c", _MAKE, str(folder)], check=True, timeout=120)


@dataclass(frozen=True)
class Burst:
    """Concurrent requests: time to each first token, tokens of all answers, processor time of all processes."""

    first_s: list[float]
    tokens: int
    cpu_s: float


class Process:
    """A program that ends with its `with` block."""

    def __init__(self, command: list[str], variables: dict[str, str], log: Path):
        # As in a daemon: bytecode is written, and modules are not imported from the working directory.
        inherited = {
            name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE" and not name.startswith("OPTA_")
        }
        environment = inherited | {"HF_HUB_OFFLINE": "1", "PYTHONSAFEPATH": "1"} | variables
        self._log = log
        self.started_at = time.perf_counter()
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, *command], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output, text=True
            )

    def end(self) -> None:
        """End the program and wait for it."""
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def log(self) -> str:
        """The end of its output."""
        return self._log.read_text(errors="replace")[-3000:]

    def cpu_s(self) -> float:
        """Processor seconds of the program and its children since their start, including ended threads."""
        # The Linux CPU clock of another process, in nanoseconds; ticks of 10 ms would be too coarse.
        return sum(time.clock_gettime((~pid << 3) | 2) for pid in family(self.process.pid))


class Server(Process):
    """A program that serves chat requests. `answering_s` and `ready_s` count from its start."""

    def __init__(self, command: list[str], variables: dict[str, str], log: Path, port: int = 0):
        super().__init__(command, variables, log)
        self.port = port
        self.answering_s = self.ready_s = 0.0

    def listen(self, port: int) -> None:
        """Note the port on which it listens."""
        self.port = port
        self.client = HttpClient(f"http://127.0.0.1:{port}")

    def get(self, path: str) -> tuple[int, bytes]:
        """GET: (status, body); (0, b"") when it does not respond."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()

    def until_200(self, path: str) -> float:
        """Seconds from the start until the status is 200."""
        while self.get(path)[0] != 200:
            self.look()
        return time.perf_counter() - self.started_at

    def look(self) -> None:
        """Wait for a short time. Raises RuntimeError when the program has ended, or takes too long."""
        if self.process.poll() is not None or time.perf_counter() - self.started_at > START_S:
            raise RuntimeError(f"it does not serve:\n{self.log()}")
        time.sleep(LOOK_EVERY_S)

    async def burst(self, prompts: list[str], max_tokens: int) -> Burst:
        """Send all prompts at once and wait for all answers."""
        before = self.cpu_s()
        timings = await asyncio.gather(*(stream(self.client, request(prompt, max_tokens)) for prompt in prompts))
        await asyncio.sleep(AFTERWORK_S)
        used = self.cpu_s() - before
        wrong = [
            one
            for one, prompt in zip(timings, prompts, strict=True)
            if (one.tokens, one.prompt_tokens) != (max_tokens, len(prompt) + AROUND_TOKENS)
        ]
        if wrong:
            raise RuntimeError(f"the answer has a wrong number of tokens: {wrong[0].prompt_tokens} tokens in, {wrong[0].tokens} out")
        return Burst([one.first_s for one in timings], sum(one.tokens for one in timings), used)


@contextlib.contextmanager
def lmx(model: Path) -> Generator[Server]:
    """LMX alone, in a separate home. Its engine chooses its BLAS itself."""
    with tempfile.TemporaryDirectory(prefix="opta-bench-") as home:
        server = Server(["-m", "opta_lmx", "--model-path", str(model)], {"OPTA_HOME": home, "OPTA_LMX_PORT": "0"}, Path(home) / "lmx.log")
        try:
            state = Path(home) / "daemon/state.json"
            while not (state.exists() and (port := json.loads(state.read_text() or "{}").get("lmxPort"))):
                server.look()
            server.listen(port)
            server.answering_s = server.until_200("/healthz")
            server.ready_s = server.until_200("/readyz")
            yield server
        finally:
            server.end()


@contextlib.contextmanager
def peer(model: Path) -> Generator[Server]:
    """`mlx_lm.server` with its defaults. It loads the model after it responds, so it is ready when it has answered a chat request."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["-m", "mlx_lm.server", "--model", str(model), "--port", str(port)]
    server = Server(command, blas_environment(), model.parent / "peer.log")
    try:
        server.listen(port)
        server.answering_s = server.until_200("/health")
        asyncio.run(stream(HttpClient(f"http://127.0.0.1:{port}"), request(Words(0).text(8), 1)))
        server.ready_s = time.perf_counter() - server.started_at
        yield server
    finally:
        server.end()


class InProcess(Process):
    """BatchGenerator alone, controlled over a pipe. Timing begins when it has the tokens."""

    async def burst(self, prompts: list[str], max_tokens: int, *, system: str = "") -> Burst:
        """Insert all prompts at once and step to the end. Prompts that begin with `system` reuse its KV cache."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps({"prompts": prompts, "max_tokens": max_tokens, "system": system}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the generator ended:\n{self.log()}")
        return Burst(**json.loads(line))


@contextlib.contextmanager
def in_process(model: Path) -> Generator[InProcess]:
    """The process of the generator."""
    process = InProcess([__file__, str(model)], blas_environment() | {"PYTHONSAFEPATH": ""}, model.parent / "in-process.log")
    try:
        yield process
    finally:
        process.end()


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    children = [int(child) for file in Path(f"/proc/{pid}/task").glob("*/children") for child in file.read_text().split()]
    return [pid, *(one for child in children for one in family(child))]


def _generate(folder: str) -> None:
    # mlx-lm has few type annotations.
    from mlx_lm.generate import BatchGenerator
    from mlx_lm.models.cache import LRUPromptCache
    from mlx_lm.utils import load

    loaded: Any = load(folder)
    model, tokenizer = loaded[0], loaded[1]
    batch: Any = BatchGenerator(model, stop_tokens=[[id_] for id_ in tokenizer.eos_token_ids])
    kept: Any = LRUPromptCache(max_size=10)
    for line in sys.stdin:
        order: dict[str, Any] = json.loads(line)
        before = [{"role": "system", "content": order["system"]}] if order["system"] else []
        conversations = [[*before, {"role": "user", "content": text}] for text in order["prompts"]]
        prompts: list[list[int]] = [
            tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False) for messages in conversations
        ]
        cpu_before, started_at = time.process_time(), time.perf_counter()
        found = [kept.fetch_nearest_cache("", prompt) if before else (None, prompt) for prompt in prompts]
        left = set(
            batch.insert(
                [rest for _, rest in found],
                max_tokens=[order["max_tokens"]] * len(prompts),
                caches=[cache for cache, _ in found],
                all_tokens=[prompt[: len(prompt) - len(rest)] for (_, rest), prompt in zip(found, prompts, strict=True)],
            )
        )
        first: dict[int, float] = {}
        tokens = 0
        while left:
            for response in batch.next()[1]:
                tokens += 1
                first.setdefault(response.uid, time.perf_counter() - started_at)
                if response.finish_reason is not None:
                    left.discard(response.uid)
                    if before:
                        kept.insert_cache("", response.all_tokens, response.prompt_cache)
        print(json.dumps({"first_s": list(first.values()), "tokens": tokens, "cpu_s": time.process_time() - cpu_before}), flush=True)


if __name__ == "__main__":
    _generate(sys.argv[1])
