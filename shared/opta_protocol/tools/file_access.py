"""Tools that read and change files of the workspace.

A field has a description only when its name and the tool's description are not enough, because each word lengthens every prompt.
"""

from typing import Annotated

from msgspec import Meta

from ..permissions import Risk
from .tool import Arguments, Tool

# A path that begins so names the complete result of a call of the session by its id.
OUTPUT_SCHEME = "output://"


class ReadFile(Arguments, frozen=True, kw_only=True):
    """Arguments of read_file."""

    path: str
    start_line: Annotated[int, Meta(ge=1)] | None = None
    end_line: Annotated[int, Meta(ge=1)] | None = None


class ListDir(Arguments, frozen=True, kw_only=True):
    """Arguments of list_dir."""

    path: str = "."


class WriteFile(Arguments, frozen=True, kw_only=True):
    """Arguments of write_file."""

    path: str
    content: str


class Edit(Arguments, frozen=True, kw_only=True):
    """One replacement in a file."""

    old: str
    new: str
    all: bool = False


class EditFile(Arguments, frozen=True, kw_only=True):
    """Arguments of edit_file."""

    path: str
    old: str
    new: str
    all: bool = False


class MultiEdit(Arguments, frozen=True, kw_only=True):
    """Arguments of multi_edit."""

    path: str
    edits: Annotated[list[Edit], Meta(min_length=1, max_length=50)]


READ_FILE = Tool(
    name="read_file",
    arguments=ReadFile,
    description="Read a text file with line numbers. output://ID reads a cut result.",
    risk=Risk.read,
    kind="read",
    label="Read",
    question="Read a file?",
    subject="path",
)
LIST_DIR = Tool(
    name="list_dir",
    arguments=ListDir,
    description="List the files and folders of a folder.",
    risk=Risk.read,
    kind="search",
    label="List",
    question="List a folder?",
    subject="path",
)
WRITE_FILE = Tool(
    name="write_file",
    arguments=WriteFile,
    description="Create a file, or replace all of one that you read. Change parts with edit_file.",
    risk=Risk.write,
    kind="write",
    label="Write",
    question="Write a file?",
    subject="path",
    evidence="writing",
)
EDIT_FILE = Tool(
    name="edit_file",
    arguments=EditFile,
    description="Replace old by new in a file that you read. Copy old exactly, without line numbers; it must fit one place, or set all.",
    risk=Risk.write,
    kind="write",
    label="Edit",
    question="Edit a file?",
    subject="path",
    evidence="writing",
)
MULTI_EDIT = Tool(
    name="multi_edit",
    arguments=MultiEdit,
    description="Several edits of one file, in order; all of them or none.",
    risk=Risk.write,
    kind="write",
    label="Edit",
    question="Edit a file?",
    subject="path",
    evidence="writing",
)
