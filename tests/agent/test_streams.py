"""What model servers stream, in all the forms they do: the right text, reasoning and calls, or the server's own error, classified."""

from pathlib import Path
from typing import Any

import pytest
from support.byte_server import DONE, STREAM, ByteServer, Piece, Request, event, finish, say, use, whole
from support.heard import Heard, hear

from opta_agent.providers import failures
from opta_agent.providers.base import Notice, Thought
from opta_agent.providers.streamed_calls import StreamedCalls

FOLDER = Path(__file__).parent.parent / "fixtures/streams"
FILE = '{"path": "a.txt"}'
READ = [("read_file", FILE)]
LIST = [("list_dir", "{}")]
# What is heard of each recorded stream: (text, reasoning, calls).
HEARD: dict[str, tuple[str, str, list[tuple[str, str]]]] = {
    "M01-1": ("", "", [("read_file", '{"path":"a.txt"}')]),
    "M04-1": ("", "", [*READ, ("read_file", '{"path": "b.txt"}')]),
    "M05-1": ("", "", [("read_file", '{"path":"a.txt"}')]),
    "M06-1": ("", "", READ),
    "M07-1": ("hello there", "", []),
    "M07b-1": ("", "", READ),
    "M10-1": ("hi", "", []),
    "M11-1": ("hi", "", []),
    "M11b-1": ("hi", "", []),
    "M12-1": ("one two", "", []),
    "M13-1": ("one", "", []),
    "M14-1": ("one", "", []),
    "M16-1": ("whole answer", "", []),
    "M17a-1": ("x", "deep", []),
    "M17b-1": ("x", "deep", []),
    "M17c-1": ("x", "deep", []),
    "M17d-1": ("x", "deep", []),
    "M17e-1": ("x", "deep", []),
    "M18a-1": ("deep thoughtanswer", "", []),
    "M18c-1": ("answer", "deep", []),
    "M18d-1": ("Use the `<think>` tag: it opens. Then more answer.", "", []),
    "M20-1": ("ok", "", []),
    "M21-1": ("in message", "", []),
    "M23-1": ("", "", READ),
    "M24-1": ("", "", READ),
    "M25-1": ("hi", "", []),
    "M26-1": ("", "", LIST),
    "M27-1": ("", "", []),
    "M29-1": ("", "", [("read_file", "{'path': 'a.txt'}")]),
    **{f"V{number}": ("hi", "", []) for number in (4, 8, 9, 10, 11, 12, 13, 14, 15)},
    **{f"V{number}": ("", "", LIST) for number in (2, 3, 5, 6, 7)},
}


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("name", HEARD)
def test_a_recorded_stream_is_heard_in_pieces_of_any_size(name: str, size: int) -> None:
    content = (FOLDER / f"{name}.sse").read_bytes()
    heard = hear([STREAM, *(content[at : at + size] for at in range(0, len(content), size))])
    assert (heard.text, heard.thought, heard.calls, heard.code) == (*HEARD[name], "")
    assert heard.end is not None


def test_every_recorded_stream_is_tried() -> None:
    assert {file.stem for file in FOLDER.glob("*.sse")} == {*HEARD, "M08-1"}


def test_reasoning_without_its_opening_mark_is_recognised_in_hindsight() -> None:
    heard = hear([STREAM, (FOLDER / "M18a-1.sse").read_bytes()])
    assert [type(part) for part in heard.parts if isinstance(part, Thought)] == [Thought]


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("E01-1-400", "context_overflow", "9211 tokens"),
        ("E01b-1-400", "context_overflow", "try increasing the context size"),
        ("E06-1-404", "provider_error", "404 page not found"),
        ("E21-1-429", "provider_unavailable", "try again in 1.2s"),
    ],
)
def test_a_recorded_refusal_is_classified_and_said_in_the_servers_words(name: str, code: str, said: str) -> None:
    heard = hear([whole(int(name[-3:]), (FOLDER / f"{name}.json").read_bytes())])
    assert heard.error is not None
    assert (heard.code, said in heard.error.message) == (code, True)


def test_the_size_of_the_context_is_learnt_from_the_error() -> None:
    heard = hear([whole(400, (FOLDER / "E01-1-400.json").read_bytes())])
    assert heard.error is not None
    assert heard.error.details == {"contextLimit": 8192, "promptTokens": 9211}


@pytest.mark.parametrize(("name", "field"), [("E09-1-400", "stream_options"), ("E10-1-400", "tools")])
def test_a_field_that_a_server_does_not_know_is_left_out(name: str, field: str) -> None:
    def reply(request: Request) -> list[Piece]:
        if field in request.body:
            return [whole(400, (FOLDER / f"{name}.json").read_bytes())]
        return [STREAM, say("fine"), finish()]

    with ByteServer(reply) as server:
        heard = Heard(server.url, tools=b'[{"type":"function","function":{"name":"grep"}}]')
        assert (heard.text, heard.code) == ("fine", "")
        assert [field in request.body for request in server.requests] == [True, False]
        assert [part.text for part in heard.parts if isinstance(part, Notice)] == (
            ["p says that m takes no tools: it can talk, and neither read nor change anything."] if field == "tools" else []
        )


