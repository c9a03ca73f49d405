"""What Ollama's clients read about models: /api/tags, /api/show, /api/ps. Its names have a tag, so names without one get `latest`."""

import hashlib
import json
import time
from pathlib import Path
from typing import Any

from ...engine_client.client import EngineClient
from ...json_values import as_list, as_object
from ...models.model_catalog import Model
from .ollama_answers import time_text

# Of Ollama's API as it is served here; its clients compare it with what they need.
VERSION = "0.13.0"
_TEMPLATE_CHARS_MAX = 100_000
# `expires_at` of a model that stays loaded.
_LONG_S = 365 * 24 * 3600.0


def tag_entries(models: list[Model]) -> list[dict[str, Any]]:
    """The entries of /api/tags. Reads the models' folders."""
    return [tag_entry(model) for model in models]


def tag_entry(model: Model) -> dict[str, Any]:
    """An entry of /api/tags. Reads the model's folder."""
    name = tagged(model.name)
    return {
        "name": name,
        "model": name,
        "modified_at": time_text(_modified(model.folder)),
        "size": model.weight_bytes,
        "digest": _digest(model),
        "details": _details(_config(model.folder)),
    }


def shown(model: Model) -> dict[str, Any]:
    """The body of /api/show. Reads the model's folder."""
    config = _config(model.folder)
    family = str(config.get("model_type") or "unknown")
    template = _template(model.folder)
    return {
        "license": model.licence,
        "modelfile": f"FROM {model.name}\n",
        "parameters": "",
        "template": template,
        "details": _details(config),
        "model_info": {
            "general.architecture": family,
            "general.basename": model.name,
            f"{family}.context_length": model.context_length,
            f"{family}.embedding_length": config.get("hidden_size") or 0,
            f"{family}.block_count": config.get("num_hidden_layers") or 0,
        },
        "capabilities": _capabilities(model, template),
        "modified_at": time_text(_modified(model.folder)),
    }


def running_entry(model: Model, engine: EngineClient, unload_s: float) -> dict[str, Any]:
    """An entry of /api/ps. `unload_s`: until it is unloaded when unused; 0: never."""
    entry = tag_entry(model)
    del entry["modified_at"]
    context = engine.loaded.context_length if engine.loaded else model.context_length
    expires = time.time() + (unload_s or _LONG_S)
    return {**entry, "size": engine.memory, "size_vram": engine.memory, "expires_at": time_text(expires), "context_length": context}


def tagged(name: str) -> str:
    """A name with a tag."""
    return name if ":" in name else f"{name}:latest"


def _details(config: dict[str, Any]) -> dict[str, Any]:
    family = str(config.get("model_type") or "unknown")
    quantization = as_object(config.get("quantization")) or as_object(config.get("quantization_config")) or {}
    bits = quantization.get("bits")
    return {
        "parent_model": "",
        "format": "mlx",
        "family": family,
        "families": [family],
        "parameter_size": "",
        "quantization_level": f"Q{bits}" if isinstance(bits, int) else "F16",
    }


def _capabilities(model: Model, template: str) -> list[str]:
    if model.capability == "embedding":
        return ["embedding"]
    found = ["completion", "tools", *(["vision"] if model.sees else [])]
    if any(word in template for word in ("enable_thinking", "<think>", "reasoning_effort", "thinking")):
        found.append("thinking")
    return found


def _template(folder: Path) -> str:
    """The chat template; '' when there is none."""
    try:
        return (folder / "chat_template.jinja").read_text()[:_TEMPLATE_CHARS_MAX]
    except (OSError, ValueError):
        pass
    given = _json(folder / "tokenizer_config.json").get("chat_template")
    if isinstance(given, str):
        return given[:_TEMPLATE_CHARS_MAX]
    first = as_object((as_list(given) or [None])[0]) or {}
    return str(first.get("template", ""))[:_TEMPLATE_CHARS_MAX]


def _digest(model: Model) -> str:
    """A name for this content of the folder: clients only compare it."""
    return hashlib.sha256(f"{model.name} {model.weight_bytes} {model.revision}".encode()).hexdigest()


def _modified(folder: Path) -> float:
    try:
        return (folder / "config.json").stat().st_mtime
    except OSError:
        return 0.0


def _config(folder: Path) -> dict[str, Any]:
    config = _json(folder / "config.json")
    return config | (as_object(config.get("text_config")) or {})


def _json(file: Path) -> dict[str, Any]:
    try:
        return as_object(json.loads(file.read_text())) or {}
    except (OSError, ValueError, RecursionError):
        return {}
