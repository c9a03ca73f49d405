"""Where the words of a command line lead: out of the workspace, to a control file, to credentials, or onto a file that exists.

A word that is not known in full holds UNKNOWN where text is computed.
"""

import fnmatch
import glob
import os
import re
from typing import Literal

from .control_files import ControlFile
from .path_names import is_secret, protected, relative_to

Reads = Literal["", "names", "text"]

# Stands in a word for text that is only known when the line runs.
UNKNOWN = "\x01"
# The same for a word that the shell splits: it may become several words, also options.
MANY = UNKNOWN * 2
EXPANSIONS_MAX = 400
DEVICES = frozenset({"/dev/null", "/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/fd/0", "/dev/fd/1", "/dev/fd/2"})
# Files that tell agents what to do: as trusted as a person's own words.
INSTRUCTIONS = frozenset(
    {
        "agents.md", "agents.override.md", "claude.md", "claude.local.md", "gemini.md", "qwen.md", "crush.md", "warp.md", ".cursorrules",
        ".windsurfrules", ".clinerules", ".goosehints", "copilot-instructions.md", "conventions.md", "opta.md",
    }
)  # fmt: skip
_ROOTS = frozenset(
    "bin boot dev etc home lib lib32 lib64 media mnt opt proc root run sbin snap srv sys tmp usr var Users Applications Library System Volumes private nix".split()
)
_SECRETS = (
    ".env",
    ".env.local",
    ".npmrc",
    ".netrc",
    ".pypirc",
    ".git-credentials",
    ".htpasswd",
    "id_rsa",
    "id_ed25519",
    "id_ecdsa",
    "server.pem",
    "server.key",
    "credentials",
)


class Places:
    """The workspace of a line. `start`: the folder that it begins in. Nothing is opened; links are resolved."""

    def __init__(self, workspace: str, start: str):
        self.workspace, self.start = workspace, start
        self.real = os.path.realpath(workspace)

    def folder_problem(self, folder: str) -> str:
        """Why a folder cannot be worked in; '' when it lies in the workspace, with its links resolved."""
        real = os.path.realpath(folder)
        if relative_to(self.workspace, folder) is None or not self._is_within(real):
            return f"{folder[:80]} is outside the workspace"
        if control := self._control(real):
            return f"{folder[:80]} belongs to {control}, which makes other programs act"
        return ""

    def problem(self, word: str, folders: tuple[str, ...], *, reads: Reads = "") -> str:
        """Why a person is asked about a word that may name a file; '' when it leads nowhere but into the workspace.

        `reads`: "names" for a program that only lists files, "text" for one that only reads them: control files may be read, and those
        that no tool writes may be listed.
        """
        for part in _parts_of(word):
            if problem := self._part_problem(part, folders, reads):
                return problem
        return ""

    def leads_to_secret(self, word: str, folders: tuple[str, ...]) -> bool:
        """Whether a word names a link to a file that may hold credentials."""
        for path in (os.path.join(folder, part) for part in _parts_of(word) for folder in folders if UNKNOWN not in part):
            if os.path.lexists(path) and is_secret(os.path.realpath(path)):
                return True
        return False

    def write_problem(self, target: str, folders: tuple[str, ...], *, appends: bool, made: frozenset[str]) -> str:
        """Why a person is asked before a line writes to `target`. `made`: the files that the line itself made before."""
        if target in DEVICES:
            return ""
        if not target or UNKNOWN in target:
            return "it writes to a file whose name it computes"
        if problem := self._part_problem(target, folders):
            return problem
        for folder in folders:
            path = os.path.normpath(os.path.join(folder, target))
            real = os.path.realpath(path)
            if not self._is_within(real):
                return f"{target[:80]} is outside the workspace"
            if self._control(real):
                return f"{target[:80]} leads to {self._control(real)}, which makes other programs act"
            if os.path.basename(real).casefold() in INSTRUCTIONS:
                return f"{target[:80]} tells agents what to do"
            if os.path.lexists(path) and not os.path.isfile(path):
                return f"{target[:80]} is no plain file"
            if not appends and path not in made and _holds_something(path):
                return f"it replaces {target[:80]}"
        return ""

    def expanded(self, pattern: str, folders: tuple[str, ...]) -> tuple[str, ...] | None:
        """What a glob stands for in any of the folders; None when that is too much."""
        found: list[str] = []
        for folder in folders:
            for count, name in enumerate(glob.iglob(pattern, root_dir=folder, recursive=False)):
                if count >= EXPANSIONS_MAX:
                    return None
                found.append(name)
        return tuple(dict.fromkeys(found)) or (pattern,)

    def files(self, word: str, folders: tuple[str, ...]) -> tuple[str, ...]:
        """The plain files of the workspace that a word may name."""
        paths = (os.path.normpath(os.path.join(folder, word)) for folder in folders)
        return tuple(dict.fromkeys(path for path in paths if os.path.isfile(path)))

    def is_inside(self, path: str) -> bool:
        """Whether a path lies in the workspace with its links resolved."""
        return self._is_within(os.path.realpath(path))

    def _part_problem(self, part: str, folders: tuple[str, ...], reads: Reads = "") -> str:
        if part in DEVICES or not part.strip(UNKNOWN):
            return ""
        if part.startswith("~"):
            return f"{_shown(part)} is outside the workspace"
        if part.startswith("/") and not _is_pattern(part, self.workspace):
            if relative_to(self.workspace, part) is None:
                return f"{_shown(part)} is outside the workspace"
        elif part.startswith("/"):
            return ""
        last = part.rstrip("/").rsplit("/", 1)[-1]
        if is_secret(part) or _may_be_secret(last):
            return "it names a file that may hold credentials"
        for folder in folders:
            inside = relative_to(self.workspace, os.path.join(folder, part)) if "/" in part or part == ".." else part
            if inside is None:
                return f"{_shown(part)} is outside the workspace"
            if (control := protected(inside)) and not _may_read(control, reads):
                return f"it names {_shown(part)}, which makes other programs act ({control.name})"
            path = os.path.join(folder, part)
            if UNKNOWN not in path and len(part) < 1024 and os.path.lexists(path):
                real = os.path.realpath(path)
                if not self._is_within(real):
                    return f"{_shown(part)} leads out of the workspace"
                if is_secret(real):
                    return "it names a file that may hold credentials"
                if (control := self._control_at(real)) and not _may_read(control, reads):
                    return f"{_shown(part)} leads to {control.name}, which makes other programs act"
        return ""

    def _control(self, real: str) -> str:
        found = self._control_at(real)
        return found.name if found is not None else ""

    def _control_at(self, real: str) -> ControlFile | None:
        inside = os.path.relpath(real, self.real)
        return protected(inside) if inside != "." else None

    def _is_within(self, real: str) -> bool:
        return real == self.real or real.startswith(self.real.rstrip("/") + "/")


