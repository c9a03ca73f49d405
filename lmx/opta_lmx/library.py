"""The models on disk: folders under `models/` of the home, and the built-in probe model."""

from pathlib import Path

from opta_core.errors import Refused
from opta_protocol.errors import ErrorCode

PROBE = Path(__file__).parent / "probe"


def folder_of(name: str, models: Path) -> Path:
    """The folder of a model by its name. Raises Refused: a request never names a path."""
    if not name or name.startswith((".", "/")) or ".." in name or any(ord(c) < 32 for c in name) or "\\" in name:
        raise Refused(f"{name[:80]!r} is not a model name.", code=ErrorCode.bad_request)
    folder = models / name
    if (folder / "config.json").exists():
        return folder
    if name == "probe":
        return PROBE
    raise Refused(f"There is no model {name!r} under {models}.", code=ErrorCode.model_not_found)


def names(models: Path) -> list[str]:
    """Every model that could be loaded."""
    found = {file.parent.name for file in models.glob("*/config.json")}
    return sorted(found | {"probe"})
