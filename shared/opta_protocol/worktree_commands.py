"""Requests about worktrees to the tool worker, which runs git, and its replies."""

from .command_base import Command
from .worktree import Worktree, WorktreeAction, WorktreeFile


class MakeWorktree(Command, frozen=True, kw_only=True, omit_defaults=True, tag="MakeWorktree"):
    """Makes a worktree of the repository that holds the folder `cwd`. `name`: words for its branch. `carry`: with its uncommitted changes."""

    id: int
    sid: str
    cwd: str
    name: str = ""
    carry: bool = False


class EndWorktree(Command, frozen=True, kw_only=True, omit_defaults=True, tag="EndWorktree"):
    """Merges, keeps or drops the worktree of a session. The result is an event of every session in `sids`, which work in it.

    `force`: also when work is lost, or files change by which programs act. `stay`: merge, and leave the worktree for more work.
    `into`: the branch that the repository has to be on; '' for that of the beginning. `title`: of the commit.
    """

    id: int
    sid: str
    action: WorktreeAction
    path: str
    sids: list[str]
    title: str = ""
    force: bool = False
    stay: bool = False
    into: str = ""


class ShowWorktree(Command, frozen=True, kw_only=True, omit_defaults=True, tag="ShowWorktree"):
    """Asks what a worktree holds."""

    id: int
    path: str


class WorktreeReply(Command, frozen=True, kw_only=True, omit_defaults=True, tag="WorktreeReply"):
    """The reply to each request: the worktree as it is now, or why nothing was done.

    `cwd`: the session's folder in a new worktree. `files`: what it changed, or what a merge changed.
    `commit`: what was merged or dropped. `into`: the branch. `commits`: how many are in no other branch. `uncommitted`: files with
    changes that are in no commit. `note`: for people. `needsForce`: the request is done with `force`. `paths`: the files that a problem is about.
    """

    id: int
    worktree: Worktree | None = None
    cwd: str = ""
    files: list[WorktreeFile] = []
    commit: str = ""
    into: str = ""
    commits: int = 0
    uncommitted: list[str] = []
    isGone: bool = False
    note: str = ""
    problem: str = ""
    needsForce: bool = False
    paths: list[str] = []
