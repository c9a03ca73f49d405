"""MCP servers as the tool-worker uses them: the reference server in the sandbox, restarts, changes, cancelling."""

import asyncio
import contextlib
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from support.contained import PYTHON, Place
from support.limits import limit_s
from support.oracles import until, until_async
from support.reference_server import TARGET, everything

from opta_core.paths import Paths
from opta_core.settings import McpServerSettings, McpSettings, Settings
from opta_protocol.commands import RunTool, ToolList
from opta_tools.mcp.servers import Servers
from opta_tools.result import Outcome, ToolProblem

HOSTILE = Path(__file__).parent.parent / "support/hostile_server.py"


class World:
    """Servers with a place to run in. `said`: what came as progress."""

    def __init__(self, folder: Path, **servers: list[str]):
        self.place = Place(folder, read=(str(TARGET),))
        shutil.copy(HOSTILE, self.place.work)
        configured = {name: McpServerSettings(command=words[0], args=words[1:]) for name, words in servers.items()}
        self.settings = Settings(mcp=McpSettings(servers=configured))
        self.servers = Servers(
            lambda: self.settings,
            Paths(self.place.daemon_home),
            self.place.sandbox,
            {"PATH": "/usr/bin:/bin", "CANARY": "secret"},
            "test/mcp",
        )
        self.said: list[str] = []

    def play(self, story: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        async def whole() -> Any:
            try:
                return await story()
            finally:
                await self.servers.close()
                await self.place.sandbox.close()

        try:
            return self.place.wait(whole())
        finally:
            self.place.close()

    async def tools(self) -> ToolList:
        return await self.servers.tools("abcdef", "t1", str(self.place.work))

    async def call(self, name: str, schema: str = "", **args: Any) -> Outcome:
        order = RunTool(callId="c1", sid="abcdef", turn="t1", name=name, args=args, cwd=str(self.place.work), schema=schema)
        return await self.servers.call(order, self.said.append)


def hostile(mode: str) -> list[str]:
    return [PYTHON, "-I", HOSTILE.name, mode]


def test_the_reference_server_is_driven_through_tools_resources_and_progress(tmp_path: Path) -> None:
    world = World(tmp_path, everything=everything())

    async def story() -> None:
        listed = await world.tools()
        assert listed.problems == []
        assert {"mcp__everything__echo", "mcp__everything__read_resource"} <= {tool.name for tool in listed.tools}
        assert listed.servers["everything"]["resources"]
        assert listed.servers["everything"]["prompts"]
        assert (await world.call("mcp__everything__echo", message="hi")).content == "Echo: hi"
        await world.call("mcp__everything__trigger-long-running-operation", duration=1, steps=4)
        assert [line.split()[0] for line in world.said] == ["1/4", "2/4", "3/4", "4/4"]
        uri = listed.servers["everything"]["resources"][0]["uri"]
        assert (await world.call("mcp__everything__read_resource", uri=uri)).content
        environment = (await world.call("mcp__everything__get-env")).content
        assert "secret" not in environment
        failed = await world.call("mcp__everything__echo")
        assert (failed.ok, "message" in failed.content) == (False, True)

    world.play(story)


def test_a_call_that_is_cancelled_is_over_and_the_server_goes_on(tmp_path: Path) -> None:
    world = World(tmp_path, everything=everything())

    async def story() -> None:
        await world.tools()
        call = asyncio.create_task(world.call("mcp__everything__trigger-long-running-operation", duration=30, steps=60))
        assert await until_async(lambda: bool(world.said))
        started = time.monotonic()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert time.monotonic() - started < limit_s(1)
        assert (await world.call("mcp__everything__echo", message="still here")).content == "Echo: still here"

    world.play(story)


def test_a_server_that_dies_is_started_again_but_not_after_three_deaths(tmp_path: Path) -> None:
    world = World(tmp_path, mortal=hostile("dies"))

    async def story() -> list[str]:
        await world.tools()
        said = []
        for _ in range(4):
            with pytest.raises(ToolProblem) as problem:
                await world.call("mcp__mortal__read_file")
            said.append(str(problem.value))
        return said

    said = world.play(story)
    assert ["has ended: it ended with code 3" in line for line in said] == [True, True, True, False]
    assert "try again later" in said[3]


def test_a_tool_that_is_described_anew_is_not_the_tool_that_was_allowed(tmp_path: Path) -> None:
    world = World(tmp_path, plain=hostile("plain"))

    async def story() -> None:
        (tool,) = (await world.tools()).tools
        assert (await world.call(tool.name, tool.schema)).content == "said"
        with pytest.raises(ToolProblem, match="no longer the tool"):
            await world.call(tool.name, "another schema")

    world.play(story)


def test_a_server_that_cannot_start_is_reported_and_the_others_are_available(tmp_path: Path) -> None:
    world = World(tmp_path, absent=["/no/such/program"], plain=hostile("plain"))

    async def story() -> ToolList:
        return await world.tools()

    listed = world.play(story)
    assert [tool.name for tool in listed.tools] == ["mcp__plain__read_file"]
    assert len(listed.problems) == 1
    assert "absent could not be used" in listed.problems[0]


def port_that_nobody_is_given() -> int:
    """A free port below those that the system gives to connections and to servers that ask for any."""
    while True:
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", random.randrange(20_000, 30_000)))
            return int(probe.getsockname()[1])


def test_a_server_at_an_address_is_reached_and_started_anew_when_it_comes_back(tmp_path: Path) -> None:
    program = tmp_path / "served.py"
    program.write_text(
        "import sys\nfrom mcp.server.mcpserver import MCPServer\nserver = MCPServer('served', log_level='ERROR')\n"
        "@server.tool()\ndef add(a: int, b: int) -> int:\n    return a + b\n"
        "server.run('streamable-http', host='127.0.0.1', port=int(sys.argv[1]))\n"
    )
    port = port_that_nobody_is_given()
    world = World(tmp_path)
    world.settings = Settings(mcp=McpSettings(servers={"served": McpServerSettings(url=f"http://127.0.0.1:{port}/mcp")}))

    def listens() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return True
        return False

    def served() -> "subprocess.Popen[bytes]":
        started = subprocess.Popen([sys.executable, str(program), str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not until(listens):
            started.kill()
            raise AssertionError(f"the server did not start: exit code {started.wait()}")
        return started

    async def story() -> None:
        first = served()
        try:
            assert [tool.name for tool in (await world.tools()).tools] == ["mcp__served__add"]
            assert (await world.call("mcp__served__add", a=2, b=3)).content == "5"
        finally:
            first.kill()
            first.wait()
        with pytest.raises(ToolProblem):
            await world.call("mcp__served__add", a=2, b=3)
        second = served()
        try:
            for _ in range(3):
                with contextlib.suppress(ToolProblem):
                    assert (await world.call("mcp__served__add", a=20, b=30)).content == "50"
                    return
            raise AssertionError("it was not reached again")
        finally:
            second.kill()
            second.wait()

    world.play(story)
