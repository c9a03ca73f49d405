"""Merges a worktree into the branch that its repository is on: whole, or not at all.

Files are written first, then the branch moves, then the index follows. Each step is repeated without harm, so that a merge that was
interrupted is finished when the worker starts again.
"""

from dataclasses import dataclass
from pathlib import Path

from opta_core.policy.control_files import control_file
from opta_core.worktree_records import MergeStep, WorktreeRecord
from opta_protocol.worktree import WorktreeFile

from .git_program import GitFailed, WorktreeProblem
from .index_lock import IndexLock
from .plain_repository import PlainRepository, TreeChange, plain_repository
from .repository import Repository, named, unfinished
from .worktree_files import TreeStep, merged_tree, new_commit


@dataclass(frozen=True)
class Merged:
    """`commit`: what the branch `into` ('' for a detached HEAD) has now."""

    commit: str
    into: str
    files: list[WorktreeFile]


@dataclass(frozen=True)
class MergePlan:
    """A merge that conflicts nowhere. `before` and `after`: commits of the repository."""

    before: str
    after: str
    into: str


def plan_merge(plain: PlainRepository, repository: Repository, record: WorktreeRecord, tip: str, into: str, author: dict[str, str], *, force: bool) -> MergePlan:  # fmt: skip
    """Find out what a merge of `tip` makes. Writes nothing but objects. Raises WorktreeProblem."""
    top = repository.top
    if operation := unfinished(repository.git):
        raise WorktreeProblem(f"{top} has an unfinished {operation}, so nothing was merged. Finish or abort it there, and merge again")
    branch, before = repository.branch(), repository.head()
    wanted = into or record.worktree.baseBranch
    if branch != wanted:
        now, began = f"on branch {branch}" if branch else "on no branch (a detached HEAD)", wanted or "no branch (a detached HEAD)"
        with_into = f", or merge into {branch}: --into {branch}" if branch else ""
        raise WorktreeProblem(f"{top} is {now}, and the merge is into {began}. Switch to it{with_into}")
    if not before:
        raise WorktreeProblem(f"branch {branch} of {top} has no commit any more, so nothing was merged")
    if repository.is_ancestor(tip, before):
        return MergePlan(before, before, branch)
    if repository.is_ancestor(before, tip):
        after = tip
    else:
        tree = merged_tree(plain, before, tip)
        after = new_commit(plain, tree, [before, tip], f"Merge branch '{record.worktree.branch}'\n", author)
    acting = sorted({change.path for change in plain.changes(before, after) if change.after and _acts(change.path)})
    if acting and not force:
        raise WorktreeProblem(
            f"the merge changes files by which other programs act: {named(acting)}. Look at them, and merge with force",
            acting,
            needs_force=True,
        )
    return MergePlan(before, after, branch)


def carry_out(repository: Repository, scratch: Path, plan: MergePlan, name: str) -> Merged:
    """Do a merge. `name`: of its lock. Raises WorktreeProblem: nothing was done; HalfMerged, OSError, GitFailed: `finish` completes it."""
    if plan.before == plan.after:
        return Merged(plan.before, plan.into, [])
    lock = IndexLock(repository.git, name)
    with lock.held(), plain_repository(repository, scratch) as plain:
        step = TreeStep(plain, plan.before, plan.after)
        step.check()
        step.write()
        try:
            _move(repository, plan)
        except GitFailed as failed:
            step.take_back()
            raise WorktreeProblem(f"{repository.top} could not be moved to the merge, so nothing was merged: {failed}") from failed
        lock.publish(plain.index)
        return Merged(plan.after, plan.into, files_of(step.changes))


def finish(repository: Repository, scratch: Path, step: MergeStep, name: str) -> Merged:
    """Finish a merge that was interrupted, at any point. Raises WorktreeProblem: the repository was changed since; GitFailed, OSError."""
    head = repository.head()
    if repository.branch() != step.into or head not in (step.before, step.after):
        raise WorktreeProblem(f"{repository.top} has moved on since the merge of {step.after[:12]} was interrupted. Look at it: git status")
    lock = IndexLock(repository.git, name)
    with lock.held(), plain_repository(repository, scratch) as plain:
        tree_step = TreeStep(plain, step.before, step.after)
        tree_step.remove_begun()
        tree_step.check(is_resumed=True)
        tree_step.write()
        if head == step.before:
            _move(repository, MergePlan(step.before, step.after, step.into))
        lock.publish(plain.index)
        return Merged(step.after, step.into, files_of(tree_step.changes))


def files_of(changes: list[TreeChange]) -> list[WorktreeFile]:
    """Changes for a person."""
    return [
        WorktreeFile(path=change.path, change="added" if change.before is None else "deleted" if change.after is None else "changed")
        for change in changes
    ]


def _move(repository: Repository, plan: MergePlan) -> None:
    ref = f"refs/heads/{plan.into}" if plan.into else "HEAD"
    reason = "opta: merge of a session's worktree"
    if plan.into:
        repository.move("HEAD" if repository.branch() == plan.into else ref, plan.after, plan.before, reason)
    else:
        repository.refs("update-ref", "--no-deref", "-m", reason, ref, plan.after, plan.before)


def _acts(path: str) -> bool:
    """Whether a file, or a folder above it, makes programs of a person act."""
    for depth, name in enumerate(path.split("/")):
        entry = control_file(name)
        if entry is not None and (depth == 0 or not entry.is_of_repository):
            return True
    return False
