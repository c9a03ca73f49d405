"""`opta`: finds the command, reads its arguments, runs it, and turns every ending into an exit code. Wiring only.

Nothing is imported at the top that the command may not need: most commands take less time than the import of an event loop.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    # Built in: the import of `signal` itself could be interrupted.
    import _signal as signal

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    # Until a command runs, Ctrl-C ends the process as it ends any program: without a traceback of half an import.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import argparse
import importlib
import os
import sys
from collections.abc import Callable
from typing import Any

from . import standard_streams
from .cli_command import CliCommand, CommandParser, Group, misuse, nearest, parser_of
from .command_tree import TREE, below, top
from .exit_codes import ExitCode, of_error


def main() -> None:
    """Run one command and exit with its exit code."""
    standard_streams.repair()
    if signal.getsignal(signal.SIGINT) == signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    code = ExitCode.failed
    try:
        command, args = read(sys.argv[1:])
        code = guarded(lambda: _run(command, args))
    except KeyboardInterrupt:
        code = ExitCode.cancelled
    except BrokenPipeError:
        # Who reads a help text has seen enough of it.
        code = ExitCode.done
    finally:
        standard_streams.finish()
    sys.exit(code)


def read(words: list[str]) -> tuple[CliCommand, argparse.Namespace]:
    """The command of a command line, with its arguments. Exits when it names none."""
    words, no_start = list(words), False
    while words and words[0] == "--no-daemon-start":
        no_start, words = True, words[1:]
    first = words[0] if words else _of_nothing()
    if first in ("-h", "--help", "help"):
        from .help_text import print_top

        print_top()
        sys.exit(ExitCode.done)
    if first in ("-V", "--version"):
        first, words = "version", ["version", *words[1:]]
    if first.startswith("-"):
        # `opta --session ID` is a conversation.
        first, words = "chat", ["chat", *words]
    entry, path, rest = _found(first, words[1:])
    args = arguments(path, entry, rest)
    args.no_daemon_start |= no_start
    return entry, args


def _of_nothing() -> str:
    """What `opta` alone is: the full screen on a terminal, a conversation on one that can only print lines, else the help."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return "help"
    return "chat" if os.environ.get("TERM", "") in ("", "dumb") else "tui"


def _found(first: str, rest: list[str]) -> tuple[CliCommand, str, list[str]]:
    if first not in TREE:
        misuse("opta", f"There is no command {first!r}.{nearest(first, TREE)}")
    entry, path = top(first), f"opta {first}"
    while isinstance(entry, Group):
        known: dict[str, CliCommand | Group] = {each.name: each for each in below(entry)}
        word = rest[0] if rest else ""
        if word in ("-h", "--help", "help") or not word:
            from .help_text import print_group

            print_group(path, entry, sys.stdout if word else sys.stderr)
            sys.exit(ExitCode.done if word else ExitCode.misuse)
        if word not in known:
            misuse(path, f"There is no command '{path.removeprefix('opta ')} {word}'.{nearest(word, known)}")
        entry, path, rest = known[word], f"{path} {word}", rest[1:]
    return entry, path, rest


def arguments(path: str, command: CliCommand, words: list[str]) -> argparse.Namespace:
    """The arguments of a command. Options may stand between and behind other words; all words behind `--` are no options."""
    parser = parser_of(path, command)
    if "--" in words and command.rest:
        at = words.index("--")
        args, behind = _parsed(parser, words[:at], command.rest), words[at + 1 :]
        known: Any = getattr(args, command.rest)
        setattr(args, command.rest, [*(known or []), *behind] if isinstance(known, list | None) else " ".join(behind))
        return args
    return parser.parse_args(words) if "--" in words else parser.parse_intermixed_args(words)


def _parsed(parser: CommandParser, words: list[str], rest: str) -> argparse.Namespace:
    # What comes behind `--` may be all that the positional argument gets.
    for action in parser._actions:
        if action.dest == rest and action.nargs is None:
            action.nargs, action.default, action.required = "?", "", False
    return parser.parse_intermixed_args(words)


def guarded(run: Callable[[], int]) -> int:
    """The exit code of a command; an error that ends it is said in one sentence."""
    from opta_core.errors import OptaError

    from .daemon_state import NoDaemon
    from .plain_text import print_plain

    try:
        return run()
    except NoDaemon as error:
        print_plain(f"opta: {error.message}", sys.stderr)
        return ExitCode.no_daemon
    except OptaError as error:
        print_plain(f"opta: {error.message}", sys.stderr)
        return of_error(error)
    except KeyboardInterrupt:
        return ExitCode.cancelled
    except EOFError:
        print("\nopta: the input ended before the answer; nothing was changed", file=sys.stderr)
        return ExitCode.misuse
    except BrokenPipeError:
        # Who reads the output has seen enough of it.
        return ExitCode.done
    except OSError as error:
        print_plain(f"opta: {error.filename + ': ' if error.filename else ''}{error.strerror or error}", sys.stderr)
        return ExitCode.failed


def _run(command: CliCommand, args: argparse.Namespace) -> int:
    module, _, function = command.run.partition(":")
    run = getattr(importlib.import_module(f"opta_cli.{module}"), function)
    if command.settings == "lenient":
        from .lenient_settings import load_paths

        return run(load_paths(), args)
    from opta_core import settings

    return run(settings.load(), args)
