"""Checkpoints: keeps what the tools change in workspaces, and shows, undoes and redoes it."""

import contextlib
import hashlib
import os
import stat
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path

import msgspec

from opta_core.logs import Log
from opta_protocol.change_commands import ChangesShown, ChangesUndone, ShowChanges, UndoChanges
from opta_protocol.event_parts import Change
from opta_protocol.events import FilesChanged
from opta_protocol.file_changes import ChangedFile, ChangeSet, FileOutcome

from ..files.edits import digest
from ..files.workspace import PathProblem, Workspace
from ..result import ToolProblem
from .file_state import UNKEPT, FileState
from .folder_reading import UNREADABLE
from .kept_contents import KeptContents
from .path_states import state_of
from .recorder import RecordedChanges, Recorder, Started
from .restoring import CannotRestore, go_back_after_kill, interrupted_in, restore
from .turn_changes import DIFFS_CHARS_MAX, PathChanges, by_path, shown
from .undo_plan import planned

# Workspaces whose files are watched at the same time.
WATCHED_MAX = 16
UNUSED_S = 60.0
# More changes of one command are in a kept list instead of the event.
LISTED_MAX = 1000
SHOWN_MAX = 5000
_changes = msgspec.json.Decoder(list[Change])
log = Log("checkpoints")
# Made here, because threads that meet a class for the first time in the same moment end the process (see `opta_core.settings`).
_STARTED = msgspec.json.Decoder(Started)


