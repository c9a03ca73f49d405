"""edit_file and multi_edit: a model's small mistakes are tolerated where the match is unambiguous, and all other bytes stay as they are."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opta_protocol.commands import RunTool
from opta_tools.checkpoints.checkpoints import Checkpoints
from opta_tools.files.edit_match import apply, find
from opta_tools.files.encoding import decode
from opta_tools.files.file_tools import FileTools
from opta_tools.result import Outcome, ToolProblem

CODE = "class A:\n    def one(self):\n        return 'a'\n\n    def two(self):\n        return \"b\"\n"


class Editing:
    """One session's file tools in a folder."""

    def __init__(self, folder: Path):
        self.work = folder / "work"
        self.work.mkdir()
        self.files = FileTools(Checkpoints(folder / "checkpoints"))

    def call(self, name: str, **args: object) -> Outcome:
        return self.files.run(RunTool(callId="c1", sid="abcdef", turn="t1", name=name, args=args, cwd=str(self.work)))

    def edit(self, content: str | bytes, old: str, new: str) -> bytes:
        file = self.work / "f"
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        self.call("edit_file", path="f", old=old, new=new)
        return file.read_bytes()


@pytest.fixture
def editing(tmp_path: Path) -> Editing:
    return Editing(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("return 'a'", "return 'c'", "        return 'c'\n"),
        ("def one(self):\n    return 'a'", "def one(self):\n    return 'c'", "    def one(self):\n        return 'c'\n"),
        (
            "    def one(self):   \n        return 'a'\t",
            "    def one(self):\n        return 'c'",
            "    def one(self):\n        return 'c'\n",
        ),
        (
            "2:     def one(self):\n3:         return 'a'",
            "2:     def one(self):\n3:         return 'c'",
            "    def one(self):\n        return 'c'\n",
        ),
        ("  2\tdef one(self):\n  3\treturn 'a'", "def one(self):\n    return 'c'", "    def one(self):\n        return 'c'\n"),
        ("2 | def one(self):\n3 |     return 'a'", "2 | def one(self):\n3 |     return 'c'", "    def one(self):\n        return 'c'\n"),
        ("return \u2018a\u2019", "return \u2018c\u2019", "        return 'c'\n"),
    ],
)
def test_what_is_certainly_meant_is_done(editing: Editing, old: str, new: str, changed: str) -> None:
    after = editing.edit(CODE, old, new).decode()
    assert changed in after
    assert 'return "b"' in after
    assert after.count("\n") == CODE.count("\n")


def test_an_edit_never_guesses_between_two_places(editing: Editing) -> None:
    twice = "if a:\n    go()\nif b:\n        go()\n"
    for old in ("go()", "go() ", "1: go()"):
        with pytest.raises(ToolProblem, match="lines 2, 4"):
            editing.edit(twice, old, "stop()")
    assert (editing.work / "f").read_text() == twice
    editing.call("edit_file", path="f", old="go()", new="stop()", all=True)
    assert (editing.work / "f").read_text() == twice.replace("go()", "stop()")


def test_an_error_lets_the_model_correct_itself(editing: Editing) -> None:
    with pytest.raises(ToolProblem, match=re.escape("The nearest line is line 2: def one(self):")):
        editing.edit(CODE, "def one(this):", "x")
    for old, said in (("", "write_file"), ("  \n", "only whitespace"), ("return 'a'", "nothing to do")):
        with pytest.raises(ToolProblem, match=said):
            editing.edit(CODE, old, "return 'a'")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_encoding_and_line_ends_stay_as_they_are(editing: Editing, encoding: str, newline: str) -> None:
    content = f"naïve{newline}two{newline}three{newline}"
    after = editing.edit(content.encode(encoding), "two\nthree", "zwei\ndrei")
    assert after.decode(encoding) == content.replace("two", "zwei").replace("three", "drei")
    assert editing.call("read_file", path="f").content.startswith("1\tnaïve\n2\tzwei\n3\tdrei")
    editing.call("write_file", path="f", content="neu\nnaïve\n")
    assert (editing.work / "f").read_bytes().decode(encoding) == f"neu{newline}naïve{newline}"


