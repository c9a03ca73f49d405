"""Texts of a workspace that a turn adds to its prompt: the instructions of a folder, and what a person referred to with `@path`.

Every path is opened beneath the workspace, as the file tools open it: no link leads out, and what is no regular file is not waited for.
"""

import errno
import os
import re
import stat
from contextlib import closing

from opta_core.instruction_files import INSTRUCTION_FILES
from opta_protocol.commands import RunTool, ShownText, ShowTexts, TextsShown, WantedText
from opta_protocol.tools.file_access import LIST_DIR, READ_FILE

from ..result import Outcome, ToolProblem
from .encoding import decode
from .file_tools import run_reader
from .readable_roots import rooted
from .workspace import PathProblem, Workspace

# So much of one is read. What a model is shown of it is bounded again, by its context.
INSTRUCTION_BYTES_MAX = 64 * 1024
_POINTER = re.compile(r"@?(?P<path>[\w./-]{1,200}\.md)\Z")


def show(asked: ShowTexts, readable: tuple[str, ...] = ()) -> TextsShown:
    """The texts that are wanted, in their order. `readable`: the paths of the setting `sandbox.read`."""
    return TextsShown(id=asked.id, texts=[_shown(asked, wanted, readable) for wanted in asked.wanted])


def _shown(asked: ShowTexts, wanted: WantedText, readable: tuple[str, ...]) -> ShownText:
    try:
        if wanted.kind == "instructions":
            with closing(Workspace(asked.cwd, asked.folder)) as workspace:
                return _instructions(workspace, wanted.paths[0])
        return next((found for path in wanted.paths if (found := _reference(asked, wanted, path, readable)) is not None), ShownText())
    except (ToolProblem, PathProblem) as problem:
        return ShownText(problem=str(problem))


def _instructions(workspace: Workspace, folder: str) -> ShownText:
    """The instructions of a folder; one that cannot be read gives way to the next, and its problem is said when there is none."""
    problem = ShownText()
    for name in INSTRUCTION_FILES:
        path = workspace.relative(name if folder in ("", ".") else f"{folder}/{name}")
        try:
            found = _instruction_file(workspace, path)
            if found is not None and (pointer := _POINTER.match(found.text.strip())) is not None:
                # A file that only names another: what a link becomes where git makes no links, or an import of other agents.
                meant = os.path.normpath(f"{folder or '.'}/{pointer['path']}")
                found = _instruction_file(workspace, meant) or found
        except (PathProblem, ToolProblem) as error:
            problem = problem if problem.path else ShownText(path=path, problem=str(error))
            continue
        if found is not None:
            return found
    return problem


def _instruction_file(workspace: Workspace, path: str) -> ShownText | None:
    """A text file; None when there is none, or no text in it. Raises PathProblem, ToolProblem."""
    try:
        descriptor = workspace.open_regular(path)
    except PathProblem as error:
        if isinstance(error.__cause__, FileNotFoundError | NotADirectoryError):
            return None
        raise
    with os.fdopen(descriptor, "rb") as handle:
        content = handle.read(INSTRUCTION_BYTES_MAX)
        size = max(os.fstat(handle.fileno()).st_size, len(content))
    text = decode(_whole_characters(content, size), path).text
    return ShownText(path=path, text=_valid(text), size=size, is_whole=size <= len(content)) if text.strip() else None


def _reference(asked: ShowTexts, wanted: WantedText, path: str, readable: tuple[str, ...]) -> ShownText | None:
    """What read_file or list_dir answers for a path; None when there is nothing at it. Raises ToolProblem, PathProblem."""
    call = rooted(
        RunTool(callId="", sid="", turn="", name=READ_FILE.name, args={"path": path}, cwd=asked.cwd, folder=asked.folder), readable
    )
    with closing(Workspace(call.cwd, call.folder)) as workspace:
        try:
            descriptor = workspace.open(call.args["path"], os.O_RDONLY | os.O_NONBLOCK)
        except PathProblem as error:
            if isinstance(cause := error.__cause__, OSError):
                is_nothing = cause.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
            else:
                # A word that leads out of the workspace, to nothing: `@/alias/name` in code, `@~nobody`.
                is_nothing = not os.path.lexists(os.path.join(asked.cwd, os.path.expanduser(path)))
            return None if is_nothing else ShownText(path=path, problem=str(error))
        try:
            found = os.fstat(descriptor)
        finally:
            os.close(descriptor)
    is_folder = stat.S_ISDIR(found.st_mode)
    lines = {} if is_folder else {"start_line": wanted.first, "end_line": wanted.last}
    args = {**call.args, **{name: line for name, line in lines.items() if line is not None}}
    try:
        outcome: Outcome = run_reader(LIST_DIR.name if is_folder else READ_FILE.name, args, call.cwd, call.folder)
    except ToolProblem as problem:
        return ShownText(path=path, is_folder=is_folder, problem=str(problem))
    return ShownText(path=path, text=_valid(outcome.content), size=found.st_size, is_folder=is_folder, is_whole=not outcome.is_truncated)


def _whole_characters(content: bytes, size: int) -> bytes:
    """`content` up to its last line end when it is the beginning of a longer file, so that it ends with a whole character."""
    if size <= len(content) or content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content[: len(content) // 2 * 2] if size > len(content) else content
    return content[: content.rfind(b"\n") + 1] or content


def _valid(text: str) -> str:
    """Events are UTF-8; file names and files need not be."""
    return text.encode(errors="replace").decode()
