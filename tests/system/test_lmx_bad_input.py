"""Bad input against a real LMX with the probe model: refusals name the field, and one client's request never costs another's."""

import json
import socket
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest
from support.daemon import Daemon
from support.raw_http import Answer, Headers, exchange, head

from opta_core import state

pytestmark = pytest.mark.system

CHAT = "/v1/chat/completions"
HELLO = [{"role": "user", "content": "hello"}]
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
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with Daemon(tmp_path_factory.mktemp("lmx"), only="lmx") as daemon:
        deadline = time.monotonic() + 60
        while not (number := ready_port(daemon)):
            assert time.monotonic() < deadline, daemon.logs()
            time.sleep(0.05)
        yield number


def ready_port(daemon: Daemon) -> int:
    """Where LMX answers; 0 until a model is loaded."""
    known = state.read(daemon.loaded.paths)
    return known.lmxPort if known and known.lmxPort and get(known.lmxPort, "/readyz").status == 200 else 0


@pytest.fixture(autouse=True)
def _engine_lives_on(port: int) -> Generator[None]:
    """After every test the same engine answers, greedy and sampled."""
    before = json.loads(get(port, "/readyz").body)
    yield
    assert json.loads(get(port, "/readyz").body) == before
    answers = [chat(port, max_tokens=2, temperature=temperature) for temperature in (0, 1)]
    assert [answer.status for answer in answers] == [200, 200], [answer.body for answer in answers]


@pytest.fixture
def client(port: int) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none", max_retries=0) as sdk:
        yield sdk


def headers(port: int, *more: tuple[str, str]) -> Headers:
    """Host, the type of a body, and some more."""
    return [("Host", f"127.0.0.1:{port}"), ("Content-Type", "application/json"), *more]


def get(port: int, target: str, *more: tuple[str, str], method: str = "GET") -> Answer:
    """A request without a body."""
    return exchange(port, head(method, target, headers(port, *more)))


def post(port: int, content: bytes) -> Answer:
    """A chat request."""
    return exchange(port, head("POST", CHAT, headers(port, ("Content-Length", str(len(content))))) + content, 20)


def chat(port: int, **fields: Any) -> Answer:
    """A chat request with these fields."""
    return post(port, json.dumps({"messages": HELLO, **fields}).encode())


def running(port: int) -> int:
    """Requests in the engine."""
    return figure(port, "lmx_requests_running")


