"""Finds the files that commands left on the sandbox's temporary file systems, which are lost when the sandbox ends.

Runs in the supervisor. It lists names and never opens a file. Each folder is opened by descriptor, without following symbolic links, and
only on the file system that it begins with: what is mounted beneath it lasts and is not listed.
Imports the standard library only.
"""

import contextlib
import os

# How many entries are looked at in one file system, and how many levels of folders.
ENTRIES_MAX, LEVELS_MAX = 5000, 40
# How many paths one look returns, and the length of each.
PATHS_MAX, PATH_CHARS_MAX = 60, 300

_Stamp = tuple[int, int, int, bool]


class TemporaryFiles:
    """The temporary file systems at `folders`, and what was in them at the last look."""

    def __init__(self, folders: list[str]):
        self._folders = folders
        self._seen = self._look()

    def changed(self) -> tuple[list[str], int]:
        """(paths that were made or changed since the last look, at most PATHS_MAX; their number). Raises nothing."""
        before, now = self._seen, self._look()
        self._seen = now
        changed = {path for path, stamp in now.items() if before.get(path) != stamp and not (stamp[3] and path in before)}
        # A folder is named only when nothing in it is: it was made empty.
        above = {path.rpartition("/")[0] for path in changed}
        named = sorted(path for path in changed if not (now[path][3] and path in above))
        return [path[:PATH_CHARS_MAX] for path in named[:PATHS_MAX]], len(named)

    def _look(self) -> dict[str, _Stamp]:
        found: dict[str, _Stamp] = {}
        for folder in self._folders:
            with contextlib.suppress(OSError):
                root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
                _list(root, folder, os.fstat(root).st_dev, found, len(found) + ENTRIES_MAX, LEVELS_MAX)
        return found


def _list(folder: int, path: str, device: int, found: dict[str, _Stamp], most: int, levels: int) -> None:
    """Add what lies beneath an opened folder, which is closed."""
    try:
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if len(found) >= most:
                    return
                with contextlib.suppress(OSError):
                    seen = entry.stat(follow_symlinks=False)
                    if seen.st_dev != device:
                        continue
                    is_folder = entry.is_dir(follow_symlinks=False)
                    at = f"{path}/{entry.name}"
                    found[at] = seen.st_ino, 0 if is_folder else seen.st_size, 0 if is_folder else seen.st_mtime_ns, is_folder
                    if is_folder and levels:
                        below = os.open(entry.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
                        _list(below, at, device, found, most, levels - 1)
    finally:
        os.close(folder)
