"""Makes a repository harmless that commands made: without hooks, and without configuration that names programs.

Works in the opened git folder, whatever lies at its path by now. What is taken out is put aside. Raises OSError.
"""

import contextlib
import os
import secrets

from .aside import Aside, renew, said_of
from .git_config import config_of, is_same, plain_config
from .git_folders import is_placeholder
from .regular_files import is_there

# More hooks than these are put aside as one folder.
HOOKS_MAX = 50


def clean(git: int, path: str, aside: Aside) -> tuple[list[str], str]:
    """(what to say about a new repository's parts, the configuration that it has now). `path`: of its git folder."""
    notes: list[str] = []
    for name in ("config.worktree", "commondir", "info/attributes"):
        if is_there(git, name) and not is_placeholder(git, name):
            notes += take_from(git, name, path, aside)
    found = hooks(git)
    for name in found if len(found) <= HOOKS_MAX else ["hooks"]:
        notes += take_from(git, name, path, aside)
    text = config_of(git)
    kept = plain_config(text, path) if text is not None else ""
    if is_there(git, "config"):
        if text is None or not is_same(kept, text):
            notes += replace_config(git, "config", path, kept, aside)
        else:
            # A file of its own: a command may hold this one open, or have it under another name.
            renew(git, "config", os.stat("config", dir_fd=git, follow_symlinks=False))
    return notes, kept


def replace_config(git: int, name: str, path: str, text: str, aside: Aside) -> list[str]:
    """Put a configuration aside and another in its place, over whatever a command puts there meanwhile."""
    part = f"opta-{secrets.token_hex(8)}"
    descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644, dir_fd=git)
    try:
        os.write(descriptor, text.encode(errors="surrogateescape"))
        notes = take_from(git, name, path, aside)
        with contextlib.suppress(IsADirectoryError):  # the next look puts it aside
            os.rename(part, name, src_dir_fd=git, dst_dir_fd=git)
    finally:
        os.close(descriptor)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part, dir_fd=git)
    return notes


def take_from(git: int, name: str, path: str, aside: Aside) -> list[str]:
    """Put aside a part of an opened git folder."""
    folder, _, last = name.rpartition("/")
    above = os.open(folder or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=git)
    try:
        kept = aside.take(above, last)
    except FileNotFoundError:
        return []
    finally:
        os.close(above)
    return [said_of(f"{path}/{name}", kept)]


def hooks(git: int) -> list[str]:
    """Names of hooks that git would run, beneath its folder; "hooks" itself when that cannot be listed."""
    if not is_there(git, "hooks"):
        return []
    try:
        folder = os.open("hooks", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=git)
    except OSError:
        return ["hooks"]
    try:
        return [f"hooks/{name}" for name in sorted(os.listdir(folder)) if not name.endswith(".sample")]
    finally:
        os.close(folder)
