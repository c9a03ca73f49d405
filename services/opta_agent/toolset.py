"""The tools a turn may use: the eight that are always there, those for background commands once one ran, and what MCP servers offer."""

import msgspec

from opta_core.transcript import Turn
from opta_protocol.commands import OfferedTool, ToolList

from .prompt import BACKGROUND_TOOLS, ENCODED_FURTHER, ENCODED_TOOLS, FURTHER_TOOLS, PROBE, TOOL_NAMES, TOOLS
from .session import Session

_encode = msgspec.json.Encoder().encode


class Offered:
    """What is offered to one turn: the same from its first step to its last, so that prompts share their beginning."""

    def __init__(self, listed: ToolList | None = None):
        self._listed = {tool.name: tool for tool in listed.tools if tool.name not in TOOL_NAMES} if listed else {}
        self.problems = listed.problems if listed else []

    def encoded(self, session: Session, turn: Turn, model: str) -> msgspec.Raw:
        """The JSON array of tools in OpenAI's form, for a model."""
        if model == PROBE:
            return ENCODED_TOOLS
        extra = BACKGROUND_TOOLS if session.has_background or _ran_in_background(turn) else []
        if not extra and not self._listed:
            return ENCODED_FURTHER
        return msgspec.Raw(_encode([*TOOLS, *FURTHER_TOOLS, *extra, *map(_as_function, self._listed.values())]))

    def get(self, name: str) -> OfferedTool | None:
        """The MCP tool of that name."""
        return self._listed.get(name)

    def names(self) -> set[str]:
        """Every name that may be called."""
        return {*TOOL_NAMES, *(tool["function"]["name"] for tool in [*FURTHER_TOOLS, *BACKGROUND_TOOLS]), *self._listed}


def _ran_in_background(turn: Turn) -> bool:
    return any(call.name == "run_command" and call.args.get("background") for step in turn.steps for call in step.calls)


def _as_function(tool: OfferedTool) -> dict[str, object]:
    return {"type": "function", "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters}}
