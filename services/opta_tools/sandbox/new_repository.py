"""Makes a new repository of a command harmless: removes hooks, and configuration that names programs.

Works in the opened git folder, independently of its path. Removed parts are put aside. Functions raise OSError.
"""

import contextlib
import os
import secrets

from .aside import Aside, aside_note, renew
from .git_config import config_of, is_same, plain_config
from .placeholders import is_placeholder
from .regular_files import is_there

# If there are more hooks, their folder is put aside as a whole.
HOOKS_MAX = 50


def clean(git: int, path: str, aside: Aside) -> tuple[list[str], str]:
    """(notes about the parts that were put aside, the configuration that the repository has now). `path`: of its git folder."""
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
            # Replaced by a copy, because a command may hold the file open, or have another name for it.
            renew(git, "config", os.stat("config", dir_fd=git, follow_symlinks=False))
    return notes, kept


def replace_config(git: int, name: str, path: str, text: str, aside: Aside) -> list[str]:
    """Put a configuration aside and write another one, replacing whatever a command writes there meanwhile. Returns notes."""
    part = f"opta-{secrets.token_hex(8)}"
    descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644, dir_fd=git)
    try:
        os.write(descriptor, text.encode(errors="surrogateescape"))
        notes = take_from(git, name, path, aside)
        with contextlib.suppress(IsADirectoryError):  # the next check puts it aside
            os.rename(part, name, src_dir_fd=git, dst_dir_fd=git)
    finally:
        os.close(descriptor)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(part, dir_fd=git)
    return notes


def take_from(git: int, name: str, path: str, aside: Aside) -> list[str]:
    """Put aside a part of an opened git folder. Returns notes."""
    folder, _, last = name.rpartition("/")
    above = os.open(folder or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=git)
    try:
        kept = aside.take(above, last)
    except FileNotFoundError:
        return []
    finally:
        os.close(above)
    return [aside_note(f"{path}/{name}", kept)]


def hooks(git: int) -> list[str]:
    """Paths of the hooks that git would run, relative to the git folder; "hooks" itself if it cannot be listed."""
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
