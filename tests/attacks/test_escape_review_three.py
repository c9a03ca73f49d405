"""What a person does with control files while commands run, and what several sessions do to each other, one test a finding."""

from pathlib import Path

import pytest
from support.contained import PYTHON, Place
from support.git import file, git
from support.oracles import until


def always_written(path: str, line: str) -> str:
    """A command that writes into a file whenever it may, and says with a file named `began` that it runs."""
    return f"touch began; while :; do echo '{line}' >> {path}; done 2> /dev/null"


# git's own configuration, which the person's git replaces


def test_a_configuration_that_git_replaces_takes_no_program(place: Place) -> None:
    git(place.work, "init", "-q")
    git(place.work, "config", "alias.mine", "!echo mine")
    job = place.begin(always_written(".git/config", "[core] fsmonitor = touch pwned"))
    assert until((place.work / "began").exists), "the command began"
    for number in range(3):
        git(place.work, "config", "branch.main.description", f"number {number}")
        place.pass_time(2.5)
    place.stop(job)
    place.run("true")
    assert git(place.work, "config", "core.fsmonitor") == ""
    assert git(place.work, "config", "alias.mine") == "!echo mine\n"


@pytest.mark.parametrize(
    "mine", ['[credential]\n\thelper = "!f() { echo a; }; f"\n', "[alias]\n\tx = !echo \\\n\t  two\n", "[core] pager = less\n# said\n"]
)
def test_a_persons_configuration_stays_whole(place: Place, mine: str) -> None:
    git(place.work, "init", "-q")
    config = place.work / ".git/config"
    config.write_text(config.read_text() + mine)
    job = place.begin("touch began; sleep 30")
    assert until((place.work / "began").exists), "the command began"
    git(place.work, "config", "user.name", "somebody")
    place.pass_time(2.5)
    place.stop(job)
    assert mine in config.read_text()


# A person's own saves


def test_a_control_file_that_a_person_saves_stays_and_is_named(place: Place) -> None:
    task = file(place.work / ".envrc")
    job = place.begin("touch began; sleep 30")
    assert until((place.work / "began").exists), "the command began"
    file(place.work / "new").rename(task)
    place.pass_time(2.5)
    said = place.stop(job)
    assert task.read_text() == "mine"
    assert ".envrc was changed on the disk" in said


def test_a_branch_that_is_checked_out_again_keeps_its_control_files(place: Place) -> None:
    git(place.work, "init", "-q", "-b", "main")
    file(place.work / ".github/workflows/ci.yml")
    file(place.work / ".gitlab-ci.yml")
    git(place.work, "add", "-A")
    git(place.work, "commit", "-q", "-m", "x")
    git(place.work, "checkout", "-q", "--orphan", "other")
    git(place.work, "rm", "-rqf", ".")
    git(place.work, "commit", "-q", "--allow-empty", "-m", "y")
    git(place.work, "checkout", "-q", "main")
    job = place.begin("touch began; sleep 30")
    assert until((place.work / "began").exists), "the command began"
    place.pass_time(2.5)
    git(place.work, "checkout", "-q", "other")
    place.pass_time(2.5)
    git(place.work, "checkout", "-q", "main")
    place.pass_time(2.5)
    place.stop(job)
    assert git(place.work, "status", "--porcelain", "--untracked-files=no") == ""


def test_what_a_person_makes_after_a_crash_stays(place: Place) -> None:
    place.begin("touch began; mkdir .vscode; sleep 30")
    assert until((place.work / ".vscode").exists), "the command began"
    place.kill_supervisors()
    next_one = Place(place.home.parent)
    try:
        assert not (place.work / ".vscode").exists(), "what the command made is put aside at the start"
        task = file(place.work / ".vscode/tasks.json")
        next_one.run("true")
        assert task.exists()
    finally:
        next_one.close()


# Sessions in overlapping folders


@pytest.mark.parametrize("second", ["work", "inner"])
def test_what_one_session_makes_is_not_known_to_another(place: Place, second: str) -> None:
    inner = place.work / "inner"
    inner.mkdir()
    again = f"{PYTHON} -S -c \"import os\nwhile 1:\n try: os.makedirs('inner/.vscode')\n except OSError: pass\n try: open('inner/.vscode/tasks.json', 'w')\n except OSError: pass\""
    job = place.begin(f"touch began; {again}")
    assert until((place.work / "began").exists), "the command began"
    for number in range(15):
        work = inner if second == "inner" else place.work
        path = ".vscode" if second == "inner" else "inner/.vscode"
        place.run(f"mkdir -p {path}; echo evil > {path}/tasks.json", session=f"other{number}", work=work)
    place.stop(job)
    place.run("true")
    place.run("true", session="other0", work=inner if second == "inner" else place.work)
    assert not (inner / ".vscode").exists()


# What moves


def test_a_new_repositorys_control_files_do_not_come_to_a_folder_of_the_person(place: Place) -> None:
    file(place.work / "src/main.py")
    place.run("git init -q n; mkdir n/.vscode; echo evil > n/.vscode/tasks.json")
    place.run(
        f"{PYTHON} -S -c \"import ctypes; ctypes.CDLL(None).renameat2(-100, b'n', -100, b'src', 2)\"; mv n/.vscode . ; mv src/.vscode ."
    )
    assert not (place.work / "src/.vscode").exists()
    assert not (place.work / ".vscode").exists()


