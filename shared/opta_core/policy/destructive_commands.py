"""Whether a command does something that cannot be undone. Such a command asks at every level.

`destructive_table` lists the programs; an unknown program is governed by the ordinary rules. Some entries also look at the file
system: `mv x /dev/y` is judged by where its words lead from the folders that the command line may run in.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from .destructive_table import ENTRIES
from .option_specs import spec_of
from .option_words import OptionRule, Options, after, by_program, fits, is_triggered, read
from .program_names import names_of
from .programs import looked_through


@dataclass(frozen=True)
class WorkingFolders:
    """Where a command may run: in any of `folders`, the folders that the line may have changed to before it. `workspace` is the root."""

    workspace: str = ""
    folders: tuple[str, ...] = field(default=())


Check = Callable[[tuple[str, ...], Options, WorkingFolders], bool]


def loss_of(argv: tuple[str, ...], places: WorkingFolders | None = None, program: str = "") -> str:
    """What a command does that cannot be undone, in a sentence for people; '' for nothing. `program`: the file that runs."""
    for name in names_of(argv[0], program):
        for entry in _BY_PROGRAM.get(name, ()):
            for rest in after(argv[1:], entry.path):
                if found := _matches(entry, name, argv, rest, places or WorkingFolders()):
                    return f"{' '.join([argv[0], *_path_words(argv, entry)])} {found}"
    inner = looked_through(argv)
    return loss_of(inner, places) if inner else ""


def _path_words(argv: tuple[str, ...], entry: OptionRule) -> list[str]:
    found: list[str] = []
    words = list(argv[1:])
    for names in entry.path:
        at = next((at for at, word in enumerate(words) if fits(word, names)), None)
        if at is None:
            break
        found.append(words[at])
        del words[: at + 1]
    return found


def _matches(entry: OptionRule, name: str, argv: tuple[str, ...], rest: tuple[str, ...], places: WorkingFolders) -> str:
    spec = spec_of(name, entry.path, argv[1:])
    options = read(rest, spec)
    if options.certain & frozenset(entry.unless):
        return ""
    for trigger in entry.triggers:
        if CHECKS[trigger[1:]](rest, options, places) if trigger.startswith("!") else is_triggered(trigger, options, rest, spec):
            return entry.says or "deletes, overwrites or publishes"
    return ""


def _moved(rest: tuple[str, ...], options: Options, places: WorkingFolders) -> bool:
    """mv: whether a target lies outside the workspace, where the sandbox discards files, or already exists."""
    targets, _ = _ends(rest, options)
    if not places.folders:
        return any(re.match(r"/|~|(.*/)?\.\.(/|\Z)", target) for target in targets)
    files = [os.path.join(folder, target) for target in targets for folder in places.folders]
    return _replaced(rest, options, places) or not all(_is_within(file, places.workspace) for file in files)


def _replaced(rest: tuple[str, ...], options: Options, places: WorkingFolders) -> bool:
    """mv, cp, ln and install: whether a file with content already exists under the new name."""
    if {"-n", "--no-clobber", "--help", "--version"} & options.certain:
        return False
    targets, sources = _ends(rest, options)
    is_itself = "T" in options.letters or any(
        "--no-target-directory".startswith(word) for word in options.long if word.startswith("--no-t")
    )
    has_parents = any("--parents".startswith(word) for word in options.long if word.startswith("--p"))
    for file in (os.path.join(folder, target) for target in targets for folder in places.folders):
        if is_itself or not os.path.isdir(file):
            # Into an existing folder, -T merges the contents of the source.
            names = [file]
        elif has_parents:
            names = [os.path.join(file, source) for source in sources]
        else:
            names = [os.path.join(file, os.path.basename(source.rstrip("/"))) for source in sources]
        if any(map(_holds_something, names)):
            return True
    return False


def _ends(rest: tuple[str, ...], options: Options) -> tuple[list[str], list[str]]:
    """(target paths, source paths) of mv, cp, ln or install."""
    targets = [given for given in map(_target_folder, rest, (*rest[1:], "")) if given]
    if targets or len(options.operands) < 2:
        return targets, list(options.operands)
    return [options.operands[-1]], list(options.operands[:-1])


def _target_folder(word: str, following: str) -> str:
    head, equals, value = word.partition("=")
    if head.startswith("--t") and "--target-directory".startswith(head):
        return value if equals else following
    if found := re.match(r"-[a-su-zA-RT-Z]*t(.*)", word):
        return found.group(1) or following
    return ""


_STREAMS = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty"})


def _over(rest: tuple[str, ...], options: Options, places: WorkingFolders) -> bool:
    return any(
        _holds_something(os.path.join(folder, word)) for folder in places.folders for word in options.operands if word not in _STREAMS
    )


def _is_within(file: str, workspace: str) -> bool:
    if not workspace:
        return True
    root, real = os.path.realpath(workspace), os.path.realpath(file)
    return real == root or real.startswith(root.rstrip("/") + "/")


def _holds_something(file: str) -> bool:
    try:
        seen = os.lstat(file)
    except (OSError, ValueError):
        return False
    return seen.st_size > 0


def _mode(rest: tuple[str, ...], options: Options, places: WorkingFolders) -> bool:
    """chmod: whether the owner loses the permission to read, or everybody gets the permission to write."""
    modes = [word for word in rest if re.fullmatch(r"[0-7]{1,5}|-?[ugoa]*([-+=][rwxXst]*[ugo]*)+(,[ugoa]*([-+=][rwxXst]*[ugo]*)+)*", word)]
    for mode in modes[:1]:
        if mode.isdecimal():
            special, owner = mode[:-3].strip("0"), int(mode.rjust(3, "0")[-3])
            return bool(special) or owner < 4 or bool(int(mode[-1]) & 2)
        for who, sign, what in re.findall(r"([ugoa]*)([-+=])([rwxXst]*[ugo]*)", mode):
            if (
                (sign == "+" and set(what) & set("st"))
                or (sign in "+=" and "w" in what and set(who) & set("oa"))
                or (set(who or "a") & set("ua") and _takes_reading(sign, what))
            ):
                return True
    return not modes


def _takes_reading(sign: str, what: str) -> bool:
    return (sign == "-" and "r" in what) or (sign == "=" and not set(what) & set("rgou"))


def _sql(rest: tuple[str, ...], options: Options, places: WorkingFolders) -> bool:
    """Whether a statement among the words changes data, or reads statements from a file."""
    return any(_CHANGES.search(word) for word in rest)


_CHANGES = re.compile(
    r"\b(drop|delete|truncate|alter|update|insert|replace|merge|create|grant|revoke|reindex|vacuum|attach|detach|load|copy|call|exec(ute)?|do|set"
    r"|rename|purge|flush\w*|remove\w*|import|restore|shutdown|kill|reset|pragma|dropDatabase|deleteMany|deleteOne|writefile|edit)\b|\\[!oigw]|(?<!\w)\.(?!(?:tables|schema|indexes|databases|fullschema)(?: \w+)?\Z)\w",
    re.IGNORECASE,
)  # fmt: skip


def _checkout(rest: tuple[str, ...], options: Options, places: WorkingFolders) -> bool:
    """git checkout: anything but a new branch, since a word may be a file whose changes are discarded."""
    return not (rest[:1] == ("-b",) and len(rest) <= 3 and not any(word.startswith("-") for word in rest[1:]))


def _restore(rest: tuple[str, ...], options: Options, places: WorkingFolders) -> bool:
    return not {"-S", "--staged"} & options.certain or "W" in options.letters or any(word.startswith("--w") for word in options.long)


def _module(rest: tuple[str, ...], options: Options, places: WorkingFolders) -> bool:
    """`python -m MODULE …`: whether the program of that name would do something that cannot be undone."""
    if rest[:1] != ("-m",) or len(rest) < 2:
        return False
    name = {"venv": "virtualenv"}.get(rest[1], rest[1])
    return bool(loss_of((name, *rest[2:]), places))


# Name of a check in the table -> the check.
CHECKS: dict[str, Check] = {
    "moved": _moved, "replaced": _replaced, "over": _over, "mode": _mode, "sql": _sql, "checkout": _checkout, "restore": _restore, "module": _module,
}  # fmt: skip
_BY_PROGRAM = by_program(ENTRIES)
# Programs that are judged by the files that their words name.
CHECKED_ON_DISK = frozenset(
    program for entry in ENTRIES for program in entry.programs if {"!moved", "!replaced", "!over"} & set(entry.triggers)
)


def is_listed(name: str, program: str = "") -> bool:
    """Whether a program is in the table, under any of its names."""
    return any(known in _BY_PROGRAM for known in names_of(name, program))
