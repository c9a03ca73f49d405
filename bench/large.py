"""A home with ten thousand sessions, and a session of a million events."""

import asyncio
import tempfile
import time
from pathlib import Path

import library
import processes
from figure import Figure, percentile
from gateway_client import GatewayClient
from scripted import Scripted
from support.daemon import Daemon

from opta_core.errors import OptaError
from opta_sessions.snapshot_folder import SUFFIX

SESSIONS, EVENTS, CROWD = 10_000, 1_000_000, 100_000
KEPT_S = 30.0
ASKED = 20


def figures(server: Scripted) -> list[Figure]:
    """Start, list, search, read the end of the long session, and send a prompt in it."""
    with tempfile.TemporaryDirectory(prefix="opta-bench-") as folder:
        daemon = Daemon(Path(folder), model_url=server.url)
        paths = daemon.loaded.paths
        paths.make()
        sid, last = library.fill(paths.sessions, daemon.workspace, SESSIONS, EVENTS // library.LINES_A_TURN)
        started = time.perf_counter()
        with daemon:
            first_s = time.perf_counter() - started
            _until_read(daemon)
            read_s = time.perf_counter() - started
            found = asyncio.run(_look(daemon, server, sid, last))
            _until_kept(paths.sessions, sid)
            memory = processes.pss_mb(daemon)
            daemon.down()
            again_s = daemon.up()
            _until_read(daemon)
            found += asyncio.run(_go_on(daemon, server, sid))
    return [
        Figure(
            f"first start with {SESSIONS:,} sessions and no index",
            first_s,
            "s",
            note=f"{last / 1e6:.1f} M + {SESSIONS * 40 / 1e6:.1f} M lines are read in the background, after {read_s:.0f} s",
        ),
        Figure(f"spawn -> ready, {SESSIONS:,} sessions, with the index", again_s, "s", 1.5),
        *found,
        Figure(
            f"memory with {SESSIONS:,} sessions and one of {last:,} events in use",
            sum(memory.values()),
            "MB",
            note=processes.split(memory, "MB"),
        ),
    ]


def crowd() -> list[Figure]:
    """Starts with 100,000 sessions: first without an index, then after kill -9 of the store."""
    with tempfile.TemporaryDirectory(prefix="opta-bench-") as folder:
        daemon = Daemon(Path(folder), only="gateway,agent,tools,sessions")
        paths = daemon.loaded.paths
        paths.make()
        library.crowd(paths.sessions, daemon.workspace, CROWD)
        started = time.perf_counter()
        with daemon:
            first_s = time.perf_counter() - started
            _until_read(daemon)
            read_s = time.perf_counter() - started
            daemon.kill("sessions")
            daemon.down()
            again_s = daemon.up()
            memory = processes.pss_mb(daemon)
            # The store was killed before it had noted the last ones in its index.
            _until_read(daemon)
            listed = asyncio.run(_list(daemon))
    return [
        Figure(f"spawn -> ready, {CROWD:,} sessions, with the index", again_s, "s", 3, note="after kill -9 of the store"),
        Figure(f"spawn -> ready, {CROWD:,} sessions, no index", first_s, "s", 3, note=f"every journal was read after {read_s:.0f} s"),
        *listed,
        Figure(f"memory with {CROWD:,} sessions", sum(memory.values()), "MB", note=processes.split(memory, "MB")),
    ]


def _until_read(daemon: Daemon) -> None:
    """Wait until the store has read every journal. Until then it refuses a search."""
    while True:
        try:
            daemon.client.get("/v3/sessions?q=none")
            return
        except OptaError:
            time.sleep(0.2)


def _until_kept(sessions: Path, sid: str) -> None:
    """Wait until the agent has kept what it knows of a session, which it does when no turn runs for a moment."""
    deadline = time.monotonic() + KEPT_S
    while not list(sessions.glob(f"{sid}*{SUFFIX}")):
        if time.monotonic() > deadline:
            raise RuntimeError(f"no snapshot of s-{sid} after {KEPT_S:.0f} s")
        time.sleep(0.1)


async def _list(daemon: Daemon) -> list[Figure]:
    async with GatewayClient(daemon) as gateway:
        return [
            await _ask(gateway, f"list 50 of {CROWD:,} sessions", "/v3/sessions?limit=50", 10),
            await _ask(gateway, f"search {CROWD:,} sessions", "/v3/sessions?q=Session%20", 50),
        ]


async def _look(daemon: Daemon, server: Scripted, sid: str, last: int) -> list[Figure]:
    async with GatewayClient(daemon) as gateway:
        listed = await _ask(gateway, f"list 50 of {SESSIONS:,} sessions", "/v3/sessions?limit=50", 10)
        searched = await _ask(gateway, f"search {SESSIONS:,} sessions", f"/v3/sessions?q={sid[:4]}", 30)
        end = await _ask(gateway, f"last 100 events of {last:,}", f"/v3/sessions/{sid}/events?afterSeq={last - 100}", 15)
        async with gateway.stream(sid, last) as socket:
            server.take()
            cold = await gateway.turn(socket, sid, "say 3")
            cold_ms = 1000 * (server.take()[0].at - cold.asked_at)
            warm = [await _prompt(gateway, server, socket, sid) for _ in range(5)]
    return [
        listed,
        searched,
        end,
        Figure(f"first prompt in a session of {last:,} events that has no snapshot", cold_ms, "ms", note="the journal is read to its end"),
        Figure("and then", percentile(warm, 0.5), "ms", note=f"the request holds all {last // library.LINES_A_TURN:,} turns"),
    ]


async def _go_on(daemon: Daemon, server: Scripted, sid: str) -> list[Figure]:
    """Prompts in the long session after a start, and after a kill of the store and of the agent: its snapshot is used."""
    took: list[float] = []
    for service in ("", "sessions", "agent"):
        if service:
            daemon.kill(service)
        async with GatewayClient(daemon) as gateway:
            _, _, page = await gateway.ask("GET", f"/v3/sessions?q={sid}")
            async with gateway.stream(sid, page["sessions"][0]["lastSeq"]) as socket:
                server.take()
                took.append(await _prompt(gateway, server, socket, sid))
    started_ms, store_ms, agent_ms = took
    return [
        Figure(f"first prompt after a start in a session of {EVENTS:,} events", started_ms, "ms", 1000),
        Figure("the same, as soon as the store was killed", store_ms, "ms", note=f"as soon as the agent was killed {agent_ms:,.0f} ms"),
    ]


async def _prompt(gateway: GatewayClient, server: Scripted, socket: object, sid: str) -> float:
    seen = await gateway.turn(socket, sid, "say 3")  # type: ignore[arg-type]
    return 1000 * (server.take()[0].at - seen.asked_at)


async def _ask(gateway: GatewayClient, name: str, path: str, bar: float) -> Figure:
    took: list[float] = []
    for _ in range(ASKED):
        left_at, back_at, answer = await gateway.ask("GET", path)
        assert answer.get("sessions") or answer.get("events"), f"{path}: {answer}"
        took.append(1000 * (back_at - left_at))
    return Figure(name, percentile(took, 0.5), "ms", bar, note=f"p50 of {len(took)}; p95 {percentile(took, 0.95):.1f} ms")
