"""The built-in browser offers no tool that is not declared: the policy would not know its risk, nor a person its words."""

import asyncio

from opta_browser.__main__ import server
from opta_protocol.tools.browser import BROWSER_TOOLS


def test_every_browser_tool_is_declared_and_exists() -> None:
    offered = {tool.name: tool for tool in asyncio.run(server.list_tools())}
    assert set(offered) == {tool.name for tool in BROWSER_TOOLS}
    for tool in BROWSER_TOOLS:
        assert not tool.subject or tool.subject in offered[tool.name].input_schema["properties"]
