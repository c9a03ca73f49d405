"""What one program of a contained line would do: whether the sandbox holds all of it, or a person must be asked.

`Leaves` says why a person is asked. Programs that run others are looked through; scripts of the workspace and code on the line are
searched for what deletes, names credentials or control files. What a script does beyond that stays in the workspace.
"""

import fnmatch
import os
import re

from . import command_line
from .code_scan import script_problem
from .contained_interpreter import awk_program, interpret
from .contained_paths import MANY, UNKNOWN, Reads, chosen_secret, is_instruction
from .contained_scripts import SHELLS, judge_script, scripts_loss
from .contained_state import Leaves, Line, ProgramCall, ReadShell
from .destructive_commands import CHECKED_ON_DISK, WorkingFolders, is_listed, loss_of
from .held_options import scripts_named_by, still_vetoed
from .looking_through import inner_of
from .offline import works_offline
from .output_options import replaced_text
from .path_names import relative_to
from .program_names import names_of
from .programs import EVALUATING, INTERPRETERS, WRAPPERS, needs_network, running_problem

DEPTH_MAX = 6
# Builtins of a shell that change neither the meaning of later words nor anything outside of the line's own shell.
BUILTINS = frozenset(
    ": true false echo printf pwd exit wait shift break continue read sleep test [ return ulimit umask jobs history dirs times".split()
)
# What each word of some of them must be. Others evaluate their words, or change the meaning of later ones.
_BUILTIN_WORDS = {
    "printf": r"(?!-v)(.|\n)*", "test": r"(?!-v\Z)(.|\n)*", "[": r"(?!-v\Z)(.|\n)*", "read": r"-r|[A-Za-z_]\w*", "ulimit": r"-[SHa-z]", "umask": r"-[Sp]",
    "jobs": r"-[lnprs]+", "history": r"\d+", "dirs": r"-[lpv]+", "times": r"",
}  # fmt: skip
# Their words are text and name no files.
_TEXT = frozenset({"echo", "printf", "true", "false", ":", "exit", "sleep", "test", "[", "seq", "expr", "date", "basename", "dirname"})
# Their first operand is a pattern or a script, unless an option gives it.
_PATTERN_FIRST = frozenset("grep egrep fgrep rg sed gsed tr cut jq yq ag ack git-grep".split())
_LISTING = frozenset("ls stat du tree file wc find realpath readlink md5sum sha256sum test [".split())
_READERS = _LISTING | frozenset(
    "cat head tail less grep egrep fgrep rg diff cmp sort awk gawk mawk sed bat nl jq yq tr cut column comm join paste yamllint actionlint".split()
)
_WRITING_BY_OPTION = frozenset("sort rg tree shuf uniq gcc cc g++ c++ clang clang++ eslint fd fdfind date file".split())
_PLACING = frozenset("cp mv ln install touch rsync tee dd sed truncate patch ditto rename split csplit sort shuf".split())
_HANDLING_LINKS = frozenset("ls stat readlink test [ file find git unlink ln cp mkdir touch chmod".split())
# Programs that run none of the files which a line wrote before.
_RUNNING_NOTHING = (
    _READERS
    | _TEXT
    | BUILTINS
    | frozenset(
        "cd mkdir touch cp mv ln chmod tee git xargs timeout time env nice gofmt black ruff isort prettier clang-format uniq".split()
    )
)
_GIT_READING = frozenset("diff log show add blame status grep ls-files check-ignore commit".split())
_GIT_TELLING = frozenset({"commit", "tag", "merge", "stash"})
# Files that a build or a test takes up without being named.
_TAKEN_UP = re.compile(
    r".*\.(py|sh|bash|[cm]?[jt]sx?|rb|pl|php|lua|mk|cmake|gradle|kts|cc?|cpp|h|rs|go|java|kt|cs|exs?)|.*(Makefile|makefile|file)"
    r"|(package|composer|deno|tsconfig|turbo|nx|project)\.jsonc?|(pyproject|Cargo|poetry)\.toml|(setup|tox|pytest|mypy)\.(cfg|ini)"
)


