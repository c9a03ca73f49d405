"""Tools that search for files and for lines in files."""

from ..permissions import Risk
from .tool import Arguments, Tool


class SearchFiles(Arguments, frozen=True, kw_only=True):
    """Arguments of search_files."""

    pattern: str
    path: str = "."


class Grep(Arguments, frozen=True, kw_only=True):
    """Arguments of grep."""

    pattern: str
    path: str = "."
    glob: str | None = None
    ignore_case: bool = False


SEARCH_FILES = Tool(
    name="search_files",
    arguments=SearchFiles,
    description="Find files by name. pattern is a glob: **/*.py, src/{a,b}*.",
    risk=Risk.read,
    kind="search",
    label="Find",
    question="Search for files?",
    subject="pattern",
)
GREP = Tool(
    name="grep",
    arguments=Grep,
    description="Find lines in files. pattern is a regular expression; glob chooses the files.",
    risk=Risk.read,
    kind="search",
    label="Search",
    question="Search in files?",
    subject="pattern",
)
