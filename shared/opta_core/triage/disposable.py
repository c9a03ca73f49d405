"""Files of the home that may be deleted at any time, because Opta makes them again: stored prefixes of LMX, and old parts of logs.

Nothing that a person made or fetched is here: no session, no model, no unfinished download. Links are not followed.
"""

import contextlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from ..errors import Refused, Unavailable
from ..paths import Paths

# More files than any home has; a folder that holds more is read that far.
FILES_MAX = 20_000
# As `PrefixStore` of LMX names them: never the weights of a model.
_PREFIX = re.compile(r"[0-9a-f]{24}-\d+(\.part)?\.(safetensors|tokens)")
_OLD_LOG = re.compile(r".+\.log\.\d+")


def disposable_bytes(paths: Paths) -> int:
    """How many bytes `delete_disposable` would free."""
    return sum(size for _, size in _files(paths))


def delete_disposable(paths: Paths) -> str:
    """Delete these files. Returns what was done, in a sentence. Raises Refused: there are none; Unavailable: none could be deleted."""
    found = list(_files(paths))
    if not found:
        raise Refused("There is nothing that Opta could make again: free space where the home of Opta lies by hand.")
    freed, problem = 0, ""
    for file, size in found:
        try:
            file.unlink()
            freed += size
        except OSError as error:
            problem = error.strerror or str(error)
    if not freed:
        raise Unavailable(f"Nothing was deleted: {problem or 'the files are empty'}.")
    return f"{freed / 1e6:,.0f} MB of stored prefixes and old logs were deleted. Both are made again when they are needed."


def _files(paths: Paths) -> Iterator[tuple[Path, int]]:
    prefixes = paths.lmx / "prefixes"
    stored: list[Path] = [] if prefixes.is_symlink() else list(_folders(prefixes))
    folders = [(each, _PREFIX) for each in stored]
    left = FILES_MAX
    for folder, pattern in [*folders, (paths.logs, _OLD_LOG)]:
        for entry in _entries(folder):
            if not left:
                return
            left -= 1
            if pattern.fullmatch(entry.name):
                with contextlib.suppress(OSError):
                    seen = entry.stat(follow_symlinks=False)
                    if stat.S_ISREG(seen.st_mode):
                        yield Path(entry.path), seen.st_blocks * 512


def _folders(above: Path) -> Iterator[Path]:
    for entry in _entries(above):
        with contextlib.suppress(OSError):
            if entry.is_dir(follow_symlinks=False):
                yield Path(entry.path)


def _entries(folder: Path) -> Iterator["os.DirEntry[str]"]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for count, entry in enumerate(entries):
            if count >= FILES_MAX:
                return
            yield entry
