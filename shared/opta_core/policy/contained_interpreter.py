"""What an interpreter of a contained line runs: a script of the workspace, a module, code on the line, or what is piped into it.

Code on the line and scripts are searched for what a person must be asked about. Options are read letter by letter: `python -Bmpip` runs
pip, `node --require=./x.js` runs x.js as well.
"""

import os
import re
from collections.abc import Callable

from .code_scan import code_problem, script_problem
from .code_writes import SCRIPT_SUFFIXES, imported_by, replaced_by, run_by
from .contained_paths import UNKNOWN
from .contained_scripts import judge_script, read_script, scripts_loss
from .contained_state import Leaves, Line, ProgramCall
from .destructive_commands import WorkingFolders, loss_of
from .programs import PROGRAM_MODULES, running_problem

Run = Callable[[ProgramCall], None]
_HELP = frozenset({"--version", "-version", "-V", "-v", "--help", "-help", "-h", "--test"})
# Options that give an interpreter its code on the line.
_CODE = {
    "python": "c", "pypy": "c", "node": "ep", "nodejs": "ep", "ruby": "e", "perl": "eE", "php": "rBRE", "lua": "e", "luajit": "e", "Rscript": "e", "julia": "eE",
    "elixir": "e", "groovy": "e", "scala": "e", "swift": "e", "deno": "", "bun": "e", "tsx": "e", "ts-node": "ep",
}  # fmt: skip
_CODE_LONG = frozenset({"--eval", "--print", "--execute"})
# Options that run a further file first. One that does not lie in the workspace belongs to a package.
_LOADING = {
    "node": r"(-r|--require|--import|--loader|--experimental-loader)", "ruby": r"(-r)", "lua": r"(-l)", "php": r"(-z)", "tsx": r"(-r|--require|--import)",
    "ts-node": r"(-r|--require)", "bun": r"(-r|--preload|--require)",
}  # fmt: skip
# Options with which an interpreter waits for a person, serves, reads another configuration, or searches its script.
_ASKING = {
    "python": r"-[A-Za-z]*i[A-Za-z]*", "pypy": r"-[A-Za-z]*i[A-Za-z]*", "node": r"-i|--interactive|--build-snapshot.*|--test-reporter=[./].*",
    "ruby": r"-[SxC].*", "perl": r"-[Sxd].*", "php": r"-[aSdct].*|--(interactive|server|define|php-ini).*", "lua": r"-i", "luajit": r"-i|-b.*",
}  # fmt: skip
# Interpreters whose first operand is a task of the project, or a class, when it is no file.
_WITH_TASKS = frozenset("java dotnet bun deno swift scala mix npx bunx pnpx uvx pipx jshell osascript".split())
_TASKS = {
    "dotnet": ("build", "test", "format", "run"),
    "swift": ("build", "test", "format", "run"),
    "deno": ("test", "check", "lint", "fmt", "info"),
    "mix": ("test", "compile", "format", "credo", "dialyzer"),
}
# Modules of Python's own that serve, fetch, rewrite files, or run what their words say.
_MODULES_ASKING = frozenset(
    """
    pip ensurepip http.server twine pdb code idlelib trace runpy webbrowser zipapp shutil asyncio smtpd ftplib telnetlib nntplib poplib
    imaplib xmlrpc.server wsgiref.simple_server socketserver pydoc lib2to3 lib2to3.pgen2.driver turtledemo uu quopri cgi sqlite3 venv timeit dotenv
    """.split()
)
_PIP_READING = frozenset({"list", "show", "freeze", "check"})
_PYTHON_PLAIN = frozenset("bBdEhIOPqRsStuvVx?")


