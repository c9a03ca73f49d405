"""One edit that is checked, from before its write to the words about it."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field

from opta_protocol.commands import RunTool

from .checker_output import FoundProblem
from .checker_record import CheckerRecord
from .known_checkers import Checker
from .new_problems import SeenProblem


@dataclass
class CheckedEdit:
    """One edit that is checked. `root`: the real path of the workspace; `before`: the content, None for a new file.

    `problems`: those of before, by checker; `remembered`: see `new_problems`; `began`: when each run began; `words`: what is left out, and why.
    """

    call: RunTool
    session: CheckerRecord
    root: str
    file: str
    before: bytes | None
    checkers: list[Checker]
    deadline: float
    problems: dict[str, list[FoundProblem]] = field(default_factory=dict[str, list[FoundProblem]])
    remembered: dict[str, frozenset[SeenProblem]] = field(default_factory=dict[str, "frozenset[SeenProblem]"])
    began: dict[str, float] = field(default_factory=dict[str, float])
    words: list[str] = field(default_factory=list[str])

    def touches(self, checker: Checker) -> Callable[[str], bool]:
        """Whether a path that a checker prints is the edited file."""
        folder, file = os.path.normpath(f"{self.root}/{checker.folder}"), f"{self.root}/{self.file}"
        return lambda path: os.path.normpath(os.path.join(folder, path)) == file
