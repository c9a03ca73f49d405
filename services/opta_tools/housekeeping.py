"""Bounds what the tool-worker keeps for sessions: long outputs, caches of workspaces, folders for temporary files, what was put aside.

Each of these folders holds one folder for each session or workspace. Those that were used longest ago go first.
"""

import contextlib
import os
import shutil
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from opta_core.logs import Log

EVERY_S = 3600.0
log = Log("housekeeping")


@dataclass(frozen=True)
class Kept:
    """A folder of folders, and how many bytes it may hold in all."""

    folder: Path
    bytes_max: int


def kept_by(daemon: Path) -> tuple[Kept, ...]:
    """What lies beneath the daemon's folder."""
    gib = 1024**3
    return (
        Kept(daemon / "spills", 2 * gib),
        Kept(daemon / "sandbox/caches", 20 * gib),
        Kept(daemon / "sandbox/tmp", 20 * gib),
        Kept(daemon / "sandbox/aside", 4 * gib),
    )


def bound(kept: Kept, *, unused_s: float = 3600.0) -> list[str]:
    """Remove what was used longest ago until the rest fits; the names that went. What was used within `unused_s` stays."""
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
        shutil.rmtree(path, ignore_errors=True)
        total -= size
        gone.append(os.path.basename(path))
    if gone:
        log.info("removed what was used longest ago", folder=str(kept.folder), count=len(gone))
    return gone


def keep_bounded(daemon: Path) -> None:
    """Look now and once an hour, in a thread that ends with the process."""

    def look() -> None:
        while True:
            for kept in kept_by(daemon):
                bound(kept)
            time.sleep(EVERY_S)

    threading.Thread(target=look, name="housekeeping", daemon=True).start()


def _measured(entry: "os.DirEntry[str]") -> tuple[float, int]:
    """(when it was used last, bytes on the disk) of a file or of everything beneath a folder; links are not followed."""
    seen = entry.stat(follow_symlinks=False)
    used_at, size = seen.st_mtime, seen.st_blocks * 512
    if entry.is_dir(follow_symlinks=False):
        with os.scandir(entry.path) as below:
            for inner in below:
                with contextlib.suppress(OSError):
                    inner_used_at, inner_size = _measured(inner)
                    used_at, size = max(used_at, inner_used_at), size + inner_size
    return used_at, size
