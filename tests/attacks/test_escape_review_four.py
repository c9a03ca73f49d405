"""What the third round of the independent review found: files that are held open or linked, numbers that come again, names that mislead."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.contained import PYTHON, Place
from support.git import file, git
from support.oracles import until

from opta_core.policy.control_files import control_file
from opta_tools.sandbox.git_config import plain_config


def script(place: Place, text: str, name: str = "attack.py") -> str:
    """A command that runs a Python program of the workspace."""
    file(place.work / name, text)
    return f"{PYTHON} -S {name}"


EVIL = "[core]\\n\\tfsmonitor = touch pwned\\n"


def runs(folder: Path, key: str = "core.fsmonitor") -> str:
    """What git would run in a folder by its own configuration."""
    return git(folder, "config", key)


# Other names of a file, and files that are held open


def test_a_hard_link_of_a_new_repositorys_configuration(place: Place) -> None:
    place.run("git init -q n; ln n/.git/config alias")
    place.run(f"printf '{EVIL}' >> alias")
    place.run("true")
    assert runs(place.work / "n") == ""


def test_a_hard_link_of_a_configuration_that_git_replaced(place: Place) -> None:
    git(place.work, "init", "-q")
    job = place.begin("touch began; until ln .git/config .git/alias; do :; done 2> /dev/null; touch done; sleep 30")
    assert until((place.work / "began").exists), "the command began"
    git(place.work, "config", "user.name", "somebody")
    assert until((place.work / "done").exists), "the link"
    place.pass_time(2.5)
    place.stop(job)
    place.run(f"printf '{EVIL}' >> .git/alias")
    place.run("true")
    assert runs(place.work) == ""


def test_a_configuration_that_is_held_open(place: Place) -> None:
    git(place.work, "init", "-q")
    job = place.begin(
        script(
            place,
            "import os, time\nopen('began', 'w')\nwhile 1:\n try:\n  held = open('.git/config', 'a')\n  if os.fstat(held.fileno()).st_nlink: break\n except OSError: pass\n"
            "open('done', 'w')\nwhile not os.path.exists('now'): time.sleep(0.05)\nheld.write('[core]\\n\\tfsmonitor = touch pwned\\n'); held.flush()\ntime.sleep(30)",
        )
    )
    assert until((place.work / "began").exists), "the command began"
    git(place.work, "config", "user.name", "somebody")
    assert until((place.work / "done").exists), "held"
    place.pass_time(6)
    file(place.work / "now")
    place.pass_time(3)
    said = place.stop(job)
    place.run("true")
    assert runs(place.work) == "", said


def test_a_control_file_that_comes_back_and_is_held_open(place: Place) -> None:
    task = file(place.work / ".vscode/tasks.json")
    job = place.begin(
        script(
            place,
            "import os, time\nopen('began', 'w')\nwhile os.path.exists('.vscode'): time.sleep(0.05)\ntime.sleep(2.5)\n"
            "os.mkdir('.vscode'); held = open('.vscode/tasks.json', 'w'); held.write('mine'); held.flush()\n"
            "while not os.path.exists('now'): time.sleep(0.05)\nheld.seek(0); held.write('evil'); held.flush()\ntime.sleep(30)",
        )
    )
    assert until((place.work / "began").exists), "the command began"
    place.pass_time(4.5)
    task.unlink()
    task.parent.rmdir()
    place.pass_time(7)
    file(place.work / "now")
    place.pass_time(3)
    place.stop(job)
    place.run("true")
    assert not task.exists() or task.read_text() != "evil"


def test_a_control_file_that_a_person_removes_and_a_command_makes_is_named(place: Place) -> None:
    rc = file(place.work / ".envrc")
    job = place.begin("touch began; while :; do echo evil > .envrc; done 2> /dev/null")
    assert until((place.work / "began").exists), "the command began"
    rc.unlink()
    place.pass_time(6)
    said = place.stop(job)
    assert ".envrc was changed on the disk while a command ran" in said


# What is not a regular configuration


def test_a_configuration_that_becomes_a_link(place: Place) -> None:
    place.run("git init -q n; rm n/.git/config; ln -s x n/.git/config")
    place.run(f"printf '{EVIL}' > evil.cfg; ln -s ../../evil.cfg n/.git/config")
    place.run("true")
    assert runs(place.work / "n") == ""


def test_a_configuration_that_git_replaced_becomes_a_link(place: Place) -> None:
    git(place.work, "init", "-q")
    job = place.begin(f"printf '{EVIL}' > evil.cfg; touch began; while :; do ln -sf ../evil.cfg .git/config; done 2> /dev/null")
    assert until((place.work / "began").exists), "the command began"
    git(place.work, "config", "user.name", "somebody")
    place.pass_time(7)
    place.stop(job)
    place.run("true")
    assert runs(place.work) == ""


def test_a_name_with_a_zero_byte_is_no_harmless_one(place: Place) -> None:
    file(place.work / "evil.sh", "#!/bin/sh\ntouch pwned\n").chmod(0o755)
    place.run(
        'git init -q n; git init -q m; printf \'[remote "o.uploadpack\\0"]\\n\\tfetch = ../evil.sh\\n[remote "o"]\\n\\turl = ../m\\n\' >> n/.git/config'
    )
    git(place.work / "n", "fetch", "o")
    assert not (place.work / "n/pwned").exists()


def test_a_zero_byte_in_a_configuration_does_not_stop_the_guard(place: Place) -> None:
    said = place.run(
        "git init -q n; printf '[core]\\n\\thooksPath = a\\0b\\n' >> n/.git/config; mkdir .vscode; echo evil > .vscode/tasks.json"
    )
    left = (place.work / ".vscode").exists()
    try:
        again = place.run("true")
    except Exception as error:  # what the next command says is part of the finding
        raise AssertionError(f"raises {error!r}; left: {left}; said: {said.content}") from error
    assert not left, f"{said.content} / {again.content}"


def test_a_long_configuration_keeps_its_lines(place: Place) -> None:
    git(place.work, "init", "-q")
    config = place.work / ".git/config"
    config.write_text(
        config.read_text() + "".join(f'[branch "topic-{n}"]\n\tremote = origin\n\tmerge = refs/heads/topic-{n}\n' for n in range(1500))
    )
    job = place.begin("touch began; sleep 30")
    assert until((place.work / "began").exists), "the command began"
    git(place.work, "config", "core.abbrev", "12")
    place.pass_time(2.5)
    said = place.stop(job)
    assert git(place.work, "config", "branch.topic-1499.merge") == "refs/heads/topic-1499\n", said


def test_the_end_of_a_long_configuration_is_looked_at(place: Place) -> None:
    git(place.work, "init", "-q")
    config = place.work / ".git/config"
    config.write_text(
        config.read_text() + "".join(f'[branch "topic-{n}"]\n\tremote = origin\n\tmerge = refs/heads/topic-{n}\n' for n in range(1500))
    )
    job = place.begin(f"touch began; while :; do printf '{EVIL}' >> .git/config; done 2> /dev/null")
    assert until((place.work / "began").exists), "the command began"
    git(place.work, "config", "branch.topic-1499.description", "x")
    place.pass_time(6)
    place.stop(job)
    place.run("true")
    assert runs(place.work) == ""


def test_a_configuration_that_is_not_utf8_keeps_its_bytes(place: Place) -> None:
    git(place.work, "init", "-q")
    config = place.work / ".git/config"
    config.write_bytes(config.read_bytes() + b"[user]\n\tname = Andr\xe9\n")
    job = place.begin("touch began; sleep 30")
    assert until((place.work / "began").exists), "the command began"
    git(place.work, "config", "alias.mine", "!echo mine")
    place.pass_time(2.5)
    place.stop(job)
    assert b"Andr\xe9" in config.read_bytes()


def test_a_configuration_without_a_last_newline_is_not_said_to_be_put_aside(place: Place) -> None:
    git(place.work, "init", "-q")
    config = place.work / ".git/config"
    job = place.begin("touch began; sleep 30")
    assert until((place.work / "began").exists), "the command began"
    file(place.work / "new", config.read_text() + "[user]\n\tname = me").rename(config)
    place.pass_time(2.5)
    assert "put aside" not in place.stop(job)


# git's folders that are not looked at

FORGED = (
    "mkdir -p {0}/objects {0}/refs; echo ref: refs/heads/main > {0}/HEAD; printf '[core]\\n\\trepositoryformatversion = 0\\n\\tbare = false\\n"
    "\\tfsmonitor = touch pwned\\n' > {0}/config; echo gitdir: {1}{0} > {2}.git"
)


@pytest.mark.parametrize("folder", ["node_modules/a/b/.git/modules/x", "target/a/b/.git/worktrees/x", "build/x/y/z/.git/modules/x"])
def test_a_pointer_into_a_folder_that_is_not_walked(place: Place, folder: str) -> None:
    place.run(FORGED.format(folder, "", ""))
    place.run("true")
    assert runs(place.work) == ""


@pytest.mark.parametrize("kind", ["worktrees/w", "worktrees/w/deep", "modules/m/objects/x", "modules/m/refs/x"])
def test_a_pointer_to_a_part_of_a_repository(place: Place, kind: str) -> None:
    git(place.work, "init", "-q")
    place.run(f"mkdir -p w .git/modules/m; touch .git/modules/m/HEAD; {FORGED.format(f'.git/{kind}', '../', 'w/')}")
    place.run("true")
    assert runs(place.work / "w") == ""


def test_a_pointer_over_a_link(place: Place) -> None:
    place.run(f"mkdir -p node_modules/a/b/c; ln -s node_modules/a/b/c s; {FORGED.format('s/.git/modules/x', '', '')}")
    place.run("true")
    assert runs(place.work) == ""


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


# The guard itself


def test_folders_that_become_links_do_not_stop_the_guard(place: Place) -> None:
    """Ten folders change places with links all the time."""
    job = place.begin(
        script(
            place,
            "import ctypes, os\nlibc = ctypes.CDLL(None)\nfor n in range(40):\n os.mkdir(f'a{n}'); open(f'a{n}/.envrc', 'w'); os.symlink('nowhere', f'l{n}')\n"
            "os.mkdir('z'); os.mkdir('z/.vscode'); open('z/.vscode/tasks.json', 'w').write('evil')\n"
            "while 1:\n for n in range(40):\n  libc.renameat2(-100, b'a%d' % n, -100, b'l%d' % n, 2)\n  try: open(f'a{n}/.envrc', 'w')\n  except OSError: pass",
        )
    )
    assert until((place.work / "z/.vscode/tasks.json").exists), "the command began"
    left = 0
    for _ in range(4):
        place.pass_time(2.2)
        left += (place.work / "z/.vscode").exists()
    said = place.stop(job)
    assert left < 3, f"{left} of 4 looks; {said}"


def test_hard_links_do_not_fill_the_disk(place: Place) -> None:
    place.run("git init -q n; truncate -s 60M n/x; for i in 1 2 3 4 5 6 7 8; do ln n/x n/.git/hooks/h$i; done")
    kept = sum(found.stat().st_blocks * 512 for found in (place.home.parent / "state/aside").rglob("*"))
    assert kept < 64 << 20


def test_much_content_does_not_hold_up_the_next_command(place: Place) -> None:
    """Ten folders of a new repository with 200 files of 1 MB that take no disk."""
    place.run(
        f"{PYTHON} -S -c \"import os\nfor n in ('.vscode', '.idea', '.zed', '.claude', '.cursor', '.codex', '.gemini', '.husky', '.cargo', '.mvn'):\n"
        " os.makedirs(f'n/{n}')\n for i in range(198): os.truncate(os.open(f'n/{n}/{i}', 66), 1 << 20)\"; git init -q m; git init -q n"
    )
    place.run(
        f"{PYTHON} -S -c \"import os\nos.makedirs('p/.git')\nfor n in ('.vscode', '.idea', '.zed', '.claude', '.cursor', '.codex', '.gemini', '.husky', '.cargo', '.mvn'):\n"
        " os.makedirs(f'p/{n}')\n for i in range(198): os.truncate(os.open(f'p/{n}/{i}', 66), 1 << 20)\""
    )
    assert (place.work / "p/.vscode").exists()
    job = place.begin("sleep 60")
    place.pass_time(2.5)
    for _ in range(3):
        assert place.run("true").ok
    place.stop(job)


def test_the_workspace_is_removed_while_a_command_runs(place: Place) -> None:
    git(place.work, "init", "-q")
    job = place.begin("sleep 30")
    subprocess.run(["rm", "-rf", str(place.work)], check=True)
    place.pass_time(4.5)
    place.stop(job)
    said = place.run("true")
    assert not said.ok
    place.work.mkdir()
    place.run("mkdir .vscode", session="other")
    assert not (place.work / ".vscode").exists()


def test_a_control_file_of_a_worker_that_died_with_the_machine(place: Place) -> None:
    place.begin("touch began; mkdir .vscode; echo evil > .vscode/tasks.json; sleep 30")
    assert until((place.work / ".vscode/tasks.json").exists), "the command began"
    place.kill_supervisors()
    for record in (place.home.parent / "state/running").glob("*.json"):
        record.write_text(record.read_text().replace('"boot": "', '"boot": "x'))
    next_one = Place(place.home.parent)
    try:
        next_one.run("true")
        assert not (place.work / ".vscode").exists()
    finally:
        next_one.close()


@pytest.mark.parametrize(
    "content",
    [
        "[" * 100_000,
        "\0",
        "[]",
        "{}",
        '{"tree": 3}',
        "null",
        '{"tree": "/", "inode": 2, "is_repository": 0, "is_home": 0, "aside": "/tmp"}',
    ],
)
def test_a_damaged_record_does_not_stop_the_start(place: Place, content: str) -> None:
    file(place.home.parent / "state/running/a.json", content)
    Place(place.home.parent).close()


def test_a_record_of_a_folder_that_leads_elsewhere(place: Place, tmp_path: Path) -> None:
    """The inode may be the same on another file system; here only the folder above is exchanged for a link."""
    inner = place.work / "inner"
    inner.mkdir()
    place.begin("touch began; mkdir .vscode; sleep 30", work=inner)
    assert until((inner / "began").exists), "the command began"
    place.kill_supervisors()
    mine = file(tmp_path / "mine/.vscode/tasks.json")
    inner.rename(place.work / "old")
    inner.symlink_to(tmp_path / "mine")
    Place(place.home.parent).close()
    assert mine.exists()


def test_a_person_s_repository_whose_git_is_a_link_runs_nothing(place: Place, tmp_path: Path) -> None:
    git(place.work, "init", "-q", "real")
    (place.work / "proj").mkdir()
    (place.work / "proj/.git").symlink_to("../real/.git")
    place.run(f"printf '{EVIL}' >> real/.git/config; rm proj/.git; ln -s ../evil proj/.git; printf '{EVIL}' >> proj/.git/config")
    assert runs(place.work / "proj") == ""
    place.run(
        "git init -q evil; mv real r2; mkdir real; mv evil/.git real/.git; mkdir real/.git/hooks; echo evil > real/.git/hooks/pre-commit"
    )
    assert not (place.work / "proj/.git/hooks/pre-commit").exists()


def test_control_files_of_a_new_repository_do_not_move_in_another_session(place: Place) -> None:
    file(place.work / "src/main.py")
    place.run("git init -q n; mkdir n/.vscode; echo evil > n/.vscode/tasks.json")
    place.run("mv src old; mv n src", session="other")
    assert not (place.work / "src/.vscode").exists()


def test_two_worktrees_of_one_repository(place: Place, tmp_path: Path) -> None:
    main, tree = place.work, tmp_path / "tree"
    git(main, "init", "-q")
    git(main, "commit", "-q", "--allow-empty", "-m", "x")
    git(main, "worktree", "add", "-q", str(tree))
    job = place.begin(
        f"touch began; while :; do mkdir -p .git/modules/m; printf '{EVIL}' > .git/modules/m/config; touch .git/modules/m/HEAD; done 2> /dev/null"
    )
    assert until((main / "began").exists), "the command began"
    for number in range(3):
        place.run("true", session=f"s{number}", work=tree)
    place.stop(job)
    place.run("true", session="s9", work=tree)
    place.run("true")
    config = main / ".git/modules/m/config"
    assert not config.exists() or "fsmonitor" not in config.read_text()


@pytest.mark.parametrize("name", ["a/b", "a/modules/b", "objects/x", "worktrees"])
def test_submodules_with_slashes(place: Place, name: str) -> None:
    git(place.work, "init", "-q")
    place.run(
        f"git init -q --bare .git/modules/{name}; printf '{EVIL}' >> .git/modules/{name}/config; mkdir s; echo gitdir: ../.git/modules/{name} > s/.git"
    )
    place.run("true")
    assert runs(place.work / "s") == ""


@pytest.mark.parametrize("kind", ["loop", "chain", "dots"])
def test_links_of_control_files(place: Place, kind: str) -> None:
    text = {
        "loop": "ln -s .vscode .vscode; ln -s b .envrc; ln -s .envrc b",
        "chain": "for i in $(seq 60); do ln -s l$((i+1)) l$i; done; mkdir l61; echo evil > l61/tasks.json; ln -s l25 .vscode",
        "dots": "mkdir -p a/b; ln -s a/b c; ln -s c/../x .vscode; mkdir a/x; echo evil > a/x/tasks.json",
    }[kind]
    said = place.run(f"{text}; mkdir .idea")
    assert not os.path.lexists(place.work / ".vscode"), said
    assert not (place.work / ".idea").exists()


@pytest.mark.parametrize("name", [".GIT", ".Vscode", ".ENVRC", "JENKINSFILE", ".mcp.JSON"])
def test_names_in_other_case(place: Place, name: str) -> None:
    place.run(f"mkdir {name}")
    assert not (place.work / name).exists()


@pytest.mark.parametrize(
    "text",
    [
        "\xef\xbb\xbf[core]\n\tfsmonitor = x\n",
        "[core]\r\n\tbare = \\\r\n\tfsmonitor = x\n",
        "[core] ; x \\\nfsmonitor = x\n",
        "[core]\nfsmonitor\n=x\n",
    ],
)
def test_configurations_that_read_in_two_ways(place: Place, text: str) -> None:
    file(place.work / "add", text)
    place.run("git init -q n; : > n/.git/config; cat add > n/.git/config")
    assert runs(place.work / "n") == ""


@pytest.mark.parametrize("name", [".envrc", ".vscode", ".git", "n/.git/config", "n/.git/hooks", "n/.git/commondir"])
def test_sockets_and_pipes_in_the_place_of_control_files(tmp_path: Path, name: str) -> None:
    place = Place(tmp_path, unix_sockets=True)
    try:
        for make in ("mkfifo {0}", PYTHON + " -S -c \"import socket; socket.socket(socket.AF_UNIX).bind('{0}')\""):
            said = place.run(f"git init -q n; rm -rf {name}; {make.format(name)}; mkdir .idea", timeout_s=10)
            assert not (place.work / ".idea").exists(), said
            # git gets an empty configuration in the place of what is none.
            assert not os.path.lexists(place.work / name) or (place.work / name).read_text() == "", said
            subprocess.run(["rm", "-rf", str(place.work / "n")], check=True)
    finally:
        place.close()


def test_a_package_with_a_repository_runs_nothing(place: Place) -> None:
    place.run(
        "mkdir -p node_modules/p; git init -q node_modules/p; git -C node_modules/p config core.fsmonitor 'touch pwned';"
        " mkdir -p node_modules/@s/p; git init -q node_modules/@s/p; git -C node_modules/@s/p config core.fsmonitor 'touch pwned'"
    )
    assert runs(place.work / "node_modules/p") == ""
    assert runs(place.work / "node_modules/@s/p") == ""


@pytest.mark.parametrize("where", ["vendor/dist/p/q", "target/a/b"])
def test_a_repository_deep_in_build_output(place: Place, where: str) -> None:
    place.run(f"mkdir -p {where}; git init -q {where}; git -C {where} config core.fsmonitor 'touch pwned'; mv {where} here")
    place.run("true")
    assert runs(place.work / "here") == ""


def test_alternates_and_worktree_config(place: Place, tmp_path: Path) -> None:
    git(place.work, "init", "-q")
    git(place.work, "config", "extensions.worktreeConfig", "true")
    place.run(
        f"printf '{EVIL}' > .git/config.worktree; mkdir -p .git/worktrees/w; echo ../.. > .git/worktrees/w/commondir; echo ref: refs/heads/m > .git/worktrees/w/HEAD;"
        f" printf '{EVIL}' > .git/worktrees/w/config.worktree; mkdir w; echo gitdir: ../.git/worktrees/w > w/.git; readlink -f w > .git/worktrees/w/gitdir"
    )
    place.run("true")
    assert runs(place.work) == ""
    assert runs(place.work / "w") == ""


def test_a_line_that_goes_on_after_a_carriage_return(tmp_path: Path) -> None:
    """git takes a backslash before CR LF for a line that goes on, as before LF."""
    known = "[alias]\r\n\tx = !echo \\\r\n\t  two\r\n[core]\r\n\tbare = false\r\n"
    kept = plain_config('[alias]\r\n\tx = !echo \\\r\n[remote "$(touch pwned)"]\r\n\turl = a\r\n', ".git", known)
    file(tmp_path / "config", kept)
    assert "pwned" not in git(tmp_path, "config", "-f", "config", "alias.x")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Place]:
    """A place whose bookkeeping lies on another file system than the workspace."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as state:
        (tmp_path / "state").symlink_to(state)
        made = Place(tmp_path)
        yield made
        made.close()