def check(command: ProgramCall, line: Line, read_shell: ReadShell) -> None:
    """Raises Leaves when a person is asked about a program. `read_shell` reads a line that is given to a shell."""
    argv = command.argv
    name = argv[0]
    if not name or UNKNOWN in name:
        raise Leaves("the name of a program is computed")
    if "=" in name:
        raise Leaves(f"{name[:60]} looks like an assignment")
    line.programs.append(argv)
    if name in BUILTINS:
        # `test -v`, `printf -v`: words that are split may bring an option.
        if name in ("test", "[", "printf") and argv[1:2] == (MANY,):
            raise Leaves(f"{name} evaluates its words, and the line computes them")
        allowed = _BUILTIN_WORDS.get(name)
        if allowed is not None and not all(re.fullmatch(allowed, word) for word in argv[1:]):
            raise Leaves(f"{name} evaluates its words, or changes the meaning of later ones")
        return
    _check_written(name, line)
    if "/" in name:
        _local(command, line, read_shell)
        return
    program = _located(name, line)
    real = os.path.basename(os.path.realpath(program)) if program else name
    names = names_of(name, program)
    _check_words(command, line)
    if pattern := chosen_secret(argv):
        raise Leaves(f"it chooses files with {pattern[:40]}, which may hold credentials")
    inner = inner_of(argv, line.places, command.folders)
    if inner is not None:
        if inner.problem:
            raise Leaves(inner.problem)
        _check_scripts(argv, command.folders, line)
        _deeper(line)
        for words in inner.commands:
            check(ProgramCall(words, command.folders, command.stdin, command.is_piped), line, read_shell)
        return
    if set(names) & SHELLS or real in SHELLS:
        _shell(command, line, read_shell)
        return
    if known := next((known for known in names if known in WRAPPERS or known in EVALUATING), ""):
        raise Leaves(f"{known} runs other programs, or changes later ones")
    _check_loss(argv, program, command.folders)
    if needs_network(argv) and not works_offline(argv, command.folders, line.places):
        line.wants_network = True
        raise Leaves(f"{' '.join(argv[:2])[:40]} usually needs the network, which is off")
    interpreter = next((known for known in (name, real) if INTERPRETERS.match(known.casefold())), "")
    if interpreter:
        interpret(re.sub(r"[\d.]+\Z", "", interpreter), command, line, lambda inner: check(inner, line, _no_shell))
        return
    if problem := running_problem(argv):
        raise Leaves(problem)
    if problem := replaced_text(argv, command.folders):
        raise Leaves(problem)
    if name in _WRITING_BY_OPTION and MANY in argv:
        raise Leaves(f"{name} is given words that the line computes, and may write or run something with them")
    if problem := still_vetoed(argv, program, line.places, command.folders, frozenset(line.made)):
        raise Leaves(problem)
    for script in scripts_named_by(argv):
        if line.places.files(script, command.folders):
            judge_script(script, command, line, "node")
    _check_scripts(argv, command.folders, line)


def _located(name: str, line: Line) -> str:
    return command_line.located(name, line.search, line.places.workspace)


def _deeper(line: Line) -> None:
    line.depth += 1
    if line.depth > DEPTH_MAX * 4:
        raise Leaves("programs run each other too deep")


def _check_words(command: ProgramCall, line: Line) -> None:
    argv, name = command.argv, command.argv[0]
    if name in _TEXT:
        return
    exempt = -1
    if name in _PATTERN_FIRST and not any(re.match(r"-[A-Za-z]*[ef]|--(regexp|file|expression)", word) for word in argv[1:]):
        exempt = next((at for at, word in enumerate(argv) if at and not word.startswith("-")), -1)
    reads: Reads = "names" if name in _LISTING else "text" if name in _READERS or (name == "git" and set(argv[1:2]) <= _GIT_READING) else ""
    links = _links_made(line)
    is_code = bool(INTERPRETERS.match(name.casefold()) or name in SHELLS)
    for at, word in enumerate(argv[1:], 1):
        if (
            at == exempt
            or "\n" in word
            or (is_code and argv[at - 1].startswith("-") and " " in word)
            or (name.endswith("awk") and at == awk_program(argv))
        ):
            continue
        if name in ("cut", "sort", "awk", "gawk", "mawk", "tr", "column", "paste") and re.fullmatch(r"(-[A-Za-z])?/", word):
            continue
        if problem := line.places.problem(word, command.folders, reads=reads):
            raise Leaves(problem)
        if name not in _HANDLING_LINKS and (link := _link_in(word, links)):
            raise Leaves(f"it names {word[:60]} after it made the link {link[:60]}")
        if not reads and is_instruction(word):
            raise Leaves(f"it names {word[:60]}, which tells agents what to do")


def written_problem(argv: tuple[str, ...], folders: tuple[str, ...]) -> str:
    """Why a command asks that may write instructions for agents, or replace a text by its output; '' for any other."""
    is_placing = bool(set(names_of(argv[0])) & _PLACING) or argv[:2] in (("git", "mv"), ("git", "apply"))
    if is_placing and (word := next(filter(is_instruction, argv[1:]), "")):
        return f"{argv[0]} may write {word[:60]}, which tells agents what to do"
    return replaced_text(argv, folders)


def _links_made(line: Line) -> tuple[str, ...]:
    """The names of the links that the line itself makes before its last program: where they lead is not known yet."""
    found: list[str] = []
    for argv in line.programs[:-1]:
        if argv[0] in ("ln", "gln") or (
            argv[0] in ("cp", "gcp") and any(re.match(r"-[a-zA-Z]*[sl]|--(link|symbolic)", word) for word in argv)
        ):
            found += [os.path.basename(word.rstrip("/")) for word in argv[1:] if not word.startswith("-")]
    return tuple(dict.fromkeys(found))