def interpret(name: str, command: ProgramCall, line: Line, run: Run) -> None:
    """Raises Leaves when a person is asked about an interpreter. `name`: without its version; `run` judges a module that is a program."""
    argv = command.argv
    if name.endswith("awk"):
        _awk(argv)
        return
    if len(argv) == 2 and argv[1] in _HELP:
        return
    if name in ("python", "pypy"):
        _python(command, line, run)
        return
    letters = _CODE.get(name, "ecr")
    words = list(argv[1:])
    operand = ""
    has_code = False
    while words:
        word = words.pop(0)
        if re.fullmatch(_ASKING.get(name, r"(?!)"), word):
            raise Leaves(f"{name} {word[:30]} waits for a person, serves, or reads other settings")
        if name in _LOADING and (found := re.fullmatch(rf"{_LOADING[name]}(?:=?(.*))", word)):
            loaded = found.group(2) or (words.pop(0) if words else "")
            if loaded and line.places.files(loaded, command.folders):
                judge_script(loaded, command, line, name)
            continue
        if name == "node" and (found := re.fullmatch(r"--run(?:=(.*))?", word)):
            task = found.group(1) or (words.pop(0) if words else "")
            if problem := scripts_loss(("npm", "run", task), command.folders, line.places.workspace):
                raise Leaves(problem)
            return
        if letters and (word in _CODE_LONG or re.fullmatch(rf"-[A-Za-z0-9]*[{letters}]", word)):
            if words:
                scan_code(words.pop(0), command, line)
                has_code = True
            break
        if word.startswith("-") and word != "-":
            if re.match(r"-[cer].|--(eval|print)=", word):
                scan_code(word, command, line)
                has_code = True
            continue
        operand = word
        break
    if has_code:
        return
    _script(name, operand, tuple(words), command, line)


def scan_code(text: str, command: ProgramCall, line: Line) -> None:
    """Raises Leaves for what code on the line would do that a person is asked about."""
    if UNKNOWN in text:
        raise Leaves("it runs code that the line computes")
    if problem := code_problem(text):
        raise Leaves(problem)
    for target in replaced_by(text):
        if target is None:
            raise Leaves("its code writes to a file whose name it computes")
        if problem := line.places.write_problem(target, command.folders, appends=False, made=frozenset(line.made)):
            raise Leaves(f"its code writes: {problem}")
        for folder in command.folders:
            line.note_written(os.path.normpath(os.path.join(folder, target)), None)
    for name in run_by(text):
        if line.places.files(name, command.folders):
            judge_script(name, command, line, "sh" if name.endswith((".sh", ".bash")) else "node" if name.endswith(SCRIPT_SUFFIXES) else "")
    for name in imported_by(text):
        for path in line.places.files(name, command.folders):
            # Importing runs what stands at the beginning of a line, and defines the rest.
            module = "\n".join(each for each in (read_script(path, line) or "").split("\n") if not each.startswith((" ", "\t")))
            if problem := script_problem(module):
                raise Leaves(f"{name[:60]}, which its code imports: {problem}")


def _python(command: ProgramCall, line: Line, run: Run) -> None:
    words = list(command.argv[1:])
    operand = ""
    while words and not operand:
        word = words.pop(0)
        if word == "-" or not word.startswith("-"):
            operand = word
        elif word.startswith("--"):
            if not re.fullmatch(r"--(version|help|check-hash-based-pycs=?.*)", word):
                raise Leaves(f"python {word[:30]} is an option that is not judged")
        else:
            for at, letter in enumerate(word[1:], 2):
                rest = word[at:]
                if letter == "c":
                    scan_code(rest or (words[0] if words else ""), command, line)
                    return
                if letter == "m":
                    _module((rest, *words) if rest else tuple(words), command, line, run)
                    return
                if letter in "WX":
                    words = words if rest else words[1:]
                    break
                if letter not in _PYTHON_PLAIN:
                    raise Leaves(f"python {word[:30]} waits for a person, or is an option that is not judged")
    _script("python", operand, tuple(words), command, line)


def _script(name: str, operand: str, words: tuple[str, ...], command: ProgramCall, line: Line) -> None:
    if operand and operand != "-":
        if name in _WITH_TASKS and not line.places.files(operand, command.folders):
            _named_task(name, operand, words, command, line)
            return
        # `python manage.py flush`, `php artisan migrate:fresh`: programs that are known by the name of their script.
        known = (os.path.basename(operand), *words)
        if problem := loss_of(known, WorkingFolders(command.folders[0], command.folders)) or running_problem(known):
            raise Leaves(problem)
        judge_script(operand, command, line, name)
        # A further script among the words runs too: `python3 run.py other.py`.
        for word in words:
            if re.fullmatch(r"[\w./-]+\.(py|[cm]?[jt]sx?|rb|pl|php|lua|sh|jl|R)", word) and line.places.files(word, command.folders):
                judge_script(word, command, line, name)
        return
    if command.stdin is None:
        raise Leaves(
            f"{command.argv[0]} runs what is piped into it" if command.is_piped else f"{command.argv[0]} waits for a person to type"
        )
    scan_code(command.stdin, command, line)


