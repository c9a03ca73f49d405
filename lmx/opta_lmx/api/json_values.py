"""Values that came out of JSON, as what they are: for what is read from elsewhere and has no Struct."""

from typing import Any, cast


def as_object(value: object) -> dict[str, Any] | None:
    """An object, or None."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def as_list(value: object) -> list[Any] | None:
    """A list, or None."""
    return cast("list[Any]", value) if isinstance(value, list) else None
