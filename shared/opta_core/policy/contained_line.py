"""Reads a whole command line, with its loops, pipes, variables and here documents, and asks whether the sandbox holds all of it.

In the full sandbox without network a line stays in the workspace whatever it computes. A person is asked all the same about what
destroys, runs on in the background, names credentials or control files, or cannot be read with certainty: every form of the shell
that is not known here asks. Grammar: tree-sitter-bash.
"""

import os

import msgspec

from . import command_line
from .contained_paths import UNKNOWN, Places
from .contained_state import Leaves, Line
from .contained_statements import StatementReader

BODIES_MAX = 64 * 1024


class Contained(msgspec.Struct, frozen=True):
    """Whether the sandbox holds a line. `why`: why a person is asked all the same; '' when not. `programs`: what it runs, with a
    placeholder for computed words. `scripts`: sha256 of the scripts of the workspace that it was judged by; `names_scripts`: whether
    it names any, which may not be there yet.
    """

    why: str = ""
    programs: tuple[tuple[str, ...], ...] = ()
    scripts: str = ""
    names_scripts: bool = False
    wants_network: bool = False
    # False when there was no folder to judge it in.
    is_judged: bool = True


def read(text: str, workspace: str, start: str, search: tuple[str, ...]) -> Contained:
    """Judge a line that begins in the folder `start` of a workspace. Reads the scripts that it names; runs nothing."""
    if ".." in os.path.relpath(start, workspace).split("/") or "/../" in f"{start}/":
        return Contained(why=f"{start[:80]} is outside the workspace")
    start = os.path.normpath(start)
    if not os.path.isdir(workspace):
        return Contained(why=f"there is no folder {workspace[:80]}", is_judged=False)
    line = Line(Places(workspace, start), search)
    why = ""
    try:
        if problem := line.places.folder_problem(start):
            raise Leaves(problem)
        read_shell(text, (start,), line)
    except Leaves as problem:
        why = str(problem).replace(UNKNOWN, "…")
    except RecursionError:
        why = "it is nested too deep"
    scripts = "\n".join(f"{name}\0{digest}" for name, digest in sorted(line.scripts.items()))
    return Contained(why, tuple(line.programs), scripts, line.names_scripts, line.wants_network)


def read_shell(text: str, folders: tuple[str, ...], line: Line) -> None:
    """Judge a line, or the text that a line gives to a shell. Raises Leaves."""
    if character := command_line.deceiving(text):
        raise Leaves(f"it holds the character {character}")
    encoded = text.encode(errors="replace")
    if len(encoded) > BODIES_MAX:
        raise Leaves("it is too long to be judged")
    root = command_line.parse(encoded)
    if root.has_error:
        raise Leaves("it cannot be parsed")
    if not any(child.type != "comment" for child in root.children):
        raise Leaves("it is empty")
    reader = StatementReader(encoded, line, folders, read_shell)
    reader.cover(root)
    reader.visit(root)
