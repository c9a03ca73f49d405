"""New problems of an edited file, added to the result of the edit: the project's checkers run before and after the write.

Promises: an edit takes at most two seconds longer (`timed_runs`), a checker that is too slow twice is not run again in its session, and no failure of a
checker keeps a file from being written.
"""

import asyncio
import hashlib
import os
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from opta_core.diagnostics_settings import read_commands
from opta_core.errors import OptaError
from opta_core.logs import Log
from opta_core.paths import Paths
from opta_core.project_settings import trusted_commands
from opta_core.settings import Settings
from opta_protocol.commands import Preview, RunTool

from ..files.encoding import decode
from ..files.workspace import PathProblem, Workspace
from ..result import Outcome, ToolProblem
from .checked_edit import CheckedEdit
from .checker_output import FoundProblem
from .checker_record import CheckerRecord
from .edit_words import problem_lines, with_lines
from .known_checkers import CheckContext, Checker, configured_checkers, found_checkers
from .new_problems import SeenProblem, new_problems, remember
from .project_files import ProjectFiles
from .timed_runs import TimedRuns

FILE_BYTES_MAX = 1024 * 1024
KNOWN_MAX, SESSIONS_MAX, LATE_MAX = 512, 64, 3
log = Log("checks")


@dataclass(frozen=True)
class _Known:
    """The problems of a content, and what is remembered beside them."""

    sha256: str
    problems: list[FoundProblem]
    remembered: frozenset[SeenProblem]