def test_what_is_put_aside_on_another_file_system_has_no_name_that_a_program_looks_for(elsewhere: Place) -> None:
    said = elsewhere.run("echo evil > x.code-workspace; echo evil > y.sublime-project")
    left = [found.name for found in elsewhere.work.iterdir() if control_file(found.name)]
    assert not left, (left, said.content)


def test_many_hooks_are_put_aside_as_one_folder(place: Place) -> None:
    said = place.run(f"git init -q n; cd n/.git/hooks; {PYTHON} -S -c \"\nfor n in range(2000): open(str(n), 'w')\"")
    assert said.content.count("put aside") < 5
    assert not (place.work / "n/.git/hooks/1999").exists()


def test_a_person_s_link_that_was_removed_is_not_made_by_a_command(place: Place) -> None:
    file(place.work / "config/tasks.json")
    (place.work / ".vscode").symlink_to("config")
    job = place.begin(
        "touch began; while [ -L .vscode ]; do :; done; mkdir evil; echo evil > evil/tasks.json; ln -s evil .vscode; sleep 30"
    )
    assert until((place.work / "began").exists), "the command began"
    place.pass_time(2.5)
    (place.work / ".vscode").unlink()
    place.pass_time(6)
    place.stop(job)
    place.run("true")
    assert not (place.work / ".vscode/tasks.json").exists() or (place.work / ".vscode/tasks.json").read_text() == "mine"


