"""The worked example of CONTRIBUTING.md, "Add a tool": its code is taken from there, and the tool works everywhere."""

import asyncio
import re
import sys
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from support.story import Story

from opta_agent.toolset import Offered
from opta_core.paths import Paths
from opta_core.policy.actions import normalise
from opta_core.policy.verdict import Situation, judge
from opta_core.settings import Settings
from opta_protocol.commands import RunTool
from opta_protocol.events import Event, PermissionRequest, ToolStart
from opta_protocol.permissions import Level
from opta_protocol.tools import file_access as declarations
from opta_protocol.tools.card import Leaf, card_of
from opta_protocol.tools.declared import TOOLS
from opta_protocol.tools.tool import AnyTool
from opta_tools.checkpoints.checkpoints import Checkpoints
from opta_tools.commands.jobs import Runner
from opta_tools.executor import ToolExecutor
from opta_tools.files import file_tools, reads
from opta_tools.files.file_tools import READERS, FileReader, FileTools
from opta_tools.mcp.servers import Servers
from opta_tools.result import ToolProblem
from opta_tools.sandbox.sandbox import Sandbox

ROOT = Path(__file__).parent.parent.parent


def blocks() -> dict[str, str]:
    """File -> the code that the example puts into it."""
    text = (ROOT / "CONTRIBUTING.md").read_text().partition("## Add a tool")[2]
    found = [textwrap.dedent(block) for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL)]
    return {block.split("\n", 1)[0].removeprefix("# "): block for block in found}


def as_if_in(module: ModuleType, code: str, **more: Any) -> dict[str, Any]:
    """The names of a module after `code` at its end."""
    names = {**vars(module), **more}
    exec(code, names)
    return names


@pytest.fixture(scope="module")
def example() -> tuple[AnyTool, FileReader[Any]]:
    code = blocks()
    assert list(code) == [
        "shared/opta_protocol/tools/file_access.py",
        "services/opta_tools/files/reads.py",
        "services/opta_tools/files/file_tools.py",
    ]
    declared = as_if_in(declarations, code["shared/opta_protocol/tools/file_access.py"])
    function = as_if_in(reads, code["services/opta_tools/files/reads.py"], CountLines=declared["CountLines"])
    names = {**vars(file_tools), "COUNT_LINES": declared["COUNT_LINES"], "count_lines": function["count_lines"]}
    return declared["COUNT_LINES"], eval(code["services/opta_tools/files/file_tools.py"], names)


def executor(folder: Path, tool: AnyTool, *readers: FileReader[Any]) -> ToolExecutor:
    checkpoints = Checkpoints(folder / "checkpoints")
    sandbox, paths = Sandbox(folder, (), folder / "sandbox"), Paths(folder / "home", folder / "run")
    runner = Runner(sandbox, {}, "test", folder / "spills")
    servers = Servers(Settings, paths, sandbox, {}, "test")
    files = FileTools(checkpoints, readers=(*READERS, *readers))
    return ToolExecutor("boot", "none", runner, checkpoints, servers, files=files, tools=(*TOOLS, tool))


def test_a_model_reads_it_after_the_tools_it_knows(example: tuple[AnyTool, FileReader[Any]]) -> None:
    story = Story()
    turn = story.session.transcript.turn("t1")
    assert turn is not None
    before, after = (bytes(Offered(tools=tools).encoded()) for tools in (TOOLS, (*TOOLS, example[0])))
    assert after.startswith(before[:-1])
    (added,) = msgspec.json.decode(after)[len(msgspec.json.decode(before)) :]
    assert added["function"] == {
        "name": "count_lines",
        "description": "Count the lines of a text file.",
        "parameters": {
            "type": "object",
            "properties": {
                "path": {"type": "string"},
                "skip_empty": {"type": "boolean", "description": "Count only lines that hold text."},
            },
            "required": ["path"],
            "additionalProperties": False,
        },
    }


def test_wrong_arguments_are_reported_by_name(example: tuple[AnyTool, FileReader[Any]]) -> None:
    assert example[0].problem({"path": "a"}) == ""
    assert "unknown field `file`; it takes path, skip_empty" in example[0].problem({"file": "a"})


@pytest.mark.parametrize(("path", "level", "effect"), [("a", Level.L2, "allow"), ("a", Level.L1, "ask"), ("../a", Level.L3, "deny")])
def test_the_policy_judges_it_by_its_declaration(example: tuple[AnyTool, FileReader[Any]], path: str, level: Level, effect: str) -> None:
    assert judge(normalise(example[0], {"path": path}, "/w"), Situation(level=level)).effect == effect


def test_the_worker_runs_it(example: tuple[AnyTool, FileReader[Any]], tmp_path: Path) -> None:
    (tmp_path / "poem").write_text("one\n\ntwo\n")
    events: list[Event] = []

    async def record(event: Event) -> None:
        events.append(event)

    async def run(args: dict[str, Any]) -> str:
        call = RunTool(callId="c1", sid="abcdef", turn="t1", name="count_lines", args=args, cwd=str(tmp_path))
        return (await executor(tmp_path, *example).execute(call, events.append, record)).content

    assert asyncio.run(run({"skip_empty": True, "path": "poem"})) == "poem has 2 lines"
    assert [type(event) for event in events] == [ToolStart]
    with pytest.raises(ToolProblem, match="it takes path"):
        asyncio.run(run({"file": "poem"}))


def test_the_worker_does_not_start_while_its_function_is_missing(example: tuple[AnyTool, FileReader[Any]], tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no executor function for count_lines"):
        executor(tmp_path, example[0])


def test_a_person_sees_its_question_and_its_arguments(example: tuple[AnyTool, FileReader[Any]]) -> None:
    asked = PermissionRequest(
        requestId="r",
        callId="c",
        name="count_lines",
        args={"skip_empty": True, "path": "a"},
        reason="r",
        rule="r",
        layer="level",
        expiresAt="2999-01-01T00:00:00Z",
    )
    card = card_of(example[0], asked, "/w")
    assert (card.question, card.arguments, card.problem) == (
        "Count the lines of a file?",
        [Leaf("path", "a"), Leaf("skip_empty", "true")],
        "",
    )


def test_the_page_gets_its_words(example: tuple[AnyTool, FileReader[Any]]) -> None:
    sys.path.insert(0, str(ROOT / "ops"))
    try:
        from generate import tools_typescript
    finally:
        sys.path.pop(0)
    assert "  count_lines: { label: 'Count', question: 'Count the lines of a file?'" in tools_typescript((*TOOLS, example[0]))
