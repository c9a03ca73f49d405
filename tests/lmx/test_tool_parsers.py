"""Every format of tool calls that mlx-lm reads, through our splitter: streamed in pieces of any size, the call comes whole."""

import importlib
import json
import pkgutil
from typing import Any

import mlx_lm.tool_parsers
import pytest

from opta_lmx.parsing.output_parser import Markers, OutputParser, OutputPiece

TOOLS = [
    {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {
        "place": {"type": "string"}, "days": {"type": "integer"}}, "required": ["place"]}}},
    {"type": "function", "function": {"name": "other", "parameters": {"type": "object", "properties": {}}}},
]  # fmt: skip
WANTED = {"place": "New York", "days": 3}
JSON = '{"name": "look_up", "arguments": {"place": "New York", "days": 3}}'
INVOKE = '\n<invoke name="look_up">\n<parameter name="place">New York</parameter>\n<parameter name="days">3</parameter>\n</invoke>\n'
# What a model of that format writes between its markers.
SAMPLES = {
    "function_gemma": "call:look_up{place:<escape>New York<escape>,days:3}",
    "gemma4": 'call:look_up{place:<|"|>New York<|"|>,days:3}',
    "glm47": "look_up\n<arg_key>place</arg_key>\n<arg_value>New York</arg_value>\n<arg_key>days</arg_key>\n<arg_value>3</arg_value>\n",
    "json_tools": JSON,
    "kimi_k2": '<|tool_call_begin|>functions.look_up:0<|tool_call_argument_begin|>{"place": "New York", "days": 3}<|tool_call_end|>',
    "kimi_k3": '<|open|>call tool="look_up" index="0"<|sep|><|open|>argument key="place" type="string"<|sep|>New York<|close|>argument<|sep|>'
    '<|open|>argument key="days" type="integer"<|sep|>3<|close|>argument<|sep|><|close|>call<|sep|>',
    "laguna": "look_up\n<arg_key>place</arg_key>\n<arg_value>New York</arg_value>\n<arg_key>days</arg_key>\n<arg_value>3</arg_value>\n",
    "longcat": "look_up\n<longcat_arg_key>place</longcat_arg_key>\n<longcat_arg_value>New York</longcat_arg_value>\n"
    "<longcat_arg_key>days</longcat_arg_key>\n<longcat_arg_value>3</longcat_arg_value>\n",
    "minicpm5": '"look_up"><param name="place">New York</param><param name="days">3</param>',
    "minimax_m2": INVOKE,
    "mistral": 'look_up[ARGS]{"place": "New York", "days": 3}',
    "muse_spark": INVOKE.replace("invoke", "atem:invoke").replace("parameter", "atem:parameter"),
    "pythonic": '[look_up(place="New York", days=3)]',
    "qwen3_coder": "\n<function=look_up>\n<parameter=place>\nNew York\n</parameter>\n<parameter=days>\n3\n</parameter>\n</function>\n",
}


def splitter(module: Any) -> OutputParser:
    markers = Markers(call_start=module.tool_call_start, call_end=module.tool_call_end)
    return OutputParser(markers, lambda text: module.parse_tool_call(text, TOOLS), [], tools=TOOLS)


def read(module: Any, text: str, size: int) -> list[OutputPiece]:
    made = splitter(module)
    pieces = [piece for at in range(0, len(text), size) for piece in made.parse(text[at : at + size])]
    return [*pieces, *made.end()]


def test_every_parser_has_a_sample() -> None:
    assert set(SAMPLES) == {module.name for module in pkgutil.iter_modules(mlx_lm.tool_parsers.__path__)}


@pytest.mark.parametrize("name", sorted(SAMPLES))
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_call_comes_whole_whatever_pieces_it_arrives_in(name: str, size: int) -> None:
    module = importlib.import_module(f"mlx_lm.tool_parsers.{name}")
    text = f"I look.\n{module.tool_call_start}{SAMPLES[name]}{module.tool_call_end}"
    pieces = read(module, text, size)
    assert "".join(piece.text for piece in pieces).strip() == "I look."
    (call,) = [piece for piece in pieces if piece.kind == "call"]
    assert (call.name, json.loads(call.arguments)) == ("look_up", WANTED)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_half_a_call_is_never_a_call(name: str) -> None:
    module = importlib.import_module(f"mlx_lm.tool_parsers.{name}")
    text = f"{module.tool_call_start}{SAMPLES[name]}"
    made = splitter(module)
    pieces = [*made.parse(text[: len(text) // 2]), *made.end(is_cut=True)]
    assert [piece.kind for piece in pieces] == ["text"]
    assert pieces[0].text == text[: len(text) // 2]


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_json_between_the_markers_of_any_format_is_read_too(name: str) -> None:
    module = importlib.import_module(f"mlx_lm.tool_parsers.{name}")
    (call,) = [piece for piece in read(module, f"{module.tool_call_start}{JSON}{module.tool_call_end}", 5) if piece.kind == "call"]
    assert (call.name, json.loads(call.arguments)) == ("look_up", WANTED)
