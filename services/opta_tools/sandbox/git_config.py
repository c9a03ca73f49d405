"""The harmless part of a git configuration: keys that name neither a program nor another configuration file."""

import hashlib
import os
import re

from .regular_files import content

CONFIG_BYTES_MAX = 1024 * 1024
# Keys that a new repository may set. None names a program or another configuration file.
_CONFIG_KEPT = re.compile(
    r"core\.(repositoryformatversion|filemode|bare|logallrefupdates|ignorecase|precomposeunicode|symlinks|autocrlf|eol|worktree|longpaths|abbrev)"
    r"|remote\..*\.(url|fetch|pushurl|tagopt|mirror|promisor|partialclonefilter|prune)|branch\..*\.(remote|merge|rebase|pushremote|description)"
    r"|submodule\..*\.(url|active|update|branch|path|ignore|shallow)|submodule\.active|user\.(name|email)|init\.defaultbranch"
    r"|extensions\.(objectformat|partialclone|refstorage)|pull\.(rebase|ff)|push\.(default|autosetupremote)|lfs\.repositoryformatversion"
)
_SECTION = re.compile(r'\s*\[\s*([A-Za-z0-9.-]+)\s*(?:"([^"\\\n\x00-\x08\x0b-\x1f\x7f]*)")?\s*\]\s*$')
_KEY = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]*)\s*=(.*)$", re.DOTALL)
# Values that git may read differently from this parser.
_AMBIGUOUS = re.compile(r'["\\#;\x00-\x08\x0b-\x1f\x7f]')
# A longer line is not parsed, which also limits the time of the regular expressions.
_LINE_CHARS_MAX = 1024
# A line ends at a newline, unless a backslash before it (or before its carriage return) continues it.
_LINE_END = re.compile(r"(?<!\\)(?<!\\\r)\n")


def plain_config(text: str, path: str = ".git", known: str = "", *, allows_worktree: bool = True) -> str:
    """A git configuration without the keys that are neither harmless nor in the configuration `known`. Format: git-config, "Syntax".

    `path`: of the git folder; `allows_worktree`: whether core.worktree is allowed, which submodules have.
    """
    kept_before = {(section, line) for section, _, line in _lines(known)}
    lines: list[str] = []
    for section, name, line in _lines(text):
        if (section, line) in kept_before or (
            "\0" not in text and (name is None or (name and _is_harmless(name[0], name[1], path, allows_worktree)))
        ):
            lines.append(line)
    kept = "\n".join(lines)
    # Text that is appended later starts on a new line.
    return kept if not kept or kept.endswith("\n") else f"{kept}\n"


def is_same(one: str, other: str) -> bool:
    """Whether two configurations are equal apart from newlines at their end."""
    return one.rstrip("\n") == other.rstrip("\n")


def _lines(text: str) -> list[tuple[str, tuple[str, str] | tuple[()] | None, str]]:
    """(section as written, content, text) of each line. The content is (key, value), () if it cannot be parsed, None if it sets nothing.

    A continued line counts as one.
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
            # Not parsed. If it may begin a section, the lines after it belong to an unknown section.
            found.append((written, (), line))
            if "[" in line:
                written, section = hashlib.sha256(f"{written}\n{line}".encode(errors="surrogateescape")).hexdigest(), "unknown."
    return found


def _is_harmless(name: str, value: str, path: str, allows_worktree: bool) -> bool:
    if not _CONFIG_KEPT.fullmatch(name) or (name == "core.worktree" and not allows_worktree):
        return False
    if name == "core.worktree":
        # Set by submodules: allowed if its spelling leads beneath the workspace.
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
    """The configuration in an opened git folder; None if there is none or it is too large."""
    return text_of(git, "config")


def text_of(git: int, name: str) -> str | None:
    """A configuration file in an opened git folder, decoded with surrogateescape; None if it is missing, not a regular file, or too large."""
    found = content(git, name, CONFIG_BYTES_MAX + 1)
    return found.decode(errors="surrogateescape") if found is not None and len(found) <= CONFIG_BYTES_MAX else None
