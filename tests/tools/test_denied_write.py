"""A command that could not change a control file is reported, also when the program continues and ends successfully."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.contained import Place


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.close()


def test_a_branch_with_other_control_files_is_not_quietly_half_checked_out(place: Place) -> None:
    script = "git init -qb main . && mkdir .vscode && echo one > .vscode/tasks.json && git add . && git commit -qm one && git switch -qc b && echo two > .vscode/tasks.json && git commit -qam two && git switch -q main"  # fmt: skip
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    subprocess.run(script, shell=True, cwd=place.work, env={**os.environ, **who}, check=True, capture_output=True)
    said = place.run("git switch b")
    # git ends well and leaves the file of the other branch.
    assert said.ok and (place.work / ".vscode/tasks.json").read_text() == "one\n"
    assert "Opta: .vscode/tasks.json is a control file, which commands cannot change" in said.content


@pytest.mark.parametrize("command", ["echo x > .npmrc", "rm .npmrc", "mv .npmrc y", "cp y ./.npmrc", 'rm "$PWD/.npmrc"'])
def test_what_says_that_a_control_file_is_read_only_is_explained(place: Place, command: str) -> None:
    (place.work / ".npmrc").write_text("a")
    (place.work / "y").write_text("b")
    said = place.run(f"{command}; true")
    assert ".npmrc is a control file, which commands cannot change" in said.content, said.content


def test_other_output_is_left_alone(place: Place) -> None:
    (place.work / ".npmrc").write_text("a")
    assert place.run("cat .npmrc; echo; echo f: Read-only file system").content == "a\nf: Read-only file system"
