"""Attacks on the /tmp of a session, from a command that may do anything in it: links out, other sessions, sockets, setuid, filling it up."""

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.contained import PYTHON, Place

from opta_protocol.commands import RunTool
from opta_tools.checkpoints.checkpoints import Checkpoints
from opta_tools.files.file_tools import FileTools
from opta_tools.files.readable_roots import in_session_tmp
from opta_tools.files.workspace import Workspace
from opta_tools.result import Outcome, ToolProblem
from opta_tools.sandbox.limits import CommandLimits
from opta_tools.sandbox.session_tmp import SessionTmps


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    hidden = Workspace.hidden()
    # As the tool-worker does: the daemon's folders are hidden, and the /tmp of sessions lies in one of them.
    state = made.home.parent / "state"
    Workspace.hide([str(made.daemon_home), str(state)], "", str(made.home), str(state / "tmp"))
    yield made
    Workspace.hide(*hidden)
    made.close()


def tmps(place: Place) -> SessionTmps:
    return SessionTmps(place.home.parent / "state")


def read(place: Place, name: str = "read_file", session: str = "abcdef", **args: object) -> Outcome:
    call = RunTool(callId="r", sid=session, turn="t1", name=name, args=args, cwd=str(place.work))
    try:
        return FileTools(Checkpoints(place.home.parent / "checkpoints")).run(in_session_tmp(call, tmps(place).make))
    except ToolProblem as problem:
        return Outcome(f"Error: {problem}", ok=False, code=problem.code)


def test_a_link_in_it_leads_no_file_tool_out(place: Place) -> None:
    secret = place.daemon_home / "daemon/token"
    place.run(
        f"ln -s {secret} /tmp/absolute; ln -s {place.home} /tmp/home; ln -s ../../../../home/.ssh/id /tmp/relative; ln -s .. /tmp/up; "
        f"ln -s /proc/self/root /tmp/magic; ln -s {place.work} /tmp/work; mkdir -p /tmp/a/b; ln -s ../../.. /tmp/a/b/c"
    )
    home = str(place.home.relative_to("/"))
    for path in (
        "absolute",
        "home/.ssh/id",
        "relative",
        "up/session",
        f"magic/{home}/.ssh/id",
        "a/b/c/session",
        "work/x",
        "../session",
        "here/../../session",
    ):
        said = read(place, path=f"/tmp/{path}")
        assert (said.ok, said.code) == (False, "path"), (path, said)
        assert "CANARY" not in said.content
    for folder in ("up", "home", "a/b/c", "magic"):
        assert not read(place, "list_dir", path=f"/tmp/{folder}").ok
    assert "no matches" in read(place, "grep", pattern="CANARY", path="/tmp").content


def test_a_file_tool_reaches_no_other_session_and_nothing_of_the_daemon(place: Place) -> None:
    place.run("echo CANARY-other > /tmp/x", session="other2")
    other = tmps(place).path("other2")
    assert "CANARY" not in read(place, path="/tmp/x").content
    assert "CANARY" not in read(place, path=f"{other}/x").content
    assert "CANARY" not in read(place, path=f"/tmp/../{Path(other).parent.name}/here/x").content
    # Also when the folder of records itself is given as a workspace.
    with pytest.raises(Exception, match="belongs to Opta"):
        Workspace(str(tmps(place).folder)).open(".", os.O_RDONLY | os.O_DIRECTORY)


def test_a_command_sees_no_other_session_and_not_the_machine(place: Place) -> None:
    place.run("echo CANARY-other > /tmp/x; chmod -R 777 /tmp", session="other2")
    said = place.run(
        f"cat /tmp/x {tmps(place).path('other2')}/x; ls -la /tmp/.. /tmp/../session; find / -xdev -name x 2>/dev/null; "
        f"mount --bind / /tmp; mkdir /tmp/m; echo planted > {place.home.parent}/state/tmp/planted"
    )
    assert "CANARY" not in said.content
    assert not (place.home.parent / "state/tmp/planted").exists()


