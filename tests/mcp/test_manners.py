"""MCP servers in the manners of real ones: what they offer and answer arrives, and none of them costs more than its own call."""

import asyncio
import re
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from support.contained import PYTHON
from support.limits import limit_s

from opta_core.settings import McpServerSettings, McpSettings, Settings
from opta_protocol.commands import ToolList
from opta_tools.result import Outcome, ToolProblem

from .test_servers import World

SERVER = Path(__file__).parent.parent / "support/manners_server.py"
MODEL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


def manner(*words: str) -> list[str]:
    return [PYTHON, "-I", SERVER.name, *words]


def world_of(folder: Path, **servers: list[str]) -> World:
    world = World(folder, **servers)
    shutil.copy(SERVER, world.place.work)
    return world


def settings_of(**servers: list[str]) -> Settings:
    return Settings(mcp=McpSettings(servers={name: McpServerSettings(command=words[0], args=words[1:]) for name, words in servers.items()}))


def listed_by(folder: Path, *words: str) -> ToolList:
    world = world_of(folder, s=manner(*words))

    async def story() -> ToolList:
        return await world.tools()

    return world.play(story)


def test_every_page_of_a_list_is_offered(tmp_path: Path) -> None:
    listed = listed_by(tmp_path, "pages")
    assert [tool.name for tool in listed.tools] == [f"mcp__s__t{page}-{n}" for page in range(13) for n in range(7)]
    assert listed.problems == []


@pytest.mark.parametrize(
    "how", ["repeats", "second-fails", "lies", "no-capabilities", "bare", "old-protocol", "future-protocol", "refuses-protocol", "banner"]
)
def test_a_server_that_is_careless_at_the_start_is_used(tmp_path: Path, how: str) -> None:
    world = world_of(tmp_path, s=manner(how))

    async def story() -> None:
        listed = await world.tools()
        assert [tool.name for tool in listed.tools] == ["mcp__s__do"], listed.problems
        assert [problem for problem in listed.problems if "not complete" not in problem] == []
        assert ("no second page" in " ".join(listed.problems)) is (how == "second-fails")
        assert (await world.call("mcp__s__do", x="it")).content == "do it"

    world.play(story)


def test_one_bad_tool_does_not_lose_the_server(tmp_path: Path) -> None:
    listed = listed_by(tmp_path, "bad-tools")
    names = {tool.name.removeprefix("mcp__s__") for tool in listed.tools}
    assert names == {"good", "bare", "null", "no-type", "required", "twice", "annotated"}
    assert all(tool.parameters["type"] == "object" and isinstance(tool.parameters["properties"], dict) for tool in listed.tools)
    for left_out in ("text", "list", "array", "properties"):
        assert any(f"'{left_out}' is left out" in problem for problem in listed.problems), left_out
    assert any("two tools 'twice'" in problem for problem in listed.problems)


def test_every_name_is_mapped_to_one_that_models_take_and_back(tmp_path: Path) -> None:
    world = world_of(tmp_path, s=manner("names"))

    async def story() -> None:
        listed = await world.tools()
        names = [tool.name for tool in listed.tools]
        assert len(names) == len(set(names)) == 12
        assert [name for name in names if not MODEL_NAME.match(name) or not name.startswith("mcp__s__")] == []
        assert {"mcp__s__plain", "mcp__s__files_read", "mcp__s__ok-1", "mcp__s__groe", "mcp__s__a_b", "mcp__s__x_y"} <= set(names)
        said = {(await world.call(name)).content for name in names}
        assert said == {"plain", "files.read", "files/read", "files_read", "größe", "读取", "a b", "n" * 90, "n" * 91, "x:y", "ok-1", "🎉"}
        # Names are the same the next time.
        assert [tool.name for tool in (await world.tools()).tools] == names

    world.play(story)


