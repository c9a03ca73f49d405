"""Makes a server's description of its tools safe to show to a model: prefixed names, limited texts and schemas."""

import hashlib
import re
from typing import Any

import msgspec

from opta_core.policy.command_line import deceiving
from opta_protocol.commands import OfferedTool

TOOLS_MAX = 128
NAME_CHARS_MAX = 64
DESCRIPTION_CHARS_MAX = 1024
SCHEMA_BYTES_MAX = 16 * 1024
DEPTH_MAX = 12

_NAME = re.compile(r"[A-Za-z0-9_-]+\Z")


def offered(server: str, listed: list[Any], *, keeps_names: bool) -> tuple[list[OfferedTool], list[str]]:
    """(tools as a model may see them, which tools were left out and why). `keeps_names`: do not prefix the names (a built-in server)."""
    tools: list[OfferedTool] = []
    problems: list[str] = []
    seen: set[str] = set()
    for tool in listed[:TOOLS_MAX]:
        name = str(tool.name)
        full = name if keeps_names else f"mcp__{server}__{name}"
        if not _NAME.match(name) or len(full) > NAME_CHARS_MAX:
            problems.append(f"{server}: the tool name {name[:40]!r} is not usable")
        elif full in seen:
            problems.append(f"{server}: there are two tools {name[:40]!r}")
        elif (schema := _schema(tool.input_schema)) is None:
            problems.append(f"{server}: the schema of the arguments of {name[:40]!r} is too large or too deeply nested")
        else:
            seen.add(full)
            description = plain(str(tool.description or ""), DESCRIPTION_CHARS_MAX)
            tools.append(
                OfferedTool(name=full, description=description, parameters=schema, server=server, schema=_digest(full, description, schema))
            )
    if len(listed) > TOOLS_MAX:
        problems.append(f"{server}: {len(listed) - TOOLS_MAX} of its {len(listed)} tools are left out")
    return tools, problems


def plain(text: str, chars: int) -> str:
    """Untrusted text without characters that hide or reorder text, cut to `chars` characters."""
    kept = "".join(character for character in text[: 4 * chars] if character in "\n\t" or not deceiving(character))
    return kept if len(kept) <= chars else kept[: chars - 1] + "…"


def _schema(given: Any) -> dict[str, Any] | None:
    try:
        encoded = msgspec.json.encode(given)
    except (TypeError, ValueError, RecursionError):
        return None
    if len(encoded) > SCHEMA_BYTES_MAX or not isinstance(given, dict) or _depth(given) > DEPTH_MAX:
        return None
    schema: dict[str, Any] = msgspec.json.decode(encoded)
    return {"type": "object", "properties": {}, **schema}


def _depth(value: Any, level: int = 0) -> int:
    if level > DEPTH_MAX:
        return level
    below: list[Any] = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return max((_depth(item, level + 1) for item in below), default=level)


def _digest(name: str, description: str, schema: dict[str, Any]) -> str:
    return hashlib.sha256(msgspec.json.encode([name, description, schema], order="sorted")).hexdigest()