def _named_task(name: str, operand: str, words: tuple[str, ...], command: ProgramCall, line: Line) -> None:
    if operand in _TASKS.get(name, ()):
        return
    if (name == "bun" and operand in ("test", "run")) or (name == "deno" and operand == "task"):
        if problem := scripts_loss((name, *(("run",) if name == "deno" else ()), *command.argv[2 if name == "deno" else 1 :]), command.folders, line.places.workspace):  # fmt: skip
            raise Leaves(problem)
        return
    if name == "java":
        return
    raise Leaves(f"{' '.join((name, operand))[:60]} may fetch and run a program")


def _module(words: tuple[str, ...], command: ProgramCall, line: Line, run: Run) -> None:
    """`python -m MODULE …`."""
    if not words:
        raise Leaves("python -m names no module")
    module, rest = words[0], words[1:]
    if UNKNOWN in module:
        raise Leaves("python -m is given a computed name")
    if rest in (("--help",), ("-h",), ("--version",)):
        return
    if module == "venv" and len(rest) == 1 and _is_new(rest[0], command):
        return
    if module in ("cProfile", "profile"):
        _profile(rest, command, line, run)
        return
    if module in _MODULES_ASKING:
        if module == "pip" and rest[:1] and rest[0] in _PIP_READING:
            return
        raise Leaves(f"python -m {module} may need the network, change files, or run what it is given")
    if loss := loss_of((module, *rest), WorkingFolders(command.folders[0], command.folders)):
        raise Leaves(loss)
    if module == "json.tool" and sum(not word.startswith("-") for word in rest) > 1:
        raise Leaves("json.tool replaces its second file")
    if module in ("zipfile", "tarfile") and not set(rest[:1]) & {"-l", "--list", "-t", "--test"}:
        raise Leaves(f"python -m {module} writes files")
    if module == "gzip":
        raise Leaves("python -m gzip writes files")
    if module in PROGRAM_MODULES and "." not in module:
        run(ProgramCall((module, *rest), command.folders, command.stdin, command.is_piped))
        return
    # A module of the workspace is a script like any other.
    path = module.replace(".", "/")
    for candidate in (f"{path}.py", f"{path}/__main__.py"):
        if line.places.files(candidate, command.folders):
            judge_script(candidate, command, line, "python")


def _is_new(target: str, command: ProgramCall) -> bool:
    return bool(re.fullmatch(r"[\w.][\w./-]*", target)) and not any(
        os.path.lexists(os.path.join(folder, target)) for folder in command.folders
    )


def _profile(words: tuple[str, ...], command: ProgramCall, line: Line, run: Run) -> None:
    waiting = list(words)
    while waiting and waiting[0].startswith("-"):
        option = waiting.pop(0)
        if option == "-m":
            _module(tuple(waiting), command, line, run)
            return
        if option != "-s" or not waiting:
            raise Leaves(f"cProfile {option[:30]} is an option that is not judged")
        waiting.pop(0)
    _script("python", waiting[0] if waiting else "", tuple(waiting[1:]), command, line)


def awk_program(argv: tuple[str, ...]) -> int:
    """The place of the program among the words of awk; 0 when its options do not say it with certainty."""
    at = 1
    while at < len(argv) and argv[at].startswith("-") and argv[at] != "-":
        word = argv[at]
        if word == "--":
            at += 1
            break
        if word in ("-F", "-v", "--field-separator", "--assign"):
            at += 2
        elif re.fullmatch(r"-[Fv].+|--(field-separator|assign)=.*|-[bnsSrPct]|--(re-interval|posix|csv)", word, re.DOTALL):
            at += 1
        else:
            return 0
    return at if at < len(argv) else 0


def _awk(argv: tuple[str, ...]) -> None:
    if len(argv) == 2 and argv[1] in _HELP:
        return
    at = awk_program(argv)
    if not at:
        raise Leaves("awk is given an option with which it may read its program from a file, or write one")
    if UNKNOWN in argv[at]:
        raise Leaves("it runs code that the line computes")
    if problem := code_problem(argv[at], is_awk=True):
        raise Leaves(problem)
