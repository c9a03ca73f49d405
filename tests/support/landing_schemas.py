"""Schemas as agents and SDKs send them, each with a value that is as short as one can be.

The shapes follow public reports on structured output of model servers (recursive references, unions of objects, long enumerations,
unbounded strings and arrays, bounded numbers, patterns, formats), and what pydantic, zod and OpenAI's tools produce. No text of theirs.
"""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Case:
    """A schema, and one of the shortest values that it allows."""

    name: str
    schema: dict[str, Any]
    least: Any

    @property
    def text(self) -> str:
        """The shortest value as compact JSON."""
        return json.dumps(self.least, ensure_ascii=False, separators=(",", ":"))


def _object(required: Any = None, /, **properties: Any) -> dict[str, Any]:
    """An object as strict schemas have it; every property is required unless `required` says otherwise."""
    wanted = list(properties) if required is None else required
    return {"type": "object", "properties": properties, "required": wanted, "additionalProperties": False}


def _array(items: Any, **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


_TEXT: dict[str, Any] = {"type": "string"}
_WHOLE: dict[str, Any] = {"type": "integer"}
_NUMBER: dict[str, Any] = {"type": "number"}
_FLAG: dict[str, Any] = {"type": "boolean"}
_NODE = _object(["value"], value=_WHOLE, next={"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]})
_TREE = _object(name=_TEXT, children=_array({"$ref": "#"}))
_TERM = {
    "anyOf": [
        _object(kind={"const": "number"}, value=_NUMBER),
        _object(kind={"const": "sum"}, left={"$ref": "#/$defs/term"}, right={"$ref": "#/$defs/term"}),
    ]
}
_UI = _object(
    kind={"type": "string", "enum": ["div", "button", "header", "section", "field", "form"]},
    label=_TEXT,
    children=_array({"$ref": "#"}),
    attributes=_array(_object(name=_TEXT, value=_TEXT)),
)
# As zod writes a chain of two strings that may be absent, and pydantic an optional field with its default.
_MAYBE = {"anyOf": [_TEXT, {"type": "null"}], "default": None, "title": "Note"}
_BY_NAME = _object(type=_TEXT, properties=_WHOLE, items=_array(_WHOLE))
_KEYWORDS = {
    **_BY_NAME,
    "properties": {**_BY_NAME["properties"], "required": _FLAG},
    "required": ["type", "properties", "required", "items"],
}


def _named(**properties: Any) -> dict[str, Any]:
    return properties


def _deep(levels: int) -> tuple[dict[str, Any], Any]:
    """Objects within each other, and their shortest value."""
    schema, least = _object(leaf=_WHOLE), _named(leaf=0)
    for _ in range(levels):
        schema, least = _object(inner=schema), _named(inner=least)
    return schema, least


CASES = [
    Case("object", _object(name=_TEXT, age=_WHOLE), {"name": "", "age": 0}),
    Case("nested", _object(user=_object(name=_TEXT, at=_object(city=_TEXT, zip=_TEXT))), {"user": {"name": "", "at": {"city": "", "zip": ""}}}),
    Case("optional", _object([], a=_TEXT, b=_WHOLE, c=_FLAG), {}),
    Case("some required", _object(["b"], a=_TEXT, b=_WHOLE, c=_object(x=_TEXT)), {"b": 0}),
    Case("open object", {"type": "object", "properties": {"a": _WHOLE}, "required": ["a"]}, {"a": 0}),
    Case("any object", {"type": "object"}, {}),
    Case("anything", {}, 0),
    Case("empty object", _object(), {}),
    Case("map", {"type": "object", "additionalProperties": _NUMBER}, {}),
    Case("map in object", _object(scores={"type": "object", "additionalProperties": _WHOLE}), {"scores": {}}),
    Case("map of lists", {"type": "object", "additionalProperties": _array(_TEXT, minItems=1)}, {}),
    Case("map with a least", {"type": "object", "additionalProperties": _WHOLE, "minProperties": 2}, {"a": 0, "b": 0}),
    Case("required without properties", {"type": "object", "required": ["zeta", "alpha"]}, {"zeta": 0, "alpha": 0}),
    Case("list of strings", _array(_TEXT), []),
    Case("list with a least", _array(_TEXT, minItems=3), ["", "", ""]),
    Case("list of exactly", _array(_WHOLE, minItems=4, maxItems=4), [0, 0, 0, 0]),
    Case("list of objects", _array(_object(id=_WHOLE, tags=_array(_TEXT, maxItems=3)), minItems=1), [{"id": 0, "tags": []}]),
    Case("matrix", _array(_array(_NUMBER, minItems=2, maxItems=2), minItems=2, maxItems=2), [[0, 0], [0, 0]]),
    Case("tuple", {"type": "array", "prefixItems": [_TEXT, _WHOLE, _FLAG], "items": False, "minItems": 3, "maxItems": 3}, ["", 0, True]),
    Case("old tuple", {"$schema": "http://json-schema.org/draft-07/schema#", "type": "array", "items": [_TEXT, _WHOLE], "minItems": 2}, ["", 0]),
    Case("top string", _TEXT, ""),
    Case("top string with lengths", {"type": "string", "minLength": 5, "maxLength": 9}, "aaaaa"),
    Case("top number", _NUMBER, 0),
    Case("top integer", {"type": "integer", "minimum": 100, "maximum": 250}, 100),
    Case("top boolean", _FLAG, True),
    Case("top null", {"type": "null"}, None),
    Case("top enum", {"enum": ["red", "green", "blue", 7, None]}, 7),
    Case("top constant", {"const": {"version": 1, "tags": ["a", "b"]}}, {"version": 1, "tags": ["a", "b"]}),
    Case("enum", _object(colour={"type": "string", "enum": ["red", "green", "bluish-grey"]}), {"colour": "red"}),
    Case("long enum", _object(code={"enum": [f"item-{number:04d}-of-the-list" for number in range(200)]}), {"code": "item-0000-of-the-list"}),
    Case("enum with quotes", _object(sign={"enum": ['a"b', "c\\d", "tab\there", "ü"]}), {"sign": "ü"}),
    Case("number bounds", _object(p={"type": "number", "minimum": 0, "maximum": 1}, n={"type": "integer", "minimum": -5, "maximum": 5}), {"p": 0, "n": 0}),
    Case("exclusive bounds", _object(p={"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}), {"p": 0.1}),
    Case("large bounds", _object(when={"type": "integer", "minimum": 1600000000, "maximum": 1999999999}), {"when": 1600000000}),
    Case("negative", _object(t={"type": "integer", "minimum": -300, "maximum": -200}), {"t": -200}),
    Case("multiples", _object(size={"type": "integer", "multipleOf": 8, "minimum": 8}), {"size": 8}),
    Case("nullable", _object(a={"type": ["string", "null"]}, b={"anyOf": [_WHOLE, {"type": "null"}]}), {"a": None, "b": 0}),
    Case("union of objects", {"anyOf": [_object(kind={"const": "circle"}, radius=_NUMBER), _object(kind={"const": "box"}, w=_NUMBER, h=_NUMBER)]}, {"kind": "circle", "radius": 0}),
    Case("one of", _object(shape={"oneOf": [_object(t={"const": "a"}, x=_WHOLE), _object(t={"const": "b"}, y=_TEXT)]}), {"shape": {"t": "a", "x": 0}}),
    Case("union of types", _object(value={"type": ["string", "number", "boolean", "null"]}), {"value": 0}),
    Case("union of a list and one", _object(to={"anyOf": [_TEXT, _array(_TEXT, minItems=1)]}), {"to": ""}),
    Case("all of", {"allOf": [{"type": "object", "properties": {"a": _WHOLE}, "required": ["a"]}, {"properties": {"b": _FLAG}, "required": ["b"]}]}, {"a": 0, "b": True}),
    Case("reference", {"$defs": {"Point": _object(x=_NUMBER, y=_NUMBER)}, **_object(a={"$ref": "#/$defs/Point"}, b={"$ref": "#/$defs/Point"})}, {"a": {"x": 0, "y": 0}, "b": {"x": 0, "y": 0}}),
    Case("old definitions", {"definitions": {"id": {"type": "integer", "minimum": 1}}, **_object(ids=_array({"$ref": "#/definitions/id"}, minItems=2))}, {"ids": [1, 1]}),
    Case("linked list", {"$defs": {"Node": _NODE}, "$ref": "#/$defs/Node"}, {"value": 0}),
    Case("tree", _TREE, {"name": "", "children": []}),
    Case("terms", {"$defs": {"term": _TERM}, **_object(result={"$ref": "#/$defs/term"})}, {"result": {"kind": "number", "value": 0}}),
    Case("user interface", _UI, {"kind": "div", "label": "", "children": [], "attributes": []}),
    Case("two that refer to each other", {"$defs": {"A": _object([], b={"$ref": "#/$defs/B"}), "B": _object(a=_array({"$ref": "#/$defs/A"}))}, "$ref": "#/$defs/B"}, {"a": []}),
    Case("pattern", _object(id={"type": "string", "pattern": "^[A-Z]{3}-[0-9]{4}$"}), {"id": "AAA-0000"}),
    Case("open pattern", _object(slug={"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"}), {"slug": "a"}),
    Case("pattern with branches", {"type": "string", "pattern": "^(no|yes, because [a-z]{20}\\.)$"}, "no"),
    Case("unanchored pattern", _object(mail={"type": "string", "pattern": "@example\\.org"}), {"mail": "@example.org"}),
    Case("formats", _object(day={"type": "string", "format": "date"}, id={"type": "string", "format": "uuid"}), {"day": "2000-01-01", "id": "00000000-0000-0000-0000-000000000000"}),
    Case("time and mail", _object(["at"], at={"type": "string", "format": "date-time"}, mail={"type": "string", "format": "email"}), {"at": "2000-01-01T00:00:00Z"}),
    Case("unicode names", _object(名前=_TEXT, größe=_WHOLE, **{"emoji 🎉": _FLAG}), {"名前": "", "größe": 0, "emoji 🎉": True}),
    Case("odd names", _object(**{'quo"te': _WHOLE, "back\\slash": _WHOLE, "": _WHOLE, "a b/c~d": _WHOLE}), {'quo"te': 0, "back\\slash": 0, "": 0, "a b/c~d": 0}),
    Case("names with one beginning", _object(["file", "file_path"], file=_TEXT, file_path=_TEXT, file_path_old=_TEXT), {"file": "", "file_path": ""}),
    Case("names of keywords", _KEYWORDS, {"type": "", "properties": 0, "items": [], "required": True}),
    Case("deep", *_deep(12)),
    Case("deep lists", _array(_array(_array(_array(_WHOLE, minItems=1), minItems=1), minItems=1), minItems=1), [[[[0]]]]),
    Case("many properties", _object(**{f"field_{number}": _TEXT if number % 2 else _WHOLE for number in range(24)}), {f"field_{number}": "" if number % 2 else 0 for number in range(24)}),
    Case("least lengths", _object(title={"type": "string", "minLength": 10, "maxLength": 80}, words=_array({"type": "string", "minLength": 2}, minItems=2, maxItems=5)), {"title": "aaaaaaaaaa", "words": ["aa", "aa"]}),
    Case("patterns of names", {"type": "object", "patternProperties": {"^x-": _TEXT}, "additionalProperties": False}, {}),
    Case("reasoning then answer", _object(steps=_array(_object(explanation=_TEXT, output=_TEXT)), final_answer=_TEXT), {"steps": [], "final_answer": ""}),
    Case("pydantic", {"$defs": {"Role": {"enum": ["admin", "user"], "title": "Role", "type": "string"}}, "properties": {"id": {"title": "Id", "type": "integer"}, "role": {"$ref": "#/$defs/Role", "default": "user"}, "note": _MAYBE, "tags": {"items": {"type": "string"}, "title": "Tags", "type": "array"}}, "required": ["id"], "title": "Account", "type": "object"}, {"id": 0}),
    Case("pydantic union", {"$defs": {"Cat": _object(pet={"const": "cat", "title": "Pet", "type": "string"}, lives=_WHOLE), "Dog": _object(pet={"const": "dog", "title": "Pet", "type": "string"}, barks=_FLAG)}, **_object(pet={"discriminator": {"mapping": {"cat": "#/$defs/Cat", "dog": "#/$defs/Dog"}, "propertyName": "pet"}, "oneOf": [{"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}]})}, {"pet": {"pet": "cat", "lives": 0}}),
    Case("zod", {"$schema": "http://json-schema.org/draft-07/schema#", **_object(["city"], city={"type": "string", "description": "A city", "minLength": 1}, unit={"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"}, days={"type": "integer", "exclusiveMinimum": 0, "maximum": 14})}, {"city": "a"}),
    Case("write a file", _object(path=_TEXT, content=_TEXT), {"path": "", "content": ""}),
    Case("edit a file", _object(path=_TEXT, edits=_array(_object(old_text=_TEXT, new_text=_TEXT, all={"type": ["boolean", "null"]}), minItems=1)), {"path": "", "edits": [{"old_text": "", "new_text": "", "all": None}]}),
    Case("a plan", _object(["plan"], explanation={"type": ["string", "null"]}, plan=_array(_object(step=_TEXT, status={"type": "string", "enum": ["pending", "in_progress", "completed"]}))), {"plan": []}),
]  # fmt: skip

# Shapes of public reports: schemas with which other servers answered nothing, something else, or without end.
REPORTED = [
    Case("a short name", {**_object(name={"type": "string", "maxLength": 10, "title": "Name"}, age={"type": "integer"}), "title": "Info"}, {"name": "", "age": 0}),
    Case("a profile", {"type": "object", "properties": {"age": _WHOLE, "description": _TEXT}, "required": ["age", "description"]}, {"age": 0, "description": ""}),
    Case("an answer that may be any", {"properties": {"answer": {}}, "type": "object", "required": ["answer"]}, {"answer": 0}),
    Case("a planet", _object(name=_TEXT, moons=_WHOLE, fun_fact=_TEXT), {"name": "", "moons": 0, "fun_fact": ""}),
    Case("an empty list", {"properties": {"colours": {"items": _TEXT, "maxItems": 0, "title": "Colours", "type": "array"}}, "required": ["colours"], "type": "object"}, {"colours": []}),
    Case("a reference into a union", _object(tree=_object(left={"anyOf": [_TEXT, {"$ref": "#/properties/tree"}]}, right={"anyOf": [{"$ref": "#/properties/tree/properties/left/anyOf/0"}, {"type": "null"}]})), {"tree": {"left": "", "right": None}}),
    Case("a nested pattern", _object(ids=_array({"type": "string", "pattern": "^(\\d+|imap:[A-Za-z0-9_-]+)$"}, minItems=1, maxItems=100)), {"ids": ["0"]}),
    Case("anything visible", _object(job=_object(key={"type": "string", "pattern": "\\S"}, text={"type": "string", "maxLength": 4000})), {"job": {"key": "a", "text": ""}}),
    Case("a day as a pattern", _object(document_type={"enum": ["Rechnung", "Finanzen"]}, tags=_array(_TEXT), created={"type": "string", "pattern": "^\\d{4}-\\d{2}-\\d{2}$"}), {"document_type": "Rechnung", "tags": [], "created": "0000-00-00"}),
    Case("objects in an enumeration", {"title": "Foo", "enum": [{"properties": {"a": {"title": "A", "type": "number"}}}, {"b": [1, None]}]}, {"b": [1, None]}),
    Case("enumerations that overlap", {"allOf": [{"$ref": "#/definitions/foo"}, {"$ref": "#/definitions/bar"}], "definitions": {"foo": {"type": "string", "enum": ["a", "b"]}, "bar": {"type": "string", "enum": ["b", "c"]}}}, "b"),
    Case("choices", {"properties": {"choices": {"items": {"properties": {"name": _TEXT, "development": {"enum": ["magical", "hybrid", "practical"], "type": "string"}, "stance": {"enum": ["peaceful", "neutral", "aggressive"], "type": "string"}}, "required": ["name", "development", "stance"], "type": "object"}, "minItems": 2, "type": "array"}}, "required": ["choices"], "type": "object"}, {"choices": [{"name": "", "development": "hybrid", "stance": "neutral"}] * 2}),
    Case("street types", {"type": "array", "prefixItems": [_NUMBER, _TEXT, {"enum": ["Street", "Avenue"]}, {"enum": ["NW", "SE"]}], "items": False}, []),
    Case("a plan of several agents", {"$schema": "https://json-schema.org/draft/2020-12/schema", **_object(taskSummary={"description": "Task Summary", **_TEXT}, approvedPlan=_TEXT, hasApproved=_FLAG, comments=_TEXT)}, {"taskSummary": "", "approvedPlan": "", "hasApproved": True, "comments": ""}),
]  # fmt: skip