TOO_LONG = [
    "This model's maximum context length is 4096 tokens. However, your messages resulted in 5000 tokens.",
    "the request exceeds the available context size (8192 tokens), try increasing it",
    "The decoder prompt (length 9000) is longer than the maximum model length of 8192.",
    "prompt is too long: 210000 tokens > 200000 maximum",
    "Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens",
    "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
    "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
    "Input validation error: `inputs` must have less than 4096 tokens. Given: 5012",
    "Requested token count exceeds the model's maximum context length of 32768 tokens.",
    "Please reduce the length of the messages or completion.",
    "input is too long for requested model",
    "The prompt size exceeds the context window size and cannot be processed.",
]
NOT_TOO_LONG = [
    "timed out while waiting for a slot; context size 8192",
    "failed to load model: context length 131072 needs more memory than there is",
    "Rate limit reached: 30000 tokens per minute. Reduce the length of your prompt or wait.",
    "loading model, context window 8192",
    "invalid value for temperature",
    "The tool call could not be parsed in this context.",
]


@pytest.mark.parametrize("message", TOO_LONG)
@pytest.mark.parametrize("place", ["status", "stream", "event"])
def test_a_conversation_that_is_too_long_is_known_in_every_servers_words(message: str, place: str) -> None:
    error: dict[str, Any] = {"error": {"message": message, "type": "invalid_request_error"}}
    match place:
        case "status":
            heard = hear([whole(400, str(error).replace("'", '"').encode() if "'" not in message else event(error)[6:].strip())])
        case "stream":
            heard = hear([STREAM, event(error)])
        case _:
            heard = hear([STREAM, b"event: error\n" + event({"message": message})])
    assert heard.code == "context_overflow", heard.error


@pytest.mark.parametrize("message", NOT_TOO_LONG)
def test_nothing_else_is_taken_for_it(message: str) -> None:
    assert hear([STREAM, event({"error": {"message": message}})]).code not in ("", "context_overflow")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"error":"no such thing"}', "no such thing"),
        ('{"error":{"message":"no such thing","code":500}}', "no such thing"),
        ('{"detail":"no such thing"}', "no such thing"),
        ('{"detail":[{"loc":["body"],"msg":"no such thing"}]}', "no such thing"),
        ('{"object":"error","message":"no such thing","code":40001}', "no such thing"),
        ('{"type":"error","error":{"type":"api_error","message":"no such thing"}}', "no such thing"),
        ('[{"error":{"message":"no such thing"}}]', "no such thing"),
        ('{"errors":[{"message":"no such thing"}]}', "no such thing"),
        ('{"error":{"metadata":{"raw":"no such thing"},"message":"Provider returned error"}}', "no such thing"),
        ("<html><head><title>502</title></head><body><h1>no such thing</h1></body></html>", "no such thing"),
        ("no such thing", "no such thing"),
    ],
)
@pytest.mark.parametrize("status", [200, 400, 500])
def test_every_shape_of_an_error_is_shown(body: str, said: str, status: int) -> None:
    heard = hear([whole(status, body.encode())])
    assert heard.error is not None
    assert said in heard.error.message
    assert "<h1>" not in heard.error.message


def test_a_model_that_is_loading_is_no_model_that_is_absent() -> None:
    loading = hear([whole(503, b'{"error":{"message":"Loading model","type":"unavailable_error","code":503}}')])
    assert loading.error is not None
    assert (loading.error.retryable, loading.error.details) == (True, {"isLoading": True})
    absent = hear([whole(404, b'{"error":{"message":"model \'m\' not found, try pulling it first"}}')])
    assert absent.code == "model_not_found"


def test_a_reason_of_a_failure_names_no_field_of_ours_by_accident() -> None:
    assert failures.unsupported_field(failures.Failure("temperature must be between 0 and 2", status=400)) == ""


