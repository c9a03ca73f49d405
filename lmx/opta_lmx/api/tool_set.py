"""The tools of a request in the form of chat templates, whichever API's form they came in, and which of them has to be called.

Tools that run at a vendor's servers (web search, code interpreters) are dropped and named; one of them that is required is refused.
"""

from typing import Any

import msgspec

from opta_core.errors import Refused

from ..json_values import as_list, as_object
from . import schema_limits
from .request_body import TOOLS_MAX, Ignored

NAME_CHARS_MAX = 128
_NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}
_FREE_TEXT: dict[str, Any] = {
    "type": "object",
    "properties": {"input": {"type": "string", "description": "The whole input of the tool, as plain text."}},
    "required": ["input"],
}
_TEXT = {"type": "string"}
# Anthropic's typed tools that the client itself runs: name of the kind without its version -> (description, parameters).
_TYPED: dict[str, tuple[str, dict[str, Any]]] = {
    "bash": (
        "Run a command in a persistent shell.",
        {"type": "object", "properties": {"command": _TEXT, "restart": {"type": "boolean"}}},
    ),
    "text_editor": (
        "View, create and edit text files.",
        {
            "type": "object",
            "properties": {
                "command": {"type": "string", "enum": ["view", "create", "str_replace", "insert"]},
                "path": _TEXT, "file_text": _TEXT, "old_str": _TEXT, "new_str": _TEXT, "insert_text": _TEXT,
                "insert_line": {"type": "integer"}, "view_range": {"type": "array", "items": {"type": "integer"}},
            },
            "required": ["command", "path"],
        },
    ),
    "memory": (
        "View, create, edit, rename and delete files of the memory folder.",
        {
            "type": "object",
            "properties": {
                "command": {"type": "string", "enum": ["view", "create", "str_replace", "insert", "delete", "rename"]},
                "path": _TEXT, "file_text": _TEXT, "old_str": _TEXT, "new_str": _TEXT, "insert_text": _TEXT,
                "insert_line": {"type": "integer"}, "old_path": _TEXT, "new_path": _TEXT,
            },
            "required": ["command"],
        },
    ),
}  # fmt: skip
# Fields of a tool that are used, or that say what LMX does anyway (it caches every prefix).
_KNOWN = {"type", "name", "description", "parameters", "input_schema", "strict", "function", "custom", "tools", "cache_control", "format"}


class CallableTool(msgspec.Struct, frozen=True, kw_only=True):
    """One function that the model may call. `name`: as the model sees it; `declared_name` and `namespace`: as the client declared it."""

    name: str
    description: str = ""
    parameters: dict[str, Any] = msgspec.field(default_factory=lambda: _NO_PARAMETERS)
    is_strict: bool = False
    declared_name: str = ""
    namespace: str = ""
    # A tool of free text: its one argument is `input`.
    is_free_text: bool = False


