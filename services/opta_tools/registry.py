"""The tools by name: what the model may send, and the function that does it."""

import contextlib
import os
from collections.abc import Callable, Generator
from typing import Any, TypeVar

import msgspec

from opta_core import tool_arguments
from opta_core.tool_arguments import Arguments, EditFile, Grep, ListDir, MultiEdit, ReadFile, RunCommand, SearchFiles, WriteFile
from opta_protocol.commands import Preview, PreviewTool, RunTool

from .files import reads
from .files.checkpoints import Checkpoints
from .files.edits import Draft, draft_edits, draft_write, put
from .files.workspace import PathProblem, Workspace
from .result import Outcome, ToolProblem
from .search import search

READS: dict[str, tuple[type[Arguments], Callable[..., Outcome]]] = {
    "read_file": (ReadFile, reads.read_file),
    "list_dir": (ListDir, reads.list_dir),
    "search_files": (SearchFiles, search.search_files),
    "grep": (Grep, search.grep),
}
WRITES: dict[str, type[Arguments]] = {"write_file": WriteFile, "edit_file": EditFile, "multi_edit": MultiEdit}
FILE_TOOLS = frozenset({*READS, *WRITES})
SEEN_MAX = 2000
T = TypeVar("T", bound=Arguments)


def arguments(kind: type[T], args: dict[str, Any], tool: str) -> T:
    """`args` as `kind`. Raises ToolProblem that names the field."""
    try:
        return tool_arguments.read(kind, args, tool)
    except tool_arguments.BadArguments as error:
        raise ToolProblem(str(error), "bad_arguments") from error


class Files:
    """The file tools, in whatever thread. Remembers which content of a file a session saw last."""

    def __init__(self, checkpoints: Checkpoints):
        self._checkpoints = checkpoints
        # (session, path) -> what the file was when the session last read or wrote it
        self._seen: dict[tuple[str, str], tuple[int, int, int]] = {}

    def run(self, call: RunTool) -> Outcome:
        """One call. Raises ToolProblem."""
        with _opened(call.cwd, call.folder) as workspace:
            if call.name not in READS:
                return self._write(workspace, call)
            if call.name == "read_file":
                self._remember(workspace, call)
            return read(workspace, call.name, call.args)

    def preview(self, asked: PreviewTool) -> Preview:
        """What a write would do, or where a command would run. Raises ToolProblem when it would fail."""
        with _opened(asked.cwd, asked.folder) as workspace:
            if asked.name == "run_command":
                return Preview(callId=asked.callId, folder=folder_of(workspace, arguments(RunCommand, asked.args, asked.name)))
            if asked.name not in WRITES:
                raise ToolProblem(f"{asked.name} changes no file")
            draft = _draft(workspace, asked.name, asked.args)
            return Preview(callId=asked.callId, diff=draft.whole_diff, expects=draft.expects, writing=draft.writing)

    def _write(self, workspace: Workspace, call: RunTool) -> Outcome:
        draft = _draft(workspace, call.name, call.args)
        if call.expects and draft.expects != call.expects:
            raise ToolProblem(
                f"{draft.path} was changed after this was approved, so it is not written; read it and propose again", "changed"
            )
        known = self._seen.get((call.sid, draft.path))
        if call.name == "write_file" and draft.before is not None and known and known != _stamp(workspace, draft.path):
            raise ToolProblem(f"{draft.path} was changed since you read it; read it again, then write", "changed")
        if draft.before is not None:
            self._checkpoints.keep(call.sid, draft.before)
        outcome = put(workspace, draft)
        self._remember(workspace, call)
        return outcome

    def _remember(self, workspace: Workspace, call: RunTool) -> None:
        path = call.args.get("path")
        if isinstance(path, str) and (stamp := _stamp(workspace, path)) is not None:
            self._seen.pop((call.sid, path), None)
            self._seen[(call.sid, path)] = stamp
            if len(self._seen) > SEEN_MAX:
                self._seen.pop(next(iter(self._seen)))


def _stamp(workspace: Workspace, path: str) -> tuple[int, int, int] | None:
    try:
        descriptor = workspace.open_regular(path)
    except PathProblem:
        return None
    try:
        found = os.fstat(descriptor)
        return found.st_ino, found.st_size, found.st_mtime_ns
    finally:
        os.close(descriptor)


def read(workspace: Workspace, name: str, args: dict[str, Any]) -> Outcome:
    """A call that only reads. Raises ToolProblem, PathProblem."""
    kind, function = READS[name]
    return function(workspace, **msgspec.structs.asdict(arguments(kind, args, name)))


def folder_of(workspace: Workspace, asked: RunCommand) -> str:
    """The real path of the folder that a command asks to run in. Raises PathProblem."""
    descriptor = workspace.open(asked.cwd, os.O_RDONLY | os.O_DIRECTORY)
    try:
        link = f"/proc/self/fd/{descriptor}"
        return os.readlink(link) if os.path.exists(link) else os.path.realpath(os.path.join(workspace.path, asked.cwd))
    finally:
        os.close(descriptor)


def run_reader(name: str, args: dict[str, Any], cwd: str, identity: str = "") -> Outcome:
    """The same from a folder's name. Raises ToolProblem."""
    with _opened(cwd, identity) as workspace:
        return read(workspace, name, args)


def _draft(workspace: Workspace, name: str, args: dict[str, Any]) -> Draft:
    match arguments(WRITES[name], args, name):
        case WriteFile(path=path, content=content):
            return draft_write(workspace, path, content)
        case EditFile(path=path, old=old, new=new, all=everywhere):
            return draft_edits(workspace, path, [(old, new, everywhere)])
        case MultiEdit(path=path, edits=edits):
            return draft_edits(workspace, path, [(edit.old, edit.new, edit.all) for edit in edits])
        case _:
            raise ToolProblem(f"there is no tool {name}", "unknown_tool")


@contextlib.contextmanager
def _opened(cwd: str, identity: str = "") -> Generator[Workspace, None, None]:
    try:
        workspace = Workspace(cwd, identity)
        try:
            yield workspace
        finally:
            workspace.close()
    except PathProblem as problem:
        raise ToolProblem(str(problem), "path") from problem
