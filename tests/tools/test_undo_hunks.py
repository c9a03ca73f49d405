"""One hunk of what a turn changed in a file is undone and redone as safely as the whole file: never half, merged with what was changed since."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.change_desk import SID, ChangeDesk

from opta_protocol.change_commands import UndoChanges
from opta_protocol.event_parts import FileHunk
from opta_tools.files.line_matching import hunks

TWO = "sed -i 's/line 3$/LINE 3/; s/line 17/LINE 17/' src/a.py"
FIRST, SECOND = "-1,6 +1,6", "-14,7 +14,7"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[ChangeDesk]:
    desk = ChangeDesk(tmp_path)
    yield desk
    desk.checkpoints.close()


def move(desk: ChangeDesk, *lines: str, path: str = "src/a.py", redo: bool = False) -> tuple[bool, str]:
    """Whether it was done, and what was done to the file, or why not."""
    chosen = [FileHunk(path=path, lines=each) for each in lines]
    done = desk.checkpoints.undo(UndoChanges(id=1, sid=SID, cwd=str(desk.work), sets=desk.sets, hunks=chosen, redo=redo))
    (file,) = done.files
    return done.isDone, file.why or file.did


def text(desk: ChangeDesk) -> str:
    return (desk.work / "src/a.py").read_text()


def test_hunks_are_undone_and_redone_one_by_one_and_the_last_one_restores_the_file(desk: ChangeDesk) -> None:
    before = text(desk)
    desk.command(TWO)
    after = text(desk)
    assert [line for line in desk.shown()["src/a.py"].diff.split("\n") if line.startswith("@@")] == [f"@@ {FIRST} @@", f"@@ {SECOND} @@"]
    assert move(desk, FIRST) == (True, "hunks")
    assert text(desk) == after.replace("LINE 3\n", "line 3\n")
    assert move(desk, FIRST) == (True, "unchanged")
    assert move(desk, SECOND) == (True, "restored")
    assert text(desk) == before
    assert move(desk, FIRST, redo=True) == (True, "hunks")
    assert text(desk) == before.replace("line 3\n", "LINE 3\n")
    assert desk.undo() == (True, {"src/a.py": "restored"})
    assert move(desk, FIRST, SECOND, redo=True) == (True, "restored")
    assert text(desk) == after


def test_what_a_person_changed_elsewhere_stays_and_in_the_hunk_it_refuses(desk: ChangeDesk) -> None:
    desk.command(TWO)
    (desk.work / "src/a.py").write_text(changed := "top\n" + text(desk).replace("LINE 17", "mine"))
    assert move(desk, FIRST) == (True, "hunks")
    assert text(desk) == changed.replace("LINE 3\n", "line 3\n")
    now = text(desk)
    is_done, why = move(desk, SECOND)
    assert not is_done and "changed since in the same place" in why
    assert text(desk) == now


def test_a_created_file_goes_with_its_only_hunk_and_comes_back(desk: ChangeDesk) -> None:
    desk.command("printf 'one\ntwo' > made")
    assert move(desk, "-0,0 +1,2", path="made") == (True, "removed")
    assert not (desk.work / "made").exists()
    assert move(desk, "-0,0 +1,2", path="made", redo=True) == (True, "restored")
    assert (desk.work / "made").read_text() == "one\ntwo"


def test_a_hunk_leaves_carriage_returns_and_permissions_as_they_are(desk: ChangeDesk) -> None:
    lines = [f"row {number}\r\n" for number in range(20)]
    desk.command("true")
    (desk.work / "dos.txt").write_bytes("".join(lines).encode())
    desk.command("sed -i 's/row 2\\r/ROW 2\\r/; s/row 15/ROW 15/' dos.txt && chmod 755 dos.txt")
    (first, *_) = [line[3:-3] for line in desk.shown()["dos.txt"].diff.split("\n") if line.startswith("@@")]
    assert move(desk, first, path="dos.txt") == (True, "hunks")
    assert (desk.work / "dos.txt").read_bytes() == "".join(lines).replace("row 15", "ROW 15").encode()
    assert (desk.work / "dos.txt").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    ("command", "path", "lines", "why"),
    [
        (TWO, "src/a.py", "-1,5 +1,5", "look at its changes again"),
        ("printf '\\001\\000' > bytes", "bytes", "-1 +1", "not a text"),
        ("rm link && ln -s run.sh link", "link", "-1 +1", "not a file"),
        ("chmod 711 src", "src", "-1 +1", "not a file"),
    ],
)
def test_what_has_no_such_hunk_is_refused(desk: ChangeDesk, command: str, path: str, lines: str, why: str) -> None:
    desk.command(command)
    before = desk.look()
    is_done, said = move(desk, lines, path=path)
    assert not is_done and why in said
    assert desk.look() == before


def test_a_file_that_others_changed_during_the_turn_has_no_hunks_of_its_turn(desk: ChangeDesk) -> None:
    desk.command("sed -i 's/line 3$/LINE 3/' src/a.py")
    (desk.work / "src/a.py").write_text(text(desk).replace("line 10", "mine"))
    desk.command("sed -i 's/line 17/LINE 17/' src/a.py")
    assert "changed by others during the turn" in move(desk, FIRST)[1]


def test_the_hunks_of_a_diff_lead_from_the_old_lines_to_the_new_ones() -> None:
    old, new = [str(number) for number in range(30)], ["0", "x", *map(str, range(2, 28)), "29", "30"]
    found = dict(hunks(old, new))
    assert len(found) == 2
    made = list(old)
    for group in reversed(list(found.values())):
        made[group[0][1] : group[-1][2]] = new[group[0][3] : group[-1][4]]
    assert made == new