class EditChecks:
    """Checks edits of all sessions."""

    def __init__(self, settings: Callable[[], Settings], paths: Paths, runs: TimedRuns):
        self._settings, self._paths, self._runs = settings, paths, runs
        self._sessions: OrderedDict[str, CheckerRecord] = OrderedDict()
        # (session, file, checker) -> what is known, which needs no run before the next edit.
        self._known: OrderedDict[tuple[str, str, str], _Known] = OrderedDict()
        # (session, file) -> its last edit, when that reported new problems.
        self._reported: OrderedDict[tuple[str, str], CheckedEdit] = OrderedDict()

    async def around(self, call: RunTool, preview: Callable[[], Preview], write: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """Execute a write between the checks of its file. `preview`: what it would change. Raises what the write raises."""
        edit = None
        try:
            edit = await self._begin(call, preview)
        except Exception:  # a bug in the checks keeps no file from being written
            log.exception("checks before an edit failed", call=call.callId)
        outcome = await write()
        if edit is None or not outcome.changes or outcome.changes[0].before == outcome.changes[-1].after:
            return outcome
        try:
            words = await self._finish(edit, outcome)
        except asyncio.CancelledError:
            # The file is written, so the call reports what it did.
            return outcome
        except Exception:  # a bug in the checks must not hide that the file is written
            log.exception("checks after an edit failed", call=call.callId)
            return outcome
        outcome.content = with_lines(outcome.content, words)
        return outcome

    async def again(self, sid: str, file: str) -> list[str]:
        """Lines about the problems that an edit reported, after a hook changed the file: where they are now, or that they are gone."""
        edit = self._reported.get((sid, file))
        if edit is None:
            return []
        edit.deadline = self._runs.deadline()
        edit.words = [f"{each.name} is still checking an earlier edit" for each in edit.checkers if each.key in edit.session.running]
        try:
            content = await asyncio.to_thread(self._read, edit)
            new = await self._find_new(edit, content)
            if await asyncio.to_thread(self._read, edit) != content:
                edit.words.append(f"{file} was changed while it was checked")
        except Exception:  # a bug in the checks ends no hook
            log.exception("checks after a hook failed", file=file)
            return []
        if not new and not edit.words:
            return [f"Opta: the new problems in {file} are gone after a hook of the user."]
        late = [f"Opta: {words}. The lines above are those before the hook." for words in edit.words]
        return [*problem_lines(file, new, "a hook of the user"), *late]

    def end_session(self, sid: str) -> None:
        """Forget what is known of a session."""
        self._sessions.pop(sid, None)
        for edited in [edited for edited in self._reported if edited[0] == sid]:
            del self._reported[edited]
        for key in [key for key in self._known if key[0] == sid]:
            del self._known[key]

    async def close(self) -> None:
        """End every run."""
        await self._runs.close()

    async def _begin(self, call: RunTool, preview: Callable[[], Preview]) -> CheckedEdit | None:
        """Find the checkers and, where it is not known, what they say before the write; None when nothing is to be checked."""
        deadline = self._runs.deadline()
        if not self._settings().diagnostics.enabled or not self._runs.runs.is_contained:
            return None
        try:
            found = await asyncio.to_thread(self._look, call)
        except (OptaError, ToolProblem, OSError) as error:
            # Of what is wrong with the path, the write itself says more.
            log.debug("edit not checked", call=call.callId, reason=error)
            return None
        session = self._session(call.sid)
        if found is None:
            return None
        root, file, before, checkers = found
        usable = [each for each in checkers if session.is_usable(each.key)]
        edit = CheckedEdit(call, session, root, file, before, usable, deadline)
        if usable:
            if before is not None and not await self._changes_something(preview):
                return None
            await asyncio.gather(*(self._before(edit, checker) for checker in usable))
        return edit

    async def _changes_something(self, preview: Callable[[], Preview]) -> bool:
        """Whether a write would change its file. What fails is not kept waiting for a check."""
        try:
            writing = (await asyncio.to_thread(preview)).writing
        except (OptaError, ToolProblem, OSError):
            return False
        return writing is not None and writing.sha256 != writing.sha256Before

    def _look(self, call: RunTool) -> tuple[str, str, bytes | None, list[Checker]] | None:
        """(the workspace, the edited file, its content, the checkers for it). Reads files. Raises OptaError, OSError."""
        given = call.args.get("path")
        if not isinstance(given, str):
            return None
        workspace = Workspace(call.cwd, call.folder)
        try:
            file = workspace.relative(given)
            before = _content(workspace, file)
            if before is not None and len(before) > FILE_BYTES_MAX:
                return None
            is_trusted, of_project = trusted_commands(self._paths, call.cwd)
            context = CheckContext(
                workspace.path, file, ProjectFiles(workspace, file), is_trusted, self._runs.runs.path, self._runs.runs.scratch(call.sid)
            )
            commands = [*read_commands(self._settings().diagnostics.commands), *of_project]
            return workspace.path, file, before, configured_checkers(commands, context) or found_checkers(context)
        finally:
            workspace.close()

    async def _before(self, edit: CheckedEdit, checker: Checker) -> None:
        """Learn the problems before the write."""
        if checker.key in edit.session.running:
            edit.words.append(f"{checker.name} is still checking an earlier edit and is left out this time")
            return
        if edit.before is None:
            edit.problems[checker.key] = []
            return
        known = self._known.get((edit.call.sid, edit.file, checker.key))
        if known is not None:
            edit.remembered[checker.key] = known.remembered
            if known.sha256 == _sha256(edit.before):
                edit.problems[checker.key] = known.problems
                return
        found = await self._runs.within(edit, checker, None)
        if found is not None:
            edit.problems[checker.key] = found

    async def _finish(self, edit: CheckedEdit, outcome: Outcome) -> list[str]:
        """The lines to add to the result of the edit."""
        change = outcome.changes[-1]
        late = edit.session.take_late()
        after = await asyncio.to_thread(self._read, edit)
        is_as_judged = _sha256(edit.before) == outcome.changes[0].before and after is not None and _sha256(after) == change.after
        if after is None or not is_as_judged:
            return late
        new = await self._find_new(edit, after)
        return [*late, *problem_lines(edit.file, new), *(f"Opta: {words}." for words in edit.words)]

    async def _find_new(self, edit: CheckedEdit, after: bytes | None) -> list[FoundProblem]:
        """The problems of the file, whose content is `after` now, that it did not have before the edit."""
        checkers = [checker for checker in edit.checkers if checker.key in edit.problems and checker.key not in edit.session.running]
        found = await asyncio.gather(*(self._after(edit, checker, after) for checker in checkers if after is not None))
        new = [problem for each in found for problem in each]
        edited = edit.call.sid, edit.file
        self._reported.pop(edited, None)
        if new:
            self._reported[edited] = edit
            while len(self._reported) > KNOWN_MAX:
                self._reported.popitem(last=False)
        return new

    async def _after(self, edit: CheckedEdit, checker: Checker, after: bytes) -> list[FoundProblem]:
        """The new problems that a checker finds. One that takes too long adds them to the result of a later edit."""

        async def late(found: list[FoundProblem]) -> None:
            new = await self._new(edit, checker, after, found)
            if new and len(edit.session.late) < LATE_MAX:
                edit.session.late += problem_lines(edit.file, new, "an earlier edit")

        found = await self._runs.within(edit, checker, late)
        return [] if found is None else await self._new(edit, checker, after, found)

    async def _new(self, edit: CheckedEdit, checker: Checker, after: bytes, found: list[FoundProblem]) -> list[FoundProblem]:
        """The problems that are new, when the file is still what was checked; from then on they are known."""
        if await asyncio.to_thread(self._read, edit) != after:
            return []
        before, remembered = edit.problems[checker.key], edit.remembered.get(checker.key, frozenset[SeenProblem]())
        try:
            old_text, new_text = decode(edit.before or b"", edit.file).text, decode(after, edit.file).text
        except ToolProblem:
            old_text = new_text = ""
        key = edit.call.sid, edit.file, checker.key
        self._known[key] = _Known(_sha256(after), found, remember(before, found, old_text, remembered))
        self._known.move_to_end(key)
        while len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)
        return await asyncio.to_thread(new_problems, before, found, old_text, new_text, remembered)

    def _session(self, sid: str) -> CheckerRecord:
        session = self._sessions.setdefault(sid, CheckerRecord())
        self._sessions.move_to_end(sid)
        while len(self._sessions) > SESSIONS_MAX:
            self._sessions.popitem(last=False)
        return session

    def _read(self, edit: CheckedEdit) -> bytes | None:
        try:
            workspace = Workspace(edit.call.cwd, edit.call.folder)
            try:
                return _content(workspace, edit.file)
            finally:
                workspace.close()
        except (PathProblem, OSError):
            return None


def _content(workspace: Workspace, file: str) -> bytes | None:
    try:
        descriptor = workspace.open_regular(file)
    except PathProblem as problem:
        if isinstance(problem.__cause__, FileNotFoundError):
            return None
        raise
    with os.fdopen(descriptor, "rb") as handle:
        return handle.read(FILE_BYTES_MAX + 1)


def _sha256(content: bytes | None) -> str:
    return "" if content is None else hashlib.sha256(content).hexdigest()
