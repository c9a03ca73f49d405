"""What one program of a contained line would do: whether the sandbox holds all of it, or a person must be asked.

`Leaves` says why a person is asked. Programs that run others are looked through; scripts of the workspace and code on the line are
searched for what deletes, names credentials or control files. What a script does beyond that stays in the workspace.
"""

import os
import re

from . import command_line
from .code_scan import code_problem
from .contained_paths import UNKNOWN, is_instruction
from .contained_scripts import SHELLS, judge_script, scripts_loss
from .contained_state import Leaves, Line, ProgramCall, ReadShell
from .destructive_commands import CHECKED_ON_DISK, WorkingFolders, is_listed, loss_of
from .held_options import still_vetoed
from .looking_through import inner_of
from .offline import works_offline
from .path_names import relative_to
from .program_names import names_of
from .programs import EVALUATING, INTERPRETERS, PROGRAM_MODULES, WRAPPERS, needs_network, running_problem

DEPTH_MAX = 6
# Builtins of a shell that change neither the meaning of later words nor anything outside of the line's own shell.
BUILTINS = frozenset(": true false echo printf pwd exit wait shift break continue read sleep test [ return".split())
# Their words are text and name no files.
_TEXT = frozenset({"echo", "printf", "true", "false", ":", "exit", "sleep", "test", "[", "seq", "expr", "date", "basename", "dirname"})
# Their first operand is a pattern or a script, unless an option gives it.
_PATTERN_FIRST = frozenset("grep egrep fgrep rg sed gsed tr cut jq yq ag ack git-grep".split())
_READERS = frozenset(
    "cat head tail less grep egrep fgrep rg ls wc diff cmp file stat sort uniq awk bat nl tree du md5sum sha256sum jq".split()
)
# Options that give an interpreter its code on the line.
_CODE = {
    "python": "c", "pypy": "c", "node": "ep", "nodejs": "ep", "ruby": "e", "perl": "eE", "php": "rBRE", "lua": "e", "luajit": "e", "Rscript": "e", "julia": "eE",
    "elixir": "e", "groovy": "e", "scala": "e", "swift": "e", "deno": "", "bun": "e", "tsx": "e", "ts-node": "ep",
}  # fmt: skip


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
        if (name in ("printf", "test", "[") and "-v" in argv) or (
            name == "read" and any(not re.fullmatch(r"-r|[A-Za-z_]\w*", word) for word in argv[1:])
        ):
            raise Leaves(f"{name} evaluates its words")
        return
    if "/" in name:
        _local(command, line, read_shell)
        return
    program = _located(name, line)
    real = os.path.basename(os.path.realpath(program)) if program else name
    names = names_of(name, program)
    _check_words(command, line)
    inner = inner_of(argv, line.places, command.folders)
    if inner is not None:
        if inner.problem:
            raise Leaves(inner.problem)
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
        _interpreter(re.sub(r"[\d.]+\Z", "", interpreter), command, line)
        return
    if problem := running_problem(argv):
        raise Leaves(problem)
    if problem := still_vetoed(argv, program, line.places, command.folders, frozenset(line.made)):
        raise Leaves(problem)
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
    is_code = bool(INTERPRETERS.match(name.casefold()) or name in SHELLS)
    for at, word in enumerate(argv[1:], 1):
        if (
            at == exempt
            or "\n" in word
            or (is_code and argv[at - 1].startswith("-") and " " in word)
            or (name.endswith("awk") and at == _awk_program(argv))
        ):
            continue
        if name in ("cut", "sort", "awk", "gawk", "mawk", "tr", "column", "paste") and re.fullmatch(r"(-[A-Za-z])?/", word):
            continue
        if problem := line.places.problem(word, command.folders):
            raise Leaves(problem)
        if (
            name not in _READERS
            and not (name == "git" and argv[1:2] and argv[1] in ("diff", "log", "show", "add", "blame", "status"))
            and is_instruction(word)
        ):
            raise Leaves(f"it names {word[:60]}, which tells agents what to do")


def _check_loss(argv: tuple[str, ...], program: str, folders: tuple[str, ...], workspace: str = "") -> None:
    if not is_listed(argv[0], program):
        return
    computed = [word for word in argv[1:] if UNKNOWN in word]
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


