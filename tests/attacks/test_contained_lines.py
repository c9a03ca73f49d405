"""Lines that hide what they do from a judge who trusts the sandbox: none may run without a question at L3, or after a session grant.

The workspace is real: a repository with links out of it, scripts that destroy, and files whose names are options.
"""

import os
import subprocess
from pathlib import Path

import pytest

from opta_core.policy.actions import normalise
from opta_core.policy.layers import Layers
from opta_core.policy.rules import Rule
from opta_core.policy.verdict import Situation, Verdict, judge
from opta_protocol.permissions import Level
from opta_protocol.tools.shell import RUN_COMMAND

PATH = "/usr/local/bin:/usr/bin:/bin"

LINES = (Path(__file__).parent / "hostile_lines.txt").read_text()


def cases() -> list[str]:
    """The lines of the list; one that opens a here document goes on to the line `E`."""
    found: list[str] = []
    body: list[str] | None = None
    for line in LINES.strip("\n").split("\n"):
        if body is not None:
            body.append(line)
            if line == "E":
                found.append("\n".join(body))
                body = None
        elif "<<E" in line or "<<'E'" in line:
            body = [line]
        elif line and not line.startswith("# "):
            found.append(line)
    return found


# Lines that hold line breaks: a word goes on behind an escaped one, a comment does not.
BROKEN = (
    "r\\\nm -rf src", "r\\\n\\\nm -rf src", "b\\\nash -c 'rm -rf src'", "bash ev\\\nil.sh", "cat .e\\\nnv | cat", "cat '.e'\\\nnv", "X=.e\\\nnv; cat $X", "git reset --ha\\\nrd",
    "x\\\n=1 rm -rf src", "ls # x \\\nrm -rf src", "ls;#x\nrm -rf src", "ls\nrm -rf src", "ls \\\n; rm -rf src", "ls\r\nrm -rf src", "ls |\\\n| rm -rf src", "echo x > .g\\\nit/config",
)  # fmt: skip
HOSTILE = [*cases(), *BROKEN]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("base")
    folder = base / "work"
    for name in ("src", "sub", ".opta", ".husky", ".vscode", ".github/workflows", "bin"):
        (folder / name).mkdir(parents=True)
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    (base / "secret").write_text("s")
    (base / "evil.py").write_text("print(1)\n")
    (base / "evil.sh").write_text("echo x\n")
    for name in ("a.txt", "b.txt", "src/a.py", "sub/b.py", "a.c"):
        (folder / name).write_text("some\n")
    (folder / ".env").write_text("KEY=1\n")
    (folder / "server.pem").write_text("x\n")
    (folder / "--hard").write_text("")
    (folder / "hooks").symlink_to(".git/hooks")
    (folder / "out").symlink_to(base)
    (folder / "out-link").symlink_to(base / "evil.sh")
    (folder / "notes-link").symlink_to(".env")
    (folder / "ok.py").write_text("print(1)\n")
    (folder / "ok.sh").write_text("#!/bin/sh\necho ok\n")
    (folder / "evil.sh").write_text("#!/bin/sh\necho ok\nrm -rf src\n")
    (folder / "hook.sh").write_text("#!/bin/sh\necho x > .git/hooks/post-commit\n")
    (folder / "nested.sh").write_text("#!/bin/sh\n./evil.sh\n")
    (folder / "ok.js").write_text("1\n")
    (folder / "evil.js").write_text("require('fs').rmSync('src')\n")
    (folder / "evil.py").write_text("import shutil\nshutil.rmtree('src')\n")
    for name in ("ok.sh", "evil.sh", "hook.sh"):
        (folder / name).chmod(0o755)
    (folder / "package.json").write_text(
        '{"scripts": {"evil": "rm -rf src && jest", "calls-evil": "npm run evil", "hook": "cp x .git/hooks/pre-commit", "nested": "bash nested.sh", "test": "jest"}}'
    )
    (folder / "justfile").write_text("default: ok\nok:\n    ls\nevil: ok\n    rm -rf src\n")
    (folder / "composer.json").write_text('{"scripts": {"evil": ["rm -rf src"], "test": "phpunit"}}')
    (folder / "deno.json").write_text('{"tasks": {"evil": "rm -rf src", "ok": "ls"}}')
    (folder / "pyproject.toml").write_text('[tool.poe.tasks]\nevil = "rm -rf src"\n[tool.pdm.scripts]\nevil = {cmd = "rm -rf src"}\n')
    (folder / "Taskfile.yml").write_text("version: 3\ntasks:\n  ok:\n    cmds:\n      - ls\n  evil:\n    cmds:\n      - rm -rf src\n")
    (folder / "evil.go").write_text('package main\nimport "os"\nfunc main() { os.RemoveAll("src") }\n')
    (folder / "Makefile").write_text("all:\n\techo\nevil: all\n\trm -rf src\nhook:\n\techo x > .git/hooks/pre-commit\n")
    return folder


