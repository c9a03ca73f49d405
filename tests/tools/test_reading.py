"""read_file: numbered lines, how many there are, where to read on, and one clear answer for whatever is not plain text."""

import os
from pathlib import Path

import pytest

from opta_protocol.commands import RunTool
from opta_tools.checkpoints.checkpoints import Checkpoints
from opta_tools.files.file_tools import FileTools
from opta_tools.files.numbered import READ_BYTES_MAX
from opta_tools.result import Outcome, ToolProblem


class Reading:
    """One session's file tools in a folder."""

    def __init__(self, folder: Path):
        self.work = folder / "work"
        self.work.mkdir()
        self._files = FileTools(Checkpoints(folder / "checkpoints"))

    def call(self, name: str, **args: object) -> Outcome:
        return self._files.run(RunTool(callId="c1", sid="abcdef", turn="t1", name=name, args=args, cwd=str(self.work)))

    def of(self, content: str | bytes, name: str = "f", **args: object) -> str:
        (self.work / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return self.call("read_file", path=name, **args).content


@pytest.fixture
def reading(tmp_path: Path) -> Reading:
    return Reading(tmp_path)


FIVE = "one\n\ttwo\n\nfour\nfive\n"


@pytest.mark.parametrize(
    ("content", "args", "shown"),
    [
        (FIVE, {}, "1\tone\n2\t\ttwo\n3\t\n4\tfour\n5\tfive"),
        (FIVE, {"start_line": 2, "end_line": 3}, "2\t\ttwo\n3\t\n[lines 2-3 of 5; read on with start_line=4]"),
        (FIVE, {"end_line": 1}, "1\tone\n[line 1 of 5; read on with start_line=2]"),
        (FIVE, {"start_line": 5}, "5\tfive\n[line 5 of 5]"),
        (FIVE, {"start_line": 4, "end_line": 90}, "4\tfour\n5\tfive\n[lines 4-5 of 5]"),
        (FIVE, {"start_line": 1, "end_line": 5}, "1\tone\n2\t\ttwo\n3\t\n4\tfour\n5\tfive"),
        ("a\nb", {}, "1\ta\n2\tb\n[no line break at the end]"),
        ("a\nb", {"end_line": 1}, "1\ta\n[line 1 of 2; read on with start_line=2]"),
        ("", {}, "(empty file)"),
        ("\n", {}, "1\t"),
        ("a\r\nb\r\n", {}, "1\ta\n2\tb\n[line ends are CRLF, edits keep them]"),
        ("a\rb\r", {}, "1\ta\n2\tb\n[line ends are CR, edits keep them]"),
        ("é\n".encode("utf-16"), {}, "1\té\n[encoding is utf-16-le, edits keep it]"),
        ("\ufeffé\n".encode(), {}, "1\té"),
        ("caf\xe9\n".encode("latin-1"), {}, "1\tcafé\n[encoding is latin-1, edits keep it]"),
    ],
)
def test_lines_are_numbered_and_a_note_says_what_is_not_seen(
    reading: Reading, content: str | bytes, args: dict[str, int], shown: str
) -> None:
    assert reading.of(content, **args) == shown


def test_what_is_no_text_or_not_there_is_said(reading: Reading) -> None:
    (reading.work / "src").mkdir()
    (reading.work / "binary").write_bytes(b"\0\1\2")
    (reading.work / "short").write_text("# Title\n")
    os.mkfifo(reading.work / "fifo")
    for args, said in (
        ({"path": "nope"}, "no such file: nope"),
        ({"path": "src"}, "src is a folder; see what it holds with list_dir"),
        ({"path": "binary"}, "binary is not a text file"),
        ({"path": "fifo"}, "not a regular file"),
        ({"path": "short", "start_line": 9}, "short has 1 line, so there is no line 9"),
        ({"path": "short", "start_line": 9, "end_line": 2}, "end_line 2 comes before start_line 9"),
        ({"path": "short", "start_line": 0}, "start_line"),
        ({"pth": "short"}, "unknown field `pth`"),
    ):
        with pytest.raises(ToolProblem, match=said):
            reading.call("read_file", **args)
    assert reading.call("read_file", path=str(reading.work / "short")).content == "1\t# Title"


def test_a_long_file_is_read_part_by_part_without_a_gap(reading: Reading) -> None:
    lines = [f"line {number}" for number in range(1, 20_001)]
    (reading.work / "long").write_text("\n".join(lines) + "\n")
    seen: list[str] = []
    while len(seen) < len(lines):
        outcome = reading.call("read_file", path="long", start_line=len(seen) + 1)
        *numbered, note = outcome.content.split("\n")
        assert len(outcome.content.encode()) < READ_BYTES_MAX + 200
        assert [line.split("\t")[0] for line in numbered] == [str(at) for at in range(len(seen) + 1, len(seen) + len(numbered) + 1)]
        seen += [line.split("\t", 1)[1] for line in numbered]
        assert note.endswith(f"of 20000; read on with start_line={len(seen) + 1}]" if len(seen) < 20_000 else "of 20000]")
        assert outcome.is_truncated == (len(seen) < 20_000)
    assert seen == lines


def test_a_file_larger_than_memory_should_hold_is_read_anywhere(reading: Reading) -> None:
    (reading.work / "large").write_text("".join(f"line {number}\n" for number in range(1, 1_000_001)) + "end")
    for args, first, note in (
        ({}, "1\tline 1\n2\tline 2\n", "of 1000001; read on with start_line="),
        ({"start_line": 900_000, "end_line": 900_001}, "900000\tline 900000\n900001\tline 900001\n[lines 900000-900001 of 1000001; ", "read on with start_line=900002]"),
        ({"start_line": 1_000_001}, "1000001\tend\n", "[line 1000001 of 1000001; no line break at the end]"),
    ):  # fmt: skip
        said = reading.call("read_file", path="large", **args).content
        assert said.startswith(first)
        assert note in said[-90:]
    with pytest.raises(ToolProblem, match="has 1000001 lines, so there is no line 1000002"):
        reading.call("read_file", path="large", start_line=1_000_002)


@pytest.mark.parametrize("size", [50_000, 9_000_000])
def test_a_line_that_is_too_long_is_cut_and_can_be_read_alone(reading: Reading, size: int) -> None:
    content = f"short\n{'y' * size}\nlast\n"
    said = reading.of(content, end_line=2)
    assert len(said) < 3000
    if size < 9_000_000:
        assert said.startswith(f"1\tshort\n2\t{'y' * 100}")
        assert "read one alone with start_line=2 end_line=2" in said
    else:
        assert said == "1\tshort\n[line 1 of 3; read on with start_line=2]"
    alone = reading.of(content, start_line=2, end_line=2)
    assert 40_000 < alone.count("y") <= min(size, READ_BYTES_MAX)
    assert alone.endswith("read on with start_line=3]")
    assert reading.of(content, start_line=3) == "3\tlast\n[line 3 of 3]"


def test_bytes_that_are_no_text_do_not_fail_a_read(reading: Reading) -> None:
    assert reading.of("ä".encode() * 5 + b" \xff\n").startswith("1\täääää ")
