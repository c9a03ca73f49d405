"""The JSON schema that an answer has to follow, in every form in which clients ask for one."""

from typing import Any

from opta_core.errors import Refused

from ..json_values import as_object
from . import schema_limits
from .request_body import Ignored

_ANY_OBJECT: dict[str, Any] = {"type": "object"}


def schema_of(field: str, given: dict[str, Any] | str | None, found: Ignored) -> dict[str, Any] | None:
    """The schema of a `response_format` or `text.format`; None for free text. Raises Refused naming the field.

    The schema stands in `json_schema`, or beside the type; a bare word is a type. `found` gets what an answer need not follow of it.
    """
    form = {"type": given} if isinstance(given, str) else given or {}
    match form.get("type", "text"):
        case "text":
            return None
        case "json_object" | "json":
            schema = form.get("schema")
        case "json_schema":
            form = as_object(form.get("json_schema")) or form
            schema = form.get("schema")
        case _:
            raise Refused(f"Field '{field}': it is text, json_object, or a json_schema with its schema.")
    if schema is None:
        return _ANY_OBJECT
    if (wanted := as_object(schema)) is None:
        raise Refused(f"Field '{field}': a JSON schema is an object.")
    schema_limits.admit(field, wanted, found, is_strict=form.get("strict") is True)
    return wanted
