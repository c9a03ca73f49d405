"""Declarations for tools of MCP servers. Each call needs approval, shows all of its arguments, and names its server."""

import msgspec

from ..commands import OfferedTool
from ..permissions import Risk
from .browser import BROWSER_SERVER, BROWSER_TOOLS
from .tool import AnyTool, Tool

_BROWSER = {tool.name: tool for tool in BROWSER_TOOLS}


def undeclared(name: str, server: str = "", schema: str = "") -> AnyTool:
    """A tool with a known name and perhaps a known server. Without the server, it cannot be allowed."""
    return Tool(
        name=name,
        description="",
        risk=Risk.execute,
        kind="mcp",
        label=server_label(name),
        question=f"Use {name}?",
        evidence="server",
        offered="server",
        server=server,
        schema=schema,
    )


def server_label(name: str) -> str:
    """`everything: echo` for `mcp__everything__echo`; another name stays as it is. The generated `tools.ts` has the same rule."""
    parts = name.split("__", 2)
    return f"{parts[1]}: {parts[2]}" if len(parts) == 3 and parts[0] == "mcp" and all(parts) else name


def listed(offered: OfferedTool) -> AnyTool:
    """A tool as its server lists it; a tool of the built-in browser as it is declared."""
    known = _BROWSER.get(offered.name) if offered.server == BROWSER_SERVER else None
    return known or msgspec.structs.replace(
        undeclared(offered.name, offered.server, offered.schema), description=offered.description, parameters=offered.parameters
    )
