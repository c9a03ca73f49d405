"""What turns change in files is recorded, undone and redone: per file, merged with what was changed since, and never half."""

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.change_desk import SID, ChangeDesk

from opta_protocol.change_commands import ShowChanges
from opta_protocol.event_parts import Change
from opta_protocol.file_changes import ChangeSet
from opta_tools.checkpoints import checkpoints as checkpoints_module
from opta_tools.checkpoints import path_states, path_steps, workspace_snapshot
from opta_tools.checkpoints.checkpoints import Checkpoints
from opta_tools.files.edits import digest
from opta_tools.result import ToolProblem


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[ChangeDesk]:
    desk = ChangeDesk(tmp_path)
    yield desk
    desk.checkpoints.close()


def sed(desk: ChangeDesk, line: int, text: str) -> None:
    """A person changes one line of src/a.py."""
    file = desk.work / "src/a.py"
    lines = file.read_text().splitlines(keepends=True)
    lines[line - 1] = text
    file.write_text("".join(lines))


COMMANDS = [
    "echo new > c.txt",
    "mkdir -p deep/er && echo x > deep/er/f && touch deep/g",
    "rm b.txt",
    "rm -r src empty",
    "mv src/a.py src/z.py",
    "mv src other",
    "printf '\\000\\377' > bytes",
    "rm bytes && mkdir bytes && echo in > bytes/in",
    "rm -r src && echo file > src",
    "chmod 644 run.sh",
    "chmod 700 src",
    "rm link && ln -s run.sh link",
    "rm link && echo file > link",
    "ln -s /etc/passwd outside",
    "echo more >> b.txt && rm run.sh && echo c > c && chmod 600 src/a.py && mv empty full && echo e > full/e",
    "rm -rf src b.txt run.sh link empty bytes",
    "truncate -s 0 src/a.py",
    "cp src/a.py tmp && sed 's/line 3/LINE 3/' tmp > src/a.py && rm tmp",
    "ln b.txt hard && echo x >> hard",
    "touch -d '2001-01-01' b.txt && printf 'c\\n' > b.txt && touch -d '2001-01-01' b.txt",
]


@pytest.mark.parametrize("line", COMMANDS)
def test_what_a_command_did_is_undone_redone_and_undone_again(desk: ChangeDesk, line: str) -> None:
    desk.command("true")
    assert not desk.events
    before = desk.look()
    desk.command(line)
    after = desk.look()
    for redo, wanted in ((False, before), (True, after), (False, before)):
        is_done, files = desk.undo(redo=redo)
        assert is_done, files
        assert desk.look() == wanted


def test_a_turn_of_commands_and_file_tools_on_the_same_file_is_undone_as_one(desk: ChangeDesk) -> None:
    before = desk.look()
    desk.command("echo one >> b.txt")
    desk.write("b.txt", "two\n")
    desk.command("echo three >> b.txt && echo made > made")
    desk.write("new/er/f.txt", "new\n")
    desk.command("rm made")
    assert desk.undo() == (True, {"b.txt": "restored", "new": "removed", "new/er": "removed", "new/er/f.txt": "removed"})
    assert desk.look() == before
    assert desk.undo(redo=True)[0]
    assert (desk.work / "b.txt").read_text() == "two\nthree\n"
    assert (desk.work / "new/er/f.txt").read_text() == "new\n"


def test_one_file_of_many(desk: ChangeDesk) -> None:
    desk.command("echo x >> b.txt; echo y >> src/a.py; rm run.sh")
    assert desk.undo("run.sh", "b.txt") == (True, {"run.sh": "restored", "b.txt": "restored"})
    assert (desk.work / "b.txt").read_text() == "b\n"
    assert (desk.work / "src/a.py").read_text().endswith("y\n")
    with pytest.raises(ToolProblem, match="not among the files"):
        desk.undo("link")


