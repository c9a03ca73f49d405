"""Hooks and unfinished work of git: no command makes git run a program of its choice later."""

import subprocess
from pathlib import Path

from support.contained import PYTHON, Place
from support.git import EVIL, file, git, runs
from support.oracles import until

# Unfinished work of git


def test_a_rebase_of_an_earlier_command_gets_no_program(place: Place) -> None:
    git(place.work, "init", "-q", "-b", "main")
    git(place.work, "commit", "-q", "--allow-empty", "-m", "x")
    git(place.work, "commit", "-q", "--allow-empty", "-m", "y")
    place.run("GIT_SEQUENCE_EDITOR='sed -i s/^pick/edit/' git -c user.name=a -c user.email=a@b rebase -i --keep-empty HEAD~1")
    assert (place.work / ".git/rebase-merge").exists()
    place.run("echo 'exec touch pwned' >> .git/rebase-merge/git-rebase-todo")
    git(place.work, "rebase", "--continue")
    assert not (place.work / "pwned").exists()


def test_a_rebase_of_the_person_gets_no_program(place: Place) -> None:
    git(place.work, "init", "-q", "-b", "main")
    git(place.work, "commit", "-q", "--allow-empty", "-m", "x")
    git(place.work, "commit", "-q", "--allow-empty", "-m", "y")
    git(place.work, "-c", "sequence.editor=sed -i s/^pick/edit/", "rebase", "-i", "--keep-empty", "HEAD~1")
    assert (place.work / ".git/rebase-merge").exists()
    place.run("echo 'exec touch pwned' >> .git/rebase-merge/git-rebase-todo")
    git(place.work, "rebase", "--continue")
    assert not (place.work / "pwned").exists()


def test_a_rebase_in_a_linked_worktree_runs_nothing(place: Place) -> None:
    git(place.work, "init", "-q", "-b", "main")
    for name in "xy":
        git(place.work, "commit", "-q", "--allow-empty", "-m", name)
    git(place.work, "worktree", "add", "-q", "w")
    place.run(
        "cd w; git -c sequence.editor='sed -i s/^pick/edit/' -c user.name=a -c user.email=a@b rebase -i --keep-empty HEAD~1;"
        " echo 'exec touch pwned' >> ../.git/worktrees/w/rebase-merge/git-rebase-todo"
    )
    git(place.work / "w", "rebase", "--continue")
    assert not (place.work / "w/pwned").exists()


def test_a_rebase_in_a_worktree_whose_repository_lies_elsewhere_runs_nothing(place: Place, tmp_path: Path) -> None:
    main, tree = tmp_path / "main", tmp_path / "tree"
    git(tmp_path, "init", "-q", str(main))
    for name in "xy":
        git(main, "commit", "-q", "--allow-empty", "-m", name)
    git(main, "worktree", "add", "-q", str(tree))
    place.run(
        "git -c sequence.editor='sed -i s/^pick/edit/' -c user.name=a -c user.email=a@b rebase -i --keep-empty HEAD~1;"
        f" echo 'exec touch pwned' >> {main}/.git/worktrees/tree/rebase-merge/git-rebase-todo",
        work=tree,
    )
    git(tree, "rebase", "--continue")
    assert not (tree / "pwned").exists()


def test_a_strategy_of_a_cherry_pick_runs_nothing(place: Place) -> None:
    git(place.work, "init", "-q", "-b", "main")
    for name in "abc":
        file(place.work / name)
        git(place.work, "add", name)
        git(place.work, "commit", "-q", "-m", name)
    first = git(place.work, "rev-parse", "HEAD~1").strip()
    second = git(place.work, "rev-parse", "HEAD").strip()
    git(place.work, "reset", "-q", "--hard", "HEAD~2")
    head = git(place.work, "rev-parse", "HEAD").strip()
    place.run(
        f"mkdir -p git-merge-x .git/sequencer; printf '#!/bin/sh\\ntouch pwned\\n' > git-merge-x/evil; chmod 755 git-merge-x/evil;"
        f" echo 'pick {first} b' > .git/sequencer/todo; echo 'pick {second} c' >> .git/sequencer/todo; echo {head} > .git/sequencer/head;"
        " printf '[options]\\n\\tstrategy = x/evil\\n' > .git/sequencer/opts"
    )
    subprocess.run(["git", "cherry-pick", "--continue"], cwd=place.work, check=False, capture_output=True)
    assert not (place.work / "pwned").exists()


# Hooks by other names


def test_hooks_of_a_worktree_that_a_command_adds(place: Place) -> None:
    git(place.work, "init", "-q", "-b", "main")
    git(place.work, "config", "core.hooksPath", ".githooks")
    file(place.work / "README")
    git(place.work, "add", "-A")
    git(place.work, "commit", "-q", "-m", "x")
    place.run("git worktree add -q w; mkdir w/.githooks; echo evil > w/.githooks/pre-commit; chmod 755 w/.githooks/pre-commit")
    assert (place.work / "w/README").exists()
    place.run("true")
    assert not (place.work / "w/.githooks/pre-commit").exists()


