"""One model folder as it describes itself, and the built-in probe model. `found/` finds the folders."""

import json
from pathlib import Path
from typing import Any

import msgspec

from opta_core.errors import Refused
from opta_protocol.error_info import ErrorCode

from ..json_values import as_list, as_object
from . import sight
from .cache_estimate import conversation_bytes, text_config, token_bytes
from .memory_plan import ENGINE_BYTES

PROBE = Path(__file__).parent.parent / "probe"
# A model is admitted with memory for a conversation of this length.
ADMITTED_TOKENS = 8192


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """One model that can be loaded."""

    name: str
    folder: Path
    # Of the weights on disk, and of the KV cache: per token, and of a conversation of ADMITTED_TOKENS or of the whole context if that is less.
    weight_bytes: int = 0
    token_bytes: int = 0
    conversation_bytes: int = 0
    context_length: int = 0
    # "probe", "embedding" or ''.
    capability: str = ""
    # Names of the tools that it can use, where its folder declares them (`opta.tools` of config.json); None for any.
    tools: tuple[str, ...] | None = None
    # Whether it has a part that sees pictures, whether that can be used here, and whether the engine that sees computes its texts, too.
    has_vision: bool = False
    sees: bool = False
    sees_only: bool = False
    # Where it came from, when it was pulled.
    repo: str = ""
    revision: str = ""
    licence: str = ""
    # Which program's folder holds it, and what it is; '' when unknown.
    origin: str = ""
    architecture: str = ""
    quantisation: str = ""

    @property
    def needed_bytes(self) -> int:
        """Memory that the loaded and running model is expected to take, without its share of the prefix caches."""
        return ENGINE_BYTES + self.weight_bytes + self.conversation_bytes


def check_name(name: str) -> None:
    """Raise Refused when a model name could be a path: a request never names a path."""
    if name.startswith((".", "/", "~")) or ".." in name or "\\" in name or any(ord(c) < 32 or ord(c) == 127 for c in name):
        raise Refused(f"{name[:80]!r} is not a model name.", code=ErrorCode.bad_request)


def read(folder: Path, name: str = "") -> Model:
    """A model folder as it describes itself. Fields that cannot be read keep their defaults; loading the model reports the reason."""
    config, origin = _json(folder / "config.json"), _json(folder / "opta.json")
    text = text_config(config)
    has_vision = sight.has_part(folder, config)
    context = _number(text, "max_position_embeddings") or _number(config, "max_position_embeddings")
    return Model(
        name=name or folder.name,
        folder=folder,
        weight_bytes=sum(map(_size, folder.glob("*.safetensors"))),
        token_bytes=token_bytes(text),
        conversation_bytes=conversation_bytes(text, min(context or ADMITTED_TOKENS, ADMITTED_TOKENS)),
        context_length=context,
        capability=_capability(folder, config),
        tools=_tools(config),
        has_vision=has_vision,
        sees=has_vision and sight.can_see(config),
        sees_only=has_vision and sight.sees_only(config),
        repo=str(origin.get("repo", "")),
        revision=str(origin.get("revision", "")),
        licence=str(origin.get("licence", "")),
    )


def _capability(folder: Path, config: dict[str, Any]) -> str:
    declared = (as_object(config.get("opta")) or {}).get("capability")
    if isinstance(declared, str):
        return declared
    # This file marks an embedding model of sentence-transformers.
    return "embedding" if (folder / "1_Pooling/config.json").exists() else ""


def _tools(config: dict[str, Any]) -> tuple[str, ...] | None:
    declared = as_list((as_object(config.get("opta")) or {}).get("tools"))
    return None if declared is None else tuple(name for name in declared if isinstance(name, str))


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:  # removed meanwhile, or a broken link
        return 0


def _number(config: dict[str, Any], key: str) -> int:
    value = config.get(key)
    return value if isinstance(value, int) and value > 0 else 0


def _json(file: Path) -> dict[str, Any]:
    try:
        return as_object(json.loads(file.read_text())) or {}
    except (OSError, ValueError, RecursionError):
        return {}