def verdict(work: Path, command: str, **fields: object) -> Verdict:
    request = normalise(RUN_COMMAND, {"command": command}, str(work), path=PATH)
    return judge(request, Situation(**{"level": Level.L3, **fields}))  # type: ignore[arg-type]


@pytest.mark.parametrize("command", HOSTILE)
def test_a_hostile_line_asks_with_a_reason_at_the_highest_level_and_after_a_grant_for_the_session(work: Path, command: str) -> None:
    for fields in ({}, {"level": Level.L2, "granted": frozenset({"contained", "run", "write"})}):
        found = verdict(work, command, **fields)
        assert found.effect != "allow", found
        assert len(found.rule) > 10
    request = normalise(RUN_COMMAND, {"command": command}, str(work), path=PATH)
    assert request.command is not None
    if request.command.is_plain:
        return
    # What a person allows by a rule are plain commands.
    rules = Layers(user=(Rule(effect="allow", tool="run_command"), Rule(effect="allow", tool="run_command", command=("**",))))
    assert verdict(work, command, layers=rules).effect != "allow"


def test_there_are_many_hostile_lines() -> None:
    assert len(set(HOSTILE)) >= 850


def test_the_workspace_is_not_what_makes_the_lines_ask(work: Path) -> None:
    for harmless in ("X=1 cat a.txt", "bash ok.sh 2>&1 | tail -3", "python3 ok.py", "for f in src/*.py; do wc -l \"$f\"; done", "cat > n.txt <<'E'\nx\nE", "npm test 2>&1 | tail"):  # fmt: skip
        assert verdict(work, harmless).effect == "allow", harmless


@pytest.mark.parametrize("command", ["X=1 cat a.txt", "python3 ok.py", "bash ok.sh | tail", "cat > n.txt <<'E'\nx\nE"])
def test_a_line_that_is_held_asks_wherever_the_sandbox_is_not_full_and_closed(work: Path, command: str) -> None:
    assert verdict(work, command).effect == "allow"
    for fields in ({"sandbox": "landlock"}, {"sandbox": "none"}, {"has_network": True}, {"level": Level.L2}, {"level": Level.L1}):
        found = verdict(work, command, granted=frozenset({"contained"}) if "level" not in fields else frozenset(), **fields)
        assert found.effect == "ask", (fields, found)
    assert verdict(work, command, level=Level.L2, granted=frozenset({"run"})).effect == "ask"
    assert verdict(work, command, level=Level.L2, granted=frozenset({"contained"})).effect == "allow"


@pytest.mark.parametrize("layer", ["managed", "user", "project"])
def test_rules_that_ask_or_deny_hold_for_words_anywhere_in_a_line_that_is_held(work: Path, layer: str) -> None:
    for effect in ("ask", "deny"):
        rules = Layers(**{layer: (Rule(effect=effect, tool="run_command", command=("python3",)),)})  # type: ignore[arg-type]
        for command in ("X=1 python3 ok.py", "for x in 1 2; do python3 ok.py; done", "timeout 5 python3 ok.py | tail"):
            assert verdict(work, command, layers=rules).effect == effect, command


def test_a_background_call_and_a_folder_outside_ask(work: Path) -> None:
    for args in ({"background": True}, {"cwd": "out"}, {"cwd": "sub/../.."}, {"cwd": "/"}, {"cwd": ".git"}, {"cwd": "hooks"}):
        request = normalise(RUN_COMMAND, {"command": "X=1 ls", **args}, str(work), path=PATH)
        assert judge(request, Situation(level=Level.L3)).effect != "allow", args


def test_a_long_or_deep_line_has_a_verdict(work: Path) -> None:
    for command in ("X=1 " + "ls " * 60_000, "$(" * 300 + "ls" + ")" * 300, "{ " * 200 + "ls;" + " }" * 200, " | ".join(["X=1 cat"] * 2000),
                    "echo " + "{a,b}" * 30, "for a in 1 2 3; do " * 50 + "ls" + "; done" * 50, "echo " + "$((1+" * 500 + "1" + "))" * 500,
                    "python3 -c 'open(" + " " * 8000 + "'", "python3 -c '" + "open(a," * 1000 + "'", "python3 -c '" + "a." * 4000 + "'", "perl -e '" + "open a," * 1000 + "'",
                    "x=" + "a" * 1000 + "; echo ${x%%*a*a*a*a*b}", "awk '" + "print a " * 1000 + "' a.txt", "cat <<E\n" + "$A " * 2500 + "\nE", "xargs " * 1000 + "ls"):  # fmt: skip
        # Reaching it is the test: no recursion without end, no product of all values.
        assert verdict(work, f"{command}; rm -rf src").effect != "allow", command[:40]


def test_no_line_changes_anything_while_it_is_judged(work: Path) -> None:
    before = sorted((str(path), os.lstat(path).st_mtime_ns) for path in work.rglob("*"))
    for command in HOSTILE:
        verdict(work, command)
    assert sorted((str(path), os.lstat(path).st_mtime_ns) for path in work.rglob("*")) == before
