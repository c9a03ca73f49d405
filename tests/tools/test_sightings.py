"""A file is overwritten only by a session that has seen what it holds; the record survives a restart of the worker."""

from pathlib import Path

import pytest

from opta_protocol.change_commands import UndoChanges
from opta_protocol.commands import Preview, PreviewTool, RunTool
from opta_protocol.event_parts import Change
from opta_protocol.file_changes import ChangeSet
from opta_tools.checkpoints.checkpoints import Checkpoints
from opta_tools.files.file_tools import FileTools
from opta_tools.files.sightings import LINES_MAX, PATHS_MAX, Sight, Sightings
from opta_tools.result import Outcome, ToolProblem

NEVER, CHANGED, PART = "have not read it in this session", "changed since you read it", "shown to you only in part"


class Worker:
    """File tools as a tool-worker holds them; `restart` gives the next worker's."""

    def __init__(self, folder: Path):
        self.folder, self.work = folder, folder / "work"
        self.work.mkdir(exist_ok=True)
        self.checkpoints = Checkpoints(folder / "checkpoints")
        self.files = FileTools(self.checkpoints)

    def restart(self) -> "Worker":
        return Worker(self.folder)

    def call(self, name: str, sid: str = "abcdef", **args: object) -> Outcome:
        return self.files.run(RunTool(callId="c1", sid=sid, turn="t1", name=name, args=args, cwd=str(self.work)))

    def preview(self, name: str, sid: str = "abcdef", **args: object) -> Preview:
        return self.files.preview(PreviewTool(callId="c1", name=name, args=args, cwd=str(self.work), sid=sid))

    def refused(self, said: str, path: str = "f", content: str = "new\n", sid: str = "abcdef") -> None:
        before = (self.work / path).read_bytes()
        for attempt in (self.preview, self.call):
            with pytest.raises(ToolProblem, match=said):
                attempt("write_file", sid, path=path, content=content)
        assert (self.work / path).read_bytes() == before


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    made = Worker(tmp_path)
    (made.work / "f").write_text("".join(f"line {number}\n" for number in range(1, 101)))
    return made


def test_a_file_that_was_never_read_is_not_overwritten_and_nobody_is_asked(worker: Worker) -> None:
    worker.refused(f"f exists and you {NEVER}.*read it first with read_file, or change a part of it with edit_file")
    worker.call("read_file", sid="zyxwvu", path="f")
    worker.refused(NEVER)
    worker.call("read_file", path="f")
    assert worker.preview("write_file", path="f", content="new\n").diff
    worker.call("write_file", path="f", content="new\n")
    worker.refused(NEVER, sid="another", content="newer\n")


def test_the_record_survives_a_restart(worker: Worker) -> None:
    worker.call("read_file", path="f")
    worker = worker.restart()
    worker.call("write_file", path="f", content="one\n")
    worker = worker.restart()
    worker.call("write_file", path="f", content="two\n")
    (worker.work / "f").write_text("by a person\n")
    worker.restart().refused(CHANGED)
    (record,) = (worker.folder / "seen").iterdir()
    assert record.stat().st_mode & 0o777 == 0o600
    # A line that a crash cut says nothing.
    record.write_bytes(record.read_bytes()[:-20] + b"\n\xff{\n")
    worker.restart().refused(f"{CHANGED}|{NEVER}|{PART}")


def test_what_the_session_wrote_itself_it_knows(worker: Worker) -> None:
    worker.call("write_file", path="made", content="one\ntwo\n")
    worker.call("edit_file", path="made", old="one", new="uno")
    worker.call("write_file", path="made", content="three\n")
    worker.call("read_file", path="f")
    worker.call("multi_edit", path="f", edits=[{"old": "line 7\n", "new": "seven\n"}])
    worker.call("write_file", path="f", content="new\n")


