"""What a second independent review got out, or lost of a person's, one test a finding: none of it may come back."""

import json
from pathlib import Path

import pytest
from support.contained import PYTHON, Place
from support.git import file, git
from support.oracles import until, until_async

# What counts as part of a new repository (tree_guard.TreeGuard: `whole`, `made`)


def test_a_bare_repository_beside_exempts_no_control_file(place: Place) -> None:
    file(place.work / "pkg/main.py")
    place.run("git init -q --bare pkg/r; mkdir pkg/.vscode; echo evil > pkg/.vscode/tasks.json; echo evil > pkg/.envrc")
    assert not (place.work / "pkg/.vscode").exists()
    assert not (place.work / "pkg/.envrc").exists()


def test_three_names_exempt_no_control_file(place: Place) -> None:
    file(place.work / "pkg/main.py")
    place.run("cd pkg; mkdir objects refs; touch HEAD; mkdir .vscode; echo evil > .vscode/tasks.json; echo evil > .envrc; rm -r HEAD")
    place.run("cd pkg; touch HEAD; mkdir -p .vscode; echo evil > .vscode/tasks.json; echo evil > .envrc")
    assert not (place.work / "pkg/.vscode").exists()
    assert not (place.work / "pkg/.envrc").exists()


def test_a_folder_of_the_person_made_anew_as_a_repository_brings_no_control_files(place: Place) -> None:
    file(place.work / "src/main.py")
    place.run("mv src old; git init -q src; mv old/* src; rmdir old; mkdir src/.vscode; echo evil > src/.vscode/tasks.json")
    assert not (place.work / "src/.vscode").exists()


# git


@pytest.mark.parametrize("folder", ["docs", "."])
def test_a_repository_in_two_parts_runs_nothing(place: Place, folder: str) -> None:
    """A bare repository needs no `objects` and no `refs` beside its HEAD when a `commondir` names a folder that has them."""
    file(place.work / "docs/a")
    signed = "tree %s\\nauthor a <a@b> 0 +0000\\ncommitter a <a@b> 0 +0000\\ngpgsig -----BEGIN PGP SIGNATURE-----\\n \\n -----END PGP SIGNATURE-----\\n\\nx\\n"
    place.run(
        "git init -q --bare x; export GIT_DIR=$PWD/x; git config log.showSignature true; git config gpg.program $PWD/gpg; printf '#!/bin/sh\\ntouch %s/pwned\\n' $PWD > gpg; chmod +x gpg;"
        f" t=$(git mktree < /dev/null); git update-ref refs/heads/main $(printf '{signed}' $t | git hash-object -t commit -w --stdin); echo 'ref: refs/heads/main' > {folder}/HEAD; rm x/HEAD; echo $PWD/x > {folder}/commondir"
    )
    git(place.work / folder, "log")
    assert not (place.work / "pwned").exists()
    assert not git(place.work / folder, "config", "gpg.program")


@pytest.mark.parametrize("name", ["logs", "lfs", "hooks"])
def test_a_submodule_with_a_name_that_git_uses_is_protected(place: Place, tmp_path: Path, name: str) -> None:
    library = tmp_path / "library"
    git(tmp_path, "init", "-q", str(library))
    git(library, "commit", "-q", "--allow-empty", "-m", "x")
    git(place.work, "init", "-q")
    git(place.work, "submodule", "add", "-q", str(library), name)
    assert (place.work / ".git/modules" / name).exists()
    place.run(f"git --git-dir=.git/modules/{name} config core.fsmonitor evil; echo evil > .git/modules/{name}/hooks/post-checkout")
    assert git(place.work / name, "config", "core.fsmonitor") == ""
    assert not (place.work / ".git/modules" / name / "hooks/post-checkout").exists()


@pytest.mark.parametrize("kind", ["absolute", "worktree"])
def test_hooks_that_are_named_otherwise_stay(place: Place, kind: str) -> None:
    git(place.work, "init", "-q")
    if kind == "absolute":
        git(place.work, "config", "core.hooksPath", str(place.work / ".githooks"))
    elif kind == "worktree":
        git(place.work, "config", "extensions.worktreeConfig", "true")
        git(place.work, "config", "--worktree", "core.hooksPath", ".githooks")
    else:
        file(place.work / "shared.gitconfig", "[core]\n\thooksPath = .githooks\n")
        git(place.work, "config", "include.path", "../shared.gitconfig")
    hook = file(place.work / ".githooks/pre-commit")
    assert git(place.work, "rev-parse", "--git-path", "hooks").strip().endswith(".githooks")
    place.run("echo evil > .githooks/pre-commit")
    assert hook.read_text() == "mine"


