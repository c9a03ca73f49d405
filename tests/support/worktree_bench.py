"""A repository on the disk, and what makes and ends worktrees of it, as a tool worker has it."""

from pathlib import Path
from typing import Any

from opta_core.paths import Paths
from opta_core.worktree_records import worktree_records
from opta_protocol.commands import EndWorktree, MakeWorktree, ShowWorktree, WorktreeReply
from opta_protocol.events import SessionWorktree
from opta_tools.worktrees.git_program import GitProgram
from opta_tools.worktrees.worktrees import Worktrees
from support.git import file, git

SID = "abcd2345"


class WorktreeBench:
    """A repository with one commit, and what makes worktrees of it."""

    def __init__(self, folder: Path):
        self.folder, self.paths = folder, Paths(folder / "home", folder / "home/daemon")
        (folder / "person").mkdir(parents=True)
        self.repository = folder / "code"
        self.repository.mkdir()
        git(self.repository, "init", "-b", "main")
        file(self.repository / "a.txt", "one\n")
        file(self.repository / "sub/b.txt", "two\n")
        self.commit("first")
        self.events: list[SessionWorktree] = []
        self.worktrees = self.worker()

    def worker(self) -> Worktrees:
        """Worktrees as a newly started worker has them."""
        return Worktrees(GitProgram(self.folder / "person"), worktree_records(self.paths), self.paths.daemon / "git", self.events.append)

    def commit(self, message: str, folder: Path | None = None) -> str:
        git(folder or self.repository, "add", "-A")
        git(folder or self.repository, "commit", "-m", message)
        return self.head(folder)

    def head(self, folder: Path | None = None) -> str:
        return git(folder or self.repository, "rev-parse", "HEAD").strip()

    def make(self, cwd: Path | None = None, **more: Any) -> WorktreeReply:
        return self.worktrees.make(MakeWorktree(id=1, sid=SID, cwd=str(cwd or self.repository), **more))

    def made(self, cwd: Path | None = None, **more: Any) -> Path:
        reply = self.make(cwd, **more)
        assert not reply.problem, reply.problem
        assert reply.worktree is not None
        return Path(reply.worktree.path)

    def end(self, path: Path, action: Any, **more: Any) -> WorktreeReply:
        return self.worktrees.end(EndWorktree(id=1, sid=SID, action=action, path=str(path), sids=[SID], **more))

    def show(self, path: Path) -> WorktreeReply:
        return self.worktrees.show(ShowWorktree(id=1, path=str(path)))

    def status(self) -> str:
        return git(self.repository, "status", "--porcelain")
