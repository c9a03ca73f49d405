"""What a tool takes is judged before a person is asked: missing, unknown and mistyped fields are named."""

from typing import Any

import pytest

from opta_protocol.tools.declared import find
from opta_protocol.tools.schema_check import problem

STRICT = {
    "type": "object",
    "properties": {
        "path": {"type": "string"},
        "count": {"type": "integer"},
        "mode": {"enum": ["fast", "slow"]},
        "where": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "integer"}}]},
        "tree": {"$ref": "#/$defs/tree"},
        "maybe": {"type": ["string", "null"]},
    },
    "required": ["path"],
    "additionalProperties": False,
    "$defs": {"tree": {"type": "object", "properties": {"below": {"$ref": "#/$defs/tree"}}, "additionalProperties": False}},
}
LOOSE = {"type": "object", "properties": {"path": {"type": "string"}}}


@pytest.mark.parametrize(
    ("tool", "args", "said"),
    [
        ("run_command", {}, "missing required field `command`"),
        ("run_command", {"command": "ls", "shell": "zsh"}, "unknown field `shell`; it takes command, cwd, timeout_s, background"),
        ("run_command", {"command": ["ls"]}, "Expected `str`, got `array` - at `$.command`"),
        ("run_command", {"command": "ls", "timeout_s": "5"}, "got `str` - at `$.timeout_s`"),
        ("run_command", {"command": "ls", "background": 1}, "got `int` - at `$.background`"),
        ("run_command", {"command": " \n"}, "the command is empty"),
        ("run_command", {"command": "a\0b"}, "no NUL"),
        ("ask_user", {"question": " \n"}, "the question is empty"),
        ("ask_user", {"question": "Which?", "options": ["a", " "]}, "an option is empty"),
        ("ask_user", {"question": "Which?", "options": ["a", "a"]}, "two options are the same"),
        ("write_file", {"path": "a"}, "`content`"),
        ("edit_file", {"path": "a", "old": "b", "new": None}, "`$.new`"),
        ("multi_edit", {"path": "a", "edits": []}, "`$.edits`"),
        ("multi_edit", {"path": "a", "edits": [{"old": "x", "new": "y", "more": 1}]}, "`more`"),
        ("read_file", {"path": "a", "start_line": 0}, "`$.start_line`"),
        ("todo", {"items": "all"}, "`$.items`"),
        ("command_stop", {}, "`id`"),
        ("todo", {"items": [{"text": "a", "state": "later"}]}, "`$.items[0].state`"),
    ],
)
def test_the_answer_to_a_wrong_call_of_a_built_in_tool_says_what_is_wrong(tool: str, args: dict[str, Any], said: str) -> None:
    declared = find(tool)
    assert declared is not None
    assert said in declared.problem(args)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({}, "misses the field 'path'"),
        ({"path": 3}, "t.path is integer, and has to be string"),
        ({"path": "a", "extra": 1}, "has no field 'extra'; it takes path, count"),
        ({"path": "a", "count": 1.5}, "t.count is number, and has to be integer"),
        ({"path": "a", "count": True}, "t.count is boolean"),
        ({"path": "a", "mode": "odd"}, 't.mode has to be one of ["fast","slow"]'),
        ({"path": "a", "where": [1, "x"]}, "t.where fits none"),
        ({"path": "a", "tree": {"below": {"below": {"beside": 1}}}}, "t.tree.below.below has no field 'beside'"),
        ({"path": "a", "maybe": 1}, "string or null"),
        ({"path": "a", "count": 2.0, "mode": "fast", "where": [1], "tree": {"below": {}}, "maybe": None}, ""),
    ],
)
def test_the_answer_to_a_wrong_call_of_an_mcp_tool_says_what_is_wrong(args: dict[str, Any], said: str) -> None:
    found = problem("t", args, STRICT)
    assert said in found
    assert bool(said) == bool(found)


def test_a_field_that_no_schema_names_is_refused_unless_the_schema_leaves_it_open() -> None:
    assert "has no field 'other'" in problem("t", {"path": "a", "other": 1}, LOOSE)
    assert problem("t", {"path": "a", "other": 1}, {**LOOSE, "additionalProperties": True}) == ""
    assert problem("t", {"anything": 1}, {"type": "object"}) == ""
    assert problem("t", {"anything": 1}, {}) == ""


def test_a_hostile_schema_is_judged_in_bounded_time_and_fetches_nothing() -> None:
    endless: dict[str, Any] = {"$ref": "#"}
    assert problem("t", {"a": 1}, endless) == ""
    wide = {"allOf": [{"$ref": "#"}] * 50}
    assert problem("t", {"a": 1}, wide) == ""
    assert problem("t", {"a": 1}, {"$ref": "http://127.0.0.1:1/schema"}) == ""
    pattern = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}
    assert problem("t", {"a": "a" * 5000 + "!"}, pattern) == ""
    for odd in ({"properties": 3}, {"required": "path"}, {"type": {"a": 1}}, {"enum": 5}, {"anyOf": {}}, {"$ref": 7}):
        assert problem("t", {"path": "a"}, odd) == ""