Pieces = list[dict[str, Any]]
IDENTITIES: dict[str, tuple[list[Pieces], list[tuple[str, str]]]] = {
    "indexes that repeat, ids that differ": (
        [[{"index": 0, "id": "a", "function": {"name": "one", "arguments": "{}"}}], [{"index": 0, "id": "b", "function": {"name": "two", "arguments": "{}"}}]],
        [("one", "{}"), ("two", "{}")],
    ),
    "no index, null ids": (
        [[{"id": None, "function": {"name": "one", "arguments": '{"a"'}}], [{"id": None, "function": {"arguments": ":1}"}}]],
        [("one", '{"a":1}')],
    ),
    "an index that changes between head and tail": (
        [[{"index": 0, "id": "a", "function": {"name": "one", "arguments": ""}}], [{"index": 1, "function": {"arguments": "{}"}}]],
        [("one", "{}")],
    ),
    "another id in each piece": (
        [[{"index": 0, "id": "a", "function": {"name": "one", "arguments": '{"a"'}}], [{"index": 0, "id": "b", "function": {"arguments": ":1}"}}]],
        [("one", '{"a":1}')],
    ),
    "a name in each piece": (
        [[{"index": 0, "id": "a", "function": {"name": "one", "arguments": '{"a"'}}], [{"index": 0, "id": "a", "function": {"name": "one", "arguments": ":1}"}}]],
        [("one", '{"a":1}')],
    ),
    "a new name after whole arguments": (
        [[{"index": 0, "function": {"name": "one", "arguments": "{}"}}], [{"index": 0, "function": {"name": "two", "arguments": "{}"}}]],
        [("one", "{}"), ("two", "{}")],
    ),
    "the same tool again, without ids": (
        [[{"function": {"name": "one", "arguments": '{"a":1}'}}], [{"function": {"name": "one", "arguments": '{"a":2}'}}]],
        [("one", '{"a":1}'), ("one", '{"a":2}')],
    ),
    "two in one list with one index": (
        [[{"index": 0, "function": {"name": "one", "arguments": "{}"}}, {"index": 0, "function": {"name": "two", "arguments": "{}"}}]],
        [("one", "{}"), ("two", "{}")],
    ),
    "two that grow by turns": (
        [
            [{"index": 0, "id": "a", "function": {"name": "one", "arguments": '{"a"'}}, {"index": 1, "id": "b", "function": {"name": "two", "arguments": '{"b"'}}],
            [{"index": 1, "function": {"arguments": ":2}"}}, {"index": 0, "function": {"arguments": ":1}"}}],
        ],
        [("one", '{"a":1}'), ("two", '{"b":2}')],
    ),
    "the name after the id": (
        [[{"index": 0, "id": "a"}], [{"index": 0, "function": {"name": "one"}}], [{"index": 0, "function": {"arguments": "{}"}}]],
        [("one", "{}")],
    ),
    "a name that grows": (
        [[{"index": 0, "id": "a", "function": {"name": "on"}}], [{"index": 0, "id": "a", "function": {"name": "one", "arguments": "{}"}}]],
        [("one", "{}")],
    ),
    "numbers as ids": (
        [[{"id": 1, "function": {"name": "one", "arguments": "{}"}}], [{"id": 2, "function": {"name": "two", "arguments": "{}"}}]],
        [("one", "{}"), ("two", "{}")],
    ),
    "a function without its wrapper": ([[{"index": 0, "id": "a", "name": "one", "arguments": {"a": 1}}]], [("one", '{"a":1}')]),
    "the head of the second under the first index, its tail under its own": (
        [
            [{"index": 0, "id": "a", "function": {"name": "one", "arguments": '{"a":1}'}}],
            [{"index": 0, "id": "b", "function": {"name": "two", "arguments": '{"b"'}}],
            [{"index": 1, "function": {"arguments": ":2}"}}],
        ],
        [("one", '{"a":1}'), ("two", '{"b":2}')],
    ),
    "things that are no pieces": ([[None, 5, "x", {"index": 0, "id": "a", "function": {"name": "one"}}]], [("one", "{}")]),  # type: ignore[list-item]
}  # fmt: skip


@pytest.mark.parametrize("form", IDENTITIES)
def test_pieces_of_calls_find_their_call(form: str) -> None:
    chunks, wanted = IDENTITIES[form]
    calls = StreamedCalls()
    for pieces in chunks:
        calls.take(pieces)
    assert [(part.name, part.arguments) for part in calls.parts()] == wanted


def test_the_calls_that_the_server_parsed_count_more_than_those_in_its_text() -> None:
    text = '<tool_call>\n{"name": "grep", "arguments": {"pattern": "x"}}\n</tool_call>'
    tools = b'[{"type":"function","function":{"name":"grep","parameters":{"type":"object","properties":{"pattern":{"type":"string"}}}}}]'
    parsed = use({"index": 0, "id": "a", "function": {"name": "grep", "arguments": '{"pattern":"y"}'}})
    for pieces, wanted in (([say(text)], '{"pattern":"x"}'), ([say(text), parsed], '{"pattern":"y"}')):
        with ByteServer(lambda request, pieces=pieces: [STREAM, *pieces, finish("tool_calls"), DONE]) as server:
            assert Heard(server.url, tools=tools).calls == [("grep", wanted)]


def test_a_server_that_demands_reasoning_back_gets_it_in_every_answer() -> None:
    error = b'{"error":{"message":"The `reasoning_content` in the thinking mode must be passed back to the API.","type":"invalid_request_error"}}'

    def reply(request: Request) -> list[Piece]:
        answers = [message for message in request.body["messages"] if message["role"] == "assistant"]
        return [STREAM, say("fine"), finish()] if all("reasoning_content" in each for each in answers) else [whole(400, error)]

    messages = b'[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}]'
    with ByteServer(reply) as server:
        assert Heard(server.url, messages=messages).text == "fine"
        assert len(server.requests) == 2
