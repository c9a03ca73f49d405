"""Worktrees of sessions in real repositories: made, merged, kept, dropped, and repaired after a kill at any step."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.git import file, git
from support.worktree_bench import SID, WorktreeBench

from opta_core.worktree_records import worktree_records
from opta_protocol.commands import MakeWorktree
from opta_tools.housekeeping import remove_tree


@pytest.fixture
def bench(tmp_path: Path) -> WorktreeBench:
    return WorktreeBench(tmp_path)


def test_a_worktree_has_the_files_of_the_commit_and_a_branch(bench: WorktreeBench) -> None:
    reply = bench.make(name="Fix the login, please!")
    worktree = reply.worktree
    assert worktree is not None and not reply.problem
    path = Path(worktree.path)
    assert path == bench.folder / "code.worktrees/fix-the-login-please-abcd2345"
    assert worktree.branch == "opta/fix-the-login-please-abcd2345" and worktree.baseBranch == "main" and worktree.state == "open"
    assert (path / "a.txt").read_text() == "one\n" and (path / "sub/b.txt").read_text() == "two\n"
    assert git(path, "status", "--porcelain") == "" and git(path, "branch", "--show-current").strip() == worktree.branch
    assert bench.status() == "" and reply.cwd == str(path)
    assert bench.show(path).files == []


def test_a_merge_commits_what_the_session_did_and_ends_the_worktree(bench: WorktreeBench) -> None:
    path = bench.made()
    file(path / "a.txt", "changed\n")
    file(path / "new/c.txt", "three\n")
    (path / "sub/b.txt").unlink()
    assert [(each.path, each.change) for each in bench.show(path).files] == [
        ("a.txt", "changed"),
        ("new/c.txt", "added"),
        ("sub/b.txt", "deleted"),
    ]
    reply = bench.end(path, "merge", title="Change a")
    assert not reply.problem and reply.into == "main" and reply.commit == bench.head()
    assert [(each.path, each.change) for each in reply.files] == [("a.txt", "changed"), ("new/c.txt", "added"), ("sub/b.txt", "deleted")]
    assert bench.status() == "" and (bench.repository / "a.txt").read_text() == "changed\n"
    assert (bench.repository / "new/c.txt").read_text() == "three\n" and not (bench.repository / "sub").exists()
    assert git(bench.repository, "log", "-1", "--format=%s").strip() == "Change a"
    assert not path.parent.exists() and git(bench.repository, "branch", "--list").strip() == "* main"
    assert git(bench.repository, "worktree", "list").count("\n") == 1
    assert [event.state for event in bench.events] == ["merged"] and bench.events[0].sid == SID
    assert worktree_records(bench.paths).read() == {}


def test_a_merge_joins_what_both_sides_changed(bench: WorktreeBench) -> None:
    path = bench.made()
    file(path / "a.txt", "session\n")
    file(bench.repository / "sub/b.txt", "person\n")
    before = bench.commit("person")
    reply = bench.end(path, "merge")
    assert not reply.problem
    assert (bench.repository / "a.txt").read_text() == "session\n" and (bench.repository / "sub/b.txt").read_text() == "person\n"
    assert git(bench.repository, "rev-parse", "HEAD^1").strip() == before and bench.status() == ""
    assert {each.path for each in reply.files} == {"a.txt"}


def test_a_conflict_is_refused_whole_and_names_the_files(bench: WorktreeBench) -> None:
    path = bench.made()
    file(path / "a.txt", "session\n")
    file(path / "ünï.txt", "new\n")
    file(bench.repository / "a.txt", "person\n")
    before = bench.commit("person")
    reply = bench.end(path, "merge")
    assert "a.txt" in reply.problem and reply.paths == ["a.txt"] and not reply.needsForce
    assert bench.head() == before and bench.status() == "" and (bench.repository / "a.txt").read_text() == "person\n"
    assert not (bench.repository / "ünï.txt").exists() and bench.events == []
    # Nothing of the session's work is lost, and the conflict can be resolved in the worktree.
    git(path, "merge", "main")
    file(path / "a.txt", "both\n")
    assert "conflicts" in bench.end(path, "merge").problem or "unfinished" in bench.end(path, "merge").problem
    git(path, "add", "-A")
    git(path, "commit", "-m", "resolved")
    assert not bench.end(path, "merge").problem
    assert (bench.repository / "a.txt").read_text() == "both\n" and (bench.repository / "ünï.txt").read_text() == "new\n"


def test_a_person_with_uncommitted_changes_keeps_them(bench: WorktreeBench) -> None:
    path = bench.made()
    file(path / "a.txt", "session\n")
    file(path / "new.txt", "session\n")
    file(bench.repository / "sub/b.txt", "not committed\n")
    file(bench.repository / "staged.txt", "staged\n")
    git(bench.repository, "add", "staged.txt")
    file(bench.repository / "other.txt", "untracked\n")
    reply = bench.end(path, "merge", stay=True)
    assert not reply.problem, reply.problem
    assert bench.status() == " M sub/b.txt\nA  staged.txt\n?? other.txt\n" or sorted(bench.status().splitlines()) == sorted(
        [" M sub/b.txt", "A  staged.txt", "?? other.txt"]
    )
    assert (bench.repository / "a.txt").read_text() == "session\n" and bench.events[-1].state == "open"
    # Where both have changes, nothing happens.
    for name, content in (("a.txt", "mine\n"), ("more.txt", "mine\n")):
        file(bench.repository / name, content)
        file(path / name, "session again\n")
    before, status = bench.head(), bench.status()
    reply = bench.end(path, "merge")
    assert reply.paths == ["a.txt", "more.txt"] and "uncommitted" in reply.problem
    assert bench.head() == before and bench.status() == status and (bench.repository / "more.txt").read_text() == "mine\n"


def test_changes_that_are_not_committed_are_named_or_carried(bench: WorktreeBench) -> None:
    file(bench.repository / "a.txt", "edited\n")
    file(bench.repository / "new file.txt", "new\n")
    (bench.repository / "sub/b.txt").unlink()
    reply = bench.make()
    assert reply.worktree is not None and reply.worktree.left == ["a.txt", "new file.txt", "sub/b.txt"]
    assert (Path(reply.worktree.path) / "a.txt").read_text() == "one\n"
    status = bench.status()
    carried = bench.worktrees.make(MakeWorktree(id=1, sid="other234", cwd=str(bench.repository), carry=True))
    assert carried.worktree is not None and carried.worktree.left == []
    path = Path(carried.worktree.path)
    assert (path / "a.txt").read_text() == "edited\n" and (path / "new file.txt").exists() and not (path / "sub/b.txt").exists()
    assert bench.status() == status and bench.head() == bench.head(path)
    # The same changes in the repository are in the way of nothing.
    file(path / "c.txt", "session\n")
    merged = bench.end(path, "merge")
    assert not merged.problem, merged.problem
    assert bench.status() == "" and (bench.repository / "c.txt").exists()


def test_keep_and_drop(bench: WorktreeBench) -> None:
    path = bench.made()
    assert bench.end(path, "keep").worktree is not None and bench.events[-1].state == "kept" and path.exists()
    file(path / "a.txt", "work\n")
    refused = bench.end(path, "drop")
    assert refused.needsForce and "a.txt" in refused.problem and path.exists()
    bench.commit("by the session", path)
    refused = bench.end(path, "drop")
    assert refused.needsForce and "1 commit" in refused.problem
    file(path / "b.txt", "more\n")
    dropped = bench.end(path, "drop", force=True)
    assert not dropped.problem and not path.exists() and bench.events[-1].state == "dropped"
    assert git(bench.repository, "branch", "--list").strip() == "* main"
    # What was dropped can be found again.
    assert git(bench.repository, "show", f"{dropped.commit}:b.txt") == "more\n" and dropped.commit in dropped.note
    other = bench.made()
    assert not bench.end(other, "drop").problem and not other.exists()


def test_what_cannot_have_a_worktree_is_refused_by_name(bench: WorktreeBench, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    assert "not in a git repository" in bench.make(plain).problem
    git(tmp_path, "init", "empty")
    assert "no commit yet" in bench.make(tmp_path / "empty").problem
    git(tmp_path, "clone", "--bare", str(bench.repository), "bare.git")
    assert "bare repository" in bench.make(tmp_path / "bare.git").problem
    assert "git folder" in bench.make(bench.repository / ".git").problem
    git(bench.repository, "config", "core.worktree", str(plain))
    assert "core.worktree" in bench.make().problem
    git(bench.repository, "config", "--unset", "core.worktree")
    file(bench.repository / ".git/MERGE_HEAD", bench.head())
    assert "unfinished merge" in bench.make().problem
    assert not (tmp_path / "code.worktrees").exists() and worktree_records(bench.paths).read() == {}


def test_a_folder_below_the_top_a_detached_head_and_a_linked_worktree(bench: WorktreeBench) -> None:
    file(bench.repository / "notes/x.txt", "ignored")
    file(bench.repository / ".gitignore", "notes/\n")
    bench.commit("ignore")
    reply = bench.make(bench.repository / "notes")
    assert reply.cwd == f"{reply.worktree.path}/notes" and Path(reply.cwd).is_dir()  # type: ignore[union-attr]
    assert not bench.end(Path(reply.worktree.path), "drop").problem  # type: ignore[union-attr]
    git(bench.repository, "checkout", "--detach")
    path = bench.made()
    file(path / "a.txt", "detached\n")
    merged = bench.end(path, "merge")
    assert not merged.problem and merged.into == "" and merged.commit == bench.head()
    assert git(bench.repository, "show", "main:a.txt") == "one\n"
    git(bench.repository, "worktree", "add", "-b", "side", str(bench.folder / "side"), "main")
    path = bench.made(bench.folder / "side")
    assert path.parent == bench.folder / "side.worktrees"
    file(path / "a.txt", "on the side\n")
    merged = bench.end(path, "merge")
    assert not merged.problem and merged.into == "side" and (bench.folder / "side/a.txt").read_text() == "on the side\n"


def test_another_branch_now_is_named_and_not_merged_into(bench: WorktreeBench) -> None:
    path = bench.made()
    file(path / "a.txt", "work\n")
    git(bench.repository, "switch", "-c", "feature")
    reply = bench.end(path, "merge")
    assert "feature" in reply.problem and "main" in reply.problem and "--into feature" in reply.problem
    assert not bench.end(path, "merge", into="feature").problem
    assert git(bench.repository, "show", "main:a.txt") == "one\n" and (bench.repository / "a.txt").read_text() == "work\n"


def test_a_removed_folder_loses_no_commit(bench: WorktreeBench) -> None:
    path = bench.made()
    file(path / "a.txt", "committed\n")
    bench.commit("by the session", path)
    git(bench.repository, "worktree", "list")
    remove_tree(str(path))
    assert bench.show(path).isGone
    assert bench.end(path, "drop").needsForce
    reply = bench.end(path, "merge")
    assert not reply.problem and (bench.repository / "a.txt").read_text() == "committed\n"
    assert git(bench.repository, "worktree", "list").count("\n") == 1


def test_a_hostile_repository_runs_nothing(bench: WorktreeBench) -> None:
    ran = bench.folder / "ran"
    evil = f"touch {ran}"
    hook = f"#!/bin/sh\n{evil}\n"
    for name in (
        "post-checkout",
        "pre-commit",
        "commit-msg",
        "post-merge",
        "post-commit",
        "reference-transaction",
        "post-index-change",
        "pre-merge-commit",
    ):
        file(bench.repository / ".git/hooks" / name, hook).chmod(0o755)
    path = bench.made(carry=True)
    for key, value in (
        ("core.fsmonitor", evil), ("filter.evil.smudge", evil), ("filter.evil.clean", evil), ("filter.evil.process", evil), ("diff.evil.textconv", evil),
        ("diff.external", evil), ("merge.evil.driver", evil), ("core.sshCommand", evil), ("core.pager", evil), ("core.editor", evil),
        ("gpg.program", evil), ("commit.gpgSign", "true"), ("core.alternateRefsCommand", evil), ("core.hooksPath", str(bench.repository / ".git/hooks")),
        ("extensions.partialClone", "origin"), ("remote.origin.promisor", "true"), ("remote.origin.url", f"ext::{evil}"), ("protocol.ext.allow", "always"),
        ("core.askPass", evil), ("sequence.editor", evil), ("credential.helper", f"!{evil}"), ("log.showSignature", "true"),
    ):  # fmt: skip
        git(bench.repository, "config", key, value)
    file(bench.repository / ".git/info/attributes", "* filter=evil diff=evil merge=evil\n")
    ran.unlink(missing_ok=True)
    file(path / ".gitattributes", "* filter=evil diff=evil merge=evil\n")
    file(path / "a.txt", "session\n")
    other = Path(bench.worktrees.make(MakeWorktree(id=1, sid="other234", cwd=str(bench.repository))).worktree.path)  # type: ignore[union-attr]
    file(bench.repository / "sub/b.txt", "person\n")
    assert bench.show(path).uncommitted == [".gitattributes", "a.txt"]
    assert not bench.end(path, "merge", stay=True).problem
    file(other / "a.txt", "other\n")
    assert "a.txt" in bench.end(other, "merge").problem
    assert not bench.end(other, "drop", force=True).problem
    assert not bench.end(path, "drop").problem
    assert not ran.exists()
    assert (bench.repository / "sub/b.txt").read_text() == "person\n"
    # It would have run for anybody else.
    git(bench.repository, "status")
    assert ran.exists()


def test_files_by_which_programs_act_are_merged_only_when_it_is_said(bench: WorktreeBench) -> None:
    path = bench.made()
    file(path / ".github/workflows/ci.yml", "on: push\n")
    file(path / "pkg/.vscode/tasks.json", "{}\n")
    before = bench.head()
    reply = bench.end(path, "merge")
    assert reply.needsForce and reply.paths == [".github/workflows/ci.yml", "pkg/.vscode/tasks.json"] and bench.head() == before
    assert not bench.end(path, "merge", force=True).problem and (bench.repository / ".github/workflows/ci.yml").exists()


def test_modes_links_and_submodules_are_merged(bench: WorktreeBench, tmp_path: Path) -> None:
    git(tmp_path, "clone", str(bench.repository), "library")
    git(bench.repository, "submodule", "add", str(tmp_path / "library"), "library")
    bench.commit("submodule")
    path = bench.made()
    assert (path / "library").is_dir() and not list((path / "library").iterdir())
    file(path / "run.sh", "#!/bin/sh\n").chmod(0o755)
    (path / "link").symlink_to("a.txt")
    (path / "a.txt").chmod(0o755)
    assert not bench.end(path, "merge").problem
    assert (bench.repository / "run.sh").stat().st_mode & 0o100 and (bench.repository / "link").readlink() == Path("a.txt")
    assert (bench.repository / "a.txt").stat().st_mode & 0o100 and (bench.repository / "library/a.txt").exists() and bench.status() == ""


def test_another_repository_in_the_worktree_is_not_lost(bench: WorktreeBench) -> None:
    path = bench.made()
    git(path, "clone", str(bench.repository), "inner")
    reply = bench.end(path, "merge")
    assert reply.needsForce and "inner" in reply.problem and path.exists()
    assert bench.end(path, "drop").needsForce


def test_a_locked_index_and_an_unfinished_merge_are_named(bench: WorktreeBench) -> None:
    path = bench.made()
    file(path / "a.txt", "work\n")
    lock = file(bench.repository / ".git/index.lock", "")
    before = bench.head()
    reply = bench.end(path, "merge")
    assert (
        "index.lock" in reply.problem and lock.exists() and bench.head() == before and (bench.repository / "a.txt").read_text() == "one\n"
    )
    lock.unlink()
    file(bench.repository / ".git/MERGE_HEAD", before)
    assert "unfinished merge" in bench.end(path, "merge").problem
    (bench.repository / ".git/MERGE_HEAD").unlink()
    assert not bench.end(path, "merge").problem and not list((bench.repository / ".git").glob("opta-*"))


def test_a_branch_named_opta_and_a_branch_that_the_session_left(bench: WorktreeBench) -> None:
    git(bench.repository, "branch", "opta")
    path = bench.made()
    assert git(path, "branch", "--show-current").strip() == f"opta-{SID}"
    file(path / "a.txt", "one branch\n")
    bench.commit("on the first branch", path)
    git(path, "switch", "-c", "elsewhere", "main")
    file(path / "c.txt", "another\n")
    reply = bench.end(path, "merge")
    assert not reply.problem and (bench.repository / "c.txt").exists() and f"opta-{SID} stays" in bench.events[-1].note
    assert git(bench.repository, "show", f"opta-{SID}:a.txt") == "one branch\n"


def test_several_are_made_at_once_from_the_same_commit(bench: WorktreeBench) -> None:
    with ThreadPoolExecutor(6) as pool:
        asked = [MakeWorktree(id=number, sid=f"sid{number}", cwd=str(bench.repository), name="the same task") for number in range(6)]
        replies = list(pool.map(bench.worktrees.make, asked))
    assert [reply.problem for reply in replies] == [""] * 6
    assert {bench.head(Path(reply.cwd)) for reply in replies} == {bench.head()} and len({reply.cwd for reply in replies}) == 6
    assert len(worktree_records(bench.paths).read()) == 6 and git(bench.repository, "worktree", "list").count("\n") == 7


def test_a_locked_worktree_is_not_removed_unasked(bench: WorktreeBench) -> None:
    path = bench.made()
    git(bench.repository, "worktree", "lock", str(path))
    assert "lock" in bench.end(path, "drop").problem and path.exists()
    file(path / "a.txt", "work\n")
    merged = bench.end(path, "merge")
    assert not merged.problem and "locked" in merged.note and path.exists() and bench.events[-1].state == "open"
    assert not bench.end(path, "drop", force=True).problem and not path.exists()


def test_files_that_git_assumes_unchanged_are_neither_lost_nor_overwritten(bench: WorktreeBench) -> None:
    path = bench.made()
    git(path, "update-index", "--assume-unchanged", "sub/b.txt")
    file(path / "sub/b.txt", "session\n")
    assert bench.show(path).uncommitted == ["sub/b.txt"]
    git(bench.repository, "update-index", "--assume-unchanged", "sub/b.txt")
    file(bench.repository / "sub/b.txt", "local setting\n")
    before = bench.head()
    reply = bench.end(path, "merge")
    assert "b.txt" in reply.problem and bench.head() == before and (bench.repository / "sub/b.txt").read_text() == "local setting\n"
    git(bench.repository, "update-index", "--no-assume-unchanged", "sub/b.txt")
    git(bench.repository, "checkout", "sub/b.txt")
    assert not bench.end(path, "merge").problem and (bench.repository / "sub/b.txt").read_text() == "session\n"


def test_ignored_files_that_block_a_merge_are_kept(bench: WorktreeBench) -> None:
    path = bench.made()
    file(path / "local.env", "of the session\n")
    file(bench.repository / ".git/info/exclude", "local.env\n")
    git(path, "add", "--force", "local.env")
    file(bench.repository / "local.env", "of a person\n")
    reply = bench.end(path, "merge")
    assert reply.paths == ["local.env"] and (bench.repository / "local.env").read_text() == "of a person\n"
    # The same for a folder where a file has to be.
    (bench.repository / "local.env").unlink()
    file(bench.repository / "local.env/x", "of a person\n")
    assert bench.end(path, "merge").problem and (bench.repository / "local.env/x").exists() and bench.head(path) != bench.head()


def test_a_sparse_repository_and_one_with_a_split_index(bench: WorktreeBench) -> None:
    git(bench.repository, "update-index", "--split-index")
    path = bench.made()
    file(path / "a.txt", "split\n")
    assert not bench.end(path, "merge").problem and bench.status() == ""
    git(bench.repository, "sparse-checkout", "set", "--no-cone", "/*", "!/sub/")
    assert not (bench.repository / "sub").exists()
    path = bench.made()
    file(path / "a.txt", "sparse\n")
    reply = bench.end(path, "merge")
    assert not reply.problem and [each.path for each in reply.files] == ["a.txt"]
    assert bench.status() == "" and not (bench.repository / "sub").exists() and git(bench.repository, "show", "HEAD:sub/b.txt") == "two\n"
