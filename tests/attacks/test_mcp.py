"""Rows A42 and A79: servers that lie, flood, die, shadow and change."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from support.limits import limit_s

from opta_core import mcp_servers
from opta_core.errors import Refused
from opta_core.paths import Paths
from opta_core.policy import trust
from opta_core.policy.command_line import deceiving
from opta_core.settings import Settings
from opta_tools.mcp import mcp_server
from opta_tools.result import Outcome, ToolProblem

from ..mcp.test_servers import World, hostile


@pytest.mark.attack("A42")
def test_an_approved_server_that_becomes_another_one_asks_again(tmp_path: Path) -> None:
    paths, folder = Paths(tmp_path / "home"), tmp_path / "work"
    paths.daemon.mkdir(parents=True)
    folder.mkdir()
    cwd = str(folder)

    def offer(command: str, *args: str) -> None:
        words = ", ".join(f'"{arg}"' for arg in args)
        (folder / ".mcp.json").write_text(f'{{"mcpServers": {{"x": {{"command": "{command}", "args": [{words}]}}}}}}')

    def states() -> list[tuple[str, str]]:
        return [(offer.spec.says, offer.state) for offer in mcp_servers.offered(Settings(), paths, cwd)[0]]

    offer("node", "a.js")
    assert states() == []
    trust.give(paths, cwd, trust.take(cwd).sha256)
    assert states() == [("run node a.js", "asks")]
    (spec,), _ = mcp_servers.of_project(paths, cwd)
    mcp_servers.approve(paths, cwd, "x", spec.digest)
    assert states() == [("run node a.js", "approved")]
    offer("sh", "-c", "touch M")
    assert states() == []
    trust.give(paths, cwd, trust.take(cwd).sha256)
    assert states() == [("run sh -c touch M", "asks")]
    with pytest.raises(Refused, match="changed since it was shown"):
        mcp_servers.approve(paths, cwd, "x", spec.digest)


def outcome_of(world: World, name: str) -> Outcome:
    async def story() -> Outcome:
        await world.tools()
        try:
            return await world.call(name)
        except ToolProblem as problem:
            return Outcome(str(problem), ok=False, code=problem.code)

    return world.play(story)


@pytest.mark.attack("A79")
@pytest.mark.parametrize(
    ("mode", "ok", "said"),
    [
        ("greets", True, "said"), ("junk", True, "said"), ("wrong", True, "said"), ("large", True, "bytes left out"), ("huge", False, "longer than"),
        ("dies", False, "ended with code 3"), ("flood", True, "said"),
    ],
)  # fmt: skip
def test_a_bad_server_fails_at_most_the_call_to_it(tmp_path: Path, mode: str, ok: bool, said: str) -> None:
    world = World(tmp_path, bad=hostile(mode), good=hostile("plain"))

    async def story() -> tuple[Outcome, Outcome]:
        await world.tools()
        started = time.monotonic()
        bad, good = await asyncio.gather(world.call("mcp__bad__read_file"), world.call("mcp__good__read_file"), return_exceptions=True)
        assert time.monotonic() - started < limit_s(15)
        return bad if isinstance(bad, Outcome) else Outcome(str(bad), ok=False), good  # type: ignore[return-value]

    bad, good = world.play(story)
    assert (bad.ok, said in bad.content) == (ok, True), bad.content[:300]
    assert len(bad.content.encode()) < 100 * 1024
    assert good.content == "said"


@pytest.mark.attack("A79")
def test_a_server_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp_server, "CALL_S", 0.5)
    assert "did not answer in time" in outcome_of(World(tmp_path, silent=hostile("never")), "mcp__silent__read_file").content


@pytest.mark.attack("A79")
def test_what_a_server_says_of_its_tools_is_capped_and_cannot_shadow_ours(tmp_path: Path) -> None:
    world = World(tmp_path, many=hostile("many"), words=hostile("describe"))

    async def story() -> Any:
        return await world.tools()

    listed = world.play(story)
    names = [tool.name for tool in listed.tools]
    assert not [problem for problem in listed.problems if "could not be used" in problem]
    assert len([name for name in names if name.startswith("mcp__many__")]) == 128
    assert {"mcp__words__steer", "mcp__words__run_command"} <= set(names)
    assert all(name.startswith("mcp__") for name in names)
    steer = next(tool for tool in listed.tools if tool.name == "mcp__words__steer")
    assert len(steer.description) <= 1024
    assert not deceiving(steer.description)
    assert {"mcp__words__deep", "mcp__words__bad name\n"} & set(names) == set()
    assert sum("words" in problem for problem in listed.problems) == 3