def test_a_repository_in_a_git_folder_that_is_no_submodule(place: Place) -> None:
    git(place.work, "init", "-q")
    place.run(
        "git init -q .git/x; git -C .git/x config core.fsmonitor 'touch pwned'; mv .git/x here; git init -q --bare .git/b; git -C .git/b config core.fsmonitor 'touch pwned'"
    )
    assert runs(place.work / "here") == ""


def test_a_hook_is_not_made_while_hooks_are_listed(place: Place) -> None:
    place.run("mkdir n; git init -q n; rm -r n/.git/hooks; ln -s ../evil n/.git/hooks; mkdir n/evil; echo evil > n/evil/pre-commit")
    place.run("mkdir -p n/.git/evil; echo evil > n/.git/evil/pre-commit; rm -rf n/.git/hooks; ln -s evil n/.git/hooks")
    place.run("true")
    assert not (place.work / "n/.git/hooks/pre-commit").exists()


@pytest.mark.parametrize("folder", ["hooks", "info"])
def test_a_folder_of_git_that_a_person_removes(place: Place, folder: str) -> None:
    git(place.work, "init", "-q")
    job = place.begin(
        f"touch began; while :; do mkdir .git/{folder} && break; done 2> /dev/null; echo evil > .git/{folder}/pre-commit; chmod 755 .git/{folder}/pre-commit; sleep 30"
    )
    assert until((place.work / "began").exists), "the command began"
    subprocess.run(["rm", "-rf", str(place.work / f".git/{folder}")], check=True)
    place.pass_time(6)
    place.stop(job)
    place.run("true")
    assert not (place.work / ".git/hooks/pre-commit").exists()


