"""Every command line in a document is one that `opta` takes, and every command that a sentence names exists with its options."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest

from opta_cli import main
from opta_cli.cli_command import CliCommand, Group, option_names
from opta_cli.command_tree import TREE, below, top

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(file for file in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")] if file.name not in ("CHANGELOG.md", "cli.md"))
# Words of the script `./opta` itself, which have no parser.
OF_THE_SCRIPT = {"test", "dev", "vision", "otel", "window"}
COMMAND = re.compile(r"^(?:\$ )?(?:\./)?opta(?: (?P<words>.*))?$")


def _words(line: str) -> list[str] | None:
    """The words behind `opta` in a line; None when it is no command line of it."""
    found = COMMAND.match(line.strip())
    if found is None:
        return None
    with contextlib.suppress(ValueError):
        lexer = shlex.shlex(found["words"] or "", posix=True, punctuation_chars="|&;<>")
        lexer.commenters, lexer.whitespace_split = "#", True
        words: list[str] = []
        for word in lexer:
            if set(word) <= set("|&;<>"):
                break
            words.append(word)
        return words
    return None


def _lines(document: Path) -> list[list[str]]:
    """The command lines in blocks of shell."""
    blocks = re.findall(r"```(?:sh|shell|bash|console)\n(.*?)```", document.read_text(), re.S)
    found = [_words(line) for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [words for words in found if words and words[0] not in OF_THE_SCRIPT]


def _named(document: Path) -> list[list[str]]:
    """The commands that sentences and tables name."""
    found = [_words(code) for code in re.findall(r"(?<!`)`([^`\n]+)`(?!`)", document.read_text())]
    return [words for words in found if words and words[0] not in OF_THE_SCRIPT and words[0].isascii() and words[0].islower()]


def _taken(words: list[str]) -> str:
    """What is wrong with a command line; '' when it is taken. A word in capitals stands for a value."""
    said = io.StringIO()
    # A number is a value of every kind.
    values = ["1" if re.fullmatch(r"[A-Z]", word) else word for word in words]
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        try:
            main.read(values)
        except SystemExit as end:
            return said.getvalue() if end.code else ""
    return ""


def _unknown(words: list[str]) -> str:
    """The first word that names no command, or the option that it has not; '' when all are known."""
    rest = list(words)
    if rest[0].startswith("-"):
        return ""
    if rest[0] not in TREE:
        return rest[0]
    entry: CliCommand | Group = top(rest.pop(0))
    while isinstance(entry, Group):
        known = {each.name: each for each in below(entry)}
        if not rest or not rest[0].isascii() or not rest[0][0].islower():
            return ""
        if rest[0] not in known:
            return rest[0]
        entry = known[rest.pop(0)]
    options = option_names(entry)
    return next((word for word in rest if word.startswith("--") and len(word) > 2 and word.partition("=")[0] not in options), "")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_line_of_a_document_is_taken(document: Path) -> None:
    assert {" ".join(words): said for words in _lines(document) if (said := _taken(words))} == {}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_that_a_document_names_exists(document: Path) -> None:
    assert {" ".join(words): word for words in _named(document) if (word := _unknown(words))} == {}


def test_a_wrong_command_in_a_document_is_found() -> None:
    assert _taken(["sessions", "lost"]) and _taken(["do", "--no-such-option", "x"]) and not _taken(["do", "--plan", "x"])
    assert _unknown(["sessions", "lost"]) == "lost" and _unknown(["do", "--no-such-option"]) == "--no-such-option"
