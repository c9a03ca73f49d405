"""The tools that read, search and change files, and the function that executes each in a workspace.

A tool that only reads is a function of the workspace and its arguments. A tool that writes computes a draft, so that a person can be
shown the change first; writing the draft is the same for all tools.
"""

import contextlib
import os
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from opta_protocol.commands import Preview, PreviewTool, RunHook, RunTool
from opta_protocol.event_parts import Change
from opta_protocol.tools.file_access import EDIT_FILE, LIST_DIR, MULTI_EDIT, OUTPUT_SCHEME, READ_FILE, WRITE_FILE
from opta_protocol.tools.searching import GREP, SEARCH_FILES
from opta_protocol.tools.shell import RUN_COMMAND, RunCommand
from opta_protocol.tools.tool import Arguments, Tool

from ..arguments import arguments
from ..checkpoints.checkpoints import Checkpoints
from ..result import Outcome, ToolProblem
from ..search.search import grep, search_files
from .edits import Draft, digest, edit_file, multi_edit, put, read_existing, write_file
from .open_path import path_of
from .reads import list_dir, read_file
from .sightings import Sight, Sightings, Stamp, sha256_of, stamp_of
from .workspace import PathProblem, Workspace

A = TypeVar("A", bound=Arguments)
# Files whose changes by one hook are reported.
WATCHED_MAX = 50


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
    """Executes the file tools; may be called from any thread. Remembers what each session was shown of each file."""

    def __init__(
        self,
        checkpoints: Checkpoints,
        readers: tuple[FileReader[Any], ...] = READERS,
        writers: tuple[FileWriter[Any], ...] = WRITERS,
        sightings: Sightings | None = None,
    ):
        self._checkpoints = checkpoints
        self._readers = {reader.tool.name: reader for reader in readers}
        self._writers = {writer.tool.name: writer for writer in writers}
        self._sightings = sightings or Sightings(checkpoints.folder.with_name("seen"))

    @property
    def tools(self) -> list[Tool[Any]]:
        """The tools that this object executes."""
        return [each.tool for each in (*self._readers.values(), *self._writers.values())]

    def run(self, call: RunTool) -> Outcome:
        """Execute a call. Raises ToolProblem."""
        with _opened(call.cwd, call.folder) as workspace:
            if (reader := self._readers.get(call.name)) is None:
                return self._write(workspace, call)
            try:
                outcome = reader.run(workspace, call.args)
            except ToolProblem as problem:
                if problem.code == "not_text":
                    # What it is has been said, and more cannot be shown.
                    self._saw(workspace, call.sid, str(call.args["path"]), "")
                raise
            if outcome.sight is not None:
                self._sightings.add(call.sid, outcome.sight)
            return outcome

    def preview(self, asked: PreviewTool) -> Preview:
        """What a write would change, or where a command would run. Raises ToolProblem when the call would fail."""
        with _opened(asked.cwd, asked.folder) as workspace:
            if asked.name == RUN_COMMAND.name:
                return Preview(callId=asked.callId, folder=folder_of(workspace, arguments(RUN_COMMAND, asked.args)))
            draft = self._draft(workspace, asked.name, asked.args)
            if asked.sid:
                self._check_seen(workspace, asked.sid, asked.name, draft)
            return Preview(callId=asked.callId, diff=draft.whole_diff, expects=draft.expects, writing=draft.writing)

    def watch(self, asked: RunHook) -> Callable[[], list[Change]]:
        """Remember what files hold before a hook runs; the result gives what it made of them, so that it is undone with the call."""
        with _opened(asked.cwd, asked.folder) as workspace:
            before = {path: content for path in asked.paths[:WATCHED_MAX] if (content := _content(workspace, path)) is not None}

        def changes() -> list[Change]:
            with _opened(asked.cwd, asked.folder) as workspace:
                return [
                    self._changed(workspace, asked.sid, path, content)
                    for path, content in before.items()
                    if _is_other(workspace, path, content)
                ]

        return changes

    def _changed(self, workspace: Workspace, sid: str, path: str, before: bytes) -> Change:
        after = _content(workspace, path)
        draft = Draft(path, before, after or b"", "", 0)
        if after is not None:
            with contextlib.suppress(ToolProblem), self._checkpoints.writing(workspace, path, before, after):
                # Written already. What cannot be kept is shown but not undone, and the undo says so.
                pass
        if after is not None and not self._sightings.problem(sid, _name(workspace, path), before, (0, 0, 0)):
            # The model is shown what changed of a file that it had seen whole.
            self._saw(workspace, sid, path, sha256_of(after))
        return Change(path=path, before=digest(before), after="" if after is None else digest(after), diff=draft.diff)

    def _draft(self, workspace: Workspace, name: str, args: dict[str, Any]) -> Draft:
        if (writer := self._writers.get(name)) is None:
            raise ToolProblem(f"{name} does not change a file", "unknown_tool")
        if str(args.get("path", "")).startswith(OUTPUT_SCHEME):
            raise ToolProblem(f"{OUTPUT_SCHEME} names the results of calls, which can only be read; give the path of a file", "path")
        return writer.draft(workspace, args)

    def _write(self, workspace: Workspace, call: RunTool) -> Outcome:
        draft = self._draft(workspace, call.name, call.args)
        if call.expects and draft.expects != call.expects:
            raise ToolProblem(
                f"{draft.path} was changed after this call was approved, so it is not written; read it and propose the change again",
                "changed",
            )
        self._check_seen(workspace, call.sid, call.name, draft)
        # An edit shows only its surroundings: only who had seen all of the file before has seen all of it afterwards.
        knows_all = call.name == WRITE_FILE.name or not self._unseen(workspace, call.sid, draft)
        with self._checkpoints.writing(workspace, draft.path, draft.before, draft.after):
            outcome = put(workspace, draft)
        self._saw(workspace, call.sid, draft.path, sha256_of(draft.after), 0 if knows_all else 1)
        return outcome

    def _check_seen(self, workspace: Workspace, sid: str, tool: str, draft: Draft) -> None:
        """Refuse to replace a content that the session has not seen. An edit names what it replaces, so it needs no such proof."""
        if tool == WRITE_FILE.name and draft.before != draft.after and (problem := self._unseen(workspace, sid, draft)):
            raise ToolProblem(f"{draft.path} {problem}", "not_read")

    def _unseen(self, workspace: Workspace, sid: str, draft: Draft) -> str:
        """What the session does not know of the content that a draft replaces; '' when it knows all of it."""
        if not draft.before:
            return ""
        return self._sightings.problem(sid, _name(workspace, draft.path), draft.before, _stamp(workspace, draft.path))

    def _saw(self, workspace: Workspace, sid: str, path: str, sha256: str, line: int = 0) -> None:
        """The session knows what a file with a certain content holds; with `line` it knows that line only."""
        self._sightings.add(sid, Sight(_name(workspace, path), _stamp(workspace, path), sha256, line, line))


