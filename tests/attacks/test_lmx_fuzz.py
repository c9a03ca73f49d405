"""Rows A66 and A67 by machine: whatever a body is, LMX answers it soon and in its API's form, and the same engine lives on.

Requests are made by schemathesis of LMX's own document, and out of bodies that were right until something in them was changed.
"""

import json
import select
import socket
import time
from collections.abc import Generator, Iterator
from typing import Any, cast

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks
from support.daemon import Daemon
from support.limits import limit_s
from support.lmx import CHAT, HELLO, admin, admin_key, chat, engine_lives_on, get, headers, lmx, port_of
from support.lmx_bodies import ANYTHING, RIGHT, changed, twice
from support.lmx_replies import HANGS_S, TOKENS, Reply, ask, bounded, judge
from support.oracles import until
from support.random_model import make_random_qwen3
from support.raw_http import head, read_answer

from opta_lmx.json_values import as_object
from opta_lmx.server.openapi import description

pytestmark = pytest.mark.system
GETS, POSTS = ([path for path, kinds in description()["paths"].items() if kind in kinds] for kind in ("get", "post"))
TROUBLES: Any = list(HealthCheck)
FEW = settings(max_examples=25, deadline=None, database=None, suppress_health_check=TROUBLES)
MANY = settings(FEW, max_examples=120)
AS_DOCUMENTED: Any = [cast("Any", checks).status_code_conformance]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("fuzz")
    with socket.socket() as nobody:
        # Held and not listened on: whoever asks that hub is refused, and nothing leaves this machine.
        nobody.bind(("127.0.0.1", 0))
        hub = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        daemon = Daemon(folder, only="lmx", config=f'[lmx]\nmodel = "tiny"\nhub = "{hub}"\n')
        make_random_qwen3(daemon.home / "models/tiny", context=512)
        with lmx(folder, daemon):
            yield daemon


@pytest.fixture
def port(alone: Daemon) -> Generator[int]:
    with engine_lives_on(alone):
        yield port_of(alone)


@pytest.fixture
def key(alone: Daemon) -> tuple[str, str]:
    return "Authorization", f"Bearer {admin_key(alone)}"


@pytest.fixture
def session(key: tuple[str, str]) -> Iterator[requests.Session]:
    with requests.Session() as made:
        made.headers[key[0]] = key[1]
        yield made


# by LMX's own document ----------------------------------------------------------------------------------


def cases(path: str, method: str, mode: GenerationMode = GenerationMode.POSITIVE) -> st.SearchStrategy[Any]:
    """Requests of one operation, as the document allows them or forbids them."""
    api: Any = schemathesis.openapi.from_dict(description())
    # A stream is judged as a whole, its end included.
    api.config.max_stream_events = 100_000
    return api[path][method].as_strategy(generation_mode=mode)


def sent(case: Any, port: int, session: requests.Session) -> Any:
    """The answer to a case, judged."""
    answer = case.call(base_url=f"http://127.0.0.1:{port}", session=session, timeout=limit_s(HANGS_S))
    kind, wait = ((answer.headers.get(name) or [""])[0] for name in ("content-type", "retry-after"))
    judge(case.path, Reply(answer.status_code, kind, wait, answer.content))
    return answer


def test_the_document_is_the_one_that_is_shipped(port: int) -> None:
    assert get(port, "/openapi.json").json() == description()


@pytest.mark.attack("A66", "A67")
@pytest.mark.parametrize("path", POSTS)
def test_what_the_document_allows_is_answered_as_the_document_says(port: int, session: requests.Session, path: str) -> None:
    # Conversations of a schema's making are hardly ever any; with one that is, the other fields are looked at too.
    talks = st.sampled_from([None, {"messages": HELLO}, {"messages": HELLO, "prompt": "hello", "input": "hello"}])

    @FEW
    @given(case=cases(path, "POST"), talk=talks)
    def attack(case: Any, talk: dict[str, Any] | None) -> None:
        if (body := as_object(case.body)) is not None:
            fitting = {name: value for name, value in (talk or {}).items() if name in body}
            case.body = bounded(path, {**body, **fitting})
        case.validate_response(sent(case, port, session), checks=AS_DOCUMENTED)

    attack()


@pytest.mark.attack("A66", "A67")
@pytest.mark.parametrize("path", POSTS)
def test_what_the_document_forbids_is_refused(port: int, session: requests.Session, path: str) -> None:
    @FEW
    @given(case=cases(path, "POST", GenerationMode.NEGATIVE))
    def attack(case: Any) -> None:
        # Null stands for absent, in every field.
        assume(None not in (as_object(case.body) or {}).values())
        assert 400 <= sent(case, port, session).status_code < 500

    attack()


