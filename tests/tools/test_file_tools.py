"""File tools: inside the workspace, whole files, and errors a model can act on."""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.limits import limit_s

from opta_protocol.commands import RunTool
from opta_tools.checkpoints.checkpoints import Checkpoints
from opta_tools.files.file_tools import FileTools
from opta_tools.files.workspace import PathProblem, Workspace
from opta_tools.result import Outcome, ToolProblem
from opta_tools.search import ripgrep
from opta_tools.search.search_child import run_search
from opta_tools.search.search_pattern import compile_safely, is_costly


@pytest.fixture
def root(tmp_path: Path) -> Path:
    work = tmp_path / "work"
    (work / "src").mkdir(parents=True)
    (work / "src/a.py").write_text("def one():\n    return 1\n\n\ndef two():\n    return 2\n")
    (work / "README.md").write_text("# Title\n")
    (tmp_path / "work-evil").mkdir()
    (tmp_path / "work-evil/x").write_text("secret")
    return work


def call(root: Path, name: str, **args: object) -> Outcome:
    files = FileTools(Checkpoints(root.parent / "checkpoints"))
    return files.run(RunTool(callId="c1", sid="abcdef", turn="t1", name=name, args=args, cwd=str(root)))


@pytest.mark.parametrize(
    "path",
    ["../work-evil/x", "src/../../work-evil/x", "/etc/passwd", "~/.ssh/id", "a\0b", "x" * 5000, "link", "linkdir/x", "/proc/self/environ"],
)
def test_nothing_outside_is_read_or_written(root: Path, path: str) -> None:
    (root / "link").symlink_to("/etc/passwd")
    (root / "linkdir").symlink_to(root.parent / "work-evil")
    for name, args in (
        ("read_file", {}),
        ("list_dir", {}),
        ("grep", {"pattern": "secret"}),
        ("write_file", {"content": "x"}),
        ("edit_file", {"old": "s", "new": "t"}),
    ):
        with pytest.raises(ToolProblem):
            call(root, name, path=path, **args)
    assert (root.parent / "work-evil/x").read_text() == "secret"


