"""One fix as an agent makes it, in 38 steps, and the project that it is made in."""

from pathlib import Path
from typing import Any

READ = "def parse(text):\n    return text.split(',')\n"
# What an agent does to find a fault, to fix it, and to show that it is fixed: the tool, then its arguments.
FIX: list[tuple[str, dict[str, Any]]] = [
    ("list_dir", {"path": "."}),
    ("run_command", {"command": "git status --short && git log --oneline -5"}),
    ("read_file", {"path": "src/app.py"}),
    ("grep", {"path": "src", "pattern": "parse"}),
    ("run_command", {"command": "pytest -q 2>&1 | tail -5"}),
    ("run_command", {"command": "pytest -x --tb=short 2>&1 | head -60"}),
    ("read_file", {"path": "tests/test_app.py"}),
    ("run_command", {"command": "git blame -L 1,2 src/app.py 2>/dev/null | cut -c1-60"}),
    ("write_file", {"path": "repro.py", "content": "from src.app import parse\nprint(parse('a,b'))\n"}),
    ("run_command", {"command": "PYTHONPATH=. python3 repro.py"}),
    ("run_command", {"command": "python3 -c \"print('a,b'.split(','))\""}),
    ("edit_file", {"path": "src/app.py", "old": "','", "new": "';'"}),
    ("run_command", {"command": "python3 repro.py 2>&1 | tail -3"}),
    ("run_command", {"command": "pytest -q tests/test_app.py 2>&1 | tail -5"}),
    ("edit_file", {"path": "src/app.py", "old": "split(", "new": "split( "}),
    ("run_command", {"command": "pytest -q tests/test_app.py -k parse 2>&1 | grep -E 'passed|failed'"}),
    ("run_command", {"command": "for i in 1 2 3; do pytest -q -x >/dev/null 2>&1 || echo failed; done"}),
    ("read_file", {"path": "src/app.py"}),
    ("run_command", {"command": "git diff | cat"}),
    ("run_command", {"command": "git diff --stat"}),
    ("write_file", {"path": "tests/test_more.py", "content": "def test_more() -> None:\n    assert True\n"}),
    ("run_command", {"command": "cat > tests/test_edge.py <<'E'\nfrom src.app import parse\n\n\ndef test_edge() -> None:\n    assert parse('') == ['']\nE"}),
    ("run_command", {"command": "pytest -q 2>&1 | tail -5"}),
    ("run_command", {"command": "ruff check src tests 2>&1 | tail -20"}),
    ("run_command", {"command": "ruff check --fix src tests"}),
    ("run_command", {"command": "ruff format src tests"}),
    ("run_command", {"command": "mypy src 2>&1 | tail -1"}),
    ("grep", {"path": ".", "pattern": "split"}),
    ("run_command", {"command": "find . -name '*.py' -not -path './.venv/*' | xargs grep -ln split"}),
    ("edit_file", {"path": "src/app.py", "old": "split( ", "new": "split("}),
    ("run_command", {"command": "NO_COLOR=1 CI=1 pytest -q 2>&1 | tail -3"}),
    ("run_command", {"command": "make test 2>&1 | tail -20"}),
    ("run_command", {"command": "./scripts/check.sh > check.log 2>&1; tail -5 check.log"}),
    ("run_command", {"command": "wc -l $(git ls-files '*.py') | tail -1"}),
    ("run_command", {"command": "sed -n '1,20p' src/app.py"}),
    ("run_command", {"command": "git add -A && git commit -q -m 'Fix the separator' && git log -1 --oneline"}),
    ("run_command", {"command": "git show --stat HEAD | head -20"}),
    ("run_command", {"command": "pytest 2>&1 | tail -1"}),
]  # fmt: skip


def project(folder: Path) -> None:
    """A small project whose parser splits at the wrong character."""
    for name in ("src", "tests", "scripts"):
        (folder / name).mkdir()
    (folder / "src/app.py").write_text(READ)
    (folder / "tests/test_app.py").write_text("def test_parse() -> None:\n    assert True\n")
    (folder / "scripts/check.sh").write_text("#!/bin/sh\npytest -q\n")
    (folder / "scripts/check.sh").chmod(0o755)
    (folder / "Makefile").write_text("test:\n\tpytest -q\n")
