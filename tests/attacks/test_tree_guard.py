"""The guard of a workspace's control files, against what a command does to the tree, to the guard and to its record."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.contained import PYTHON, Place, script
from support.git import EVIL, file, git, runs
from support.oracles import until

from opta_core.policy.control_files import control_file


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


def test_another_session_says_what_is_wrong(place: Place) -> None:
    place.run("git init -q n; printf '[core]\\n\\thooksPath = a\\0b\\n' >> n/.git/config")
    said = place.run("true", session="other")
    assert said.ok or "n/.git/config" in said.content, said.content


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
