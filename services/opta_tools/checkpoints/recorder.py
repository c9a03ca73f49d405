"""Records what commands change in one workspace.

While a command runs, what changes is taken to be its doing, except what a file tool wrote. What a background command may have changed
cannot be distinguished from what a person changed meanwhile, so it is recorded as such. Each started command has a file until its changes are in
the journal: the next worker finds it after a kill.
"""

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from opta_core.logs import Log
from opta_protocol.event_parts import Change

from ..files.workspace import PathProblem, Workspace
from .file_state import written
from .kept_contents import KeptContents
from .workspace_snapshot import Difference, Entry, Folder, NotCovered, WorkspaceSnapshot

# A look that takes longer than this holds commands up: the workspace is not covered then. The first look reads every file.
LOOK_S, FIRST_LOOK_S = 3.0, 20.0
# After this time it is tried again.
RETRY_S = 600.0
_folders = msgspec.json.Decoder(dict[str, Entry])
log = Log("checkpoints")


class Started(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A command whose changes are not in the journal yet. `root`: of the workspace; `folder`: its identity."""

    root: str
    folder: str
    sid: str
    turn: str
    call: str
    background: bool = False

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
        self._why_not, self._tried_at = "", 0.0
        self._observed: dict[str, Observed] = {}

    @property
    def is_used(self) -> bool:
        """Whether a command of the workspace is running, or its changes wait to be written."""
        return bool(self._observed)

    @property
    def left_out(self) -> list[str]:
        """What is not covered, in words for people; empty when the workspace was never looked at."""
        if self._snapshot is None:
            return [self._why_not] if self._why_not else []
        return sorted(self._snapshot.left_out) + sorted(name.encode(errors="replace").decode() for name in self._snapshot.odd_names)

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
                file = self._started_folder / f"{started.name}.json"
                file.with_suffix(".part").write_bytes(msgspec.json.encode(started))
                file.with_suffix(".part").replace(file)
            except OSError as error:
                log.warning("after a kill, the changes of this command will not be known", command=started.name, reason=error)

    def recover(self, started: Started) -> list[RecordedChanges]:
        """The changes of a command that an earlier worker started, and that has ended."""
        with self.lock:
            self._begin(started)
            return self.end(started)

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
                if recorded:
                    self.contents.bound(self._snapshot.contents())

    def wrote(self, path: str, sha256: str) -> None:
        """A file tool wrote a file. Hold `lock` from before it writes until this returns."""
        if self._snapshot is not None:
            self._snapshot.wrote(path, sha256)

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

    def _look(self, folder: str) -> None:
        """Look at the workspace, and note what differs for the commands that run."""
        running = [each for each in self._observed.values() if not each.is_over and not each.missed]
        try:
            differences = self._differences(folder)
        except (NotCovered, PathProblem, OSError) as problem:
            self._why_not, self._tried_at = str(problem), time.monotonic()
            log.warning("commands are not covered by undo", workspace=self.root, reason=self._why_not)
            if self._snapshot is not None:
                self._snapshot.close()
                self._snapshot = None
            for each in running:
                each.missed = self._why_not
            return
        waited_for = [each for each in running if not each.started.background] or running
        for each in waited_for:
            for difference in differences:
                was = each.differences.get(difference.path)
                each.differences[difference.path] = difference if was is None else Difference(difference.path, was.before, difference.after)
        if not self._observed:
            self._save()

    def _differences(self, folder: str) -> list[Difference]:
        if self._snapshot is None:
            if self._why_not and time.monotonic() - self._tried_at < RETRY_S:
                raise NotCovered(self._why_not)
            workspace = Workspace(self.root, folder)
            known: dict[str, Folder] = self.contents.folders(_folders)
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
