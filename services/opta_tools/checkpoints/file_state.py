"""The state of one path: absent, a file, a symbolic link or a folder."""

import os
import stat
from dataclasses import dataclass
from typing import Literal

from ..files.edits import digest

# What is not kept is known by its size and time of change instead of its content.
UNKEPT = "unkept"


Kind = Literal["", "file", "link", "folder"]


@dataclass(frozen=True)
class FileState:
    """What a path held. `mode`: kind and permissions as in stat(2), 0 for nothing; `content`: of a file, or the target of a link.

    `unkept` is set instead of the content when that is too large to be kept: `unkept:BYTES:NANOSECONDS`.
    """

    mode: int = 0
    content: bytes = b""
    unkept: str = ""

    @property
    def kind(self) -> Kind:
        """In words for people."""
        return kind_of(self.mode)

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.mode)

    @property
    def permissions(self) -> int:
        """The permission bits; 0 for a link, which has none that matter."""
        return 0 if stat.S_ISLNK(self.mode) else self.mode & 0o777

    @property
    def sha256(self) -> str:
        """As an event names the content: '' for nothing and for a folder."""
        return self.unkept or ("" if not self.mode or stat.S_ISDIR(self.mode) else digest(self.content))


ABSENT = FileState()


def kind_of(mode: int) -> Kind:
    """A mode's kind of file in words for people; '' for none."""
    if not mode:
        return ""
    return "folder" if stat.S_ISDIR(mode) else "link" if stat.S_ISLNK(mode) else "file"


def mode_of(found: os.stat_result) -> int:
    """The mode that is recorded: the kind, and the permission bits of files and folders."""
    kind = stat.S_IFMT(found.st_mode)
    return kind if kind == stat.S_IFLNK else kind | (found.st_mode & 0o777)


def written(mode: int) -> str:
    """A mode as events write it, in octal digits as git does; '' for none."""
    return f"{mode:o}" if mode else ""


def unkept(size: int, changed_ns: int) -> str:
    """How an event names a content that is too large to be kept."""
    return f"{UNKEPT}:{size}:{changed_ns}"
