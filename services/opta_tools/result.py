"""What a tool gives back."""

from dataclasses import dataclass, field

from opta_protocol.event_parts import Change


class ToolProblem(Exception):
    """The tool did not work; the message is what the model reads, so it says the mend."""

    def __init__(self, message: str, code: str = "failed"):
        super().__init__(message)
        self.code = code


@dataclass
class Outcome:
    """`content` is what the model reads; `lines` counts what it is about."""

    content: str
    lines: int = 0
    ok: bool = True
    code: str = ""
    is_truncated: bool = False
    # Name of the file that holds the whole output, when `content` does not.
    spill: str = ""
    changes: list[Change] = field(default_factory=list[Change])