RESULTS = {
    "text": "hello",
    "image": r"see\n\[image image/png, 108 bytes, kept as attachment c1-2\.png\]",
    "audio": r"\[audio audio/wav, 108 bytes, kept as attachment c1-1\.wav\]",
    "bad-image": r"\[image image/png: its data is not base64 and was not kept\]",
    "resource": "inside",
    "blob": r"\[application/pdf file:///a\.pdf, 108 bytes, kept as attachment c1-1\.pdf\]",
    "link": r"\[resource https://example\.test/a \(a page\) text/html\] all of it",
    "structured": r'\{"sum": 5\}',
    "structured-only": r'\{"sum": 6\}',
    "structured-twice": r'\{"sum": 7\}',
    "structured-more": r'seven\n\{"sum": 7\}',
    "unknown": r'\{"type": "video", "url": "https://example\.test/v"\}\nafter',
    "typeless": "no type\na string\n5",
    "string": "just text",
    "dict": "one part",
    "null": r"\(no content\)",
    "empty": r"\(no content\)",
    "nothing": r"\(no content\)",
    "old": r'\{"toolResult": "from an old server"\}',
    "error": "Error: it broke",
    "error-empty": r"Error: \(no content\)",
    "null-text": r'\{"type": "text", "text": null\}',
    "surrogate": r"half \? pair",
    "huge-image": r"\[image image/png, 3000000 bytes, kept as attachment c1-1\.png\]",
}


def test_results_of_every_form_survive(tmp_path: Path) -> None:
    world = world_of(tmp_path, s=manner("results"))

    async def story() -> dict[str, Outcome]:
        return {form: await world.call("mcp__s__do", x=form) for form in RESULTS}

    found = world.play(story)
    assert {form: outcome.content for form, outcome in found.items() if not re.fullmatch(RESULTS[form], outcome.content)} == {}
    assert {form for form, outcome in found.items() if not outcome.ok} == {"error", "error-empty"}
    kept = world.place.daemon_home / "daemon/spills/abcdef"
    assert (kept / "c1-2.png").read_bytes().startswith(b"\x89PNG")
    assert (kept / "c1-2.png").stat().st_mode & 0o777 == 0o600


def test_a_large_result_is_kept_whole_in_a_file(tmp_path: Path) -> None:
    world = world_of(tmp_path, s=manner("results"))

    async def story() -> Outcome:
        return await world.call("mcp__s__do", x="large")

    outcome = world.play(story)
    assert (outcome.ok, outcome.is_truncated, outcome.spill) == (True, True, "c1.txt")
    assert "bytes left out" in outcome.content and len(outcome.content) < 100 * 1024
    assert (world.place.daemon_home / "daemon/spills/abcdef/c1.txt").read_text() == "line\n" * 400_000


def test_an_answer_that_is_too_long_fails_its_call_and_the_server_goes_on(tmp_path: Path) -> None:
    world = world_of(tmp_path, s=manner("too-long"))

    async def story() -> None:
        with pytest.raises(ToolProblem, match="longer than 16 MiB"):
            await world.call("mcp__s__do", x="long")
        assert (await world.call("mcp__s__do", x="short")).content == "hello"

    world.play(story)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("logs", "hello"),
        ("asks", "s-elicitation/create s-ping s-roots/list s-sampling/createMessage"),
        ("string-ids", "hello"),
        ("batch", "hello"),
    ],
)
def test_other_messages_beside_an_answer_do_no_harm(tmp_path: Path, how: str, said: str) -> None:
    world = world_of(tmp_path, s=manner(how))

    async def story() -> None:
        for _ in range(3):
            assert (await world.call("mcp__s__do", x="x")).content == said

    world.play(story)


@pytest.mark.parametrize(("how", "said"), [("protocol-error", "says: x must be a number"), ("odd-error", "says: just words")])
def test_an_error_is_passed_on_in_the_words_of_the_server(tmp_path: Path, how: str, said: str) -> None:
    world = world_of(tmp_path, s=manner(how))

    async def story() -> None:
        with pytest.raises(ToolProblem, match=said):
            await world.call("mcp__s__do")

    world.play(story)


def test_answers_in_another_order_reach_their_calls(tmp_path: Path) -> None:
    world = world_of(tmp_path, s=manner("out-of-order"))

    async def story() -> list[str]:
        await world.tools()
        return [outcome.content for outcome in await asyncio.gather(*(world.call("mcp__s__do", x=str(number)) for number in range(3)))]

    assert world.play(story) == ["0", "1", "2"]


