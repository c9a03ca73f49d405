"""The environment of a turn: the facts that change from turn to turn, in one line behind the user's message.

The line is stored with the turn (`context.injected`). The first message of every prompt can therefore stay the same for all turns.
"""

import contextlib
import json
import os
import platform
import stat
from datetime import datetime

from opta_core.clock import wall_s
from opta_protocol.permissions import Mode

SOURCE = "environment"
_NETWORK = {
    "off": "commands have no network unless the user allows it",
    "list": "commands reach only the hosts that the user allowed",
    "on": "commands have network",
}
HEAD_BYTES_MAX, BRANCH_CHARS_MAX = 4096, 100


# What a mode asks for, where the first message does not say it; and what is asked of a sub-agent in its place.
_PLAN = (
    "read only, nothing can be changed in this turn. Find out how to do it, then answer with the plan and nothing else: what changes in which "
    "files, in which order, and how it is proven. The user accepts it or says what to change"
)
_REPORT = "you are a sub-agent: your last message is your report, and all that is read of you"
_READ = "read only, nothing can be changed"


def environment_line(cwd: str, branch: str, mode: Mode, network: str, *, is_delegated: bool = False) -> str:
    """The environment of a turn in folder `cwd`. `branch`: '' for none; `network`: the setting `sandbox.network`.

    `is_delegated`: a model wrote its prompt, for its sub-agent.
    """
    date = datetime.fromtimestamp(wall_s()).strftime("%A %Y-%m-%d")
    facts = [f"workspace {_plain(cwd)}", f"git branch {branch}" if branch else "", _SYSTEM, _NETWORK.get(network, ""), date]
    reads = mode is Mode.plan
    words = (f"{_READ}; {_REPORT}" if reads else _REPORT) if is_delegated else _PLAN if reads else ""
    facts.append(f"mode {mode}: {words}" if words else f"mode {mode}")
    return f"<{SOURCE}>{'; '.join(fact for fact in facts if fact)}</{SOURCE}>"


def git_branch(folder: str) -> str:
    """The branch that is checked out in a folder or in one above it, '' when none is or it cannot be read. Follows no link."""
    marker, kind = _marker(folder)
    if kind == stat.S_IFREG:
        # A worktree: the file names the folder of its own.
        named = _read(marker).removeprefix("gitdir:").strip()
        marker = named if named.startswith("/") else f"{marker.removesuffix('.git')}{named}" if named else marker
    head = _read(f"{marker}/HEAD").strip() if marker else ""
    name = head.removeprefix("ref: refs/heads/")
    return name[:BRANCH_CHARS_MAX] if name != head and name.isprintable() and not set(name) & set("<>;") else ""


def is_in_worktree(folder: str) -> bool:
    """Whether git's files of a folder are elsewhere."""
    return _marker(folder)[1] == stat.S_IFREG


def _marker(folder: str) -> tuple[str, int]:
    """The `.git` of a folder or of the nearest one above it, with its type bits; ('', 0) when there is none."""
    at = os.path.normpath(folder)
    while not (kind := _kind(marker := f"{at}/.git")):
        if not at.strip("/"):
            return "", 0
        at = at.rpartition("/")[0] or "/"
    return marker, kind


def _kind(path: str) -> int:
    """The type bits of a file or folder that is no link; 0 for anything else."""
    try:
        mode = stat.S_IFMT(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return 0
    return mode if mode in (stat.S_IFREG, stat.S_IFDIR) else 0


def _read(path: str) -> str:
    """The beginning of a regular file, '' for everything else: a pipe would block its reader."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_NOFOLLOW", 0))
    except (OSError, ValueError):
        return ""
    try:
        return os.read(file, HEAD_BYTES_MAX).decode(errors="replace") if stat.S_ISREG(os.fstat(file).st_mode) else ""
    except OSError:
        return ""
    finally:
        os.close(file)


def _plain(path: str) -> str:
    return path if path.isprintable() and not set(path) & set("<>;") else json.dumps(path).replace("<", "\\u003c")


def _system() -> str:
    if platform.system() == "Darwin":
        return f"macOS {platform.mac_ver()[0]} {platform.machine()}"
    name = platform.system()
    with contextlib.suppress(OSError):
        name = f"{name} ({platform.freedesktop_os_release().get('PRETTY_NAME', '')})".replace(" ()", "")
    return f"{name} {platform.machine()}"


_SYSTEM = _system()
