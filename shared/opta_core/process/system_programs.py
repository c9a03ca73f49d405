"""Finds programs that Opta itself runs, in the system's folders only. PATH is not used, because it may contain a workspace."""

import os
from functools import cache

FOLDERS = ("/usr/bin", "/bin", "/usr/local/bin", "/opt/homebrew/bin", "/run/current-system/sw/bin", "/snap/bin")


@cache
def find(name: str) -> str | None:
    """The absolute path of a system program; None when it is not installed."""
    for folder in FOLDERS:
        path = f"{folder}/{name}"
        if os.path.isfile(path) and os.access(path, os.X_OK):  # noqa: PTH113
            return path
    return None
