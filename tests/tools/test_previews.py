"""A preview shows exactly what a write would store; a write that cannot be shown is refused without a question."""

import hashlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opta_protocol.commands import Preview, PreviewTool, RunTool
from opta_tools.checkpoints.checkpoints import Checkpoints
from opta_tools.files.edits import DIFF_LINES_MAX
from opta_tools.files.file_tools import FileTools
from opta_tools.result import ToolProblem


class Previews:
    """The file tools in a folder, asked what they would do."""

    def __init__(self, folder: Path):
        self.work = folder / "work"
        self.work.mkdir(exist_ok=True)
        self.files = FileTools(Checkpoints(folder / "checkpoints"))

    def of(self, name: str, **args: object) -> Preview:
        preview = self.files.preview(PreviewTool(callId="c1", name=name, args=args, cwd=str(self.work)))
        # It crosses a process, whatever bytes the file holds.
        return msgspec.json.decode(msgspec.json.encode(preview), type=Preview)


@pytest.fixture
def previews(tmp_path: Path) -> Previews:
    return Previews(tmp_path)


def test_every_line_of_a_diff_is_there_whatever_it_begins_with_and_however_many_there_are(previews: Previews) -> None:
    old = "".join(f"-- comment {number}\n++ counter {number}\n" for number in range(2000))
    new = "".join(f"-- other {number}\n" for number in range(3000))
    (previews.work / "a.sql").write_text(old)
    lines = previews.of("write_file", path="a.sql", content=new).diff.split("\n")
    assert [line[1:] for line in lines[2:] if line.startswith("-")] == old.splitlines()
    assert [line[1:] for line in lines[2:] if line.startswith("+")] == new.splitlines()


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r\0")), max_size=12),
    st.lists(st.text("+- a"), max_size=12),
)
def test_a_diff_names_every_line_that_goes_and_comes(tmp_path_factory: pytest.TempPathFactory, old: list[str], new: list[str]) -> None:
    previews = Previews(tmp_path_factory.mktemp("p"))
    (previews.work / "f").write_text("".join(f"{line}\n" for line in old))
    preview = previews.of("write_file", path="f", content="".join(f"{line}\n" for line in new))
    shown = [line for line in preview.diff.split("\n")[2:] if not line.startswith("@@ ")]
    assert {line[1:] for line in shown if line.startswith("+")} >= set(new) - set(old)
    assert {line[1:] for line in shown if line.startswith("-")} >= set(old) - set(new)


def test_what_is_left_behind_is_named_exactly(previews: Previews) -> None:
    preview = previews.of("write_file", path="new.txt", content="hé\n")
    assert preview.writing is not None
    assert preview.writing == msgspec.structs.replace(
        preview.writing, bytes=4, sha256=hashlib.sha256("hé\n".encode()).hexdigest(), bytesBefore=0, sha256Before=""
    )
    previews.files.run(
        RunTool(callId="c", sid="abcdef", turn="t1", name="write_file", args={"path": "new.txt", "content": "hé\n"}, cwd=str(previews.work))
    )
    assert hashlib.sha256((previews.work / "new.txt").read_bytes()).hexdigest() == preview.writing.sha256


def test_a_change_of_line_ends_alone_is_seen(previews: Previews) -> None:
    (previews.work / "f").write_bytes(b"one\r\ntwo\n")
    preview = previews.of("write_file", path="f", content="one\ntwo\n")
    assert preview.diff.split("\n")[3:] == [" one\r", "-two", "+two\r"]


@pytest.mark.parametrize("content", [b"\0\1\2binary", b"ok " + "ä".encode() * 9 + b" \xff\xfe\n", b"\xff\xfea\0b"])
def test_bytes_that_are_not_text_are_shown_by_value_or_by_size_and_hash(previews: Previews, content: bytes) -> None:
    (previews.work / "f").write_bytes(content)
    preview = previews.of("write_file", path="f", content="text\n")
    assert preview.writing is not None
    assert preview.writing.sha256Before == hashlib.sha256(content).hexdigest()
    assert preview.writing.bytesBefore == len(content)
    assert "+text" in preview.diff or "No diff" in preview.writing.note
    if content.startswith(b"ok"):
        assert "\\xff\\xfe" in preview.diff


def test_a_change_of_encoding_is_named(previews: Previews) -> None:
    (previews.work / "f").write_bytes("\ufeffa\n".encode())
    preview = previews.of("edit_file", path="f", old="a", new="b")
    assert preview.writing is not None
    assert "with a byte order mark" in preview.writing.note


def test_what_is_too_large_to_be_shown_is_not_asked_about(previews: Previews) -> None:
    (previews.work / "f").write_text("x" * 2_000_000 + "\n")
    with pytest.raises(ToolProblem, match="too large to be shown to a person completely"):
        previews.of("write_file", path="f", content="small\n")


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("edit_file", {"path": "f", "old": "absent", "new": "x"}),
        ("edit_file", {"path": "missing", "old": "a", "new": "x"}),
        ("multi_edit", {"path": "f", "edits": [{"old": "a", "new": "b"}, {"old": "absent", "new": "x"}]}),
        ("write_file", {"path": "../f", "content": "x"}),
        ("run_command", {"command": "ls", "cwd": "missing"}),
        ("run_command", {"command": "ls", "cwd": "f"}),
        ("run_command", {"command": "ls", "cwd": ".."}),
    ],
)
def test_what_would_fail_is_said_instead_of_shown(previews: Previews, name: str, args: dict[str, object]) -> None:
    (previews.work / "f").write_text("a\n")
    with pytest.raises(ToolProblem):
        previews.of(name, **args)
    assert (previews.work / "f").read_text() == "a\n"


def test_the_folder_of_a_command_is_the_real_one(previews: Previews) -> None:
    (previews.work / "sub").mkdir()
    assert previews.of("run_command", command="ls", cwd="sub/").folder == str(previews.work.resolve() / "sub")


def test_the_model_gets_a_short_diff_of_a_long_change(previews: Previews) -> None:
    (previews.work / "f").write_text("".join(f"{number}\n" for number in range(2000)))
    call = RunTool(
        callId="c",
        sid="abcdef",
        turn="t1",
        name="edit_file",
        args={"path": "f", "old": "1", "new": "one", "all": True},
        cwd=str(previews.work),
    )
    outcome = previews.files.run(call)
    assert outcome.changes[0].diff.count("\n") == DIFF_LINES_MAX
    assert "more lines" in outcome.changes[0].diff
