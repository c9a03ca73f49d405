"""Bodies of HTTP requests and responses about the git worktree of a session."""

from typing import Annotated

import msgspec

from .http import Request, Response
from .worktree import Worktree, WorktreeAction, WorktreeFile

BranchName = Annotated[str, msgspec.Meta(max_length=200)]


class EndWorktreeRequest(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/sessions/:id/worktree: merge it into the repository's branch and remove it, keep it as it is, or drop it.

    `force`: also when work is lost by it, or when the merge changes files by which programs act; without it such a request is refused
    (409, `details.needsForce`). `stay`: merge, and go on in the worktree. `into`: the branch, when the repository is on another one now
    than at the beginning.
    """

    action: WorktreeAction
    force: bool = False
    stay: bool = False
    into: BranchName = ""


class WorktreeStatus(Response, frozen=True, kw_only=True):
    """The worktree, and what it holds: `files` that differ from its beginning, `commits` that are in no other branch, and files with changes
    that are in no commit (`uncommitted`). `isGone`: its folder was removed. `into`: the branch that the repository is on now."""

    worktree: Worktree
    files: list[WorktreeFile]
    commits: int
    uncommitted: list[str]
    isGone: bool
    into: str


class WorktreeEnded(Response, frozen=True, kw_only=True):
    """What was done. `commit`: what the branch `into` has now, or what a dropped worktree held last; '' for nothing. `files`: of the merge.

    `note`: for people.
    """

    worktree: Worktree
    commit: str
    into: str
    files: list[WorktreeFile]
    note: str
