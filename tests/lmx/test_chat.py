"""Requests to LMX: the three classes of their fields, and the orders that they become."""

import json
from typing import Any

import pytest

from opta_core.errors import Refused
from opta_http import json_body
from opta_lmx.api import field_rules
from opta_lmx.api.chat import request as chat
from opta_lmx.api.request_body import Ignored
from opta_lmx.ipc.messages import Generate
from opta_lmx.models import model_catalog

HELLO: dict[str, Any] = {"messages": [{"role": "user", "content": "hello"}]}
IMAGE = {"type": "image_url", "image_url": {"url": "http://127.0.0.1/x"}}


def order(**fields: Any) -> tuple[Generate, list[str]]:
    """(order, names of what was ignored) of a chat request."""
    found = Ignored()
    given = json_body.decode(json.dumps({**HELLO, **fields}).encode(), dict[str, Any])
    request = field_rules.read(given, chat.ChatRequest, chat.RULES, found)
    return chat.orders_of(request, found)[0], found.names


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"response_format": {"type": "xml"}}, "response_format"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"description": "x" * 70_000}}}}, "larger"),
        ({"logit_bias": {"x": 1}}, "logit_bias"),
        ({"logit_bias": {"1": 101}}, "logit_bias"),
        ({"seed": 2**70}, "seed"),
        ({"audio": {"voice": "x"}}, "audio"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"grammar": "root ::= x"}, "grammar"),
        ({"functions": [{"name": "x"}]}, "functions"),
        ({"tool_choice": {"type": "function", "function": {"name": "absent"}}}, "tool_choice"),
        ({"tools": [{"type": "web_search"}], "tool_choice": "required"}, "web_search"),
        ({"tool_choice": {"type": "web_search"}}, "web_search"),
        ({"stop": [1]}, "stop"),
        ({"stop": ["x"] * 17}, "stop"),
        ({"n": 5}, "n`"),
        ({"temperature": 3}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "king", "content": "x"}]}, "role"),
        ({"messages": [{"role": "user", "content": [IMAGE]}]}, "an image"),
        ({"messages": [{"role": "user", "content": 5}]}, "content"),
        ({"messages": [{"role": "assistant", "tool_calls": [{}]}]}, "tool_calls"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"chat_template_kwargs": {"chat_template": "{{ 1 }}"}}, "chat_template"),
        ({"chat_template_kwargs": {"tools": []}}, "tools"),
        ({"thinking": {"type": "x"}}, "thinking"),
        ({"tools": [{"type": "function", "function": {"name": "x"}}], "tool_choice": {"type": ["x"]}}, "tool_choice"),
        ({"tool_choice": {"type": "allowed_tools", "tools": [{"name": ["x"]}], "mode": "x"}}, "tool_choice"),
        ({"messages": [{"role": ["user"], "content": "x"}]}, "role"),
        ({"messages": [{"role": "user", "content": [{"type": ["text"], "text": "x"}]}]}, "content"),
        ({"response_format": {"type": "json_object", "schema": 5}}, "response_format"),
        ({"response_format": {"type": {}}}, "response_format"),
    ],
)
def test_what_would_change_the_meaning_is_refused_by_name(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(Refused, match=named):
        order(**fields)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"user": 5}, ["user"]),
        ({"colour": 1}, ["colour"]),
        ({"metadata": {"a": {"b": 1}}, "store": True}, ["metadata", "store"]),
        ({"prompt_cache_key": "x", "safety_identifier": "x", "verbosity": "low"}, ["prompt_cache_key", "safety_identifier", "verbosity"]),
        ({"top_logprobs": 2}, ["top_logprobs"]),
        ({"service_tier": "auto"}, ["service_tier"]),
        ({"reasoning_effort": "ultra"}, ["reasoning_effort (ultra)"]),
        ({"tools": [{"type": "web_search"}]}, ["tools[0] (web_search)"]),
        ({"tools": [{"type": "function", "function": {"name": "x"}, "defer_loading": True}]}, ["tools.defer_loading"]),
        ({"stop": [""]}, []),
        ({"n": None, "tools": None, "tool_choice": None, "response_format": None, "stop": None, "seed": None}, []),
        ({"max_tokens": -1, "top_k": -1, "seed": -1}, []),
        ({"modalities": ["text"], "audio": {}, "functions": [], "ignore_eos": False, "grammar": ""}, []),
        ({"tool_choice": "auto"}, []),
        ({"parallel_tool_calls": True, "tools": []}, []),
    ],
)
def test_what_changes_nothing_is_accepted_and_named(fields: dict[str, Any], named: list[str]) -> None:
    plain, _ = order()
    given, found = order(**fields)
    assert found == named
    if "tools" not in str(named):
        assert given == plain


