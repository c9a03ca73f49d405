"""Makes a server's description of its tools safe to show to a model: prefixed names, limited texts and schemas."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

import msgspec

from opta_core.policy.command_line import deceiving
from opta_protocol.commands import OfferedTool

from . import names
from .rpc import list_of, object_of

TOOLS_MAX = 128
DESCRIPTION_CHARS_MAX = 1024
SCHEMA_BYTES_MAX = 16 * 1024
DEPTH_MAX = 12
NOTES_MAX = 20


@dataclass
class ServerTools:
    """What a server offers: its tools as a model may see them, their names at the server, and notes about those left out or renamed."""

    tools: list[OfferedTool] = field(default_factory=list[OfferedTool])
    names_at_server: dict[str, str] = field(default_factory=dict[str, str])
    notes: list[str] = field(default_factory=list[str])
    resources: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    prompts: list[dict[str, str]] = field(default_factory=list[dict[str, str]])


def offered(server: str, listed: list[Any], *, keeps_names: bool) -> ServerTools:
    """The tools in the answers to `tools/list`, of any form. `keeps_names`: do not prefix the names (a built-in server)."""
    found = ServerTools()
    named: dict[str, dict[str, Any]] = {}
    too_many = 0
    for tool in listed:
        name = object_of(tool).get("name")
        if not isinstance(name, str) or not name:
            found.notes.append(f"{server}: a tool without a name is left out")
        elif name in named:
            # A server that repeats a page sends the same tool again.
            if named[name] != tool:
                found.notes.append(f"{server}: there are two tools {_shown(name)}; the first one is offered")
        elif len(named) >= TOOLS_MAX:
            too_many += 1
        else:
            named[name] = object_of(tool)
    full = names.mapped(list(named), "" if keeps_names else f"mcp__{server}__")
    for name, tool in named.items():
        schema, problem = _schema(tool.get("inputSchema"))
        if schema is None:
            found.notes.append(f"{server}: the tool {_shown(name)} is left out, because the schema of its arguments {problem}")
            continue
        description = plain(str(tool.get("description") or tool.get("title") or ""), DESCRIPTION_CHARS_MAX)
        # A tool under another name is another tool, also when a name that it had before is given to it again.
        digest = _digest([full[name], description, schema, *([name] if not full[name].endswith(name) else [])])
        found.names_at_server[full[name]] = name
        found.tools.append(OfferedTool(name=full[name], description=description, parameters=schema, server=server, schema=digest))
        if not name.isprintable() or len(name) > names.NAME_CHARS_MAX:
            found.notes.append(f"{server}: the tool {_shown(name)} is offered as {full[name]}")
    if too_many:
        found.notes.append(f"{server}: {too_many} of its {len(named) + too_many} tools are left out")
    found.notes[NOTES_MAX:] = [f"{server}: {len(found.notes) - NOTES_MAX} more remarks"] if len(found.notes) > NOTES_MAX else []
    return found


def _shown(name: str) -> str:
    return ascii(name[:40])


def plain(text: str, chars: int) -> str:
    """Untrusted text without characters that hide or reorder text, cut to `chars` characters."""
    kept = "".join(character for character in text[: 4 * chars] if character in "\n\t" or not deceiving(character))
    return kept if len(kept) <= chars else kept[: chars - 1] + "…"


def _schema(given: Any) -> tuple[dict[str, Any] | None, str]:
    """(the schema of arguments as model APIs take it, or None, and why it is not usable). Small mistakes are repaired."""
    if given is None or given is True:
        given = {}
    if not isinstance(given, dict):
        return None, "is not an object"
    given = object_of(given)
    if _depth(given) > DEPTH_MAX:
        return None, "is too deeply nested"
    try:
        encoded = msgspec.json.encode(given)
    except (TypeError, ValueError, RecursionError):
        return None, "is not valid JSON"
    if len(encoded) > SCHEMA_BYTES_MAX:
        return None, "is too large"
    schema: dict[str, Any] = msgspec.json.decode(encoded)
    kind = schema.get("type", "object")
    if kind != "object" and "object" not in list_of(kind):
        return None, f"describes {ascii(kind)[:40]} in place of an object"
    properties = schema.get("properties")
    if properties is not None and not isinstance(properties, dict):
        return None, "has properties that are not an object"
    described = object_of(properties)
    if any(not isinstance(each, dict | bool) for each in described.values()):
        return None, "has a property that is not a schema"
    required = schema.get("required")
    if not isinstance(required, list) or any(not isinstance(name, str) for name in list_of(required)):
        schema.pop("required", None)
    return {**schema, "type": "object", "properties": {name: {} if each is True else each for name, each in described.items()}}, ""


def _depth(value: Any, level: int = 0) -> int:
    if level > DEPTH_MAX:
        return level
    below: list[Any] = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return max((_depth(item, level + 1) for item in below), default=level)


def _digest(described: list[Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(described, order="sorted")).hexdigest()
