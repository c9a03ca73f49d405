"""Rows A18-A26: paths that lead out, never end, race, or go by another name."""

import os
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from support.contained import Place
from support.limits import limit_s

from opta_core.policy.actions import is_secret, normalise, protected
from opta_core.policy.verdict import Situation, Verdict, judge
from opta_protocol.commands import RunTool
from opta_protocol.permissions import Level
from opta_protocol.tools.declared import tool_of
from opta_protocol.tools.shell import CommandOutput
from opta_tools.checkpoints.checkpoints import Checkpoints
from opta_tools.files.file_tools import FileTools
from opta_tools.result import Outcome, ToolProblem

READS = {"read_file": {}, "list_dir": {}, "grep": {"pattern": "secret"}, "search_files": {"pattern": "*"}}
WRITES = {"write_file": {"content": "x"}, "edit_file": {"old": "s", "new": "t"}, "multi_edit": {"edits": [{"old": "s", "new": "t"}]}}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    (tmp_path / "work-evil").mkdir()
    (tmp_path / "work-evil/x").write_text("secret")
    return tmp_path / "work"


def run(work: Path, name: str, **args: Any) -> Outcome:
    files = FileTools(Checkpoints(work.parent / "checkpoints"))
    return files.run(RunTool(callId="c1", sid="abcdef", turn="t1", name=name, args=args, cwd=str(work)))


def verdict(work: Path, name: str, level: Level = Level.L3, **args: Any) -> Verdict:
    return judge(normalise(tool_of(name), args, str(work), path="/usr/bin:/bin"), Situation(level=level))


@pytest.mark.attack("A18", "A21")
@pytest.mark.parametrize(
    "path",
    ["../work-evil/x", "a/../../work-evil/x", "/etc/passwd", "~/.ssh/id", "~root/x", "{work}-evil/x", "{work}/../work-evil/x", "..", "/", "/proc/self/environ", "/proc/self/root/etc/passwd",
     "/proc/self/fd/3", "/proc/self/cwd/x", "/dev/fd/0", "/dev/zero"],
)  # fmt: skip
def test_what_leads_out_is_denied_and_would_not_work(work: Path, path: str) -> None:
    path = path.replace("{work}", str(work))
    for name, args in {**READS, **WRITES}.items():
        assert verdict(work, name, path=path, **args).effect == "deny", name
        with pytest.raises(ToolProblem):
            run(work, name, path=path, **args)


@pytest.mark.attack("A18")
def test_a_file_url_is_a_name_like_any_other(work: Path) -> None:
    with pytest.raises(ToolProblem, match="no such file"):
        run(work, "read_file", path="file:///etc/passwd")


@pytest.mark.attack("A19")
@pytest.mark.parametrize(
    "path", ["%2e%2e/work-evil/x", "..\\work-evil\\x", "..;/work-evil/x", "x. ", "a//../..//work-evil/x", "a\0b", "x" * 5000, "y" * 300]
)
def test_odd_spellings_open_nothing(work: Path, path: str) -> None:
    for name, args in READS.items():
        if name in ("read_file", "list_dir"):
            with pytest.raises(ToolProblem):
                run(work, name, path=path, **args)
    assert (work.parent / "work-evil/x").read_text() == "secret"


@pytest.mark.attack("A20")
def test_links_are_not_followed_out_and_loops_end_at_once(work: Path) -> None:
    outside = work.parent / "work-evil"
    for name, target in {
        "file": "/etc/passwd",
        "folder": str(outside),
        "one": "two",
        "two": "three",
        "three": "/etc/passwd",
        "up": "../..",
        "gone": "nowhere",
        "loop": "loop",
    }.items():
        (work / name).symlink_to(target)
    for name in ("file", "folder/x", "one", "up/work-evil/x", "loop"):
        started = time.monotonic()
        with pytest.raises(ToolProblem):
            run(work, "read_file", path=name)
        assert time.monotonic() - started < limit_s(0.05)
    for name in ("file", "folder/x", "one", "up/work-evil/x", "gone", "loop", "folder/new"):
        with pytest.raises(ToolProblem):
            run(work, "write_file", path=name, content="mine")
    assert (outside / "x").read_text() == "secret"
    assert os.listdir(outside) == ["x"]
    assert "secret" not in run(work, "grep", pattern="secret").content.split("\n", 1)[1:]


