"""Programs that run the program named in their words, such as `timeout 60 pytest`: what they run is judged in their place."""

import os
import re
import shlex

import msgspec

from . import shell_variables
from .contained_paths import UNKNOWN, Places
from .program_names import names_of

# `PROGRAM|… : [LETTERS] [?LETTERS] [--long] [--taking=] [+N]`: options without and with a value; N operands before the program.
TABLE = """
timeout : v ?ks --preserve-status --foreground --verbose --kill-after= --signal= +1
time : pv --portability
nice : ?n --adjustment=
ionice : t ?cn
stdbuf : ?ioe --input= --output= --error=
command :
valgrind : qv --leak-check= --tool= --track-origins= --error-exitcode= --show-leak-kinds= --num-callers= --quiet --verbose
xargs : 0rtx ?nPIiLdsE --null --no-run-if-empty --max-args= --max-procs= --replace= --delimiter= --max-lines= --verbose
"""
# Runners of project environments: the words after `run` or `exec` are a program.
_RUNNERS = {
    "poetry": ("run",), "pdm": ("run",), "hatch": ("run",), "pipenv": ("run",), "rye": ("run",), "uv": ("run",), "bundle": ("exec",),
    "pnpm": ("exec",), "yarn": ("exec", "run"), "npm": ("exec", "x"), "coverage": ("run",), "nyc": (), "c8": (), "cross-env": (), "npx": (), "bunx": (),
}  # fmt: skip
# Subcommands of the same runners that only show something.
_SHOWING = {
    "poetry": ("show", "check", "version", "about", "--version", "-V", "env info", "env list", "config --list"), "bundle": ("list", "show", "info", "check", "--version", "-v", "platform"),
    "pdm": ("list", "info", "show", "--version"), "hatch": ("version", "status", "env show", "--version"), "pipenv": ("graph", "check", "--version", "--venv", "--py"), "rye": ("show", "list", "version"),
    "tox": ("list", "-l", "--version", "config"), "nox": ("-l", "--list", "--list-sessions", "--version"), "npx": ("--version", "-v"), "uv": ("--version",), "coverage": (), "nyc": ("--version",), "pre-commit": ("--version",),
}  # fmt: skip
_QUIET = {
    "npx": frozenset({"--no-install", "--no", "--yes", "-y", "--quiet"}),
    "uv": frozenset({"--no-sync", "--frozen", "--offline", "-q"}),
    "npm": frozenset({"--no", "--"}),
}


class Inner(msgspec.Struct, frozen=True):
    """The programs that a program runs; `problem`: why it cannot be looked through."""

    commands: tuple[tuple[str, ...], ...] = ()
    problem: str = ""


def inner_of(argv: tuple[str, ...], places: Places, folders: tuple[str, ...]) -> Inner | None:
    """The programs that run in the place of this one; None for a program that runs none of its words."""
    name = argv[0]
    if name == "command" and len(argv) == 3 and argv[1] in ("-v", "-V"):
        return Inner()
    if name in ("type", "which", "hash") and len(argv) > 1 and name != "hash":
        return Inner()
    if name in _SHOWING and any(argv[1 : 1 + len(shown.split())] == tuple(shown.split()) for shown in _SHOWING[name]):
        return Inner()
    if name == "env":
        return _env(argv)
    if name == "find" or "find" in names_of(name):
        return _find(argv)
    if name in ("fd", "fdfind") and any(re.match(r"-[xX]|--exec", word) for word in argv[1:]):
        return Inner(problem="fd runs a program for what it finds")
    if name in _OPTIONS:
        return _after_options(argv)
    if name in _RUNNERS:
        return _runner(argv, places, folders)
    return None


def _env(argv: tuple[str, ...]) -> Inner:
    words = list(argv[1:])
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option in ("-u", "--unset") and words:
            words.pop(0)
        elif option not in ("-i", "-", "--ignore-environment", "--") and not option.startswith("--unset="):
            return Inner(problem="env is given an option that changes what it runs")
    while words and (found := re.match(r"([^=/]+)=(.*)", words[0], re.DOTALL)):
        words.pop(0)
        value = found.group(2)
        if problem := shell_variables.problem_of(found.group(1), None if UNKNOWN in value else value):
            return Inner(problem=problem)
    return Inner((tuple(words),)) if words else Inner()