FUNCTION = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}


@pytest.mark.parametrize(
    ("fields", "done"),
    [
        ({"max_tokens": 10**9}, {"max_tokens": 131_072}),
        ({"max_tokens": 10**30}, {"max_tokens": 131_072}),
        ({"max_tokens": 7.0}, {"max_tokens": 7}),
        ({"max_completion_tokens": 9, "max_tokens": 5}, {"max_tokens": 9}),
        ({"top_p": 0}, {"top_p": 1.0, "top_k": 1, "chosen": ["top_k", "top_p"]}),
        ({"temperature": 0}, {"temperature": 0.0, "chosen": ["temperature"]}),
        ({"repeat_penalty": 1.5}, {"repetition_penalty": 1.5, "chosen": ["repetition_penalty"]}),
        ({"reasoning_effort": "xhigh"}, {"thinking": True, "effort": "high"}),
        ({"reasoning_effort": "none"}, {"thinking": False, "effort": ""}),
        ({"reasoning": {"effort": "low", "summary": "auto"}}, {"thinking": True, "effort": "low"}),
        ({"reasoning": {"enabled": False}}, {"thinking": False}),
        ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, {"thinking": True, "thinking_budget": 2048}),
        ({"thinking_budget": 0}, {"thinking": False}),
        ({"enable_thinking": False}, {"thinking": False}),
        ({"think": "low"}, {"thinking": True, "effort": "low"}),
        ({"chat_template_kwargs": {"enable_thinking": True, "documents_style": "x"}}, {"thinking": True, "template_arguments": {"documents_style": "x"}}),
        ({"chat_template_kwargs": '{"thinking": false}'}, {"thinking": False, "template_arguments": {}}),
        ({"tools": [FUNCTION], "tool_choice": "any"}, {"forced": "*"}),
        ({"tools": [FUNCTION], "tool_choice": {"type": "any"}}, {"forced": "*"}),
        ({"tools": [FUNCTION], "tool_choice": {"type": "auto"}}, {"forced": ""}),
        ({"tools": [FUNCTION], "tool_choice": {"type": "tool", "name": "look"}}, {"forced": "look"}),
        ({"tools": [FUNCTION], "tool_choice": {"type": "function", "name": "look"}}, {"forced": "look"}),
        ({"tools": [FUNCTION], "tool_choice": "none"}, {"tools": []}),
        ({"response_format": {"type": "json_object", "schema": {"type": "array"}}}, {"schema": {"type": "array"}}),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "array"}, "strict": None}}}, {"schema": {"type": "array"}}),
        ({"guided_json": {"type": "array"}}, {"schema": {"type": "array"}}),
        ({"response_format": "json_object"}, {"schema": {"type": "object"}}),
        ({"response_format": {"type": "json_schema", "schema": {"type": "array"}}}, {"schema": {"type": "array"}}),
        ({"response_format": {}}, {"schema": None}),
        ({"logprobs": 3}, {"logprobs": 3}),
        ({"logprobs": True, "top_logprobs": 2}, {"logprobs": 2}),
        ({"seed": 2**64 - 1}, {"seed": 2**63 - 1}),
        ({"seed": -7}, {"seed": 2**63 - 7}),
        ({"repetition_penalty": 0.0}, {"repetition_penalty": 0.0, "chosen": []}),
    ],
)  # fmt: skip
def test_what_can_be_done_is_done(fields: dict[str, Any], done: dict[str, Any]) -> None:
    given, found = order(**fields)
    assert {name: getattr(given, name) for name in done} == done
    assert found == []


