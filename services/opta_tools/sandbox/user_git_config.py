"""The parts of the user's git configuration that git in a sandbox gets: the author, ignored files, the handling of files.

It is read with git in the workspace, so it contains all includes, also conditional ones (`includeIf "gitdir:…"`).
"""

import os
import re
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from opta_core.process.system_programs import find

from . import linux

# Keys that are passed on. None names a key file or an address.
_KEPT = frozenset(
    {
        "user.name", "user.email", "author.name", "author.email", "committer.name", "committer.email", "user.useconfigonly", "init.defaultbranch",
        "core.autocrlf", "core.eol", "core.safecrlf", "core.quotepath", "core.abbrev", "core.ignorecase", "core.precomposeunicode", "pull.rebase", "pull.ff",
        "push.default", "push.autosetupremote", "push.followtags", "merge.conflictstyle", "merge.ff", "diff.algorithm", "diff.renames", "rebase.autostash",
        "rebase.autosquash", "rerere.enabled", "commit.cleanup", "fetch.prune", "branch.autosetuprebase", "safe.directory",
    }
)  # fmt: skip
# The only program that is passed on, and only with these words: without it, git would commit a large file instead of its pointer.
_LFS = frozenset(
    {
        ("filter.lfs.clean", "git-lfs clean -- %f"), ("filter.lfs.smudge", "git-lfs smudge -- %f"), ("filter.lfs.smudge", "git-lfs smudge --skip -- %f"),
        ("filter.lfs.process", "git-lfs filter-process"), ("filter.lfs.process", "git-lfs filter-process --skip"), ("filter.lfs.required", "true"),
    }
)  # fmt: skip
IGNORED_BYTES_MAX = 256 * 1024
READ_S_MAX = 2.0


@dataclass(frozen=True)
class UserGitConfig:
    """`config`: the harmless part of the user's configuration, in git's format. `ignored`: ignore patterns for every repository.

    `hooks`: the values of core.hooksPath, which apply to every repository.
    """

    config: str = ""
    ignored: str = ""
    hooks: tuple[str, ...] = ()


def user_git_config(home: Path, workspace: str) -> UserGitConfig:
    """Read the configuration with git. Takes some milliseconds. The result is empty if git is not installed or fails."""
    settings = _settings(home, workspace)
    hooks = tuple(value for name, value in settings if name == "core.hookspath")
    return UserGitConfig("".join(_line(name, value) for name, value in settings), _ignored(home, settings), hooks)


def _settings(home: Path, workspace: str) -> list[tuple[str, str]]:
    git = find("git") or shutil.which("git")
    if git is None:
        return []
    words = [[git, "config", "--global", "--includes", "--list", "--null"]]
    shared = home / ".config/git/config"
    if shared.is_file() and (home / ".gitconfig").exists():
        # Git reads both files, this one first; `--global` lists only the other one.
        words.insert(0, [git, "config", "--file", str(shared), "--includes", "--list", "--null"])
    # If git cannot read the repository, use the configuration that applies outside of one.
    return [item for each in words for item in (_asked(each, home, workspace) or _asked(each, home, "/") or [])]


def _asked(words: list[str], home: Path, folder: str) -> list[tuple[str, str]] | None:
    environment = {"HOME": str(home), "PATH": os.defpath}
    try:
        done = subprocess.run(
            words, env=environment, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=READ_S_MAX, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return None
    if done.returncode:
        return None
    items = (item.partition("\n") for item in done.stdout.decode(errors="replace").split("\0") if item)
    return [(name, value) for name, _, value in items]


def _line(name: str, value: str) -> str:
    if not (name in _KEPT or (name, value) in _LFS) or not value.isprintable():
        return ""
    section, _, key = name.rpartition(".")
    section, _, part = section.partition(".")
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return "".join(("[", section, f' "{part}"' if part else "", f']\n\t{key} = "{escaped}"\n'))


def _ignored(home: Path, settings: list[tuple[str, str]]) -> str:
    named = [value for name, value in settings if name == "core.excludesfile"]
    path = os.path.join(home, named[-1].replace("~", str(home), 1)) if named else f"{home}/.config/git/ignore"
    real = os.path.realpath(path)
    # The path may come from a file in a workspace that a command wrote, so it must not reveal any other kind of file.
    if not re.search("ignore|exclude", os.path.basename(real)):
        return ""
    try:
        descriptor = linux.openat2(
            linux.AT_FDCWD, real, os.O_RDONLY | os.O_NONBLOCK, linux.RESOLVE_NO_SYMLINKS | linux.RESOLVE_NO_MAGICLINKS
        )
    except OSError:
        return ""
    with open(descriptor, "rb") as handle:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return ""
        content = handle.read(IGNORED_BYTES_MAX + 1)
    return content.decode(errors="replace") if len(content) <= IGNORED_BYTES_MAX else ""
