"""Control of the daemon's processes over HTTP."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.gateway import LocalGateway
from support.supervisord import supervisord


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[LocalGateway]:
    with LocalGateway(tmp_path) as running:
        yield running


@pytest.mark.parametrize(
    ("target", "call"),
    [
        ("gateway/restart", ("signalProcess", "gateway", "TERM")),
        ("gateway/stop", ("stopProcess", "gateway", False)),
        ("agent/restart", ("signalProcess", "agent", "TERM")),
        ("agent/stop", ("stopProcess", "agent", True)),
    ],
)
def test_the_order_is_a_part_of_its_request(gateway: LocalGateway, target: str, call: tuple[Any, ...]) -> None:
    with supervisord(gateway.paths.run) as calls:
        answer = gateway.post(f"/v3/daemon/services/{target}", b"")
        assert (answer.status, answer.json()) == (202, {"ok": True})
        assert calls == [call]


def test_a_gateway_that_cannot_be_restarted_is_logged_and_no_task_is_lost(gateway: LocalGateway, caplog: pytest.LogCaptureFixture) -> None:
    assert gateway.post("/v3/daemon/services/gateway/restart", b"").status == 202
    assert gateway.unhandled == []
    assert [record.getMessage() for record in caplog.records] == ["gateway not ended"]


def test_another_process_that_cannot_be_restarted_is_an_error(gateway: LocalGateway) -> None:
    answer = gateway.post("/v3/daemon/services/agent/restart", b"")
    assert answer.refusal == (503, "unavailable")
    assert "opta up" in answer.error["message"]


@pytest.mark.parametrize("target", ["..%2ftoken/restart", "sessions/explode", "none/stop"])
def test_what_is_no_service_and_no_action_is_not_found(gateway: LocalGateway, target: str) -> None:
    with supervisord(gateway.paths.run) as calls:
        assert gateway.post(f"/v3/daemon/services/{target}", b"").refusal == (404, "not_found")
        assert calls == []


def test_the_daemon_shows_its_processes(gateway: LocalGateway) -> None:
    gateway.report("gateway")
    (gateway.paths.run / "gateway.starts").write_text(json.dumps([1.0, 2.0, 3.0]))
    with supervisord(gateway.paths.run):
        (found,) = gateway.get("/v3/daemon").json()["services"]
    # The report came from process 1, and supervisord names another: this one has not said that it is ready.
    assert (found["name"], found["state"], found["uptime"], found["restarts"], found["ready"]) == ("gateway", "running", 10.0, 2, False)


def test_logs_are_merged_by_time_and_chosen_by_service_and_level(gateway: LocalGateway) -> None:
    (gateway.paths.logs / "agent.log").write_text("10:00:00.000 INFO    agent one\n10:00:02.000 ERROR   agent three\n")
    (gateway.paths.logs / "tools.log").write_text("10:00:01.000 INFO    tools two\n")
    assert [line.rpartition(" ")[2] for line in gateway.get("/v3/daemon/logs").json()["lines"]] == ["one", "two", "three"]
    assert gateway.get("/v3/daemon/logs?service=tools").json()["lines"] == ["10:00:01.000 INFO    tools two"]
    assert gateway.get("/v3/daemon/logs?level=error&limit=1").json()["lines"] == ["10:00:02.000 ERROR   agent three"]
    assert gateway.get("/v3/daemon/logs?service=../token").refusal == (404, "not_found")