# Hooks by other names


def test_hooks_of_an_included_configuration_stay(place: Place) -> None:
    git(place.work, "init", "-q")
    git(place.work, "config", "include.path", "../shared.cfg")
    file(place.work / "shared.cfg", "[include]\n\tpath = more.cfg\n")
    file(place.work / "more.cfg", "[core] hooksPath = tools/hooks\n")
    hook = file(place.work / "tools/hooks/pre-commit")
    place.run(
        "echo evil > tools/hooks/pre-commit; rm -rf tools/hooks; echo evil > more.cfg; mkdir -p tools/hooks; echo evil > tools/hooks/post-commit"
    )
    assert hook.read_text() == "mine"
    assert not (hook.parent / "post-commit").exists()
    assert "hooksPath" in (place.work / "more.cfg").read_text()


def test_hooks_that_are_not_there_yet_are_put_aside(place: Place) -> None:
    git(place.work, "init", "-q")
    git(place.work, "config", "core.hooksPath", ".githooks")
    place.run("mkdir .githooks; echo evil > .githooks/pre-commit")
    assert not (place.work / ".githooks").exists()


def test_hooks_of_a_submodule_stay(place: Place, tmp_path: Path) -> None:
    library, top = tmp_path / "library", place.work
    git(tmp_path, "init", "-q", str(library))
    git(library, "commit", "-q", "--allow-empty", "-m", "x")
    git(top, "init", "-q")
    git(top, "submodule", "add", "-q", str(library), "sub")
    git(top / "sub", "config", "core.hooksPath", "hooks")
    place.run("mkdir sub/hooks; echo evil > sub/hooks/pre-commit")
    assert not (top / "sub/hooks").exists()


def test_hooks_of_a_worktree_whose_repository_lies_elsewhere_stay(place: Place, tmp_path: Path) -> None:
    main, tree = tmp_path / "main", tmp_path / "tree"
    git(tmp_path, "init", "-q", str(main))
    git(main, "commit", "-q", "--allow-empty", "-m", "x")
    git(main, "config", "core.hooksPath", ".githooks")
    git(main, "worktree", "add", "-q", str(tree))
    place.run("mkdir .githooks; echo evil > .githooks/pre-commit", work=tree)
    assert not (tree / ".githooks").exists()


def test_hooks_of_the_persons_configuration_stay(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/.gitconfig").write_text("[core]\n\thooksPath = .team-hooks\n")
    place = Place(tmp_path)
    try:
        git(place.work, "init", "-q")
        place.run("mkdir .team-hooks; echo evil > .team-hooks/pre-commit")
        assert not (place.work / ".team-hooks").exists()
    finally:
        place.close()


def test_a_new_repository_does_not_make_the_guard_move_a_folder_that_it_names(place: Place) -> None:
    file(place.work / "src/main.py")
    place.run(
        "git init -q n; git -C n config core.hooksPath ../src; git -C n config include.path ../../src/main.py; mkdir .vscode; git init -q m; git -C m config core.hooksPath ../.vscode"
    )
    assert (place.work / "src/main.py").exists()
    assert not (place.work / ".vscode").exists()


# Links over links


@pytest.mark.parametrize("inside", [False, True])
def test_a_control_link_over_a_second_link_leads_where_it_did(place: Place, inside: bool) -> None:
    real = file(place.work / "config/tasks.json")
    (place.work / "middle").symlink_to("config")
    if inside:
        (place.work / ".vscode").mkdir()
        (place.work / ".vscode/tasks.json").symlink_to("../middle/tasks.json")
    else:
        (place.work / ".vscode").symlink_to("middle")
    place.run("mkdir evil; echo evil > evil/tasks.json; rm middle; ln -s evil middle")
    place.run("true")
    assert (place.work / ".vscode/tasks.json").read_text() == "mine"
    assert real.read_text() == "mine"


# Packages


def test_installed_packages_and_parts_of_a_repository_keep_files_of_services(place: Place) -> None:
    git(place.work, "init", "-q")
    said = place.run(
        "mkdir -p node_modules/a/.github node_modules/a/.vscode vendor/b/.github; touch node_modules/a/.travis.yml vendor/b/.travis.yml"
        " node_modules/a/.npmrc node_modules/a/.envrc .travis.yml"
    )
    assert (place.work / "node_modules/a/.travis.yml").exists(), said.content
    assert (place.work / "node_modules/a/.vscode").exists()
    assert (place.work / "vendor/b/.github").exists()
    assert not (place.work / "node_modules/a/.envrc").exists()
    assert not (place.work / ".travis.yml").exists()


def test_files_of_services_of_the_person_stay_when_their_folder_becomes_a_repository(place: Place) -> None:
    mine = file(place.work / "sub/.github/workflows/ci.yml")
    place.run("git init -q sub")
    assert mine.exists()
