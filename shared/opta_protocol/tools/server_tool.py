"""Tools that MCP servers list, as declarations: each call asks, shows all of its arguments, and names its server."""

import msgspec

from ..commands import OfferedTool
from ..permissions import Risk
from .browser import BROWSER_SERVER, BROWSER_TOOLS
from .tool import AnyTool, Tool

_BROWSER = {tool.name: tool for tool in BROWSER_TOOLS}


def undeclared(name: str, server: str = "", schema: str = "") -> AnyTool:
    """A tool of which only the name, and perhaps its server, is known. It can be allowed only if the server is."""
    return Tool(
        name=name,
        description="",
        risk=Risk.execute,
        kind="mcp",
        label=name,
        question=f"Use {name}?",
        evidence="server",
        offered="server",
        server=server,
        schema=schema,
    )


def listed(offered: OfferedTool) -> AnyTool:
    """A tool as its server listed it. Those of the built-in browser keep our risk and words."""
    known = _BROWSER.get(offered.name) if offered.server == BROWSER_SERVER else None
    if known is not None:
        return msgspec.structs.replace(known, description=offered.description, parameters=offered.parameters)
    return msgspec.structs.replace(
        undeclared(offered.name, offered.server, offered.schema), description=offered.description, parameters=offered.parameters
    )
