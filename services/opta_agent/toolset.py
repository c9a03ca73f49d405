"""The tools offered to a turn: those that are declared, those for background commands once one ran, and those of MCP servers."""

import msgspec

from opta_core.tool_text.offered import OfferedTools
from opta_core.transcript import Turn
from opta_protocol.commands import ToolList
from opta_protocol.tools import server_tool
from opta_protocol.tools.declared import TOOLS
from opta_protocol.tools.shell import RUN_COMMAND
from opta_protocol.tools.tool import AnyTool

from .session import AgentSession

_encode = msgspec.json.Encoder().encode


class Offered:
    """What is offered to one turn. The same question gets the same bytes, so that the prompts of a turn share their beginning.

    `listed`: what MCP servers offer; a name that is declared already is not theirs to take.
    """

    def __init__(self, listed: ToolList | None = None, tools: tuple[AnyTool, ...] = TOOLS):
        self._always = [tool for tool in tools if tool.offered == "always"]
        self._background = [tool for tool in tools if tool.offered == "background"]
        own = {tool.name for tool in (*self._always, *self._background)}
        self._listed = [server_tool.listed(tool) for tool in listed.tools if tool.name not in own] if listed else []
        # How the names and arguments that a model writes are read.
        self.by_text = OfferedTools([tool.function() for tool in (*self._always, *self._background, *self._listed)])
        self._by_name = {tool.name: tool for tool in (*self._always, *self._background, *self._listed)}
        self._encoded: dict[tuple[bool, tuple[str, ...] | None], msgspec.Raw] = {}
        self.problems = listed.problems if listed else []

    def encoded(self, session: AgentSession, turn: Turn, usable: tuple[str, ...] | None = None) -> msgspec.Raw:
        """The JSON array of tools in OpenAI's form. `usable`: the names that the model declares it can use; None for all."""
        key = (session.has_background or _ran_in_background(turn), usable)
        if key not in self._encoded:
            tools = [*self._always, *(self._background if key[0] else []), *self._listed]
            self._encoded[key] = msgspec.Raw(_encode([tool.function() for tool in tools if usable is None or tool.name in usable]))
        return self._encoded[key]

    def get(self, name: str) -> AnyTool | None:
        """The tool of that name, also one for background commands before there is one."""
        return self._by_name.get(name)

    def names(self) -> set[str]:
        """Every name that may be called."""
        return set(self._by_name)


def _ran_in_background(turn: Turn) -> bool:
    return any(call.name == RUN_COMMAND.name and call.args.get("background") for step in turn.steps for call in step.calls)
