"""A LoRA adapter that was found on this machine, and the name by which a request asks for it: `MODEL+ADAPTER`."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from ..json_values import as_object


class Adapter(msgspec.Struct, frozen=True, kw_only=True):
    """`base`: the model for which it was trained, as its folder says; '' when it does not say."""

    name: str
    folder: Path
    base: str = ""

    def is_for(self, model: str) -> bool:
        """Whether its folder names this model, whoever's copy it is."""
        return bool(self.base) and _last_part(self.base) == _last_part(model)


def is_adapter(names: set[str]) -> bool:
    """Whether a folder with these files holds an adapter, and no model."""
    return "adapter_config.json" in names and not any(name.startswith("model") and name.endswith(".safetensors") for name in names)


def read(name: str, folder: Path) -> Adapter:
    """An adapter as its folder describes it. A configuration that cannot be read says nothing; the engine reports the reason."""
    try:
        config: dict[str, Any] = as_object(json.loads((folder / "adapter_config.json").read_text())) or {}
    except (OSError, ValueError, RecursionError):
        config = {}
    base = config.get("base_model_name_or_path") or config.get("model")
    return Adapter(name=name, folder=folder, base=base if isinstance(base, str) else "")


def splits(wanted: str) -> Iterator[tuple[str, str]]:
    """(model, adapter) of every way to read `MODEL+ADAPTER`; the names of both may contain the sign."""
    for at, sign in enumerate(wanted):
        if sign == "+" and at:
            yield wanted[:at], wanted[at + 1 :]


def find(wanted: str, known: Mapping[str, Adapter]) -> Adapter | None:
    """The adapter of this name: as it stands, in another case, or by its last part if only one has it."""
    if wanted in known:
        return known[wanted]
    folded = [adapter for adapter in known.values() if adapter.name.casefold() == wanted.casefold()]
    last = [adapter for adapter in known.values() if _last_part(adapter.name) == _last_part(wanted)]
    return next((found[0] for found in (folded, last) if len(found) == 1), None)


def _last_part(name: str) -> str:
    return name.rstrip("/").rpartition("/")[2].casefold()
