"""A repository, as it is found from a folder inside its work tree, and its refs.

Refs are read and written with the repository's configuration, because only git knows how they are stored; nothing there runs a program.
"""

import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .git_program import GitFailed, GitProgram, WorktreeProblem

# Files and folders of a git folder that an unfinished operation leaves, with its name.
_UNFINISHED = {
    "MERGE_HEAD": "merge",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase or am",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "BISECT_LOG": "bisect",
}
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?\Z")


@dataclass(frozen=True)
class Repository:
    """`top`: the folder of the work tree; `git`: its git folder; `common`: the one that all work trees of the repository share."""

    program: GitProgram
    top: str
    git: str
    common: str

    def refs(self, *words: str, given: bytes = b"", admin: str = "", **variables: str) -> str:
        """What a git command on refs prints. `admin`: the git folder of another work tree. Raises GitFailed."""
        found = self.program.run("/", *words, given=given, GIT_DIR=admin or self.git, **variables)
        return found.decode(errors="surrogateescape").removesuffix("\n")

    def head(self, admin: str = "") -> str:
        """The commit that is checked out; '' when there is none yet. Raises GitFailed."""
        try:
            found = self.refs("rev-parse", "--verify", "--quiet", "HEAD", admin=admin)
        except GitFailed:
            return ""
        return found if _COMMIT.match(found) else ""

    def branch(self, admin: str = "") -> str:
        """The name of the branch that is checked out; '' for a detached HEAD."""
        try:
            return self.refs("symbolic-ref", "--quiet", "HEAD", admin=admin).removeprefix("refs/heads/")
        except GitFailed:
            return ""

    def commit_of(self, ref: str) -> str:
        """The commit of a full ref; '' when there is none."""
        try:
            return self.refs("rev-parse", "--verify", "--quiet", ref)
        except GitFailed:
            return ""

    def has_ref(self, ref: str) -> bool:
        """Whether a full ref exists."""
        return bool(self.commit_of(ref))

    def move(self, ref: str, new: str, old: str, reason: str, *, admin: str = "") -> None:
        """Set a ref from `old` to `new`; when it is not `old`, nothing changes. Raises GitFailed."""
        self.refs("update-ref", "-m", reason, ref, new, old, admin=admin)

    def delete(self, ref: str, old: str) -> None:
        """Remove a ref that is `old`. Raises GitFailed."""
        self.refs("update-ref", "-d", ref, old)

    def is_ancestor(self, one: str, other: str) -> bool:
        """Whether a commit is part of another one's history."""
        try:
            self.refs("merge-base", "--is-ancestor", one, other)
        except GitFailed as failed:
            if failed.code == 1:
                return False
            raise
        return True

    def commits_only_in(self, commit: str, branch: str) -> int:
        """How many commits of `commit`'s history no ref but `branch` leads to, not counting what the work trees have checked out."""
        return int(self.refs("rev-list", "--single-worktree", "--count", commit, "--not", f"--exclude=refs/heads/{branch}", "--all"))


def find_repository(program: GitProgram, folder: str) -> Repository:
    """The repository whose work tree holds a folder (a real path). Raises WorktreeProblem."""
    try:
        is_bare = program.text(folder, "rev-parse", "--is-bare-repository") == "true"
        if is_bare or program.text(folder, "rev-parse", "--is-inside-git-dir") == "true":
            what = "a bare repository, which has no folder of files" if is_bare else "a git folder"
            raise WorktreeProblem(f"{folder} is {what}. Start in a work tree of the repository, or without --worktree.")
        top = os.path.realpath(program.text(folder, "rev-parse", "--show-toplevel"))
        git, common = (
            os.path.realpath(os.path.join(folder, program.text(folder, "rev-parse", word)))
            for word in ("--absolute-git-dir", "--git-common-dir")
        )
    except GitFailed as failed:
        if "not a git repository" in str(failed):
            raise WorktreeProblem(
                f"{folder} is not in a git repository, so there is nothing to make a worktree of. Run `git init` and commit, or start without "
                "--worktree."
            ) from failed
        raise WorktreeProblem(f"git does not use the repository of {folder}: {failed}") from failed
    if not (folder == top or folder.startswith(f"{top}/")):
        raise WorktreeProblem(f"the repository of {folder} keeps its files elsewhere ({top}, core.worktree). Start in that folder.")
    for path in (top, git, common):
        seen = os.stat(path)
        if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != os.getuid():
            raise WorktreeProblem(f"{path} belongs to another user, so Opta changes nothing in it. Clone the repository.")
    return Repository(program, top, git, common)


def unfinished(git: str) -> str:
    """The operation of git that is not finished in a git folder; '' for none."""
    return next((name for file, name in _UNFINISHED.items() if os.path.lexists(f"{git}/{file}")), "")


def named(paths: Iterable[str], most: int = 5) -> str:
    """Paths for a sentence: the first ones, and how many more there are."""
    found = sorted(paths)
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more


def read_small(path: str, bytes_max: int = 65536) -> str:
    """The beginning of a regular file; '' when there is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    with os.fdopen(descriptor, "rb") as handle:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return ""
        return handle.read(bytes_max).decode(errors="surrogateescape")


def worktrees_folder(top: str) -> Path:
    """The folder for the worktrees of a repository, beside it."""
    return Path(f"{top}.worktrees")
