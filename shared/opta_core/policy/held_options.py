"""Options that `option_checks` vetoes for a rule, and that add nothing where the sandbox holds a command.

A vetoed option still asks unless it is taken away here: because it only names a file or a folder of the workspace, or only switches
output. What is left of the words is judged again.
"""

import os
import re
from collections.abc import Callable

from . import shell_variables
from .contained_paths import UNKNOWN, Places
from .option_checks import veto
from .reading_uses import only_reads
from .sed_script import sed_problem

Words = tuple[str, ...]
# `PROGRAM|… : OPTION …`: options whose value is a file or folder of the workspace.
_NAMING = """
eslint|prettier|stylelint|jest|vitest|mocha|playwright|cypress|webpack|vite|rollup|esbuild|tsup|babel|next|nuxt|astro : -c --config --config-file
mypy|pylint|flake8|golangci-lint|ruff|black|isort|rubocop|phpstan|phpcs|phpunit|mkdocs|pytest|bandit|coverage : -c --config --config-file --rcfile --configuration --rootdir --confcutdir
npm|pnpm|yarn|bun : -C --prefix --cwd --dir
make|gmake|ninja|samu|meson : -C --directory
cmake : --build --preset
ctest : --test-dir
cargo : --manifest-path
go : -C
git : -C
rg|grep|egrep|fgrep : -f --file --ignore-file
uv : --directory --project
"""
_PATHS = {
    program: frozenset(options.split())
    for line in _NAMING.strip().splitlines()
    for programs, _, options in [line.partition(" : ")]
    for program in programs.split("|")
}
# Options whose value is a plain name of the program's own.
_NAMED = {
    "eslint": ("-f", "--format"), "stylelint": ("-f", "--formatter"), "jest": ("--reporters", "--environment", "--testEnvironment"), "golangci-lint": ("-c",),
    "pytest": ("-p",), "mocha": ("--reporter",), "vitest": ("--reporter", "--environment", "--pool"), "playwright": ("--reporter",), "prettier": ("--parser",), "phpstan": (), "rspec": ("-f",), "rubocop": ("-f", "--format"),
}  # fmt: skip
_GIT_KEYS = re.compile(
    r"(color\.[\w.]+|user\.(name|email)|core\.(quote[pP]ath|autocrlf|safecrlf|abbrev)|advice\.\w+|init\.default[bB]ranch|commit\.gpg[sS]ign|tag\.gpg[sS]ign|diff\.(renames|context)|log\.\w+)=[\w@. -]*|core\.pager=(cat)?|pager\.\w+=(cat|false)"
)
_GIT_WORDS = {
    "apply": r"--(stat|check|cached|index|3way|reject|verbose|whitespace=\w+|numstat|summary|directory=[\w./-]+)|-[3v]|-p\d",
    "rebase": r"--(continue|onto|autostash|no-autostash|root|keep-empty|rebase-merges|quiet|stat)|-q",
    "am": r"--(continue|3way|keep-cr|quiet)|-[3q]",
    "format-patch": r"--(stdout|no-stat|root|cover-letter)|-\d+|-o",
    "diff": r"--(no-index|stat|name-only|name-status|numstat|color(=\w+)?|no-color|cached|staged|check|word-diff(=\w+)?|shortstat|unified=\d+)|-U\d+|-[wbu]",
    "bisect": r"(start|good|bad|log|visualize|reset)\Z",
    "notes": r"(list|show|add|append)\Z|-m",
    "var": r"GIT_(AUTHOR|COMMITTER)_IDENT|-l",
    "submodule": r"status|summary|--recursive",
}


def still_vetoed(argv: Words, program: str, places: Places, folders: tuple[str, ...], made: frozenset[str]) -> str:
    """Why a command asks because of its options, even where the sandbox holds it; '' when it does not."""
    problem = veto(argv, program)
    if not problem:
        return ""
    name = argv[0]
    if name in _JUDGED:
        return _JUDGED[name](argv, places, folders, made)
    less = _without(argv, places, folders)
    if name == "git":
        return _git(less, program)
    if name in ("make", "gmake"):
        for word in less[1:]:
            if (
                (found := re.match(r"(\w+)[:?+]?=([\w./ +-]*)\Z", word))
                and not shell_variables.problem_of(found.group(1), found.group(2))
                and found.group(1) not in _OF_MAKE
            ):
                less = tuple(each for each in less if each != word)
    if name == "go" and less[1:2] == ("run",):
        less = ("go", "build", *less[2:])
    if name == "cargo" and set(less[1:2]) & _CARGO_FOREIGN:
        less = ("cargo", "check", *less[2:])
    if only_reads(less):
        return ""
    return veto(less, program) if less != argv else problem


# Subcommands that are programs of their own. An alias can only name a subcommand of cargo.
_CARGO_FOREIGN = frozenset(
    "nextest expand llvm-cov machete udeps bloat deny geiger about msrv semver-checks asm tarpaulin outdated".split()
)
_FOLDERS = frozenset({"-C", "--prefix", "--cwd", "--dir", "--directory", "--build", "--test-dir", "--project"})
_OF_MAKE = frozenset({"SHELL", "MAKE", "RM", "MV", "CP", "INSTALL", ".SHELLFLAGS"})


def scripts_named_by(argv: Words) -> list[str]:
    """The scripts that a program runs by an option (`jest --config x.js`), and the sources that `go run` names."""
    if argv[:2] == ("go", "run"):
        return [word for word in argv[2:] if word.endswith(".go")]
    options = _PATHS.get(argv[0], frozenset())
    found: list[str] = []
    for word, following in zip(argv[1:], (*argv[2:], ""), strict=False):
        head, equals, value = word.partition("=")
        if head in options:
            found.append(value if equals else following)
    return [word for word in found if re.search(r"\.([cm]?[jt]s|py|rb|php)\Z", word)]


