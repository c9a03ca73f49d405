"""Programs that we run ourselves are looked for in the folders of the machine, never in a PATH: that may lead into a workspace."""

import os
from functools import cache

FOLDERS = ("/usr/bin", "/bin", "/usr/local/bin", "/opt/homebrew/bin", "/run/current-system/sw/bin", "/snap/bin")


@cache
def find(name: str) -> str | None:
    """The absolute path of a program of the machine; None when it is not installed there."""
    for folder in FOLDERS:
        path = f"{folder}/{name}"
        if os.path.isfile(path) and os.access(path, os.X_OK):  # noqa: PTH113
            return path
    return None
