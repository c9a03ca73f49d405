"""Records what commands change in one workspace.

While a command runs, what changes is taken to be its doing, except what a file tool wrote. What a background command may have changed
cannot be distinguished from what a person changed meanwhile, so it is recorded as such. Each started command has a file until its changes are in
the journal: the next worker finds it after a kill.
"""

import os
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from opta_core.logs import Log
from opta_core.policy.control_files import control_file
from opta_protocol.event_parts import Change

from ..files.workspace import PathProblem, Workspace
from .file_state import written
from .folder_reading import Entry, Folder
from .kept_contents import KeptContents
from .workspace_snapshot import Difference, NotCovered, WorkspaceSnapshot

# A look that takes longer than this holds commands up: the workspace is not covered then. The first look reads every file.
LOOK_S, FIRST_LOOK_S = 3.0, 20.0
# After this time it is tried again.
RETRY_S = 600.0
_folders = msgspec.json.Decoder(dict[str, Entry])
log = Log("checkpoints")


class Started(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A command whose changes are not in the journal yet. `root`: of the workspace; `folder`: its identity; `daemon`: who started it.

    `is_contained`: the sandbox keeps it from control files.
    """

    root: str
    folder: str
    sid: str
    turn: str
    call: str
    background: bool = False
    daemon: str = ""
    is_contained: bool = False

    @property
    def name(self) -> str:
        """Unique among started commands."""
        return f"{self.sid}.{self.turn}.{self.call}"


@dataclass
class Observed:
    """What is known of a started command: its differences by path, and the other sessions whose commands ran beside it."""

    started: Started
    differences: dict[str, Difference] = field(default_factory=dict[str, Difference])
    beside: set[str] = field(default_factory=set[str])
    # Why its changes are not known, and whether the journal has that.
    missed: str = ""
    is_missed_written: bool = False
    part: int = 0
    is_over: bool = False


@dataclass(frozen=True)
class RecordedChanges:
    """Changes of a command that the journal gets next."""

    started: Started
    part: int
    changes: list[Change]
    missed: str
    beside: list[str]


class Recorder:
    """Records for the workspace `root`, in `folder`.

    Its methods may be called from any thread, one at a time.
    """

    def __init__(self, root: str, folder: Path):
        self.root, self.folder = root, folder
        self.contents = KeptContents(folder)
        self.lock = threading.RLock()
        self._started_folder = folder / "started"
        self._snapshot: WorkspaceSnapshot | None = None
        self._edition = 0
        self._why_not, self._tried_at = "", 0.0
        self._observed: dict[str, Observed] = {}
        # When it was asked for last (monotonic clock)
        self.asked_at = 0.0

    @property
    def is_used(self) -> bool:
        """Whether a command of the workspace is running, or its changes wait to be written."""
        return bool(self._observed)

    @property
    def left_out(self) -> list[str]:
        """What is not covered, in words for people; empty when the workspace was never looked at."""
        snapshot = self._snapshot
        if snapshot is None:
            return [self._why_not] if self._why_not else []
        # Another thread may look at the workspace meanwhile.
        odd_names = [name.encode(errors="replace").decode() for name in list(snapshot.odd_names)]
        return sorted({*list(snapshot.left_out), *list(snapshot.unread)}) + sorted(odd_names)

    def close(self) -> None:
        """Stop watching the workspace."""
        with self.lock:
            if self._snapshot is not None:
                self._snapshot.close()
                self._snapshot = None
            self.contents.close()

    def begin(self, started: Started) -> None:
        """A command is about to start. `recover` is for one that was started by an earlier worker."""
        with self.lock:
            self._look(started.folder)
            self._begin(started)
            try:
                self._started_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                # Housekeeping removes what was not used for long.
                os.utime(self.folder)
                file = self._started_folder / f"{started.name}.json"
                file.with_suffix(".part").write_bytes(msgspec.json.encode(msgspec.structs.replace(started, daemon=daemon_mark())))
                file.with_suffix(".part").replace(file)
            except OSError as error:
                log.warning("after a kill, the changes of this command will not be known", command=started.name, reason=error)

    def recover(self, started: list[Started]) -> list[RecordedChanges]:
        """The changes of commands that an earlier worker started, and that have ended.

        Under another daemon, time has passed in which anybody may have changed files, so the changes are not surely the commands'.
        """
        with self.lock:
            for each in started:
                self._begin(msgspec.structs.replace(each, background=each.background or each.daemon != daemon_mark()))
            self._look(started[0].folder)
            for each in started:
                self._observed[each.name].is_over = True
            return self._recorded()

    def end(self, started: Started) -> list[RecordedChanges]:
        """A command has ended: the changes that the journal gets now. Call `written` once it has them."""
        with self.lock:
            observed = self._observed.get(started.name)
            if observed is None:
                return []
            self._look(started.folder)
            observed.is_over = True
            return self._recorded()

    def flush(self, sid: str) -> list[RecordedChanges]:
        """A turn of a session ends: what its background commands may have changed until now. Call `written` afterwards."""
        with self.lock:
            mine = next((observed for observed in self._observed.values() if observed.started.sid == sid), None)
            if mine is None:
                return []
            self._look(mine.started.folder)
            return self._recorded()

    def written(self, recorded: list[RecordedChanges]) -> None:
        """The journal has these changes. Raises OSError."""
        with self.lock:
            for each in recorded:
                observed = self._observed.get(each.started.name)
                if observed is not None and observed.part == each.part:
                    observed.part += 1
                    observed.differences.clear()
                    observed.is_missed_written |= bool(each.missed)
            for name, observed in list(self._observed.items()):
                if observed.is_over and not observed.differences:
                    del self._observed[name]
                    (self._started_folder / f"{name}.json").unlink(missing_ok=True)
            if self._snapshot is not None and not any(observed.differences for observed in self._observed.values()):
                self._save()
                if any(each.changes for each in recorded):
                    self.contents.bound(self._snapshot.contents())

    def wrote(self, path: str, before: str, after: str) -> None:
        """A file tool replaced the content `before` by `after` (sha256). Hold `lock` from before it writes until this returns."""
        if self._snapshot is not None and (earlier := self._snapshot.wrote(path, before, after)):
            self._note([earlier])

    def undoing(self, folder: str) -> None:
        """An undo begins: what differs now is not its doing. Hold `lock` until `undone` returns."""
        if self._observed:
            self._look(folder)

    def undone(self, folder: str, paths: set[str]) -> None:
        """An undo has changed these paths, which no command did."""
        if self._observed:
            self._look(folder, paths)

    def runs_beside(self, sid: str) -> set[str]:
        """A command of a session starts in a folder that lies in this one, or above it: the other sessions whose commands run here."""
        with self.lock:
            others = [each for each in self._observed.values() if not each.is_over and each.started.sid != sid]
            for other in others:
                other.beside.add(sid)
            return {other.started.sid for other in others}

    def note_beside(self, started: Started, sids: set[str]) -> None:
        """Commands of these sessions run at the same time as this one."""
        with self.lock:
            if observed := self._observed.get(started.name):
                observed.beside |= sids

    def prepare(self, folder: str) -> None:
        """Look at the workspace for the first time, before a command needs it."""
        with self.lock:
            if self._snapshot is None and not self._why_not:
                self._look(folder)

    def _begin(self, started: Started) -> None:
        observed = Observed(started, missed=self._why_not)
        for other in self._observed.values():
            if not other.is_over and other.started.sid != started.sid:
                other.beside.add(started.sid)
                observed.beside.add(other.started.sid)
        self._observed[started.name] = observed

    def _look(self, folder: str, undone: Collection[str] = ()) -> None:
        """Look at the workspace, and note what differs for the commands that run; not the paths that were undone."""
        try:
            differences = self._differences(folder)
        except (NotCovered, PathProblem, OSError) as problem:
            self._why_not, self._tried_at = str(problem), time.monotonic()
            log.warning("commands are not covered by undo", workspace=self.root, reason=self._why_not)
            if self._snapshot is not None:
                self._snapshot.close()
                self._snapshot = None
            for each in self._running():
                each.missed = self._why_not
            return
        self._note([difference for difference in differences if difference.path not in undone])
        if not self._observed:
            self._save()

    def _running(self) -> list[Observed]:
        return [each for each in self._observed.values() if not each.is_over and not each.missed]

    def _note(self, differences: list[Difference]) -> None:
        """Commands that run changed this: those in the foreground, if there are any."""
        running = self._running()
        for each in [each for each in running if not each.started.background] or running:
            for difference in differences:
                if each.started.is_contained and _is_control(difference.path):
                    # A person changed it, and an undo of the command must not change it back.
                    continue
                was = each.differences.get(difference.path)
                each.differences[difference.path] = difference if was is None else Difference(difference.path, was.before, difference.after)

    def _differences(self, folder: str) -> list[Difference]:
        if self._snapshot is not None and self.contents.is_lost(self._edition):
            self._snapshot.close()
            self._snapshot = None
            for each in self._running():
                each.missed = "what was kept of this folder's files was lost meanwhile"
        if self._snapshot is None:
            if self._why_not and time.monotonic() - self._tried_at < RETRY_S:
                raise NotCovered(self._why_not)
            workspace = Workspace(self.root, folder)
            known: dict[str, Folder] = self.contents.folders(_folders)
            self._edition = self.contents.edition
            self._snapshot = WorkspaceSnapshot(workspace, self.contents.keep, known)
            found = self._snapshot.look(FIRST_LOOK_S)
            self._why_not = ""
            # Without a record there is nothing to compare with.
            return found if known else []
        return self._snapshot.look(LOOK_S)

    def _save(self) -> None:
        if self._snapshot is not None and (touched := self._snapshot.take_touched()):
            self.contents.put_folders(touched)

    def _recorded(self) -> list[RecordedChanges]:
        return [
            RecordedChanges(
                each.started,
                each.part,
                [_change(difference) for _, difference in sorted(each.differences.items()) if _is_change(difference)],
                "" if each.is_missed_written else each.missed,
                sorted(each.beside),
            )
            for each in self._observed.values()
            if each.differences or each.is_over or (each.missed and not each.is_missed_written)
        ]


def _is_control(path: str) -> bool:
    """Whether a contained command can neither make nor change this path."""
    found = [control_file(name) for name in path.split("/")]
    return any(each is not None and not each.is_of_repository for each in found)


def _is_change(difference: Difference) -> bool:
    before, after = difference.before, difference.after
    return (before and (before.mode, before.sha256)) != (after and (after.mode, after.sha256))


def _change(difference: Difference) -> Change:
    before, after = difference.before, difference.after
    return Change(
        path=difference.path,
        before=before.sha256 if before else "",
        after=after.sha256 if after else "",
        beforeMode=written(before.mode) if before else "",
        afterMode=written(after.mode) if after else "",
    )


def daemon_mark() -> str:
    """Identifies the running daemon, which restarts workers: its process, when that began, and the boot of the machine."""
    parent = os.getppid()
    try:
        began = Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()[19]
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except (OSError, IndexError):
        began = boot = ""
    return f"{parent}:{began}:{boot}"
