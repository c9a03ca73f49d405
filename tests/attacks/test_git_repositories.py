"""Repositories of git that a command makes, moves or leads elsewhere run no program of its choice."""

import subprocess
from pathlib import Path

import pytest
from support.contained import Place
from support.git import file, git
from support.oracles import until

from opta_tools.sandbox.git_config import plain_config

# git


EVIL = "git init -q --bare ev; git --git-dir=ev config core.fsmonitor 'touch pwned; false'"


def test_a_repository_without_head_keeps_its_place_holders(place: Place) -> None:
    git(place.work, "init", "-q")
    place.run("mv .git/HEAD .git/H")
    place.run(f"{EVIL}; echo ../ev > .git/commondir; mv .git/H .git/HEAD")
    assert git(place.work, "config", "core.fsmonitor") == ""


@pytest.mark.parametrize("decoy", ["HEAD", "config"])
def test_a_submodule_is_not_hidden_behind_a_decoy(place: Place, tmp_path: Path, decoy: str) -> None:
    library = tmp_path / "library"
    git(tmp_path, "init", "-q", str(library))
    git(library, "commit", "-q", "--allow-empty", "-m", "x")
    git(place.work, "init", "-q")
    git(place.work, "submodule", "add", "-q", str(library), "sub")
    assert (place.work / ".git/modules/sub").exists()
    evil = "git --git-dir=.git/modules/sub config core.fsmonitor evil; echo evil > .git/modules/sub/hooks/post-checkout"
    place.run(f"mv .git/modules .git/old; cp -r .git/old .git/modules; {evil}; touch .git/modules/{decoy}")
    assert git(place.work / "sub", "config", "core.fsmonitor") == ""
    assert not (place.work / ".git/modules/sub/hooks/post-checkout").exists()


def test_a_linked_worktree_is_not_led_to_another_repository(place: Place, tmp_path: Path) -> None:
    git(place.work, "init", "-q")
    git(place.work, "commit", "-q", "--allow-empty", "-m", "x")
    git(place.work, "worktree", "add", "-q", str(tmp_path / "linked"))
    place.run(
        f"{EVIL}; mv .git/worktrees .git/old; cp -r .git/old .git/worktrees; rm -f .git/worktrees/linked/commondir; echo $PWD/ev > .git/worktrees/linked/commondir"
    )
    assert git(tmp_path / "linked", "config", "core.fsmonitor") == ""


def test_hooks_that_are_a_link_stay(place: Place) -> None:
    git(place.work, "init", "-q")
    subprocess.run(["rm", "-rf", str(place.work / ".git/hooks")], check=True)
    file(place.work / "scripts/x")
    (place.work / ".git/hooks").symlink_to("../scripts")
    place.run("rm .git/hooks; mkdir .git/hooks; echo evil > .git/hooks/post-checkout")
    assert (place.work / ".git/hooks").is_symlink()


def test_hooks_where_the_configuration_has_them_stay(place: Place) -> None:
    git(place.work, "init", "-q")
    git(place.work, "config", "core.hooksPath", ".githooks")
    hook = file(place.work / ".githooks/pre-commit")
    place.run("echo evil > .githooks/pre-commit; echo evil > .githooks/post-checkout")
    assert hook.read_text() == "mine"
    assert not (place.work / ".githooks/post-checkout").exists()


MANY = "for i in $(seq 80); do mkdir -p n$i/.git; echo 'ref: refs/heads/x' > n$i/.git/HEAD; done"


def test_many_repositories_leave_the_first_one_protected(place: Place) -> None:
    git(place.work, "init", "-q")
    place.run(MANY)
    place.run("echo evil > .git/hooks/post-checkout; git config core.fsmonitor evil", session="second")
    assert not (place.work / ".git/hooks/post-checkout").exists()
    assert git(place.work, "config", "core.fsmonitor") == ""


def test_many_repositories_leave_a_new_one_cleaned(place: Place) -> None:
    place.run(f"git init -q .; echo evil > .git/hooks/post-checkout; {MANY}")
    assert not (place.work / ".git/hooks/post-checkout").exists()