class Checkpoints:
    """`folder` gets a folder for each workspace; `before` has the contents that earlier versions kept, by session.

    Methods may be called from any thread.
    """

    def __init__(self, folder: Path, before: Path | None = None):
        self.folder = folder
        self._before = before
        self._lock = threading.Lock()
        self._recorders: dict[str, Recorder] = {}

    def close(self) -> None:
        """Stop watching all workspaces."""
        for recorder in self._recorders.values():
            recorder.close()
        self._recorders.clear()

    @contextlib.contextmanager
    def writing(self, workspace: Workspace, path: str, before: bytes | None, after: bytes) -> Generator[None, None, None]:
        """Keep what a file tool replaces and writes, around its write. Raises ToolProblem; then nothing may be written."""
        root, relative = workspace.path, workspace.relative(path)
        recorder = self._recorder(root)
        with self._locked(root) as overlapping:
            try:
                recorder.contents.keep([after] if before is None else [before, after])
            except OSError as error:
                raise ToolProblem(f"{path} is not written, because its previous content cannot be kept: {error}", "not_kept") from error
            yield
            for each in overlapping:
                if (inner := _path_in(each.root, root, relative)) is not None:
                    each.wrote(inner, "" if before is None else digest(before), digest(after))

    def prepare(self, root: str, folder: str) -> None:
        """A command may soon run in a workspace, which is looked at meanwhile."""
        self._recorder(os.path.realpath(root)).prepare(folder)

    def begin(self, started: Started) -> None:
        """A command is about to start."""
        recorder = self._recorder(started.root)
        recorder.begin(started)
        for other in self._overlapping(started.root):
            if other is not recorder:
                recorder.note_beside(started, other.runs_beside(started.sid))

    def end(self, started: Started) -> list[RecordedChanges]:
        """A command has ended: what changed. Call `written` once the journal has it."""
        return self._recorder(started.root).end(started)

    def flush(self, sid: str) -> list[RecordedChanges]:
        """A turn of a session ends: what its background commands may have changed until now. Call `written` afterwards."""
        return [recorded for recorder in self._used() for recorded in recorder.flush(sid)]

    def recover(self) -> list[RecordedChanges]:
        """After a kill: go back from undos that were not finished; the changes of commands that ended with the earlier worker."""
        for file in sorted(self.folder.glob("*/undo.json")):
            # An undo that was asked for meanwhile has the lock.
            with self._recorder(interrupted_in(file.parent) or str(file.parent)).lock:
                contents = KeptContents(file.parent)
                try:
                    if root := go_back_after_kill(contents, file.parent):
                        log.warning("an undo that was interrupted was taken back", workspace=root)
                except (OSError, PathProblem) as problem:
                    log.error("an undo that was interrupted could not be taken back", folder=str(file.parent), reason=problem)
                finally:
                    contents.close()
        started: dict[str, list[Started]] = {}
        for file in sorted(self.folder.glob("*/started/*.json")):
            try:
                each = _STARTED.decode(file.read_bytes())
                started.setdefault(each.root, []).append(each)
            except (OSError, msgspec.DecodeError) as error:
                log.error("the changes of a command are not known", file=file.name, reason=error)
                file.unlink(missing_ok=True)
        return [recorded for root, commands in started.items() for recorded in self._recorder(root).recover(commands)]

    def event(self, recorded: RecordedChanges) -> FilesChanged | None:
        """The event of changes; None when nothing changed that is known."""
        changes, started = recorded.changes, recorded.started
        if not changes and not recorded.missed:
            return None
        kept = ""
        if len(changes) > LISTED_MAX:
            try:
                (kept,) = self._recorder(started.root).contents.keep([msgspec.json.encode(changes)])
            except OSError as error:
                log.error("not all changes of a command can be undone", reason=error)
        return FilesChanged(
            sid=started.sid,
            turn=started.turn,
            callId=started.call,
            changes=changes[:LISTED_MAX],
            more=max(0, len(changes) - LISTED_MAX),
            kept=kept,
            background=started.background,
            missed=recorded.missed,
            beside=recorded.beside,
        )

    def written(self, recorded: list[RecordedChanges]) -> None:
        """The journal has these changes."""
        for root in {each.started.root for each in recorded}:
            try:
                self._recorder(root).written([each for each in recorded if each.started.root == root])
            except OSError as error:
                log.warning("what was seen of a workspace is not recorded", workspace=root, reason=error)

    def undo(self, asked: UndoChanges) -> ChangesUndone:
        """Take back (or make again) what a turn changed: all of it or nothing, unless `partly`."""
        with self._opened(asked.cwd, asked.folder) as (workspace, recorder), self._locked(workspace.path) as overlapping:
            wanted = self._wanted(recorder, asked.sid, asked.sets)
            if paths := [*asked.paths, *(hunk.path for hunk in asked.hunks)]:
                if unknown := [path for path in paths if path not in wanted]:
                    raise ToolProblem(f"{unknown[0][:200]} is not among the files that this turn changed", "path")
                chosen = {path: wanted[path] for path in paths}
            else:
                chosen = {path: each for path, each in wanted.items() if each.is_sure}
            plan = planned(workspace, chosen, wanted, self._content_of(recorder, asked.sid), again=asked.redo, hunks=asked.hunks)
            if asked.until and time.monotonic() > asked.until:
                raise ToolProblem("the folder was being looked at for too long; try again")
            while not asked.dryRun and (asked.partly or not plan.is_refused):
                for each in overlapping:
                    each.undoing(asked.folder if each is recorder else "")
                try:
                    staying = restore(workspace, plan.restorations, recorder.contents, recorder.folder)
                except CannotRestore as problem:
                    plan.refuse(problem.path, str(problem), only_it=asked.partly)
                    if asked.partly and plan.restorations:
                        continue
                    break
                for each in overlapping:
                    inner = {_path_in(each.root, workspace.path, path) for path in plan.outcomes}
                    each.undone(asked.folder if each is recorder else "", {path for path in inner if path is not None})
                for path in staying:
                    plan.outcomes[path] = FileOutcome(path=path, did="kept", why="it holds other files")
                return ChangesUndone(id=asked.id, isDone=True, files=list(plan.outcomes.values()))
            return ChangesUndone(id=asked.id, files=list(plan.outcomes.values()))

    def show(self, asked: ShowChanges) -> ChangesShown:
        """What a turn changed, with diffs."""
        with self._opened(asked.cwd, asked.folder) as (workspace, recorder):
            content_of = self._content_of(recorder, asked.sid)
            files: list[ChangedFile] = []
            chars_left = DIFFS_CHARS_MAX
            for path, changes in sorted(self._wanted(recorder, asked.sid, asked.sets).items())[:SHOWN_MAX]:
                try:
                    now = state_of(workspace, path)
                except (PathProblem, OSError):
                    # It must not be read now, or a link leads to it.
                    now = FileState(stat.S_IFREG, unkept=UNREADABLE)
                file = shown(changes, now, content_of, chars_left)
                chars_left -= len(file.diff)
                files.append(file)
            return ChangesShown(id=asked.id, files=files, notCovered=recorder.left_out)

    def _wanted(self, recorder: Recorder, sid: str, sets: list[ChangeSet]) -> dict[str, PathChanges]:
        return by_path([self._whole(recorder, sid, each) for each in sets])

    def _whole(self, recorder: Recorder, sid: str, changes: ChangeSet) -> ChangeSet:
        """A set with the changes of its kept list. Raises ToolProblem."""
        if not changes.kept:
            return changes
        content = self._content_of(recorder, sid)(changes.kept)
        if content is None:
            raise ToolProblem("the list of what a command changed is no longer kept, because it was too long ago")
        return msgspec.structs.replace(changes, changes=_changes.decode(content), kept="")

    def _content_of(self, recorder: Recorder, sid: str) -> Callable[[str], bytes | None]:
        def content_of(sha256: str) -> bytes | None:
            if not sha256 or sha256.startswith(UNKEPT):
                return None
            found = recorder.contents.content(sha256)
            if found is None and self._before is not None:
                with contextlib.suppress(OSError):
                    earlier = (self._before / sid / sha256).read_bytes()
                    return earlier if digest(earlier) == sha256 else None
            return found

        return content_of

    @contextlib.contextmanager
    def _opened(self, cwd: str, folder: str) -> Generator[tuple[Workspace, Recorder], None, None]:
        """Raises ToolProblem, for every problem of the workspace or of what is kept."""
        try:
            workspace = Workspace(cwd, folder)
        except PathProblem as problem:
            raise ToolProblem(str(problem), "path") from problem
        try:
            yield workspace, self._recorder(workspace.path)
        except (PathProblem, OSError) as problem:
            raise ToolProblem(str(problem)) from problem
        finally:
            workspace.close()

    def _recorder(self, root: str) -> Recorder:
        with self._lock:
            recorder = self._recorders.pop(root, None)
            if recorder is None:
                folder = self.folder / hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
                recorder = Recorder(root, folder)
            self._recorders[root] = recorder
            recorder.asked_at = time.monotonic()
            # A recorder that was asked for just now may be about to be used.
            unused = [each for each in self._recorders.values() if not each.is_used and recorder.asked_at - each.asked_at > UNUSED_S]
            for each in unused[: max(0, len(self._recorders) - WATCHED_MAX)]:
                del self._recorders[each.root]
                each.close()
            return recorder

    def _overlapping(self, root: str) -> list[Recorder]:
        """The recorders of a folder, of those that hold it and of those in it."""
        with self._lock:
            found = [each for each in self._recorders.values() if _holds(each.root, root) or _holds(root, each.root)]
        return sorted(found, key=lambda each: each.root)

    @contextlib.contextmanager
    def _locked(self, root: str) -> Generator[list[Recorder], None, None]:
        """Hold the locks of overlapping recorders, always in the same order."""
        with contextlib.ExitStack() as locks:
            found = self._overlapping(root)
            for each in found:
                locks.enter_context(each.lock)
            yield found

    def _used(self) -> list[Recorder]:
        with self._lock:
            return [recorder for recorder in self._recorders.values() if recorder.is_used]


def _holds(above: str, below: str) -> bool:
    return below == above or below.startswith(f"{above.rstrip('/')}/")


def _path_in(root: str, other: str, path: str) -> str | None:
    """A path of the workspace `other` as a path of the workspace `root`; None when it lies elsewhere."""
    whole = f"{other.rstrip('/')}/{path}"
    return whole.removeprefix(f"{root.rstrip('/')}/") if _holds(root, whole) else None
