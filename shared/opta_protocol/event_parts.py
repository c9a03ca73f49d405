"""Parts of several events: how a command runs, the result of a write, and a tool's change of a file."""

from typing import Annotated, Literal

import msgspec


class Execution(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where and how a command runs when it is allowed once. `programs`: the files of the programs that a plain command starts."""

    folder: str
    timeoutS: float
    sandbox: str
    background: bool = False
    network: Literal["off", "list", "on"] = "off"
    programs: list[str] = []


class Writing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The file before and after a write. `sha256Before` is empty when there was no file.

    `note` describes what a diff does not show.
    """

    bytes: int
    sha256: str
    bytesBefore: int = 0
    sha256Before: str = ""
    note: str = ""


class FileHunk(msgspec.Struct, frozen=True, kw_only=True):
    """One hunk of what a turn changed in a file. `lines`: its line ranges as the header of the turn's diff has them: `-12,4 +12,6`."""

    path: Annotated[str, msgspec.Meta(max_length=4096)]
    lines: Annotated[str, msgspec.Meta(max_length=64)]


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One file, link or folder that a tool changed.

    `before` and `after` are sha256 of its content (of a link: its target), empty when there was nothing and for a folder;
    `unkept:BYTES:NANOSECONDS` (time of change) when the content is too large to be kept. The modes are octal as git writes them, 100644
    for example; empty when there was nothing, and in journals from before modes were recorded.
    """

    path: str
    before: str = ""
    after: str = ""
    diff: str = ""
    beforeMode: str = ""
    afterMode: str = ""


class Limits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far a turn may go: steps, tool calls, minutes without those in which a person was waited for, and tokens read and written.

    In a request 0 means as the settings say; in what holds, no limit.
    """

    steps: int = 0
    calls: int = 0
    minutes: float = 0.0
    tokens: int = 0