def _without(argv: Words, places: Places, folders: tuple[str, ...]) -> Words:
    """The words without options that name a file of the workspace, or a plain name; `contained_program` has judged their paths."""
    paths, named = _PATHS.get(argv[0], frozenset()), _NAMED.get(argv[0], ())
    kept = [argv[0]]
    words = list(argv[1:])
    while words:
        word = words.pop(0)
        head, equals, value = word.partition("=")
        if word in paths and words and _is_there(words[0], places, folders, may_be_new=word in _FOLDERS):
            words.pop(0)
        elif equals and head in paths and _is_there(value, places, folders, may_be_new=head in _FOLDERS):
            pass
        elif word in named and words and re.fullmatch(r"no:\w+|[a-z][a-z_-]*" if argv[0] != "pytest" else r"no:\w+", words[0]):
            words.pop(0)
        elif equals and head in named and re.fullmatch(r"no:\w+|[a-z][a-z_-]*" if argv[0] != "pytest" else r"no:\w+", value):
            pass
        elif argv[0] == "git" and word == "-c" and len(kept) == 1 and words and _GIT_KEYS.fullmatch(words[0]):
            words.pop(0)
        else:
            kept.append(word)
            if word == "--":
                break
    return (*kept, *words)


def _is_there(word: str, places: Places, folders: tuple[str, ...], *, may_be_new: bool) -> bool:
    """Whether a word names a file or folder of the workspace from every folder that a command may run in.

    `may_be_new`: or a folder that is not there yet, which an earlier program of the line may make.
    """
    if not word or word.startswith("-") or UNKNOWN in word:
        return False
    paths = [os.path.join(folder, word) for folder in folders]
    if may_be_new and ".." not in word.split("/") and not any(map(os.path.lexists, paths)):
        return all(map(places.is_inside, paths))
    return all(os.path.exists(path) and places.is_inside(path) for path in paths)


def _git(less: Words, program: str) -> str:
    # `git config KEY` shows a value.
    if (
        len(less) in (3, 4)
        and less[1] == "config"
        and re.fullmatch(r"(--(global|local|get|get-all) |get )?[A-Za-z][\w-]*(\.[\w-]+)+", " ".join(less[2:]))
    ):
        return ""
    problem = veto(less, program)
    if not problem or len(less) < 2 or less[1] not in _GIT_WORDS:
        return problem
    options = re.compile(_GIT_WORDS[less[1]])
    for at, word in enumerate(less[2:], 2):
        if word == "--":
            break
        if (word.startswith("-") or (at == 2 and less[1] in ("bisect", "notes", "submodule"))) and not options.fullmatch(word):
            return problem
    return ""


def _sed(argv: Words, places: Places, folders: tuple[str, ...], made: frozenset[str]) -> str:
    return sed_problem(argv)


def _tee(argv: Words, places: Places, folders: tuple[str, ...], made: frozenset[str]) -> str:
    appends = any(word in ("-a", "--append") for word in argv[1:])
    for word in argv[1:]:
        if word.startswith("-"):
            if word not in ("-a", "--append", "-i"):
                return f"tee {word[:30]} is an option that is not judged"
        elif problem := places.write_problem(word, folders, appends=appends, made=made):
            return problem
    return ""


def _tar(argv: Words, places: Places, folders: tuple[str, ...], made: frozenset[str]) -> str:
    words = list(argv[1:])
    if not words:
        return "tar is given nothing"
    mode = words[0].lstrip("-")
    if not re.fullmatch(r"[ct][vzjJhpaf]*|[zjJva]*[ct][vzjJhpa]*f", mode) or "f" not in mode:
        return "tar may replace files, or run a program"
    for at, word in enumerate(words[1:], 1):
        if word.startswith("-") and not re.fullmatch(
            r"--(exclude|exclude-vcs|exclude-from|transform|wildcards|verbose|gzip|directory)(=[^!|;]*)?|-C|-v|-z", word
        ):
            return f"tar {word[:30]} is an option that is not judged"
        if word.startswith("--transform") and re.search(r"e\Z|;", word):
            return "tar --transform may run a program"
        if at == 1 and "c" in mode and (problem := places.write_problem(word, folders, appends=False, made=made)):
            return problem
    return ""


def _zip(argv: Words, places: Places, folders: tuple[str, ...], made: frozenset[str]) -> str:
    operands: list[str] = []
    for word in argv[1:]:
        if word.startswith("-"):
            if not re.fullmatch(r"-[rqjy0-9v]+|-x|-i", word):
                return f"zip {word[:30]} is an option that is not judged"
        else:
            operands.append(word)
    return places.write_problem(operands[0], folders, appends=False, made=made) if operands else ""


def _link(argv: Words, places: Places, folders: tuple[str, ...], made: frozenset[str]) -> str:
    unknown = next(
        (word for word in argv[1:] if word.startswith("-") and not re.fullmatch(r"-[snrvT]+|--symbolic|--relative|--verbose", word)), ""
    )
    return f"ln {unknown[:30]} is an option that is not judged" if unknown else ""


def _listing(argv: Words, places: Places, folders: tuple[str, ...], made: frozenset[str]) -> str:
    return "" if any(re.fullmatch(r"-[lvZ1]+|-[a-z]*l", word) for word in argv[1:2]) else f"{argv[0]} writes files"


_JUDGED: dict[str, Callable[[Words, Places, tuple[str, ...], frozenset[str]], str]] = {
    "sed": _sed, "gsed": _sed, "tee": _tee, "tar": _tar, "zip": _zip, "ln": _link, "unzip": _listing,
}  # fmt: skip