@pytest.mark.attack("A22")
def test_what_is_no_file_or_never_ends_is_an_error_soon(work: Path) -> None:
    os.mkfifo(work / "fifo")
    (work / "zero").symlink_to("/dev/zero")
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(work / "socket"))
    (work / "sparse").touch()
    os.truncate(work / "sparse", 10 * 1024**3)
    started = time.monotonic()
    for name in ("fifo", "zero", "socket", "sparse", "."):
        with pytest.raises(ToolProblem):
            run(work, "read_file", path=name)
        with pytest.raises(ToolProblem):
            run(work, "write_file", path=name, content="x")
    run(work, "grep", pattern="x")
    assert time.monotonic() - started < limit_s(2)
    server.close()


@pytest.mark.attack("A23")
def test_a_folder_that_is_swapped_for_a_link_never_leads_out(work: Path) -> None:
    outside = work.parent / "work-evil"
    (outside / "s").write_text("outside")
    (work / "real").mkdir()
    (work / "real/s").write_text("inside")
    (work / "d").symlink_to("real")
    stop = threading.Event()

    def flip() -> None:
        while not stop.is_set():
            for target in (outside, "real"):
                (work / "flip").symlink_to(target)
                (work / "flip").replace(work / "d")

    flipper = threading.Thread(target=flip)
    flipper.start()
    inside = 0
    try:
        for number in range(5000):
            try:
                assert run(work, "read_file", path="d/s").content.startswith("1\tinside")
                inside += 1
            except ToolProblem:
                pass
            if number % 5 < 2:
                try:
                    run(work, "write_file", path="d/n", content="mine")
                except ToolProblem:
                    pass
    finally:
        stop.set()
        flipper.join()
    assert inside > 0
    assert sorted(os.listdir(outside)) == ["s", "x"]


@pytest.mark.attack("A24")
@pytest.mark.parametrize(
    "path",
    [
        ".OPTA/policy.yaml",
        ".Git/Hooks/pre-commit",
        "sub/.GIT/config",
        ".opta./policy.yaml",
        ".g\u200bit/config",
        ".ｇit/config",
        ".ENVRC",
        ".Mcp.Json",
        ".VSCODE/tasks.json",
    ],
)
def test_a_protected_name_is_known_however_it_is_spelled(work: Path, path: str) -> None:
    control = protected(path)
    assert control is not None
    assert verdict(work, "write_file", path=path, content="x").effect == ("deny" if control.is_refused else "ask")
    assert not protected(path.replace(".", "_").replace("vscode", "x"))


@pytest.mark.attack("A25")
@pytest.mark.parametrize("name", [".env", ".env.local", "id_rsa", "server.pem", ".npmrc", ".netrc", "deploy.key", "sub/.ENV"])
def test_credentials_are_read_only_when_a_person_says_so(work: Path, name: str) -> None:
    (work / "sub").mkdir()
    (work / name).write_text("SECRET=canary\n")
    assert is_secret(name)
    for call, args in (
        ("read_file", {"path": name}),
        ("grep", {"pattern": "canary", "path": name}),
        ("run_command", {"command": f"cat {name}"}),
    ):
        assert verdict(work, call, **args).effect == "ask", call
    assert run(work, "grep", pattern="canary").content == "no matches for canary"


@pytest.mark.attack("A25")
def test_an_example_is_no_secret(work: Path) -> None:
    assert verdict(work, "read_file", path=".env.example").effect == "allow"


@pytest.mark.attack("A26")
@pytest.mark.parametrize("name", ["../x", "a/b", "a\0b", "-rf", "CON/../x"])
def test_a_spill_and_a_checkpoint_stay_in_their_folders(tmp_path: Path, name: str) -> None:
    # Names of files that we make come from ids of ours, never from what was asked for.
    place = Place(tmp_path)
    assert place.run("seq 1 20000", cwd=".").spill == "c1.txt"
    spill = tmp_path / "spills/abcdef/c1.txt"
    assert (spill.stat().st_mode & 0o777, spill.read_text().count("\n")) == (0o600, 20000)
    before = set(tmp_path.rglob("*"))
    with pytest.raises(ToolProblem):
        place.wait(place.runner.output("abcdef", CommandOutput(id=name)))
    assert set(tmp_path.rglob("*")) == before
    place.close()
