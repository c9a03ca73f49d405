"""Folders that are removed or replaced under a running process."""

from pathlib import Path

import pytest

from opta_core.folder_watch import FolderWatch


@pytest.mark.parametrize("how", ["removed", "replaced", "a file", "its parent removed", "renamed"])
def test_a_folder_that_is_not_the_one_it_was_is_gone(tmp_path: Path, how: str) -> None:
    folder, other = tmp_path / "home" / "daemon", tmp_path / "other"
    folder.mkdir(parents=True)
    other.mkdir()
    ground = FolderWatch((other, folder))
    assert ground.gone() is None
    (folder / "file").write_text("what is in it does not matter")
    assert ground.gone() is None
    (folder / "file").unlink()
    if how == "renamed":
        folder.rename(tmp_path / "elsewhere")
    else:
        # Kept open, so that its inode is not given to the folder that comes after it.
        (folder / "kept").mkdir()
        folder.rename(tmp_path / "kept")
    if how == "replaced":
        folder.mkdir()
    elif how == "a file":
        folder.write_text("")
    elif how == "its parent removed":
        folder.parent.rmdir()
    assert ground.gone() == folder
