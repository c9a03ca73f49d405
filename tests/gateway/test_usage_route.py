"""GET /v3/usage: what sessions used, and the same figures as `opta usage`."""

import argparse
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.gateway import LocalGateway

from opta_cli.commands.usage_table import usage
from opta_core.settings import LoadedSettings
from opta_protocol import events as e
from opta_protocol import wire
from opta_protocol.permissions import Level, Mode


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[LocalGateway]:
    with LocalGateway(tmp_path) as running:
        yield running


def past_session(gateway: LocalGateway) -> None:
    """A session of now, with one turn."""
    of = {"sid": "abcdef", "turn": "t1"}
    events: list[e.Event] = [
        e.SessionStart(sid="abcdef", title="", cwd="/work", mode=Mode.chat, level=Level.L1),
        e.TurnStart(**of, role="user", text="go", mode=Mode.chat, level=Level.L1),
        e.StepStart(**of, step=1, provider="lmx", model="qwen", attempt=1),
        e.StepDone(**of, step=1, tokens=20, promptTokens=300, cachedTokens=100, finish="stop"),
        e.TurnDone(**of, tokens=20, elapsed=4.5, tokensPerSec=1, tools=0, steps=1, finish="stop"),
    ]
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    lines = [wire.stamp(wire.encode_body(event), seq, now, "test.boot", seq) for seq, event in enumerate(events, 1)]
    (gateway.paths.sessions / "abcdef.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))


def test_it_reports_what_sessions_used_by_day_folder_and_model(gateway: LocalGateway) -> None:
    past_session(gateway)
    answer = gateway.get("/v3/usage?days=7")
    assert answer.status == 200
    found = answer.json()
    figures = {"turns": 1, "unfinished": 0, "promptTokens": 300, "cachedTokens": 100, "tokens": 20, "seconds": 4.5, "calls": 0, "failed": 0, "unreported": 0, "cut": 0}  # fmt: skip
    assert found["total"] == figures
    assert found["byFolder"] == [{"name": "/work", **figures}]
    assert found["byModel"] == [{"name": "lmx/qwen", **figures}]
    assert len(found["byDay"]) == 7 and found["byDay"][-1] == {"name": found["last"], **figures}
    assert (found["days"], found["sessions"], found["unread"], found["byTool"]) == (7, 1, 0, [])


def test_a_home_without_turns_has_an_empty_report(gateway: LocalGateway) -> None:
    found = gateway.get("/v3/usage").json()
    assert (found["days"], len(found["byDay"]), found["total"]["turns"], found["byModel"]) == (30, 30, 0, [])


@pytest.mark.parametrize("days", ["x", "-1", "1.5", "9" * 40])
def test_a_period_that_is_no_number_of_days_is_refused(gateway: LocalGateway, days: str) -> None:
    answer = gateway.get(f"/v3/usage?days={days}")
    assert answer.status in (200, 400)
    assert answer.status == 200 or "days" in answer.json()["error"]["message"]


def test_the_command_line_gives_the_same_figures(gateway: LocalGateway, capsys: pytest.CaptureFixture[str]) -> None:
    past_session(gateway)
    loaded = LoadedSettings(settings=gateway.settings, paths=gateway.paths, origins={})
    assert usage(loaded, argparse.Namespace(days=7, by="model", json=True)) == 0
    printed = json.loads(capsys.readouterr().out)
    total = gateway.get("/v3/usage?days=7").json()["total"]
    assert printed["total"]["prompt_tokens"] == total["promptTokens"]
    assert {name: printed["total"][name] for name in ("turns", "tokens", "seconds", "calls", "cut", "unreported")} == {
        name: total[name] for name in ("turns", "tokens", "seconds", "calls", "cut", "unreported")
    }
    assert printed["groups"].keys() == {"lmx/qwen"}
