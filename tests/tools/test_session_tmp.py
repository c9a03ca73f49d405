"""The /tmp of a session: it lasts, it is bounded, it is readable by file tools, and what is written elsewhere is named as lost."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.contained import Place

from opta_core.paths import Paths
from opta_core.settings import Settings
from opta_protocol.commands import RunTool
from opta_protocol.events import Event
from opta_tools.checkpoints.checkpoints import Checkpoints
from opta_tools.executor import ToolExecutor
from opta_tools.mcp.servers import Servers
from opta_tools.result import Outcome, ToolProblem
from opta_tools.sandbox.limits import CommandLimits
from opta_tools.sandbox.session_tmp import SessionTmps, size_of


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.close()


def tmps(place: Place) -> SessionTmps:
    return SessionTmps(place.home.parent / "state")


async def _recorded(event: Event) -> None:
    assert event


def read(place: Place, name: str, session: str = "abcdef", level: str = "full", **args: object) -> Outcome:
    """One call of a reading file tool, as the tool-worker executes it."""
    servers = Servers(Settings, Paths(place.daemon_home), place.sandbox, {}, "test")
    executor = ToolExecutor("w", level, place.runner, Checkpoints(place.home.parent / "checkpoints"), servers, session_tmp=tmps(place).make)
    call = RunTool(callId="r", sid=session, turn="t1", name=name, args=args, cwd=str(place.work))
    try:
        return asyncio.run(executor.execute(call, lambda event: None, _recorded))
    except ToolProblem as problem:
        return Outcome(f"Error: {problem}", ok=False, code=problem.code)


def test_what_a_command_writes_to_tmp_is_there_for_the_next_one_and_after_a_restart(place: Place, tmp_path: Path) -> None:
    assert place.run("echo one > /tmp/x; echo two > /var/tmp/y").content == "(no output)"
    assert place.run("cat /tmp/x /tmp/y").content == "one\ntwo"
    place.kill_supervisors()
    assert place.run("cat /tmp/x").content == "one"
    again = Place(tmp_path)
    assert again.run("cat /tmp/x").content == "one"
    assert "No such file" in again.run("cat /tmp/x", session="other2").content
    again.close()


def test_only_its_owner_opens_it(place: Place) -> None:
    place.run("echo one > /tmp/x; chmod 777 /tmp")
    place.kill_supervisors()
    place.run("true")
    folder = Path(tmps(place).path("abcdef"))
    assert [path.stat().st_mode & 0o777 for path in (folder, folder.parent)] == [0o700, 0o700]


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("echo x > ~/out.txt", ["~/out.txt"]),
        ("mkdir -p ~/a/b", ["~/a/b"]),
        ("echo x > /run/r; echo x > /dev/shm/s", ["/run/r", "/dev/shm/s"]),
        ("mkdir ~/d; touch ~/d/1 ~/d/2 ~/d/3", ["~/d/ (3 files)"]),
        ("git config --global user.name x", ["~/.gitconfig"]),
        ("ln -s /nowhere ~/link", ["~/link"]),
        ("for i in $(seq 20); do echo > ~/f$i; done", ["~/f1", "14 more places"]),
        ("touch ~/\"$(printf 'a\\nb')\"", ["~/a\\nb"]),
        ("echo x > ~/out.txt; exit 3", ["exit code 3", "~/out.txt"]),
    ],
)
def test_a_write_that_cannot_last_is_named(place: Place, command: str, named: list[str]) -> None:
    said = place.run(command).content
    assert "Opta: not kept: " in said
    assert [name for name in named if name not in said] == []
    # What was named is not named again.
    assert "not kept" not in place.run("true").content


@pytest.mark.parametrize(
    "command", ["echo x > here", "echo x > /tmp/x", "echo x > $TMPDIR/x", "mkdir -p ~/.cache/x; echo y > ~/.cache/x/y", "true"]
)
def test_a_write_that_lasts_is_not_named(place: Place, command: str) -> None:
    assert "not kept" not in place.run(command).content


def test_file_tools_read_the_tmp_of_their_session_only(place: Place) -> None:
    place.run("mkdir -p /tmp/d; echo needle > /tmp/d/x; echo two > /var/tmp/y")
    assert "needle" in read(place, "read_file", path="/tmp/d/x").content
    assert "two" in read(place, "read_file", path="/var/tmp/y").content
    assert "x" in read(place, "list_dir", path="/tmp/d").content
    assert "needle" in read(place, "grep", pattern="needle", path="/tmp").content
    assert read(place, "read_file", session="other2", path="/tmp/d/x").code == "path"
    assert read(place, "read_file", level="landlock", path="/tmp/d/x").code == "path"
    assert read(place, "write_file", path="/tmp/d/x", content="z").code == "path"


def test_it_may_not_grow_beyond_its_limit(tmp_path: Path) -> None:
    place = Place(tmp_path, limits=CommandLimits(tmp_mb=64))
    said = place.run("for i in $(seq 40); do head -c 8M /dev/zero > /tmp/f$i; sync; sleep 0.1; done")
    assert (said.ok, said.code) == (False, "limit")
    assert "sandbox.tmp-mb" in said.content
    assert place.run("rm /tmp/f*; ls /tmp").ok
    assert place.run("head -c 8M /dev/zero > /tmp/f; echo made").content == "made"
    place.close()


def test_its_size_is_counted_without_following_links(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/f").write_bytes(b"x" * 100_000)
    (tmp_path / "root").symlink_to("/usr")
    folder = os.open(tmp_path, os.O_RDONLY)
    assert 100_000 <= size_of(folder) < 200_000
    os.close(folder)


def test_it_goes_with_its_session(tmp_path: Path) -> None:
    found = SessionTmps(tmp_path)
    for session in ("abcdef", "bcdefg", "mcp-1"):
        os.utime(Path(found.make(session)).parent, (0, 0) if session == "mcp-1" else None)
    for session in ("abcdef", "bcdefg"):
        above = Path(found.path(session)).parent
        used_at = above.stat().st_mtime - 7200
        os.utime(above, (used_at, used_at))
    assert sorted(found.forget_old(lambda sid: sid == "abcdef")) == ["bcdefg", "mcp-1"]
    assert [Path(found.path(sid)).exists() for sid in ("abcdef", "bcdefg", "mcp-1")] == [True, False, False]
