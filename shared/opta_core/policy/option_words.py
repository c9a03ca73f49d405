"""Reads the words of one program as options and operands, like getopt and its relatives.

Where the words are ambiguous, an option that may be present counts as present: an abbreviated long option, a letter in a cluster after
letters of unknown meaning, a word after `--` when that `--` may be the value of the option before it. An option that makes a command
harmless counts only when it is present in every reading (`Options.certain`).
"""

import fnmatch
from collections.abc import Iterator
from functools import cache

import msgspec


class OptionSpec(msgspec.Struct, frozen=True):
    """How a program reads its options. `taking`: letters that take a value; `optional`: letters whose value can only be attached.

    `long_taking`: long options that take the next word. `exact`: complete long options that are also the beginning of a longer one but
    do not abbreviate it. `never_ends`: the program does not support `--`, or has options with more than one value.
    """

    taking: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    long_taking: frozenset[str] = frozenset()
    exact: frozenset[str] = frozenset()
    never_ends: bool = False


class Options(msgspec.Struct, frozen=True):
    """The result of `read`. `letters`: short options. `dashed`: every word that may be an option, as written. `long`: the names of the
    long options among them, without `=value`. `certain`: options that are present in every reading.
    """

    letters: frozenset[str]
    long: tuple[str, ...]
    dashed: tuple[str, ...]
    operands: tuple[str, ...]
    certain: frozenset[str]


class OptionRule(msgspec.Struct, frozen=True):
    """One line of a table: `PROGRAM [SUBCOMMAND …] : TRIGGER … [unless OPTION …] [=> what it does]`.

    Names are alternatives (`npm|yarn`) and globs. A trigger is `*` (always), `-x` (a letter, also in a cluster), `--long` (and its
    abbreviations), `-word` (a glob, with one dash or two), `@glob` (an operand), `#N` (N operands or more), `!name` (a named check).
    """

    line: str
    programs: tuple[str, ...]
    path: tuple[str, ...]
    triggers: tuple[str, ...]
    unless: tuple[str, ...]
    says: str


def entries_of(table: str) -> tuple[OptionRule, ...]:
    """The entries of a table, without empty lines and comments."""
    return tuple(_entry(line) for line in map(str.strip, table.splitlines()) if line and not line.startswith("//"))


def by_program(entries: tuple[OptionRule, ...]) -> dict[str, tuple[OptionRule, ...]]:
    """Program -> its entries, in the order of the table."""
    found: dict[str, list[OptionRule]] = {}
    for entry in entries:
        for program in entry.programs:
            found.setdefault(program, []).append(entry)
    return {program: tuple(lines) for program, lines in found.items()}


def specs_of(table: str) -> dict[tuple[str, ...], OptionSpec]:
    """(program,) or (program, subcommand) -> how it reads options.

    Grammar of a line: `PROGRAM [SUBCOMMAND] : [!] [LETTERS] [?LETTERS] [--taking] [=--exact]`, for the fields of `OptionSpec`.
    """
    found: dict[tuple[str, ...], OptionSpec] = {}
    for line in map(str.strip, table.splitlines()):
        if not line or line.startswith("//"):
            continue
        names, _, rest = line.partition(" : ")
        words = rest.split()
        spec = OptionSpec(
            taking=frozenset("".join(word for word in words if word[0] not in "!?-=")),
            optional=frozenset("".join(word[1:] for word in words if word[0] == "?")),
            long_taking=frozenset(word for word in words if word[0] == "-"),
            exact=frozenset(word[1:] for word in words if word[0] == "="),
            never_ends="!" in words,
        )
        first, *path = names.split()
        for program in first.split("|"):
            for name in path[0].split("|") if path else ("",):
                found[(program, name) if name else (program,)] = spec
    return found


