"""What several events carry inside: how a command runs, what a write leaves, and what a tool did to a file."""

from typing import Literal

import msgspec


class Execution(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where and how a command runs when it is allowed once; `programs` are the files that a plain one starts."""

    folder: str
    timeoutS: float
    sandbox: str
    background: bool = False
    network: Literal["off", "list", "on"] = "off"
    programs: list[str] = []


class Writing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a write leaves in the place of what was there; `sha256Before` is empty where there was no file.

    `note` says what a diff does not show.
    """

    bytes: int
    sha256: str
    bytesBefore: int = 0
    sha256Before: str = ""
    note: str = ""


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a tool did to one file; `before` and `after` are sha256 of the contents, empty where there was none."""

    path: str
    before: str = ""
    after: str = ""
    diff: str = ""
