"""Mistakes that local models make in tool calls, and how they are repaired."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opta_lmx.parsing import tool_call_repair
from opta_lmx.parsing.forced_calls import ForcedCallParser
from opta_lmx.parsing.output_parser import Markers, OutputParser, OutputPiece

TOOLS = [
    {"type": "function", "function": {"name": "read_file", "parameters": {"type": "object", "properties": {
        "path": {"type": "string"}, "from": {"type": "integer"}, "tags": {"type": "array", "items": {"type": "string"}},
        "all": {"type": "boolean"}, "options": {"type": "object"}}, "required": ["path"]}}},
    {"type": "function", "function": {"name": "run_command", "parameters": {"type": "object", "properties": {"command": {"type": "string"}}}}},
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "name", "arguments"),
    [
        ('{"name": "read_file", "arguments": {"path": "a"}}', "read_file", {"path": "a"}),
        ('{"name": "read_file", "arguments": {"path": "a",},}', "read_file", {"path": "a"}),
        ('{"name": "read_file", "arguments": {"path": "a"}', "read_file", {"path": "a"}),
        ('{"name": "read_file", "arguments": {"path": "a"}}}', "read_file", {"path": "a"}),
        ("{'name': 'read_file', 'arguments': {'path': 'a', 'all': True}}", "read_file", {"path": "a", "all": True}),
        ('{"name": "read_file", "arguments": {"path": "a", "all": True}}', "read_file", {"path": "a", "all": True}),
        ('{"name": "read_file", "arguments": "{\\"path\\": \\"a\\"}"}', "read_file", {"path": "a"}),
        ('{"name": "Read_File", "parameters": {"path": "a"}}', "read_file", {"path": "a"}),
        ('{"name": "functions.read-file", "args": {"path": "a"}}', "read_file", {"path": "a"}),
        ('{"function": {"name": "read_file", "arguments": {"path": "a"}}, "type": "function"}', "read_file", {"path": "a"}),
        ('{"tool_calls": [{"name": "read_file", "arguments": {"path": "a"}}]}', "read_file", {"path": "a"}),
        ('```json\n{"name": "read_file", "arguments": {"path": "a"}}\n```', "read_file", {"path": "a"}),
        ('{"name": "read_file", "arguments": {"path": "a", "from": "12", "all": "false", "tags": "x"}}', "read_file",
         {"path": "a", "from": 12, "all": False, "tags": ["x"]}),
        ('{"name": "read_file", "arguments": {"path": 5, "from": 2.0, "options": null}}', "read_file", {"path": "5", "from": 2}),
        ('{"name": "read_file", "arguments": {"path": "a", "options": "{\\"b\\": 1}", "tags": "[\\"y\\"]"}}', "read_file",
         {"path": "a", "options": {"b": 1}, "tags": ["y"]}),
        ('{"name": "run_command", "arguments": {"command": "echo \\"a,}\\"\nls"}}', "run_command", {"command": 'echo "a,}"\nls'}),
        ('{"name": "run_command"}', "run_command", {}),
    ],
)  # fmt: skip
def test_what_was_meant_is_called(text: str, name: str, arguments: dict[str, Any]) -> None:
    assert tool_call_repair.calls_of(text, TOOLS) == [(name, arguments)]


@pytest.mark.parametrize(
    "text",
    ['{"name": "read_file", "arguments": {"path": "a', '{"name": "read_file", "arguments": {"path":', '{"name": "read_file", "arguments": [1]}',
     "hello", "", "5", "[]", '{"path": "a"}', '{"name": 5}', "{" * 5000, '[{"name": "read_file"}, 5]'],
)  # fmt: skip
def test_nothing_is_invented(text: str) -> None:
    assert tool_call_repair.calls_of(text, TOOLS) == []


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    for _, arguments in tool_call_repair.calls_of(text, TOOLS):
        json.dumps(arguments)
    tool_call_repair.might_be_call(text)


@given(
    arguments=st.dictionaries(
        st.text(), st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner), max_leaves=4)
    )
)
def test_what_is_right_is_left_as_it_is(arguments: dict[str, Any]) -> None:
    tools = [{"type": "function", "function": {"name": "any", "parameters": {"type": "object"}}}]
    assert tool_call_repair.calls_of(json.dumps({"name": "any", "arguments": arguments}), tools) == [("any", arguments)]


def split(text: str, size: int, **more: Any) -> list[OutputPiece]:
    splitter = OutputParser(Markers(), None, [], tools=TOOLS, **more)
    pieces = [piece for at in range(0, len(text), size) for piece in splitter.parse(text[at : at + size])]
    return [*pieces, *splitter.end()]


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_a_call_without_markers_is_a_call_when_it_is_the_whole_answer(size: int) -> None:
    call = '{"name": "read_file", "arguments": {"path": "a"}}'
    for text in (call, f"```json\n{call}\n```", f"[{call}]", f"\n{call}\n"):
        (piece,) = split(text, size)
        assert (piece.kind, piece.name, json.loads(piece.arguments)) == ("call", "read_file", {"path": "a"})
    for text in (
        '{"colour": "red"}',
        '{"name": "Ann", "age": 5}',
        "```python\nprint()\n```",
        "[1, 2]",
        f"Like so: {call}",
        "{}",
        "",
        "```",
    ):
        pieces = split(text, size)
        assert "".join(piece.text for piece in pieces) == text
        assert all(piece.kind == "text" for piece in pieces)


def test_text_that_cannot_be_a_call_is_not_held_back() -> None:
    splitter = OutputParser(Markers(), None, [], tools=TOOLS)
    assert [piece.text for piece in splitter.parse("Hel")] == ["Hel"]
    assert [piece.text for piece in splitter.parse('{"name": ')] == ['{"name": ']


def test_one_call_is_all_when_calls_are_not_to_be_parallel() -> None:
    calls = '<c>{"name": "read_file", "arguments": {"path": "a"}}</c>' * 2
    splitter = OutputParser(Markers(call_start="<c>", call_end="</c>"), json.loads, [], tools=TOOLS, one_call=True)
    assert [piece.name for piece in splitter.parse(calls)] == ["read_file"]
    assert splitter.is_stopped


@given(st.text(), st.integers(1, 9), st.booleans())
def test_a_forced_call_streams_what_it_will_have_been(value: str, size: int, is_cut: bool) -> None:
    arguments = json.dumps({"value": value})
    text = f'{{"name":{json.dumps(value or "x")},"arguments":{arguments}}}'
    if is_cut:
        text = text[:-1]
    forced = ForcedCallParser()
    pieces = [piece for at in range(0, len(text), size) for piece in forced.parse(text[at : at + size])]
    pieces += forced.end(is_cut=is_cut)
    assert [piece.name for piece in pieces if piece.name] == [value or "x"]
    assert "".join(piece.arguments for piece in pieces) == arguments


def test_a_forced_call_without_a_name_is_given_as_text() -> None:
    forced = ForcedCallParser()
    assert forced.parse('{"name":"rea') == []
    assert forced.end(is_cut=True) == [OutputPiece("text", '{"name":"rea')]
