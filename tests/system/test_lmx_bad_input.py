"""Bad input against a real LMX with the probe model: refusals name the field, and one client's request never costs another's."""

import json
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest
from support.daemon import Daemon
from support.lmx import CHAT, HELLO, chat, engine_lives_on, get, headers, lmx, port_of
from support.raw_http import exchange, head

pytestmark = pytest.mark.system

ANSWER = "Hello! I am Opta's built-in probe model: a self-test, not an assistant."
READ_FILE = {
    "type": "function",
    "function": {
        "name": "read_file",
        "description": "Read a file.",
        "parameters": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
    },
}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with lmx(tmp_path_factory.mktemp("lmx")) as daemon:
        yield daemon


@pytest.fixture(autouse=True)
def port(alone: Daemon) -> Generator[int]:
    with engine_lives_on(alone):
        yield port_of(alone)


@pytest.fixture
def client(port: int) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none", max_retries=0) as sdk:
        yield sdk


@pytest.mark.parametrize(
    "fields",
    [
        {"top_k": 276},
        {"top_k": 100_000},
        {"top_k": 2**31},
        {"top_k": 2**63},
        {"top_k": 2**80},
        {"top_k": 1, "min_p": 1, "top_p": 0.01, "temperature": 2},
        {"top_p": 1e-300},
        {"temperature": 1e-300},
    ],
    ids=str,
)
def test_sampling_at_the_edge_is_answered_or_refused_and_spoils_nothing(port: int, fields: dict[str, Any]) -> None:
    with ThreadPoolExecutor(2) as pool:
        other = pool.submit(chat, port, temperature=0)
        answer = pool.submit(chat, port, **{"temperature": 1, "max_tokens": 3, **fields}).result()
        assert answer.status in (200, 400), answer.body
        assert json.loads(other.result().body)["choices"][0]["message"]["content"] == ANSWER


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "system", "content": "x"}],
        [{"role": "tool", "content": "x"}],
        [{"role": "user", "content": ""}],
        [{"role": "user", "content": "\0\ufffe{{ 7 * 7 }}{% for %}<|end|><tool_call>{"}],
        [*HELLO, {"role": "assistant", "tool_calls": [{"function": {"name": "x", "arguments": 2**80}}]}, {"role": "tool", "content": "x"}],
        [
            *HELLO,
            {"role": "assistant", "tool_calls": [{"function": {"name": "x", "arguments": "no JSON"}}]},
            {"role": "tool", "content": "x"},
        ],
        [*HELLO, {"role": "assistant", "tool_calls": [{"function": {"name": "x", "arguments": None}}]}, {"role": "tool", "content": "x"}],
    ],
    ids=["only system", "only tool", "empty", "template", "number", "no JSON", "null"],
)
def test_odd_conversations_are_answered_or_refused(port: int, messages: list[dict[str, Any]]) -> None:
    assert chat(port, messages=messages, max_tokens=3).status in (200, 400)


def test_a_body_over_8_mib_is_413_announced_or_not(port: int) -> None:
    chunk = b"100000\r\n" + b" " * 1024 * 1024 + b"\r\n"
    announced = head("POST", CHAT, headers(port, ("Content-Length", str(8 * 1024 * 1024 + 1))))
    chunked = head("POST", CHAT, headers(port, ("Transfer-Encoding", "chunked"))) + chunk * 9 + b"0\r\n\r\n"
    for content in (chunked, announced):
        assert exchange(port, content, 3).status == 413


def test_wrong_methods_and_paths_are_405_and_404(port: int) -> None:
    assert [get(port, target, method=method).status for method, target in (("GET", CHAT), ("PUT", CHAT), ("DELETE", "/v1/models"))] == [
        405
    ] * 3
    assert [get(port, target).status for target in ("/v1", "/v1/nope", "/v1/models/../../etc", "/%00", "/v1/chat/completions/")] == [
        404
    ] * 5
    assert exchange(port, b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n").status == 400


# the OpenAI SDK -----------------------------------------------------------------------------------------


def test_the_openai_sdk_chats_and_streams(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="probe", messages=[{"role": "user", "content": "hello"}])
    assert (whole.choices[0].message.content, whole.choices[0].finish_reason) == (ANSWER, "stop")
    with client.chat.completions.create(
        model="probe", messages=[{"role": "user", "content": "hello"}], stream=True, stream_options={"include_usage": True}
    ) as stream:
        chunks = list(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == ANSWER
    assert chunks[-1].usage is not None and chunks[-1].usage == whole.usage
    assert [model.id for model in client.models.list()] == ["probe"]


def test_the_openai_sdk_gets_tool_calls(client: openai.OpenAI) -> None:
    asked: Any = {"model": "probe", "messages": [{"role": "user", "content": "read the file notes.txt"}], "tools": [READ_FILE]}
    whole = client.chat.completions.create(**asked)
    (call,) = whole.choices[0].message.tool_calls or []
    assert (call.function.name, json.loads(call.function.arguments), whole.choices[0].finish_reason) == (
        "read_file",
        {"path": "notes.txt"},
        "tool_calls",
    )
    with client.chat.completions.create(**asked, stream=True) as stream:
        parts = [part for chunk in stream for choice in chunk.choices for part in choice.delta.tool_calls or []]
    assert [(part.index, part.function.name, part.function.arguments) for part in parts] == [(0, "read_file", call.function.arguments)]


def test_the_openai_sdk_raises_its_error_classes(client: openai.OpenAI) -> None:
    hello: Any = {"messages": [{"role": "user", "content": "hello"}]}
    with pytest.raises(openai.BadRequestError, match="not a model name"):
        client.chat.completions.create(model="../x", **hello)
    with pytest.raises(openai.BadRequestError, match="grammar"):
        client.chat.completions.create(model="probe", extra_body={"grammar": "root ::= x"}, **hello)
    with pytest.raises(openai.BadRequestError, match="stop"):
        client.chat.completions.create(model="probe", extra_body={"stop": [1]}, stream=True, **hello)
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve("absent")