def test_the_portable_twin_follows_no_symlink(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opta_tools.files.workspace._openat2_works", False)
    (root / "link").symlink_to("/etc/passwd")
    assert call(root, "read_file", path="src/a.py").lines == 6
    with pytest.raises(ToolProblem, match="outside"):
        call(root, "read_file", path="link")


def test_write_makes_folders_keeps_the_mode_and_reports_the_change(root: Path) -> None:
    created = call(root, "write_file", path="new/deep/file.txt", content="hello\n")
    assert (root / "new/deep/file.txt").read_text() == "hello\n"
    assert created.content == "Created new/deep/file.txt (1 lines)"
    (root / "run.sh").write_text("#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    call(root, "read_file", path="run.sh")
    (change,) = call(root, "write_file", path="run.sh", content="#!/bin/bash\n").changes
    assert (root / "run.sh").stat().st_mode & 0o777 == 0o755
    assert "-#!/bin/sh\n+#!/bin/bash" in change.diff
    assert change.before != change.after
    assert not [name for name in os.listdir(root) if name.startswith(".run.sh")]


def test_edit_is_exact_then_tolerant_and_never_guesses(root: Path) -> None:
    call(root, "edit_file", path="src/a.py", old="return 1", new="return 11")
    with pytest.raises(ToolProblem, match="matches 2 places"):
        call(root, "edit_file", path="src/a.py", old="return", new="yield")
    call(root, "edit_file", path="src/a.py", old="def two():\n  return 2  ", new="def two():\n  return 22")
    assert (root / "src/a.py").read_text() == "def one():\n    return 11\n\n\ndef two():\n  return 22\n" or "return 22" in (
        root / "src/a.py"
    ).read_text()
    (root / "twice.py").write_text("if a:\n    go()\nif b:\n    go()\n")
    with pytest.raises(ToolProblem, match="matches 2 places"):
        call(root, "edit_file", path="twice.py", old="\tgo()", new="stop()")
    with pytest.raises(ToolProblem, match="The nearest line is line 1: def one"):
        call(root, "edit_file", path="src/a.py", old="def one() -> int:", new="x")
    call(root, "edit_file", path="twice.py", old="go()", new="stop()", all=True)
    assert (root / "twice.py").read_text().count("stop()") == 2


def test_an_indented_edit_takes_over_the_files_indentation(root: Path) -> None:
    (root / "b.py").write_text("class A:\n    def f(self):\n        return 1\n")
    call(root, "edit_file", path="b.py", old="def f(self):\n    return 1", new="def f(self):\n    x = 2\n    return x")
    assert (root / "b.py").read_text() == "class A:\n    def f(self):\n        x = 2\n        return x\n"


def test_lists_and_searches_say_how_much_they_found(root: Path) -> None:
    (root / ".env").write_text("TOKEN=def\n")
    (root / "node_modules").mkdir()
    (root / "node_modules/x.py").write_text("def\n")
    assert call(root, "list_dir").content.splitlines() == ["4 entries in .", "node_modules/", "src/", ".env", "README.md"]
    assert call(root, "search_files", pattern="*.py").content.splitlines() == ["1 file matching *.py", "src/a.py"]
    assert call(root, "search_files", pattern="**/*.md").content.splitlines() == ["1 file matching **/*.md", "README.md"]
    assert call(root, "grep", pattern="def \\w+").content.splitlines() == [
        "2 matches for def \\w+",
        "src/a.py:1: def one():",
        "src/a.py:5: def two():",
    ]
    assert call(root, "grep", pattern="TITLE", ignore_case=True, path="README.md").lines == 1
    assert call(root, "grep", pattern="nothing like it").content == "no matches for nothing like it"


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)*b", "(x*)*y", "a*a*a*a*a*b", "((a+)b?)+c", "(", "[z", r"(a)\1+"])
def test_a_pattern_that_could_run_for_ever_is_taken_literally(pattern: str) -> None:
    matcher = compile_safely(pattern, 0)
    assert matcher.search("a" * 5000 + "!") is None
    assert matcher.search(f"here: {pattern}") is not None


def test_the_workspace_itself_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(PathProblem, match="cannot be opened"):
        Workspace(str(tmp_path / "gone"))


def test_a_pattern_that_takes_long_is_ended_and_the_worker_stays_free(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "commas").write_text(("," * 1900 + "\n") * 20)

    async def story() -> tuple[float, str]:
        late_by = 0.0

        async def watch() -> None:
            nonlocal late_by
            while True:
                before = time.monotonic()
                await asyncio.sleep(0.02)
                late_by = max(late_by, time.monotonic() - before - 0.02)

        watcher = asyncio.create_task(watch())
        try:
            await run_search("grep", {"pattern": ".*,.*,.*;"}, str(root))
        except ToolProblem as problem:
            return late_by, problem.code
        finally:
            watcher.cancel()
        return late_by, ""

    with monkeypatch.context() as shorter:
        shorter.setattr("opta_tools.search.search_child.DEADLINE_S", 1.5)
        late_by, code = asyncio.run(story())
    assert code == "timeout"
    assert late_by < limit_s(1.0)
    assert asyncio.run(run_search("grep", {"pattern": "d.*f o+ne"}, str(root))).content.startswith("1 match for")
    assert is_costly(".*,.*,.*;")
    assert is_costly("", "*a*b*c*d*")
    assert not is_costly("def \\w+", "*.py")


@pytest.fixture(params=["ripgrep", "in process"])
def search(request: pytest.FixtureRequest, root: Path) -> Callable[..., Outcome]:
    """Both engines are held to the same answers."""

    def find(name: str, **args: object) -> Outcome:
        if request.param == "ripgrep":
            assert ripgrep.program()
            found = asyncio.run(ripgrep.run(name, args, str(root)))
            assert found is not None
            return found
        return call(root, name, **args)

    return find


def test_a_search_leaves_out_what_git_ignores_secrets_and_what_lies_outside(root: Path, search: Callable[..., Outcome]) -> None:
    for name, content in {
        ".gitignore": "*.log\n/build/\n!keep.log\n", "a.log": "needle", "keep.log": "needle", "build/x.py": "needle", "sub/build/y.py": "needle", "sub/.gitignore": "z.py\n",
        "sub/z.py": "needle", ".env": "needle", "node_modules/m.js": "needle", ".hidden": "needle", "binary": "\0needle",
    }.items():  # fmt: skip
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    (root / "link").symlink_to(root.parent / "work-evil")
    expected = [".hidden:1: needle", "keep.log:1: needle", "sub/build/y.py:1: needle"]
    assert search("grep", pattern="need.e").content.split("\n") == ["3 matches for need.e", *expected, "[binary files that match: binary]"]
    assert search("grep", pattern="need(le", ignore_case=True).content.startswith("no matches for need(le")
    assert search("grep", pattern="NEEDLE", ignore_case=True, glob="*.py").content.split("\n")[1:] == ["sub/build/y.py:1: needle"]
    assert search("grep", pattern="needle", path="sub").content.split("\n")[1:] == ["sub/build/y.py:1: needle"]
    assert search("search_files", pattern="*.py").content.split("\n")[1:] == ["src/a.py", "sub/build/y.py"]
    assert search("search_files", pattern="**/build/*").content.split("\n")[1:] == ["sub/build/y.py"]


def test_many_matches_are_capped_and_flagged(root: Path, search: Callable[..., Outcome]) -> None:
    (root / "many").write_text("hit\n" * 1000)
    found = search("grep", pattern="hit")
    assert (found.lines, found.is_truncated, found.content.count("\n")) == (1000, True, 201)
    assert found.content.endswith("… 800 more")


def test_a_pattern_that_takes_for_ever_elsewhere_is_answered_at_once(root: Path) -> None:
    (root / "a").write_text("a" * 100_000 + "\n")
    started = time.monotonic()
    asyncio.run(ripgrep.run("grep", {"pattern": "(a+)+$b"}, str(root)))
    assert time.monotonic() - started < limit_s(2)
