"""Completion of paths: the gateway asks the tool worker what a person may mean by an `@path` that is being typed."""

from .command_base import Command


class FindPaths(Command, frozen=True, kw_only=True, omit_defaults=True, tag="FindPaths"):
    """Asks for paths of a folder that a person may mean by `q`, the likeliest first, at most `limit`. Nothing is changed."""

    id: int
    cwd: str
    folder: str = ""
    q: str = ""
    limit: int = 50


class PathsFound(Command, frozen=True, kw_only=True, omit_defaults=True, tag="PathsFound"):
    """The reply to `FindPaths`. Paths are relative to the folder; those of folders end with a slash.

    `isWhole` is false when the folder holds more than was looked at. `problem`: why nothing could be looked at.
    """

    id: int
    paths: list[str] = []
    isWhole: bool = True
    problem: str = ""
