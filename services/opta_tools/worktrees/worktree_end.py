"""Ends the worktree of a session: merges it, or removes it. What would be lost is committed first, or named and asked about."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from opta_core.worktree_records import WorktreeRecord, identity_of

from ..housekeeping import remove_tree
from .git_program import GitFailed, WorktreeProblem
from .index_lock import IndexLock
from .plain_repository import plain_repository
from .repository import Repository, named, unfinished
from .worktree_files import commit_all, new_commit, write_all

OPTA = "Opta <opta@localhost>"
NO_NAME = "git does not know your name (git config --global user.name, user.email), so the commit names Opta."


@dataclass(frozen=True)
class Holdings:
    """What a worktree holds. `tip`: the commit that it has checked out. `branch`: '' for a detached HEAD. `commits`: in no other branch.

    `uncommitted`: files whose changes are in no commit; `nested`: folders of other repositories in it; `is_locked`: by `git worktree lock`.
    """

    tip: str
    branch: str
    commits: int
    uncommitted: list[str]
    nested: list[str]
    is_gone: bool
    is_locked: bool = False

    @property
    def words(self) -> str:
        """What would be lost, for people; '' for nothing."""
        parts = [f"{self.commits} commit{'s' if self.commits != 1 else ''} that no other branch has"] if self.commits else []
        parts += [f"uncommitted changes in {named(self.uncommitted)}"] if self.uncommitted else []
        parts += [f"another repository in {named(self.nested)}"] if self.nested else []
        parts += ["a lock (git worktree lock)"] if self.is_locked else []
        return " and ".join(parts)


def holdings(repository: Repository, record: WorktreeRecord, scratch: Path) -> Holdings:
    """Look at a worktree. Raises GitFailed, WorktreeProblem, OSError."""
    worktree = record.worktree
    is_gone = not record.identity or identity_of(worktree.path) != record.identity
    branch_tip = repository.commit_of(f"refs/heads/{worktree.branch}")
    has_admin = Path(record.admin).is_dir() and bool(repository.head(record.admin))
    tip = (repository.head(record.admin) if has_admin else "") or branch_tip
    if not tip:
        return Holdings("", "", 0, [], [], is_gone)
    # Commits of the branch that the worktree left are in it too.
    commits = sum(repository.commits_only_in(each, worktree.branch) for each in {tip, *([branch_tip] if branch_tip else [])})
    uncommitted, nested = [], []
    if not is_gone and has_admin:
        with plain_repository(repository, scratch, record.admin, worktree.path) as plain:
            uncommitted, nested = plain.uncommitted(tip)
    branch = repository.branch(record.admin) if has_admin else worktree.branch
    is_locked = Path(f"{record.admin}/locked").exists()
    return Holdings(tip, branch, commits, uncommitted, nested, is_gone, is_locked)


def author_of(repository: Repository) -> tuple[dict[str, str], str]:
    """(variables by which git names the author of a commit, a note for people)."""
    found: dict[str, str] = {}
    note = ""
    for who in ("AUTHOR", "COMMITTER"):
        try:
            identity = repository.refs("var", f"GIT_{who}_IDENT")
        except GitFailed:
            identity, note = OPTA, NO_NAME
        name, _, rest = identity.partition(" <")
        found[f"GIT_{who}_NAME"], found[f"GIT_{who}_EMAIL"] = name, rest.partition(">")[0]
    return found, note


def commit_work(repository: Repository, record: WorktreeRecord, held: Holdings, scratch: Path, title: str, author: dict[str, str]) -> str:
    """Commit everything in the worktree on what it has checked out; the new tip. Raises GitFailed, WorktreeProblem, OSError."""
    worktree = record.worktree
    if held.is_gone or not held.uncommitted:
        return held.tip
    if operation := unfinished(record.admin):
        raise WorktreeProblem(f"{worktree.path} has an unfinished {operation}. Finish or abort it there, and try again")
    lock = IndexLock(record.admin, record.sid)
    with plain_repository(repository, scratch, record.admin, worktree.path) as plain:
        tree = write_all(plain, held.tip)
        with lock.held():
            lock.publish(plain.index)
        new = held.tip if tree == plain.tree_of(held.tip) else new_commit(plain, tree, [held.tip], title, author)
    if new != held.tip:
        repository.move("HEAD", new, held.tip, "opta: changes of a session", admin=record.admin)
    return new


def snapshot(repository: Repository, record: WorktreeRecord, held: Holdings, scratch: Path, title: str, author: dict[str, str]) -> str:
    """A commit of everything in the worktree that no branch leads to, so that a dropped one can be found again; the tip if that fails."""
    if held.is_gone or not held.uncommitted:
        return held.tip
    with (
        contextlib.suppress(GitFailed, WorktreeProblem, OSError),
        plain_repository(repository, scratch, record.admin, record.worktree.path) as plain,
    ):
        return commit_all(plain, held.tip, title, author)
    return held.tip


def remove(repository: Repository, record: WorktreeRecord) -> str:
    """Remove the folder, git's record of it, and the branch. What is gone already is no error. Returns what could not be removed, for people."""
    worktree = record.worktree
    problem = ""
    if identity_of(worktree.path) == record.identity:
        remove_tree(worktree.path)
        if identity_of(worktree.path) == record.identity:
            problem = f"{worktree.path} could not be removed completely; remove it."
    if record.admin.startswith(f"{record.common}/worktrees/"):
        remove_tree(record.admin)
    with contextlib.suppress(OSError):
        Path(f"{record.common}/worktrees").rmdir()
    with contextlib.suppress(OSError):
        Path(worktree.path).parent.rmdir()
    if not record.branchStays and (tip := repository.commit_of(f"refs/heads/{worktree.branch}")):
        try:
            repository.delete(f"refs/heads/{worktree.branch}", tip)
        except GitFailed as failed:
            problem = f"{problem} The branch {worktree.branch} could not be removed: {failed}".strip()
    return problem
