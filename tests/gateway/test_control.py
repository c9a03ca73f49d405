"""Control of turns over HTTP: words for a running turn, a pause, other words for a waiting one, and limits."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.gateway import LocalGateway

from opta_protocol import events as e
from opta_protocol.control_events import SteerText
from opta_protocol.event_parts import Limits


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[LocalGateway]:
    with LocalGateway(tmp_path) as gateway:
        yield gateway


@pytest.fixture
def sid(gateway: LocalGateway) -> str:
    return gateway.session(mode="do")


def prompt(gateway: LocalGateway, sid: str, text: str = "go", **more: Any) -> dict[str, Any]:
    answer = gateway.post(f"/v3/sessions/{sid}/turns", {"text": text, **more})
    assert answer.status == 202, answer
    return answer.json()


def agent(gateway: LocalGateway, event: e.Event) -> None:
    gateway.run(gateway.house.agent.written(event))


def begin(gateway: LocalGateway, sid: str, number: int = 1, *steers: tuple[str, str]) -> None:
    read = [SteerText(id=id_, text=text) for id_, text in steers]
    agent(gateway, e.StepStart(sid=sid, turn="t1", step=number, provider="lmx", model="probe", attempt=1, steers=read))


def events(gateway: LocalGateway, sid: str, name: str) -> list[dict[str, Any]]:
    stored = map(json.loads, gateway.stored()[f"{sid}.jsonl"].splitlines())
    return [event for event in stored if event["event"] == name]


def code(answer: Any) -> tuple[int, str]:
    return answer.status, answer.json()["error"]["code"]


def test_words_are_added_changed_and_taken_back(gateway: LocalGateway, sid: str) -> None:
    prompt(gateway, sid)
    begin(gateway, sid)
    steer = f"/v3/sessions/{sid}/steer"
    first = gateway.post(steer, {"text": "Only in src."}, ("Idempotency-Key", "k1"))
    assert first.status == 202 and first.json()["turnId"] == "t1"
    again = gateway.post(steer, {"text": "Only in src."}, ("Idempotency-Key", "k1"))
    assert again.json() == first.json()
    assert code(gateway.post(steer, {"text": "Other."}, ("Idempotency-Key", "k1"))) == (422, "invalid")
    assert len(events(gateway, sid, "turn.steer")) == 1
    id_ = first.json()["steerId"]
    assert gateway.post(f"{steer}/{id_}", {"text": "Only in lib."}, method="PATCH").status == 200
    second = gateway.post(steer, {"text": "And quickly."}).json()["steerId"]
    assert gateway.ask("DELETE", f"{steer}/{second}").status == 200
    assert code(gateway.ask("DELETE", f"{steer}/{second}")) == (404, "not_found")
    begin(gateway, sid, 2, (id_, "Only in lib."))
    assert code(gateway.post(f"{steer}/{id_}", {"text": "x"}, method="PATCH")) == (409, "conflict")
    details = gateway.get(f"/v3/sessions/{sid}?atSeq=999").json()
    assert details["transcript"]["turns"][0]["steers"] == [{"id": id_, "text": "Only in lib.", "step": 2}]


@pytest.mark.parametrize("body", [{"text": " \n"}, {"text": ""}, {}, {"text": "x", "more": 1}, {"text": 3}, {"text": "x" * 400_001}])
def test_bad_words_are_refused(gateway: LocalGateway, sid: str, body: dict[str, Any]) -> None:
    prompt(gateway, sid)
    for target, method in (
        (f"/v3/sessions/{sid}/steer", "POST"),
        (f"/v3/sessions/{sid}/turns/t1", "PATCH"),
        (f"/v3/sessions/{sid}/steer/a", "PATCH"),
    ):
        assert gateway.post(target, body, method=method).status == 422


def test_without_a_running_turn_nothing_is_steered_or_paused(gateway: LocalGateway, sid: str) -> None:
    steer = gateway.post(f"/v3/sessions/{sid}/steer", {"text": "x"})
    assert (*code(steer), steer.json()["error"]["message"]) == (409, "conflict", f"s-{sid} has no running turn. Send it as a prompt.")
    assert code(gateway.post(f"/v3/sessions/{sid}/pause", {})) == (409, "conflict")
    assert code(gateway.ask("DELETE", f"/v3/sessions/{sid}/steer/a")) == (409, "conflict")
    prompt(gateway, sid)
    other = gateway.post(f"/v3/sessions/{sid}/steer", {"text": "x", "turnId": "t7"})
    assert other.json()["error"]["message"] == f"t7 is not the running turn of s-{sid}; that is t1."


def test_a_turn_is_paused_and_resumed_by_another_client(gateway: LocalGateway, sid: str) -> None:
    prompt(gateway, sid)
    begin(gateway, sid)
    assert code(gateway.post(f"/v3/sessions/{sid}/resume", {})) == (409, "conflict")
    for _ in range(2):
        assert gateway.post(f"/v3/sessions/{sid}/pause", {}).status == 202
    agent(gateway, e.TurnPaused(sid=sid, turn="t1", step=2))
    assert gateway.get(f"/v3/sessions/{sid}").json()["state"] == "paused"

    async def restart() -> None:
        gateway.house.local.restart()

    gateway.run(restart())
    resumed = gateway.post(f"/v3/sessions/{sid}/resume", {})
    assert (resumed.status, resumed.json()["turnId"]) == (202, "t1")
    assert gateway.get(f"/v3/sessions/{sid}").json()["state"] == "running"
    assert [len(events(gateway, sid, name)) for name in ("turn.pausing", "turn.paused", "turn.resumed")] == [1, 1, 1]


def test_a_waiting_turn_gets_another_prompt_or_is_removed(gateway: LocalGateway, sid: str) -> None:
    prompt(gateway, sid)
    assert prompt(gateway, sid, "second")["queued"]
    assert gateway.post(f"/v3/sessions/{sid}/turns/t2", {"text": "the second"}, method="PATCH").status == 200
    transcript = gateway.get(f"/v3/sessions/{sid}?atSeq=999").json()["transcript"]
    assert [turn["text"] for turn in transcript["turns"]] == ["go", "the second"]
    assert code(gateway.post(f"/v3/sessions/{sid}/turns/t1", {"text": "x"}, method="PATCH")) == (409, "conflict")
    assert code(gateway.post(f"/v3/sessions/{sid}/turns/t9", {"text": "x"}, method="PATCH")) == (409, "conflict")
    assert gateway.post(f"/v3/sessions/{sid}/stop", {"turnId": "t2"}).json()["turnId"] == "t2"
    assert [event["turn"] for event in events(gateway, sid, "session.cancelled")] == ["t2"]


def test_a_resumed_turn_is_the_answer_to_the_same_request_while_it_runs(gateway: LocalGateway, sid: str) -> None:
    prompt(gateway, sid)
    agent(gateway, e.TurnError(sid=sid, turn="t1", code="broken", message="x", domain="tool"))  # type: ignore[arg-type]
    answers = [gateway.post(f"/v3/sessions/{sid}/resume", {}, ("Idempotency-Key", "k")).json() for _ in range(2)]
    assert answers[0]["turnId"] == answers[1]["turnId"] == "t2"
    assert gateway.post(f"/v3/sessions/{sid}/resume", {}, ("Idempotency-Key", "other")).status == 409


def test_a_turn_is_resumed_with_higher_limits_and_with_words(gateway: LocalGateway, sid: str) -> None:
    prompt(gateway, sid, limits={"steps": 3})
    begin(gateway, sid)
    gateway.post(f"/v3/sessions/{sid}/steer", {"text": "Only in src."})
    agent(gateway, e.TurnDone(sid=sid, turn="t1", tokens=1, elapsed=1, tokensPerSec=1, tools=0, steps=3, finish="steps"))
    answer = gateway.post(f"/v3/sessions/{sid}/resume", {"limits": {"steps": 9, "minutes": 1.5}, "text": "And quickly."})
    assert answer.status == 202, answer
    first, second = events(gateway, sid, "turn.start")
    assert (first["limits"], second["limits"]) == ({"steps": 3}, {"steps": 9, "minutes": 1.5})
    # Words that the turn ended without reading are not lost.
    assert (second["resumes"], second["text"]) == ("t1", "Only in src.\n\nAnd quickly.")
    for limits in ({"steps": -1}, {"tokens": 1.5}, {"minutes": "x"}, {"other": 1}):
        assert gateway.post(f"/v3/sessions/{sid}/turns", {"text": "x", "limits": limits}).status == 422


def resumed(gateway: LocalGateway, sid: str, **more: Any) -> dict[str, Any]:
    answer = gateway.post(f"/v3/sessions/{sid}/resume", more)
    assert answer.status == 202, answer
    return events(gateway, sid, "turn.start")[-1]


def broken(gateway: LocalGateway, sid: str, turn: str = "t1") -> None:
    agent(gateway, e.TurnError(sid=sid, turn=turn, code="broken", message="x", domain="tool"))  # type: ignore[arg-type]


def test_a_turn_goes_on_as_it_was_asked_for(gateway: LocalGateway, sid: str) -> None:
    gateway.post(f"/v3/sessions/{sid}", {"level": "L3"}, method="PATCH")
    prompt(gateway, sid, mode="plan", level="L1", model="lmx/small", limits={"steps": 3, "tokens": 50_000})
    agent(gateway, e.TurnDone(sid=sid, turn="t1", tokens=1, elapsed=1, tokensPerSec=1, tools=0, steps=3, finish="steps"))
    # A plan that was cut off still only reads, and may ask no more of the person and use no more than it was allowed.
    again = resumed(gateway, sid)
    assert (again["mode"], again["level"], again["model"], again["limits"]) == ("plan", "L1", "lmx/small", {"steps": 3, "tokens": 50_000})
    broken(gateway, sid, "t2")
    more = resumed(gateway, sid, limits={"steps": 9}, level="L2")
    assert (more["mode"], more["level"], more["limits"]) == ("plan", "L2", {"steps": 9, "tokens": 50_000})
    # It failed, perhaps for its model.
    assert "model" not in more


def test_what_a_person_set_since_a_turn_began_counts_when_it_goes_on(gateway: LocalGateway, sid: str) -> None:
    prompt(gateway, sid)
    broken(gateway, sid)
    gateway.post(f"/v3/sessions/{sid}", {"level": "L3", "model": "lmx/other"}, method="PATCH")
    again = resumed(gateway, sid)
    assert (again["mode"], again["level"], again["model"]) == ("do", "L3", "lmx/other")


def test_a_turn_is_asked_again_within_its_limits(gateway: LocalGateway, sid: str) -> None:
    prompt(gateway, sid, limits={"steps": 3})
    running = {"steps": 3, "calls": 1000}
    agent(gateway, e.StepStart(sid=sid, turn="t1", step=1, provider="lmx", model="probe", attempt=1, limits=Limits(**running)))
    ended(gateway, sid, "t1")
    made = gateway.post(f"/v3/sessions/{sid}/fork", {"again": True}).json()["session"]["id"]
    assert events(gateway, made, "turn.start")[0]["limits"] == {"steps": 3}


def ended(gateway: LocalGateway, sid: str, turn: str) -> None:
    agent(gateway, e.TurnToken(sid=sid, turn=turn, delta=f"answer {turn}"))
    agent(gateway, e.TurnDone(sid=sid, turn=turn, tokens=1, elapsed=1, tokensPerSec=1, tools=0, steps=1, finish="stop"))


def test_a_session_is_forked_at_a_turn_and_names_its_parent(gateway: LocalGateway, sid: str) -> None:
    for number in (1, 2):
        prompt(gateway, sid, f"prompt {number}")
        ended(gateway, sid, f"t{number}")
    before = gateway.stored()[f"{sid}.jsonl"]
    made = gateway.post(f"/v3/sessions/{sid}/fork", {"turnId": "t1"}, ("Idempotency-Key", "k")).json()
    assert gateway.post(f"/v3/sessions/{sid}/fork", {"turnId": "t1"}, ("Idempotency-Key", "k")).json() == made
    fork = made["session"]
    assert (fork["parent"], fork["parentTurn"], fork["turns"], fork["title"]) == (sid, "t1", 1, "prompt 1 (fork)")
    assert made.get("turnId", "") == "" and gateway.stored()[f"{sid}.jsonl"] == before
    # Without a turn: all that has ended.
    prompt(gateway, sid, "prompt 3")
    assert gateway.post(f"/v3/sessions/{sid}/fork", {}).json()["session"]["turns"] == 2
    assert code(gateway.post(f"/v3/sessions/{sid}/fork", {"turnId": "t3"})) == (409, "busy")
    assert code(gateway.post(f"/v3/sessions/{sid}/fork", {"turnId": "t9"})) == (404, "not_found")
    assert code(gateway.post(f"/v3/sessions/{gateway.session()}/fork", {})) == (409, "conflict")


def test_a_turn_is_asked_again_or_with_other_words_in_a_fork(gateway: LocalGateway, sid: str) -> None:
    prompt(gateway, sid, "one")
    ended(gateway, sid, "t1")
    prompt(gateway, sid, "two", level="L3")
    for body, text in (({"turnId": "t2", "again": True}, "two"), ({"turnId": "t2", "text": "two, better", "level": "L1"}, "two, better")):
        made = gateway.post(f"/v3/sessions/{sid}/fork", body, ("Idempotency-Key", text)).json()
        again = gateway.post(f"/v3/sessions/{sid}/fork", body, ("Idempotency-Key", text)).json()
        assert made["turnId"] == again["turnId"] == "t2"
        starts = events(gateway, made["session"]["id"], "turn.start")
        assert [start["text"] for start in starts] == ["one", text]
        assert starts[1]["level"] == body.get("level", "L3")
    # The old branch stays.
    assert [start["text"] for start in events(gateway, sid, "turn.start")] == ["one", "two"]


def test_a_turn_that_resumed_another_one_resumes_it_again_in_the_fork(gateway: LocalGateway, sid: str) -> None:
    prompt(gateway, sid)
    agent(gateway, e.TurnError(sid=sid, turn="t1", code="broken", message="x", domain="tool"))  # type: ignore[arg-type]
    assert gateway.post(f"/v3/sessions/{sid}/resume", {}).status == 202
    ended(gateway, sid, "t2")
    for body, text in (({"again": True}, ""), ({"text": "Only in src."}, "Only in src.")):
        made = gateway.post(f"/v3/sessions/{sid}/fork", {"turnId": "t2", **body}).json()
        again = events(gateway, made["session"]["id"], "turn.start")[1]
        assert (made["turnId"], again["resumes"], again["text"]) == ("t2", "t1", text)
