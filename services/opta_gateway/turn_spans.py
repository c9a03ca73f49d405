"""The events of one turn as spans: the turn, its model calls, its tool calls and its hooks. Knows no exporter.

Names and attributes are those of OpenTelemetry's semantic conventions for generative AI; what they do not name begins with `opta.`.
**Invariant:** without `content`, no text of a session is in a span: no prompt, answer, title, path, argument, result or message.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from opta_protocol import events as e

CONTENT_CHARS_MAX = 16_000
Value = str | int | float | bool | list[str]


@dataclass
class SpanRecord:
    """One span. Times are nanoseconds since 1970; `error`: its kind, '' when it went well. `parent`: index of its parent, -1 for the turn."""

    name: str
    kind: str
    start: int
    end: int = 0
    parent: int = 0
    error: str = ""
    attributes: dict[str, Value] = field(default_factory=dict[str, Value])


def spans_of(events: Iterable[e.AnyEvent | e.Unknown], turn: str, *, has_content: bool = False) -> list[SpanRecord]:
    """The spans of a turn, its own first; [] when its beginning or its end is missing."""
    reader = _Reader(has_content)
    for event in events:
        if event.turn == turn and not isinstance(event, e.Unknown):
            reader.take(event)
    return reader.done()


class _Reader:
    """Reads the events of one turn in order."""

    def __init__(self, has_content: bool):
        self._has_content = has_content
        self._spans: list[SpanRecord] = []
        self._step: SpanRecord | None = None
        # Call or hook -> the index of its span.
        self._open: dict[str, int] = {}
        self._text: list[str] = []
        self._is_over = False

    def done(self) -> list[SpanRecord]:
        return self._spans if self._is_over else []

    def take(self, event: e.AnyEvent) -> None:
        at = _ns(event.ts)
        match event:
            case e.TurnStart():
                self._begin(event, at)
            case _ if not self._spans:
                pass
            case e.StepStart():
                self._start_step(event, at)
            case e.StepDone():
                self._end_step(event, at)
            case e.TurnToken() if self._has_content:
                self._text.append(event.delta)
            case e.ToolCall():
                self._call(event, at)
            case e.PermissionDecision():
                self._decide(event, at)
            case e.ToolStart():
                self._note(event.callId, {"opta.sandbox": event.sandbox})
            case e.ToolResult():
                self._result(event, at)
            case e.HookStart():
                about: dict[str, Value] = {"opta.hook.name": event.hook, "opta.hook.on": event.on, "opta.hook.attempt": event.attempt}
                self._open[event.hookId] = self._add(f"hook {event.hook}", "internal", at, self._open.get(event.callId, 0), about)
            case e.HookResult():
                self._end(event.hookId, at, error=event.code or event.outcome if event.outcome in ("failed", "interrupted") else "")
                self._note(event.hookId, {"opta.hook.outcome": event.outcome})
            case e.RouteSwitch():
                self._spans[0].attributes["opta.route.switches"] = int(str(self._spans[0].attributes.get("opta.route.switches", 0))) + 1
            case e.TurnDone():
                self._finish(at, "", {"opta.finish": event.finish, "gen_ai.usage.input_tokens": event.promptTokens, "gen_ai.usage.output_tokens": event.tokens})  # fmt: skip
            case e.TurnError():
                self._finish(at, event.code, {"opta.domain": event.domain})
            case e.SessionCancelled():
                self._finish(at, "cancelled", {"opta.cancelled.by": event.by})
            case _:
                pass

    def _begin(self, event: e.TurnStart, at: int) -> None:
        self._spans = [SpanRecord("invoke_agent opta", "internal", at, parent=-1)]
        self._spans[0].attributes = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": "opta",
            "gen_ai.conversation.id": event.sid,
            "opta.turn.id": event.turn,
            "opta.mode": event.mode.value,
            "opta.level": event.level.value,
        }
        if self._has_content:
            self._spans[0].attributes["gen_ai.input.messages"] = _message("user", event.text)

    def _start_step(self, event: e.StepStart, at: int) -> None:
        self._interrupt(at)
        about: dict[str, Value] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": event.provider,
            "gen_ai.request.model": event.model,
            "opta.step": event.step,
            "opta.attempt": event.attempt,
        }
        if event.host:
            about["server.address"] = event.host
        for name in ("gen_ai.provider.name", "gen_ai.request.model"):
            self._spans[0].attributes.setdefault(name, about[name])
        self._step = self._spans[self._add(f"chat {event.model}", "client", at, 0, about)]
        self._text.clear()

    def _end_step(self, event: e.StepDone, at: int) -> None:
        if self._step is None:
            return
        self._step.end = at
        self._step.attributes |= {
            "gen_ai.response.finish_reasons": [event.finish],
            "gen_ai.usage.input_tokens": event.promptTokens,
            "gen_ai.usage.output_tokens": event.tokens,
            "gen_ai.usage.cache_read.input_tokens": event.cachedTokens,
        }
        if event.model:
            self._step.attributes["gen_ai.response.model"] = event.model
        if self._has_content:
            self._step.attributes["gen_ai.output.messages"] = _message("assistant", "".join(self._text))
        self._step = None

    def _interrupt(self, at: int) -> None:
        if self._step is not None:
            self._step.end, self._step.error, self._step = at, "interrupted", None

    def _call(self, event: e.ToolCall, at: int) -> None:
        about: dict[str, Value] = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": event.name,
            "gen_ai.tool.call.id": event.callId,
            "gen_ai.tool.type": "function",
            "opta.tool.risk": event.risk.value,
        }
        if self._has_content:
            about["gen_ai.tool.call.arguments"] = msgspec.json.encode(event.args).decode()[:CONTENT_CHARS_MAX]
        self._open[event.callId] = self._add(f"execute_tool {event.name}", "internal", at, 0, about)

    def _decide(self, event: e.PermissionDecision, at: int) -> None:
        about: dict[str, Value] = {"opta.permission.decision": event.decision, "opta.permission.by": event.by}
        if event.requestId and event.callId in self._open:
            about["opta.permission.after_ms"] = (at - self._spans[self._open[event.callId]].start) // 1_000_000
        self._note(event.callId, about)

    def _result(self, event: e.ToolResult, at: int) -> None:
        about: dict[str, Value] = {"opta.tool.duration_ms": event.durationMs, "opta.tool.changed_files": len(event.changes)}
        if self._has_content:
            about["gen_ai.tool.call.result"] = event.content[:CONTENT_CHARS_MAX]
        self._note(event.callId, about)
        self._end(event.callId, at, error="" if event.ok else event.code or "failed")

    def _finish(self, at: int, error: str, about: dict[str, Value]) -> None:
        self._interrupt(at)
        root = self._spans[0]
        root.end, root.error = at, error
        root.attributes |= about
        for span in self._spans:
            if not span.end:
                span.end, span.error = at, span.error or "interrupted"
        self._is_over = True

    def _add(self, name: str, kind: str, at: int, parent: int, attributes: dict[str, Value]) -> int:
        self._spans.append(SpanRecord(name, kind, at, parent=parent, attributes=attributes))
        return len(self._spans) - 1

    def _note(self, key: str, attributes: dict[str, Value]) -> None:
        if key in self._open:
            self._spans[self._open[key]].attributes |= attributes

    def _end(self, key: str, at: int, *, error: str) -> None:
        if key in self._open:
            span = self._spans[self._open[key]]
            span.end, span.error = at, error


def _message(role: str, text: str) -> str:
    return msgspec.json.encode([{"role": role, "parts": [{"type": "text", "content": text[:CONTENT_CHARS_MAX]}]}]).decode()


def _ns(ts: str) -> int:
    """Nanoseconds since 1970 of an event's time, exact to the microsecond."""
    at = datetime.fromisoformat(ts)
    return int(at.replace(microsecond=0).timestamp()) * 1_000_000_000 + at.microsecond * 1000
