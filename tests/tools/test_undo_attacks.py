"""Attacks on undo: a person's file is not lost in any order of events, kills among them, and files of any kind and name are undone."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.change_desk import ChangeDesk
from support.privileges import held_by_permissions

from opta_tools.checkpoints import path_states, restoring
from opta_tools.checkpoints.checkpoints import Checkpoints
from opta_tools.checkpoints.file_state import FileState


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[ChangeDesk]:
    desk = ChangeDesk(tmp_path)
    yield desk
    desk.checkpoints.close()


class Killed(BaseException):
    """The process is killed here."""


def killed_at(monkeypatch: pytest.MonkeyPatch, desk: ChangeDesk, number: int, names: tuple[str, ...]) -> bool:
    """Start an undo that is killed before its change of the disk with this number; whether it was."""
    count = iter(range(1000))

    def counted(whole: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **named: object) -> object:
            if next(count) == number:
                raise Killed
            return whole(*args, **named)

        return call

    with monkeypatch.context() as patch:
        for name in names:
            patch.setattr(os, name, counted(getattr(os, name)))
        try:
            desk.undo()
        except Killed:
            return True
        return False


def restart(desk: ChangeDesk) -> None:
    desk.checkpoints.close()
    desk.checkpoints = Checkpoints(desk.folder / "snapshots")
    desk.record(desk.checkpoints.recover())


CHANGES_OF_THE_DISK = ("rename", "unlink", "rmdir", "mkdir", "symlink", "link", "fchmod", "replace")
MUCH = (
    "echo x >> b.txt; rm run.sh; rm -r src; echo n > n; chmod 700 empty; rm link; ln -s n link; mkdir -p d/e; echo f > d/e/f; "
    "rm bytes; mkdir bytes; echo in > bytes/in"
)


@pytest.mark.parametrize("number", range(0, 60, 3))
def test_an_undo_that_is_killed_anywhere_is_taken_back_or_whole(desk: ChangeDesk, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    desk.command("true")
    before = desk.look()
    desk.command(MUCH)
    after = desk.look()
    was_killed = killed_at(monkeypatch, desk, number, CHANGES_OF_THE_DISK)
    restart(desk)
    now = desk.look()
    assert now == before or (was_killed and now == after)
    is_done, files = desk.undo()
    assert is_done, files
    assert desk.look() == before


@pytest.mark.parametrize("number", range(1, 50, 4))
def test_what_a_person_wrote_after_a_killed_undo_stays(desk: ChangeDesk, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    desk.command(MUCH)
    if killed_at(monkeypatch, desk, number, CHANGES_OF_THE_DISK):
        (desk.work / "b.txt").write_text("mine\n")
        (desk.work / "n").write_text("mine\n")
        if (desk.work / "src").is_dir():
            (desk.work / "src/mine").write_text("mine\n")
        mine = [path for path in ("b.txt", "n", "src/mine") if (desk.work / path).exists()]
        restart(desk)
        assert [path for path in mine if (desk.work / path).read_text() != "mine\n"] == []


@pytest.mark.parametrize("line", ["echo x >> b.txt", "rm b.txt", "echo x > made"])
def test_a_file_that_changes_while_it_is_undone_stays(desk: ChangeDesk, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    desk.command(f"{line}; echo z > z")
    whole = restoring.restore

    def restore(*args: object) -> object:
        # Between the look at the files and their change
        (desk.work / ("made" if "made" in line else "b.txt")).write_text("mine\n")
        return whole(*args)  # type: ignore[arg-type]

    monkeypatch.setattr("opta_tools.checkpoints.checkpoints.restore", restore)
    is_done, files = desk.undo()
    assert not is_done
    assert any("just now" in why for why in files.values()), files
    assert (desk.work / ("made" if "made" in line else "b.txt")).read_text() == "mine\n"
    assert (desk.work / "z").read_text() == "z\n"
    assert not [name for name in os.listdir(desk.work) if name.startswith(".opta-undo")]


def test_names_that_a_file_system_does_not_distinguish_are_two_files_in_an_undo(desk: ChangeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.command("mv b.txt B.txt")
    # As where the case of names does not count
    whole = path_states.state_in

    def state_in(folder: int, name: str) -> FileState:
        return whole(folder, "B.txt" if name == "b.txt" else name)

    monkeypatch.setattr(path_states, "state_in", state_in)
    assert desk.undo(dry=True) == (False, {"B.txt": "removed", "b.txt": "restored"})


def test_without_hard_links_an_undo_is_whole_and_refuses_what_changes_meanwhile(desk: ChangeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.command("true")
    before = desk.look()
    desk.command(MUCH)
    after = desk.look()

    def link(*_: object, **__: object) -> None:
        raise PermissionError(1, os.strerror(1))

    monkeypatch.setattr(os, "link", link)
    for redo, wanted in ((False, before), (True, after)):
        is_done, files = desk.undo(redo=redo)
        assert is_done, files
        assert desk.look() == wanted
    whole = restoring.restore

    def restore(*args: object) -> object:
        (desk.work / "b.txt").write_text("mine\n")
        return whole(*args)  # type: ignore[arg-type]

    monkeypatch.setattr("opta_tools.checkpoints.checkpoints.restore", restore)
    assert not desk.undo()[0]
    assert desk.look() == {**after, "b.txt": (after["b.txt"][0], b"mine\n")}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files above 100 bytes are not kept."""
    monkeypatch.setattr(path_states, "FILE_BYTES_MAX", 100)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("number", range(0, 30, 2))
