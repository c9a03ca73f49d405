"""Decodes the arguments of a call as its tool declares them."""

from typing import Any, TypeVar

from opta_protocol.tools.tool import Arguments, BadArguments, Tool

from .result import ToolProblem

A = TypeVar("A", bound=Arguments)


def arguments(tool: Tool[A], args: dict[str, Any]) -> A:
    """`args` as the tool's Struct. Raises ToolProblem, which names the wrong field."""
    try:
        return tool.read(args)
    except BadArguments as error:
        raise ToolProblem(str(error), "bad_arguments") from error
