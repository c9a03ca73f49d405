"""The tools that read and change files of the workspace."""

from typing import Annotated

from msgspec import Meta

from ..permissions import Risk
from .tool import Arguments, Tool

Path = Annotated[str, Meta(description="Relative to the workspace.")]


class ReadFile(Arguments, frozen=True, kw_only=True):
    """Arguments of read_file."""

    path: Path
    start_line: Annotated[int, Meta(ge=1, description="First line to read, counted from 1.")] | None = None
    end_line: Annotated[int, Meta(ge=1, description="Last line to read.")] | None = None


class ListDir(Arguments, frozen=True, kw_only=True):
    """Arguments of list_dir."""

    path: Annotated[str, Meta(description="Relative to the workspace, which is listed when this is left out.")] = "."


class WriteFile(Arguments, frozen=True, kw_only=True):
    """Arguments of write_file."""

    path: Path
    content: Annotated[str, Meta(description="The whole new content.")]


class Edit(Arguments, frozen=True, kw_only=True):
    """One replacement in a file."""

    old: Annotated[str, Meta(description="The text to replace, exactly as the file has it.")]
    new: Annotated[str, Meta(description="The text to put in its place.")]
    all: Annotated[bool, Meta(description="Replace every occurrence.")] = False


class EditFile(Arguments, frozen=True, kw_only=True):
    """Arguments of edit_file."""

    path: Path
    old: Annotated[str, Meta(description="The text to replace, exactly as the file has it.")]
    new: Annotated[str, Meta(description="The text to put in its place.")]
    all: Annotated[bool, Meta(description="Replace every occurrence.")] = False


class MultiEdit(Arguments, frozen=True, kw_only=True):
    """Arguments of multi_edit."""

    path: Path
    edits: Annotated[list[Edit], Meta(min_length=1, max_length=50, description="Applied in this order, each to what the one before left.")]


READ_FILE = Tool(
    name="read_file",
    arguments=ReadFile,
    description="Read a text file, or some of its lines.",
    risk=Risk.read,
    kind="read",
    label="Read",
    question="Read a file?",
    subject="path",
)
LIST_DIR = Tool(
    name="list_dir",
    arguments=ListDir,
    description="List a folder.",
    risk=Risk.read,
    kind="search",
    label="List",
    question="List a folder?",
    subject="path",
)
WRITE_FILE = Tool(
    name="write_file",
    arguments=WriteFile,
    description="Create or replace a file.",
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
    description="Replace old by new in a file; old must fit exactly one place unless all is true.",
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
    description="Several edits of one file, one after the other; all of them or none.",
    risk=Risk.write,
    kind="write",
    label="Edit",
    question="Edit a file?",
    subject="path",
    evidence="writing",
)
