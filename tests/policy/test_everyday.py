"""Everyday lines at L3 in the full sandbox without network: nearly all run unasked, and each other one has a reason a person understands."""

import json
import subprocess
from pathlib import Path

import pytest

from opta_core.policy.actions import normalise
from opta_core.policy.verdict import Situation, Verdict, judge
from opta_protocol.permissions import Level
from opta_protocol.tools.shell import RUN_COMMAND

PATH = "/usr/local/bin:/usr/bin:/bin"
LINES = [
    line.replace("\\n", "\n") if "<<" in line else line
    for line in (Path(__file__).parent / "everyday_commands.txt").read_text().splitlines()
    if line and not line.startswith("#")
]
# Programs of a line that asks, which replaces a file or the closed network does not allow.
ASKED = (
    "rm ", "sed -i", "install", "npm ci", "push", "pull", "fetch", "curl", "wget", "docker", "create-thing", "reset --hard", "clean -fd",
    "http.server", "ln -s ../", "outdated", "timeit", "tox ", "nox ", "kubectl", "psql", "log.txt &", ".env*", "man ", "open ", "vim ",
)  # fmt: skip


def project(folder: Path) -> None:
    """A project in several languages, without foreign packages, as a person has it before a day of work."""
    for name in ("src", "tests", "scripts", "web", "sub", "docs", "cmd/app", "build", "node_modules/.bin", ".venv/bin"):
        (folder / name).mkdir(parents=True)
    for name in ("tsc", "eslint", "prettier", "jest", "vitest"):
        (folder / "node_modules/.bin" / name).write_text("#!/usr/bin/env node\n")
    scripts = {"test": "jest", "build": "rm -rf dist && tsc", "lint": "eslint .", "typecheck": "tsc --noEmit", "test:unit": "jest src"}
    for name in ("package.json", "web/package.json"):
        (folder / name).write_text(json.dumps({"name": "x", "version": "1.0.0", "scripts": scripts}))
    (folder / "src/app.py").write_text("def parse(text: str) -> list[str]:\n    return text.split()\n")
    (folder / "tests/test_app.py").write_text("def test_parse() -> None:\n    assert True\n")
    (folder / "scripts/check.py").write_text("import pathlib\nprint(len(list(pathlib.Path('.').rglob('*.py'))))\n")
    (folder / "scripts/gen.js").write_text("require('fs').writeFileSync('gen.json', '{}')\n")
    (folder / "scripts/run.sh").write_text('#!/usr/bin/env bash\nset -euo pipefail\ncd "$(dirname "$0")/.."\npytest -q "$@"\n')
    (folder / "scripts/run.sh").chmod(0o755)
    (folder / "manage.py").write_text("import sys\n")
    (folder / ".venv/bin/activate").write_text("VIRTUAL_ENV=x\nexport VIRTUAL_ENV\ndeactivate () {\n    unset VIRTUAL_ENV\n}\n")
    (folder / ".venv/bin/pytest").write_text("#!/usr/bin/env python3\nimport sys\n")
    (folder / ".venv/bin/python").symlink_to("/usr/bin/python3")
    (folder / "Makefile").write_text("all: app\napp: main.c\n\t$(CC) -o app main.c\ntest: all\n\t./app\nclean:\n\trm -f app *.o\n")
    (folder / "Cargo.toml").write_text('[package]\nname = "x"\nversion = "0.1.0"\n')
    (folder / "go.mod").write_text("module x\n\ngo 1.22\n")
    (folder / "main.c").write_text("int main(void) { return 0; }\n")
    for name in ("a.txt", "b.txt", "check.txt", "README.md", ".gitignore", "requirements.txt", "fix.diff"):
        (folder / name).write_text("one\ntwo\n")
    subprocess.run(["git", "init", "-q", str(folder)], check=True)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    project(folder)
    return folder


def verdict(work: Path, command: str, level: Level = Level.L3, granted: frozenset[str] = frozenset()) -> Verdict:
    request = normalise(RUN_COMMAND, {"command": command}, str(work), path=PATH)
    return judge(request, Situation(level=level, granted=granted))


@pytest.mark.parametrize("command", LINES)
def test_an_everyday_line_runs_unasked_or_asks_for_a_reason(work: Path, command: str) -> None:
    found = verdict(work, command)
    # What was granted for the session at L2 is what L3 allows.
    granted = verdict(work, command, Level.L2, frozenset({"contained"}))
    assert (found.effect == "allow") == (granted.effect == "allow")
    if found.effect != "allow":
        assert any(word in command for word in ASKED), found.rule
        assert not found.rule.startswith(("not a plain", "run_command")), found.rule


def test_nine_of_ten_everyday_lines_run_unasked(work: Path) -> None:
    asked = [line for line in LINES if verdict(work, line).effect != "allow"]
    print(f"{len(LINES) - len(asked)} of {len(LINES)} run unasked")
    assert len(set(LINES)) >= 600
    assert len(asked) <= len(LINES) * 0.1, "\n".join(asked)


def test_without_a_grant_the_second_level_asks_for_every_line_that_is_no_reading_filter(work: Path) -> None:
    assert all(verdict(work, line, Level.L2).effect == "ask" for line in LINES)
