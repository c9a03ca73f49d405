"""Schemas that would keep the grammar compiler busy for too long are refused with the reason; ordinary ones are accepted."""

from typing import Any

import pytest

from opta_core.errors import Refused
from opta_lmx.api import schema_limits

NESTED: Any = {"type": "string"}
for _ in range(40):
    NESTED = {"type": "array", "items": NESTED}


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        ({"multipleOf": 2147483648, "format": "duration"}, "multipleOf"),
        ({"multipleOf": 1e-9}, "multipleOf"),
        ({"multipleOf": 0}, "multipleOf"),
        ({"type": "integer", "enum": ["x", -1e308]}, "number"),
        ({"const": 10**30}, "number"),
        ({"properties": {"a": {"type": "array", "minItems": 4294967295}}}, "minItems"),
        ({"type": "string", "maxLength": 10**9}, "maxLength"),
        ({"type": "string", "minLength": -1}, "minLength"),
        ({"anyOf": [{"type": "number", "maximum": 1e300}]}, "number"),
        ({"type": "string", "pattern": "(a{100}){100}"}, "pattern"),
        ({"type": "string", "pattern": "a" * 501}, "pattern"),
        ({"patternProperties": {"a{5000}": {}}}, "pattern"),
        ({"x-guidance": {"whitespace_flexible": True}}, "x-guidance"),
        (NESTED, "nested"),
        ({"enum": [[0]] * 6000}, "parts"),
        ({"description": "x" * 70_000}, "64 KiB"),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_what_is_too_much_is_refused_by_name(schema: dict[str, Any], named: str) -> None:
    with pytest.raises(Refused, match=f"Field 'tools': .*({named})"):
        schema_limits.check("tools", schema)


def test_ordinary_schemas_pass() -> None:
    schema_limits.check(
        "tools",
        {
            "type": "object",
            "properties": {
                "path": {"type": "string", "minLength": 1, "maxLength": 4096, "pattern": r"^[\w./-]{1,200}$"},
                "count": {"type": "integer", "minimum": 0, "maximum": 2**31, "multipleOf": 5},
                "price": {"type": "number", "multipleOf": 0.01},
                "id": {"enum": [2**62, "a", None, 1.5]},
                "multipleOf": {"type": "boolean"},
            },
            "required": ["path"],
            "additionalProperties": False,
        },
    )