def test_it_can_not_be_exchanged_or_made_to_be_something_else(place: Place, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    place.run(f"mv /tmp /tmp2; rmdir /tmp; rm -rf /tmp; ln -sfn {outside} /tmp; mkdir -p /tmp/a; ln -sfn {outside} /var/tmp")
    place.kill_supervisors()
    assert place.run("echo one > /tmp/x; cat /var/tmp/x").content == "one"
    folder = Path(tmps(place).path("abcdef"))
    assert stat.S_ISDIR(folder.lstat().st_mode) and (folder / "x").read_text() == "one\n"
    assert list(outside.iterdir()) == []


def test_a_folder_that_a_former_process_exchanged_for_a_link_is_not_used(place: Place, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    outside.chmod(0o755)
    above = Path(tmps(place).path("third3")).parent
    above.mkdir(parents=True)
    (above / "here").symlink_to(outside)
    said = place.run("echo planted > /tmp/planted", session="third3")
    assert not said.ok and said.code == "sandbox"
    assert list(outside.iterdir()) == []
    assert outside.stat().st_mode & 0o777 == 0o755


def test_a_program_in_it_gains_nothing(place: Place) -> None:
    said = place.run(
        "cp /usr/bin/id /tmp/id; chmod 6755 /tmp/id; /tmp/id -u; grep ' /tmp ' /proc/mounts; mknod /tmp/null c 1 3; cat /tmp/null"
    )
    assert "nosuid" in said.content and "nodev" in said.content
    folder = Path(tmps(place).path("abcdef"))
    assert [path.stat().st_mode & 0o777 for path in (folder, folder.parent, folder.parent.parent)] == [0o700] * 3
    assert not (folder / "null").exists() or not stat.S_ISCHR((folder / "null").stat().st_mode)


def test_a_socket_or_a_pipe_in_it_holds_nobody(place: Place) -> None:
    folder = Path(tmps(place).make("abcdef"))
    place.run("mkfifo /tmp/pipe; true")
    # A server of the machine that listens there by mistake is not reached from inside.
    with socket.socket(socket.AF_UNIX) as server:
        at = os.open(folder, os.O_RDONLY)
        server.bind(f"/proc/self/fd/{at}/s")
        server.listen()
        os.close(at)
        said = place.run(f'{PYTHON} -I -c \'import socket; socket.socket(socket.AF_UNIX).connect("/tmp/s"); print("reached")\'')
    assert "reached" not in said.content.splitlines()
    assert read(place, path="/tmp/pipe").code == "path"
    assert read(place, path="/tmp/s").code == "path"


def test_filling_it_ends_the_command_and_not_the_session(tmp_path: Path) -> None:
    place = Place(tmp_path, limits=CommandLimits(tmp_mb=48))
    fill = "for i in $(seq 60); do head -c 8M /dev/zero > $0/f$i; sync; sleep 0.1; done"
    for command in (f"bash -c '{fill}' /tmp", f"bash -c '{fill}' /var/tmp", f"mkdir -p /tmp/{'d/' * 300}; bash -c '{fill}' /tmp"):
        said = place.run(command)
        assert (said.code, "sandbox.tmp-mb" in said.content) == ("limit", True), said.content
    assert place.run("rm -rf /tmp/* 2>/dev/null; echo x > here; cat here").content == "x"
    place.close()


def test_names_that_are_lost_do_not_flood_or_deceive(place: Place) -> None:
    said = place.run(
        f"{PYTHON} -I - <<'E'\nimport os\nhome = os.environ['HOME']\n"
        "for number in range(7000): open(f'{home}/f{number}', 'w')\n"
        "open(home + '/\\x1b[2Jx\\u202ey', 'w'); open(home.encode() + b'/\\xff', 'w')\n"
        "at = home\nfor _ in range(200):\n    at += '/d'\n    os.mkdir(at)\nE"
    )
    assert "not kept" in said.content
    assert len(said.content) < 3000
    assert "\x1b" not in said.content and "\u202e" not in said.content
    assert place.run("rm -rf ~/f* ~/d; echo fine").content.startswith("fine")


def test_a_race_while_lost_files_are_listed_shows_nothing_of_the_machine(place: Place) -> None:
    race = place.begin("mkdir -p ~/a ~/b; while :; do mv ~/a ~/c; ln -s /etc ~/a; rm ~/a; mv ~/c ~/a; done")
    for _ in range(15):
        said = place.run("touch ~/a/x ~/b/y; true")
        assert "passwd" not in said.content and "CANARY" not in said.content
    place.stop(race)
