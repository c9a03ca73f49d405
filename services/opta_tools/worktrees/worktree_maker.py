"""Makes the worktree of a session beside its repository: a branch, git's record of the worktree, and the files of the commit."""

import contextlib
import os
import re
import shutil
from pathlib import Path

from opta_core.clock import wall_s
from opta_core.worktree_records import WorktreeRecord, WorktreeRecords, identity_of
from opta_protocol.worktree import Worktree

from ..housekeeping import remove_tree
from .git_program import GitFailed, GitProgram, WorktreeProblem
from .plain_repository import plain_repository
from .repository import Repository, find_repository, named, read_small, unfinished, worktrees_folder
from .worktree_files import check_out, commit_all

WORDS_MAX, NAME_CHARS_MAX, LEFT_MAX = 5, 40, 1000


class WorktreeMaker:
    """`scratch`: a folder for git folders of ours."""

    def __init__(self, program: GitProgram, records: WorktreeRecords, scratch: Path):
        self._program, self._records, self._scratch = program, records, scratch

    def make(self, sid: str, cwd: str, words: str, *, carry: bool) -> tuple[WorktreeRecord, str]:
        """(the record of a new worktree, the folder in it that corresponds to `cwd`). Raises WorktreeProblem; then there is none."""
        folder = os.path.realpath(cwd)
        repository = find_repository(self._program, folder)
        record = self._planned(sid, repository, words)
        # From here on, a kill leaves a record by which the next start takes everything back.
        self._records.update(lambda records: {**records, record.worktree.path: record})
        is_made = False
        try:
            Path(record.worktree.path).parent.mkdir(exist_ok=True)
            Path(record.worktree.path).mkdir()
            is_made = True
            left = self._made(repository, record, carry=carry)
            inside = _inside(record.worktree.path, folder[len(repository.top) :])
        except (GitFailed, OSError, WorktreeProblem) as error:
            if is_made:
                take_back(self._program, record)
            self._records.update(lambda records: {path: each for path, each in records.items() if path != record.worktree.path})
            reason = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) else str(error)
            raise WorktreeProblem(f"the worktree {record.worktree.path} could not be made: {reason}") from error
        worktree = Worktree(
            path=record.worktree.path,
            branch=record.worktree.branch,
            repository=record.worktree.repository,
            base=record.worktree.base,
            baseBranch=record.worktree.baseBranch,
            left=left[:LEFT_MAX],
        )
        made = WorktreeRecord(
            sid=sid,
            worktree=worktree,
            git=record.git,
            common=record.common,
            admin=admin_of(record.common, record.worktree.path) or record.admin,
            identity=identity_of(worktree.path),
            since=record.since,
        )
        self._records.update(lambda records: {**records, worktree.path: made})
        return made, inside

    def _planned(self, sid: str, repository: Repository, words: str) -> WorktreeRecord:
        if not (base := repository.head()):
            raise WorktreeProblem(
                f"{repository.top} has no commit yet, and a worktree begins with one. Commit once, or start without --worktree."
            )
        if operation := unfinished(repository.git):
            raise WorktreeProblem(f"{repository.top} has an unfinished {operation}. Finish or abort it, and start again.")
        name = _name(words, sid)
        path = str(worktrees_folder(repository.top) / name)
        if os.path.lexists(path):
            raise WorktreeProblem(f"{path} exists already. Start again, which takes another name, or remove it.")
        # A branch "opta" leaves no place for "opta/NAME".
        branch = f"opta-{name}" if repository.has_ref("refs/heads/opta") else f"opta/{name}"
        return WorktreeRecord(
            sid=sid,
            worktree=Worktree(
                path=path, branch=branch, repository=repository.top, base=base, baseBranch=repository.branch(), state="making"
            ),
            git=repository.git,
            common=repository.common,
            admin=f"{repository.common}/worktrees/{name}",
            since=wall_s(),
        )

    def _made(self, repository: Repository, record: WorktreeRecord, *, carry: bool) -> list[str]:
        """Make it; the paths with uncommitted changes that it has not."""
        worktree = record.worktree
        with plain_repository(repository, self._scratch) as plain:
            left, nested = plain.uncommitted(worktree.base)
            if carry and nested:
                raise WorktreeProblem(f"{named(nested)} is a repository inside of {repository.top} and cannot be carried")
            carried = commit_all(plain, worktree.base, "Uncommitted changes", _NOBODY) if carry and left else ""
        repository.move(f"refs/heads/{worktree.branch}", worktree.base, "0" * len(worktree.base), "opta: worktree of a session")
        repository.refs("worktree", "add", "--no-checkout", worktree.path, worktree.branch)
        admin = admin_of(record.common, record.worktree.path)
        if not admin:
            raise WorktreeProblem("git made it in another place than was asked for")
        with plain_repository(repository, self._scratch, admin, worktree.path) as plain:
            check_out(plain, carried or worktree.base)
            if carried:
                # The changes are there, and are uncommitted as they were.
                plain.run("read-tree", "--reset", worktree.base)
            shutil.copyfile(plain.index, f"{admin}/index")
        return [] if carried else left


def take_back(program: GitProgram, record: WorktreeRecord) -> None:
    """Remove what was made of a worktree in which nothing was done yet."""
    worktree = record.worktree
    repository = Repository(program, worktree.repository, record.git, record.common)
    admin = admin_of(record.common, record.worktree.path)
    remove_tree(worktree.path)
    if admin:
        remove_tree(admin)
    with contextlib.suppress(OSError):
        Path(worktree.path).parent.rmdir()
    with contextlib.suppress(OSError):
        Path(f"{record.common}/worktrees").rmdir()
    with contextlib.suppress(GitFailed, WorktreeProblem):
        repository.delete(f"refs/heads/{worktree.branch}", worktree.base)


def admin_of(common: str, path: str) -> str:
    """The git folder of a worktree, which names its path; '' when there is none. git chooses its name."""
    with contextlib.suppress(OSError), os.scandir(f"{common}/worktrees") as entries:
        for entry in entries:
            back = read_small(f"{entry.path}/gitdir").strip()
            if back and os.path.normpath(os.path.join(entry.path, back)) == f"{path}/.git":
                return entry.path
    return ""


def _inside(path: str, below: str) -> str:
    """The folder at `below` in a worktree, which is made when it holds no committed file. Raises WorktreeProblem, OSError."""
    for name in filter(None, below.split("/")):
        path = f"{path}/{name}"
        if os.path.islink(path):
            raise WorktreeProblem(f"{path} is a symbolic link in the commit. Start in the top folder of the repository")
        Path(path).mkdir(exist_ok=True)
    return path


def _name(words: str, sid: str) -> str:
    """A name for a folder and a branch: the first words of a task, and the session."""
    plain = re.findall(r"[a-z0-9]+", words.lower())[:WORDS_MAX]
    return "-".join([*"-".join(plain)[:NAME_CHARS_MAX].strip("-").split(), sid[:8]])


_NOBODY = {
    f"GIT_{who}_{what}": "Opta" if what == "NAME" else "opta@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
}