def test_what_a_hook_leads_to_stays(place: Place) -> None:
    git(place.work, "init", "-q")
    script = file(place.work / "scripts/pre-commit")
    (place.work / ".git/hooks/pre-commit").symlink_to("../../scripts/pre-commit")
    place.run("echo evil > scripts/pre-commit")
    assert script.read_text() == "mine"


def test_what_a_file_of_a_control_folder_leads_to_stays(place: Place) -> None:
    script = file(place.work / "editor/tasks.json")
    (place.work / ".vscode").mkdir()
    (place.work / ".vscode/tasks.json").symlink_to("../editor/tasks.json")
    place.run("echo evil > editor/tasks.json")
    assert script.read_text() == "mine"


REBASE = "h=$(git rev-parse HEAD); b=$(git symbolic-ref HEAD); mkdir .git/rebase-merge; cd .git/rebase-merge; echo $b > head-name; echo $h > onto; echo $h > orig-head; touch interactive done; echo 1 > msgnum; echo 1 > end; "


@pytest.mark.parametrize(
    "todo",
    [
        "(yes '# a comment' | head -n 6000; echo 'exec touch pwned') > git-rebase-todo",
        "echo 'exec touch pwned' > t; ln -s t git-rebase-todo",
    ],
    ids=["long", "link"],
)
def test_a_rebase_plan_that_is_long_or_a_link_runs_nothing(place: Place, todo: str) -> None:
    git(place.work, "init", "-q")
    git(place.work, "commit", "-q", "--allow-empty", "-m", "x")
    place.run(REBASE + todo)
    git(place.work, "rebase", "--continue")
    assert not (place.work / "pwned").exists()


def test_a_strategy_of_a_rebase_runs_nothing(place: Place) -> None:
    git(place.work, "init", "-q")
    git(place.work, "commit", "-q", "--allow-empty", "-m", "x")
    place.run(
        "git config --get core.bare; export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b; git checkout -q -b o; git commit -q --allow-empty -m y; p=$(git rev-parse HEAD); git checkout -q -; git commit -q --allow-empty -m z; mkdir git-merge-x; printf '#!/bin/sh\\ntouch $OLDPWD/pwned pwned\\n' > e; chmod +x e; "
        + REBASE
        + 'echo ../../../e > strategy; echo x/../e > strategy; echo "pick $p y" > git-rebase-todo'
    )
    git(place.work, "rebase", "--continue")
    assert not (place.work / "pwned").exists()


# Links


def test_a_control_link_is_not_moved_to_where_it_leads_elsewhere(place: Place) -> None:
    file(place.work / "cfg/tasks.json")
    file(place.work / "pkg/main.py")
    (place.work / ".vscode").symlink_to("cfg")
    place.run("mkdir pkg/cfg; echo evil > pkg/cfg/tasks.json; mv .vscode pkg/.vscode")
    assert not (place.work / "pkg/.vscode").exists()


def test_the_inode_of_a_link_that_was_removed_makes_nothing_known(place: Place) -> None:
    (place.work / ".zed").symlink_to("nowhere")
    file(place.work / "pkg/main.py")
    file(
        place.work / "t.py",
        "import os\nwant = os.lstat('.zed').st_ino\nos.unlink('.zed')\nos.chdir('pkg')\n"
        "for n in range(3000):\n f = os.open(f'x{n}', os.O_CREAT | os.O_WRONLY)\n os.write(f, b'evil')\n"
        " if os.fstat(f).st_ino == want: os.rename(f'x{n}', '.envrc'); print('got it'); break\n os.close(f)\n",
    )
    said = place.run(f"{PYTHON} -S t.py; rm -f pkg/x*")
    if "got it" not in said.content:
        return  # this file system did not give the number again
    assert not (place.work / "pkg/.envrc").exists()


# What is replaced in its own folder while a background command runs