def test_a_character_that_the_encoding_has_not_is_refused(editing: Editing) -> None:
    with pytest.raises(ToolProblem, match="latin-1"):
        editing.edit("naïve".encode("latin-1"), "naïve", "日本")
    assert (editing.work / "f").read_bytes() == "naïve".encode("latin-1")


def test_several_edits_are_all_done_or_none(editing: Editing) -> None:
    file = editing.work / "f"
    file.write_text(CODE)
    with pytest.raises(ToolProblem, match=r"edit 2 of 2: .*Nothing was changed"):
        editing.call("multi_edit", path="f", edits=[{"old": "one", "new": "uno"}, {"old": "three", "new": "tre"}])
    assert file.read_text() == CODE
    editing.call("multi_edit", path="f", edits=[{"old": "one", "new": "uno"}, {"old": "uno(self)", "new": "uno(me)"}])
    assert "def uno(me):" in file.read_text()


def test_a_file_that_changed_since_it_was_read_is_not_overwritten(editing: Editing) -> None:
    file = editing.work / "f"
    file.write_text("one\n")
    editing.call("read_file", path="f")
    file.write_text("changed by a person\n")
    with pytest.raises(ToolProblem, match="changed since you read it"):
        editing.call("write_file", path="f", content="two\n")
    editing.call("read_file", path="f")
    editing.call("write_file", path="f", content="two\n")
    editing.call("write_file", path="f", content="three\n")
    assert file.read_text() == "three\n"


LINES = st.lists(st.text(alphabet="ab (){}\t'\"\u2019:1", max_size=8), min_size=1, max_size=8)


@given(LINES, st.data())
def test_only_the_place_that_was_named_changes(lines: list[str], data: st.DataObject) -> None:
    text = "\n".join(lines) + "\n"
    start = data.draw(st.integers(0, len(text) - 1))
    old = text[start : data.draw(st.integers(start + 1, len(text)))]
    try:
        places = find(text, old, "NEW", "f")
    except ToolProblem:
        assert text.count(old) > 1 or not old.strip()
        return
    (place,) = places
    assert (text[place.start : place.end], apply(text, places)) == (old, text.replace(old, "NEW", 1))


@given(st.binary(max_size=200))
def test_any_text_comes_back_byte_for_byte(content: bytes) -> None:
    try:
        text = decode(content, "f")
    except ToolProblem:
        return
    assert text.encode(text.text, "f") == content


LISTED = "def one():\n\treturn 1\n\ndef two():\n    return 2\n"


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("2\t\treturn 1", "2\t\treturn 9", ("\treturn 1", "\treturn 9")),
        ("1\tdef one():\n2\t\treturn 1", "1\tdef uno():\n2\t\treturn 1", ("def one", "def uno")),
        # A blank line that lost its tab; lines that the model added have no number.
        ("2\t\treturn 1\n3\n4\tdef two():", "2\t\treturn 1\n\n\ndef two():", ("1\n\ndef two", "1\n\n\ndef two")),
        ("4\tdef two():", "\ndef half():\n    return 0\n\n4\tdef two():", ("def two", "\ndef half():\n    return 0\n\ndef two")),
        # A part of a line; other listings.
        ("1\tdef one", "def uno", ("def one", "def uno")),
        ("  4 | def two():\n  5 |     return 2", "  4 | def two():\n  5 |     return 3", ("return 2", "return 3")),
        ("4→def two():", "4→def zwei():", ("def two", "def zwei")),
    ],
)
def test_line_numbers_that_were_copied_are_no_part_of_the_text(editing: Editing, old: str, new: str, changed: tuple[str, str]) -> None:
    assert editing.edit(LISTED, old, new).decode() == LISTED.replace(*changed)


def test_numbers_that_are_text_stay_text(editing: Editing) -> None:
    assert editing.edit("1\tone\n2\ttwo\n", "2\ttwo", "2\tzwei\n3\tdrei") == b"1\tone\n2\tzwei\n3\tdrei\n"
    for old in ("9\ttwo\n8\tone", "7\n8\n9"):
        with pytest.raises(ToolProblem, match="old is not in"):
            editing.edit("1\tone\n2\ttwo\n", old, "x")
