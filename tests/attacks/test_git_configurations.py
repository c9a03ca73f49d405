"""Configurations of git that a command changes by other names, through links and handles, or in a form that git reads otherwise."""

from pathlib import Path

import pytest
from support.contained import Place, script
from support.git import EVIL, file, git, runs
from support.oracles import until

from opta_tools.sandbox.git_config import plain_config

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


def test_a_line_that_goes_on_after_a_carriage_return(tmp_path: Path) -> None:
    """git takes a backslash before CR LF for a line that goes on, as before LF."""
    known = "[alias]\r\n\tx = !echo \\\r\n\t  two\r\n[core]\r\n\tbare = false\r\n"
    kept = plain_config('[alias]\r\n\tx = !echo \\\r\n[remote "$(touch pwned)"]\r\n\turl = a\r\n', ".git", known)
    file(tmp_path / "config", kept)
    assert "pwned" not in git(tmp_path, "config", "-f", "config", "alias.x")


@pytest.mark.parametrize("key", ["path = a", "x = a"])
def test_a_configuration_of_blanks_is_read(place: Place, key: str) -> None:
    # An expression that goes back over the blanks would take minutes.
    assert place.run(f"git init -q n; printf '[include]\\n\\t{key}%800000sx\\n' ' ' > n/.git/config").ok


def test_many_includes_are_read_once(place: Place) -> None:
    assert place.run("git init -q n; yes path=f0 | head -20000 > n/.git/f0; (echo '[include]'; cat n/.git/f0) > n/.git/config").ok