def test_what_a_person_changed_elsewhere_in_the_file_stays(desk: ChangeDesk) -> None:
    desk.command("sed -i 's/line 3/LINE 3/' src/a.py")
    sed(desk, 15, "mine\n")
    assert desk.undo() == (True, {"src/a.py": "merged"})
    text = (desk.work / "src/a.py").read_text()
    assert "line 3\n" in text
    assert "mine\n" in text
    assert desk.undo(redo=True) == (True, {"src/a.py": "merged"})
    text = (desk.work / "src/a.py").read_text()
    assert "LINE 3\n" in text
    assert "mine\n" in text


def test_between_two_commands_a_person_changed_the_file(desk: ChangeDesk) -> None:
    desk.command("sed -i 's/line 3/LINE 3/' src/a.py")
    sed(desk, 10, "mine\n")
    desk.command("sed -i 's/line 17/LINE 17/' src/a.py")
    assert desk.undo() == (True, {"src/a.py": "merged"})
    wanted = "".join(f"line {number}\n" for number in range(1, 21)).replace("line 10\n", "mine\n")
    assert (desk.work / "src/a.py").read_text() == wanted


REFUSED: list[tuple[str, Callable[[ChangeDesk], object], str]] = [
    ("sed -i 's/line 3/LINE 3/' src/a.py", lambda desk: sed(desk, 3, "mine\n"), "line 3 was changed since"),
    ("echo x > b.txt", lambda desk: (desk.work / "b.txt").unlink(), "is gone"),
    ("rm b.txt", lambda desk: (desk.work / "b.txt").write_text("mine\n"), "is there again"),
    ("printf '\\001\\000' > bytes", lambda desk: (desk.work / "bytes").write_bytes(b"\2\0"), "not a text"),
    (
        "rm link && ln -s run.sh link",
        lambda desk: ((desk.work / "link").unlink(), (desk.work / "link").symlink_to("src")),
        "was changed since",
    ),
    ("echo x > b.txt", lambda desk: ((desk.work / "b.txt").unlink(), (desk.work / "b.txt").mkdir()), "become a folder"),
    ("echo x > src/b", lambda desk: (shutil.rmtree(desk.work / "src"), (desk.work / "src").symlink_to("/etc")), "symbolic link"),
]


@pytest.mark.parametrize(("line", "meanwhile", "why"), REFUSED)
def test_a_file_that_cannot_be_undone_refuses_all_or_only_itself(
    desk: ChangeDesk, line: str, meanwhile: Callable[[ChangeDesk], object], why: str
) -> None:
    desk.command(f"{{ {line}; }} && echo new > new")
    meanwhile(desk)
    before = desk.look()
    is_done, files = desk.undo()
    assert not is_done
    assert any(why in said for said in files.values()), files
    assert desk.look() == before
    is_done, files = desk.undo(partly=True)
    assert is_done
    assert files["new"] == "removed"
    before.pop("new")
    assert desk.look() == before


def test_a_dry_run_does_nothing(desk: ChangeDesk) -> None:
    desk.command("echo x >> b.txt")
    before = desk.look()
    assert desk.undo(dry=True) == (False, {"b.txt": "restored"})
    assert desk.look() == before


