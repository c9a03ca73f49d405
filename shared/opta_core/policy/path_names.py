"""What the name of a file says about it: whether it leaves the workspace, is a control file, or usually holds credentials."""

import os
import unicodedata
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from .control_files import ControlFile, control_file
from .deceiving_text import deceiving

# Where commands see the /tmp of their session, in the sandbox that has one. File tools read it there too, and never the machine's.
SESSION_TMP = ("/tmp", "/var/tmp")

_SECRET_SUFFIXES = (".pem", ".key", ".p12", ".pfx", ".jks", ".keystore")
_SECRET_NAMES = frozenset(
    {
        ".npmrc",
        ".netrc",
        "_netrc",
        ".pypirc",
        ".git-credentials",
        ".htpasswd",
        "id_rsa",
        "id_dsa",
        "id_ecdsa",
        "id_ed25519",
        ".dockercfg",
        "credentials",
    }
)
_SECRET_EXAMPLES = (".env.example", ".env.sample", ".env.template", ".env.dist")


def readable_root(given: str, readable: tuple[str, ...]) -> str:
    """The entry of `readable` that contains a path; '' for none. The path is absolute or begins with `~/`, and holds no `..`."""
    if "\0" in given or ".." in given.split("/") or not given.startswith(("/", "~/")):
        return ""
    path = os.path.expanduser(given).rstrip("/")
    roots = (os.path.expanduser(entry).rstrip("/") for entry in readable)
    return next((root for root in roots if path == root or path.startswith(f"{root}/")), "")


def relative_to(cwd: str, given: str) -> str | None:
    """`given` as a path relative to `cwd` ('.' for the folder itself); None when it leads out. Does not look at the file system."""
    if "\0" in given or given.startswith("~"):
        return None
    text = given
    if text.startswith("/"):
        try:
            text = str(PurePosixPath(text).relative_to(cwd))
        except ValueError:
            return None
    parts: list[str] = []
    for part in text.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts) or "."


def protected(path: str) -> ControlFile | None:
    """The control file or folder that a relative path names or lies in, in any spelling that some file system treats as the same."""
    parts = [_plain_name(part) for part in path.split("/")]
    for part in parts[:-1]:
        if (found := control_file(part)) is not None and found.kind == "folder":
            return found
    return control_file(parts[-1])


def is_secret(path: str) -> bool:
    """Whether a file of that name usually holds credentials."""
    name = _plain_name(path.rsplit("/", 1)[-1])
    if name in _SECRET_EXAMPLES:
        return False
    return name in _SECRET_NAMES or name == ".env" or name.startswith(".env.") or name.endswith(_SECRET_SUFFIXES)


def origin_of(url: str) -> str:
    """The origin of a URL as scheme://host:port; '' when it has none."""
    try:
        split = urlsplit(url)
        port = split.port or {"http": 80, "https": 443}.get(split.scheme, 0)
    except ValueError:
        return ""
    return f"{split.scheme}://{split.hostname}:{port}" if split.hostname else ""


def _plain_name(name: str) -> str:
    # Case-insensitive, normalising volumes (macOS, Windows) accept many spellings of one name; HFS ignores some characters.
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(character for character in folded if not deceiving(character)).rstrip(" .") or name


def real_cwd(cwd: str) -> str:
    """`cwd` with its links resolved. Grants and trust records hold this path."""
    return os.path.realpath(cwd)
