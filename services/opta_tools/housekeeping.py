"""Limits the disk space of what is kept for sessions: results, uploaded files, records of what was read, caches, files that were put aside.

Each of these folders holds one folder or file for each session or workspace. The least recently used ones are removed first.
"""

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from opta_core.logs import Log
from opta_core.process.system_programs import find

EVERY_S = 3600.0
log = Log("housekeeping")


@dataclass(frozen=True)
class Kept:
    """A folder of folders, and the bytes that it may hold in total."""

    folder: Path
    bytes_max: int


def kept_by(daemon: Path) -> tuple[Kept, ...]:
    """The folders with a limit, beneath the daemon's folder."""
    gib = 1024**3
    return (
        Kept(daemon / "spills", 2 * gib),
        Kept(daemon / "snapshots", 8 * gib),
        Kept(daemon / "seen", gib // 8),
        Kept(daemon / "attachments", 4 * gib),
        Kept(daemon / "sandbox/caches", 20 * gib),
        Kept(daemon / "sandbox/tmp", 20 * gib),
        Kept(daemon / "sandbox/aside", 4 * gib),
    )


def bound(kept: Kept, *, unused_s: float = 3600.0) -> list[str]:
    """Remove the least recently used folders until the rest fits; their names. A folder that was used within `unused_s` seconds stays."""
    found: list[tuple[float, int, str]] = []
    with contextlib.suppress(OSError), os.scandir(kept.folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                used_at, size = _measured(entry)
                found.append((used_at, size, entry.path))
    total = sum(size for _, size, _ in found)
    gone: list[str] = []
    for used_at, size, path in sorted(found):
        if total <= kept.bytes_max or time.time() - used_at < unused_s:
            break
        remove_tree(path)
        total -= size
        gone.append(os.path.basename(path))
    if gone:
        log.info("removed least recently used folders", folder=str(kept.folder), count=len(gone))
    return gone


def keep_bounded(daemon: Path, forget: Callable[[], object] = lambda: None) -> None:
    """Apply the limits now and once an hour, in a thread that ends with the process. `forget` removes what no session needs, first."""

    def look() -> None:
        while True:
            forget()
            for kept in kept_by(daemon):
                bound(kept)
            time.sleep(EVERY_S)

    threading.Thread(target=look, name="housekeeping", daemon=True).start()


def remove_tree(path: str) -> None:
    """Remove a folder of any depth within its file system. What cannot be removed stays, without an error."""
    rm = find("rm")
    if rm is not None:
        subprocess.run(
            [rm, "-rf", "--one-file-system", "--", path], env={}, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
        )


def _measured(entry: "os.DirEntry[str]") -> tuple[float, int]:
    """(time of last use, bytes on the disk) of a file, or of a folder with everything beneath it. Links are not followed."""
    seen = entry.stat(follow_symlinks=False)
    used_at, size = seen.st_mtime, seen.st_blocks * 512
    waiting = [entry.path] if entry.is_dir(follow_symlinks=False) else []
    while waiting:
        # The content of a folder whose path is too long to open is not counted.
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as below:
            for inner in below:
                with contextlib.suppress(OSError):
                    found = inner.stat(follow_symlinks=False)
                    size += found.st_blocks * 512
                    if inner.is_dir(follow_symlinks=False):
                        waiting.append(inner.path)
    return used_at, size