@pytest.mark.parametrize("path", GETS)
def test_what_is_only_read_is_shown_whatever_is_asked_besides(port: int, session: requests.Session, path: str) -> None:
    @FEW
    @given(case=cases(path, "GET"), query=st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=3))
    def attack(case: Any, query: dict[str, str]) -> None:
        case.query = query
        # A proof is of something: without a nonce there is none.
        assert sent(case, port, session).status_code in ((200, 400) if path == "/proof" else (200,))

    attack()


@pytest.mark.attack("A66", "A67")
@pytest.mark.parametrize("path", POSTS)
def test_a_body_that_is_wrong_somewhere_is_answered_or_refused(port: int, key: tuple[str, str], path: str) -> None:
    wrong = st.one_of(
        changed(path),
        changed(path),
        changed(path),
        twice(path),
        st.binary(max_size=200),
        ANYTHING.map(lambda value: json.dumps(value).encode()),
    )

    @MANY
    @given(content=wrong)
    def attack(content: bytes) -> None:
        reply = ask(port, path, content, key)
        judge(path, reply)
        assert reply.status != 503 or path == "/admin/models/available", reply

    attack()


# bodies that are not as their head says ------------------------------------------------------------------


def framings(port: int, path: str, content: bytes, key: tuple[str, str]) -> dict[str, tuple[bytes, list[int]]]:
    """Requests by what is wrong with them, and what they may be answered with; []: nothing, since they do not end."""
    size, half = str(len(content)), content[: len(content) // 2]

    def announced(*more: tuple[str, str]) -> bytes:
        return head("POST", path, headers(port, key, *more))

    chunked, right = ("Transfer-Encoding", "chunked"), range(200, 500)
    return {
        "too little is announced": (announced(("Content-Length", str(len(half)))) + content, [400]),
        "too much is announced": (announced(("Content-Length", str(len(content) + 9))) + content, []),
        "nothing is announced": (announced() + content, [400]),
        "less than nothing is announced": (announced(("Content-Length", "-1")) + content, [400]),
        "words are announced": (announced(("Content-Length", "many")) + content, [400]),
        "too much for any machine is announced": (announced(("Content-Length", "9" * 30)) + content, [400]),
        "two lengths are announced": (announced(("Content-Length", size), ("Content-Length", "1")) + content, [400]),
        "a length and chunks": (announced(("Content-Length", size), chunked) + b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content), [400]),
        "chunks": (announced(chunked) + b"%x;a=b\r\n%b\r\n0\r\nTrailer: x\r\n\r\n" % (len(content), content), [*right]),
        "chunks of one byte": (announced(chunked) + b"".join(b"1\r\n%c\r\n" % byte for byte in content) + b"0\r\n\r\n", [*right]),
        "chunks without end": (announced(chunked) + b"%x\r\n%b\r\n" % (len(content), content), []),
        "a chunk that is cut off": (announced(chunked) + b"%x\r\n%b" % (len(content), half), []),
        "a chunk of no size": (announced(chunked) + b"zz\r\n" + content, [400]),
        "a chunk of a huge size": (announced(chunked) + b"f" * 16 + b"\r\n" + content, []),
        "a chunk longer than it says": (announced(chunked) + b"1\r\n%b\r\n0\r\n\r\n" % content, [400]),
        "an unknown encoding": (
            announced(("Transfer-Encoding", "gzip, chunked")) + b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content),
            [*right],
        ),
        "a head and no more": (announced(("Content-Length", size)), []),
        "half a head": (announced(("Content-Length", size))[:-20], []),
    }


@pytest.mark.attack("A66", "A68")
@pytest.mark.parametrize("path", POSTS)
def test_a_body_that_is_not_as_its_head_says_is_refused_or_waited_for_and_given_up(port: int, key: tuple[str, str], path: str) -> None:
    content = json.dumps(bounded(path, RIGHT[path][0])).encode()
    for name, (request, wanted) in framings(port, path, content, key).items():
        with socket.create_connection(("127.0.0.1", port), timeout=limit_s(HANGS_S)) as connection:
            connection.sendall(request)
            if not wanted:
                # It leaves, and nothing may be left of it: `engine_lives_on` counts.
                connection.shutdown(socket.SHUT_WR)
                assert connection.recv(65536) == b"", name
                continue
            answer = read_answer(connection)
            kind = answer.header("content-type") or ""
            assert answer.status in wanted, (name, answer)
            assert kind in ("application/json", "text/event-stream"), (name, answer)
            if kind == "application/json":
                # Where the head itself is wrong, nobody knows yet whose API is asked.
                form = "/v1/messages" if "type" in answer.json() else CHAT
                judge(form, Reply(answer.status, kind, answer.header("retry-after") or "", answer.body))


