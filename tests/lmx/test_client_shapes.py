"""Every real client's first requests are answered: none is refused, and nothing that it said to the model is lost."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from support.client_shapes import SHAPES
from support.in_process_lmx import InProcessLmx, ScriptedEngine, in_process_lmx

from opta_lmx.ipc.messages import Delta, EngineMessage, Finished, Generate


@pytest.fixture(scope="module")
def engines() -> list[ScriptedEngine]:
    return []


@pytest.fixture(scope="module")
def lmx(tmp_path_factory: pytest.TempPathFactory, engines: list[ScriptedEngine]) -> Iterator[InProcessLmx]:
    def make(config: Any, send: Any) -> ScriptedEngine:
        engines.append(ScriptedEngine(send))
        return engines[-1]

    with in_process_lmx(tmp_path_factory.mktemp("home"), make) as made:
        yield made


@pytest.mark.parametrize(("path", "body"), [(path, body) for _, path, body in SHAPES], ids=[client for client, _, _ in SHAPES])
def test_a_first_request_is_answered(lmx: InProcessLmx, path: str, body: dict[str, Any]) -> None:
    with lmx.client() as client:
        for more in ({}, {"stream": False}):
            answer = client.post(path, json={**body, **more}, headers={"anthropic-version": "2023-06-01", "anthropic-beta": "x"})
            assert answer.status_code == 200, answer.text
            assert "error" not in answer.text[:20]


def order_of(lmx: InProcessLmx, engines: list[ScriptedEngine], name: str) -> tuple[Generate, str]:
    """(the order of a client's first request, what was named as ignored)."""
    path, body = next((path, body) for client, path, body in SHAPES if client == name)
    with lmx.client() as client:
        answer = client.post(path, json=body)
    order = engines[0].orders[-1]
    assert isinstance(order, Generate)
    return order, answer.headers.get("x-lmx-ignored", "")


def test_codex_keeps_its_tools_and_loses_those_of_servers(lmx: InProcessLmx, engines: list[ScriptedEngine]) -> None:
    order, ignored = order_of(lmx, engines, "codex")
    assert [tool["function"]["name"] for tool in order.tools] == ["read", "apply_patch", "multi_agent_v1__read"]
    assert [message["role"] for message in order.messages] == ["system", "system", "user"]
    for name in ("web_search", "image_generation", "local_shell", "include", "prompt_cache_key", "client_metadata", "text.verbosity"):
        assert name in ignored


def test_the_second_turn_of_codex_is_read_whole(lmx: InProcessLmx, engines: list[ScriptedEngine]) -> None:
    order, ignored = order_of(lmx, engines, "codex, second turn")
    said = json.dumps(order.messages)
    for text in ("an image, which this model cannot see", "*** Begin Patch", "done", "ls", '"t"'):
        assert text in said
    assert [message["role"] for message in order.messages] == ["user", *["assistant", "tool"] * 3, "assistant", "user"]
    assert "web_search_call" in ignored


def test_the_second_turn_of_claude_code_is_read_whole(lmx: InProcessLmx, engines: list[ScriptedEngine]) -> None:
    order, ignored = order_of(lmx, engines, "claude code, second turn")
    assert [message["role"] for message in order.messages] == ["system", "user", "assistant", "tool", "tool", "tool", "user"]
    _, _, called, image, pdf, reference, last = order.messages
    assert (called["reasoning_content"], [call["id"] for call in called["tool_calls"]]) == ("t", ["toolu_1", "toolu_2", "toolu_3"])
    assert image["content"] == "[an image, which this model cannot see]\na"
    assert pdf["content"] == 'Error: [a document, which this model cannot see]\n{"tool":"x"}'
    assert reference["content"] == "[tool Late]"
    assert last["content"] == "notes\nwords"
    assert (order.thinking, order.thinking_budget) == (True, 31_999)
    assert "server_tool_use" in ignored and "web_search_tool_result" in ignored


def test_typed_tools_that_the_client_runs_become_functions(lmx: InProcessLmx, engines: list[ScriptedEngine]) -> None:
    order, ignored = order_of(lmx, engines, "anthropic with typed tools")
    assert [tool["function"]["name"] for tool in order.tools] == ["bash", "str_replace_based_edit_tool", "memory"]
    assert all(tool["function"]["parameters"]["properties"]["command"] for tool in order.tools)
    assert "computer_20250124" in ignored


@pytest.mark.parametrize("is_stream", [False, True])
def test_calls_come_back_under_the_names_that_the_client_gave(tmp_path_factory: pytest.TempPathFactory, is_stream: bool) -> None:
    def play(order: Any) -> list[EngineMessage]:
        return [
            Delta(id=order.id, name="multi_agent_v1__read", arguments='{"path"'),
            Delta(id=order.id, arguments=':"a"}'),
            Delta(id=order.id, name="apply_patch", arguments='{"input": "*** Beg'),
            Delta(id=order.id, arguments='in\\nPatch"}'),
            Delta(id=order.id, name="apply_patch", arguments='{"input":"b"}'),
            Finished(id=order.id, finish="stop", prompt_tokens=1, completion_tokens=1),
        ]

    path, body = next((path, body) for client, path, body in SHAPES if client == "codex")
    with in_process_lmx(tmp_path_factory.mktemp("home"), lambda config, send: ScriptedEngine(send, play)) as lmx, lmx.client() as client:
        answer = client.post(path, json={**body, "stream": is_stream})
        events = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]
        output = events[-1]["response"]["output"] if is_stream else answer.json()["output"]
    assert [(item["type"], item["name"], item.get("namespace")) for item in output] == [
        ("function_call", "read", "multi_agent_v1"),
        ("custom_tool_call", "apply_patch", None),
        ("custom_tool_call", "apply_patch", None),
    ]
    assert [item.get("arguments", item.get("input")) for item in output] == ['{"path":"a"}', "*** Begin\nPatch", "b"]
    done = [event for event in events if event["type"] == "response.custom_tool_call_input.done"]
    assert [event["input"] for event in done] == (["*** Begin\nPatch", "b"] if is_stream else [])
