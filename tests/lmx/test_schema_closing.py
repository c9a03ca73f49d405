"""Objects that name their properties have no others in an answer, and no schema becomes one that nothing satisfies."""

from typing import Any

import pytest
from jsonschema.validators import validator_for
from support.landing_schemas import CASES, REPORTED, Case

from opta_lmx.schema_closing import closed

NAME = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


@pytest.mark.parametrize(
    "schema",
    [
        NAME,
        {"properties": {"a": NAME}},
        {"type": "array", "items": NAME},
        {"anyOf": [NAME, {"type": "null"}]},
        {"$defs": {"N": NAME}, "$ref": "#/$defs/N"},
    ],
)
def test_a_plain_object_is_closed_wherever_it_stands(schema: dict[str, Any]) -> None:
    assert "'additionalProperties': False" in str(closed(schema))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {**NAME, "additionalProperties": True},
        {**NAME, "additionalProperties": {"type": "integer"}},
        {**NAME, "patternProperties": {"^x": {}}},
        {**NAME, "required": ["name", "other"]},
        {**NAME, "minProperties": 2},
        {"allOf": [NAME, {"properties": {"age": {"type": "integer"}}, "required": ["age"]}]},
        {"$defs": {"N": NAME}, "allOf": [{"$ref": "#/$defs/N"}, {"properties": {"age": {}}}]},
        {"properties": {"kind": {}}, "oneOf": [{"properties": {"kind": {"const": "a"}, "x": {}}}]},
        {"enum": [{"properties": {"a": 1}}]},
        {**NAME, "required": [["name"]]},
        {**NAME, "type": ["object", "null"]},
    ],
)
def test_what_may_have_others_stays_open(schema: dict[str, Any]) -> None:
    assert closed(schema) == schema


@pytest.mark.parametrize("case", [*CASES, *REPORTED], ids=lambda case: case.name)
def test_the_shortest_value_of_every_schema_is_still_one_of_the_closed_schema(case: Case) -> None:
    import json

    validator: Any = validator_for(case.schema)
    assert validator(closed(case.schema)).is_valid(json.loads(case.text))
