"""Keys of settings: `daemon.port`, `providers.cloud.options.temperature`, `models."ollama/qwen3:8b".top-p`.

A part that holds a dot, a slash or a colon is written in quotes, as in TOML. Names that the user chooses stand as NAME in a pattern.
"""

import difflib
import re
from typing import Any

import msgspec

from .errors import Refused
from .provider_settings import ModelSettings, ProviderSettings, SamplingSettings

_PART = re.compile(r'"((?:[^"\\]|\\.)*)"|([^."]+)')
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_MCP = ("command", "args", "env.NAME", "url", "network")


def split(key: str) -> list[str]:
    """The parts of a key; [] for a text that is none."""
    parts: list[str] = []
    at = 0
    while found := _PART.match(key, at):
        parts.append(re.sub(r"\\(.)", r"\1", found.group(1)) if found.group(1) is not None else found.group(2))
        at = found.end()
        if at == len(key):
            return parts
        if key[at] != ".":
            return []
        at += 1
    return []


def join(parts: list[str]) -> str:
    """The key of its parts."""
    return ".".join(part if _BARE.fullmatch(part) else '"' + re.sub(r'(["\\])', r"\\\1", part) + '"' for part in parts)


def flatten(tree: dict[str, Any], above: tuple[str, ...] = ()) -> dict[str, Any]:
    """Every value of a tree of tables by its key."""
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, dict):
            flat |= flatten(value, (*above, name))  # pyright: ignore[reportUnknownArgumentType]
        else:
            flat[join([*above, name])] = value
    return flat


def put(tree: dict[str, Any], key: str, value: Any) -> None:
    """Set the value at a key."""
    *parents, last = split(key)
    for parent in parents:
        below = tree.setdefault(parent, {})
        if not isinstance(below, dict):
            raise Refused(f"{parent} holds a value, so {key} cannot be set in it.")
        tree = below  # pyright: ignore[reportUnknownVariableType]
    tree[last] = value


def _fields(kind: type[msgspec.Struct]) -> dict[str, Any]:
    return {field.encode_name: field.type for field in msgspec.structs.fields(kind)}


# Pattern of a key -> its type.
_NAMED: dict[str, Any] = {
    **{f"providers.NAME.{key}": kind for key, kind in _fields(ProviderSettings).items() if key != "options"},
    **{f"providers.NAME.options.{key}": kind for key, kind in _fields(SamplingSettings).items()},
    **{f"models.NAME.{key}": kind for key, kind in _fields(ModelSettings).items()},
    "aliases.NAME": str,
}


def named_type(key: str) -> Any:
    """The type of a key that holds a name of the user's; None for another key."""
    parts = split(key)
    if len(parts) < 2 or parts[0] not in ("providers", "models", "aliases"):
        return None
    if parts[0] == "models" and parts[2:3] == ["template-arguments"]:
        return bool | int | float | str if len(parts) == 4 else None
    return _NAMED.get(".".join([parts[0], "NAME", *parts[2:]]))


def check(key: str, source: str, known: list[str]) -> None:
    """Check that a key is known. `known`: the keys without names. Raises Refused with the nearest known name."""
    parts = split(key)
    if key in known or named_type(key) is not None or (parts and _is_mcp(parts)):
        return
    candidates = [*known, *_patterns(parts)]
    near = difflib.get_close_matches(join(parts) if parts else key, candidates, 1, 0.5)
    hint = f" Did you mean {near[0]!r}?" if near else " `opta config list` shows the known keys."
    raise Refused(f"Unknown key {key[:200]!r} in {source}.{hint}")


def _patterns(parts: list[str]) -> list[str]:
    """The keys that could be meant in the table of a name."""
    if len(parts) < 2:
        return []
    return [pattern.replace("NAME", join([parts[1]]), 1) for pattern in _NAMED]


def _is_mcp(parts: list[str]) -> bool:
    if parts[:2] != ["mcp", "servers"] or len(parts) < 4 or not _BARE.fullmatch(parts[2]):
        return False
    rest = parts[3:]
    return ".".join(rest) in _MCP or (len(rest) == 2 and rest[0] == "env" and re.fullmatch(r"\w+", rest[1]) is not None)
