"""What of a repository's configuration is harmless: keys that name no program and no other place for configuration."""

import hashlib
import os
import re

from .regular_files import content

CONFIG_BYTES_MAX = 1024 * 1024
# What a new repository may be configured with: nothing here names a program or another place for configuration.
_CONFIG_KEPT = re.compile(
    r"core\.(repositoryformatversion|filemode|bare|logallrefupdates|ignorecase|precomposeunicode|symlinks|autocrlf|eol|worktree|longpaths|abbrev)"
    r"|remote\..*\.(url|fetch|pushurl|tagopt|mirror|promisor|partialclonefilter|prune)|branch\..*\.(remote|merge|rebase|pushremote|description)"
    r"|submodule\..*\.(url|active|update|branch|path|ignore|shallow)|submodule\.active|user\.(name|email)|init\.defaultbranch"
    r"|extensions\.(objectformat|partialclone|refstorage)|pull\.(rebase|ff)|push\.(default|autosetupremote)|lfs\.repositoryformatversion"
)
_SECTION = re.compile(r'\s*\[\s*([A-Za-z0-9.-]+)\s*(?:"([^"\\\n\x00-\x08\x0b-\x1f\x7f]*)")?\s*\]\s*$')
_KEY = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]*)\s*=(.*)$", re.DOTALL)
# Values that git and a reader of lines could read differently.
_AMBIGUOUS = re.compile(r'["\\#;\x00-\x08\x0b-\x1f\x7f]')
# A longer line is not understood, which also bounds the time of the expressions.
_LINE_CHARS_MAX = 1024
# A line ends at a newline, unless a backslash before it (or before its carriage return) makes it go on.
_LINE_END = re.compile(r"(?<!\\)(?<!\\\r)\n")


def plain_config(text: str, path: str = ".git", known: str = "", *, allows_worktree: bool = True) -> str:
    """A git configuration without every key that is not known to be harmless, or that is in `known`. Format: git-config, "Syntax".

    `path`: of git's folder; `allows_worktree`: whether core.worktree may be there, as submodules have it.
    """
    kept_before = {(section, line) for section, _, line in _lines(known)}
    lines: list[str] = []
    for section, name, line in _lines(text):
        if (section, line) in kept_before or (
            "\0" not in text and (name is None or (name and _is_harmless(name[0], name[1], path, allows_worktree)))
        ):
            lines.append(line)
    kept = "\n".join(lines)
    # What is appended to it later is a line of its own.
    return kept if not kept or kept.endswith("\n") else f"{kept}\n"


def is_same(one: str, other: str) -> bool:
    """Whether two configurations differ in the newline at their end at most."""
    return one.rstrip("\n") == other.rstrip("\n")


def _lines(text: str) -> list[tuple[str, tuple[str, str] | tuple[()] | None, str]]:
    """(section as it stands there, (key, value) or () for what is not understood or None for what sets nothing, line) of each line.

    A line that goes on in the next is one.
    """
    written, section = "", ""
    found: list[tuple[str, tuple[str, str] | tuple[()] | None, str]] = []
    for line in _LINE_END.split(text):
        if not line.strip():
            found.append((written, None, line))
        elif len(line) <= _LINE_CHARS_MAX and (head := _SECTION.match(line)) is not None:
            section = f"{head[1].lower()}.{head[2]}." if head[2] is not None else f"{head[1].lower()}."
            written = line.strip()
            found.append((written, None, line))
        elif len(line) <= _LINE_CHARS_MAX and (key := _KEY.match(line)) is not None and not _AMBIGUOUS.search(key[2].strip()):
            found.append((written, (section + key[1].lower(), key[2].strip()), line))
        else:
            # Not understood: what may belong to it is not either.
            found.append((written, (), line))
            if "[" in line:
                written, section = hashlib.sha256(f"{written}\n{line}".encode(errors="surrogateescape")).hexdigest(), "unknown."
    return found


def _is_harmless(name: str, value: str, path: str, allows_worktree: bool) -> bool:
    if not _CONFIG_KEPT.fullmatch(name) or (name == "core.worktree" and not allows_worktree):
        return False
    if name == "core.worktree":
        # Of a submodule: beneath the workspace, by its spelling.
        return (
            not value.startswith("/")
            and not os.path.normpath(os.path.join(path, value)).startswith("..")
            and os.path.normpath(os.path.join(path, value)) != "."
        )
    if name.endswith((".url", ".pushurl")):
        # ext:: and other remote helpers run a program.
        return "::" not in value and not value.startswith("-")
    return not (name.startswith("submodule.") and value.startswith("!"))


def config_of(git: int) -> str | None:
    """The configuration in an opened git folder; None for none, one that is not text, or one that is too large."""
    return text_of(git, "config")


def text_of(git: int, name: str) -> str | None:
    """A configuration in an opened git folder, byte for byte (surrogateescape); None for none, no regular file, or one that is too large."""
    found = content(git, name, CONFIG_BYTES_MAX + 1)
    return found.decode(errors="surrogateescape") if found is not None and len(found) <= CONFIG_BYTES_MAX else None
