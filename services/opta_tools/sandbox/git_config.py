"""What of a repository's configuration is harmless: keys that name no program and no other place for configuration."""

import os
import re

from .regular_files import content

CONFIG_BYTES_MAX = 64 * 1024
# What a new repository may be configured with: nothing here names a program or another place for configuration.
_CONFIG_KEPT = re.compile(
    r"core\.(repositoryformatversion|filemode|bare|logallrefupdates|ignorecase|precomposeunicode|symlinks|autocrlf|eol|worktree|longpaths|abbrev)"
    r"|remote\..*\.(url|fetch|pushurl|tagopt|mirror|promisor|partialclonefilter|prune)|branch\..*\.(remote|merge|rebase|pushremote|description)"
    r"|submodule\..*\.(url|active|update|branch|path|ignore|shallow)|submodule\.active|user\.(name|email)|init\.defaultbranch"
    r"|extensions\.(objectformat|partialclone|refstorage)|pull\.(rebase|ff)|push\.(default|autosetupremote)|lfs\.repositoryformatversion"
)
_SECTION = re.compile(r'\s*\[\s*([A-Za-z0-9.-]+)\s*(?:"([^"\\\n]*)")?\s*\]\s*$')
_KEY = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]*)\s*=\s*(.*?)\s*$")
# Values that git and a reader of lines could read differently.
_AMBIGUOUS = re.compile(r'["\\#;\x00-\x08\x0b-\x1f\x7f]')


def plain_config(text: str, path: str = ".git", known: str = "") -> str:
    """A git configuration without every key that is not known to be harmless, or that is in `known`. Format: git-config, "Syntax".

    `path`: of git's folder.
    """
    kept_before = {(section, line) for section, _, line in _lines(known)}
    lines: list[str] = []
    for section, name, line in _lines(text):
        if name is None or (section, line) in kept_before or (name and _is_harmless(name[0], name[1], path)):
            lines.append(line)
    kept = "\n".join(lines)
    # What is appended to it later is a line of its own.
    return kept if not kept or kept.endswith("\n") else f"{kept}\n"


def _lines(text: str) -> list[tuple[str, tuple[str, str] | tuple[()] | None, str]]:
    """(section as it stands there, (key, value) or () for what is not understood or None for what sets nothing, line) of each line.

    A line that goes on in the next is one.
    """
    written, section = "", ""
    found: list[tuple[str, tuple[str, str] | tuple[()] | None, str]] = []
    for line in re.split(r"(?<!\\)\n", text):
        if not line.strip():
            found.append((written, None, line))
        elif (head := _SECTION.match(line)) is not None:
            section = f"{head[1].lower()}.{head[2]}." if head[2] is not None else f"{head[1].lower()}."
            written = line.strip()
            found.append((written, None, line))
        elif (key := _KEY.match(line)) is not None and not _AMBIGUOUS.search(key[2]):
            found.append((written, (section + key[1].lower(), key[2]), line))
        else:
            # Not understood: what may belong to it is not either.
            found.append((written, (), line))
            if "[" in line:
                written, section = f"{written}\n{line}", "unknown."
    return found


def _is_harmless(name: str, value: str, path: str) -> bool:
    if not _CONFIG_KEPT.fullmatch(name):
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
    found = content(git, "config", CONFIG_BYTES_MAX + 1)
    try:
        return found.decode() if found is not None and len(found) <= CONFIG_BYTES_MAX else None
    except UnicodeDecodeError:
        return None
