"""The git worktree of a session: a folder and a branch beside the repository, which end by a merge or are kept or dropped."""

from typing import Literal

import msgspec

# making: it is being made. open: the session works in it. merging, ending: it is being merged, or removed. kept: it stays, and nothing
# asks about it any more. merged, dropped: it is removed.
WorktreeState = Literal["making", "open", "merging", "ending", "kept", "merged", "dropped"]
WorktreeAction = Literal["merge", "keep", "drop"]
ENDED_STATES = ("merged", "dropped")


class Worktree(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A session's worktree. Paths are real paths.

    `repository`: the top folder of the work tree that it was made from. `base`: the commit that it began with. `baseBranch`: the branch
    that `repository` was on; '' for none (a detached HEAD). `left`: files that were changed but not committed then, so it has none of it.
    """

    path: str
    branch: str
    repository: str
    base: str
    baseBranch: str = ""
    state: WorktreeState = "open"
    left: list[str] = []


class WorktreeFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file that differs from the commit with which the worktree began. `isCommitted`: all of the change is in a commit."""

    path: str
    change: Literal["added", "changed", "deleted"]
    isCommitted: bool = False
