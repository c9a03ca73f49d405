"""A rule that denies a path holds under other names of it, and leaves the rest alone."""

from pathlib import Path
from typing import Any

import pytest

from opta_core.policy.actions import normalise
from opta_core.policy.layers import Layers
from opta_core.policy.rules import Rule
from opta_core.policy.verdict import Situation, judge
from opta_protocol.permissions import Level
from opta_protocol.tools.declared import tool_of

READS = ("app.config", "secrets/**")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    for folder in ("secrets", "src", "migrations"):
        (tmp_path / folder).mkdir()
    for name in ("app.config", "secrets/a", "src/a", "a", "migrations/1.sql"):
        (tmp_path / name).write_text(name)
    (tmp_path / "link").symlink_to("app.config")
    (tmp_path / "other").symlink_to("secrets")
    return tmp_path


def effect_of(workspace: Path, tool: str, **args: Any) -> str:
    rules = [Rule(effect="deny", tool="read_file", path=path) for path in READS]
    rules += [Rule(effect="deny", tool="write_file", path="migrations/**"), Rule(effect="allow", tool="*")]
    request = normalise(tool_of(tool), args, str(workspace), path="/usr/bin:/bin")
    return judge(request, Situation(level=Level.L3, layers=Layers(user=tuple(rules)))).effect


@pytest.mark.parametrize("path", ["app.config", "./app.config", "src/../app.config", "link", "secrets/a", "other/a"])
@pytest.mark.parametrize("tool", ["read_file", "grep"])
def test_a_file_tool_does_not_read_it(workspace: Path, tool: str, path: str) -> None:
    assert effect_of(workspace, tool, path=path, **({"pattern": "x"} if tool == "grep" else {})) == "deny"


@pytest.mark.parametrize(
    "command",
    [
        "cat app.config", "cat ./app.config", "cat src/../app.config", "cat link", "grep -r x secrets", "grep -rn x secrets/", "cd secrets && cat a", "cat other/a",
        "cd src; cat ../app.config", "git show HEAD:app.config", "sort --files0-from=app.config", "echo a; tail -n +1 app.config", "cat $(echo app.config)", "cat < app.config",
    ],
)  # fmt: skip
def test_a_command_that_names_it_does_not_run(workspace: Path, command: str) -> None:
    assert effect_of(workspace, "run_command", command=command) == "deny"


@pytest.mark.parametrize("command", ["cp a migrations/2.sql", "touch migrations/x", "cd migrations && touch x"])
def test_a_command_that_names_what_is_not_written_asks(workspace: Path, command: str) -> None:
    assert effect_of(workspace, "run_command", command=command) == "ask"


@pytest.mark.parametrize("command", ["cat a", "cat src/a", "ls", "echo config", "git status", "cat app.config.example"])
def test_other_commands_run(workspace: Path, command: str) -> None:
    assert effect_of(workspace, "run_command", command=command) == "allow"


def test_other_files_are_read_and_written(workspace: Path) -> None:
    assert effect_of(workspace, "read_file", path="src/a") == "allow"
    assert effect_of(workspace, "grep", path="src", pattern="x") == "allow"
    assert effect_of(workspace, "read_file", path="migrations/1.sql") == "allow"
    assert effect_of(workspace, "write_file", path="migrations/1.sql", content="x") == "deny"
