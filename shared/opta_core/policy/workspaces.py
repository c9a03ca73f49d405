"""Which folders a session may work in, and what a person's home shows when it is one."""

import os
from pathlib import Path

from ..paths import WORKSPACES

HOME_WARNING = (
    "This session works in your whole home folder. Every tool call asks (level L1), names that begin with a dot are not shown, and what commands make"
    " beside your folders is lost with the session. Start it in a project's folder instead: opta do --cwd FOLDER."
)


def not_a_workspace(folder: str, home: Path, own: Path) -> str:
    """Why no session works in a folder (a real path); '' when one may. `own`: the daemon's home."""
    real_home, real_own = os.path.realpath(home), os.path.realpath(own)
    if folder == "/":
        return "it is the whole machine"
    if real_home.startswith(f"{folder}/"):
        return "it holds whole homes"
    if folder == real_own or (folder.startswith(f"{real_own}/") and not folder.startswith(f"{real_own}/{WORKSPACES}/")):
        return "it belongs to Opta itself"
    return ""


def is_whole_home(folder: str, home: Path) -> bool:
    """Whether a folder is the person's home: then every call asks, and what programs keep there is not shown."""
    return os.path.realpath(folder) == os.path.realpath(home)


# What programs keep in a home under a plain name: settings and keys, mail (mailbox formats; mutt, dovecot), conda with its `.condarc`.
_HIDDEN_IN_HOME = frozenset(
    {
        "Library", "AppData", "snap", "Keychains", "Mail", "mail", "Maildir", "mbox", "dead.letter",
        "miniconda3", "miniforge3", "mambaforge", "anaconda3", "micromamba",
    }
)  # fmt: skip


def is_hidden_in_home(name: str) -> bool:
    """Whether an entry of a home is one of its programs' own: settings, keys, histories."""
    return name.startswith((".", "_")) or name in _HIDDEN_IN_HOME
