"""All declared tools, in the order in which models read them."""

from ..permissions import Risk
from .asking import ASK_USER
from .browser import BROWSER_TOOLS
from .delegating import AGENT
from .file_access import EDIT_FILE, LIST_DIR, MULTI_EDIT, READ_FILE, WRITE_FILE
from .plan import TODO
from .searching import GREP, SEARCH_FILES
from .server_tool import undeclared
from .shell import COMMAND_OUTPUT, COMMAND_STOP, RUN_COMMAND
from .tool import AnyTool
from .web import WEB_FETCH

# The order is part of every prompt: add new tools at the end, so that cached prefixes stay valid.
TOOLS: tuple[AnyTool, ...] = (
    READ_FILE,
    LIST_DIR,
    SEARCH_FILES,
    GREP,
    WRITE_FILE,
    EDIT_FILE,
    RUN_COMMAND,
    TODO,
    MULTI_EDIT,
    COMMAND_OUTPUT,
    COMMAND_STOP,
    *BROWSER_TOOLS,
    ASK_USER,
    WEB_FETCH,
    AGENT,
)
_BY_NAME = {tool.name: tool for tool in TOOLS}


def find(name: str) -> AnyTool | None:
    """The declared tool with a name; None when there is none."""
    return _BY_NAME.get(name)


def tool_of(name: str, server: str = "", schema: str = "") -> AnyTool:
    """The tool of a call in the journal: a declared tool, or one of an MCP server with the parts that are known."""
    declared = None if server else _BY_NAME.get(name)
    return declared or undeclared(name, server, schema)


def risk_of(name: str) -> Risk:
    """The risk of a tool. A tool that is not declared has the highest risk."""
    declared = _BY_NAME.get(name)
    return declared.risk if declared else Risk.execute
