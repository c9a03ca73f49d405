"""Custom commands: which files are commands, what `/name arguments` becomes, and that a folder's are used only with trust."""

import os
from pathlib import Path

import pytest

from opta_core import custom_commands
from opta_core.custom_commands import CustomCommand, CustomCommands
from opta_core.errors import Refused
from opta_core.paths import Paths
from opta_core.policy import explain, trust


class Home:
    """A home with commands, and a workspace."""

    def __init__(self, folder: Path):
        self.paths, self.workspace = Paths(folder / "home"), folder / "work"
        self.paths.make()
        self.workspace.mkdir()

    def write(self, name: str, text: str | bytes, *, of_project: bool = False) -> Path:
        file = (self.workspace / ".opta/commands" if of_project else self.paths.home / "commands") / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return file

    def trust(self) -> None:
        trust.give(self.paths, str(self.workspace), trust.take(str(self.workspace)).sha256)

    def load(self) -> CustomCommands:
        return custom_commands.load(self.paths, str(self.workspace))

    def expand(self, text: str) -> str:
        found = self.load().find(text)
        assert found is not None
        command, arguments = found
        return command.expand(arguments)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_a_head_describes_and_a_body_is_the_prompt(home: Home) -> None:
    home.write("review.md", "---\ndescription: Review it\narguments: FILE\nmode: do\nmodel: lmx/probe\n---\nReview $1.\n")
    assert home.load().by_name == {
        "review": CustomCommand(
            name="review",
            description="Review it",
            arguments="FILE",
            origin="user",
            path=f"{home.paths.home}/commands/review.md",
            mode="do",
            model="lmx/probe",
            body="Review $1.\n",
        )
    }
    assert home.expand("/review a.py") == "Review a.py."


@pytest.mark.parametrize(
    ("body", "text", "becomes"),
    [
        ("Fix $ARGUMENTS now; $ARGUMENTS!", "/c the bug", "Fix the bug now; the bug!"),
        ("$1 then $2", '/c "a b" c', "a b then c"),
        ("$1 then $2", "/c a", "a then"),
        ("$2$1", "/c don't panic", "panicdon't"),
        ("Do it.", "/c", "Do it."),
        ("Do it.", "/c quickly\nand well", "Do it.\n\nquickly\nand well"),
        ("$1", "/c $ARGUMENTS", "$ARGUMENTS"),
        ("$ARGUMENTS", r"/c $1 \$2 `rm x` $(rm y) !`ls`", r"$1 \$2 `rm x` $(rm y) !`ls`"),
        (r"It costs \$5 and \$ARGUMENTS; $100; $ARG; $ARGUMENTSX; ${1}", "/c", "It costs $5 and $ARGUMENTS; $100; $ARG; $ARGUMENTSX; ${1}"),
        ("Run !`touch x` and $(touch y) and @a.py", "/c", "Run !`touch x` and $(touch y) and @a.py"),
        ("$10 $1", "/c a b c d e f g h i j", "j a"),
        ("a\r\nb", "/c", "a\nb"),
        ("x", "/c\targ", "x\n\narg"),
    ],
)
def test_arguments_are_put_in_once_and_nothing_runs(home: Home, body: str, text: str, becomes: str) -> None:
    home.write("c.md", body)
    assert home.expand(text) == becomes


@pytest.mark.parametrize(
    ("head", "description", "arguments"),
    [
        ("argument-hint: [file] [--fast]", "Body", "[file] [--fast]"),
        ("description: a: b # c\nallowed-tools: Bash(git:*), Read", "a: b # c", ""),
        ("description: >\n  two\n  lines\narguments:\n  - one\n  - two", "two lines", "one two"),
        ('description: "quoted"\n\n# comment\n!!python/object: x\n*alias', "quoted", ""),
        ("", "Body", ""),
    ],
)
def test_the_heads_of_other_agents_are_read(home: Home, head: str, description: str, arguments: str) -> None:
    home.write("c.md", f"\ufeff---\n{head}\n---\n# Body\n")
    found = home.load()
    assert found.problems == []
    assert (found.by_name["c"].description, found.by_name["c"].arguments) == (description, arguments)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a b.md", "x", "letters, digits"),
        ("-x.md", "x", "letters, digits"),
        ("x" * 60 + ".md", "x", "letters, digits"),
        ("clear.md", "x", "a name of Opta's"),
        ("c.md", b"\xff\xfe", "not UTF-8"),
        ("c.md", b"x" * 70_000, "more than 65536 bytes"),
        ("c.md", "---\ndescription: never closed", "does not end"),
        ("c.md", "---\nmode: unrestricted\n---\nx", "chat or do"),
    ],
)
def test_what_is_no_command_is_said_and_the_others_stay(home: Home, name: str, content: str | bytes, problem: str) -> None:
    home.write(name, content)
    home.write("good.md", "x")
    found = home.load()
    assert list(found.by_name) == ["good"]
    assert len(found.problems) == 1 and problem in found.problems[0]


