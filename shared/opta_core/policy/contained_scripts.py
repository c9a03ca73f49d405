"""Scripts of the workspace that a line runs: read, searched for what a person must be asked about, and kept by their hash."""

import hashlib
import os
import re

from . import command_line
from .code_scan import is_serious_loss, named_problem, script_problem
from .contained_paths import UNKNOWN, Places
from .contained_state import Leaves, Line, ProgramCall
from .program_names import names_of
from .recipes import recipes_of

SCRIPT_BYTES_MAX = 256 * 1024
DEPTH_MAX = 3
SHELLS = frozenset("sh bash dash ash zsh ksh".split())


def judge_script(name: str, command: ProgramCall, line: Line, interpreter: str) -> None:
    """A script of the workspace. Its text is searched and kept by its hash, so that a change while a person is asked is seen."""
    if UNKNOWN in name:
        raise Leaves("it runs a script whose name is computed")
    line.names_scripts = True
    if problem := line.places.problem(name, command.folders):
        raise Leaves(problem)
    for folder in command.folders:
        path = os.path.normpath(os.path.join(folder, name))
        if changer := next((argv for argv in line.programs[:-1] if _changes(argv, os.path.basename(name))), None):
            raise Leaves(f"it runs {name[:60]} after {' '.join(changer[:2])[:40]} may have changed it")
        if path in line.written and path not in line.made:
            raise Leaves(f"it runs {name[:60]}, which the line itself writes")
        if path in line.made:
            text = line.made[path]
            if text is None:
                raise Leaves(f"it runs {name[:60]}, which the line itself writes")
        elif not os.path.lexists(path):
            # Nothing to look at: it fails, or a build of the workspace that stands before it on the line makes it.
            continue
        else:
            text = read_script(path, line)
            if text is None:
                continue
        _scan_script(text, interpreter, line.places, command.folders)


def _changes(argv: tuple[str, ...], script: str) -> bool:
    """Whether a program that runs before a script may change the script."""
    if argv[0] == "git":
        return bool(argv[1:2]) and argv[1] in GIT_CHANGING
    return bool(set(names_of(argv[0])) & _WRITING) and any(
        os.path.basename(word.rstrip("/")) == script or UNKNOWN in word for word in argv[1:]
    )


GIT_CHANGING = frozenset("apply am checkout switch stash merge rebase cherry-pick revert restore reset bisect pull mv".split())
_WRITING = frozenset("cp mv ln tee install patch rsync dd tar unzip curl wget".split())


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


def _scan_script(text: str, interpreter: str, places: Places, folders: tuple[str, ...]) -> None:
    first = text.split("\n", 1)[0]
    is_shell = interpreter in SHELLS or (first.startswith("#!") and re.search(r"\b(ba|da|z|k|a)?sh\b", first) is not None)
    if is_shell or (not interpreter and not first.startswith("#!")):
        scan_shell_text(text, places, folders)
    elif problem := script_problem(text):
        raise Leaves(problem)


def scan_shell_text(text: str, places: Places, folders: tuple[str, ...], depth: int = 0) -> None:
    """Raises Leaves for what the text of a shell script destroys or names. Shell scripts that it runs are searched as well."""
    for argv in command_line.loose_commands(text):
        if loss := is_serious_loss(argv):
            raise Leaves(f"its script destroys: {loss}")
        for word in argv if depth < DEPTH_MAX else ():
            if re.fullmatch(r"\.{0,2}/?[\w./-]+\.(sh|bash)|\./[\w./-]+", word):
                for path in places.files(word, folders):
                    if os.path.getsize(path) <= SCRIPT_BYTES_MAX and places.is_inside(path):
                        _scan_file(path, places, folders, depth + 1)
    for target in command_line.redirect_targets(text):
        if problem := named_problem(f"./{target}"):
            raise Leaves(f"its script redirects: {problem}")
    if problem := named_problem(text):
        raise Leaves(f"its script: {problem}")


def _scan_file(path: str, places: Places, folders: tuple[str, ...], depth: int) -> None:
    try:
        with open(path, "rb") as handle:
            content = handle.read(SCRIPT_BYTES_MAX)
    except OSError:
        return
    first = content.split(b"\n", 1)[0]
    if b"\0" not in content and (path.endswith((".sh", ".bash")) or re.search(rb"^#!.*\b(ba|da|z|k|a)?sh\b", first)):
        scan_shell_text(content.decode(errors="replace"), places, folders, depth)


def scripts_loss(argv: tuple[str, ...], folders: tuple[str, ...], workspace: str) -> str:
    """Why the scripts that a runner starts (`npm run clean`, `make all`) ask; '' when they do not."""
    places = Places(workspace, workspace)
    if (set(names_of(argv[0])) & {"npm", "make", "just", "task"}) and any(UNKNOWN in word for word in argv):
        return f"{argv[0]} runs a script whose name the line computes"
    for text in recipes_of(argv, folders, places):
        try:
            scan_shell_text(text, places, folders)
        except Leaves as problem:
            return str(problem)
    return ""
