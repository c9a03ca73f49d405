"""What the user sets for a model (`models.NAME.…`), in the form that its engine takes."""

from collections.abc import Mapping
from typing import Any

import msgspec

from opta_core.project_settings import of_model
from opta_core.provider_settings import RESERVED, ModelSettings, thinking_level

from ..ipc.messages import ModelPreset

_COPIED = tuple(set(ModelPreset.__struct_fields__) & set(ModelSettings.__struct_fields__) - {"thinking"})


def preset_of(models: Mapping[str, ModelSettings], name: str) -> ModelPreset:
    """The preset of the model `name`: of `models.NAME`, and over it of `models."lmx/NAME"`."""
    found = ModelPreset()
    for settings in of_model(dict(models), RESERVED, name):
        given: dict[str, Any] = {key: value for key in _COPIED if (value := getattr(settings, key)) is not None}
        if settings.thinking is not None:
            given |= _thinking(thinking_level(settings.thinking))
        found = msgspec.structs.replace(found, **given)
    return found


def _thinking(level: str) -> dict[str, Any]:
    match level:
        case "auto":
            return {"thinking": None, "effort": ""}
        case "off" | "on":
            return {"thinking": level == "on", "effort": ""}
        case _:
            return {"thinking": True, "effort": level}
