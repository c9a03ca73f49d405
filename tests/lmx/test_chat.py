"""Requests to LMX: which fields are accepted, and which are refused by name."""

import json

import pytest

from opta_core.errors import Refused
from opta_http import json_body
from opta_lmx.api.chat import request as chat
from opta_lmx.models import model_catalog

HELLO = {"messages": [{"role": "user", "content": "hello"}]}


def read(**fields: object) -> object:
    return chat.order_of(json_body.decode(json.dumps({**HELLO, **fields}).encode(), chat.ChatRequest))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"response_format": {"type": "xml"}}, "response_format"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"description": "x" * 70_000}}}}, "larger"),
        ({"logit_bias": {"x": 1}}, "logit_bias"),
        ({"logit_bias": {"1": 101}}, "logit_bias"),
        ({"seed": 2**70}, "seed"),
        ({"audio": {}}, "audio"),
        ({"tool_choice": {"type": "function", "function": {"name": "absent"}}}, "tool_choice"),
        ({"stop": [1]}, "stop"),
        ({"stop": [""]}, "stop"),
        ({"stop": ["x"] * 17}, "stop"),
        ({"n": 5}, "n`"),
        ({"temperature": 3}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "king", "content": "x"}]}, "role"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://127.0.0.1/x"}}]}]}, "text parts"),
        ({"messages": [{"role": "user", "content": 5}]}, "content"),
        ({"messages": [{"role": "assistant", "tool_calls": [{}]}]}, "tool_calls"),
        ({"tools": [{"type": "retrieval"}]}, "tools"),
        ({"tool_choice": "required"}, "tool_choice"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(fields: dict[str, object], named: str) -> None:
    with pytest.raises(Refused, match=named):
        read(**fields)


def test_a_request_becomes_an_order() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    order = chat.order_of(
        json_body.decode(
            json.dumps(
                {
                    "messages": [{"role": "developer", "content": "be brief"}, {"role": "user", "content": parts}],
                    "stop": "END",
                    "max_completion_tokens": 5,
                }
            ).encode(),
            chat.ChatRequest,
        )
    )
    assert [(message["role"], message["content"]) for message in order.messages] == [("system", "be brief"), ("user", "ab")]
    assert (order.stop, order.max_tokens, order.temperature) == (["END"], 5, 0.0)


@pytest.mark.parametrize("name", ["../x", "/etc", "a/../b", ".hidden", "a\nb"])
def test_a_model_name_is_never_a_path(name: str) -> None:
    with pytest.raises(Refused):
        model_catalog.check_name(name)