@pytest.mark.attack("A68")
def test_bodies_that_never_end_are_given_up_while_others_are_served(port: int, key: tuple[str, str]) -> None:
    waiting = [socket.create_connection(("127.0.0.1", port), timeout=limit_s(1)) for _ in range(20)]
    try:
        for number, connection in enumerate(waiting):
            connection.sendall(head("POST", POSTS[number % len(POSTS)], headers(port, key, ("Content-Length", "1000"))) + b"{")
        asked = time.perf_counter()
        assert chat(port, max_tokens=TOKENS).status == 200
        assert time.perf_counter() - asked < limit_s(2)
    finally:
        for connection in waiting:
            connection.close()


# what was found so ---------------------------------------------------------------------------------------


HUGE: dict[str, Any] = {"type": "integer", "multipleOf": 10_000_019}
# Each held the engine for many seconds or for ever, took gigabytes, or ended it, before it was refused.
ILL: list[dict[str, Any]] = [
    {"const": -(2**63)}, {"enum": ["x", -(2**63) + 1]}, {"const": {"a": [-(2**63) + 512]}}, {"type": "integer", "minimum": -(2**63) + 1, "maximum": -(2**63) + 5},
    HUGE, {"properties": {"const": HUGE}, "required": ["const"]}, {"$ref": "#/default", "default": HUGE}, {"$ref": "#/def%61ult", "default": HUGE},
    {"$defs": {"required": HUGE, "a": {"$ref": "#/$defs/required"}}, "$ref": "#/$defs/a"}, {"allOf": [{"type": "integer", "multipleOf": size} for size in (9973, 9967)]},
    {"$defs": {"a": {"type": "integer", "multipleOf": 9973}}, "$ref": "#/$defs/a", "multipleOf": 9967}, {"type": "number", "multipleOf": 9999.9999},
    {"type": "object", "patternProperties": {f"^p{number}[a-z]*$": {"type": "string"} for number in range(400)}},
    {"allOf": [{"type": "string", "pattern": f".*{chr(97 + number)}.{{{number}}}"} for number in range(20)]},
    {"type": "array", "minItems": 2**64 - 1}, {"type": "string", "maxLength": 2**40}, {"type": "string", "pattern": "(((a{100}){100}){100}){100}"},
    {"minimum": 10**400}, {"enum": [10**400]}, {"minLength": 10**400}, {"$ref": "http://127.0.0.1:9/x"}, {"$ref": "file:///etc/passwd"}, {"$ref": "#"},
]  # fmt: skip


@pytest.mark.attack("A67", "A68")
@pytest.mark.parametrize("schema", ILL, ids=lambda schema: str(schema)[:60])
def test_a_form_of_ill_will_is_refused_or_held_at_once(port: int, schema: dict[str, Any]) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    tools = [{"type": "function", "function": {"name": "x", "parameters": schema}}]
    anthropic = {"tools": [{"name": "x", "input_schema": schema}], "tool_choice": {"type": "any"}}
    responses = {"input": "hello", "text": {"format": {"type": "json_schema", "name": "n", "schema": schema}}}
    strict = [{"type": "function", "function": {"name": "x", "parameters": schema, "strict": True}}]
    bodies: list[tuple[str, dict[str, Any]]] = [
        (CHAT, {"messages": HELLO, "response_format": form}),
        (CHAT, {"messages": HELLO, "tools": tools, "tool_choice": "required"}),
        (CHAT, {"messages": HELLO, "tools": strict}),
        ("/v1/messages", {"messages": HELLO, **anthropic}),
        ("/v1/responses", responses),
    ]
    for path, body in bodies:
        asked = time.perf_counter()
        reply = ask(port, path, json.dumps(bounded(path, body)).encode())
        judge(path, reply)
        assert reply.status in (200, 400), reply
        assert time.perf_counter() - asked < limit_s(1), path


