"""The tools by name: what the model may send, and the function that does it."""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec

from . import files, search
from .beneath import PathProblem, Workspace
from .outcome import Outcome, ToolProblem


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


class RunCommand(_Arguments, frozen=True, kw_only=True):
    """run_command"""

    command: str
    cwd: str = "."
    timeout_s: float | None = None
    background: bool = False


class Todo(_Arguments, frozen=True, kw_only=True):
    """todo"""

    items: list[dict[str, str]]


FILE_TOOLS: dict[str, tuple[type[_Arguments], Callable[..., Outcome]]] = {
    "read_file": (ReadFile, files.read_file),
    "list_dir": (ListDir, files.list_dir),
    "search_files": (SearchFiles, search.search_files),
    "grep": (Grep, search.grep),
    "write_file": (WriteFile, files.write_file),
    "edit_file": (EditFile, files.edit_file),
}


def arguments(kind: type[Any], args: dict[str, Any], tool: str) -> Any:
    """`args` as `kind`. Raises ToolProblem that names the field."""
    try:
        return msgspec.convert(args, kind)
    except msgspec.ValidationError as error:
        raise ToolProblem(f"{tool}: {error}", "bad_arguments") from error


def run_file_tool(name: str, args: dict[str, Any], cwd: str) -> Outcome:
    """One call, in whatever thread. Raises ToolProblem."""
    kind, function = FILE_TOOLS[name]
    checked = arguments(kind, args, name)
    try:
        workspace = Workspace(cwd)
        try:
            return function(workspace, **msgspec.structs.asdict(checked))
        finally:
            workspace.close()
    except PathProblem as problem:
        raise ToolProblem(str(problem), "path") from problem