def test_some_of_the_tools_may_be_allowed() -> None:
    tools = [FUNCTION, {"type": "function", "function": {"name": "other"}}]
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "look"}}]}}
    given, _ = order(tools=tools, tool_choice=choice)
    assert ([tool["function"]["name"] for tool in given.tools], given.forced) == (["look"], "*")


CALL = {"id": "a", "type": "function", "function": {"name": "look", "arguments": '{"x":1}'}}


@pytest.mark.parametrize(
    ("message", "read"),
    [
        ({"role": "developer", "content": "be brief"}, {"role": "system", "content": "be brief"}),
        ({"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "name": "x"}, {"role": "user", "content": "ab"}),
        ({"role": "user", "content": [{"type": "input_text", "text": "a"}, "b"]}, {"role": "user", "content": "ab"}),
        ({"role": "user", "content": None}, {"role": "user", "content": ""}),
        ({"role": "assistant", "content": None, "refusal": "no", "annotations": [], "audio": None}, {"role": "assistant", "content": "no"}),
        ({"role": "assistant", "content": "x", "reasoning_content": "t"}, {"role": "assistant", "content": "x", "reasoning_content": "t"}),
        ({"role": "assistant", "content": "x", "reasoning": "t"}, {"role": "assistant", "content": "x", "reasoning_content": "t"}),
        ({"role": "assistant", "content": [{"type": "thinking", "thinking": "t"}, {"type": "text", "text": "x"}]},
         {"role": "assistant", "content": "x", "reasoning_content": "t"}),
        ({"role": "assistant", "tool_calls": [CALL]}, {"role": "assistant", "content": "", "tool_calls": [CALL]}),
        ({"role": "assistant", "tool_calls": [{**CALL, "function": {"name": "look", "arguments": {"x": 1}}}]},
         {"role": "assistant", "content": "", "tool_calls": [CALL]}),
        ({"role": "assistant", "function_call": {"name": "look", "arguments": '{"x":1}'}},
         {"role": "assistant", "content": "", "tool_calls": [{**CALL, "id": "look"}]}),
        ({"role": "function", "name": "look", "content": "r"}, {"role": "tool", "content": "r", "tool_call_id": "look", "name": "look"}),
        ({"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "r"}]}, {"role": "tool", "content": "r", "tool_call_id": "a"}),
    ],
)  # fmt: skip
def test_messages_of_every_client_are_read(message: dict[str, Any], read: dict[str, Any]) -> None:
    given, found = order(messages=[*HELLO["messages"], message])
    assert given.messages[1] == read
    assert found == []


def test_a_picture_in_a_result_leaves_a_note_in_its_place() -> None:
    result = {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "seen: "}, IMAGE]}
    given, found = order(messages=[*HELLO["messages"], {"role": "assistant", "tool_calls": [CALL]}, result])
    assert given.messages[2]["content"] == "seen: [an image, which this model cannot see]"
    assert found == ["messages[2].content (image_url)"]


def test_a_request_becomes_an_order() -> None:
    given, found = order(stop="END", max_completion_tokens=5)
    assert (given.messages, given.stop, given.max_tokens, given.temperature) == (HELLO["messages"], ["END"], 5, 0.0)
    assert found == []


@pytest.mark.parametrize("name", ["../x", "/etc", "a/../b", ".hidden", "a\nb"])
def test_a_model_name_is_never_a_path(name: str) -> None:
    with pytest.raises(Refused):
        model_catalog.check_name(name)
