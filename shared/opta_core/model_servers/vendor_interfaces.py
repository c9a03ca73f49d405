"""What servers say about their models in interfaces beyond the common one, beside `/v1/models`: llama.cpp, LM Studio, Ollama, KoboldCpp and others.

Pure readers; `catalogue.py` asks.
"""

from typing import Any, cast

import msgspec

from .server_model import ServerModel, capabilities_of, limit_of, object_of, of_list, tokens_of

# Ollama serves a model with so much context while nothing else is configured, whatever the model could read.
OLLAMA_DEFAULT_CONTEXT = 4096


def with_llama_props(models: list[ServerModel], props: Any) -> list[ServerModel]:
    """llama.cpp's `/props`: the context of one slot, what the chat template can, and whether images are read."""
    top = object_of(props)
    settings = object_of(top.get("default_generation_settings"))
    context = tokens_of(settings.get("n_ctx")) or tokens_of(top.get("n_ctx"))
    template = top.get("chat_template")
    known: dict[str, Any] = {"context": context} if context else {}
    if isinstance(template, str) and template:
        caps = object_of(top.get("chat_template_caps"))
        known["tools"] = bool(caps.get("supports_tools", "tools" in template))
        known["thinking"] = "enable_thinking" in template or "<think>" in template or "reasoning" in template
    vision = object_of(top.get("modalities")).get("vision")
    if isinstance(vision, bool):
        known["vision"] = vision
    return [msgspec.structs.replace(model, **known) for model in models]


def with_list(models: list[ServerModel], listed: Any) -> list[ServerModel]:
    """Another list of the same server (LM Studio's `/api/v0/models`): what it says of a model counts more."""
    others = {model.id: model for model in of_list(listed)}
    return [_merged(model, others[model.id]) if model.id in others else model for model in models]


def _merged(model: ServerModel, other: ServerModel) -> ServerModel:
    said = {name: getattr(other, name) for name in ServerModel.__struct_fields__}
    changed = {name: value for name, value in said.items() if value or isinstance(value, bool)}
    return msgspec.structs.replace(model, **changed)


def with_ollama_show(model: ServerModel, shown: Any) -> ServerModel:
    """Ollama's `/api/show`: `num_ctx` of its parameters is what it serves with, the model's own context what it could."""
    top = object_of(shown)
    info = object_of(top.get("model_info"))
    possible = next((tokens for key, value in info.items() if key.endswith(".context_length") and (tokens := tokens_of(value))), 0)
    served = _parameter(top.get("parameters"), "num_ctx")
    said = capabilities_of(top)
    words: Any = top.get("capabilities")
    return msgspec.structs.replace(
        model,
        context=min(served or OLLAMA_DEFAULT_CONTEXT, possible or served or OLLAMA_DEFAULT_CONTEXT),
        tools=said.get("tools"),
        vision=said.get("vision", False if words else None),
        thinking=said.get("thinking", False if words else None),
        is_chat="completion" in cast("list[Any]", words) if isinstance(words, list) and words else model.is_chat,
    )


def with_ollama_loaded(models: list[ServerModel], loaded: Any) -> list[ServerModel]:
    """Ollama's `/api/ps`: the context of the models in memory, which is in force whatever else is said."""
    entries: Any = object_of(loaded).get("models")
    limits: dict[str, int] = {}
    for entry in cast("list[Any]", entries) if isinstance(entries, list) else []:
        name = object_of(entry).get("model") or object_of(entry).get("name")
        if isinstance(name, str):
            limits[name] = limit_of(object_of(entry))
    return [
        msgspec.structs.replace(model, state="loaded", context=limits[model.id] or model.context) if model.id in limits else model
        for model in models
    ]


def with_context(models: list[ServerModel], answer: Any, *keys: str) -> list[ServerModel]:
    """The context that an answer states for the one model of its server, for models without one."""
    context = next((tokens for key in keys if (tokens := tokens_of(object_of(answer).get(key)))), 0)
    return [msgspec.structs.replace(model, context=model.context or context) for model in models]


def _parameter(parameters: Any, name: str) -> int:
    """A number of Ollama's parameters, which are lines of a name and a value."""
    lines = parameters.splitlines() if isinstance(parameters, str) else []
    values = [words[1] for line in lines if len(words := line.split()) == 2 and words[0] == name]
    return tokens_of(values[-1]) if values else 0