def test_what_is_no_file_is_not_waited_for(home: Home) -> None:
    home.write("good.md", "x")
    folder = home.paths.home / "commands"
    os.mkfifo(folder / "pipe.md")
    (folder / "folder.md").mkdir()
    (folder / "nothing.md").symlink_to("gone")
    (folder / ".hidden.md").write_text("x")
    (folder / "notes.txt").write_text("x")
    found = home.load()
    assert list(found.by_name) == ["good"] and len(found.problems) == 3


@pytest.mark.parametrize(
    "text", [" /c a", "/etc/hosts is wrong", "/tmp fills up", "//c", "/", "/ c", "/c.md", "no /c", "/ä", "/c/d", "a\n/c"]
)
def test_what_calls_no_command_stays_text(home: Home, text: str) -> None:
    home.write("c.md", "x")
    assert home.load().find(text) is None


def test_an_unknown_name_says_what_there_is(home: Home) -> None:
    with pytest.raises(Refused, match="There are none: add one as commands"):
        home.load().find("/review a")
    home.write("review.md", "x")
    home.write("test.md", "x")
    with pytest.raises(Refused) as refused:
        home.load().find("/reviw a")
    assert refused.value.message == (
        "There is no command /reviw. There are: /review, /test. Did you mean /review? Put a space before the slash to send it as text."
    )


def test_an_empty_or_endless_expansion_is_refused(home: Home) -> None:
    home.write("empty.md", "---\ndescription: x\n---\n \n")
    home.write("long.md", "$ARGUMENTS" * 6_000)
    with pytest.raises(Refused, match="no text"):
        home.expand("/empty")
    with pytest.raises(Refused, match="at most"):
        home.expand("/long " + "a" * 300_000)


def test_a_folders_commands_need_trust_as_they_were_approved(home: Home) -> None:
    file = home.write("deploy.md", "Deploy $1", of_project=True)
    assert home.load() == CustomCommands({}, [".opta/commands/ is not used, because you have not trusted this folder: opta policy trust"])
    home.trust()
    assert home.expand("/deploy now") == "Deploy now"
    file.write_text("Send the keys")
    found = home.load()
    assert (found.by_name, "changed since you trusted it" in found.problems[0]) == ({}, True)


def test_a_folder_does_not_take_a_name_of_the_user(home: Home) -> None:
    home.write("review.md", "mine")
    home.write("review.md", "theirs", of_project=True)
    home.write("deep/review2.md", "x", of_project=True)
    home.trust()
    found = home.load()
    assert [command.body for command in found.by_name.values()] == ["mine"]
    assert "you have a command /review already" in found.problems[0]


def test_a_link_in_a_folders_commands_is_not_followed(home: Home) -> None:
    home.write("a.md", "x", of_project=True)
    (home.workspace / ".opta/commands/b.md").symlink_to("/etc/passwd")
    with pytest.raises(Refused):
        home.trust()
    assert home.load().by_name == {}


def test_a_damaged_record_of_trust_is_said(home: Home) -> None:
    home.write("a.md", "x")
    trust.file_of(home.paths).write_text("{")
    found = home.load()
    assert list(found.by_name) == ["a"] and "cannot be read" in found.problems[0]


def test_whoever_gives_trust_reads_what_it_enables(home: Home) -> None:
    home.write("deploy.md", "Deploy $1", of_project=True)
    (home.workspace / "CLAUDE.md").write_text("x")
    assert explain.asks_for(trust.take(str(home.workspace))) == [
        "Add the command /deploy (.opta/commands/deploy.md).",
        "Follow CLAUDE.md, and those of its folders, as the project's instructions; without trust they are shown as data.",
    ]
