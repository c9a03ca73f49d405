"""Detects that a folder which a running process uses was removed or replaced.

After that, files would be written where no process finds them, and sockets would have no names. The folder is not created
again, because an empty home would hide what happened. The processes end, and the next `opta up` starts from what exists.
"""

from collections.abc import Iterable
from pathlib import Path


class FolderWatch:
    """Remembers the identity (device and inode) of each folder at construction."""

    def __init__(self, folders: Iterable[Path]):
        self._known = {folder: _identity(folder) for folder in folders}

    def gone(self) -> Path | None:
        """The first folder that was removed or replaced; None when all are there. A folder that cannot be checked counts as there."""
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