def _content(workspace: Workspace, path: str) -> bytes | None:
    """What a file holds; None when it is gone, or cannot be read."""
    try:
        return read_existing(workspace, path)
    except (ToolProblem, PathProblem):
        return None


def _is_other(workspace: Workspace, path: str, content: bytes) -> bool:
    return _content(workspace, path) != content


def _stamp(workspace: Workspace, path: str) -> Stamp:
    """The stamp of a file that was opened before; one that fits no file when it is gone."""
    try:
        descriptor = workspace.open_regular(path)
    except PathProblem:
        return 0, 0, 0
    try:
        return stamp_of(os.fstat(descriptor))
    finally:
        os.close(descriptor)


def _name(workspace: Workspace, path: str) -> str:
    """The real path of a file that is written; its folders are no links."""
    return f"{workspace.path}/{workspace.relative(path)}"


def folder_of(workspace: Workspace, asked: RunCommand) -> str:
    """The real path of the folder that a command asks to run in. Raises PathProblem."""
    descriptor = workspace.open(asked.cwd, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return path_of(descriptor, lambda: f"{workspace.path}/{workspace.relative(asked.cwd)}")
    except OSError as error:
        raise PathProblem(f"{asked.cwd[:200]}: {error.strerror or error}; try again") from error
    finally:
        os.close(descriptor)


def run_reader(name: str, args: dict[str, Any], cwd: str, identity: str = "", readers: tuple[FileReader[Any], ...] = READERS) -> Outcome:
    """Execute a call that only reads, given the path and identity of its workspace. Raises ToolProblem."""
    reader = next(reader for reader in readers if reader.tool.name == name)
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
