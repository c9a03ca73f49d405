"""Calls that a grammar holds are whole, however few tokens they may have; streamed, they are the same."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.in_process_lmx import in_process_lmx, mlx_engine
from support.random_model import make_random_qwen3
from support.served import Served

PARAMETERS = {
    "type": "object",
    "properties": {"path": {"type": "string"}, "lines": {"type": "array", "items": {"type": "integer"}}, "all": {"type": "boolean"}},
    "required": ["path", "lines"],
    "additionalProperties": False,
}
TOOLS = [{"type": "function", "function": {"name": name, "parameters": PARAMETERS}} for name in ("read", "write")]
LEAST = '{"name":"read","arguments":{"path":"","lines":[]}}'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("calls") / "models" / "tiny"
    make_random_qwen3(made, context=2048)
    return made


@pytest.fixture(scope="module")
def served(folder: Path) -> Served:
    return Served(folder)


def calls_of(pieces: list[Any]) -> list[tuple[str, Any]]:
    """Name and decoded arguments of each call."""
    found: list[tuple[str, str]] = []
    for piece in pieces:
        if piece.name:
            found.append((piece.name, piece.arguments))
        elif piece.arguments:
            found[-1] = (found[-1][0], found[-1][1] + piece.arguments)
    return [(name, json.loads(arguments)) for name, arguments in found]


@pytest.mark.parametrize("more", [{}, {"temperature": 1.0, "seed": 1}, {"temperature": 1.5, "top_p": 0.95, "seed": 2}])
def test_a_forced_call_is_whole_in_the_fewest_tokens_and_in_more(served: Served, more: dict[str, Any]) -> None:
    least = len(served.tokens(LEAST))
    orders = [
        {"tools": TOOLS, "forced": forced, "max_tokens": least + extra, **more} for forced in ("*", "read") for extra in (0, 1, 9, 60)
    ]
    for _, pieces, end in served.ask(*orders):
        ((name, arguments),) = calls_of(pieces)
        assert name in ("read", "write")
        assert {"path", "lines"} <= arguments.keys() <= {"path", "lines", "all"}
        assert end.finish in ("stop", "length")


def test_a_forced_call_without_tokens_for_its_arguments_asks_for_less_and_says_so(served: Served) -> None:
    least = len(served.tokens(LEAST))
    head = len(served.tokens('{"name":"read","arguments":{}}'))
    ((_, pieces, end),) = served.ask({"tools": TOOLS, "forced": "read", "max_tokens": least - 1})
    assert [name for name, _ in calls_of(pieces)] == ["read"]
    assert end.finish == "length"
    ((text, pieces, end),) = served.ask({"tools": TOOLS, "forced": "read", "max_tokens": head - 1})
    assert (calls_of(pieces), end.finish) == ([], "length")
    json.loads(text)


def test_parallel_calls_may_be_several_and_each_is_whole(served: Served) -> None:
    counts: set[int] = set()
    for seed in range(6):
        order = {"tools": TOOLS, "forced": "*", "many_calls": True, "max_tokens": 220, "temperature": 1.0, "seed": seed}
        ((_, pieces, _),) = served.ask(order)
        calls = calls_of(pieces)
        counts.add(len(calls))
        assert all({"path", "lines"} <= arguments.keys() for _, arguments in calls)
    assert max(counts) > 1


def test_a_strict_call_is_whole_or_is_not_begun(served: Served) -> None:
    (start,) = served.tokens("<tool_call>")
    least = len(served.tokens(f"<tool_call>{LEAST}</tool_call>"))
    for size in (5, least - 1, least, least + 1, least + 40):
        order = {
            "tools": TOOLS,
            "strict": ["read", "write"],
            "max_tokens": size,
            "logit_bias": {str(start): 100.0},
            "temperature": 1.0,
            "seed": 3,
        }
        ((text, pieces, end),) = served.ask(order)
        calls = calls_of(pieces)
        assert len(calls) == (1 if size >= least else 0)
        assert all({"path", "lines"} <= arguments.keys() for _, arguments in calls)
        assert "arguments" not in text
        assert end.finish == "length" or calls


def test_streamed_json_and_calls_are_what_they_are_unstreamed(folder: Path) -> None:
    asked = {"messages": [{"role": "user", "content": "x"}], "max_tokens": 120, "temperature": 1.0, "seed": 7}
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {**PARAMETERS, "required": ["path"]}}}
    bodies: list[dict[str, Any]] = [
        {"response_format": schema},
        {"response_format": {"type": "json_object"}},
        {"tools": TOOLS, "tool_choice": "required"},
        {"tools": TOOLS, "tool_choice": "required", "parallel_tool_calls": True},
        {"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "write"}}},
    ]
    with in_process_lmx(folder.parent.parent, mlx_engine) as lmx, lmx.client() as client:
        for body in bodies:
            (choice,) = client.post("/v1/chat/completions", json={**asked, **body}).json()["choices"]
            streamed = client.post("/v1/chat/completions", json={**asked, **body, "stream": True}).text
            content, calls = collected(streamed)
            message = choice["message"]
            assert content == (message["content"] or "")
            assert calls == [(call["function"]["name"], call["function"]["arguments"]) for call in message.get("tool_calls", [])]
            for text in [arguments for _, arguments in calls] or [content]:
                json.loads(text)
            assert choice["finish_reason"] in ("length", "tool_calls" if calls else "stop")
            assert f'"finish_reason":"{choice["finish_reason"]}"' in streamed


def collected(stream: str) -> tuple[str, list[tuple[str, str]]]:
    """The text, and name and arguments of each call, of a stream of chat chunks."""
    content, calls = "", dict[int, tuple[str, str]]()
    for line in stream.splitlines():
        if not line.startswith("data: {"):
            continue
        for choice in json.loads(line.removeprefix("data: "))["choices"]:
            content += choice["delta"].get("content") or ""
            for call in choice["delta"].get("tool_calls", []):
                name, arguments = calls.get(call["index"], ("", ""))
                function = call["function"]
                calls[call["index"]] = (name + function.get("name", ""), arguments + function.get("arguments", ""))
    return content, list(calls.values())
