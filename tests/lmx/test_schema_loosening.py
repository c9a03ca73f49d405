"""Keywords that a grammar cannot hold are left out and named, refused where a schema is strict, and rewritten where that is exact."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.in_process_lmx import in_process_lmx

from opta_core.errors import Refused
from opta_lmx.schema_loosening import loosened

KIND_A: dict[str, Any] = {"type": "object", "properties": {"kind": {"const": "a"}}, "required": ["kind"]}
KIND_B: dict[str, Any] = {"type": "object", "properties": {"kind": {"enum": ["b", "c"]}}, "required": ["kind"]}
TEXTS: dict[str, Any] = {"type": "array", "items": {"type": "string"}}


@pytest.mark.parametrize(
    ("schema", "held", "names"),
    [
        ({**TEXTS, "uniqueItems": True}, TEXTS, ["uniqueItems"]),
        ({**TEXTS, "uniqueItems": False, "minContains": 1, "then": {}}, TEXTS, []),
        ({**TEXTS, "contains": {"const": "a"}}, TEXTS, ["contains"]),
        ({"not": {"type": "null"}}, {}, ["not"]),
        ({"if": {}, "then": {}, "else": {}, "type": "string"}, {"type": "string"}, ["if", "then", "else"]),
        ({"type": "string", "format": "int-or-so"}, {"type": "string"}, ["format int-or-so"]),
        ({"type": "string", "format": "uuid"}, {"type": "string", "format": "uuid"}, []),
        ({"type": "string", "pattern": "^(?!a).*$"}, {"type": "string"}, ["pattern"]),
        ({"type": "string", "pattern": r"^\\(a\\b|\d)$"}, {"type": "string", "pattern": r"^\\(a\\b|\d)$"}, []),
        ({"type": "string", "pattern": r"\bword\b"}, {"type": "string"}, ["pattern"]),
        ({"properties": {"not": {"not": {}}, "if": TEXTS}}, {"properties": {"not": {}, "if": TEXTS}}, ["not"]),
        ({"const": {"not": 1, "format": "x"}}, {"const": {"not": 1, "format": "x"}}, []),
        ({"type": "integer", "minimum": 3, "exclusiveMinimum": True}, {"type": "integer", "exclusiveMinimum": 3}, []),
        ({"type": "object", "unevaluatedProperties": False}, {"type": "object", "additionalProperties": False}, []),
        ({"properties": {"a": {"type": "string", "required": True}}}, {"properties": {"a": {"type": "string"}}}, []),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, {"oneOf": [{"type": "integer"}, {"type": "number"}]}, ["oneOf"]),
        ({"oneOf": [{"type": "string"}, {"type": ["integer", "null"]}]}, {"oneOf": [{"type": "string"}, {"type": ["integer", "null"]}]}, []),
        ({"oneOf": [{"$ref": "#/$defs/A"}, KIND_B], "$defs": {"A": KIND_A}}, {"oneOf": [{"$ref": "#/$defs/A"}, KIND_B], "$defs": {"A": KIND_A}}, []),
        ({"$schema": "mine", "type": "null"}, {"type": "null"}, []),
    ],
    ids=lambda value: str(value)[:50],
)  # fmt: skip
def test_what_a_grammar_cannot_hold_is_named(schema: dict[str, Any], held: dict[str, Any], names: list[str]) -> None:
    assert loosened("schema", schema, is_strict=False) == (held, names)


def test_a_strict_schema_is_refused_by_name_but_not_for_an_annotation() -> None:
    with pytest.raises(Refused, match="contains, uniqueItems"):
        loosened("response_format", {**TEXTS, "uniqueItems": True, "contains": {}, "items": {"contains": {"type": "null"}}}, is_strict=True)
    assert loosened("response_format", {"type": "string", "format": "password"}, is_strict=True)[1] == ["format password"]


def test_an_answer_says_in_a_header_what_it_need_not_follow(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"tags": {**TEXTS, "uniqueItems": True}}, "required": ["tags"]}
    tool = {"type": "function", "function": {"name": "tag", "parameters": schema}}
    with in_process_lmx(tmp_path) as lmx, lmx.client() as client:
        asked = {"messages": [{"role": "user", "content": "x"}]}

        def posted(**more: Any) -> Any:
            return client.post("/v1/chat/completions", json={**asked, **more})

        form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
        for answer in (posted(response_format=form), posted(tools=[tool], tool_choice="required")):
            assert (answer.status_code, answer.headers.get("x-lmx-loosened")) == (200, "uniqueItems"), answer.text
        form["json_schema"]["strict"] = True  # type: ignore[index]
        refused = posted(response_format=form)
        assert (refused.status_code, "uniqueItems" in json.dumps(refused.json())) == (400, True)
        assert "x-lmx-loosened" not in posted().headers
