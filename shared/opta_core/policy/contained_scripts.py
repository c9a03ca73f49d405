"""Scripts of the workspace that a line runs: read, searched for what a person must be asked about, and kept by their hash."""

import hashlib
import os
import re

from . import command_line
from .code_scan import is_serious_loss, named_problem, script_problem
from .contained_paths import UNKNOWN
from .contained_state import Leaves, Line, ProgramCall
from .program_names import names_of

SCRIPT_BYTES_MAX = 256 * 1024
SHELLS = frozenset("sh bash dash ash zsh ksh".split())


def judge_script(name: str, command: ProgramCall, line: Line, interpreter: str) -> None:
    """A script of the workspace. Its text is searched and kept by its hash, so that a change while a person is asked is seen."""
    if UNKNOWN in name:
        raise Leaves("it runs a script whose name is computed")
    line.names_scripts = True
    if problem := line.places.problem(name, command.folders):
        raise Leaves(problem)
    found = False
    for folder in command.folders:
        path = os.path.normpath(os.path.join(folder, name))
        if path in line.made:
            text = line.made[path]
            if text is None:
                raise Leaves(f"it runs {name[:60]}, which the line itself writes")
            found = True
        elif not os.path.lexists(path):
            if any(
                name.removeprefix("./") in (word.removeprefix("./") for word in argv[1:])
                and set(names_of(argv[0])) & {"gcc", "rustc", "go", "zig", "ld"}
                for argv in line.programs[:-1]
            ):
                found = True
            continue
        else:
            text = read_script(path, line)
            found = True
            if text is None:
                continue
        _scan_script(text, interpreter)
    if not found:
        raise Leaves(f"there is no {name[:60]} in the workspace")


def read_script(path: str, line: Line) -> str | None:
    """The text of a script; None for a program that is no text."""
    if os.path.isdir(path):
        path = os.path.join(path, "__main__.py")
    if not line.places.is_inside(path):
        raise Leaves(f"{os.path.basename(path)[:60]} leads out of the workspace")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    with os.fdopen(descriptor, "rb") as handle:
        if not os.path.isfile(path):
            raise Leaves(f"{os.path.basename(path)[:60]} is no plain file")
        content = handle.read(SCRIPT_BYTES_MAX + 1)
    line.scripts[os.path.relpath(path, line.places.workspace)] = hashlib.sha256(content).hexdigest()
    if b"\0" in content[:8192]:
        return None
    if len(content) > SCRIPT_BYTES_MAX:
        raise Leaves(f"{os.path.basename(path)[:60]} is too large to look through")
    return content.decode(errors="replace")


def _scan_script(text: str, interpreter: str) -> None:
    first = text.split("\n", 1)[0]
    is_shell = interpreter in SHELLS or (first.startswith("#!") and re.search(r"\b(ba|da|z|k|a)?sh\b", first) is not None)
    if is_shell or (not interpreter and not first.startswith("#!")):
        scan_shell_text(text)
    elif problem := script_problem(text):
        raise Leaves(problem)


def scan_shell_text(text: str) -> None:
    for argv in command_line.loose_commands(text):
        if loss := is_serious_loss(argv):
            raise Leaves(f"its script destroys: {loss}")
    for target in command_line.redirect_targets(text):
        if problem := named_problem(f"./{target}"):
            raise Leaves(f"its script redirects: {problem}")
    if problem := named_problem(text):
        raise Leaves(f"its script: {problem}")
