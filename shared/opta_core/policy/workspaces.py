"""Which folders can be the workspace of a session, and what is hidden when a person's home is the workspace."""

import os
from collections.abc import Iterable
from pathlib import Path

from ..paths import WORKSPACES

HOME_WARNING = (
    "This session works in your whole home folder. Every tool call asks (level L1), names that begin with a dot are not shown, and files that"
    " commands create outside your folders are lost with the session. Start it in a project's folder instead: opta do --cwd FOLDER."
)


def not_a_workspace(folder: str, home: Path, daemon_folders: Iterable[Path]) -> str:
    """A sentence that says why a folder cannot be a workspace, without a full stop; '' when it can.

    All are real paths: `home` is the person's home, `daemon_folders` are Opta's own.
    """
    reason = _reason(folder, str(home), [str(each) for each in daemon_folders])
    return reason and f"{folder[:200]} cannot be a workspace: {reason}"


def _reason(folder: str, home: str, daemon_folders: list[str]) -> str:
    if folder == "/":
        return "it is the root of the file system"
    if home.startswith(f"{folder}/"):
        return "it contains home folders"
    for private in daemon_folders:
        if folder == private or (folder.startswith(f"{private}/") and not folder.startswith(f"{private}/{WORKSPACES}/")):
            return "it belongs to Opta itself"
        if private.startswith(f"{folder}/") and folder != home:
            return "it contains Opta's own files"
    return ""


def is_whole_home(folder: str, home: Path) -> bool:
    """Whether a folder is the person's home. Then every call asks, and the files that programs keep there are hidden."""
    return os.path.realpath(folder) == os.path.realpath(home)


# Entries of a home that belong to programs although their names do not begin with a dot: settings and keys, mail (mailbox formats;
# mutt, dovecot), conda with its `.condarc`.
_HIDDEN_IN_HOME = frozenset(
    {
        "Library", "AppData", "snap", "Keychains", "Mail", "mail", "Maildir", "mbox", "dead.letter",
        "miniconda3", "miniforge3", "mambaforge", "anaconda3", "micromamba",
    }
)  # fmt: skip


def is_hidden_in_home(name: str) -> bool:
    """Whether an entry of a home belongs to a program (settings, keys, history) and not to the person."""
    return name.startswith((".", "_")) or name in _HIDDEN_IN_HOME
