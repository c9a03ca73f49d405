"""Keeps the contents that file tools replaced, so that a turn can be undone. Independent of the workspace's version control."""

import contextlib
import os
from pathlib import Path

from opta_protocol.event_parts import Change

from ..result import ToolProblem
from .edits import Draft, digest, put, read_existing, remove
from .workspace import PathProblem, Workspace

BYTES_MAX = 256 * 1024 * 1024


class Checkpoints:
    """One folder for each session. Its files are named by the sha256 of their content, mode 0600; the oldest go beyond BYTES_MAX."""

    def __init__(self, folder: Path):
        self.folder = folder

    def keep(self, sid: str, content: bytes) -> None:
        """Store a content before it is replaced. Raises OSError."""
        folder = self.folder / sid
        file = folder / digest(content)
        if file.exists():
            os.utime(file)
            return
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(content)
        part.rename(file)
        self._bound(folder)

    def undo(self, sid: str, cwd: str, changes: list[Change]) -> list[str]:
        """Restore the contents that `changes` (oldest first) replaced; the paths. Raises ToolProblem, which names the file.

        Nothing is restored when one file cannot be: its content differs from what the last change wrote, or the old content is gone.
        """
        first: dict[str, Change] = {}
        last: dict[str, Change] = {}
        for change in changes:
            if (before := last.get(change.path)) is not None and before.after != change.before:
                raise ToolProblem(f"{change.path} was changed by another program during that turn, so nothing is undone")
            first.setdefault(change.path, change)
            last[change.path] = change
        try:
            workspace = Workspace(cwd)
        except PathProblem as problem:
            raise ToolProblem(str(problem), "path") from problem
        try:
            drafts: list[Draft | str] = []
            for path, change in last.items():
                now = read_existing(workspace, path)
                found = "" if now is None else digest(now)
                if found == first[path].before:
                    continue  # an interrupted undo has restored it already
                if found != change.after:
                    was = "is gone" if now is None else "was changed"
                    raise ToolProblem(
                        f"{path} {was} since that turn, so nothing is undone. Restore the file yourself, or undo the later turn first."
                    )
                before = self._content(sid, path, first[path].before)
                drafts.append(path if before is None else Draft(path, now, before, "", 0))
            for draft in drafts:
                if isinstance(draft, str):
                    remove(workspace, draft)
                else:
                    put(workspace, draft)
            return sorted(last)
        except PathProblem as problem:
            raise ToolProblem(str(problem), "path") from problem
        finally:
            workspace.close()

    def _content(self, sid: str, path: str, sha256: str) -> bytes | None:
        if not sha256:
            return None
        try:
            content = (self.folder / sid / sha256).read_bytes()
        except OSError:
            raise ToolProblem(f"the previous content of {path} is no longer kept, so nothing is undone") from None
        if digest(content) != sha256:
            raise ToolProblem(f"the kept content of {path} is damaged, so nothing is undone")
        return content

    def _bound(self, folder: Path) -> None:
        with contextlib.suppress(OSError):
            files = sorted(((entry.stat().st_mtime, entry.stat().st_size, entry.path) for entry in os.scandir(folder)), reverse=True)
            kept = 0
            for _, size, path in files:
                kept += size
                if kept > BYTES_MAX:
                    os.unlink(path)
