"""Whole turns against model servers in the manner of those that people run: calls as text, odd streams, empty answers, small windows."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from core.tool_text_formats import FORMATS
from support.byte_server import DONE, STREAM, ByteServer, Piece, Request, event, finish, say, use, whole
from support.daemon import Daemon

from opta_core.fold import fold
from opta_protocol import wire

pytestmark = pytest.mark.system

FAMILIES = ("hermes", "qwen3_coder", "harmony", "mistral_v3", "glm45", "kimi_k2", "deepseek_v31", "llama3_json", "pythonic", "json_fence")
LOADING = b'{"error":{"message":"Loading model","type":"unavailable_error","code":503}}'


def reply(request: Request) -> list[Piece]:
    messages = request.body["messages"]
    asked, last = str(messages[1]["content"]).split("\n")[0], messages[-1]
    if asked.startswith("format "):
        if last["role"] == "tool":
            return [STREAM, say(f"It says: {last['content']}"), finish()]
        return [STREAM, *(say(FORMATS[asked.removeprefix("format ")].one[at : at + 3]) for at in range(0, 400, 3)), finish()]
    match asked:
        case "edit and test":
            if last["role"] == "tool":
                return [STREAM, say(last["content"]), finish()]
            edit = {"path": "value.txt", "old": "old", "new": "new"}
            calls = [("edit_file", edit), ("run_command", {"command": "cat value.txt"})]
            pieces = [{"index": at, "id": f"c{at}", "function": {"name": n, "arguments": json.dumps(a)}} for at, (n, a) in enumerate(calls)]
            return [STREAM, use(*pieces), finish("tool_calls")]
        case "empty":
            return [STREAM, finish()]
        case "late":
            if sum(sent.prompt.split("\n")[0] == "late" for sent in server.requests) < 3:
                return [whole(503, LOADING, "Retry-After: 0")]
            return [STREAM, say("here"), finish()]
        case "thinking":
            return [STREAM, event({"choices": [{"delta": {"content": "deep "}}]}), say("thought</think>"), say("the answer"), finish()]
        case _:
            return [STREAM, say("fine"), DONE]


server = ByteServer(reply)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with server, Daemon(tmp_path_factory.mktemp("servers"), model_url=server.url) as running:
        (running.workspace / "a.txt").write_text("the content of a\n")
        (running.workspace / "value.txt").write_text("old\n")
        yield running


def play(daemon: Daemon, prompt: str) -> list[dict[str, Any]]:
    sid = daemon.session(mode="do", policy="unrestricted")
    return daemon.follow(sid, daemon.submit(sid, prompt))


def said(events: list[dict[str, Any]]) -> str:
    return "".join(event["delta"] for event in events if event["event"] == "turn.token")


@pytest.mark.parametrize("family", [family for family in FAMILIES if family in FORMATS])
def test_a_call_written_as_text_is_run_and_its_text_is_not_shown(daemon: Daemon, family: str) -> None:
    events = play(daemon, f"format {family}")
    assert [event["name"] for event in events if event["event"] == "tool.call"] == ["read_file"]
    assert (events[-1]["event"], said(events).strip()) == ("turn.done", "It says: 1\tthe content of a")


def test_a_command_sees_what_the_edit_before_it_wrote(daemon: Daemon) -> None:
    (daemon.workspace / "value.txt").write_text("old\n")
    assert "new" in said(play(daemon, "edit and test"))


def test_nothing_twice_ends_with_its_reason(daemon: Daemon) -> None:
    ending = play(daemon, "empty")[-1]
    assert (ending["event"], ending["code"], ending["domain"]) == ("turn.error", "no_answer", "inference")
    assert "twice" in ending["message"]


def test_a_server_that_loads_its_model_is_waited_for(daemon: Daemon) -> None:
    events = play(daemon, "late")
    assert (events[-1]["event"], said(events)) == ("turn.done", "here")


def test_reasoning_without_its_mark_is_no_part_of_the_answer(daemon: Daemon) -> None:
    sid = daemon.session(mode="do")
    daemon.follow(sid, daemon.submit(sid, "thinking"))
    (turn,) = fold(map(wire.decode, daemon.journal(sid))).turns
    assert [(step.text, step.thinking) for step in turn.steps] == [("the answer", "deep thought")]
