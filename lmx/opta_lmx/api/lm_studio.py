"""LM Studio's /api/v0/models: models with their state, as its clients read them. Its other paths are those of OpenAI's API."""

import json
from typing import Any

from opta_protocol.lmx import LmxModelDetails

from ..json_values import as_object
from ..models.model_catalog import Model


def entries(models: list[tuple[LmxModelDetails, Model]]) -> list[dict[str, Any]]:
    """The entries of these models. Reads their folders."""
    return [_entry(details, model) for details, model in models]


def _entry(details: LmxModelDetails, model: Model) -> dict[str, Any]:
    config = _config(model)
    bits = (as_object(config.get("quantization")) or {}).get("bits")
    is_loaded = details.state == "loaded"
    return {
        "id": details.id,
        "object": "model",
        "type": "embeddings" if details.capability == "embedding" else "vlm" if model.sees else "llm",
        "publisher": model.repo.partition("/")[0] or "local",
        "arch": config.get("model_type") or "unknown",
        "compatibility_type": "mlx",
        "quantization": f"{bits}bit" if isinstance(bits, int) else "16bit",
        "state": "loaded" if is_loaded else "not-loaded",
        "max_context_length": details.context_length,
        **({"loaded_context_length": details.context_length} if is_loaded else {}),
        "capabilities": [] if details.capability == "embedding" else ["tool_use"],
    }


def _config(model: Model) -> dict[str, Any]:
    try:
        return as_object(json.loads((model.folder / "config.json").read_text())) or {}
    except (OSError, ValueError, RecursionError):
        return {}
