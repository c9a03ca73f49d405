"""One model of a server, read from whatever its list says: names of fields differ, and any may be missing or of another type."""

from typing import Any, cast

import msgspec

TOKENS_MAX = 10**9
NAME_CHARS_MAX = 200
# Fields that hold the size of the context in tokens, the one that is in force before the one that is possible.
_LIMITS = (
    "loaded_context_length",
    "max_model_len",
    "n_ctx",
    "context_length",
    "context_window",
    "context_size",
    "max_context_length",
    "max_context_window_tokens",
    "max_context_tokens",
    "max_seq_len",
    "max_total_tokens",
    "max_input_tokens",
    "max_prompt_tokens",
    "input_token_limit",
    "inputTokenLimit",
)
# Objects in which some servers put these fields.
_INNER = ("top_provider", "limits", "meta", "parameters", "model_spec", "model_info", "config")
_NOT_CHAT = (
    "embed",
    "rerank",
    "whisper",
    "tts",
    "audio",
    "transcri",
    "moderation",
    "image-generation",
    "image_generation",
    "text-to-image",
)


class ServerModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model. None: its server does not say.

    `context`: tokens that it reads, 0 when that is not known; `tool_names`: the tools that it declares it can use, None for any.
    """

    id: str
    context: int = 0
    tools: bool | None = None
    vision: bool | None = None
    thinking: bool | None = None
    tool_names: tuple[str, ...] | None = None
    is_chat: bool = True
    # loaded, loading, not loaded, failed …; '' when the server does not say.
    state: str = ""
    owner: str = ""


def of_list(value: Any) -> list[ServerModel]:
    """The models of a list as `GET /v1/models` gives it, or its like. Entries that name no model are left out."""
    top = object_of(value)
    entries = list_of(value) or list_of(top.get("data")) or list_of(top.get("models"))
    found: dict[str, ServerModel] = {}
    for entry in entries:
        model = _of_entry({"id": entry} if isinstance(entry, str) else object_of(entry))
        if model is not None:
            found.setdefault(model.id, model)
    return list(found.values())


def _of_entry(entry: dict[str, Any]) -> ServerModel | None:
    name = next((entry[key] for key in ("id", "key", "name", "model") if isinstance(entry.get(key), str) and entry[key]), "")
    if not name or len(name) > NAME_CHARS_MAX or not name.isprintable():
        return None
    said = capabilities_of(entry)
    listed: Any = entry.get("tools")
    names = tuple(map(str, cast("list[Any]", listed))) if isinstance(listed, list) else None
    kind = f"{entry.get('type', '')} {entry.get('capability', '')} {entry.get('task', '')} {entry.get('object', '')}".lower()
    return ServerModel(
        id=name,
        context=limit_of(entry),
        tools=said.get("tools", bool(names) if names is not None else None),
        vision=True if str(entry.get("type", "")).lower() == "vlm" else said.get("vision"),
        thinking=said.get("thinking"),
        tool_names=names,
        is_chat=not any(word in kind for word in _NOT_CHAT),
        state=str(entry.get("state") or object_of(entry.get("status")).get("value") or "")[:40].replace("not-loaded", "not loaded"),
        owner=str(entry.get("owned_by") or entry.get("publisher") or "")[:80],
    )


def limit_of(entry: dict[str, Any]) -> int:
    """The size of the context that an entry states; 0 for none."""
    places = [entry, *(object_of(entry.get(name)) for name in _INNER), object_of(object_of(entry.get("capabilities")).get("limits"))]
    for instance in list_of(entry.get("loaded_instances")):
        places.insert(0, object_of(object_of(instance).get("config")))
    return next((tokens for place in places for name in _LIMITS if (tokens := tokens_of(place.get(name)))), 0)


def capabilities_of(entry: dict[str, Any]) -> dict[str, bool]:
    """tools, vision and thinking, as far as an entry says: by a list of words, by an object of flags, or by its parameters."""
    found: dict[str, bool] = {}
    given: Any = entry.get("capabilities")
    if isinstance(given, list):
        words = {str(word).lower() for word in cast("list[Any]", given)}
        found["tools"] = bool(words & {"tools", "tool_use", "tool-use", "function_calling", "function-calling", "tool_calling"})
        if words & {"vision", "multimodal", "image", "image_input"}:
            found["vision"] = True
        if words & {"thinking", "reasoning"}:
            found["thinking"] = True
    if isinstance(entry.get("vision"), bool):
        found["vision"] = entry["vision"]
    flags = {**object_of(given), **object_of(object_of(given).get("supports"))}
    for name, keys in _FLAGS.items():
        for key in keys:
            if key in flags:
                found[name] = flags[key] if isinstance(flags[key], bool) else bool(object_of(flags[key]).get("supported", flags[key]))
    if isinstance(supported := entry.get("supported_parameters"), list):
        words = {str(word) for word in cast("list[Any]", supported)}
        found |= {"tools": "tools" in words, "thinking": bool(words & {"reasoning", "include_reasoning"})}
    modalities: Any = object_of(entry.get("architecture")).get("input_modalities") or entry.get("input_modalities")
    if isinstance(modalities, list):
        found["vision"] = "image" in cast("list[Any]", modalities)
    return found


_FLAGS = {
    "tools": ("tools", "tool_calls", "function_calling", "trained_for_tool_use", "supports_tools", "tool_use"),
    "vision": ("vision", "image_input"),
    "thinking": ("thinking", "reasoning", "supports_thinking"),
}


def tokens_of(value: Any) -> int:
    """A number of tokens, also as text; 0 for anything else."""
    if isinstance(value, str) and value.isdecimal():
        value = int(value[:12])
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < TOKENS_MAX else 0


def object_of(value: Any) -> dict[str, Any]:
    """The object that a value is; an empty one for anything else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def list_of(value: Any) -> list[Any]:
    """The list that a value is; an empty one for anything else."""
    return cast("list[Any]", value) if isinstance(value, list) else []
