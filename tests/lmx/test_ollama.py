"""Ollama's API and LM Studio's list of models, over a scripted engine: forms, streams of lines, orders, and what is refused."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.in_process_lmx import InProcessLmx, ScriptedEngine, failure, hello, in_process_lmx

from opta_lmx.ipc.messages import Delta, EngineMessage, Finished, Generate

ASKED = [{"role": "user", "content": "hi"}]
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {"x": {"type": "integer"}}}}}


@pytest.fixture
def engines() -> list[ScriptedEngine]:
    return []


@pytest.fixture
def lmx(tmp_path: Path, engines: list[ScriptedEngine]) -> Iterator[InProcessLmx]:
    def make(config: Any, send: Any) -> ScriptedEngine:
        engines.append(ScriptedEngine(send, play))
        return engines[-1]

    with in_process_lmx(tmp_path, make) as made:
        yield made


def play(order: Any) -> list[EngineMessage]:
    """Hello; with tools, a thought and two calls, the first one in pieces."""
    if not isinstance(order, Generate) or not order.tools:
        return hello(order)
    return [
        Delta(id=order.id, thinking="hm"),
        Delta(id=order.id, name="look", arguments='{"x"'),
        Delta(id=order.id, arguments=":1}"),
        Delta(id=order.id, name="look", arguments='{"x":2}'),
        Finished(id=order.id, finish="stop", prompt_tokens=7, completion_tokens=2),
    ]


def order_of(engines: list[ScriptedEngine]) -> Generate:
    return next(order for order in reversed(engines[0].orders) if isinstance(order, Generate))


@pytest.mark.parametrize(
    ("path", "body"),
    [("/api/chat", {"messages": ASKED}), ("/api/generate", {"prompt": "hi"}), ("/api/generate", {"prompt": "hi", "raw": True})],
)
def test_an_answer_comes_as_lines_and_as_a_whole(lmx: InProcessLmx, path: str, body: dict[str, Any]) -> None:
    def text(part: dict[str, Any]) -> str:
        return str(part["message"]["content"] if path == "/api/chat" else part["response"])

    with lmx.client() as client:
        streamed = client.post(path, json={"model": "probe:latest", **body})
        whole = client.post(path, json={"model": "probe", **body, "stream": False}).json()
    assert (streamed.status_code, streamed.headers["content-type"]) == (200, "application/x-ndjson")
    lines = [json.loads(line) for line in streamed.text.splitlines()]
    assert [line["done"] for line in lines] == [False, False, True]
    assert "".join(map(text, lines)) == text(whole) == "Hello"
    for last in (lines[-1], whole):
        assert (last["done"], last["done_reason"], last["prompt_eval_count"], last["eval_count"]) == (True, "stop", 7, 2)
        assert last["model"] == "probe"
        assert last["total_duration"] >= last["eval_duration"] >= 0


def test_calls_come_whole_with_arguments_as_objects(lmx: InProcessLmx) -> None:
    calls = [{"function": {"name": "look", "arguments": {"x": number}}} for number in (1, 2)]
    with lmx.client() as client:
        whole = client.post("/api/chat", json={"messages": ASKED, "tools": [TOOL], "stream": False}).json()
        lines = [json.loads(line) for line in client.post("/api/chat", json={"messages": ASKED, "tools": [TOOL]}).text.splitlines()]
    assert whole["message"] == {"role": "assistant", "content": "", "thinking": "hm", "tool_calls": calls}
    assert [call for line in lines for call in line["message"].get("tool_calls", [])] == calls
    assert lines[0]["message"]["thinking"] == "hm"


def test_options_format_and_thinking_become_an_order(lmx: InProcessLmx, engines: list[ScriptedEngine]) -> None:
    options = {"num_predict": 9, "temperature": 0.5, "repeat_penalty": 1.1, "seed": 3, "stop": ["x"], "num_ctx": 4096, "mirostat": 0}
    with lmx.client() as client:
        answer = client.post(
            "/api/chat", json={"messages": ASKED, "options": options, "format": "json", "think": "low", "keep_alive": "5m"}
        )
        order = order_of(engines)
        assert answer.headers["x-lmx-ignored"] == "keep_alive, options.num_ctx, options.mirostat"
        assert (order.max_tokens, order.temperature, order.repetition_penalty, order.seed, order.stop) == (9, 0.5, 1.1, 3, ["x"])
        assert (order.schema, order.thinking, order.effort) == ({"type": "object"}, True, "low")
        assert order.chosen == ["max_tokens", "repetition_penalty", "temperature"]
        client.post(
            "/api/generate",
            json={"prompt": "p", "system": "s", "format": {"type": "array"}, "think": False, "options": {"num_predict": -1}},
        )
        order = order_of(engines)
        assert order.messages == [{"role": "system", "content": "s"}, {"role": "user", "content": "p"}]
        assert (order.schema, order.thinking, order.max_tokens) == ({"type": "array"}, False, 4096)


def test_a_conversation_with_calls_without_ids_is_read(lmx: InProcessLmx, engines: list[ScriptedEngine]) -> None:
    talk = [
        *ASKED,
        {"role": "assistant", "content": "", "thinking": "t", "tool_calls": [{"function": {"name": "look", "arguments": {"x": 1}}}]},
        {"role": "tool", "tool_name": "look", "content": "seen"},
    ]
    with lmx.client() as client:
        assert client.post("/api/chat", json={"messages": talk}).status_code == 200
    _, called, result = order_of(engines).messages
    assert (called["tool_calls"][0]["id"], called["tool_calls"][0]["function"]["arguments"]) == ("look", '{"x":1}')
    assert called["reasoning_content"] == "t"
    assert (result["tool_call_id"], result["content"]) == ("look", "seen")


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
def test_a_request_without_a_prompt_loads_the_model(lmx: InProcessLmx, engines: list[ScriptedEngine], path: str) -> None:
    with lmx.client() as client:
        body = client.post(path, json={"model": "probe", "keep_alive": -1}).json()
    assert (body["done"], body["done_reason"]) == (True, "load")
    assert [order for order in engines[0].orders if isinstance(order, Generate)] == []


def test_vectors_in_both_forms(lmx: InProcessLmx) -> None:
    with lmx.client() as client:
        assert client.post("/api/embed", json={"input": ["a", "b"], "truncate": True}).json()["embeddings"] == [[1.0, 0.0]] * 2
        assert client.post("/api/embed", json={"input": "a", "dimensions": 1}).json()["embeddings"] == [[1.0]]
        assert client.post("/api/embeddings", json={"prompt": "a"}).json() == {"embedding": [1.0, 0.0]}
        assert client.post("/api/embed", json={}).status_code == 400


def test_models_are_listed_shown_and_running(lmx: InProcessLmx) -> None:
    with lmx.client() as client:
        (listed,) = client.get("/api/tags").json()["models"]
        assert (listed["name"], listed["details"]["format"]) == ("probe:latest", "mlx")
        assert client.get("/api/ps").json() == {"models": []}
        client.post("/api/chat", json={"messages": ASKED, "stream": False})
        (running,) = client.get("/api/ps").json()["models"]
        assert (running["name"], running["context_length"], running["digest"]) == ("probe:latest", 4096, listed["digest"])
        for name in ("probe", "probe:latest", "Probe"):
            shown = client.post("/api/show", json={"model": name}).json()
            assert {"completion", "tools"} <= set(shown["capabilities"])
            family = shown["model_info"]["general.architecture"]
            assert shown["model_info"][f"{family}.context_length"] > 0
        absent = client.post("/api/show", json={"name": "absent"})
        assert (absent.status_code, "absent" in absent.json()["error"]) == (404, True)
        assert client.post("/api/show", json={"model": 5}).status_code == 400
        assert set(client.get("/api/version").json()) == {"version"}
        (entry,) = client.get("/api/v0/models").json()["data"]
        assert entry == client.get("/api/v0/models/probe:latest").json()
        assert (entry["id"], entry["type"], entry["state"], entry["loaded_context_length"]) == ("probe", "llm", "loaded", 4096)
        assert client.get("/api/v0/models/absent").json()["error"]["code"] == "model_not_found"
        assert client.post("/api/v0/chat/completions", json={"messages": ASKED}).json()["choices"][0]["message"]["content"] == "Hello"


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("/api/chat", {"messages": [{"role": "user", "content": "x", "images": ["AAAA"]}]}, "images"),
        ("/api/generate", {"prompt": "x", "images": ["AAAA"]}, "images"),
        ("/api/generate", {"prompt": "x", "suffix": "y"}, "suffix"),
        ("/api/generate", {"prompt": "x", "template": "y"}, "template"),
        ("/api/chat", {"messages": ASKED, "format": "xml"}, "format"),
        ("/api/chat", {"messages": ASKED, "options": {"temperature": "hot"}}, "temperature"),
        ("/api/chat", {"messages": ASKED, "options": {"num_predict": 0}}, "num_predict"),
        ("/api/chat", {"messages": [{"role": "king", "content": "x"}]}, "role"),
        ("/api/chat", {"messages": "x"}, "messages"),
        ("/api/pull", {"model": "x"}, "opta models pull"),
        ("/api/create", {"model": "x"}, "opta models pull"),
        ("/api/copy", {"source": "x"}, "lmx.aliases"),
        ("/api/push", {"model": "x"}, "uploads nothing"),
    ],
)
def test_what_is_refused_is_named_in_its_form(lmx: InProcessLmx, path: str, body: dict[str, Any], named: str) -> None:
    with lmx.client() as client:
        refused = client.post(path, json=body)
        assert (refused.status_code, list(refused.json())) == (400, ["error"])
        assert named in refused.json()["error"]
        assert client.request("DELETE", "/api/delete", json={"model": "x"}).status_code == 400


def test_a_failure_is_a_status_before_the_first_line_and_a_line_after_it(tmp_path: Path) -> None:
    def broken(order: Any) -> list[EngineMessage]:
        return failure(order, "engine_error", "It broke.")

    with in_process_lmx(tmp_path, lambda config, send: ScriptedEngine(send, broken)) as lmx, lmx.client() as client:
        whole = client.post("/api/chat", json={"messages": ASKED, "stream": False})
        assert (whole.status_code, whole.json()) == (503, {"error": "It broke."})
        lines = client.post("/api/chat", json={"messages": ASKED}).text.splitlines()
        assert json.loads(lines[-1]) == {"error": "It broke."}