def test_many_repositories_do_not_make_the_guard_move_hooks_of_the_person(place: Place) -> None:
    git(place.work, "init", "-q")
    git(place.work, "config", "alias.mine", "status")
    hook = file(place.work / ".git/hooks/pre-commit")
    place.run(MANY)
    place.run("mkdir build; mv n* build")
    assert hook.exists()
    assert git(place.work, "config", "alias.mine") == "status\n"


def test_a_new_repository_gets_no_hooks_after_it_was_cleaned(place: Place) -> None:
    place.run(
        "until [ -e go ]; do sleep 0.02; done; git init -q n; touch made; until [ -e on ]; do sleep 0.02; done; echo evil > n/.git/hooks/post-checkout; touch done; sleep 30",
        background=True,
    )
    place.run("touch go; until [ -e made ]; do sleep 0.02; done")
    file(place.work / "on")
    assert until((place.work / "done").exists)
    place.stop_background()
    assert not (place.work / "n/.git/hooks/post-checkout").exists()


@pytest.mark.parametrize("folder", ["docs", "."])
def test_a_bare_repository_runs_nothing(place: Place, folder: str) -> None:
    place.run(
        f"git init -q --bare r; mkdir -p {folder}; mv r/* {folder}; cd {folder}; git --git-dir=. config core.bare false; git --git-dir=. config core.worktree .; git --git-dir=. config core.fsmonitor 'touch pwned; false'"
    )
    git(place.work / folder, "status")
    assert not list(place.work.rglob("pwned"))


def test_a_rebase_that_nobody_began_runs_nothing(place: Place) -> None:
    git(place.work, "init", "-q")
    git(place.work, "commit", "-q", "--allow-empty", "-m", "x")
    place.run(
        "h=$(git rev-parse HEAD); b=$(git symbolic-ref HEAD); mkdir .git/rebase-merge; cd .git/rebase-merge; echo $b > head-name; echo $h > onto; echo $h > orig-head; touch interactive done; echo 'exec touch pwned' > git-rebase-todo; echo 1 > msgnum; echo 1 > end"
    )
    git(place.work, "rebase", "--continue")
    assert not (place.work / "pwned").exists()


@pytest.mark.parametrize(
    ("text", "key", "bad"),
    [
        ('[submodule "x"]\n\tupdate = "" !touch pwned\n', "submodule.x.update", "!"),
        ('[core]\n\tworktree = "" /etc\n', "core.worktree", "/etc"),
        ("[core]\n\tworktree = ../../..\n", "core.worktree", "../../.."),
        ('[remote "o"]\n\turl = ext:"":sh -c evil\n', "remote.o.url", "ext::"),
    ],
)
def test_a_configuration_that_is_quoted_is_read_as_git_reads_it(tmp_path: Path, text: str, key: str, bad: str) -> None:
    kept = file(tmp_path / "config", plain_config(text))
    assert not git(tmp_path, "config", "-f", str(kept), key).startswith(bad)


@pytest.fixture
def tree(place: Place, tmp_path: Path) -> Path:
    """A worktree in the workspace, of a repository outside that has a submodule."""
    library, main = tmp_path / "library", tmp_path / "main"
    for repository in (library, main):
        git(tmp_path, "init", "-q", str(repository))
        git(repository, "commit", "-q", "--allow-empty", "-m", "x")
    git(main, "submodule", "add", "-q", str(library), "sub")
    git(main, "worktree", "add", "-q", str(place.work / "tree"))
    return place.work / "tree"


def test_a_repository_outside_keeps_its_submodules(place: Place, tree: Path, tmp_path: Path) -> None:
    outside = tmp_path / "main/.git"
    place.run(f"cd {outside}; mv modules old; cp -r old modules; git --git-dir=modules/sub config core.fsmonitor evil", work=tree)
    assert git(tmp_path / "main/sub", "config", "core.fsmonitor") == ""


def test_a_repository_outside_keeps_its_common_folder(place: Place, tree: Path, tmp_path: Path) -> None:
    outside = tmp_path / "main/.git"
    place.run(f"mv {outside}/HEAD {outside}/H", work=tree)
    place.run(
        f"cd {outside}; git init -q --bare ev; git --git-dir=ev config core.fsmonitor evil; echo ev > commondir; mv H HEAD", work=tree
    )
    assert git(tmp_path / "main", "config", "core.fsmonitor") == ""
