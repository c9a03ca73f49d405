"""The figures of LMX on another machine: read from its metrics while somebody asks for them, and never waited for.

LMX of this home reports its figures over the bus. A paired machine, or another host, answers over HTTP alone.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

from opta_core.background import Background
from opta_core.clock import now_s
from opta_core.errors import OptaError
from opta_core.net.http_client import HttpProblem
from opta_core.net.lmx_endpoint import client_of, endpoint_of, key_of
from opta_core.paths import Paths
from opta_core.secrets.vault import Vault
from opta_core.settings import Settings

PERIOD_S, READ_S = 3.0, 2.0
# Figures that are older are those of a host that may be gone.
OLD_S = 10.0
_SAMPLE = re.compile(r"^(lmx_\w+)(?:\{([^}]*)\})? ([0-9.eE+-]+)$", re.MULTILINE)
_FIGURES = {
    ("lmx_memory_used_bytes", ""): "memoryUsed",
    ("lmx_memory_limit_bytes", ""): "memoryLimit",
    ("lmx_memory_total_bytes", ""): "memoryTotal",
    ("lmx_requests_running", ""): "running",
    ("lmx_requests_waiting", ""): "waiting",
    ("lmx_tokens_per_second", ""): "tokensPerSec",
    ("lmx_tokens_total", 'kind="cached"'): "cachedTokens",
    ("lmx_tokens_total", 'kind="prompt"'): "promptTokens",
}
_MODEL = re.compile(r'model="((?:[^"\\]|\\.)*)"')


class RemoteLmx:
    """`read` gives the text of the metrics of a host. Raises HttpProblem, OptaError or ValueError when it does not answer."""

    def __init__(self, read: Callable[[Settings], Awaitable[str]], clock: Callable[[], float] = now_s):
        self._read, self._clock = read, clock
        self._host, self._figures, self._read_s = "", dict[str, Any](), float("-inf")
        self._asked_s = float("-inf")
        self._reading = Background()

    def figures(self, settings: Settings) -> dict[str, Any]:
        """The figures of the configured host, as they were read last; of one that does not answer its name alone, and empty without a host."""
        host, now = settings.lmx.host, self._clock()
        if host != self._host:
            self._host, self._figures, self._read_s, self._asked_s = host, {}, float("-inf"), float("-inf")
        if not host:
            return {}
        if now - self._asked_s >= PERIOD_S and not len(self._reading):
            self._asked_s = now
            self._reading.start(self._update(host, settings), "figures of the remote LMX")
        return {"host": host, **(self._figures if now - self._read_s < OLD_S else {})}

    async def close(self) -> None:
        """Give up what is being read."""
        await self._reading.close()

    async def _update(self, host: str, settings: Settings) -> None:
        try:
            found = figures_of(await self._read(settings))
        except (HttpProblem, OptaError, ValueError):
            return
        if host == self._host:
            self._figures, self._read_s = found, self._clock()


def reader(paths: Paths) -> Callable[[Settings], Awaitable[str]]:
    """Reads the metrics of the configured host, with the key from pairing."""

    async def read(settings: Settings) -> str:
        vault = Vault(paths, allows_file=settings.vault_file)
        endpoint = await asyncio.to_thread(endpoint_of, settings, paths)
        client = client_of(endpoint, await asyncio.to_thread(key_of, endpoint, vault))
        try:
            status, body = await client.ask("GET", "/metrics", None, READ_S)
        finally:
            client.close()
        if status != 200:
            raise HttpProblem(f"status {status}")
        return body.decode(errors="replace")

    return read


def figures_of(text: str) -> dict[str, Any]:
    """LMX's figures, as its telemetry names them, of its metrics in Prometheus text. What is missing stays out."""
    found: dict[str, Any] = {}
    loaded: list[str] = []
    for name, labels, value in _SAMPLE.findall(text):
        if field := _FIGURES.get((name, labels)):
            number = float(value)
            found[field] = number if field == "tokensPerSec" else int(number)
        elif name == "lmx_model_loaded" and float(value) and (model := _MODEL.search(labels)):
            loaded.append(re.sub(r"\\(.)", r"\1", model[1]))
    if found:
        found["loaded"] = loaded
    return found