def test_a_hook_of_the_person_stays_when_the_command_only_runs(place: Place) -> None:
    git(place.work, "init", "-q")
    job = place.begin("touch began; sleep 30")
    assert until((place.work / "began").exists), "the command began"
    hook = file(place.work / ".git/hooks/pre-commit")
    place.pass_time(5)
    place.stop(job)
    assert hook.exists()


def test_another_session_says_what_is_wrong(place: Place) -> None:
    place.run("git init -q n; printf '[core]\\n\\thooksPath = a\\0b\\n' >> n/.git/config")
    said = place.run("true", session="other")
    assert said.ok or "n/.git/config" in said.content, said.content


@pytest.mark.parametrize("key", ["path = a", "x = a"])
def test_a_configuration_of_blanks_is_read(place: Place, key: str) -> None:
    # An expression that goes back over the blanks would take minutes.
    assert place.run(f"git init -q n; printf '[include]\\n\\t{key}%800000sx\\n' ' ' > n/.git/config").ok


def test_many_includes_are_read_once(place: Place) -> None:
    assert place.run("git init -q n; yes path=f0 | head -20000 > n/.git/f0; (echo '[include]'; cat n/.git/f0) > n/.git/config").ok


def test_a_bare_repository_in_a_folder_that_is_not_walked_is_not_led_to(place: Place) -> None:
    git(place.work, "init", "-q")
    place.run(
        f"mkdir -p target/a/b; git init -q --bare target/a/b/r; printf '{EVIL}' >> target/a/b/r/config;"
        " mkdir -p .git/worktrees/w w; echo ../../../target/a/b/r > .git/worktrees/w/commondir; echo ref: refs/heads/m > .git/worktrees/w/HEAD;"
        " echo gitdir: ../.git/worktrees/w > w/.git"
    )
    place.run("true")
    assert runs(place.work / "w") == ""


def test_a_folder_of_git_that_is_a_link(place: Place) -> None:
    git(place.work, "init", "-q")
    place.run(
        f"mkdir -p target/a/b; git init -q --bare target/a/b/r; printf '{EVIL}' >> target/a/b/r/config; rm -rf .git/modules; mkdir w;"
        " mkdir -p .git/modules; ln -s ../../target/a/b/r .git/modules/m; echo gitdir: ../.git/modules/m > w/.git"
    )
    place.run("true")
    assert runs(place.work / "w") == ""


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