@pytest.mark.attack("A67")
def test_probabilities_that_are_no_numbers_are_shown_as_none(port: int) -> None:
    for fields in (
        {"repetition_penalty": 1e-300},
        {"logit_bias": {str(token): -100 for token in range(276)}},
        {"top_p": 1e-300, "min_p": 1},
    ):
        for temperature in (0, 1, 1e-300):
            answer = chat(port, max_tokens=TOKENS, temperature=temperature, logprobs=True, top_logprobs=20, **fields)
            assert answer.status == 200, answer
            for token in answer.json()["choices"][0]["logprobs"]["content"]:
                assert all(isinstance(each["logprob"], float) for each in (token, *token["top_logprobs"]))


@pytest.mark.attack("A66")
def test_a_body_nested_as_deep_as_can_be_read_is_answered_or_refused(port: int) -> None:
    # Between what can be read and what can be said again lie a few levels.
    for depth in range(940, 1000):
        for opened, closed in ((b"[", b"]"), (b'{"a":', b"1}")):
            deep = opened * depth + (b"1}" + b"}" * (depth - 1) if closed == b"1}" else closed * depth)
            tools = b'"tools":[{"type":"function","function":{"name":"x","parameters":{"a":' + deep + b"}}}]"
            bodies = {
                CHAT: b'{"max_tokens":1,"messages":[{"role":"user","content":"x"}],' + tools + b"}",
                "/v1/tokenize": b'{"messages":[{"role":"user","content":"x"}],' + tools + b"}",
                "/v1/messages": b'{"max_tokens":1,"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"x","name":"x","input":{"a":'
                + deep
                + b"}}]}]}",
            }
            for path, content in bodies.items():
                reply = ask(port, path, content)
                judge(path, reply)
                assert reply.status in (200, 400), (path, depth, reply)


@pytest.mark.attack("A66")
@pytest.mark.parametrize("content", [5, 1.5, True, {"type": "text", "text": "x"}, [5], "r", [], None], ids=str)
def test_a_result_of_a_tool_is_text_or_refused(port: int, content: Any) -> None:
    block = {"type": "tool_result", "tool_use_id": "a", "content": content}
    for path in ("/v1/messages", "/v1/messages/count_tokens"):
        reply = ask(port, path, json.dumps(bounded(path, {"messages": [{"role": "user", "content": [block]}]})).encode())
        judge(path, reply)
        assert reply.status == (200 if content in ("r", [], None) else 400), reply


@pytest.mark.attack("A67")
def test_a_revision_is_a_name_and_no_option(alone: Daemon, port: int) -> None:
    for revision in ("-x", "--endpoint=http://127.0.0.1:1", "a\0b"):
        answer = admin(alone, "POST", "/admin/models/available", {"repo": "a/b", "revision": revision})
        assert answer.refusal == (400, "invalid"), answer


@pytest.mark.attack("A68")
def test_the_513th_connection_is_asked_to_come_again(port: int) -> None:
    held = [socket.create_connection(("127.0.0.1", port), timeout=limit_s(HANGS_S)) for _ in range(513)]
    try:
        answer = get(port, "/v1/models")
        reply = Reply(answer.status, answer.header("content-type") or "", answer.header("retry-after") or "", answer.body)
        assert reply.status == 503
        judge("/v1/models", reply)
    finally:
        for connection in held:
            connection.close()
    assert until(lambda: get(port, "/v1/models").status == 200, 5)


def slowest_other(port: int, path: str, content: bytes) -> float:
    """The longest that a short request of another client takes while this one is looked at."""
    slowest_s = 0.0
    with socket.create_connection(("127.0.0.1", port), timeout=limit_s(HANGS_S)) as connection:
        connection.sendall(head("POST", path, headers(port, ("Content-Length", str(len(content))))) + content)
        # A pause after each, because LMX computes for these, too.
        while not select.select([connection], [], [], 0.05)[0]:
            asked = time.perf_counter()
            assert chat(port, max_tokens=1).status == 200
            slowest_s = max(slowest_s, time.perf_counter() - asked)
        assert read_answer(connection).status in (200, 400)
    return slowest_s


@pytest.mark.attack("A68")
@pytest.mark.parametrize("path", [CHAT, "/v1/embeddings", "/v1/tokenize"])
def test_a_text_far_beyond_the_context_holds_nobody_up(alone: Daemon, path: str) -> None:
    port, text = port_of(alone), "a b c d " * 30_000
    body: dict[str, Any] = {"messages": [{"role": "user", "content": text * 8}]} if path == CHAT else {"input": [text] * 8}
    content = json.dumps({"prompt": text * 8} if path == "/v1/tokenize" else body).encode()
    assert slowest_other(port, path, content) < limit_s(1)
    # What such a text once took stays with the engine; the next one takes no more.
    with engine_lives_on(alone):
        assert slowest_other(port, path, content) < limit_s(1)
