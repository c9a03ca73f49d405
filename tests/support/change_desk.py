"""A workspace with some files, in which commands and file tools work for one turn."""

import os
import stat
import subprocess
from pathlib import Path

from opta_protocol.change_commands import ShowChanges, UndoChanges
from opta_protocol.events import FilesChanged
from opta_protocol.file_changes import ChangedFile, ChangeSet
from opta_tools.checkpoints.checkpoints import Checkpoints
from opta_tools.checkpoints.recorder import RecordedChanges, Started
from opta_tools.files.edits import Draft, put
from opta_tools.files.workspace import Workspace

SID = "abcdef"


class ChangeDesk:
    """See above. `sets`: the changes so far, as an undo gets them."""

    def __init__(self, folder: Path):
        self.folder, self.work = folder, folder / "work"
        self.work.mkdir()
        (self.work / "src").mkdir()
        (self.work / "src/a.py").write_text("".join(f"line {number}\n" for number in range(1, 21)))
        (self.work / "b.txt").write_text("b\n")
        (self.work / "run.sh").write_text("#!/bin/sh\n")
        (self.work / "run.sh").chmod(0o755)
        (self.work / "link").symlink_to("b.txt")
        (self.work / "empty").mkdir()
        (self.work / "bytes").write_bytes(b"\0\1\2")
        self.checkpoints = Checkpoints(folder / "snapshots", folder / "checkpoints")
        self.sets: list[ChangeSet] = []
        self.events: list[FilesChanged] = []
        self._calls = 0

    def started(self, *, background: bool = False, sid: str = SID) -> Started:
        self._calls += 1
        return Started(root=str(self.work), folder="", sid=sid, turn="t1", call=f"c{self._calls}", background=background)

    def begin(self, *, background: bool = False, sid: str = SID) -> Started:
        started = self.started(background=background, sid=sid)
        self.checkpoints.begin(started)
        return started

    def end(self, started: Started) -> None:
        self.record(self.checkpoints.end(started))

    def record(self, recorded: list[RecordedChanges]) -> None:
        for each in recorded:
            if (event := self.checkpoints.event(each)) is not None:
                self.events.append(event)
                self.sets.append(ChangeSet(callId=event.callId, changes=event.changes, kept=event.kept, background=event.background))
        self.checkpoints.written(recorded)

    def command(self, line: str) -> None:
        """A command changes the workspace."""
        started = self.begin()
        subprocess.run(line, shell=True, cwd=self.work, check=True)
        self.end(started)

    def write(self, path: str, text: str) -> None:
        """A file tool writes a file."""
        workspace = Workspace(str(self.work))
        file = self.work / path
        before = file.read_bytes() if file.exists() else None
        with self.checkpoints.writing(workspace, path, before, text.encode()):
            outcome = put(workspace, Draft(path, before, text.encode(), "", 0))
        self.sets.append(ChangeSet(callId=f"w{len(self.sets)}", changes=outcome.changes))
        workspace.close()

    def undo(self, *paths: str, redo: bool = False, partly: bool = False, dry: bool = False) -> tuple[bool, dict[str, str]]:
        """Whether it was done, and what was done to each file, or why not."""
        asked = UndoChanges(id=1, sid=SID, cwd=str(self.work), sets=self.sets, paths=list(paths), redo=redo, partly=partly, dryRun=dry)
        done = self.checkpoints.undo(asked)
        assert not done.problem
        return done.isDone, {file.path: file.why or file.did for file in done.files}

    def shown(self) -> dict[str, ChangedFile]:
        answer = self.checkpoints.show(ShowChanges(id=1, sid=SID, cwd=str(self.work), sets=self.sets))
        return {file.path: file for file in answer.files}

    def look(self) -> dict[str, tuple[int, bytes]]:
        """Every path with its mode and content."""
        found: dict[str, tuple[int, bytes]] = {}
        for folder, folders, files in os.walk(self.work):
            for name in folders + files:
                path = Path(folder, name)
                mode = path.lstat().st_mode
                content = os.fsencode(os.readlink(path)) if stat.S_ISLNK(mode) else path.read_bytes() if stat.S_ISREG(mode) else b""
                found[str(path.relative_to(self.work))] = mode, content
        return found
