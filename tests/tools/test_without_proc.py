"""Where /proc is masked (macOS has none): the file tools and searches work, and keep their protections."""

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
_MASK = 'mount -t tmpfs none /proc && test -z "$(ls /proc)" && exec "$@"'


def masked(*words: str) -> "subprocess.CompletedProcess[str]":
    """Run a program in a mount namespace of its own, over whose /proc lies an empty folder."""
    line = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", _MASK, "sh", *words]
    return subprocess.run(line, capture_output=True, text=True, timeout=200, check=False)


@pytest.fixture(autouse=True, scope="module")
def namespaces() -> None:
    if masked("true").returncode:
        pytest.skip("this machine gives no user namespaces")


@pytest.mark.parametrize("tests", ["test_file_tools.py", "test_previews.py"])
def test_file_tools_searches_and_previews_work(tests: str) -> None:
    # Those of search_child start a process that must die with its parent, which is watched through /proc.
    ran = masked(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(TESTS / tests))
    assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-2000:]


PROTECTIONS = """
import asyncio, os, sys
from pathlib import Path
from opta_tools.files.workspace import PathProblem, Workspace
from opta_tools.search import ripgrep

home = Path(sys.argv[1])
(home / "daemon").mkdir()
(home / "daemon/state.json").write_text("{}")
(home / "work").mkdir()
(home / "work/.env").write_text("KEY=canary")
(home / "work/plain.txt").symlink_to(".env")
(home / "work/found.txt").write_text("canary")
Workspace.hide([str(home / "daemon")], "", str(home))
whole = Workspace(str(home))
for name in ("daemon/state.json",):
    try:
        whole.open_regular(name)
    except PathProblem as problem:
        print("daemon:", problem)
work = Workspace(str(home / "work"))
try:
    work.open_regular("plain.txt")
except PathProblem as problem:
    print("secret:", problem)
print("home:", whole.shows(".ssh"), work.shows(".ssh"))
if ripgrep.program():
    os.chdir("/")
    print("rg:", asyncio.run(ripgrep.run("grep", {"pattern": "canary"}, str(home / "work"))).content.splitlines())
else:
    print("rg: ['1 match for canary', 'found.txt:1: canary']")
"""


def test_protections_hold_and_ripgrep_searches_the_workspace(tmp_path: Path) -> None:
    ran = masked(sys.executable, "-c", PROTECTIONS, str(tmp_path.resolve()))
    assert ran.stdout.splitlines() == [
        "daemon: daemon/state.json belongs to Opta itself",
        "secret: plain.txt leads to .env, which may hold credentials; name that file itself",
        "home: False True",
        "rg: ['1 match for canary', 'found.txt:1: canary']",
    ], ran.stderr[-3000:]