def test_what_is_put_aside_does_not_stop_the_protection_of_the_rest(place: Place) -> None:
    """A file that was saved is protected again at the next tick, although something else is put aside in that tick."""
    saved = file(place.work / "deep/er/.npmrc", "old")
    place.run(
        "while [ ! -e go ]; do touch .a.code-workspace; sleep 0.02; done; echo evil > deep/er/.npmrc; touch done; sleep 20", background=True
    )
    assert until((place.work / ".a.code-workspace").exists)
    file(place.work / "new", "mine").rename(saved)
    # Ticks of the guard.
    place.pass_time(5)
    file(place.work / "go")
    assert until((place.work / "done").exists)
    place.stop_background()
    assert saved.read_text() == "mine"


# Failing open


def test_a_guard_that_cannot_look_lets_nothing_become_known(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    from opta_tools.sandbox import controls

    monkeypatch.setattr(controls, "FOLDERS_MAX", 500)  # 50,000 in the product, which a command makes in seconds
    said = place.run("mkdir m; cd m; mkdir $(seq 600); cd ..; mkdir .vscode; echo evil > .vscode/tasks.json")
    again = place.run("rm -r m")
    place.run("true")
    assert not (place.work / ".vscode").exists(), (said.content, again.content)


# Records


def test_a_second_workspace_of_a_session_keeps_its_control_files(place: Place, tmp_path: Path) -> None:
    other = tmp_path / "other"
    task, hook = file(other / ".vscode/tasks.json"), other / ".git/hooks/pre-commit"
    git(tmp_path, "init", "-q", str(other))
    file(hook)
    git(other, "config", "alias.mine", "status")
    place.run("sleep 20", background=True)
    place.run("true", work=other)
    assert task.exists()
    assert hook.exists()
    assert git(other, "config", "alias.mine") == "status\n"


def test_a_new_device_number_after_a_crash_moves_nothing(place: Place) -> None:
    """After a start of the machine a file system may have another number; nothing of the person's is new for that."""
    git(place.work, "init", "-q")
    hook, task = file(place.work / ".git/hooks/pre-commit"), file(place.work / ".vscode/tasks.json")
    place.run("sleep 30", background=True)
    place.kill_supervisors()
    for record in (place.home.parent / "state/running").iterdir():
        content = json.loads(record.read_text())
        for control in content["known"]:
            control["device"] += 1
            control["above"][0] += 1
            if control["target"]:
                control["target"][0] += 1
        content["folders"] = [[device + 1, inode] for device, inode in content["folders"]]
        record.write_text(json.dumps(content))
    next_one = Place(place.home.parent)
    try:
        next_one.run("true")
        assert task.exists()
        assert hook.exists()
    finally:
        next_one.close()


# A person's own files


def test_a_rebase_of_the_person_goes_on_after_a_command(place: Place) -> None:
    git(place.work, "init", "-q")
    git(place.work, "commit", "-q", "--allow-empty", "-m", "x")
    git(place.work, "commit", "-q", "--allow-empty", "-m", "y")
    git(place.work, "rebase", "-q", "--exec", "test -e ok", "--exec", "touch done", "HEAD~1")
    plan = place.work / ".git/rebase-merge/git-rebase-todo"
    assert "exec touch done" in plan.read_text()
    place.run("touch ok")
    assert plan.exists()


def test_a_clone_that_takes_long_keeps_its_files(place: Place, tmp_path: Path) -> None:
    library = tmp_path / "work/library"
    git(tmp_path, "init", "-q", str(library))
    file(library / ".github/workflows/ci.yml")
    git(library, "add", "-A")
    git(library, "commit", "-q", "-m", "x")
    place.run("sleep 25", background=True)
    place.run("git clone -q library n")
    assert (place.work / "n/.github/workflows/ci.yml").exists()
    place.run("true")
    assert (place.work / "n/.github/workflows/ci.yml").exists()
    assert git(place.work / "n", "status", "--porcelain") == ""


def test_a_submodule_that_a_command_updates_works(place: Place, tmp_path: Path) -> None:
    library, top, two = place.work / "library", place.work / "top", place.work / "two"
    git(tmp_path, "init", "-q", str(library))
    git(library, "commit", "-q", "--allow-empty", "-m", "x")
    git(tmp_path, "init", "-q", str(top))
    git(top, "submodule", "add", "-q", "../library", "sub")
    git(top, "commit", "-q", "-m", "s")
    git(tmp_path, "clone", "-q", str(top), str(two))
    git(two, "submodule", "init")
    said = place.run("cd two; git -c protocol.file.allow=always submodule update")
    assert (two / "sub/.git").exists(), said.content


def test_a_worktree_that_a_command_adds_works(place: Place) -> None:
    git(place.work, "init", "-q")
    git(place.work, "commit", "-q", "--allow-empty", "-m", "x")
    said = place.run("git worktree add -q wt")
    assert (place.work / "wt/.git").exists(), said.content


def test_a_command_does_not_make_the_guard_take_what_is_the_persons(place: Place) -> None:
    """What was judged by its path is opened by its path later: a new repository and one of the person change places meanwhile."""
    proj = place.work / "proj"
    git(place.work, "init", "-q", str(proj))
    file(proj / ".git/hooks/pre-commit")
    git(proj, "config", "alias.mine", "status")
    file(proj / "mine")
    file(
        place.work / "t.py",
        "import ctypes\nl = ctypes.CDLL(None)\nwhile True: l.renameat2(-100, b'n', -100, b'proj', 2)\n",
    )
    place.run(f"git init -q n; for i in $(seq 300); do echo evil > n/.git/hooks/h$i; done; {PYTHON} -S t.py", background=True)
    for _ in range(40):
        place.run("true")
    place.stop_background()
    there = proj if (proj / "mine").exists() else place.work / "n"
    assert (there / ".git/hooks/pre-commit").exists()
    assert git(there, "config", "alias.mine") == "status\n"


def test_a_clone_that_takes_longer_than_a_tick_keeps_its_files(place: Place, tmp_path: Path) -> None:
    library = place.work / "library"
    git(tmp_path, "init", "-q", str(library))
    file(library / ".github/workflows/ci.yml")
    git(library, "add", "-A")
    git(library, "commit", "-q", "-m", "x")
    place.run("git clone -q --no-checkout library n; sleep 3; git -C n checkout -q HEAD")
    assert git(place.work / "n", "status", "--porcelain") == ""


# Two sessions


def test_a_session_of_a_worktree_leaves_the_place_holders_of_the_repository(place: Place, tmp_path: Path) -> None:
    main, tree = place.work / "main", tmp_path / "tree"
    git(tmp_path, "init", "-q", str(main))
    git(main, "commit", "-q", "--allow-empty", "-m", "x")
    git(main, "worktree", "add", "-q", str(tree))
    place.run("touch on; sleep 2", background=True, work=tree, session="tree")
    assert until((tree / "on").exists)
    place.run(
        "git init -q --bare ev; git --git-dir=ev config core.fsmonitor evil; touch made; until [ -e go ]; do sleep 0.02; done; i=0; while [ $i -lt 1500 ] && ! echo ../ev > .git/commondir; do sleep 0.003; i=$((i+1)); done 2>/dev/null; touch done; sleep 20",
        background=True,
        work=main,
        session="main",
    )
    assert until((main / "made").exists)
    file(main / "go")
    assert place.wait(until_async((main / "done").exists))
    place.stop_background()
    place.run("true", work=main, session="main")
    assert not (main / ".git/commondir").exists() or (main / ".git/commondir").read_text() == ".\n"
    assert git(main, "config", "core.fsmonitor") == ""


# Limits


def test_a_decoy_in_a_rebase_does_not_hide_what_it_runs(place: Place) -> None:
    git(place.work, "init", "-q")
    plan = place.work / ".git/rebase-merge/git-rebase-todo"
    said = place.run("mkdir -p .git/rebase-merge/strategy; echo 'exec touch pwned' > .git/rebase-merge/git-rebase-todo")
    assert not plan.exists(), said.content


def test_what_is_put_aside_is_whole_and_nobody_else_s_to_write(place: Place) -> None:
    place.run("head -c 5M /dev/urandom > mine; mkdir .vscode; ln mine .vscode/tasks.json; chmod 755 mine")
    (kept,) = (place.home.parent / "state/aside").rglob("tasks.json")
    assert kept.read_bytes() == (place.work / "mine").read_bytes()
    assert (kept.stat().st_nlink, kept.stat().st_mode & 0o777) == (1, 0o755)
    place.run("echo evil > mine")
    assert kept.stat().st_size == 5 << 20


def test_a_folder_in_the_place_of_a_configuration_is_put_aside(place: Place) -> None:
    place.run("git init -q n; rm n/.git/config; mkdir n/.git/config; echo evil > n/.git/config/x")
    assert not (place.work / "n/.git/config").is_dir()
    assert place.run("echo on").content == "on"
