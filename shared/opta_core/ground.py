"""Notices that the folders a running process stands on are gone: removed, or another folder under their name.

What is written then lands in files that nobody finds any more, and sockets have no names. Nothing is made anew: a home that
appears by itself, empty, would hide what happened. The processes end, and the next `opta up` begins from what is there.
"""

from collections.abc import Iterable
from pathlib import Path


class Ground:
    """The folders as they were when this was made."""

    def __init__(self, folders: Iterable[Path]):
        self._known = {folder: _identity(folder) for folder in folders}

    def gone(self) -> Path | None:
        """The first folder that is not there any more. What cannot be told (a disk that fails) counts as there."""
        for folder, known in self._known.items():
            try:
                if _identity(folder) != known:
                    return folder
            except (FileNotFoundError, NotADirectoryError):
                return folder
            except OSError:
                continue
        return None


def _identity(folder: Path) -> tuple[int, int]:
    found = folder.stat()
    return found.st_dev, found.st_ino
