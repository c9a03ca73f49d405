"""The tools by name: what the model may send, and the function that does it."""

import contextlib
import os
from collections.abc import Callable, Generator
from typing import Annotated, Any

import msgspec

from opta_protocol.commands import PreviewTool, RunTool

from . import files, search
from .beneath import PathProblem, Workspace
from .checkpoints import Checkpoints
from .outcome import Outcome, ToolProblem
from .writing import Draft, draft_edits, draft_write, put


class _Arguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


Line = Annotated[int, msgspec.Meta(ge=1)]


class ReadFile(_Arguments, frozen=True, kw_only=True):
    """read_file"""

    path: str
    start_line: Line | None = None
    end_line: Line | None = None


class ListDir(_Arguments, frozen=True, kw_only=True):
    """list_dir"""

    path: str = "."


class SearchFiles(_Arguments, frozen=True, kw_only=True):
    """search_files"""

    pattern: str
    path: str = "."


class Grep(_Arguments, frozen=True, kw_only=True):
    """grep"""

    pattern: str
    path: str = "."
    glob: str | None = None
    ignore_case: bool = False


class WriteFile(_Arguments, frozen=True, kw_only=True):
    """write_file"""

    path: str
    content: str


class EditFile(_Arguments, frozen=True, kw_only=True):
    """edit_file"""

    path: str
    old: str
    new: str
    all: bool = False


class Edit(_Arguments, frozen=True, kw_only=True):
    """One edit of multi_edit"""

    old: str
    new: str
    all: bool = False


class MultiEdit(_Arguments, frozen=True, kw_only=True):
    """multi_edit"""

    path: str
    edits: Annotated[list[Edit], msgspec.Meta(min_length=1, max_length=50)]


class RunCommand(_Arguments, frozen=True, kw_only=True):
    """run_command"""

    command: str
    cwd: str = "."
    timeout_s: float | None = None
    background: bool = False


class CommandOutput(_Arguments, frozen=True, kw_only=True):
    """command_output"""

    id: str = ""
    wait_s: float = 0.0


class CommandStop(_Arguments, frozen=True, kw_only=True):
    """command_stop"""

    id: str


class Todo(_Arguments, frozen=True, kw_only=True):
    """todo"""

    items: list[dict[str, str]]


READS: dict[str, tuple[type[_Arguments], Callable[..., Outcome]]] = {
    "read_file": (ReadFile, files.read_file),
    "list_dir": (ListDir, files.list_dir),
    "search_files": (SearchFiles, search.search_files),
    "grep": (Grep, search.grep),
}
WRITES: dict[str, type[_Arguments]] = {"write_file": WriteFile, "edit_file": EditFile, "multi_edit": MultiEdit}
FILE_TOOLS = frozenset({*READS, *WRITES})
SEEN_MAX = 2000


def arguments(kind: type[Any], args: dict[str, Any], tool: str) -> Any:
    """`args` as `kind`. Raises ToolProblem that names the field."""
    try:
        return msgspec.convert(args, kind)
    except msgspec.ValidationError as error:
        raise ToolProblem(f"{tool}: {error}", "bad_arguments") from error


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

    def preview(self, asked: PreviewTool) -> tuple[str, str]:
        """(the diff of a write, what it `expects`). Raises ToolProblem when it would fail."""
        if asked.name not in WRITES:
            raise ToolProblem(f"{asked.name} changes no file")
        with _opened(asked.cwd, asked.folder) as workspace:
            draft = _draft(workspace, asked.name, asked.args)
            return draft.diff, draft.expects

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


def run_reader(name: str, args: dict[str, Any], cwd: str) -> Outcome:
    """The same from a folder's name. Raises ToolProblem."""
    with _opened(cwd) as workspace:
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