def test_a_large_file_survives_an_undo_that_is_killed(desk: ChangeDesk, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    desk.command("head -c 300 /dev/urandom > made; rm b.txt; echo x > run.sh")
    after = desk.look()
    if killed_at(monkeypatch, desk, number, CHANGES_OF_THE_DISK):
        restart(desk)
        now = desk.look()
        assert now == after or "made" not in now


@pytest.mark.usefixtures("small")
def test_a_large_file_survives_an_undo_that_fails(desk: ChangeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.command("head -c 300 /dev/urandom > made; rm b.txt")
    after = desk.look()

    def fsync(descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", fsync)
    assert not desk.undo()[0]
    assert desk.look() == after


@pytest.mark.usefixtures("small")
def test_a_large_file_that_was_moved_is_not_removed_under_its_new_name(desk: ChangeDesk) -> None:
    (desk.work / "large").write_bytes(os.urandom(300))
    desk.command("mv large other; echo n > n")
    is_done, files = desk.undo()
    assert not is_done
    is_done, files = desk.undo(partly=True)
    assert is_done
    assert "large" in files["other"], files
    assert (desk.work / "other").exists()
    assert not (desk.work / "n").exists()


@pytest.mark.usefixtures("small")
def test_the_mode_of_a_large_file_is_undone(desk: ChangeDesk) -> None:
    (desk.work / "large").write_bytes(os.urandom(300))
    before = desk.look()
    desk.command("chmod 640 large")
    assert desk.undo() == (True, {"large": "restored"})
    assert desk.look() == before


def test_an_undo_of_a_mode_keeps_the_file_and_its_other_names(desk: ChangeDesk) -> None:
    os.link(desk.work / "run.sh", desk.work / "same.sh")
    desk.command("chmod 600 b.txt; chmod 2770 empty")
    (desk.work / "b.txt").stat()
    inode = (desk.work / "b.txt").stat().st_ino
    assert desk.undo()[0]
    assert (desk.work / "b.txt").stat().st_ino == inode
    assert (desk.work / "empty").stat().st_mode & stat.S_ISGID


def test_folders_that_a_person_may_not_write_are_undone(desk: ChangeDesk) -> None:
    (desk.work / "shut").mkdir()
    (desk.work / "shut/a").write_text("a\n")
    (desk.work / "shut").chmod(0o555)
    with held_by_permissions():
        desk.command("true")
        before = desk.look()
        desk.command("chmod 755 shut; rm shut/a; mkdir -p d/e; echo x > d/e/f; echo x > src/new; chmod 555 d/e d src")
        after = desk.look()
        for redo, wanted in ((False, before), (True, after), (False, before)):
            is_done, files = desk.undo(redo=redo)
            assert is_done, files
            assert desk.look() == wanted


NAMES = ["~$report.docx", "~", "~/f", "-n", "a b", "ä", "new\nline", "\u202egnp", "é" * 120, "😀" * 63, " ", "*", "a\\b", "CON"]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_any_name_is_shown_and_undone(desk: ChangeDesk, name: str) -> None:
    before = desk.look()
    started = desk.begin()
    (desk.work / name).parent.mkdir(exist_ok=True)
    (desk.work / name).write_text("x")
    desk.end(started)
    after = desk.look()
    assert name in desk.shown()
    assert desk.undo()[0]
    assert desk.look() == before
    assert desk.undo(redo=True)[0]
    assert desk.look().keys() == after.keys()


def test_special_files_neither_block_nor_break_anything(desk: ChangeDesk) -> None:
    desk.command("true")
    desk.command("mkfifo pipe; rm b.txt; mkfifo b.txt; truncate -s 1T sparse; truncate -s 9M half; ln -s / root; ln -s loop loop")
    desk.shown()
    is_done, files = desk.undo(partly=True)
    assert is_done
    assert "b.txt" in files
    assert not (desk.work / "root").is_symlink()
    assert stat.S_ISFIFO((desk.work / "b.txt").stat().st_mode)


def test_long_texts_of_equal_lines_are_shown_and_merged_in_time(desk: ChangeDesk) -> None:
    (desk.work / "same").write_text("x\n" * 19_000)
    (desk.work / "long").write_text("".join(f"{number % 7}\n" for number in range(300_000)))
    desk.command("true")
    desk.command("python3 -c \"print('x\\n' * 18000 + 'y\\n' * 900)\" > same; tac long > l; mv l long")
    (desk.work / "same").write_text("z\n" + (desk.work / "same").read_text())
    assert desk.shown()["long"].isText
    desk.undo(partly=True)


def test_an_undo_of_too_much_at_once_is_refused(desk: ChangeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opta_tools.checkpoints.undo_plan.BYTES_MAX", 1000)
    desk.command("for i in 1 2 3 4; do head -c 400 /dev/zero > n$i; done")
    is_done, files = desk.undo()
    assert not is_done
    assert any("together" in why for why in files.values()), files
    assert desk.undo("n1", "n2")[0]


def test_a_folder_that_keeps_other_files_refuses_only_itself(desk: ChangeDesk) -> None:
    desk.command("rm bytes; mkdir bytes; echo in > bytes/in; echo n > n")
    (desk.work / "bytes/mine").write_text("mine\n")
    assert not desk.undo()[0]
    is_done, files = desk.undo(partly=True)
    assert is_done
    assert "other files" in files["bytes"], files
    assert not (desk.work / "n").exists()
    assert (desk.work / "bytes/mine").read_text() == "mine\n"
