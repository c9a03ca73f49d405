"""The tools that look for files and for lines in files."""

from typing import Annotated

from msgspec import Meta

from ..permissions import Risk
from .tool import Arguments, Tool


class SearchFiles(Arguments, frozen=True, kw_only=True):
    """Arguments of search_files."""

    pattern: Annotated[str, Meta(description="A glob such as *.py, or part of a name.")]
    path: Annotated[str, Meta(description="Folder to look in; the workspace when left out.")] = "."


class Grep(Arguments, frozen=True, kw_only=True):
    """Arguments of grep."""

    pattern: Annotated[str, Meta(description="A regular expression.")]
    path: Annotated[str, Meta(description="File or folder to look in; the workspace when left out.")] = "."
    glob: Annotated[str, Meta(description="Only files whose name fits this glob.")] | None = None
    ignore_case: Annotated[bool, Meta(description="Whether case is ignored.")] = False


SEARCH_FILES = Tool(
    name="search_files",
    arguments=SearchFiles,
    description="Find files by name; pattern is a glob.",
    risk=Risk.read,
    kind="search",
    label="Find",
    question="Search for files?",
    subject="pattern",
)
GREP = Tool(
    name="grep",
    arguments=Grep,
    description="Find lines in files; pattern is a regular expression.",
    risk=Risk.read,
    kind="search",
    label="Search",
    question="Search in files?",
    subject="pattern",
)
