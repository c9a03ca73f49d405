"""A command of `opta`: its words, its help, its options, and the function that runs it. Importing this imports no command."""

import argparse
import os
import re
import sys
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

from .exit_codes import ExitCode

NEAR_MIN = 0.55


class CliCommand(NamedTuple):
    """One command. `run`: `module:function` within `opta_cli`, imported when it runs. `example`: a line that works, without `opta`.

    `settings`: `needed`, or `lenient` for commands that must work although config.toml is broken. `rest`: the positional argument that
    takes all words behind `--`.
    """

    name: str
    text: str
    run: str
    example: str
    options: Callable[[argparse.ArgumentParser], None] | None = None
    settings: str = "needed"
    rest: str = ""


class Group(NamedTuple):
    """Commands behind one word. `module`: the module of `opta_cli.arguments` whose list `field` has them."""

    name: str
    text: str
    module: str
    field: str = "COMMANDS"


class CommandParser(argparse.ArgumentParser):
    """Reads the arguments of one command. Whatever is wrong is said in one sentence, with the nearest option, and exits as misuse."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and how it is written, and exit."""
        misuse(self.prog, _sentence(message, self._option_string_actions))


def parser_of(words: str, command: CliCommand) -> CommandParser:
    """The parser of one command; `words` is what a person types for it, such as `opta sessions list`."""
    parser = CommandParser(prog=words, description=_capital(command.text), allow_abbrev=False, formatter_class=_formatter)
    if command.options is not None:
        command.options(parser)
    parser.add_argument("--no-daemon-start", action="store_true", help="exit with 3 instead of starting the daemon")
    parser.epilog = f"Example:\n  opta {command.example}"
    return parser


def option_names(command: CliCommand) -> list[str]:
    """The names of a command's options, as they are written: `--json`, `-f`."""
    return list(parser_of(command.name, command)._option_string_actions)


def _formatter(prog: str) -> argparse.HelpFormatter:
    # argparse looks for the width with a module that costs as much as argparse itself.
    try:
        columns = int(os.environ.get("COLUMNS", "") or os.get_terminal_size(1).columns)
    except (OSError, ValueError):
        columns = 80
    return argparse.RawDescriptionHelpFormatter(prog, width=max(38, min(110, columns) - 2))


def misuse(prog: str, sentence: str) -> NoReturn:
    """Say what is wrong with a command line, and exit."""
    from .plain_text import print_plain

    print_plain(f"opta: {sentence} See: {prog} --help", sys.stderr)
    sys.exit(ExitCode.misuse)


def nearest(word: str, known: Any) -> str:
    """` Did you mean …?` with the nearest known word; '' when none is near."""
    import difflib

    near = difflib.get_close_matches(word, list(known), 1, NEAR_MIN)
    return f" Did you mean {near[0]!r}?" if near else ""


def whole(least: int = 0, most: int = 10**9) -> Callable[[str], int]:
    """The type of an option that takes a whole number from `least` to `most`."""

    def read(text: str) -> int:
        number = int(text) if re.fullmatch(r"-?\d{1,18}", text) else None
        if number is None or not least <= number <= most:
            raise argparse.ArgumentTypeError(f"is {text[:40]!r}; it must be a whole number from {least}" + _upto(most))
        return number

    return read


def number(least: float = 0.0, most: float = 1e9) -> Callable[[str], float]:
    """The type of an option that takes a number from `least` to `most`; `nan` and `inf` are none."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"is {text[:40]!r}; it must be a number from {least:g}" + _upto(most))
        return value

    return read


def json_option(parser: argparse.ArgumentParser, text: str = "print JSON") -> None:
    """Add `--json`."""
    parser.add_argument("--json", action="store_true", help=text)


def _upto(most: float) -> str:
    return f" to {most:g}." if most < 10**9 else "."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _sentence(message: str, options: Any) -> str:
    """argparse's words as a sentence of ours."""
    if found := re.fullmatch(r"unrecognized arguments: (.*)", message, re.DOTALL):
        word = found[1].split()[0]
        what = "option" if word.startswith("-") else "argument"
        return f"There is no {what} {word!r}." + (nearest(word.split("=")[0], options) if what == "option" else "")
    if found := re.fullmatch(r"argument (.+): invalid choice: '?(.*?)'? \(choose from (.*)\)", message, re.DOTALL):
        choices = [word.strip("' ") for word in found[3].split(",")]
        return f"{_named(found[1])} is {found[2]!r}; it must be one of {', '.join(filter(None, choices))}." + nearest(found[2], choices)
    if found := re.fullmatch(r"the following arguments are required: (.*)", message):
        return f"Missing: {found[1]}."
    if found := re.fullmatch(r"argument (.+): expected (?:one|at least one|\d+) arguments?", message):
        return f"{_named(found[1])} needs a value."
    if found := re.fullmatch(r"argument (.+?): (.*)", message, re.DOTALL):
        return f"{_named(found[1])} {found[2]}".rstrip(".") + "."
    return message[:1].upper() + message[1:].rstrip(".") + "."


def _named(argument: str) -> str:
    """The long spelling of an option."""
    return next((word for word in argument.split("/") if word.startswith("--")), argument.split("/")[0])
