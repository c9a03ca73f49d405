"""The result of a tool call, as its executor function returns or raises it."""

from dataclasses import dataclass, field

from opta_protocol.event_parts import Change

from .files.sightings import Sight


class ToolProblem(Exception):
    """A tool call failed. The model reads the message, so it says how to correct the call."""

    def __init__(self, message: str, code: str = "failed"):
        super().__init__(message)
        self.code = code


@dataclass
class Outcome:
    """A result. `content` is the text that the model reads; `lines` is the count that a summary shows (lines, matches, entries)."""

    content: str
    lines: int = 0
    ok: bool = True
    code: str = ""
    is_truncated: bool = False
    # Name of the file with the complete output, when `content` is only a part of it.
    spill: str = ""
    changes: list[Change] = field(default_factory=list[Change])
    # What the call showed of a file.
    sight: Sight | None = None
    # The complete text, when `content` is only a part of it and no file has it.
    whole: str = ""