def read(words: tuple[str, ...], spec: OptionSpec) -> Options:
    """Read the words that follow a program or its subcommand."""
    letters: set[str] = set()
    long: list[str] = []
    dashed: list[str] = []
    operands: list[str] = []
    certain: set[str] = set()
    is_over = is_surely_over = is_value = may_be_value = False
    for at, word in enumerate(words):
        was_value, was_perhaps_value = is_value, may_be_value
        is_value = may_be_value = False
        if word == "--" and not is_over:
            is_surely_over = True
            is_over = not spec.never_ends and (at == 0 or not words[at - 1].startswith("-"))
            continue
        if is_over or not word.startswith("-") or word == "-":
            if not was_value:
                operands.append(word)
            continue
        dashed.append(word)
        if word.startswith("--"):
            head, equals, _ = word.partition("=")
            long.append(head)
            is_value = not equals and head in spec.long_taking
            may_be_value = not equals
            found = {head}
        else:
            found, is_value = _cluster(word, spec)
            letters |= found
            found = {f"-{letter}" for letter in found}
        if not (is_surely_over or was_value or was_perhaps_value):
            certain |= found
    return Options(frozenset(letters), tuple(long), tuple(dashed), tuple(operands), frozenset(certain))


def _cluster(word: str, spec: OptionSpec) -> tuple[set[str], bool]:
    """(the letters of a word such as `-abc`, whether the next word is the value of the last letter)."""
    found: set[str] = set()
    for at, letter in enumerate(word[1:], 2):
        found.add(letter)
        if letter in spec.taking:
            return found, at == len(word)
        if letter in spec.optional:
            break
    return found, False


def is_option(option: str, options: Options, spec: OptionSpec) -> str:
    """The word that gives the option `--option`, perhaps abbreviated or with a value; '' when it is not given."""
    for head, word in zip(options.long, (word for word in options.dashed if word.startswith("--")), strict=True):
        if len(head) > 2 and option.startswith(head) and (head == option or head not in spec.exact):
            return word
    return ""


def is_triggered(trigger: str, options: Options, rest: tuple[str, ...], spec: OptionSpec) -> bool:
    """Whether a trigger other than a named check matches. `rest`: the words that `options` were read from."""
    if trigger == "*":
        return True
    if trigger.startswith("#"):
        return len(options.operands) >= int(trigger[1:])
    if trigger.startswith("@"):
        return any(fits(word, trigger[1:]) for word in rest if word != "--")
    if trigger.startswith("--"):
        return bool(is_option(trigger, options, spec))
    if len(trigger) == 2:
        return trigger[1] in options.letters
    return any(fits(part, trigger) or fits(part, f"-{trigger}") for word in options.dashed for part in (word, word.partition("=")[0]))


def after(words: tuple[str, ...], path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The words that follow a subcommand path, once for each reading: a word after an option may be its value or the subcommand."""
    if not path:
        yield words
        return
    for at, word in enumerate(words):
        if word.startswith("-"):
            continue
        if fits(word, path[0]):
            yield from after(words[at + 1 :], path[1:])
        if at == 0 or not words[at - 1].startswith("-") or "=" in words[at - 1]:
            return


def subcommands(words: tuple[str, ...]) -> frozenset[str]:
    """Every word that may be the subcommand; a word after an option may be its value."""
    found: set[str] = set()
    for at, word in enumerate(words):
        if word.startswith("-"):
            continue
        found.add(word)
        if at == 0 or not words[at - 1].startswith("-") or "=" in words[at - 1]:
            break
    return frozenset(found)


def fits(word: str, names: str) -> bool:
    """Whether a word matches one of several globs, given as `a|b|c*`."""
    return any(fnmatch.fnmatchcase(word, name) for name in _alternatives(names))


@cache
def _alternatives(names: str) -> tuple[str, ...]:
    return tuple(names.split("|"))


def _entry(line: str) -> OptionRule:
    about, _, rest = line.partition(" : ")
    rest, _, says = rest.partition(" => ")
    triggers, _, unless = rest.partition(" unless ")
    first, *path = about.split()
    if not triggers.split():
        raise ValueError(f"a line of a table has no trigger: {line}")
    return OptionRule(line, tuple(first.split("|")), tuple(path), tuple(triggers.split()), tuple(unless.split()), says.strip())