def figure(port: int, name: str) -> int:
    """A number of /metrics."""
    return next(int(line.split()[-1]) for line in get(port, "/metrics").body.decode().splitlines() if line.startswith(name + " "))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("colour", 1),
        ("logprobs", True),
        ("stream_options", {"colour": True}),
        ("response_format", {"type": "yaml"}),
        ("messages", []),
        ("messages", "hello"),
        ("messages", [5]),
        ("messages", HELLO * 2001),
        ("messages", [{"role": "evil", "content": "x"}]),
        ("messages", [{"content": "x"}]),
        ("content", None),
        ("tool_calls", None),
        ("model", 5),
        ("model", "x" * 201),
        ("stream", "yes"),
        ("max_tokens", 0),
        ("max_tokens", True),
        ("max_tokens", 10**9),
        ("temperature", "hot"),
        ("temperature", 2.1),
        ("temperature", -1),
        ("top_p", 0),
        ("top_k", -1),
        ("top_k", 1.5),
        ("min_p", 2),
        ("stop", 5),
        ("stop", [1]),
        ("stop", [""]),
        ("stop", ["x"] * 17),
        ("stop", ["x" * 257]),
        ("n", 2**80),
        ("user", 5),
        ("tools", [{"type": "function", "function": {"name": ""}}]),
        ("tools", [{"type": "evil", "function": {"name": "x"}}]),
        ("tools", [READ_FILE] * 129),
        ("tool_choice", "evil"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_field_that_does_not_fit_is_400_and_named(port: int, field: str, value: Any) -> None:
    fields = {field: value}
    if field == "content":
        fields = {"messages": [{"role": "user", "content": {"a": 1}}]}
    elif field == "tool_calls":
        fields = {"messages": [*HELLO, {"role": "assistant", "tool_calls": "abc"}]}
    answer = chat(port, **fields)
    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")
    assert next(iter(value)) in answer.error["message"] if field == "stream_options" else field in answer.error["message"]


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a/../b", "..", "a\0b", "a\nb"])
def test_a_model_is_never_a_path(port: int, name: str) -> None:
    answer = chat(port, model=name)
    assert (answer.status, answer.error["code"]) == (400, "bad_request")


def test_an_image_is_refused_and_not_fetched(port: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.3)
        url = f"http://127.0.0.1:{trap.getsockname()[1]}/x.png"
        answer = chat(port, messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}])
        assert answer.status == 400
        assert "content" in answer.error["message"]
        with pytest.raises(TimeoutError):
            trap.accept()


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


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{} x",
        b"\0" * 100,
        b'{"messages":[{"role":"user","content":"x"}],"temperature":NaN}',
        b'{"messages":[{"role":"user","content":"x"}],"temperature":1e999}',
        b'{"messages":[{"role":"user","content":"x"}],"top_k":' + b"9" * 5000 + b"}",
        b'{"messages":[{"role":"user","content":"\\ud800"}]}',
        b'{"messages":[{"role":"user","content":"\xff"}]}',
        b'{"messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"messages":[{"role":"user","content":' + b"[" * 100_000 + b"]" * 100_000 + b"}]}",
        b'{"messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"x","parameters":{"a":'
        + b"[" * 900
        + b"]" * 900
        + b"}}}]}",
    ],
    ids=["empty", "array", "two", "NUL", "NaN", "1e999", "huge", "surrogate", "UTF-8", "deep", "deep content", "deep tool"],
)
def test_malformed_bodies_are_400(port: int, content: bytes) -> None:
    answer = post(port, content)
    assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")


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
    assert [get(port, target).status for target in ("/", "/v1/nope", "/v1/models/../../etc", "/%00", "/v1/chat/completions/")] == [404] * 5
    assert exchange(port, b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n").status == 400


def test_other_hosts_and_pages_are_refused(port: int) -> None:
    for given in (
        [("Host", "evil.example")],
        [("Host", f"127.0.0.1.evil.example:{port}")],
        [],
        headers(port, ("Origin", "null")),
        headers(port) * 2,
    ):
        answer = exchange(port, head("GET", "/v1/models", given))
        assert answer.status in (400, 403)
        assert not [name for name, _ in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("stream", [False, True])
def test_clients_that_leave_free_their_slots(port: int, stream: bool) -> None:
    content = json.dumps({"messages": HELLO, "stream": stream}).encode()
    request = head("POST", CHAT, headers(port, ("Content-Length", str(len(content))))) + content
    failed = figure(port, "lmx_requests_failed_total")
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(40)]
    for connection in clients:
        connection.sendall(request)
    deadline = time.monotonic() + 5
    while running(port) < 20:
        assert time.monotonic() < deadline
    for connection in clients:
        connection.close()
    left = time.monotonic()
    while running(port):
        assert time.monotonic() - left < 1
    # They were ended, not finished: 40 answers take longer than this.
    assert figure(port, "lmx_requests_failed_total") - failed >= 20


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


def test_the_openai_sdk_sees_its_own_error_classes(client: openai.OpenAI) -> None:
    hello: Any = {"messages": [{"role": "user", "content": "hello"}]}
    with pytest.raises(openai.BadRequestError, match="not a model name"):
        client.chat.completions.create(model="../x", **hello)
    with pytest.raises(openai.BadRequestError, match="colour"):
        client.chat.completions.create(model="probe", extra_body={"colour": 1}, **hello)
    with pytest.raises(openai.BadRequestError, match="stop"):
        client.chat.completions.create(model="probe", extra_body={"stop": [1]}, stream=True, **hello)
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="probe", input="x")
