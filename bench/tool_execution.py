"""The cost of tool execution without the daemon: a policy decision, a sandboxed command and a search, each beside its baseline."""

import asyncio
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from figure import Figure, percentile

from opta_core.paths import Paths
from opta_core.policy.actions import normalise
from opta_core.policy.layers import Sources
from opta_core.policy.verdict import Situation, judge
from opta_protocol.commands import RunTool
from opta_protocol.permissions import Level
from opta_protocol.tools.shell import RUN_COMMAND
from opta_tools.commands.jobs import Runner
from opta_tools.sandbox.sandbox import Sandbox
from opta_tools.search import ripgrep

TIMES = 200
COMMANDS = 60
FILES, FOLDERS = 100_000, 500
POLICY = "version: 1\nrules:\n" + "".join(
    f'  - {{effect: allow, tool: run_command, command: "tool{number} run"}}\n' for number in range(100)
)


def figures() -> list[Figure]:
    """All parts, in a temporary folder."""
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        place = Path(folder)
        return [*_decisions(place), *asyncio.run(_commands(place)), *asyncio.run(_search(place))]


def _decisions(place: Path) -> list[Figure]:
    home, work = place / "home", place / "work"
    (home / "policies").mkdir(parents=True)
    (home / "policies/mine.yaml").write_text(POLICY)
    work.mkdir()
    sources = Sources(Paths(home))
    commands = [f"git log -{number} && ls -la | head -{number}" for number in range(TIMES)]

    def decide(command: str) -> None:
        request = normalise(RUN_COMMAND, {"command": command}, str(work), path=os.environ["PATH"])
        judge(request, Situation(level=Level.L2, layers=sources.layers(str(work))))

    decide("ls")
    took = [_timed(lambda command=command: decide(command)) for command in commands]
    return [
        Figure(
            "policy decision, new line of three programs, 100 rules",
            percentile(took, 0.5),
            "ms",
            1,
            note=f"p95 {percentile(took, 0.95):.2g} ms",
        )
    ]


async def _commands(place: Path) -> list[Figure]:
    sandbox = Sandbox(place / "home", (), place / "state")
    await sandbox.probe()
    runner = Runner(sandbox, dict(os.environ), "bench", place / "spills")
    work = place / "commands"
    work.mkdir()

    async def recorded(pid: int) -> None:
        return

    contained: list[float] = []
    bare: list[float] = []
    for number in range(COMMANDS):
        call = RunTool(callId=f"c{number}", sid="abcdef", turn="t1", name="run_command", args={"command": "true"}, cwd=str(work))
        started = time.perf_counter()
        await runner.run(call, RUN_COMMAND.read(call.args), recorded, lambda text: None)
        contained.append((time.perf_counter() - started) * 1000)
        bare.append(_timed(lambda: subprocess.run(["/bin/bash", "-c", "true"], check=True, stdin=subprocess.DEVNULL)))
    await sandbox.close()
    # The first command creates the session's sandbox.
    first, contained = contained[0], contained[1:]
    p50, raw = percentile(contained, 0.5), percentile(bare, 0.5)
    note = f"{sandbox.level}; {p50 / raw:.1f} × a bare bash ({raw:.2g} ms); p95 {percentile(contained, 0.95):.3g} ms"
    return [
        Figure("contained command, added to a bare one", p50 - raw, "ms", 8, note=note),
        Figure("first contained command of a session", first, "ms", 40, note="with the session's sandbox"),
    ]


async def _search(place: Path) -> list[Figure]:
    tree = place / "tree"
    for number in range(FOLDERS):
        (tree / f"d{number}").mkdir(parents=True)
        for file in range(FILES // FOLDERS):
            (tree / f"d{number}/f{file}.py").write_text(
                f"def f{file}():\n    return {number * file}\n" + ("# needle\n" if number == file == 7 else "")
            )
    ours: list[float] = []
    alone: list[float] = []
    for _ in range(4):
        started = time.perf_counter()
        found = await ripgrep.run("grep", {"pattern": "need.e"}, str(tree))
        ours.append((time.perf_counter() - started) * 1000)
        assert found is not None
        assert found.lines == 1
        alone.append(_timed(lambda: subprocess.run(["rg", "-n", "need.e", "."], cwd=tree, check=True, stdout=subprocess.DEVNULL)))
    ratio = min(ours) / min(alone)
    return [
        Figure(
            f"grep in {FILES:,} files, to ripgrep alone",
            ratio,
            "×",
            2,
            note=f"{min(ours):.0f} ms and {min(alone):.0f} ms, each the best of 4, warm",
        )
    ]


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000
