"""Over HTTP: plans that are accepted, and sub-agents below the session that started them."""

from pathlib import Path
from typing import Any

import pytest
from support.gateway import LocalGateway
from support.oracles import until

from opta_protocol.control_events import TurnPausing
from opta_protocol.events import Event, PermissionRequest, SessionStart, StepDone, StepStart, ToolCall, TurnDone, TurnStart, TurnToken
from opta_protocol.permissions import Level, Mode, Risk

CHILD = "cdefab"


@pytest.fixture
def gateway(tmp_path: Path) -> Any:
    with LocalGateway(tmp_path) as running:
        yield running


def store(gateway: LocalGateway, *events: Event) -> None:
    """Events of an agent."""

    async def write() -> None:
        for event in events:
            result = await gateway.house.agent.written(event)
            assert result.error is None, result.error

    gateway.run(write())


def turn(gateway: LocalGateway, sid: str, text: str, name: str, mode: str = "plan", finish: str = "stop") -> None:
    """A whole turn with an answer."""
    assert gateway.post(f"/v3/sessions/{sid}/turns", {"text": "go", "mode": mode}).json()["turnId"] == name
    here = {"sid": sid, "turn": name}
    ended = TurnDone(**here, tokens=1, elapsed=1, tokensPerSec=1, tools=0, steps=1, finish=finish)  # type: ignore[arg-type]
    store(
        gateway,
        StepStart(**here, step=1, provider="p", model="m", attempt=1),
        TurnToken(**here, delta=text),
        StepDone(**here, step=1, tokens=1, promptTokens=1, cachedTokens=0, finish="stop"),
        ended,
    )


def child(gateway: LocalGateway, parent: str, sid: str = CHILD) -> str:
    """A sub-agent whose turn runs."""
    store(
        gateway,
        SessionStart(
            sid=sid, title="part", cwd="/", mode=Mode.do, level=Level.L2, parent=parent, parentTurn="t1", parentCall="c1", depth=1
        ),
        TurnStart(sid=sid, role="agent", text="work", mode=Mode.do, level=Level.L2, key="agent c1", body="agent"),
    )
    return sid


def test_an_accepted_plan_is_the_prompt_of_a_turn_in_mode_do(gateway: LocalGateway) -> None:
    sid = gateway.session(mode="plan")
    assert gateway.get(f"/v3/sessions/{sid}").json()["level"] == "L2"
    turn(gateway, sid, "1. Change a.txt.", "t1")
    accepted = gateway.post(f"/v3/sessions/{sid}/turns", {"fromPlan": "t1", "text": "But carefully."}, ("Idempotency-Key", "k"))
    assert accepted.status == 202
    again = gateway.post(f"/v3/sessions/{sid}/turns", {"fromPlan": "t1", "text": "But carefully."}, ("Idempotency-Key", "k"))
    assert again.json()["turnId"] == accepted.json()["turnId"] == "t2"
    events = gateway.get(f"/v3/sessions/{sid}/events").json()["events"]
    (start,) = [event for event in events if event.get("fromPlan")]
    assert (start["mode"], start["level"], start["fromPlan"]) == ("do", "L2", "t1")
    assert start["text"] == "The user accepted this plan. Carry it out.\n\n1. Change a.txt.\n\nBut carefully."


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"fromPlan": "t9"}, 404, "there is no turn 't9'"),
        ({"fromPlan": "t1", "mode": "chat"}, 422, "an accepted plan is carried out in mode do, not chat"),
        ({"fromPlan": "t1", "mode": "plan"}, 422, "an accepted plan is carried out in mode do, not plan"),
        ({"fromPlan": "t2"}, 422, "t2 is no turn in mode plan"),
        ({"fromPlan": "t3"}, 409, "t3 did not come to a plan"),
        ({"fromPlan": "t4"}, 409, "t4 did not come to a plan"),
        ({"fromPlan": "t5"}, 409, "t5 has not ended"),
        ({"text": " "}, 422, "only white space"),
        ({}, 422, "only white space"),
        ({"fromPlan": ""}, 422, "only white space"),
        ({"fromPlan": 3}, 422, "fromPlan"),
        ({"text": "x", "mode": "planning"}, 422, "mode"),
    ],
)
def test_what_is_no_plan_is_refused_with_the_reason(gateway: LocalGateway, body: dict[str, Any], status: int, said: str) -> None:
    sid = gateway.session(mode="plan")
    turn(gateway, sid, "1. Do it.", "t1")
    turn(gateway, sid, "Done.", "t2", mode="do")
    turn(gateway, sid, "1. Half", "t3", finish="length")
    turn(gateway, sid, " ", "t4")
    gateway.post(f"/v3/sessions/{sid}/turns", {"text": "go", "mode": "plan"})
    stored = gateway.stored()
    answer = gateway.post(f"/v3/sessions/{sid}/turns", body)
    assert (answer.status, said in answer.json()["error"]["message"]) == (status, True), answer.json()
    assert gateway.stored() == stored