def test_a_list_that_changes_is_offered_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opta_tools.mcp.mcp_server.LIST_AGAIN_S", 0.0)
    world = world_of(tmp_path, s=manner("changes"))

    async def story() -> None:
        assert [tool.name for tool in (await world.tools()).tools] == ["mcp__s__do"]
        assert (await world.call("mcp__s__do")).content == "do"
        assert [tool.name for tool in (await world.tools()).tools] == ["mcp__s__do", "mcp__s__new"]

    world.play(story)


@pytest.mark.parametrize("how", ["slow-start", "slow-list"])
def test_a_slow_server_does_not_delay_a_turn_and_is_offered_to_a_later_one(tmp_path: Path, how: str) -> None:
    world = world_of(tmp_path, slow=manner(how, "go-on"), quick=manner("plain"))

    async def ask(wait_s: float) -> ToolList:
        return await world.servers.tools("abcdef", "t1", str(world.place.work), wait_s)

    async def story() -> None:
        # The quick one is ready first, so that the next figures are those of the slow one.
        async with asyncio.timeout(limit_s(10)):
            listed = await ask(0.3)
            while not listed.tools:
                listed = await ask(0.3)
        started = time.monotonic()
        first = await ask(0.2)
        assert time.monotonic() - started < limit_s(2)
        assert {tool.name for tool in first.tools} == {"mcp__quick__do"}
        assert ["still starting" in problem for problem in first.problems] == [True]
        # The next turn does not wait once more.
        started = time.monotonic()
        await ask(1)
        await ask(1)
        assert time.monotonic() - started < limit_s(2)
        (world.place.work / "go-on").touch()
        later = await ask(30)
        assert {tool.name for tool in later.tools} == {"mcp__quick__do", "mcp__slow__do"}
        assert later.problems == []

    world.play(story)


def test_a_server_that_hangs_costs_its_tools_only(tmp_path: Path) -> None:
    world = world_of(tmp_path, stuck=manner("hangs"), good=manner("plain"))

    async def story() -> None:
        assert {tool.name for tool in (await world.servers.tools("abcdef", "t1", str(world.place.work), 3)).tools} == {"mcp__good__do"}

    started = time.monotonic()
    world.play(story)
    assert time.monotonic() - started < limit_s(15)


def test_servers_that_are_added_changed_and_removed_count_from_the_next_turn(tmp_path: Path) -> None:
    world = world_of(tmp_path)

    async def names() -> set[str]:
        return {tool.name for tool in (await world.tools()).tools}

    async def story() -> None:
        assert await names() == set()
        world.settings = settings_of(one=manner("plain"))
        assert world.servers.are_any
        assert await names() == {"mcp__one__do"}
        world.settings = settings_of(one=manner("pages"), two=manner("plain"))
        assert {"mcp__one__t12-6", "mcp__two__do"} <= await names()
        with pytest.raises(ToolProblem, match="there is no tool"):
            await world.call("mcp__one__do")
        world.settings = settings_of(two=manner("plain"))
        # A call of the turn that is running does not start a removed server again.
        with pytest.raises(ToolProblem, match="changed or removed"):
            await world.call("mcp__one__t0-0")
        assert await names() == {"mcp__two__do"}
        assert (await world.call("mcp__two__do", x="it")).content == "do it"

    world.play(story)


def test_a_remark_about_a_tool_is_made_once_a_session(tmp_path: Path) -> None:
    world = world_of(tmp_path, s=manner("bad-tools"))

    async def story() -> None:
        assert (await world.tools()).problems
        assert (await world.tools()).problems == []
        assert (await world.servers.tools("other2", "t1", str(world.place.work))).problems

    world.play(story)


def test_while_a_server_starts_again_the_tools_that_it_had_are_offered(tmp_path: Path) -> None:
    world = world_of(tmp_path, s=manner("dies-once"))

    async def story() -> Any:
        before = await world.tools()
        world.place.kill_supervisors()
        return before, await world.servers.tools("abcdef", "t2", str(world.place.work), 0.0)

    before, after = world.play(story)
    assert [tool.name for tool in before.tools] == [tool.name for tool in after.tools] == ["mcp__s__do"]
