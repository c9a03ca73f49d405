"""Type checks of decoded JSON that has no Struct: model files, schemas, tool calls."""

from typing import Any, cast


def as_object(value: object) -> dict[str, Any] | None:
    """The value if it is an object, else None."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def as_list(value: object) -> list[Any] | None:
    """The value if it is a list, else None."""
    return cast("list[Any]", value) if isinstance(value, list) else None