def test_hooks_of_the_persons_configuration_in_a_new_repository(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/.gitconfig").write_text("[core]\n\thooksPath = .team-hooks\n")
    place = Place(tmp_path)
    try:
        place.run("git init -q n; mkdir n/.team-hooks; echo evil > n/.team-hooks/pre-commit")
        place.run("true")
        assert not (place.work / "n/.team-hooks/pre-commit").exists()
    finally:
        place.close()


def test_hooks_of_a_conditional_configuration_of_the_person(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/.gitconfig").write_text(f'[includeIf "gitdir:{tmp_path}/work/"]\n\tpath = ~/work.cfg\n')
    (tmp_path / "home/work.cfg").write_text("[core]\n\thooksPath = .team-hooks\n")
    place = Place(tmp_path)
    try:
        git(place.work, "init", "-q")
        place.run("mkdir .team-hooks; echo evil > .team-hooks/pre-commit")
        assert not (place.work / ".team-hooks").exists()
    finally:
        place.close()


def test_an_absolute_link_into_the_workspace_is_followed(place: Place) -> None:
    git(place.work, "init", "-q")
    check = file(place.work / "scripts/check.sh")
    (place.work / ".git/hooks").mkdir(exist_ok=True)
    (place.work / ".git/hooks/pre-commit").symlink_to(check)
    place.run("echo evil > scripts/check.sh; rm -rf scripts; mkdir scripts; echo evil > scripts/check.sh")
    assert (place.work / ".git/hooks/pre-commit").read_text() == "mine"


def test_an_absolute_link_to_a_control_folder(place: Place) -> None:
    file(place.work / "config/tasks.json")
    (place.work / ".vscode").symlink_to(place.work / "config")
    place.run("echo evil > config/tasks.json")
    assert (place.work / ".vscode/tasks.json").read_text() == "mine"


def test_hooks_over_a_link_and_back(place: Place) -> None:
    git(place.work, "init", "-q")
    hook = file(place.work / "tools/hooks/pre-commit")
    file(place.work / "tools/deep/x")
    (place.work / "link").symlink_to("tools/deep")
    git(place.work, "config", "core.hooksPath", "link/../hooks")
    place.run("echo evil > tools/hooks/pre-commit")
    assert hook.read_text() == "mine"


def test_a_repository_that_is_moved_includes_nothing_new(place: Place) -> None:
    git(place.work, "init", "-q", "proj")
    git(place.work / "proj", "config", "include.path", "../../shared.cfg")
    file(place.work / "shared.cfg", "[alias]\n\tx = status\n")
    place.run(f"mkdir d; mv proj d/proj; printf '{EVIL}' > d/shared.cfg")
    place.run("true")
    assert runs(place.work / "d/proj") == ""


def test_a_work_tree_that_is_led_elsewhere_has_no_hooks(place: Place) -> None:
    git(place.work, "init", "-q")
    git(place.work, "config", "core.hooksPath", ".githooks")
    job = place.begin(
        "mkdir -p sub/.githooks; echo evil > sub/.githooks/pre-commit; touch began;"
        " until printf '[core]\\n\\tworktree = ../sub\\n' >> .git/config; do :; done 2> /dev/null; sleep 30"
    )
    assert until((place.work / "began").exists), "the command began"
    git(place.work, "config", "user.name", "somebody")
    place.pass_time(6)
    place.stop(job)
    place.run("true")
    led = git(place.work, "config", "core.worktree")
    assert not led or not (place.work / "sub/.githooks/pre-commit").exists()


def test_many_hooks_are_put_aside_as_one_folder(place: Place) -> None:
    said = place.run(f"git init -q n; cd n/.git/hooks; {PYTHON} -S -c \"\nfor n in range(2000): open(str(n), 'w')\"")
    assert said.content.count("put aside") < 5
    assert not (place.work / "n/.git/hooks/1999").exists()


def test_a_hook_is_not_made_while_hooks_are_listed(place: Place) -> None:
    place.run("mkdir n; git init -q n; rm -r n/.git/hooks; ln -s ../evil n/.git/hooks; mkdir n/evil; echo evil > n/evil/pre-commit")
    place.run("mkdir -p n/.git/evil; echo evil > n/.git/evil/pre-commit; rm -rf n/.git/hooks; ln -s evil n/.git/hooks")
    place.run("true")
    assert not (place.work / "n/.git/hooks/pre-commit").exists()


def test_a_hook_of_the_person_stays_when_the_command_only_runs(place: Place) -> None:
    git(place.work, "init", "-q")
    job = place.begin("touch began; sleep 30")
    assert until((place.work / "began").exists), "the command began"
    hook = file(place.work / ".git/hooks/pre-commit")
    place.pass_time(5)
    place.stop(job)
    assert hook.exists()


def test_a_repository_of_a_command_gets_hooks_by_a_link_above_it(place: Place) -> None:
    """The pointer stays the same; a link that is a part of its way comes later."""
    git(place.work, "init", "-q")
    place.run(
        "mkdir -p x w; git init -q x; mkdir -p x/.git/worktrees/w; echo gitdir: ../x/.git/worktrees/w > w/.git; echo ../.. > x/.git/worktrees/w/commondir; echo ref: refs/heads/m > x/.git/worktrees/w/HEAD"
    )
    place.run(
        f"mv x y; mkdir -p target/a/b; ln -s target/a/b x; mkdir -p x/.git/worktrees/w; git init -q --bare x/.git/worktrees/w; printf '{EVIL}' >> x/.git/worktrees/w/config"
    )
    place.run("true")
    assert runs(place.work / "w") == ""
