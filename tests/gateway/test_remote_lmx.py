"""Figures of LMX on another machine: read while somebody asks, never waited for, and gone when the host is."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from support.in_process_lmx import in_process_lmx

from opta_core.net.http_client import HttpProblem
from opta_core.paths import Paths
from opta_core.settings import Settings
from opta_gateway.remote_lmx import OLD_S, PERIOD_S, RemoteLmx, figures_of, reader

REMOTE = msgspec.structs.replace(Settings(), lmx=msgspec.structs.replace(Settings().lmx, host="big.local"))


class Host:
    """Its metrics, how often they were read, and a clock that the test moves."""

    def __init__(self) -> None:
        self.text, self.reads, self.now = "lmx_memory_used_bytes 3\nlmx_memory_limit_bytes 4\n", 0, 100.0

    async def read(self, settings: Settings) -> str:
        """What the host answers."""
        self.reads += 1
        if not self.text:
            raise HttpProblem("it is gone")
        return self.text


def test_figures_are_those_that_lmx_writes(tmp_path: Path) -> None:
    with in_process_lmx(tmp_path) as lmx, lmx.client() as client:
        found = figures_of(client.get("/metrics").text)
    assert found["memoryLimit"] > 0
    assert found["memoryTotal"] >= found["memoryLimit"]
    assert {"memoryUsed", "running", "waiting", "tokensPerSec", "cachedTokens", "promptTokens", "loaded"} <= set(found)


def test_loaded_models_are_named_and_other_lines_are_left_out() -> None:
    text = 'lmx_model_loaded{model="qwen \\"3\\""} 1\nlmx_model_loaded{model="other"} 0\nlmx_memory_used_bytes 5\nnode_load1 0.5\n<html>\n'
    assert figures_of(text) == {"memoryUsed": 5, "loaded": ['qwen "3"']}
    assert figures_of("<html>not metrics</html>") == {}


def test_the_figures_are_read_beside_the_answer_and_at_most_once_in_a_period() -> None:
    host = Host()

    async def story() -> None:
        remote = RemoteLmx(host.read, lambda: host.now)
        assert remote.figures(REMOTE) == {"host": "big.local"}
        for _ in range(5):
            await asyncio.sleep(0)
            assert remote.figures(REMOTE)["host"] == "big.local"
        assert remote.figures(REMOTE) == {"host": "big.local", "memoryUsed": 3, "memoryLimit": 4, "loaded": []}
        assert host.reads == 1
        host.now += PERIOD_S
        remote.figures(REMOTE)
        await asyncio.sleep(0)
        assert host.reads == 2
        await remote.close()

    asyncio.run(story())


def test_a_host_that_is_gone_has_no_figures_and_no_host_has_none() -> None:
    host = Host()

    async def story() -> None:
        remote = RemoteLmx(host.read, lambda: host.now)
        remote.figures(REMOTE)
        await asyncio.sleep(0)
        host.text = ""
        host.now += OLD_S
        assert remote.figures(REMOTE) == {"host": "big.local"}
        assert remote.figures(Settings()) == {}
        await remote.close()

    asyncio.run(story())


@pytest.mark.parametrize("status", [200, 401])
def test_the_host_of_the_settings_is_asked_for_its_metrics(status: int, tmp_path: Path) -> None:
    body = b"lmx_memory_used_bytes 7\n"
    heads: list[bytes] = []

    async def answer(reading: asyncio.StreamReader, writing: asyncio.StreamWriter) -> None:
        heads.append(await reading.readuntil(b"\r\n\r\n"))
        writing.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (status, len(body), body))
        await writing.drain()
        writing.close()

    async def story() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        host = msgspec.structs.replace(Settings(), lmx=msgspec.structs.replace(Settings().lmx, host=f"127.0.0.1:{port}"))
        paths = Paths(tmp_path, tmp_path / "daemon")
        if status == 200:
            assert figures_of(await reader(paths)(host)) == {"memoryUsed": 7, "loaded": []}
        else:
            with pytest.raises(HttpProblem, match="status 401"):
                await reader(paths)(host)
        server.close()

    asyncio.run(story())
    assert heads[0].startswith(b"GET /metrics ")
