"""A worker that is killed at any step of making, merging or dropping a worktree: the next one finishes the step or takes it back."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.git import file, git
from support.worktree_bench import SID, WorktreeBench

from opta_core.worktree_records import WorktreeRecord, worktree_records
from opta_protocol.events import SessionWorktree
from opta_tools.worktrees.git_program import GitProgram
from opta_tools.worktrees.worktrees import Worktrees


class Death:
    """Ends the process without any cleanup, as a kill does, at the step of a number. `steps` counts them."""

    def __init__(self, at: int = 0):
        self.at, self.steps = at, 0

    def step(self) -> None:
        self.steps += 1
        if self.steps == self.at:
            os._exit(9)


CHANGING = {"update-ref", "read-tree", "worktree", "update-index", "commit-tree", "write-tree"}


class DyingGit(GitProgram):
    """Steps before and after each git that changes something."""

    def __init__(self, home: Path, death: Death):
        super().__init__(home)
        self._death = death

    def run(self, folder: str, *words: str, given: bytes = b"", **variables: str) -> bytes:
        if words[0] not in CHANGING:
            return super().run(folder, *words, given=given, **variables)
        self._death.step()
        found = super().run(folder, *words, given=given, **variables)
        self._death.step()
        return found


class DyingRecords:
    """Steps before and after each change of the records."""

    def __init__(self, bench: WorktreeBench, death: Death):
        self._records, self._death = worktree_records(bench.paths), death
        self.file, self.read = self._records.file, self._records.read

    def update(self, change: Callable[[dict[str, WorktreeRecord]], dict[str, WorktreeRecord]]) -> dict[str, WorktreeRecord]:
        self._death.step()
        found = self._records.update(change)
        self._death.step()
        return found


def mortal(bench: WorktreeBench, death: Death) -> Worktrees:
    def report(event: SessionWorktree) -> None:
        death.step()

    return Worktrees(DyingGit(bench.folder / "person", death), DyingRecords(bench, death), bench.paths.daemon / "git", report)  # type: ignore[arg-type]


def steps_of(bench: WorktreeBench, work: Callable[[], object], death: Death) -> int:
    """Run it in a child that dies at its step; how many steps it took, 0 when it died."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.close(read)
        work()
        os.write(write, f"{death.steps}".encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answers:
        answered = answers.read()
    os.waitpid(child, 0)
    return int(answered or 0)


def every_kill(tmp_path: Path, prepare: Callable[[WorktreeBench], Callable[[], object]]) -> Iterator[WorktreeBench]:
    """Benches, each with a worker that was killed one step later, until one was not killed."""
    at, is_over = 1, False
    while not is_over:
        bench, death = WorktreeBench(tmp_path / f"kill{at}"), Death(at)
        work = prepare(bench)
        bench.worktrees = mortal(bench, death)
        is_over = steps_of(bench, work, death) > 0
        bench.worktrees = bench.worker()
        bench.worktrees.repair(lambda _: True)
        yield bench
        # Every point, or every second one, is far more than a merge has windows.
        at += 1 if os.environ.get("OPTA_TEST_KILLS") else 2
    assert at > 10


def whole(bench: WorktreeBench) -> None:
    """No trace of a step that was not finished."""
    assert not (bench.repository / ".git/index.lock").exists() and not list((bench.repository / ".git").glob("opta-*"))
    assert git(bench.repository, "fsck", "--no-dangling", "--no-progress") == ""
    assert git(bench.repository, "worktree", "prune", "--dry-run", "--verbose") == ""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_worktree_is_made_completely_or_not_at_all(tmp_path: Path) -> None:
    for bench in every_kill(tmp_path, lambda bench: bench.make):
        whole(bench)
        records = worktree_records(bench.paths).read()
        assert bench.status() == ""
        if records:
            [record] = records.values()
            assert record.worktree.state == "open" and git(Path(record.worktree.path), "status", "--porcelain") == ""
        else:
            assert not (bench.folder / "code.worktrees").exists() and "opta" not in git(bench.repository, "branch", "--list")
        assert bool(records) or not bench.make().problem


def test_a_merge_happens_completely_or_not_at_all(tmp_path: Path) -> None:
    def prepare(bench: WorktreeBench) -> Callable[[], object]:
        path = bench.made()
        file(path / "a.txt", "session\n")
        file(path / "new/c.txt", "new\n")
        (path / "sub/b.txt").unlink()
        file(bench.repository / "d.txt", "person\n")
        bench.commit("person")
        file(bench.repository / "e.txt", "not committed\n")
        return lambda: bench.end(path, "merge")

    outcomes: set[str] = set()
    for bench in every_kill(tmp_path, prepare):
        whole(bench)
        assert bench.status() == "?? e.txt\n"
        path = bench.folder / f"code.worktrees/{SID}"
        is_merged = (bench.repository / "a.txt").read_text() == "session\n"
        assert (bench.repository / "new/c.txt").exists() == is_merged and (bench.repository / "sub/b.txt").exists() != is_merged
        assert git(bench.repository, "show", "HEAD:a.txt") == ("session\n" if is_merged else "one\n")
        states = [event.state for event in bench.events]
        outcomes.add(f"{is_merged} {states}")
        if is_merged:
            assert not path.exists() and worktree_records(bench.paths).read() == {} and set(states) <= {"merged"}
        else:
            assert states == [] and not bench.end(path, "merge").problem
            assert (bench.repository / "a.txt").read_text() == "session\n" and bench.status() == "?? e.txt\n"
    assert outcomes == {"False []", "True ['merged']", "True []"}


class HalfWritingGit(GitProgram):
    """A git that is killed while it writes the files of a merge."""

    def run(self, folder: str, *words: str, given: bytes = b"", **variables: str) -> bytes:
        if words[:3] == ("read-tree", "-m", "-u") and "--dry-run" not in words:
            work = Path(variables["GIT_WORK_TREE"])
            (work / "a.txt").unlink()
            file(work / "a.txt", "sess")
            file(work / "new/c.txt", "")
            os._exit(9)
        return super().run(folder, *words, given=given, **variables)


def test_files_that_were_written_in_part_are_written_again(tmp_path: Path) -> None:
    bench = WorktreeBench(tmp_path)
    path = bench.made()
    file(path / "a.txt", "session\n")
    file(path / "new/c.txt", "new\n")
    records = worktree_records(bench.paths)
    bench.worktrees = Worktrees(HalfWritingGit(bench.folder / "person"), records, bench.paths.daemon / "git", bench.events.append)
    assert steps_of(bench, lambda: bench.end(path, "merge"), Death()) == 0
    assert (bench.repository / "a.txt").read_text() == "sess"
    bench.worktrees = bench.worker()
    bench.worktrees.repair(lambda _: True)
    whole(bench)
    assert (bench.repository / "a.txt").read_text() == "session\n" and (bench.repository / "new/c.txt").read_text() == "new\n"
    assert bench.status() == "" and [event.state for event in bench.events] == ["merged"]


def test_what_a_person_did_to_a_half_merge_is_kept_and_named(tmp_path: Path) -> None:
    bench = WorktreeBench(tmp_path)
    path = bench.made()
    file(path / "a.txt", "session\n")
    file(path / "new/c.txt", "new\n")
    records = worktree_records(bench.paths)
    bench.worktrees = Worktrees(HalfWritingGit(bench.folder / "person"), records, bench.paths.daemon / "git", bench.events.append)
    steps_of(bench, lambda: bench.end(path, "merge"), Death())
    file(bench.repository / "a.txt", "by hand\n")
    bench.worktrees = bench.worker()
    bench.worktrees.repair(lambda _: True)
    [event] = bench.events
    assert event.state == "open" and "a.txt" in event.note and (bench.repository / "a.txt").read_text() == "by hand\n"
    git(bench.repository, "checkout", "--", ".")
    assert not bench.end(path, "merge").problem and bench.status() == ""


def test_a_drop_happens_completely_or_not_at_all(tmp_path: Path) -> None:
    def prepare(bench: WorktreeBench) -> Callable[[], object]:
        path = bench.made()
        file(path / "a.txt", "session\n")
        return lambda: bench.end(path, "drop", force=True)

    for bench in every_kill(tmp_path, prepare):
        whole(bench)
        path = bench.folder / f"code.worktrees/{SID}"
        if path.exists():
            assert (path / "a.txt").read_text() == "session\n" and bench.show(path).uncommitted == ["a.txt"]
        else:
            assert worktree_records(bench.paths).read() == {} and git(bench.repository, "branch", "--list").strip() == "* main"
