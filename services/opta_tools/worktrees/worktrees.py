"""The worktrees of sessions: makes, shows, merges, keeps and drops them, one at a time in each repository."""

import os
import threading
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec

from opta_core.clock import wall_s
from opta_core.errors import OptaError
from opta_core.logs import Log
from opta_core.worktree_records import MergeStep, WorktreeRecord, WorktreeRecords
from opta_protocol.commands import EndWorktree, MakeWorktree, ShowWorktree, WorktreeReply
from opta_protocol.events import SessionWorktree
from opta_protocol.worktree import ENDED_STATES, Worktree, WorktreeFile, WorktreeState

from ..housekeeping import remove_tree
from .git_program import GitFailed, GitProgram, WorktreeProblem
from .index_lock import IndexLock
from .plain_repository import plain_repository
from .repository import Repository, named
from .worktree_end import Holdings, author_of, commit_work, holdings, remove, snapshot
from .worktree_files import HalfMerged
from .worktree_maker import WorktreeMaker, take_back
from .worktree_merge import Merged, carry_out, files_of, finish, plan_merge

UNUSED_S = 600.0
log = Log("worktrees")

Report = Callable[[SessionWorktree], None]


class Worktrees:
    """`folder`: for git folders of ours. `report` stores an event in a journal, and returns when it is there. Methods run in a thread."""

    def __init__(self, program: GitProgram, records: WorktreeRecords, folder: Path, report: Report):
        self._program, self._records, self._scratch, self._report = program, records, folder, report
        # Of an earlier worker, which was killed.
        remove_tree(str(folder))
        self._maker = WorktreeMaker(program, records, folder)
        self._making = threading.Lock()
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)

    def make(self, asked: MakeWorktree) -> WorktreeReply:
        """Make a worktree for a session."""
        try:
            with self._making:
                record, cwd = self._maker.make(asked.sid, asked.cwd, asked.name, carry=asked.carry)
        except WorktreeProblem as problem:
            return WorktreeReply(id=asked.id, problem=str(problem), paths=problem.paths)
        log.info("worktree made", session=asked.sid, path=record.worktree.path)
        return WorktreeReply(id=asked.id, worktree=record.worktree, cwd=cwd)

    def show(self, asked: ShowWorktree) -> WorktreeReply:
        """What a worktree holds."""
        try:
            record, repository = self._known(asked.path)
            if record.worktree.state in ENDED_STATES:
                return WorktreeReply(id=asked.id, worktree=record.worktree, isGone=True, into=repository.branch())
            held = holdings(repository, record, self._scratch)
            return WorktreeReply(
                id=asked.id,
                worktree=record.worktree,
                files=self._files(repository, record, held),
                commits=held.commits,
                commit=held.tip,
                uncommitted=held.uncommitted,
                isGone=held.is_gone,
                into=repository.branch(),
            )
        except (WorktreeProblem, GitFailed, OSError) as problem:
            return WorktreeReply(id=asked.id, problem=_words(problem))

    def end(self, asked: EndWorktree) -> WorktreeReply:
        """Merge, keep or drop a worktree."""
        try:
            record, repository = self._known(asked.path)
            with self._locks[record.common]:
                record, repository = self._known(asked.path)
                match asked.action:
                    case "keep":
                        return self._keep(asked, record)
                    case "drop":
                        return self._drop(asked, record, repository)
                    case "merge":
                        return self._merge(asked, record, repository)
        except WorktreeProblem as problem:
            return WorktreeReply(id=asked.id, problem=str(problem), paths=problem.paths, needsForce=problem.needs_force)
        except (GitFailed, OSError) as problem:
            return WorktreeReply(id=asked.id, problem=f"{asked.path}: {_words(problem)}")

    def repair(self, has_session: Callable[[str], bool]) -> None:
        """Finish what an earlier worker began, say what it did, and remove worktrees for which no session was made. Raises nothing."""
        for path, record in self._records.read().items():
            with self._locks[record.common]:
                try:
                    self._repair(path, has_session)
                except (WorktreeProblem, GitFailed, OSError) as problem:
                    log.warning("worktree not repaired", path=path, reason=_words(problem))

    # ----------------------------------------------------------------------------------------------------

    def _keep(self, asked: EndWorktree, record: WorktreeRecord) -> WorktreeReply:
        kept = self._changed(record, "kept", unsaid=_events(asked.sids, SessionWorktree(state="kept", note="The worktree stays as it is.")))
        self._say(kept)
        return WorktreeReply(id=asked.id, worktree=kept.worktree)

    def _drop(self, asked: EndWorktree, record: WorktreeRecord, repository: Repository) -> WorktreeReply:
        held = holdings(repository, record, self._scratch)
        if held.words and not asked.force:
            raise WorktreeProblem(
                f"{record.worktree.path} holds {held.words}. Merge or keep it, or drop it with force", held.uncommitted, needs_force=True
            )
        author, _ = author_of(repository)
        last = snapshot(repository, record, held, self._scratch, f"Dropped work of session s-{record.sid}\n", author)
        lost = f" It held {held.words}. As long as git keeps it: git branch NAME {last}" if held.words and last else ""
        note = f"The worktree was dropped.{lost}"
        worktree = self._remove(record, repository, "dropped", asked.sids, SessionWorktree(state="dropped", commit=last, note=note))
        return WorktreeReply(id=asked.id, worktree=worktree, commit=last, note=note)

    def _merge(self, asked: EndWorktree, record: WorktreeRecord, repository: Repository) -> WorktreeReply:
        if record.merge is not None:
            finish(repository, self._scratch, record.merge, record.sid)
            record = self._changed(record, "open", merge=None)
        held = holdings(repository, record, self._scratch)
        if not held.tip:
            raise WorktreeProblem(f"{asked.path} and its branch are gone, so there is nothing to merge. Drop it")
        if held.nested and not asked.stay and not asked.force:
            raise WorktreeProblem(
                f"{asked.path} holds another repository in {named(held.nested)}, which is not merged and would be removed. Move it, or merge "
                "and stay",
                held.nested,
                needs_force=True,
            )
        author, note = author_of(repository)
        title = f"{asked.title or 'Work of a session'}\n\nMade by Opta in session s-{asked.sid}.\n"
        tip = commit_work(repository, record, held, self._scratch, title, author)
        with plain_repository(repository, self._scratch) as plain:
            plan = plan_merge(plain, repository, record, tip, asked.into, author, force=asked.force)
        step = MergeStep(before=plan.before, after=plan.after, into=plan.into, sids=asked.sids, stays=asked.stay)
        self._changed(record, "merging", merge=step)
        try:
            merged = carry_out(repository, self._scratch, plan, record.sid)
        except HalfMerged:
            raise
        except WorktreeProblem:
            self._changed(record, record.worktree.state, merge=None)
            raise
        if held.is_gone:
            note = f"{note} Its folder had been removed, so what was not committed is not merged.".strip()
        worktree, note = self._merged(self._now(record), repository, merged, asked.sids, note, stays=asked.stay)
        return WorktreeReply(id=asked.id, worktree=worktree, commit=merged.commit, into=merged.into, files=merged.files, note=note)

    def _merged(
        self, record: WorktreeRecord, repository: Repository, merged: Merged, sids: list[str], note: str, *, stays: bool
    ) -> tuple[Worktree, str]:
        """What follows a merge: the worktree is removed, or stays open. Returns it, and a note for people."""
        branch = record.worktree.branch
        event = SessionWorktree(
            state="merged", commit=merged.commit, into=merged.into, files=[file.path for file in merged.files], note=note
        )
        held = holdings(repository, record, self._scratch)
        if not stays and (held.uncommitted or held.is_locked):
            why = f"{named(held.uncommitted)} changed while it was merged" if held.uncommitted else "it is locked (git worktree lock)"
            note, stays = f"{note} The worktree stays: {why}.".strip(), True
        if stays:
            event = msgspec.structs.replace(event, state="open", note=note)
            record = self._changed(record, "open", merge=None, unsaid=_events(sids, event))
            self._say(record)
            return record.worktree, note
        tip = repository.commit_of(f"refs/heads/{branch}")
        if tip and not repository.is_ancestor(tip, merged.commit):
            note = f"{note} The branch {branch} stays: it has commits that the worktree had not checked out.".strip()
            event = msgspec.structs.replace(event, note=note)
            record = self._changed(record, record.worktree.state, branchStays=True)
        return self._remove(record, repository, "merged", sids, event), event.note

    def _remove(self, record: WorktreeRecord, repository: Repository, ends: Literal["merged", "dropped"], sids: list[str], event: SessionWorktree) -> Worktree:  # fmt: skip
        record = self._changed(record, "ending", merge=None, ends=ends, unsaid=_events(sids, event))
        return self._removed(record, repository)

    def _removed(self, record: WorktreeRecord, repository: Repository) -> Worktree:
        """Remove what is marked as ending."""
        ends = record.ends or "dropped"
        if problem := remove(repository, record):
            unsaid = [(sid, {**event, "note": f"{event.get('note', '')} {problem}".strip()}) for sid, event in record.unsaid]
            record = self._changed(record, "ending", unsaid=unsaid)
        record = self._changed(record, ends)
        self._say(record)
        log.info("worktree removed", path=record.worktree.path, as_=record.worktree.state)
        return record.worktree

    def _repair(self, path: str, has_session: Callable[[str], bool]) -> None:
        record, repository = self._known(path)
        if record.worktree.state == "making":
            take_back(self._program, record)
            self._forget(path)
            log.warning("took back a worktree that was not made completely", path=path)
            return
        for folder in (record.git, record.admin):
            IndexLock(folder, record.sid).recover()
        if (step := record.merge) is not None:
            try:
                merged = finish(repository, self._scratch, step, record.sid)
            except WorktreeProblem as problem:
                event = SessionWorktree(state="open", note=f"A merge was interrupted: {problem}.")
                record = self._changed(record, "open", merge=None, unsaid=_events(step.sids, event))
            else:
                self._merged(record, repository, merged, step.sids, "The merge was interrupted, and finished afterwards.", stays=step.stays)
                return
        if record.worktree.state == "ending":
            self._removed(record, repository)
        elif record.unsaid:
            self._say(record)
        elif not has_session(record.sid) and wall_s() - record.since > UNUSED_S:
            held = holdings(repository, record, self._scratch)
            if record.worktree.state == "open" and not held.words:
                remove(repository, record)
                self._forget(path)
                log.info("removed a worktree that no session has", path=path)

    def _say(self, record: WorktreeRecord) -> None:
        """Store the events of what was done. What cannot be stored now is said by a later repair."""
        try:
            for sid, event in record.unsaid:
                self._report(msgspec.convert({**event, "event": "session.worktree", "sid": sid}, SessionWorktree))
        except OptaError as error:
            log.warning("events of a worktree not stored yet", path=record.worktree.path, reason=error.message)
            return
        if record.worktree.state in ENDED_STATES:
            self._forget(record.worktree.path)
        elif record.unsaid:
            self._changed(record, record.worktree.state, unsaid=[])

    def _changed(self, record: WorktreeRecord, state: WorktreeState, **changes: Any) -> WorktreeRecord:
        """Record a new state. `record` names the worktree; its other fields are those of now."""
        path = record.worktree.path

        def change(records: dict[str, WorktreeRecord]) -> dict[str, WorktreeRecord]:
            now = records.get(path, record)
            return {**records, path: msgspec.structs.replace(now, worktree=msgspec.structs.replace(now.worktree, state=state), **changes)}

        return self._records.update(change)[path]

    def _now(self, record: WorktreeRecord) -> WorktreeRecord:
        return self._records.read().get(record.worktree.path, record)

    def _forget(self, path: str) -> None:
        self._records.update(lambda records: {each: record for each, record in records.items() if each != path})

    def _known(self, path: str) -> tuple[WorktreeRecord, Repository]:
        record = self._records.read().get(path)
        if record is None:
            raise WorktreeProblem(f"Opta has no record of the worktree {path}. git worktree list shows those of the repository")
        if not Path(record.git).is_dir() and record.worktree.state not in ENDED_STATES:
            raise WorktreeProblem(
                f"the repository of {path} is no longer at {record.worktree.repository}. Move it back, or remove the folder"
            )
        return record, Repository(self._program, record.worktree.repository, record.git, record.common)

    def _files(self, repository: Repository, record: WorktreeRecord, held: Holdings) -> list[WorktreeFile]:
        if not held.tip:
            return []
        admin = record.admin if Path(record.admin).is_dir() else ""
        with plain_repository(repository, self._scratch, admin, record.worktree.path) as plain:
            committed = {file.path: file for file in files_of(plain.changes(record.worktree.base, held.tip))}
            began_with = set(plain.names("ls-tree", "-r", "--name-only", "-z", record.worktree.base)) if held.uncommitted else set[str]()
        found = {path: msgspec.structs.replace(file, isCommitted=path not in held.uncommitted) for path, file in committed.items()}
        for path in held.uncommitted:
            is_there = os.path.lexists(f"{record.worktree.path}/{path}")
            if not is_there and path not in began_with:
                found.pop(path, None)
            else:
                found[path] = WorktreeFile(path=path, change="deleted" if not is_there else "changed" if path in began_with else "added")
        return [found[path] for path in sorted(found)]


def _events(sids: list[str], event: SessionWorktree) -> list[tuple[str, dict[str, Any]]]:
    """(session, fields) of an event for every session."""
    fields = {name: value for name, value in msgspec.to_builtins(event).items() if name != "event"}
    return [(sid, fields) for sid in sids]


def _words(problem: Exception) -> str:
    if isinstance(problem, OSError) and problem.strerror:
        return f"{problem.strerror}: {problem.filename}" if problem.filename else problem.strerror
    return str(problem)