def _interpreter(name: str, command: ProgramCall, line: Line) -> None:
    argv = command.argv
    if name.endswith("awk"):
        if any(word.startswith(("-f", "-i", "-l", "-E", "--file", "--exec", "--include", "--load")) for word in argv[1:]):
            raise Leaves("awk takes its program from a file")
        at = _awk_program(argv)
        if at and (problem := code_problem(argv[at], is_awk=True)):
            raise Leaves(problem)
        return
    letters = _CODE.get(name, "ecr")
    has_code = False
    operand = ""
    words = list(argv[1:])
    while words:
        word = words.pop(0)
        is_code = bool(letters) and (
            re.fullmatch(rf"-[A-Za-z0-9]*[{letters}]", word) is not None or word in ("--eval", "--print", "--execute")
        )
        if is_code:
            if words:
                _scan_code(words.pop(0))
                has_code = True
            break
        if word in ("-m",) and name in ("python", "pypy"):
            _module(tuple(words), command, line)
            return
        if word.startswith("-") and word != "-":
            if re.match(r"-[cer].|--(eval|print)=", word):
                _scan_code(word)
                has_code = True
            if name in ("python", "pypy") and word in ("-W", "-X") and words:
                words.pop(0)
            continue
        operand = word
        break
    if has_code or (len(argv) == 2 and argv[1] in ("--version", "-V", "-v", "--help", "-h", "--test")):
        return
    if operand and operand != "-":
        if name in (
            "java",
            "dotnet",
            "bun",
            "deno",
            "swift",
            "scala",
            "mix",
            "npx",
            "bunx",
            "pnpx",
            "uvx",
            "pipx",
            "jshell",
            "osascript",
        ) and not line.places.files(operand, command.folders):
            _named_task(name, operand, command, line)
            return
        judge_script(operand, command, line, name)
        # `node -r ./first.js second.js` runs both.
        for word in words:
            if re.fullmatch(r"[\w./-]+\.(py|[cm]?[jt]sx?|rb|pl|php|lua|sh|jl|R)", word) and line.places.files(word, command.folders):
                judge_script(word, command, line, name)
        return
    if command.stdin is None:
        raise Leaves(f"{argv[0]} runs what is piped into it" if command.is_piped else f"{argv[0]} waits for a person to type")
    _scan_code(command.stdin)


def _named_task(name: str, operand: str, command: ProgramCall, line: Line) -> None:
    if name in ("dotnet", "swift") and operand in ("build", "test", "format", "run", "clean") and operand != "clean":
        return
    if name == "bun" and operand in ("test", "run"):
        _check_scripts(command.argv, command.folders, line)
        return
    if name == "java" and not operand.startswith("-"):
        return
    raise Leaves(f"{' '.join(command.argv[:2])[:60]} may fetch and run a program")


def _awk_program(argv: tuple[str, ...]) -> int:
    at = 1
    while at < len(argv) and argv[at].startswith("-"):
        at += 2 if argv[at] in ("-F", "-v") else 1
    return at if at < len(argv) else 0


def _module(words: tuple[str, ...], command: ProgramCall, line: Line) -> None:
    if not words:
        raise Leaves("python -m names no module")
    module = words[0]
    if module in (
        "pip",
        "ensurepip",
        "http.server",
        "twine",
        "timeit",
        "pdb",
        "code",
        "idlelib",
        "cProfile",
        "profile",
        "trace",
        "runpy",
        "webbrowser",
        "zipapp",
        "venv",
        "shutil",
    ):
        if module == "pip" and words[1:2] and words[1] in ("list", "show", "freeze", "check"):
            return
        raise Leaves(f"python -m {module} may need the network, or runs what it is given")
    if UNKNOWN in module:
        raise Leaves("python -m is given a computed name")
    if loss := loss_of((module, *words[1:]), WorkingFolders(command.folders[0], command.folders)):
        raise Leaves(loss)
    if module == "json.tool" and sum(not word.startswith("-") for word in words[1:]) > 1:
        raise Leaves("json.tool replaces its second file")
    if module in ("zipfile", "tarfile") and not set(words[1:2]) & {"-l", "--list", "-t", "--test"}:
        raise Leaves(f"python -m {module} writes files")
    if module in PROGRAM_MODULES and "." not in module:
        check(ProgramCall((module, *words[1:]), command.folders, command.stdin, command.is_piped), line, _no_shell)
        return
    # A module of the workspace is a script like any other.
    path = module.replace(".", "/")
    for candidate in (f"{path}.py", f"{path}/__main__.py"):
        if line.places.files(candidate, command.folders):
            judge_script(candidate, command, line, "python")


def _no_shell(text: str, folders: tuple[str, ...], line: Line) -> None:
    raise Leaves("it runs a shell")


def _scan_code(text: str) -> None:
    if UNKNOWN in text:
        raise Leaves("it runs code that the line computes")
    if problem := code_problem(text):
        raise Leaves(problem)


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
            _interpreter(re.sub(r"[\d.]+\Z", "", base), command, line)
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
