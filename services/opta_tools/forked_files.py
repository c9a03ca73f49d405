"""The files that are kept for a session, given to a session that is forked from it: as links, because none of them changes."""

import contextlib
import os
import shutil
from pathlib import Path

from opta_core.logs import Log

log = Log("forks")


def fork_folder(folder: Path, new: Path) -> None:
    """Link the files of a folder into a new one. What cannot be linked or copied is left out, and named in the log."""
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        new.mkdir(mode=0o700, parents=True, exist_ok=True)
        for entry in entries:
            if not entry.is_file(follow_symlinks=False) or entry.name.endswith(".part"):
                continue
            try:
                _link(Path(entry.path), new / entry.name)
            except OSError as error:
                log.warning("not in the fork", file=entry.name, reason=error)


def _link(file: Path, target: Path) -> None:
    with contextlib.suppress(FileExistsError):
        try:
            os.link(file, target, follow_symlinks=False)
        except PermissionError:
            # A file system without hard links.
            shutil.copyfile(file, target, follow_symlinks=False)
            target.chmod(0o600)
