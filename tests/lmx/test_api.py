"""LMX's APIs over a scripted engine in this process: forms of answers, errors, cancellation, retries. No socket, no child process."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.in_process_lmx import InProcessLmx, ScriptedEngine, failure, hello, in_process_lmx

from opta_core.errors import OptaError, Unavailable
from opta_lmx.api.field_table import TABLES
from opta_lmx.engine_client.in_process import InProcessEngine
from opta_lmx.ipc.messages import Cancel, Delta, EngineMessage, Finished, Generate
from opta_protocol.error_info import ErrorCode

ASKED = [{"role": "user", "content": "hi"}]
STREAMS: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": ASKED},
    "/v1/completions": {"prompt": "hi"},
    "/v1/responses": {"input": "hi"},
    "/v1/messages": {"messages": ASKED, "max_tokens": 9},
}
BODIES = {**STREAMS, "/v1/messages/count_tokens": {"messages": ASKED}, "/v1/embeddings": {"input": "x"}, "/v1/tokenize": {"prompt": "x"}}


@pytest.fixture(scope="module")
def lmx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InProcessLmx]:
    with in_process_lmx(tmp_path_factory.mktemp("home")) as made:
        yield made


def text_of(path: str, body: dict[str, Any]) -> str:
    """The text of a whole answer of any API."""
    match path:
        case "/v1/chat/completions":
            return body["choices"][0]["message"]["content"]
        case "/v1/completions":
            return body["choices"][0]["text"]
        case "/v1/responses":
            return body["output"][0]["content"][0]["text"]
        case _:
            return body["content"][0]["text"]


def events_of(content: str) -> list[dict[str, Any]]:
    """The JSON of every server-sent event."""
    return [json.loads(line[6:]) for line in content.splitlines() if line.startswith("data: {")]


@pytest.mark.parametrize("path", STREAMS)
def test_every_api_answers_whole_and_streamed(lmx: InProcessLmx, path: str) -> None:
    with lmx.client() as client:
        whole = client.post(path, json=STREAMS[path])
        assert (whole.status_code, text_of(path, whole.json()), whole.headers["x-lmx-model"]) == (200, "Hello", "probe")
        streamed = client.post(path, json={**STREAMS[path], "stream": True})
    assert (streamed.status_code, streamed.headers["content-type"]) == (200, "text/event-stream")
    assert "".join(_piece(event) for event in events_of(streamed.text)) == "Hello"


def _piece(event: dict[str, Any]) -> str:
    if event.get("choices"):
        choice = event["choices"][0]
        return str(choice.get("text") or choice.get("delta", {}).get("content") or "")
    delta = event.get("delta")
    return delta if isinstance(delta, str) else str((delta or {}).get("text", ""))


def test_vectors_tokens_and_counts(lmx: InProcessLmx) -> None:
    with lmx.client() as client:
        vectors = client.post("/v1/embeddings", json={"input": ["a", "b"]}).json()
        assert [entry["embedding"] for entry in vectors["data"]] == [[1.0, 0.0]] * 2
        tokens = client.post("/v1/tokenize", json={"prompt": "ab"}).json()
        assert (tokens["tokens"], tokens["count"], tokens["max_model_len"]) == ([97, 98], 2, 4096)
        assert client.post("/v1/messages/count_tokens", json={"messages": ASKED}).json() == {"input_tokens": 7}


@pytest.mark.parametrize("path", STREAMS)
def test_a_failure_is_a_status_before_the_first_event_and_an_event_after_it(path: str, tmp_path: Path) -> None:
    def play(order: Any) -> list[EngineMessage]:
        return failure(order, "engine_error", "It broke.")

    with in_process_lmx(tmp_path, lambda config, send: ScriptedEngine(send, play)) as broken, broken.client() as client:
        whole = client.post(path, json=STREAMS[path])
        assert (whole.status_code, "It broke." in whole.text) == (503, True)
        streamed = client.post(path, json={**STREAMS[path], "stream": True})
        assert streamed.status_code == 200
        assert events_of(streamed.text)[-1]["error"]["message"] == "It broke."


def test_the_choices_of_a_request_come_in_one_answer(lmx: InProcessLmx) -> None:
    with lmx.client() as client:
        body = client.post("/v1/chat/completions", json={"messages": ASKED, "n": 3, "seed": 1}).json()
        assert [(choice["index"], choice["message"]["content"]) for choice in body["choices"]] == [(at, "Hello") for at in range(3)]
        assert body["usage"]["completion_tokens"] == 6
        figures = client.get("/metrics").text
    assert "lmx_requests_running 0" in figures
    assert "lmx_requests_failed_total 0" in figures


# the client of an engine ------------------------------------------------------------------------------------


def client_of(engines: list[ScriptedEngine], play: Any = hello) -> InProcessEngine:
    """A started client; every engine that it makes is added to the list."""

    def make(send: Any) -> ScriptedEngine:
        engines.append(ScriptedEngine(send, play))
        return engines[-1]

    client = InProcessEngine("m", lambda kind, **fields: None, make)
    client.start()
    return client


ORDER = Generate(id=0, messages=[])
LOST = Unavailable("The engine was lost.", code=ErrorCode.engine_lost)


def test_a_reader_that_leaves_cancels_its_request() -> None:
    async def run() -> None:
        engines: list[ScriptedEngine] = []
        client = client_of(engines)
        with client.generate([ORDER, ORDER]) as stream:
            events = await anext(stream)
        assert events == [(0, Delta(id=1, text="Hel"))]
        assert [order for order in engines[0].orders if isinstance(order, Cancel)] == [Cancel(id=1), Cancel(id=2)]
        assert client.running == 0

    asyncio.run(run())


def test_a_lost_engine_costs_an_answer_that_has_begun_and_no_other() -> None:
    async def run() -> None:
        engines: list[ScriptedEngine] = []
        client = client_of(engines)
        with client.generate([ORDER]) as begun, client.generate([ORDER]) as fresh:
            await anext(begun)
            client.kill(LOST)
            assert client.state == "loading"
            with pytest.raises(OptaError, match="lost"):
                await anext(begun)
            client.start()
            events = [event async for group in fresh for _, event in group]
        assert [type(event) for event in events] == [Delta, Delta, Finished]
        assert len(engines) == 2

    asyncio.run(run())


def test_a_request_that_loses_two_engines_fails() -> None:
    async def run() -> None:
        client = client_of([])
        with client.generate([ORDER]) as stream:
            client.kill(LOST)
            client.start()
            client.kill(LOST)
            with pytest.raises(OptaError, match="lost"):
                await anext(stream)
        assert client.running == 0

    asyncio.run(run())


def test_stopping_ends_running_and_waiting_requests() -> None:
    async def run() -> None:
        client = client_of([], lambda order: [])
        streams = [client.generate([ORDER], f"client {number % 2}") for number in range(40)]
        assert client.waiting == 24
        await client.stop()
        for stream in streams:
            with stream, pytest.raises(OptaError, match="unloaded"):
                await anext(stream)
        assert client.running == 0

    asyncio.run(run())


# the three classes of fields ----------------------------------------------------------------------------------


def test_every_field_that_a_body_has_is_in_its_table_as_done_and_no_other(lmx: InProcessLmx) -> None:
    for path, route in lmx.app.inference.api.routes.items():
        done = {name for name, rule in route.rules.items() if rule.treatment == "done"}
        assert done == set(route.body.__struct_fields__), path
        assert route.rules in TABLES.values(), path


def test_a_field_that_is_ignored_changes_no_order_and_is_named(tmp_path: Path) -> None:
    engines: list[ScriptedEngine] = []

    def make(config: Any, send: Any) -> ScriptedEngine:
        engines.append(ScriptedEngine(send))
        return engines[-1]

    with in_process_lmx(tmp_path, make) as lmx, lmx.client() as client:
        for path, body in BODIES.items():
            ignored = [name for name, rule in TABLES[path].items() if rule.treatment == "ignored"]
            for field in [*ignored, "colour", "n\u00e9w, field"]:
                for value in (1, "x", {"a": [True]}, False):
                    plain, with_field = client.post(path, json=body), client.post(path, json={**body, field: value})
                    assert (plain.status_code, with_field.status_code) == (200, 200)
                    assert "x-lmx-ignored" not in plain.headers
                    assert with_field.headers["x-lmx-ignored"].isascii()
                    one, other = engines[0].orders[-2:]
                    assert json.dumps(_without_id(one)) == json.dumps(_without_id(other)), field
            assert with_field.headers["x-lmx-ignored"] == "n?w? field"


def test_a_field_that_is_refused_is_named_and_its_empty_values_are_not(lmx: InProcessLmx) -> None:
    with lmx.client() as client:
        for path, body in BODIES.items():
            for field, rule in TABLES[path].items():
                if rule.treatment == "refused":
                    refused = client.post(path, json={**body, field: "something"})
                    assert (refused.status_code, field in refused.text) == (400, True)
                    for value in (None, *rule.unset):
                        assert client.post(path, json={**body, field: value}).status_code == 200, (field, value)


@pytest.mark.parametrize(
    ("path", "more", "thinking", "effort"),
    [
        ("/v1/chat/completions", {}, None, ""),
        ("/v1/chat/completions", {"chat_template_kwargs": {"enable_thinking": False}}, False, ""),
        ("/v1/chat/completions", {"chat_template_kwargs": {"thinking": True}}, True, ""),
        ("/v1/chat/completions", {"reasoning_effort": "none"}, False, ""),
        ("/v1/chat/completions", {"reasoning_effort": "high", "chat_template_kwargs": {"enable_thinking": True}}, True, "high"),
        ("/v1/chat/completions", {"reasoning_effort": "high", "chat_template_kwargs": {"enable_thinking": False}}, False, "high"),
        ("/v1/messages", {"thinking": {"type": "enabled", "budget_tokens": 2048}}, True, ""),
        ("/v1/messages", {"thinking": {"type": "disabled"}}, False, ""),
        ("/v1/messages", {"thinking": {"type": "adaptive", "display": "summarized"}}, None, ""),
    ],
)
def test_thinking_is_switched_in_every_form(tmp_path: Path, path: str, more: dict[str, Any], thinking: bool | None, effort: str) -> None:
    engines: list[ScriptedEngine] = []

    def make(config: Any, send: Any) -> ScriptedEngine:
        engines.append(ScriptedEngine(send))
        return engines[-1]

    with in_process_lmx(tmp_path, make) as lmx, lmx.client() as client:
        assert client.post(path, json={**STREAMS[path], **more}).status_code == 200
        order = engines[0].orders[-1]
        assert isinstance(order, Generate)
        assert (order.thinking, order.effort) == (thinking, effort)
        assert client.post(path, json={**STREAMS[path], "thinking": {"type": "x"}}).status_code == 400


def _without_id(order: Any) -> dict[str, Any]:
    return {name: getattr(order, name) for name in order.__struct_fields__ if name != "id"}
