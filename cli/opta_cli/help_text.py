"""`opta --help`, and the help of a group: the commands with their meaning, one a line, within the width of the terminal."""

import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import TextIO

from .cli_command import CliCommand, Group
from .command_tree import TREE, below, top

WIDTH_MAX = 110
_HEAD = "A crash-proof coding agent on your own machines.\n\nUsage: opta [--no-daemon-start] COMMAND …\n"


_OPTIONS = (("--version", "print the version"), ("--no-daemon-start", "exit with 3 instead of starting the daemon"))


def print_top() -> None:
    """Print what `opta` is, and every command."""
    print("A crash-proof coding agent on your own\nmachines.\n\nUsage: opta COMMAND …\n" if _width() < 50 else _HEAD)
    _print((top(name) for name in TREE), sys.stdout)
    print("\nOptions:")
    _print_rows(_OPTIONS, sys.stdout)
    print()
    print(textwrap.fill('Begin: opta chat, or opta do "a task". Help of a command: opta COMMAND --help', _width()))


def print_group(path: str, group: Group, stream: TextIO) -> None:
    """Print the commands of a group."""
    print(textwrap.fill(f"{group.text[:1].upper()}{group.text[1:]}.", _width()) + f"\n\nUsage: {path} COMMAND …\n", file=stream)
    _print(below(group), stream)
    print("\n" + textwrap.fill(f"Help of a command: {path} COMMAND --help", _width()), file=stream)


def _width() -> int:
    return min(WIDTH_MAX, shutil.get_terminal_size().columns)


def _print(entries: Iterable[CliCommand | Group], stream: TextIO) -> None:
    _print_rows([(entry.name, entry.text) for entry in entries], stream)


def _print_rows(rows: Sequence[tuple[str, str]], stream: TextIO) -> None:
    column = max(len(name) for name, _ in rows) + 4
    for name, text in rows:
        lines = textwrap.wrap(text, max(12, _width() - column)) or [""]
        print(f"  {name.ljust(column - 2)}{lines[0]}", file=stream)
        for line in lines[1:]:
            print(" " * column + line, file=stream)
