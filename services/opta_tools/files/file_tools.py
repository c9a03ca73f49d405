"""The tools that read, search and change files, and the function that executes each in a workspace.

A tool that only reads is a function of the workspace and its arguments. A tool that writes computes a draft, so that a person can be
shown the change first; writing the draft is the same for all tools.
"""

import contextlib
import os
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from opta_protocol.commands import Preview, PreviewTool, RunTool
from opta_protocol.tools.file_access import EDIT_FILE, LIST_DIR, MULTI_EDIT, READ_FILE, WRITE_FILE
from opta_protocol.tools.searching import GREP, SEARCH_FILES
from opta_protocol.tools.shell import RUN_COMMAND, RunCommand
from opta_protocol.tools.tool import Arguments, Tool

from ..arguments import arguments
from ..result import Outcome, ToolProblem
from ..search.search import grep, search_files
from .checkpoints import Checkpoints
from .edits import Draft, edit_file, multi_edit, put, write_file
from .open_path import path_of
from .reads import list_dir, read_file
from .workspace import PathProblem, Workspace

SEEN_MAX = 2000
A = TypeVar("A", bound=Arguments)


@dataclass(frozen=True)
class FileReader(Generic[A]):
    """A tool that only reads, and the function that executes it. The function raises ToolProblem and PathProblem."""

    tool: Tool[A]
    function: Callable[[Workspace, A], Outcome]

    def run(self, workspace: Workspace, args: dict[str, Any]) -> Outcome:
        """Execute a call. Raises ToolProblem, PathProblem."""
        return self.function(workspace, arguments(self.tool, args))


@dataclass(frozen=True)
class FileWriter(Generic[A]):
    """A tool that changes one file, and the function that computes the change. The function raises ToolProblem and PathProblem."""

    tool: Tool[A]
    function: Callable[[Workspace, A], Draft]

    def draft(self, workspace: Workspace, args: dict[str, Any]) -> Draft:
        """The draft of a call. Raises ToolProblem, PathProblem."""
        return self.function(workspace, arguments(self.tool, args))


READERS: tuple[FileReader[Any], ...] = (
    FileReader(READ_FILE, read_file),
    FileReader(LIST_DIR, list_dir),
    FileReader(SEARCH_FILES, search_files),
    FileReader(GREP, grep),
)
WRITERS: tuple[FileWriter[Any], ...] = (
    FileWriter(WRITE_FILE, write_file),
    FileWriter(EDIT_FILE, edit_file),
    FileWriter(MULTI_EDIT, multi_edit),
)


class FileTools:
    """Executes the file tools; may be called from any thread. Remembers which version of a file a session read or wrote last."""

    def __init__(
        self, checkpoints: Checkpoints, readers: tuple[FileReader[Any], ...] = READERS, writers: tuple[FileWriter[Any], ...] = WRITERS
    ):
        self._checkpoints = checkpoints
        self._readers = {reader.tool.name: reader for reader in readers}
        self._writers = {writer.tool.name: writer for writer in writers}
        # (session, path) -> (inode, size, mtime in ns) when the session last read or wrote the file
        self._seen: dict[tuple[str, str], tuple[int, int, int]] = {}

    @property
    def tools(self) -> list[Tool[Any]]:
        """The tools that this object executes."""
        return [each.tool for each in (*self._readers.values(), *self._writers.values())]

    def run(self, call: RunTool) -> Outcome:
        """Execute a call. Raises ToolProblem."""
        with _opened(call.cwd, call.folder) as workspace:
            if (reader := self._readers.get(call.name)) is None:
                return self._write(workspace, call)
            if reader.tool is READ_FILE:
                self._remember(workspace, call)
            return reader.run(workspace, call.args)

    def preview(self, asked: PreviewTool) -> Preview:
        """What a write would change, or where a command would run. Raises ToolProblem when the call would fail."""
        with _opened(asked.cwd, asked.folder) as workspace:
            if asked.name == RUN_COMMAND.name:
                return Preview(callId=asked.callId, folder=folder_of(workspace, arguments(RUN_COMMAND, asked.args)))
            draft = self._draft(workspace, asked.name, asked.args)
            return Preview(callId=asked.callId, diff=draft.whole_diff, expects=draft.expects, writing=draft.writing)

    def _draft(self, workspace: Workspace, name: str, args: dict[str, Any]) -> Draft:
        if (writer := self._writers.get(name)) is None:
            raise ToolProblem(f"{name} does not change a file", "unknown_tool")
        return writer.draft(workspace, args)

    def _write(self, workspace: Workspace, call: RunTool) -> Outcome:
        draft = self._draft(workspace, call.name, call.args)
        if call.expects and draft.expects != call.expects:
            raise ToolProblem(
                f"{draft.path} was changed after this call was approved, so it is not written; read it and propose the change again",
                "changed",
            )
        known = self._seen.get((call.sid, draft.path))
        if call.name == WRITE_FILE.name and draft.before is not None and known and known != _stamp(workspace, draft.path):
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


def folder_of(workspace: Workspace, asked: RunCommand) -> str:
    """The real path of the folder that a command asks to run in. Raises PathProblem."""
    descriptor = workspace.open(asked.cwd, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return path_of(descriptor, f"{workspace.path}/{workspace.relative(asked.cwd)}")
    except OSError as error:
        raise PathProblem(f"{asked.cwd[:200]}: {error.strerror or error}; try again") from error
    finally:
        os.close(descriptor)


def run_reader(name: str, args: dict[str, Any], cwd: str, identity: str = "") -> Outcome:
    """Execute a call that only reads, given the path and identity of its workspace. Raises ToolProblem."""
    reader = next(reader for reader in READERS if reader.tool.name == name)
    with _opened(cwd, identity) as workspace:
        return reader.run(workspace, args)


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
