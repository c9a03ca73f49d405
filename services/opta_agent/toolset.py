"""The tools offered to a turn: those that are declared, and those of MCP servers."""

import msgspec

from opta_core.tool_text.offered import OfferedTools
from opta_protocol.commands import ToolList
from opta_protocol.tools import server_tool
from opta_protocol.tools.declared import TOOLS
from opta_protocol.tools.delegating import AGENT
from opta_protocol.tools.tool import AnyTool

# A sub-agent starts none itself.
DEPTH_MAX = 1
_encode = msgspec.json.Encoder().encode


def tools_at(depth: int) -> tuple[AnyTool, ...]:
    """What is declared for a session so deep below the one that a person opened. A session keeps its depth, and with it its tools."""
    return TOOLS if depth < DEPTH_MAX else tuple(tool for tool in TOOLS if tool is not AGENT)


class Offered:
    """What is offered to one turn: the same bytes in every turn, as long as the MCP servers list the same.

    `listed`: what MCP servers offer; a name that is declared already is not theirs to take.
    """

    def __init__(self, listed: ToolList | None = None, tools: tuple[AnyTool, ...] = TOOLS):
        declared = {tool.name: tool for tool in tools if tool.offered == "always"}
        listed_tools = [server_tool.listed(tool) for tool in listed.tools if tool.name not in declared] if listed else []
        self._by_name = declared | {tool.name: tool for tool in listed_tools}
        # How the names and arguments that a model writes are read.
        self.by_text = OfferedTools([tool.function() for tool in self._by_name.values()])
        self._encoded: dict[tuple[str, ...] | None, msgspec.Raw] = {}
        self.problems = listed.problems if listed else []

    def encoded(self, usable: tuple[str, ...] | None = None) -> msgspec.Raw:
        """The JSON array of tools in OpenAI's form. `usable`: the names that the model declares it can use; None for all."""
        if usable not in self._encoded:
            tools = [tool.function() for tool in self._by_name.values() if usable is None or tool.name in usable]
            self._encoded[usable] = msgspec.Raw(_encode(tools))
        return self._encoded[usable]

    def get(self, name: str) -> AnyTool | None:
        """The tool of that name."""
        return self._by_name.get(name)

    def names(self) -> set[str]:
        """Every name that may be called."""
        return set(self._by_name)
