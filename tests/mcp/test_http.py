"""MCP servers at an address: answers in every form, sessions that the server forgets, and refusals in plain words."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from support.http_manners import HttpServer, http_server
from support.oracles import until_async

from opta_core.settings import McpServerSettings, McpSettings, Settings
from opta_protocol.commands import ToolList
from opta_tools.result import ToolProblem

from .test_servers import World


def world_of(folder: Path, server: HttpServer) -> World:
    world = World(folder)
    world.settings = Settings(mcp=McpSettings(servers={"h": McpServerSettings(url=server.url)}))
    return world


@pytest.mark.parametrize("manner", ["json", "stream", "odd-stream", "stateless", "redirect"])
def test_answers_arrive_in_every_form(tmp_path: Path, manner: str) -> None:
    with http_server(manner) as server:
        world = world_of(tmp_path, server)

        async def story() -> None:
            listed = await world.tools()
            assert [tool.name for tool in listed.tools] == ["mcp__h__do"], listed.problems
            said = await asyncio.gather(*(world.call("mcp__h__do") for _ in range(5)))
            assert [outcome.content for outcome in said] == ["said"] * 5

        world.play(story)
        if manner == "json":
            # The session is given back.
            assert server.requests[-1] == ("DELETE", "session-1", "")


def test_progress_in_a_stream_is_passed_on(tmp_path: Path) -> None:
    with http_server("progress") as server:
        world = world_of(tmp_path, server)

        async def story() -> None:
            assert (await world.call("mcp__h__do")).content == "said"

        world.play(story)
        assert [line.split()[0] for line in world.said] == ["1/2", "2/2"]


@pytest.mark.parametrize("manner", ["lost", "lost-400"])
def test_a_session_that_the_server_forgot_begins_anew_and_the_call_is_made_once(tmp_path: Path, manner: str) -> None:
    with http_server(manner) as server:
        world = world_of(tmp_path, server)

        async def story() -> None:
            for _ in range(3):
                assert (await world.call("mcp__h__do")).content == "said"

        world.play(story)
        assert (server.session, server.calls) == (2, 3)


def test_a_stream_that_breaks_is_continued_and_the_call_is_made_once(tmp_path: Path) -> None:
    with http_server("breaks") as server:
        world = world_of(tmp_path, server)

        async def story() -> None:
            assert (await world.call("mcp__h__do")).content == "resumed"

        world.play(story)
        assert server.calls == 1


def test_a_stream_that_ends_early_fails_its_call_only(tmp_path: Path) -> None:
    with http_server("cut") as server:
        world = world_of(tmp_path, server)

        async def story() -> None:
            for _ in range(2):
                with pytest.raises(ToolProblem, match="ended before the answer"):
                    await world.call("mcp__h__do")

        world.play(story)
        assert (server.session, server.calls) == (1, 2)


def test_a_changed_list_is_heard_on_the_stream_of_notifications(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opta_tools.mcp.mcp_server.LIST_AGAIN_S", 0.0)
    with http_server("notifies") as server:
        world = world_of(tmp_path, server)

        async def story() -> None:
            assert len((await world.tools()).tools) == 1
            assert await until_async(lambda: ("GET", "session-1", "") in server.requests)
            server.is_changed.set()
            found: list[Any] = []
            for _ in range(5000):
                found = (await world.tools()).tools
                if len(found) == 2:
                    break
            assert len(found) == 2

        world.play(story)


@pytest.mark.parametrize(
    ("manner", "said"),
    [
        ("login", "asks for a login or a key"),
        ("down", "answered HTTP 503: maintenance"),
        ("page", "answered with text/html in place of a message"),
        ("redirect-away", "answered HTTP 307"),
    ],
)
def test_a_refusal_is_said_in_plain_words(tmp_path: Path, manner: str, said: str) -> None:
    with http_server(manner) as server:
        world = world_of(tmp_path, server)

        async def story() -> ToolList:
            return await world.tools()

        listed = world.play(story)
        assert listed.tools == []
        assert [said in problem for problem in listed.problems] == [True], listed.problems
