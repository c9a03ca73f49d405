"""Folders of this machine in which a session can work: what a folder contains, and repositories near the home folder.

Every look is bounded, follows the permissions of the daemon's user, and reads names only.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from opta_core.errors import Refused
from opta_core.paths import Paths
from opta_core.policy.workspaces import is_hidden_in_home, is_whole_home, not_a_workspace
from opta_protocol.error_info import ErrorCode
from opta_protocol.http_folders import Folder, FolderList, FolderSuggestions

ENTRIES_MAX, FOLDERS_MAX = 20_000, 500
HOME_WARNING = "This is the whole home folder: every action would ask, and hidden files would not be seen. Choose a project's folder."
SUGGESTED_MAX, LOOKED_AT_MAX = 8, 200
# macOS asks the person before a program may look into these.
_ASKED_FOR = frozenset({"Desktop", "Documents", "Downloads", "Movies", "Music", "Pictures", "Public"})


def folder_list(paths: Paths, wanted: str, prefix: str, *, with_hidden: bool) -> FolderList:
    """The folders in `wanted` ('' for the home folder) whose names begin with `prefix`, in any case. Raises Refused."""
    home = Path.home()
    path = _absolute(wanted) if wanted else home
    try:
        names, is_cut = _names(path, prefix.lower(), with_hidden=with_hidden)
        real = os.path.realpath(path)
    except (FileNotFoundError, NotADirectoryError):
        raise Refused(f"There is no folder {_shown(path)}.", code=ErrorCode.not_found) from None
    except PermissionError:
        raise Refused(f"The user that Opta runs as may not read {_shown(path)}.", code=ErrorCode.denied) from None
    except OSError as error:
        raise Refused(f"{_shown(path)} cannot be read: {error.strerror or error}.") from error
    problem = not_a_workspace(real, home.resolve(), (paths.home.resolve(),))
    return FolderList(
        path=str(path),
        parent=str(path.parent) if path.parent != path else "",
        home=str(home),
        folders=[_folder(path / name) for name in names[:FOLDERS_MAX]],
        isRepository=_is_repository(path),
        isCut=is_cut or len(names) > FOLDERS_MAX,
        problem=f"{problem}." if problem else "",
        warning=HOME_WARNING if is_whole_home(real, home) else "",
    )


def suggestions() -> FolderSuggestions:
    """Git repositories in the home folder and one level below it, the last changed first. Folders that cannot be read are left out."""
    home = Path.home()
    found: list[tuple[float, Path]] = []
    for looked_at, folder in enumerate(_near(home)):
        if looked_at >= LOOKED_AT_MAX:
            break
        if (changed := _repository_changed(folder)) is not None:
            found.append((changed, folder))
    newest = sorted(found, key=lambda entry: (-entry[0], entry[1]))[:SUGGESTED_MAX]
    return FolderSuggestions(home=str(home), folders=[_folder(path) for _, path in newest])


def _absolute(wanted: str) -> Path:
    if "\0" in wanted:
        raise Refused("path holds a NUL character.")
    try:
        path = Path(wanted).expanduser()
    except RuntimeError:
        raise Refused(f"path is {wanted[:200]!r}, but there is no such user.") from None
    if not path.is_absolute():
        raise Refused(f"path is {wanted[:200]!r}, but it has to be an absolute path, or begin with ~.")
    # Without `..`, as a person reads it: links stay as they are.
    return Path(os.path.normpath(path))


def _names(path: Path, prefix: str, *, with_hidden: bool) -> tuple[list[str], bool]:
    """Names of the folders in `path`, and whether there are more entries than were looked at. Raises OSError."""
    names: list[str] = []
    is_cut = False
    with os.scandir(path) as entries:
        for looked_at, entry in enumerate(entries):
            if looked_at >= ENTRIES_MAX:
                is_cut = True
                break
            if (not with_hidden and entry.name.startswith(".")) or not entry.name.lower().startswith(prefix):
                continue
            if _is_folder(entry):
                names.append(entry.name)
    return sorted(names, key=lambda name: (name.lower(), name)), is_cut


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        # A name that is no text cannot be sent.
        entry.name.encode()
        return entry.is_dir()
    except (OSError, UnicodeEncodeError):
        return False


def _near(home: Path) -> Iterator[Path]:
    """Folders of a home that belong to the person, and what they contain."""
    for folder in _children(home):
        if folder.name in _ASKED_FOR or is_hidden_in_home(folder.name):
            continue
        yield folder
        if not _is_repository(folder):
            yield from (each for each in _children(folder) if not each.name.startswith("."))


def _children(folder: Path) -> list[Path]:
    try:
        return [folder / name for name in _names(folder, "", with_hidden=False)[0]]
    except OSError:
        return []


def _folder(path: Path) -> Folder:
    return Folder(name=path.name, path=str(path), isRepository=_is_repository(path), isHidden=path.name.startswith("."))


def _is_repository(path: Path) -> bool:
    return _repository_changed(path) is not None


def _repository_changed(path: Path) -> float | None:
    """When git last wrote into a repository's root, in seconds since 1970; None when the folder is none."""
    try:
        return (path / ".git").lstat().st_mtime
    except OSError:
        return None


def _shown(path: Path) -> str:
    return repr(str(path)[:200])