class ToolSet(msgspec.Struct, frozen=True, kw_only=True):
    """The tools of a request. `forced`: the one that must be called, "*" for any, '' for none. `dropped`: kinds that are not here."""

    tools: list[CallableTool] = []
    forced: str = ""
    dropped: list[str] = []

    def shown(self) -> list[dict[str, Any]]:
        """In the form of chat templates."""
        return [
            {"type": "function", "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters}}
            for tool in self.tools
        ]

    def strict(self) -> list[str]:
        """Names of the tools whose arguments follow their schema when the model calls them on its own."""
        return [] if self.forced else [tool.name for tool in self.tools if tool.is_strict]

    def named(self, name: str) -> CallableTool:
        """A tool by the name that the model used; one that is unknown is a function of that name."""
        return next((tool for tool in self.tools if tool.name == name), CallableTool(name=name, declared_name=name))


def tool_set(given: list[dict[str, Any]] | None, choice: Any, found: Ignored, *, has_free_text: bool = False) -> ToolSet:
    """The tools of a request with its choice among them. `has_free_text`: the API's answers can call tools of free text.

    Raises Refused naming the field.
    """
    tools, dropped = _tools(given or [], found, has_free_text=has_free_text)
    if len(tools) > TOOLS_MAX:
        raise Refused(f"Field 'tools': at most {TOOLS_MAX}.")
    mode, names = _choice(choice)
    if names is not None and mode in ("auto", "any"):
        tools = [tool for tool in tools if tool.name in names or tool.declared_name in names]
    if mode == "none":
        return ToolSet(dropped=dropped)
    chosen = ToolSet(tools=tools, forced=_forced(mode, names, tools, dropped), dropped=dropped)
    for tool in tools:
        if chosen.forced or tool.is_strict:
            schema_limits.admit("tools", tool.parameters, found, is_strict=tool.is_strict)
    return chosen


def _tools(given: list[dict[str, Any]], found: Ignored, *, has_free_text: bool) -> tuple[list[CallableTool], list[str]]:
    tools: list[CallableTool] = []
    dropped: list[str] = []
    for at, fields in enumerate(given):
        if fields.get("type") == "namespace":
            tools += [_in_namespace(f"tools[{at}]", fields, inner) for inner in as_list(fields.get("tools")) or []]
        elif (tool := _tool(f"tools[{at}]", fields)) is not None and (has_free_text or not tool.is_free_text):
            tools.append(tool)
            for name in fields.keys() - _KNOWN:
                found.add(f"tools.{name}")
        else:
            kind = str(fields.get("type"))[:40]
            dropped.append(kind)
            found.add(f"tools[{at}] ({kind})")
    return tools, dropped


def _tool(where: str, fields: dict[str, Any]) -> CallableTool | None:
    """One tool; None for a kind that cannot be done here."""
    kind = fields.get("type")
    inner = as_object(fields.get("function")) or as_object(fields.get("custom")) or fields
    if kind in (None, "function") or (kind == "custom" and "input_schema" in fields):
        parameters = inner.get("parameters", inner.get("input_schema", inner.get("inputSchema")))
        return CallableTool(
            name=(name := _name(where, inner)),
            declared_name=name,
            description=_description(where, inner),
            parameters=_parameters(where, parameters),
            is_strict=inner.get("strict") is True,
        )
    if kind == "custom":
        name = _name(where, inner)
        return CallableTool(name=name, declared_name=name, description=_description(where, inner), parameters=_FREE_TEXT, is_free_text=True)
    if isinstance(kind, str) and (typed := _TYPED.get(kind.rpartition("_")[0])):
        name = _name(where, inner)
        return CallableTool(name=name, declared_name=name, description=typed[0], parameters=typed[1])
    return None


def _in_namespace(where: str, fields: dict[str, Any], inner: Any) -> CallableTool:
    """A function of a namespace; the model sees the names of both as one."""
    space = _name(where, fields)
    if (given := as_object(inner)) is None or (tool := _tool(where, given)) is None:
        raise Refused(f"Field '{where}.tools': each is a function.")
    name = f"{space}{'' if space.endswith('_') else '__'}{tool.declared_name}"
    return msgspec.structs.replace(tool, name=name[:NAME_CHARS_MAX], namespace=space)


def _name(where: str, fields: dict[str, Any]) -> str:
    name = fields.get("name")
    if not isinstance(name, str) or not 1 <= len(name) <= NAME_CHARS_MAX:
        raise Refused(f"Field '{where}.name': a tool has a name of 1 to {NAME_CHARS_MAX} characters.")
    return name


def _description(where: str, fields: dict[str, Any]) -> str:
    text = fields.get("description")
    if text is not None and not isinstance(text, str):
        raise Refused(f"Field '{where}.description': a string.")
    return text or ""


def _parameters(where: str, given: Any) -> dict[str, Any]:
    if given is None:
        return _NO_PARAMETERS
    if (parameters := as_object(given)) is None:
        raise Refused(f"Field '{where}.parameters': a JSON schema, which is an object.")
    return parameters or _NO_PARAMETERS


def _choice(choice: Any) -> tuple[str, set[str] | None]:
    """(auto, none, any or tool; the names that it allows, None for all). Raises Refused."""
    fields = as_object(choice)
    kind = choice if fields is None else fields.get("type", "function" if "name" in fields else None)
    match kind:
        case None | "auto" | "":
            return "auto", None
        case "none":
            return "none", None
        case "any" | "required":
            return "any", None
        case "function" | "tool" | "custom" if fields is not None:
            inner = as_object(fields.get("function")) or as_object(fields.get("custom")) or fields
            if isinstance(name := inner.get("name"), str):
                return "tool", {name}
        case "allowed_tools" if fields is not None:
            inner = as_object(fields.get("allowed_tools")) or fields
            entries = [as_object(entry) or {} for entry in as_list(inner.get("tools")) or []]
            names = [(as_object(entry.get("function")) or entry).get("name") for entry in entries]
            return _choice(inner.get("mode"))[0], {name for name in names if isinstance(name, str)}
        case str() if fields is not None:
            raise Refused(f"Field 'tool_choice': a tool of kind {kind[:40]!r} cannot be required; functions can.")
        case _:
            pass
    raise Refused("Field 'tool_choice': it is auto, none, required (any), or names a function of `tools`.")


def _forced(mode: str, names: set[str] | None, tools: list[CallableTool], dropped: list[str]) -> str:
    if mode == "auto":
        return ""
    if not tools:
        unknown = f"; of the kinds {', '.join(dropped)} there are none here" if dropped else ""
        raise Refused(f"Field 'tool_choice': required needs tools{unknown}.")
    if mode == "any":
        return "*"
    name = next(iter(names or {""}))
    tool = next((tool for tool in tools if name in (tool.name, tool.declared_name)), None)
    if tool is None:
        raise Refused(f"Field 'tool_choice': there is no tool {name[:80]!r} in tools.")
    return tool.name