def _link_in(word: str, links: tuple[str, ...]) -> str:
    parts = set(word.split("/")) if links and "/" in word else {word}
    return next((link for link in links for part in parts if part == link or ("/" in word and fnmatch.fnmatchcase(link, part))), "")


def _check_written(name: str, line: Line) -> None:
    """A test or a build takes up files that the line wrote before, such as conftest.py and package.json."""
    if name in _RUNNING_NOTHING:
        return
    for path, text in line.made.items():
        base = os.path.basename(path)
        if not _TAKEN_UP.fullmatch(base):
            continue
        if text is None:
            raise Leaves(f"it runs {name[:60]} after it wrote {base[:60]}, whose text it computes")
        if problem := script_problem(text):
            raise Leaves(f"it wrote {base[:60]} before {name[:60]}: {problem}")


def _is_message(argv: tuple[str, ...], at: int) -> bool:
    """Whether a word is the text of `git commit -m`, which is one word whatever it holds."""
    return argv[0] == "git" and at > 2 and argv[1] in _GIT_TELLING and re.fullmatch(r"-[aqsn]*m|--message", argv[at - 1]) is not None


def _check_loss(argv: tuple[str, ...], program: str, folders: tuple[str, ...], workspace: str = "") -> None:
    if not is_listed(argv[0], program):
        return
    computed = [word for at, word in enumerate(argv) if UNKNOWN in word and not (word != MANY and _is_message(argv, at))]
    if any(word.startswith(UNKNOWN) for word in computed):
        raise Leaves(f"{argv[0]} is given words that the line computes, and may destroy with them")
    if computed and set(names_of(argv[0], program)) & CHECKED_ON_DISK:
        raise Leaves(f"{argv[0]} may replace a file whose name the line computes")
    if loss := loss_of(argv, WorkingFolders(workspace or folders[0], folders), program):
        raise Leaves(loss)


def _shell(command: ProgramCall, line: Line, read_shell: ReadShell) -> None:
    words = list(command.argv[1:])
    code = ""
    while words and words[0].startswith(("-", "+")) and words[0] not in ("-", "--"):
        option = words.pop(0)
        if option in ("-o", "+o"):
            if not words or words.pop(0) not in ("pipefail", "errexit", "nounset", "xtrace", "noglob"):
                raise Leaves("an option of the shell changes what its words mean")
        elif not re.fullmatch(r"-[euxnvlc]+|--(norc|noprofile|login|posix)", option):
            raise Leaves("an option of the shell changes what its words mean")
        elif not option.startswith("--") and "c" in option:
            code = "c"
    if code:
        if not words or UNKNOWN in words[0]:
            raise Leaves("a shell is given a line that is computed")
        _deeper(line)
        read_shell(words[0], command.folders, line)
        return
    if words and words[0] not in ("-", "--"):
        judge_script(words[0], command, line, "sh")
        return
    if command.stdin is None:
        raise Leaves("a shell runs what is piped into it")
    _deeper(line)
    read_shell(command.stdin, command.folders, line)


def _no_shell(text: str, folders: tuple[str, ...], line: Line) -> None:
    raise Leaves("it runs a shell")


def _local(command: ProgramCall, line: Line, read_shell: ReadShell) -> None:
    """A program that is given by its path: a script or a program of the workspace."""
    name = command.argv[0]
    if name.startswith(("/", "~")):
        raise Leaves(f"{name[:60]} is a program outside the workspace, given by its path")
    _check_words(ProgramCall(("./", *command.argv[1:]), command.folders), line)
    is_of_machine = False
    for folder in command.folders:
        path = os.path.normpath(os.path.join(folder, name))
        real = os.path.realpath(path)
        base = os.path.basename(path)
        # The interpreter of an environment in the workspace, such as .venv/bin/python, may be a link to that of the machine.
        is_of_machine = not line.places.is_inside(path) and relative_to(line.places.workspace, path) is not None
        is_of_machine = is_of_machine and bool(INTERPRETERS.match(base) and INTERPRETERS.match(os.path.basename(real)))
        if not is_of_machine and (problem := line.places.problem(name, command.folders)):
            raise Leaves(problem)
        if INTERPRETERS.match(base):
            interpret(re.sub(r"[\d.]+\Z", "", base), command, line, lambda inner: check(inner, line, _no_shell))
            continue
        _check_loss((base, *command.argv[1:]), real, command.folders)
        if needs_network((base, *command.argv[1:])):
            raise Leaves(f"{base[:40]} usually needs the network, which is off")
        if base in WRAPPERS or base in SHELLS:
            raise Leaves(f"{base} runs other programs")
    if not is_of_machine:
        judge_script(name, command, line, "")


def _check_scripts(argv: tuple[str, ...], folders: tuple[str, ...], line: Line) -> None:
    if problem := scripts_loss(argv, folders, line.places.workspace):
        raise Leaves(problem)
