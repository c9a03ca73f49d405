"""What is known of a line while it is judged, and the exception that says why a person is asked about it."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from .contained_paths import Places


class Leaves(Exception):
    """A line is not held by the sandbox alone. The message says to a person why."""


@dataclass
class Line:
    """What is known of a line while it is read. `search`: the folders in which programs are looked up."""

    places: Places
    search: tuple[str, ...]
    # File that the line itself writes -> its text; None when the text is computed.
    made: dict[str, str | None] = field(default_factory=dict[str, "str | None"])
    # Every file that the line writes by a redirection.
    written: set[str] = field(default_factory=set[str])
    programs: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    scripts: dict[str, str] = field(default_factory=dict[str, str])
    names_scripts: bool = False
    wants_network: bool = False
    depth: int = 0

    def note_written(self, path: str, text: str | None) -> None:
        """Keep that the line writes a file. `text`: its whole content; None when that is not known."""
        self.written.add(path)
        if path in self.made or not os.path.lexists(path):
            self.made[path] = text


@dataclass(frozen=True)
class ProgramCall:
    """One program of a line, with its words. `stdin`: text that is given to it; None when it reads what it is not known to read."""

    argv: tuple[str, ...]
    folders: tuple[str, ...]
    stdin: str | None = None
    is_piped: bool = False


ReadShell = Callable[[str, tuple[str, ...], Line], None]
