"""The worktrees that Opta made, by their path. The file outlives a kill at any step, so that a step that began is finished or taken back."""

import os
from typing import Any, Literal

import msgspec

from opta_protocol.worktree import Worktree

from .paths import Paths
from .records import RecordFile


class MergeStep(msgspec.Struct, frozen=True, kw_only=True):
    """A merge that has begun: the commits of the repository's branch before and after it.

    `sids`: the sessions that work in the worktree. `stays`: it is not removed afterwards.
    """

    before: str
    after: str
    into: str
    sids: list[str]
    stays: bool


class WorktreeRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A worktree. `git` and `common`: the git folder of the repository's work tree and the one that all its worktrees share; `admin`: that
    of the worktree. `identity`: device and inode of its folder, once it is made. `since`: when it was made, in seconds.

    `ends`: what it becomes when it is removed. `branchStays`: its branch has more than what was merged. `unsaid`: (session, event) of what
    was done and may not be in the journals yet.
    """

    sid: str
    worktree: Worktree
    git: str
    common: str
    admin: str
    identity: str = ""
    since: float = 0.0
    merge: MergeStep | None = None
    ends: Literal["", "merged", "dropped"] = ""
    branchStays: bool = False
    unsaid: list[tuple[str, dict[str, Any]]] = []


WorktreeRecords = RecordFile[dict[str, WorktreeRecord]]
_DECODER = msgspec.json.Decoder(dict[str, WorktreeRecord])


def worktree_records(paths: Paths) -> WorktreeRecords:
    """Path of a worktree -> its record. A file that cannot be read counts as empty: then worktrees are found by git alone."""
    return RecordFile(paths.daemon / "worktrees.json", _DECODER, dict[str, WorktreeRecord])


def repository_folder(records: dict[str, WorktreeRecord], folder: str) -> str:
    """The folder of the repository that a folder of a worktree is a copy of; '' for any other folder. `folder` is a real path."""
    for path, record in records.items():
        if (folder == path or folder.startswith(f"{path}/")) and record.identity and record.identity == identity_of(path):
            return record.worktree.repository + folder[len(path) :]
    return ""


def identity_of(folder: str) -> str:
    """Device and inode of a folder; '' when there is none."""
    try:
        seen = os.lstat(folder)
    except OSError:
        return ""
    return f"{seen.st_dev}:{seen.st_ino}"
