"""Plan mode runs what only reads, and refuses everything else with a sentence that says what to do instead."""

from pathlib import Path
from typing import Any

import pytest

from opta_core.policy import reading_only
from opta_core.policy.actions import normalise
from opta_core.policy.rules import rule_from
from opta_core.policy.verdict import Situation, judge
from opta_protocol.permissions import Level, SessionPolicy
from opta_protocol.tools.declared import TOOLS, tool_of

PATH = "/usr/local/bin:/usr/bin:/bin"


def problem(cwd: Path, name: str, args: dict[str, Any], server: str = "") -> str:
    tool = tool_of(name, server, "ab" if server else "")
    return reading_only.problem(normalise(tool, args, str(cwd), path=PATH))


@pytest.mark.parametrize(
    "command",
    [
        "ls -la", "cat a.txt | grep b | head -3", "git status", "git log -3 --oneline", "git diff HEAD~1 -- a.py", "git branch -a", "git remote -v",
        "git stash list", "find . -name '*.py'", "wc -l a b", "ls 2>/dev/null", "cd sub && ls", "grep -rn x src", "git --version", "git tag",
    ],
)  # fmt: skip
def test_a_command_that_reads_runs(tmp_path: Path, command: str) -> None:
    assert problem(tmp_path, "run_command", {"command": command}) == ""


@pytest.mark.parametrize(
    "command",
    [
        "rm a.txt", "echo x > a.txt", "cat > a.txt << 'EOF'\nx\nEOF", "python3 -c 'open(\"a\",\"w\")'", "git commit --amend -m x", "git checkout .", "git stash",
        "git branch new", "git branch -D old", "git tag v1", "git remote add a b", "git reset --hard", "find . -delete", "find . -exec rm {} +", "sed -i s/a/b/ a.txt",
        "tee a.txt", "sort -o a b", "npm test", "pytest", "make", "ls; touch a", "ls && rm a", "cat $(rm a)", "ls *", "cp a b", "mv a b", "xargs rm", "env rm a",
        "git -c alias.x='!rm a' x", "git diff --output=a", "git log --output a", "curl -o a http://localhost", "bash a.sh", "nice rm a", "git cat-file --filters HEAD:a",
        "rg --pre sh x", "tree -o a", "date -s now", "dd if=a of=b", "", "git", "git worktree add x", "git config x y", "ln -s a b", "chmod +x a", "mkdir a",
    ],
)  # fmt: skip
def test_a_command_that_may_change_something_is_refused(tmp_path: Path, command: str) -> None:
    if command == "git":
        # It shows its help.
        assert problem(tmp_path, "run_command", {"command": command}) == ""
        return
    said = problem(tmp_path, "run_command", {"command": command})
    assert said.startswith("plan mode runs only") and said.endswith(reading_only.FIX)


@pytest.mark.parametrize("name", [tool.name for tool in TOOLS if tool.offered == "always" and tool.name not in ("run_command", "agent")])
def test_tools_that_read_are_allowed_and_tools_that_write_are_not(tmp_path: Path, name: str) -> None:
    writes = {"write_file", "edit_file", "multi_edit"}
    assert bool(problem(tmp_path, name, {"path": "a.txt"})) == (name in writes)


def test_a_page_may_be_read_and_not_acted_on(tmp_path: Path) -> None:
    assert not problem(tmp_path, "browser_navigate", {"url": "http://localhost/"})
    for name in ("browser_click", "browser_type", "browser_evaluate", "browser_press", "browser_select", "browser_fill_form"):
        assert problem(tmp_path, name, {})


def test_what_a_server_offers_is_not_known_to_read(tmp_path: Path) -> None:
    assert "may change something" in problem(tmp_path, "mcp__files__read", {}, "files")


@pytest.mark.parametrize(
    ("args", "is_allowed"), [({"read_only": True}, True), ({"read_only": False}, False), ({}, False), ({"read_only": "true"}, False)]
)
def test_a_sub_agent_of_a_plan_only_reads(tmp_path: Path, args: dict[str, Any], is_allowed: bool) -> None:
    assert (problem(tmp_path, "agent", {"title": "a", "task": "b", **args}) == "") == is_allowed


def test_no_rule_level_or_policy_allows_what_does_more_than_read(tmp_path: Path) -> None:
    request = normalise(tool_of("run_command"), {"command": "rm a.txt"}, str(tmp_path), path=PATH)
    allowed = rule_from("allow:rm")
    for policy in SessionPolicy:
        situation = Situation(
            level=Level.L3, policy=policy, extra=(allowed,), granted=frozenset({"contained", "run", "write"}), reads_only=True
        )
        verdict = judge(request, situation)
        assert (verdict.effect, verdict.layer) == ("deny", "mode")
    # What reads is judged by the rules, as in every mode.
    reading = normalise(tool_of("run_command"), {"command": "git status"}, str(tmp_path), path=PATH)
    assert judge(reading, Situation(level=Level.L2, reads_only=True)) == judge(reading, Situation(level=Level.L2))
