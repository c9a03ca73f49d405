"""HTTP responses (v3) about the folders in which a session can work."""

from .http import Response


class Folder(Response, frozen=True, kw_only=True):
    """A folder in a list. `isRepository`: it is the root of a git repository; `isHidden`: its name begins with a dot."""

    name: str
    path: str
    isRepository: bool = False
    isHidden: bool = False


class FolderList(Response, frozen=True, kw_only=True):
    """GET /v3/folders: the folders in `path`, by name. `home` is the home of the user that the daemon runs as.

    `problem`: why no session can work in `path` itself; `warning`: what to know before one does. `isCut`: there are more folders.
    """

    path: str
    # '' at the root.
    parent: str
    home: str
    folders: list[Folder]
    isRepository: bool = False
    isCut: bool = False
    problem: str = ""
    warning: str = ""


class FolderSuggestions(Response, frozen=True, kw_only=True):
    """GET /v3/folders/suggested: git repositories in the home folder and one level below it, the last changed first."""

    home: str
    folders: list[Folder]
