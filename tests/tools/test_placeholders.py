"""Placeholders in git's folders: whole from the first moment, never in the place of another file, and removed afterwards."""

import os
import threading
from pathlib import Path

from opta_tools.sandbox.placeholders import PLACEHOLDERS, Placeholders


def placeholders(git: Path) -> Placeholders:
    root = os.open(git, os.O_RDONLY | os.O_DIRECTORY)
    return Placeholders(root, lambda path: os.open(git / path, os.O_RDONLY | os.O_DIRECTORY))


def test_they_are_made_and_removed_and_leave_nothing_else(tmp_path: Path) -> None:
    made = placeholders(tmp_path)
    assert sorted(made.make(".")) == sorted(PLACEHOLDERS)
    assert sorted(os.listdir(tmp_path)) == sorted(PLACEHOLDERS)
    assert (tmp_path / "commondir").read_bytes() == b".\n" and (tmp_path / "commondir").stat().st_nlink == 1
    # What a killed worker left counts as made.
    again = placeholders(tmp_path)
    assert set(again.make(".")) == {"commondir", "config.worktree"}
    made.remove_all()
    assert os.listdir(tmp_path) == []


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "commondir").write_text("../..\n")
    made = placeholders(tmp_path)
    assert "commondir" not in made.make(".")
    made.remove_all()
    assert (tmp_path / "commondir").read_text() == "../..\n" and os.listdir(tmp_path) == ["commondir"]


def test_nobody_sees_one_without_its_content(tmp_path: Path) -> None:
    over, seen = threading.Event(), set[bytes]()

    def look() -> None:
        while not over.is_set():
            try:
                seen.add((tmp_path / "commondir").read_bytes())
            except FileNotFoundError:
                continue

    watcher = threading.Thread(target=look)
    watcher.start()
    for _ in range(2000):
        made = placeholders(tmp_path)
        made.make(".")
        made.remove_all()
    over.set()
    watcher.join()
    assert seen <= {b".\n"}