def _find(argv: tuple[str, ...]) -> Inner | None:
    commands: list[tuple[str, ...]] = []
    words = list(argv[1:])
    kept = [argv[0]]
    while words:
        word = words.pop(0)
        if word in ("-exec", "-execdir"):
            inner: list[str] = []
            while words and words[0] not in (";", "+"):
                inner.append(words.pop(0).replace("{}", f"./{UNKNOWN}"))
            if not words or not inner:
                return Inner(problem="find -exec is not complete")
            words.pop(0)
            commands.append(tuple(inner))
            continue
        if word.startswith(("-ok", "-delete", "-fprint", "-fls", "-files0")):
            return Inner(problem=f"find {word} deletes, writes or asks")
        kept.append(word)
    if not commands:
        return None
    return Inner((*commands, tuple(kept)))


def _after_options(argv: tuple[str, ...]) -> Inner:
    letters, taking, long, operands = _OPTIONS[argv[0]]
    words = list(argv[1:])
    replaced = {"{}"}
    while words and words[0].startswith("-") and words[0] != "-":
        option = words.pop(0)
        if option == "--":
            break
        if argv[0] == "xargs" and (found := re.match(r"-[0rtx]*[Ii](.*)|--replace(?:=(.*))?", option)):
            attached = found.group(1) or found.group(2)
            replaced.add(attached or (words[0] if words and "I" in option else "{}"))
        if argv[0] == "nice" and re.fullmatch(r"-\d+", option):
            continue
        if option.startswith("--"):
            head, equals, _ = option.partition("=")
            if f"{head}=" in long:
                words = words if equals else words[1:]
            elif head not in long:
                return Inner(problem=f"{argv[0]} {option[:30]} is an option that is not judged")
            continue
        for at, letter in enumerate(option[1:], 2):
            if letter in taking:
                # xargs -i takes its value attached only.
                if at == len(option) and letter != "i":
                    words = words[1:]
                break
            if letter not in letters:
                return Inner(problem=f"{argv[0]} {option[:30]} is an option that is not judged")
    words = words[operands:]
    if not words:
        return Inner() if argv[0] == "xargs" else Inner(problem=f"{argv[0]} names no program")
    if argv[0] == "xargs":
        for given in replaced:
            words = [word.replace(given, UNKNOWN) for word in words]
        # What is read becomes one word or many.
        return Inner(((*words, UNKNOWN, UNKNOWN),))
    return Inner((tuple(words),))


def _runner(argv: tuple[str, ...], places: Places, folders: tuple[str, ...]) -> Inner | None:
    name, words = argv[0], list(argv[1:])
    subcommands = _RUNNERS[name]
    if subcommands:
        if not words or words[0] not in subcommands:
            return None
        if name == "yarn" and words[0] == "run":
            return None
        words.pop(0)
    if name == "coverage":
        while words and words[0].startswith("-") and words[0] not in ("-m", "--module"):
            if not re.fullmatch(r"--(branch|append|parallel-mode)|-[ap]|--(source|include|omit)=.*", words[0]):
                return Inner(problem=f"coverage run {words[0][:30]} is an option that is not judged")
            words.pop(0)
        return Inner((("python", *words),)) if words else Inner(problem="coverage run names no program")
    while words and words[0] in _QUIET.get(name, frozenset()):
        words.pop(0)
    if name == "cross-env":
        return _env(("env", *words))
    if not words or words[0].startswith("-"):
        return Inner(problem=f"{' '.join(argv[:2])[:40]} is given an option that is not judged")
    if name == "uv" and not any(os.path.isdir(os.path.join(folder, ".venv")) for folder in (*folders, places.workspace)):
        return Inner(problem="uv run may fetch packages, and the network is off")
    if name in ("npx", "bunx", "npm", "pnpm", "yarn") and not _is_installed(words[0], places, folders):
        return Inner(problem=f"{words[0][:40]} is not installed in node_modules, so {name} would fetch it: the network is off")
    if words[0] == "python" or not words[0].endswith(".py"):
        return Inner((tuple(words),))
    return Inner((("python", *words),))


def _is_installed(name: str, places: Places, folders: tuple[str, ...]) -> bool:
    if not re.fullmatch(r"[\w.-]+", name):
        return False
    for folder in folders:
        while True:
            path = os.path.join(folder, "node_modules/.bin", name)
            if os.path.exists(path) and places.is_inside(path):
                break
            if folder in (places.workspace, "/", ""):
                return False
            folder = os.path.dirname(folder)
    return True


def _options(line: str) -> tuple[str, tuple[frozenset[str], frozenset[str], frozenset[str], int]]:
    name, _, rest = line.partition(" :")
    words = shlex.split(rest)
    return name, (
        frozenset("".join(word for word in words if word[0] not in "?-+")),
        frozenset("".join(word[1:] for word in words if word[0] == "?")),
        frozenset(word for word in words if word.startswith("--")),
        next((int(word[1:]) for word in words if word[0] == "+"), 0),
    )


_OPTIONS = dict(_options(line) for line in TABLE.strip().splitlines())
