"""What every reply of LMX has to be, whatever was asked, and requests that ask for little."""

import http.client
import json
from dataclasses import dataclass
from typing import Any

from opta_lmx.json_values import as_object
from support.limits import limit_s
from support.lmx import CHAT

HANGS_S = 20.0
TOKENS = 3  # at most, for every request, whatever it asks for
LIMITS = {
    CHAT: "max_tokens", "/v1/completions": "max_tokens", "/v1/messages": "max_tokens", "/v1/responses": "max_output_tokens",
}  # fmt: skip


@dataclass(frozen=True)
class Reply:
    """A whole answer."""

    status: int
    kind: str
    retry_after: str
    body: bytes


def judge(path: str, reply: Reply) -> None:
    """JSON, or whole events; an error in its API's form, and of a kind that says whose fault it is."""
    if reply.status < 300:
        if reply.kind.startswith("text/event-stream"):
            judge_events(path, reply.body)
        elif path != "/metrics":
            json.loads(reply.body)
        return
    assert reply.kind == "application/json", reply
    assert reply.status < 500 or (reply.status == 503 and int(reply.retry_after) > 0), reply
    judge_error(path, json.loads(reply.body))


def judge_error(path: str, said: dict[str, Any]) -> None:
    error = said["error"]
    assert error["message"]
    if path.startswith("/v1/messages"):
        assert (said["type"], set(error)) == ("error", {"type", "message"})
        assert error["type"].endswith("_error")
    else:
        assert set(error) == {"message", "type", "param", "code"}
        assert error["type"] in ("invalid_request_error", "server_error")
        assert error["code"]


def judge_events(path: str, body: bytes) -> None:
    lines = [line for line in body.split(b"\n") if line]
    assert all(line.startswith((b"data: ", b"event: ", b": ")) for line in lines), body
    said = [line.removeprefix(b"data: ") for line in lines if line.startswith(b"data: ")]
    frames = [json.loads(data) for data in said if data != b"[DONE]"]
    if "error" in frames[-1] and frames[-1]["error"] is not None:
        judge_error(path, frames[-1])
    elif path in (CHAT, "/v1/completions"):
        assert said[-1] == b"[DONE]"
    else:
        assert frames[-1]["type"] in ("message_stop", "response.completed", "response.incomplete")


def ask(port: int, path: str, content: bytes, *more: tuple[str, str]) -> Reply:
    """A body as it stands. Raises TimeoutError: LMX hangs."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=limit_s(HANGS_S))
    try:
        connection.request("POST", path, content, {"Content-Type": "application/json", **dict(more)})
        answer = connection.getresponse()
        return Reply(answer.status, answer.getheader("content-type", ""), answer.getheader("retry-after", ""), answer.read())
    finally:
        connection.close()


def bounded(path: str, body: Any) -> Any:
    """The same, with a short answer; wishes that are none stay what they are.

    A wish above the maximum is cut to the maximum, and -1 is the default (tests/lmx/test_chat.py): both would be long answers.
    """
    if (given := as_object(body)) is None:
        return body
    found = dict(given)
    for name in ("max_tokens", "max_completion_tokens", "max_output_tokens"):
        if isinstance(wish := found.get(name), int | float) and not isinstance(wish, bool) and (wish >= 1 or wish == -1):
            found[name] = TOKENS
    if (name := LIMITS.get(path)) and found.get(name) is None:
        found[name] = TOKENS
    return found