def _may_read(control: ControlFile, reads: Reads) -> bool:
    # What no tool writes, such as .git/config and .envrc, may hold credentials.
    return reads == "names" or (reads == "text" and not control.is_refused)


def is_instruction(word: str) -> bool:
    """Whether a word names a file that tells agents what to do."""
    return any(part.rstrip("/").rsplit("/", 1)[-1].casefold() in INSTRUCTIONS for part in _parts_of(word))


def _parts_of(word: str) -> set[str]:
    parts = {word, word.lstrip("@"), word.rpartition("=")[2], word.rpartition(":")[2]}
    if (found := re.match(r"--?[A-Za-z][\w-]*=(.+)", word)) or (found := re.match(r"-[A-Za-z](.+)", word)):
        parts.add(found.group(1))
    if UNKNOWN in word:
        # Blanks in it may split the word.
        before, _, after = word.rpartition(UNKNOWN)
        parts |= {before, f"{UNKNOWN}{after}"}
    return {part for part in parts if part and len(part) <= 4096 and "\n" not in part}


# Options before a pattern by which a program chooses files; patterns of other options and operands leave files out, or are text.
_CHOOSING = {
    "find": r"-i?(name|path|wholename|regex|lname)", "rg": r"-g|--i?glob", "ag": r"-G|--file-search-regex", "grep": r"--include", "egrep": r"--include", "fgrep": r"--include",
    "fd": r"-g|--glob|fd", "fdfind": r"-g|--glob|fdfind",
}  # fmt: skip
_LIKELY_SECRETS = (
    ".env",
    ".env.local",
    ".env.production",
    ".npmrc",
    ".netrc",
    "id_rsa",
    "id_ed25519",
    "server.pem",
    "server.key",
    "credentials",
)


def may_choose_secret(pattern: str) -> bool:
    """Whether a pattern that says more than "any name" fits the name of a file with credentials."""
    last = pattern.rsplit("/", 1)[-1].casefold()
    return re.search(r"\w", last) is not None and any(fnmatch.fnmatchcase(name, last) for name in _LIKELY_SECRETS)


def chosen_secret(argv: tuple[str, ...]) -> str:
    """The pattern by which a program may choose files with credentials (`find -name '.e*'`); '' for none."""
    options = _CHOOSING.get(argv[0])
    if options is None:
        return ""
    for at, word in enumerate(argv[1:], 1):
        head, _, value = word.partition("=")
        if re.fullmatch(options, head) and value:
            pattern = value
        elif re.fullmatch(options, argv[at - 1]) and not (at > 1 and argv[at - 2] in ("!", "-not")):
            pattern = word
        else:
            continue
        if not pattern.startswith("!") and may_choose_secret(re.sub(r"\\(.)", r"\1", pattern.replace(".*", "*"))):
            return pattern
    return ""


def grepped_secret(argv: tuple[str, ...]) -> str:
    """The pattern by which grep may choose the name of a file with credentials from a list; '' for none."""
    if argv[0] not in ("grep", "egrep", "fgrep", "rg") or any(re.match(r"-[a-zA-Z]*v|--invert", word) for word in argv[1:]):
        return ""
    for word in argv[1:]:
        text = re.sub(r"\\|[\^$*?+\[\]()]", "", word.partition("=")[2] if word.startswith("--") else word)
        if any(len(piece) > 1 and any(piece in name for name in _LIKELY_SECRETS) for piece in text.casefold().split("|")):
            return word
    return ""


def _may_be_secret(last: str) -> bool:
    if UNKNOWN not in last or not last.strip(UNKNOWN):
        return False
    pattern = re.sub(f"{UNKNOWN}+", "*", last.replace("[", "[[]"))
    return any(fnmatch.fnmatchcase(name, pattern) for name in _SECRETS)


def _is_pattern(part: str, workspace: str) -> bool:
    """Whether a word that begins with a slash is a pattern (`/foo/,/bar/p`, `/api/users`) and no path of a machine."""
    first = part.lstrip("/").split("/", 1)[0]
    if not part.strip("/"):
        return False
    if first in _ROOTS or workspace.startswith(f"/{first}/"):
        return False
    return not os.path.lexists(f"/{first}") or UNKNOWN in first


def _shown(part: str) -> str:
    return part.replace(UNKNOWN, "…")[:80]


def _holds_something(path: str) -> bool:
    try:
        return os.lstat(path).st_size > 0
    except (OSError, ValueError):
        return False
