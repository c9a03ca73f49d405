"""Questions of models over HTTP: listed while they are open, answered once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.gateway import LocalGateway

from opta_core.clock import utc_in
from opta_protocol import events as e
from opta_protocol.permissions import Risk


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[LocalGateway]:
    with LocalGateway(tmp_path) as gateway:
        yield gateway


def asked(gateway: LocalGateway, *options: str, in_s: float = 60) -> str:
    """A session whose model asks a question, `q1`."""
    sid = gateway.session()
    gateway.post(f"/v3/sessions/{sid}/turns", {"text": "go"})
    here: dict[str, Any] = {"sid": sid, "turn": "t1"}

    async def write() -> None:
        for event in (
            e.StepStart(**here, step=1, provider="p", model="m", attempt=1),
            e.ToolCall(**here, callId="c1", name="ask_user", args={"question": "Which?"}, risk=Risk.read, step=1),
            e.QuestionAsked(**here, questionId="q1", callId="c1", text="Which?", options=list(options), expiresAt=utc_in(in_s)),
        ):
            await gateway.house.agent.written(event)

    gateway.run(write())
    return sid


def said(gateway: LocalGateway, sid: str) -> dict[str, Any]:
    transcript = gateway.get(f"/v3/sessions/{sid}?atSeq=999").json()["transcript"]
    return transcript["turns"][0]["steps"][0]["calls"][0]["asked"]


def test_an_open_question_is_listed_and_the_first_answer_counts(gateway: LocalGateway) -> None:
    sid = asked(gateway, "Postgres", "SQLite")
    assert gateway.get(f"/v3/sessions/{sid}").json()["state"] == "waiting"
    (listed,) = gateway.get("/v3/questions").json()["questions"]
    assert (listed["sid"], listed["questionId"], listed["text"], listed["options"]) == (sid, "q1", "Which?", ["Postgres", "SQLite"])
    # It is no question about a permission.
    assert gateway.get("/v3/permissions").json()["permissions"] == []
    assert gateway.post(f"/v3/sessions/{sid}/permissions/q1", {"decision": "allow"}).status == 404
    target = f"/v3/sessions/{sid}/questions/q1"
    for body, status in (
        ({}, 422),
        ({"text": " "}, 422),
        ({"option": 2}, 422),
        ({"option": -1}, 422),
        ({"option": "x"}, 422),
        ({"other": 1}, 422),
    ):
        assert gateway.post(target, body).status == status
    assert gateway.post(target, {"option": 1, "client": "the page"}).status == 200
    assert (said(gateway, sid)["answer"], said(gateway, sid)["client"]) == ("SQLite", "the page")
    late = gateway.post(target, {"text": "Neither"})
    assert (late.status, late.json()["error"]["message"]) == (409, "This question was answered already in the page.")
    assert gateway.get("/v3/questions").json()["questions"] == []
    assert gateway.get(f"/v3/sessions/{sid}").json()["state"] == "running"
    assert gateway.post(f"/v3/sessions/{sid}/questions/q2", {"text": "x"}).status == 404


def test_any_words_are_an_answer(gateway: LocalGateway) -> None:
    sid = asked(gateway)
    assert gateway.post(f"/v3/sessions/{sid}/questions/q1", {"text": "Use files. \u200b"}).status == 200
    assert said(gateway, sid)["answer"] == "Use files. \u200b"


def test_a_question_whose_time_or_turn_is_over_takes_no_answer(gateway: LocalGateway) -> None:
    expired = asked(gateway, in_s=-1)
    assert gateway.post(f"/v3/sessions/{expired}/questions/q1", {"text": "x"}).status == 409
    stopped = asked(gateway)

    async def end() -> None:
        await gateway.house.agent.written(e.SessionCancelled(sid=stopped, turn="t1", reason="x", by="client"))

    gateway.run(end())
    refused = gateway.post(f"/v3/sessions/{stopped}/questions/q1", {"text": "x"})
    assert (refused.status, refused.json()["error"]["message"]) == (409, "The turn of this question has ended.")
    assert gateway.get("/v3/questions").json()["questions"] == []