def test_a_part_is_enough_for_an_edit_and_not_for_an_overwrite(worker: Worker) -> None:
    worker.call("read_file", path="f", end_line=50)
    worker.refused(PART)
    worker.call("edit_file", path="f", old="line 7\n", new="seven\n")
    worker.refused(PART)
    worker.call("read_file", path="f", start_line=30, end_line=99)
    worker.refused(PART)
    worker.call("read_file", path="f", start_line=100)
    worker.refused(PART)
    worker.call("read_file", path="f", start_line=1, end_line=29)
    worker.call("write_file", path="f", content="new\n")


def test_lines_of_two_versions_do_not_add_up(worker: Worker) -> None:
    worker.call("read_file", path="f", end_line=50)
    (worker.work / "f").write_text((worker.work / "f").read_text().replace("line 7\n", "LINE 7\n"))
    worker.call("read_file", path="f", start_line=51)
    worker.refused(PART)


def test_an_edit_does_not_show_what_a_person_changed_elsewhere(worker: Worker) -> None:
    worker.call("read_file", path="f")
    (worker.work / "f").write_text((worker.work / "f").read_text().replace("line 7\n", "LINE 7\n"))
    worker.refused(CHANGED)
    worker.call("edit_file", path="f", old="line 90\n", new="ninety\n")
    worker.refused(PART)


def test_the_same_content_is_the_same_file(worker: Worker) -> None:
    worker.call("read_file", path="f")
    content = (worker.work / "f").read_bytes()
    (worker.work / "f").unlink()
    (worker.work / "f").write_bytes(content)
    worker.call("write_file", path="f", content="new\n")


@pytest.mark.parametrize("content", ["", "\n", "  \n\t\n"])
def test_an_empty_file_may_be_written(worker: Worker, content: str) -> None:
    (worker.work / "f").write_text(content)
    worker.call("write_file", path="f", content="new\n")


def test_what_cannot_be_shown_counts_as_seen_once_that_was_said(worker: Worker) -> None:
    (worker.work / "f").write_bytes(b"\x89PNG\0\0binary")
    worker.refused(NEVER)
    with pytest.raises(ToolProblem, match="not a text file"):
        worker.call("read_file", path="f")
    worker.call("write_file", path="f", content="new\n")


def test_a_line_that_was_cut_was_not_seen(worker: Worker) -> None:
    (worker.work / "f").write_text("short\n" + "y" * 5000 + "\n")
    worker.call("read_file", path="f")
    worker.refused(PART)
    worker.call("read_file", path="f", start_line=2, end_line=2)
    worker.call("read_file", path="f", start_line=1, end_line=1)
    worker.call("write_file", path="f", content="new\n")


def test_other_names_of_a_file_are_the_same_file(worker: Worker) -> None:
    (worker.work / "link").symlink_to("f")
    worker.call("read_file", path="link")
    worker.call("write_file", path=str(worker.work / "f"), content="new\n")
    worker.call("write_file", path="./f", content="newer\n")


def test_an_undone_change_has_to_be_read_again(worker: Worker) -> None:
    worker.call("read_file", path="f")
    changes: list[Change] = worker.call("write_file", path="f", content="new\n").changes
    sets = [ChangeSet(callId="c1", changes=changes)]
    assert worker.checkpoints.undo(UndoChanges(id=1, sid="abcdef", cwd=str(worker.work), sets=sets)).isDone
    worker.refused(CHANGED)


def test_the_record_is_bounded(tmp_path: Path) -> None:
    sightings = Sightings(tmp_path / "seen")
    for number in range(LINES_MAX + 10):
        sightings.add("abcdef", Sight(f"/w/{number}", (number, 1, 1), f"{number:x}"))
    assert (tmp_path / "seen/abcdef.jsonl").read_bytes().count(b"\n") < PATHS_MAX + 20
    again = Sightings(tmp_path / "seen")
    assert again.problem("abcdef", "/w/1", b"x", (1, 1, 1)).startswith("exists and you")
    assert again.is_whole("abcdef", f"/w/{LINES_MAX + 9}")
