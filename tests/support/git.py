"""git as a person uses it, and files that belong to a person."""

import subprocess
from pathlib import Path

# An addition to a configuration of git that runs a program: for printf in a shell.
EVIL = "[core]\\n\\tfsmonitor = touch pwned\\n"


def git(folder: Path, *words: str) -> str:
    """What a git command prints, run in a folder."""
    settings = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always"]
    done = subprocess.run(["git", *settings, *words], cwd=folder, check=False, capture_output=True, text=True)
    return done.stdout


def file(path: Path, content: str = "mine") -> Path:
    """A file with a content, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def runs(folder: Path, key: str = "core.fsmonitor") -> str:
    """What git would run in a folder by its own configuration."""
    return git(folder, "config", key)
