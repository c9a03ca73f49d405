"""The cost of recording what commands change: looking at a workspace of 10,000 files before and after a command, and an undo."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from figure import Figure, percentile

from opta_protocol.change_commands import UndoChanges
from opta_protocol.file_changes import ChangeSet
from opta_tools.checkpoints.checkpoints import Checkpoints
from opta_tools.checkpoints.recorder import Started

FILES, FOLDERS, TIMES, CHANGED = 10_000, 400, 40, 1000


def figures() -> list[Figure]:
    """All parts, in a temporary folder on the disk of the home."""
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder:
        work, snapshots = Path(folder) / "work", Path(folder) / "snapshots"
        for number in range(FOLDERS):
            inner = work / f"d{number % 20}/e{number}"
            inner.mkdir(parents=True)
            for file in range(FILES // FOLDERS):
                (inner / f"f{file}.py").write_text(f"line {number} {file}\n" * 100)
        checkpoints = Checkpoints(snapshots)
        first = _look(checkpoints, work, 0)
        checkpoints.close()
        checkpoints = Checkpoints(snapshots)
        again = _look(checkpoints, work, 1)
        quiet = [_look(checkpoints, work, 2 + number) for number in range(TIMES)]
        started = _started(work, 1000)
        checkpoints.begin(started)
        for number in range(FOLDERS):
            for file in range(CHANGED // FOLDERS + 1):
                (work / f"d{number % 20}/e{number}/f{file}.py").write_text(f"changed {number} {file}\n")
        began = time.perf_counter()
        recorded = checkpoints.end(started)
        changed = time.perf_counter() - began
        event = checkpoints.event(recorded[0])
        assert event is not None
        checkpoints.written(recorded)
        sets = [ChangeSet(callId=event.callId, changes=event.changes, kept=event.kept)]
        count = len(event.changes) + event.more
        undo = _timed(lambda: checkpoints.undo(UndoChanges(id=1, sid="abcdef", cwd=str(work), sets=sets)))
        checkpoints.close()
    what = f"in {FILES:,} files"
    return [
        Figure(f"undo: before and after a command that changes nothing, {what}", 1000 * percentile(quiet, 0.5), "ms", 15, note=f"p95 {1000 * percentile(quiet, 0.95):.2g} ms"),
        Figure(f"undo: first look of a worker that has a record, {what}", 1000 * again, "ms"),
        Figure(f"undo: first look at a workspace, {what}", 1000 * first, "ms", note="reads and keeps every file"),
        Figure(f"undo: after a command that changed {count:,} of them", 1000 * changed, "ms"),
        Figure(f"undo: of {count:,} files", 1000 * undo, "ms", note="each is synced to the disk"),
    ]  # fmt: skip


def _started(work: Path, number: int) -> Started:
    return Started(root=str(work), folder="", sid="abcdef", turn="t1", call=f"c{number}")


def _look(checkpoints: Checkpoints, work: Path, number: int) -> float:
    """Seconds for one command that changes nothing."""
    started = _started(work, number)

    def look() -> None:
        checkpoints.begin(started)
        checkpoints.written(checkpoints.end(started))

    return _timed(look)


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