def test_a_full_disk_leaves_everything_as_it_was(desk: ChangeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.command("echo x >> b.txt; rm run.sh; rm -r src; echo n > n; chmod 700 empty")
    before = desk.look()
    whole = os.fsync
    written = iter(range(100))

    def fsync(descriptor: int) -> None:
        if next(written) == 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        whole(descriptor)

    monkeypatch.setattr(path_steps.os, "fsync", fsync)
    is_done, files = desk.undo()
    assert not is_done
    assert all("no space left" in why for why in files.values()), files
    assert desk.look() == before
    assert desk.undo()[0]


def test_a_kill_in_the_middle_of_an_undo_is_taken_back(desk: ChangeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.command("echo x >> b.txt; rm run.sh; rm -r src; echo n > n")
    before = desk.look()
    whole = os.fsync
    written = iter(range(100))

    class Killed(BaseException):
        pass

    def fsync(descriptor: int) -> None:
        if next(written) == 1:
            raise Killed
        whole(descriptor)

    monkeypatch.setattr(path_steps.os, "fsync", fsync)
    with pytest.raises(Killed):
        desk.undo()
    assert desk.look() != before
    monkeypatch.undo()
    desk.checkpoints.close()
    desk.checkpoints = Checkpoints(desk.folder / "snapshots")
    assert desk.checkpoints.recover() == []
    assert desk.look() == before
    assert desk.undo()[0]


def test_a_kill_while_a_command_runs_loses_nothing_of_what_it_did(desk: ChangeDesk) -> None:
    desk.command("true")
    before = desk.look()
    desk.begin()
    (desk.work / "b.txt").write_text("by the command\n")
    (desk.work / "made").write_text("x")
    desk.checkpoints.close()
    desk.checkpoints = Checkpoints(desk.folder / "snapshots")
    desk.record(desk.checkpoints.recover())
    assert [change.path for change in desk.events[-1].changes] == ["b.txt", "made"]
    assert desk.undo()[0]
    assert desk.look() == before
    desk.checkpoints.close()
    assert desk.checkpoints.recover() == []


def test_what_a_person_changes_between_commands_is_not_the_commands(desk: ChangeDesk) -> None:
    desk.command("true")
    (desk.work / "b.txt").write_text("mine\n")
    (desk.work / "also").mkdir()
    desk.command("echo x > c")
    assert list(desk.shown()) == ["c"]


def test_a_background_command_may_not_have_done_it(desk: ChangeDesk) -> None:
    server = desk.begin(background=True)
    desk.command("echo x > c")
    (desk.work / "b.txt").write_text("who?\n")
    desk.write("src/a.py", "by the tool\n")
    desk.record(desk.checkpoints.flush(SID))
    desk.end(server)
    shown = desk.shown()
    assert {path: file.background for path, file in shown.items()} == {"b.txt": True, "c": False, "src/a.py": False}
    assert desk.undo()[1].keys() == {"c", "src/a.py"}
    assert (desk.work / "b.txt").read_text() == "who?\n"
    assert desk.undo("b.txt")[0]
    assert (desk.work / "b.txt").read_text() == "b\n"


def test_commands_of_two_sessions_beside_each_other_are_named(desk: ChangeDesk) -> None:
    one, other = desk.begin(), desk.begin(sid="ghijkl")
    (desk.work / "b.txt").write_text("x\n")
    desk.end(one)
    desk.end(other)
    assert [(event.sid, event.beside) for event in desk.events] == [(SID, ["ghijkl"]), ("ghijkl", [SID])]


def test_a_folder_above_the_limits_is_not_covered_and_that_is_said(desk: ChangeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace_snapshot, "FILES_MAX", 5)
    desk.command("echo x > c")
    assert "more than 5 files" in desk.events[0].missed
    assert not desk.events[0].changes
    desk.write("b.txt", "x\n")
    assert desk.undo() == (True, {"b.txt": "restored"})


def test_a_large_file_is_recorded_without_its_content(desk: ChangeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(path_states, "FILE_BYTES_MAX", 100)
    (desk.work / "large").write_text("x" * 200)
    desk.command("echo y >> large; head -c 300 /dev/zero > made")
    is_done, files = desk.undo()
    assert not is_done
    assert "not kept" in files["large"]
    assert desk.undo(partly=True)[1]["made"] == "removed"
    assert not (desk.work / "made").exists()


def test_caches_and_git_are_left_out(desk: ChangeDesk) -> None:
    make = "git init -q . && mkdir -p node_modules/x cache venv && echo 'Signature: x' > cache/CACHEDIR.TAG && touch venv/pyvenv.cfg"
    subprocess.run(make, shell=True, cwd=desk.work, check=True)
    desk.command("touch node_modules/x/y cache/z venv/w .git/made; echo x > c")
    answer = desk.checkpoints.show(ShowChanges(id=1, sid=SID, cwd=str(desk.work), sets=desk.sets))
    assert [file.path for file in answer.files] == ["c"]
    assert answer.notCovered == ["cache", "node_modules", "venv"]


def test_many_changes_are_kept_as_a_list(desk: ChangeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints_module, "LISTED_MAX", 10)
    desk.command("true")
    before = desk.look()
    desk.command("for i in $(seq 30); do echo $i > n$i; done")
    assert (len(desk.events[0].changes), desk.events[0].more) == (10, 20)
    assert len(desk.shown()) == 30
    assert desk.undo()[0]
    assert desk.look() == before


def test_a_damaged_record_is_begun_anew(desk: ChangeDesk) -> None:
    desk.command("echo x >> b.txt")
    desk.checkpoints.close()
    (file,) = (desk.folder / "snapshots").glob("*/contents.sqlite")
    file.write_bytes(b"garbage" * 1000)
    for end in ("-wal", "-shm"):
        file.with_name(file.name + end).unlink(missing_ok=True)
    desk.checkpoints = Checkpoints(desk.folder / "snapshots")
    is_done, files = desk.undo()
    assert not is_done
    assert "not kept" in files["b.txt"]
    desk.sets.clear()
    desk.command("echo y >> b.txt")
    assert desk.undo()[0]


def test_what_an_earlier_version_kept_is_still_undone(desk: ChangeDesk) -> None:
    kept = desk.folder / "checkpoints" / SID
    kept.mkdir(parents=True)
    (kept / digest(b"old\n")).write_bytes(b"old\n")
    desk.sets.append(ChangeSet(callId="c1", changes=[Change(path="run.sh", before=digest(b"old\n"), after=digest(b"#!/bin/sh\n"))]))
    assert desk.undo() == (True, {"run.sh": "restored"})
    assert (desk.work / "run.sh").read_text() == "old\n"
    assert (desk.work / "run.sh").stat().st_mode & 0o777 == 0o755


def test_a_name_that_is_not_text_is_named_as_not_covered(desk: ChangeDesk) -> None:
    desk.command("echo x > c; touch \"$(printf 'odd\\377')\"")
    answer = desk.checkpoints.show(ShowChanges(id=1, sid=SID, cwd=str(desk.work), sets=desk.sets))
    assert [file.path for file in answer.files] == ["c"]
    assert answer.notCovered == ["odd?"]


def test_changes_are_shown_with_their_diff_and_how_the_file_is_now(desk: ChangeDesk) -> None:
    desk.command("sed -i 's/line 3/LINE 3/' src/a.py; rm b.txt; printf 'x\\000' > bytes; chmod 644 run.sh; echo n > n")
    (desk.work / "n").write_text("mine\n")
    shown = desk.shown()
    assert "-line 3\n+LINE 3" in shown["src/a.py"].diff
    assert [(file.path, file.did, file.now, file.isText) for file in shown.values()] == [
        ("b.txt", "deleted", "after", True),
        ("bytes", "changed", "after", False),
        ("n", "created", "other", True),
        ("run.sh", "changed", "after", True),
        ("src/a.py", "changed", "after", True),
    ]
    assert (shown["run.sh"].beforeMode, shown["run.sh"].afterMode) == ("100755", "100644")


def nowhere_is_local(folder: Path) -> bool:
    return not folder


def test_without_events_of_the_kernel_the_whole_folder_is_looked_at(desk: ChangeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opta_tools.checkpoints.folder_events.is_on_local_disk", nowhere_is_local)
    before = desk.look()
    desk.command("echo x >> b.txt; mv src other; rm -r empty")
    assert desk.undo()[0]
    assert desk.look() == before
