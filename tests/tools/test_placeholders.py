"""Placeholders in git's folders: whole from the first moment, never in the place of another file, and removed afterwards."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from opta_tools.sandbox.placeholders import PLACEHOLDERS, Placeholders


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    """A descriptor of the folder."""
    descriptor = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def placeholders(git: Path, root: int) -> Placeholders:
    return Placeholders(root, lambda path: os.open(git / path, os.O_RDONLY | os.O_DIRECTORY))


def test_they_are_made_and_removed_and_leave_nothing_else(tmp_path: Path, root: int) -> None:
    made = placeholders(tmp_path, root)
    assert sorted(made.make(".")) == sorted(PLACEHOLDERS)
    assert sorted(os.listdir(tmp_path)) == sorted(PLACEHOLDERS)
    assert (tmp_path / "commondir").read_bytes() == b".\n" and (tmp_path / "commondir").stat().st_nlink == 1
    # What a killed worker left counts as made.
    again = placeholders(tmp_path, root)
    assert set(again.make(".")) == {"commondir", "config.worktree"}
    made.remove_all()
    assert os.listdir(tmp_path) == []


def test_a_file_that_is_there_stays(tmp_path: Path, root: int) -> None:
    (tmp_path / "commondir").write_text("../..\n")
    made = placeholders(tmp_path, root)
    assert "commondir" not in made.make(".")
    made.remove_all()
    assert (tmp_path / "commondir").read_text() == "../..\n" and os.listdir(tmp_path) == ["commondir"]


def test_nobody_sees_one_without_its_content(tmp_path: Path, root: int) -> None:
    over, seen, before = threading.Event(), set[bytes](), len(os.listdir("/proc/self/fd"))

    def look() -> None:
        while not over.is_set():
            try:
                seen.add((tmp_path / "commondir").read_bytes())
            except FileNotFoundError:
                continue

    watcher = threading.Thread(target=look)
    watcher.start()
    for _ in range(2000):
        made = placeholders(tmp_path, root)
        made.make(".")
        made.remove_all()
    over.set()
    watcher.join()
    assert seen <= {b".\n"}
    assert len(os.listdir("/proc/self/fd")) <= before + 1
