"""What a server says of its tools, made safe to show to a model: names with its own, texts and schemas with caps."""

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


def offered(server: str, listed: list[Any], *, has_own_names: bool) -> tuple[list[OfferedTool], list[str]]:
    """(tools as a model may see them, what was left out and why). `has_own_names`: built in, so its names are not prefixed."""
    tools: list[OfferedTool] = []
    problems: list[str] = []
    seen: set[str] = set()
    for tool in listed[:TOOLS_MAX]:
        name = str(tool.name)
        full = name if has_own_names else f"mcp__{server}__{name}"
        if not _NAME.match(name) or len(full) > NAME_CHARS_MAX:
            problems.append(f"{server}: the tool name {name[:40]!r} is not usable")
        elif full in seen:
            problems.append(f"{server}: there are two tools {name[:40]!r}")
        elif (schema := _schema(tool.input_schema)) is None:
            problems.append(f"{server}: the arguments of {name[:40]!r} are described too large or too deep")
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
    """Text from elsewhere without characters that hide or steer, cut to `chars`."""
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
