"""Turns as spans: what each has, that no word of a session is in them unasked, and that a missing SDK or collector harms nothing."""

import asyncio
from typing import Any

import pytest
from support.events import journal
from support.oracles import until_async

from opta_core.errors import Refused
from opta_core.otel_settings import OtelSettings, check_otel
from opta_gateway.turn_export import TurnExport
from opta_gateway.turn_spans import SpanRecord, spans_of
from opta_protocol import events as e
from opta_protocol import wire
from opta_protocol.permissions import Level, Mode, Risk

HERE = {"sid": "abcdef", "turn": "t1"}
SECRET = "hunter2"
STORY: tuple[e.Event, ...] = (
    e.SessionStart(sid="abcdef", title=SECRET, cwd=f"/{SECRET}", mode=Mode.do, level=Level.L2),
    e.TurnStart(**HERE, role="user", text=f"Use {SECRET}", mode=Mode.do, level=Level.L2),
    e.StepStart(**HERE, step=1, provider="lmx", model="probe", attempt=1, host="studio"),
    e.StepStart(**HERE, step=1, provider="lmx", model="probe", attempt=2),
    e.TurnToken(**HERE, delta=f"I say {SECRET}"),
    e.ToolCall(**HERE, callId="c1", name="write_file", args={"path": SECRET}, risk=Risk.write, step=1),
    e.ToolCall(**HERE, callId="c2", name="run_command", args={"command": SECRET}, risk=Risk.execute, step=1),
    e.StepDone(**HERE, step=1, tokens=7, promptTokens=11, cachedTokens=5, finish="tool_calls", model="probe-1"),
    e.HookStart(**HERE, hookId="h1", hook="guard", on="before-tool", worker="w", callId="c1", step=1),
    e.HookResult(**HERE, hookId="h1", callId="c1", outcome="failed", code="timeout", reason=SECRET),
    e.PermissionDecision(**HERE, callId="c1", decision="allow", by="client", requestId="r", note=SECRET),
    e.ToolStart(**HERE, callId="c1", worker="w", sandbox="full"),
    e.ToolResult(**HERE, callId="c1", ok=True, content=SECRET, durationMs=3),
    e.ToolResult(**HERE, callId="c2", ok=False, content=SECRET, code="exit_1"),
    e.TurnStart(sid="abcdef", turn="t2", role="user", text="other", mode=Mode.do, level=Level.L2),
    e.Warning(**HERE, code="x", message=SECRET),
    e.TurnError(**HERE, code="provider_error", message=SECRET, domain="inference"),
)


def story(*, has_content: bool = False, events: tuple[e.Event, ...] = STORY) -> list[SpanRecord]:
    return spans_of(map(wire.decode, journal(*events)), "t1", has_content=has_content)


def test_a_turn_its_calls_of_the_model_its_tools_and_its_hooks_are_spans() -> None:
    spans = story()
    assert [(span.name, span.kind, span.parent, span.error) for span in spans] == [
        ("invoke_agent opta", "internal", -1, "provider_error"),
        ("chat probe", "client", 0, "interrupted"),
        ("chat probe", "client", 0, ""),
        ("execute_tool write_file", "internal", 0, ""),
        ("execute_tool run_command", "internal", 0, "exit_1"),
        ("hook guard", "internal", 3, "timeout"),
    ]
    assert all(span.start <= span.end for span in spans)
    assert all(spans[0].start <= span.start and span.end <= spans[0].end for span in spans)
    assert spans[2].attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "lmx",
        "gen_ai.request.model": "probe",
        "gen_ai.response.model": "probe-1",
        "gen_ai.response.finish_reasons": ["tool_calls"],
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.usage.cache_read.input_tokens": 5,
        "opta.step": 1,
        "opta.attempt": 2,
    }
    assert spans[3].attributes["opta.permission.by"] == "client" and spans[1].attributes["server.address"] == "studio"


def test_no_word_of_a_session_is_in_them_unless_it_is_asked_for() -> None:
    assert SECRET not in str(story())
    said = str(story(has_content=True))
    for words in (f"Use {SECRET}", f"I say {SECRET}", "gen_ai.tool.call.arguments", "gen_ai.tool.call.result"):
        assert words in said


def test_a_turn_that_is_not_whole_has_no_spans() -> None:
    assert story(events=STORY[:-1]) == [] and story(events=STORY[2:]) == []


class Sink:
    def __init__(self) -> None:
        self.sent: list[tuple[str, str, int]] = []

    def send(self, sid: str, turn: str, records: list[SpanRecord]) -> None:
        self.sent.append((sid, turn, len(records)))

    def close(self) -> None:
        return


def lines_after(lines: list[bytes]) -> Any:
    async def after(sid: str, seq: int) -> list[bytes]:
        return [line for line in lines if wire.decode(line).seq > seq][:4]

    return after


def test_a_turn_is_exported_once_it_ended_also_when_its_beginning_was_not_seen() -> None:
    async def play() -> None:
        lines, sink = journal(*STORY), Sink()
        for seen in (lines, lines[-1:]):
            export = TurnExport(OtelSettings(enabled=True), lines_after(lines), lambda settings: sink)
            export.take(seen)
            before = len(sink.sent)
            assert await until_async(lambda before=before: len(sink.sent) > before)
            await export.close()
        assert sink.sent == [("abcdef", "t1", 6)] * 2

    asyncio.run(play())


def test_without_the_sdk_or_without_the_wish_nothing_happens() -> None:
    def missing(settings: OtelSettings) -> Sink:
        raise ImportError("No module named 'opentelemetry'")

    async def play() -> None:
        for enabled in (True, False):
            export = TurnExport(OtelSettings(enabled=enabled), lines_after([]), missing)
            for _ in range(300):
                export.take(journal(*STORY))
            await export.close()

    asyncio.run(play())


@pytest.mark.parametrize("endpoint", ["", "collector", "ftp://x", "http://", "http://x:99999", "http://x?y=1", "http://a:b@x", "http://[x"])
def test_an_endpoint_that_cannot_be_used_is_refused(endpoint: str) -> None:
    with pytest.raises(Refused, match=r"otel\.endpoint"):
        check_otel(OtelSettings(endpoint=endpoint))