def test_lists_show_sub_agents_when_they_are_asked_for(gateway: LocalGateway) -> None:
    sid = gateway.session(title="main")
    gateway.post(f"/v3/sessions/{sid}/turns", {"text": "go"})
    child(gateway, sid)
    listed = {query: [session["id"] for session in gateway.get(f"/v3/sessions{query}").json()["sessions"]] for query in ("", "?children=1")}
    assert listed == {"": [sid], "?children=1": [CHILD, sid]}
    (found,) = gateway.get(f"/v3/sessions?parent=s-{sid[:4]}").json()["sessions"]
    assert (found["id"], found["parentCall"], found["parent"]) == (CHILD, "c1", sid)
    assert gateway.get("/v3/sessions?parent=zzzzzz").status == 404


def test_a_question_of_a_sub_agent_names_it_and_its_parent(gateway: LocalGateway) -> None:
    sid = gateway.session(title="main", mode="do")
    gateway.post(f"/v3/sessions/{sid}/turns", {"text": "go"})
    child(gateway, sid)
    here = {"sid": CHILD, "turn": "t1"}
    call = ToolCall(**here, callId="x", name="write_file", args={"path": "a"}, risk=Risk.write, step=1)
    asked = PermissionRequest(
        **here,
        requestId="r",
        callId="x",
        name="write_file",
        args={"path": "a"},
        reason="",
        rule="",
        layer="",
        expiresAt="2099-01-01T00:00:00Z",
    )
    store(gateway, StepStart(**here, step=1, provider="p", model="m", attempt=1), call, asked)
    (found,) = gateway.get("/v3/permissions").json()["permissions"]
    assert (found["sid"], found["title"], found["parent"], found["parentTitle"]) == (CHILD, "part", sid, "main")
    parent = gateway.get(f"/v3/sessions/{sid}").json()
    assert (parent["state"], parent["pending"]) == ("waiting", 1)
    assert gateway.post(f"/v3/sessions/{CHILD}/permissions/r", {"decision": "deny"}).status == 200
    assert gateway.get("/v3/permissions").json()["permissions"] == []


def test_a_session_is_deleted_with_its_sub_agents_unless_one_runs(gateway: LocalGateway) -> None:
    sid = gateway.session(mode="do")
    turn(gateway, sid, "x", "t1", mode="do")
    child(gateway, sid)
    # A turn of its person runs in the sub-agent's session; the delegated one ended with its parent's.
    store(gateway, TurnStart(sid=CHILD, role="user", text="more", mode=Mode.do, level=Level.L2))
    refused = gateway.ask("DELETE", f"/v3/sessions/{sid}")
    assert (
        refused.status == 409
        and f"s-{CHILD}, a sub-agent of s-{sid}, has a running turn. Stop it first." in refused.json()["error"]["message"]
    )
    for name in ("t1", "t2"):
        store(gateway, TurnDone(sid=CHILD, turn=name, tokens=1, elapsed=1, tokensPerSec=1, tools=0, steps=1, finish="stop"))
    assert gateway.ask("DELETE", f"/v3/sessions/{sid}?to=archive").status == 200
    assert until(lambda: [gateway.get(f"/v3/sessions/{each}").status for each in (CHILD, sid)] == [404, 404], 10)


def test_a_sub_agent_that_was_paused_with_its_parent_is_resumed_with_it(gateway: LocalGateway) -> None:
    sid = gateway.session(mode="do")
    gateway.post(f"/v3/sessions/{sid}/turns", {"text": "go"})
    child(gateway, sid)
    store(gateway, TurnPausing(sid=sid, turn="t1", by="client"))
    refused = gateway.post(f"/v3/sessions/{CHILD}/resume", {})
    assert refused.status == 409 and f"opta sessions resume {sid}" in refused.json()["error"]["message"]
    assert gateway.post(f"/v3/sessions/{sid}/resume", {}).status == 202
    names = [event["event"] for event in gateway.get(f"/v3/sessions/{CHILD}/events").json()["events"]]
    assert names[-2:] == ["turn.pausing", "turn.resumed"]


def test_a_fork_of_a_sub_agent_is_an_ordinary_session_with_the_same_tools(gateway: LocalGateway) -> None:
    sid = gateway.session(mode="do")
    gateway.post(f"/v3/sessions/{sid}/turns", {"text": "go"})
    child(gateway, sid)
    store(gateway, TurnDone(sid=CHILD, turn="t1", tokens=1, elapsed=1, tokensPerSec=1, tools=0, steps=1, finish="stop"))
    made = gateway.post(f"/v3/sessions/{CHILD}/fork", {}).json()["session"]
    assert (made["parent"], made["parentCall"]) == (CHILD, "")
    assert made["id"] in [session["id"] for session in gateway.get("/v3/sessions").json()["sessions"]]
    assert gateway.get(f"/v3/sessions/{made['id']}/events").json()["events"][0]["depth"] == 1
