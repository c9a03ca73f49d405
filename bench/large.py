"""A home with ten thousand sessions, and a session of a million events."""

import asyncio
import tempfile
import time
from pathlib import Path

import library
import processes
from door import Door
from figure import Figure, percentile
from scripted import Scripted
from support.daemon import Daemon

SESSIONS, EVENTS = 10_000, 1_000_000
ASKED = 20


def figures(server: Scripted) -> list[Figure]:
    """Start, list, search, the end of the long session, a prompt in it."""
    with tempfile.TemporaryDirectory(prefix="opta-bench-") as folder:
        daemon = Daemon(Path(folder), model_url=server.url)
        paths = daemon.loaded.paths
        paths.make()
        sid, last = library.fill(paths.sessions, daemon.workspace, SESSIONS, EVENTS // library.LINES_A_TURN)
        started = time.perf_counter()
        with daemon:
            first_s = time.perf_counter() - started
            found = asyncio.run(_look(daemon, server, sid, last))
            memory = processes.pss_mb(daemon)
            daemon.down()
            again_s = daemon.up()
    return [
        Figure(
            f"first start with {SESSIONS:,} sessions and no index (reads {last / 1e6:.1f} M + {SESSIONS * 40 / 1e6:.1f} M lines)",
            first_s,
            "s",
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


async def _look(daemon: Daemon, server: Scripted, sid: str, last: int) -> list[Figure]:
    async with Door(daemon) as door:
        listed = await _ask(door, f"list 50 of {SESSIONS:,} sessions", "/v3/sessions?limit=50", 10)
        searched = await _ask(door, f"search {SESSIONS:,} sessions", f"/v3/sessions?q={sid[:4]}", 30)
        end = await _ask(door, f"last 100 events of {last:,}", f"/v3/sessions/{sid}/events?afterSeq={last - 100}", 15)
        async with door.stream(sid, last) as socket:
            server.take()
            cold = await door.turn(socket, sid, "say 3")
            cold_ms = 1000 * (server.take()[0].at - cold.asked_at)
            warm = [await _prompt(door, server, socket, sid) for _ in range(5)]
    return [
        listed,
        searched,
        end,
        Figure(f"first prompt after a start in a session of {last:,} events", cold_ms, "ms"),
        Figure("and then", percentile(warm, 0.5), "ms", note=f"the request holds all {last // library.LINES_A_TURN:,} turns"),
    ]


async def _prompt(door: Door, server: Scripted, socket: object, sid: str) -> float:
    seen = await door.turn(socket, sid, "say 3")  # type: ignore[arg-type]
    return 1000 * (server.take()[0].at - seen.asked_at)


async def _ask(door: Door, name: str, path: str, bar: float) -> Figure:
    took: list[float] = []
    for _ in range(ASKED):
        left_at, back_at, answer = await door.ask("GET", path)
        assert answer.get("sessions") or answer.get("events"), f"{path}: {answer}"
        took.append(1000 * (back_at - left_at))
    return Figure(name, percentile(took, 0.5), "ms", bar, note=f"p50 of {len(took)}; p95 {percentile(took, 0.95):.1f} ms")
