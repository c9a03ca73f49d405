"""Attacks on the recording of what commands change: nothing of another is taken for theirs, and no file hides from it or breaks it."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from support.change_desk import SID, ChangeDesk
from support.privileges import held_by_permissions

from opta_core.errors import Unavailable
from opta_protocol.change_commands import ShowChanges
from opta_protocol.commands import RunTool
from opta_protocol.events import Event, FilesChanged
from opta_tools.checkpoints.checkpoints import Checkpoints
from opta_tools.command_changes import CommandChanges


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[ChangeDesk]:
    desk = ChangeDesk(tmp_path)
    yield desk
    desk.checkpoints.close()


def not_covered(desk: ChangeDesk) -> list[str]:
    return desk.checkpoints.show(ShowChanges(id=1, sid=SID, cwd=str(desk.work), sets=desk.sets)).notCovered


def restart(desk: ChangeDesk) -> None:
    desk.checkpoints.close()
    desk.checkpoints = Checkpoints(desk.folder / "snapshots")
    desk.record(desk.checkpoints.recover())


def test_what_could_not_be_read_before_is_not_taken_for_new(desk: ChangeDesk) -> None:
    (desk.work / "closed/in").mkdir(parents=True)
    (desk.work / "closed/in/mine").write_text("mine\n")
    (desk.work / "closed/mine").write_text("mine\n")
    (desk.work / "secret").write_text("mine\n")
    (desk.work / "secret").chmod(0)
    (desk.work / "closed").chmod(0)
    with held_by_permissions():
        desk.command("true")
        assert "closed" in not_covered(desk)
        desk.command("chmod 700 closed; chmod 600 secret; echo n > n")
        is_done, files = desk.undo(partly=True)
    assert is_done
    assert files["n"] == "removed"
    (desk.work / "closed").chmod(0o700)
    assert (desk.work / "closed/in/mine").read_text() == (desk.work / "closed/mine").read_text() == "mine\n"
    (desk.work / "secret").chmod(0o600)
    assert (desk.work / "secret").read_text() == "mine\n"


def nowhere_is_local(folder: Path) -> bool:
    return not folder


def test_a_folder_that_cannot_be_read_for_a_while_is_not_taken_for_new(desk: ChangeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opta_tools.checkpoints.folder_events.is_on_local_disk", nowhere_is_local)
    (desk.work / "src/in").mkdir()
    (desk.work / "src/in/mine").write_text("mine\n")
    with held_by_permissions():
        desk.command("true")
        (desk.work / "src").chmod(0)
        desk.command("true")
        desk.command("chmod 755 src; echo n > n")
        assert set(desk.shown()) == {"src", "n"}
        assert desk.undo("n")[0]


def test_folders_of_any_depth_do_not_break_commands(desk: ChangeDesk) -> None:
    desk.command("true")
    before = desk.look()
    desk.command("p=$(printf 'd/%.0s' $(seq 900)); mkdir -p $p; echo x > ${p}f")
    is_done, files = desk.undo()
    assert is_done, files
    assert desk.look() == before
    desk.sets.clear()
    desk.command("python3 -c \"import os\nfor _ in range(30): os.mkdir('d' * 200), os.chdir('d' * 200)\"")
    assert any("ddd" in name for name in not_covered(desk))
    desk.command("echo n > n")
    assert "n" in desk.shown()


def test_a_folder_that_is_made_again_is_watched_again(desk: ChangeDesk) -> None:
    desk.command("true")
    for number in range(5):
        desk.command(f"rmdir empty; mkdir empty; echo {number} > empty/f{number}")
        assert f"empty/f{number}" in desk.shown()
        desk.command(f"rm empty/f{number}; rmdir empty; mkdir empty")
        desk.sets.clear()
        desk.command(f"echo {number} > empty/g; rm empty/g; echo {number} > empty/h")
        assert "empty/h" in desk.shown()
        (desk.work / "empty/h").unlink()


def test_a_file_that_is_written_through_its_other_name_is_known(desk: ChangeDesk) -> None:
    os.link(desk.work / "b.txt", desk.work / "src/same")
    desk.command("true")
    desk.command("echo x >> src/same")
    assert set(desk.shown()) == {"b.txt", "src/same"}
    assert desk.undo()[0]
    assert (desk.work / "b.txt").read_text() == (desk.work / "src/same").read_text() == "b\n"


def test_a_command_cannot_hide_files_behind_the_mark_of_a_cache(desk: ChangeDesk) -> None:
    desk.command("true")
    before = desk.look()
    desk.command("touch src/CACHEDIR.TAG; echo evil > src/a.py")
    assert desk.undo()[0]
    assert desk.look() == before


def test_a_file_tool_beside_a_command_is_not_the_commands_doing(desk: ChangeDesk) -> None:
    running = desk.begin()
    desk.write("made/by/tool.txt", "tool\n")
    (desk.work / "c").write_text("command\n")
    desk.end(running)
    assert [change.path for change in desk.events[-1].changes] == ["c"]


def test_a_command_that_changed_a_file_before_a_file_tool_did_is_undone_too(desk: ChangeDesk) -> None:
    running = desk.begin()
    (desk.work / "b.txt").write_text("command\n")
    desk.write("b.txt", "tool\n")
    desk.end(running)
    assert desk.undo()[0]
    assert (desk.work / "b.txt").read_text() == "b\n"


def test_an_undo_is_not_the_doing_of_a_command_that_runs(desk: ChangeDesk) -> None:
    desk.command("rm b.txt; mkdir made; echo x > made/f")
    running = desk.begin(sid="ghijkl")
    assert desk.undo()[0]
    count = len(desk.events)
    desk.end(running)
    assert [change.path for event in desk.events[count:] for change in event.changes] == []


def test_sessions_in_a_folder_and_in_one_above_know_of_each_other(desk: ChangeDesk) -> None:
    above = desk.begin()
    inner = ChangeDesk.__new__(ChangeDesk)
    inner.__dict__.update(desk.__dict__, work=desk.work / "src", sets=[], events=[])
    below = inner.begin(sid="ghijkl")
    inner.write("tool.txt", "tool\n")
    (desk.work / "src/c").write_text("x\n")
    inner.end(below)
    desk.end(above)
    assert inner.events[-1].beside == [SID]
    assert desk.events[-1].beside == ["ghijkl"]
    assert "src/tool.txt" not in [change.path for change in desk.events[-1].changes]


def test_what_changed_after_the_daemon_was_gone_is_not_surely_the_commands(desk: ChangeDesk) -> None:
    desk.command("true")
    started = desk.begin()
    (desk.work / "b.txt").write_text("by the command\n")
    desk.checkpoints.close()
    # The daemon that started it is another one.
    (file,) = (desk.folder / "snapshots").glob("*/started/*.json")
    file.write_bytes(msgspec.json.encode(msgspec.structs.replace(started, daemon="1:2:3")))
    (desk.work / "run.sh").write_text("mine, days later\n")
    restart(desk)
    assert desk.events[-1].background
    assert desk.undo() == (True, {})
    assert (desk.work / "run.sh").read_text() == "mine, days later\n"


def test_housekeeping_does_not_take_the_record_of_a_workspace_in_use(desk: ChangeDesk) -> None:
    desk.command("true")
    (folder,) = (desk.folder / "snapshots").iterdir()
    os.utime(folder, (1, 1))
    desk.command("echo x >> b.txt")
    assert folder.stat().st_mtime > 1000
    subprocess.run(["rm", "-r", str(folder)], check=True)
    desk.sets.clear()
    desk.command("echo y >> b.txt")
    desk.checkpoints.close()
    desk.checkpoints = Checkpoints(desk.folder / "snapshots")
    assert desk.undo()[0]
    assert (desk.work / "b.txt").read_text() == "b\nx\n"


def test_what_the_store_did_not_take_is_written_later(desk: ChangeDesk) -> None:
    written: list[Event] = []
    away = [Unavailable("The session store does not answer.")]

    async def record(event: Event) -> None:
        if away:
            raise away.pop()
        written.append(event)

    async def work() -> None:
        changes = CommandChanges(desk.checkpoints)
        call = RunTool(sid=SID, turn="t1", callId="c1", name="run_command", args={}, cwd=str(desk.work))
        on_end = await changes.begin(call, record, background=False)
        (desk.work / "b.txt").write_text("x")
        await on_end()
        assert list((desk.folder / "snapshots").glob("*/started/*.json"))
        await changes.flush(SID)
        await changes.close()

    asyncio.run(work())
    assert [type(event) for event in written] == [FilesChanged]
    assert not list((desk.folder / "snapshots").glob("*/started/*.json"))


def test_a_control_file_that_a_person_changes_meanwhile_is_not_a_contained_commands_doing(desk: ChangeDesk) -> None:
    (desk.work / ".envrc").write_text("export EVIL=1\n")
    desk.command("true")
    started = msgspec.structs.replace(desk.started(), is_contained=True)
    desk.checkpoints.begin(started)
    (desk.work / ".envrc").write_text("# the person took it out\n")
    (desk.work / "src/.vscode").mkdir()
    (desk.work / "src/.vscode/tasks.json").write_text("{}")
    (desk.work / "c").write_text("x")
    desk.end(started)
    assert desk.undo() == (True, {"c": "removed"})
    assert (desk.work / ".envrc").read_text() == "# the person took it out\n"
