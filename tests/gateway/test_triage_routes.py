"""The triage over HTTP without other processes: what cannot be done is refused with the reason, and a dead daemon is diagnosed in time."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.gateway import LocalGateway
from support.limits import limit_s
from support.store import House, prompt, settle, start_of

from opta_core import clock
from opta_gateway import triage_look
from opta_gateway.service_watch import SILENT_S, ServiceWatch
from opta_protocol import events as e
from opta_protocol import wire
from opta_protocol.service_telemetry import Telemetry


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalGateway]:
    monkeypatch.setattr(triage_look, "PING_S", 0.2)
    with LocalGateway(tmp_path) as running:
        yield running


def diagnosed(gateway: LocalGateway, **body: Any) -> dict[str, Any]:
    answer = gateway.post("/v3/diagnose", body)
    assert answer.status == 200, answer
    return dict(answer.json())


def test_a_gateway_alone_says_who_does_not_answer_and_sends_no_probe(gateway: LocalGateway) -> None:
    began = time.monotonic()
    found = diagnosed(gateway)
    assert time.monotonic() - began < limit_s(5)
    states = {hop["name"]: hop["state"] for hop in found["evidence"]["hops"]}
    assert (states["supervisord"], states["sessions"], states["agent"], states["tools"]) == ("down", "ok", "silent", "silent")
    assert (found["findings"][0]["cause"], found["domain"]) == ("daemon_down", "orchestration")
    assert found["evidence"]["probe"]["state"] == "skipped"


def test_a_clock_that_was_set_is_found(gateway: LocalGateway) -> None:
    try:
        clock.set_wall(lambda: time.time() + 7_200)
        causes = [finding["cause"] for finding in diagnosed(gateway, probe=False)["findings"]]
    finally:
        clock.set_wall()
    assert "clock_jump" in causes


def test_a_client_that_shows_less_than_is_stored_is_behind_and_one_that_shows_all_is_not(gateway: LocalGateway) -> None:
    sid = gateway.session()
    for seq, is_behind in ((0, True), (1, False)):
        found = diagnosed(gateway, session=sid, probe=False, client={"stream": "connected", "lastSeq": seq, "latencyMs": 3})
        assert ("interface_drift" in [each["cause"] for each in found["findings"]]) == is_behind


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"kind": "restart_service", "target": "../x"}, "invalid"),
        ({"kind": "start_service", "target": "nothing"}, "invalid"),
        ({"kind": "command"}, "conflict"),
        ({"kind": "start_daemon"}, "conflict"),
        ({"kind": "explode"}, "invalid"),
        ({"kind": "resume_turn"}, "invalid"),
        ({"kind": "resume_turn", "session": "zzzzzz"}, "not_found"),
        ({"kind": "compact_session", "session": "zzzzzz"}, "not_found"),
        ({"kind": "restart_service", "target": "agent"}, "unavailable"),
        ({}, "invalid"),
        ({"kind": "command", "more": 1}, "invalid"),
    ],
)
def test_a_fix_that_cannot_be_made_is_refused_with_the_reason(gateway: LocalGateway, body: dict[str, Any], code: str) -> None:
    answer = gateway.post("/v3/diagnose/fix", body)
    assert answer.error["code"] == code and answer.error["message"]
    assert answer.status in (404, 409, 422, 503)


@pytest.mark.parametrize(
    ("target", "body", "status"),
    [
        ("/v3/diagnose", {"session": "zzzzzz"}, 404),
        ("/v3/diagnose", {"client": {"lastSeq": -1}}, 422),
        ("/v3/diagnose", {"client": {"stream": "odd"}}, 422),
        ("/v3/sessions/zzzzzz/evidence", {}, 404),
        ("/v3/sessions/zzzzzz/replay", {}, 404),
        ("/v3/sessions/zzzzzz/replay", {"waitS": 1e9}, 422),
    ],
)
def test_bad_input_is_refused(gateway: LocalGateway, target: str, body: dict[str, Any], status: int) -> None:
    assert gateway.post(target, body).status == status


def test_a_session_without_a_failed_turn_has_nothing_to_replay(gateway: LocalGateway) -> None:
    sid = gateway.session()
    assert gateway.post(f"/v3/sessions/{sid}/replay", {}).refusal == (409, "conflict")
    assert gateway.post(f"/v3/sessions/{sid}/replay", {"turnId": "t9"}).refusal == (404, "not_found")


def test_the_evidence_of_a_session_is_a_zip_while_nothing_else_answers(gateway: LocalGateway) -> None:
    sid = gateway.session()
    answer = gateway.post(f"/v3/sessions/{sid}/evidence", {})
    assert (answer.status, answer.header("content-type"), answer.body[:2]) == (200, "application/zip", b"PK")
    assert gateway.auth.token.encode() not in answer.body


def test_a_note_is_written_into_the_session_and_only_there(gateway: LocalGateway) -> None:
    sid = gateway.session()
    diagnosed(gateway, session=sid, note=True, probe=False)
    diagnosed(gateway, note=True, probe=False)
    notes = [line for line in gateway.stored()[f"{sid}.jsonl"].splitlines() if b"session.note" in line]
    assert len(notes) == 1 and b'"kind":"post-mortem"' in notes[0]


REPORTS = [
    (0, "tools", "a"),
    (2, "tools", "a"),
    (3, "tools", "b"),  # another boot: it ended, and is back
    (4, "lmx", "x"),
    (4, "gateway", "g"),
    (20, "tools", "b"),  # both were silent: this one is back at once
    (21, "lmx", "x"),
]


def test_a_process_that_was_lost_and_is_back_is_a_mark_in_running_sessions_only(tmp_path: Path) -> None:
    async def story() -> list[tuple[str, str, str]]:
        house = House(tmp_path)
        for sid in ("abcdef", "ghijkl"):
            await house.gateway.written(start_of(sid))
        await house.gateway.written(prompt("abcdef"))
        moment = [1000.0]
        watch = ServiceWatch(house.client, house.gateway.append, lambda: moment[0])
        for at, service, boot in REPORTS:
            moment[0] = 1000.0 + at
            watch.take(Telemetry(service=service, boot=boot, pid=1, ready=True))
            await settle()
        watch.say_back()
        await settle()
        await house.gateway.drained(5)
        events = [wire.decode(line) for sid in ("abcdef", "ghijkl") for line in house.local.journal(sid)]
        house.close()
        return [(type(event).__name__, event.service, event.sid) for event in events if isinstance(event, e.ServiceLost | e.ServiceBack)]

    assert SILENT_S < 16
    assert asyncio.run(story()) == [
        ("ServiceLost", "tools", "abcdef"),
        ("ServiceBack", "tools", "abcdef"),
        ("ServiceLost", "lmx", "abcdef"),
        ("ServiceBack", "lmx", "abcdef"),
        ("ServiceBack", "gateway", "abcdef"),
    ]
