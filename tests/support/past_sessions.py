"""Sessions of the past for the page's timeline, written as journals before the daemon starts: one with every event, and long ones."""

from pathlib import Path
from typing import TypedDict

from opta_protocol import events as e
from opta_protocol.control_events import SteerText, TurnPaused, TurnPausing, TurnResumed, TurnSteer
from opta_protocol.event_parts import Change
from opta_protocol.hook_events import HookResult, HookStart
from opta_protocol.permissions import Level, Mode, Risk

from .events import journal

EVERYTHING = "everyt"
WORDS = "The quick brown fox jumps over the lazy dog and writes about it. "


class Of(TypedDict):
    """The session and the turn of an event."""

    sid: str
    turn: str


def write(sessions: Path, sid: str, events: list[e.Event]) -> int:
    """Write a journal; the seq of its last line."""
    file = sessions / f"{sid}.jsonl"
    file.write_bytes(b"\n".join(journal(*events)) + b"\n")
    file.chmod(0o600)
    return len(events)


def long_session(sid: str, workspace: Path, turns: int, tokens: int = 3, title: str = "") -> list[e.Event]:
    """A session of `turns` answered prompts: "question n" and "answer n" with as many tokens."""
    made: list[e.Event] = [e.SessionStart(sid=sid, title=title or f"{turns} turns", cwd=str(workspace), mode=Mode.chat, level=Level.L1)]
    for number in range(1, turns + 1):
        of = Of(sid=sid, turn=f"t{number}")
        made.append(e.TurnStart(role="user", text=f"question {number}", mode=Mode.chat, level=Level.L1, **of))
        made.append(e.StepStart(step=1, provider="scripted", model="scripted", attempt=1, **of))
        made += [e.TurnToken(delta=f"answer {number}. " if not at else WORDS[: 20 + at % 40], **of) for at in range(tokens)]
        made.append(e.TurnDone(tokens=tokens, elapsed=1.5, tokensPerSec=60.0, tools=0, steps=1, finish="stop", **of))
    return made


def long_turns(sid: str, workspace: Path, turns: int, steps: int) -> list[e.Event]:
    """Turns of many steps, each with a sentence and a command: "step n" and `echo n`."""
    made: list[e.Event] = [e.SessionStart(sid=sid, title="long turns", cwd=str(workspace), mode=Mode.do, level=Level.L3)]
    for number in range(1, turns + 1):
        of = Of(sid=sid, turn=f"t{number}")
        made.append(e.TurnStart(role="user", text=f"question {number}", mode=Mode.do, level=Level.L3, **of))
        for step in range(1, steps + 1):
            call = f"c{number}-{step}"
            made.append(e.StepStart(step=step, provider="scripted", model="scripted", attempt=1, **of))
            made.append(e.TurnToken(delta=f"This is step {step} of turn {number}.", **of))
            made.append(e.ToolCall(callId=call, name="run_command", args={"command": f"echo {step}"}, risk=Risk.execute, step=step, **of))
            made.append(e.ToolResult(callId=call, ok=True, content=f"{step}\n", lines=1, durationMs=3, **of))
        made.append(e.TurnDone(tokens=steps, elapsed=9.0, tokensPerSec=60.0, tools=steps, steps=steps, finish="stop", **of))
    return made


def everything(workspace: Path) -> list[e.Event]:
    """Four turns that hold every kind of event that has a place in the timeline."""
    start = e.SessionStart(sid=EVERYTHING, title="refactor-auth-layer", cwd=str(workspace), mode=Mode.do, level=Level.L2)
    note = e.SessionNote(sid=EVERYTHING, text="Trigger: the tool worker was suspended for 12 s.", kind="post-mortem")
    settings = e.SessionUpdated(sid=EVERYTHING, changes={"model": "lmx/qwen3-coder", "level": "L3"})
    cleared = e.SessionCleared(sid=EVERYTHING, upTo=2)
    return [start, *_worked(), note, *_stopped(), settings, *_failed(), cleared, *_limited()]


def _turn(number: int, text: str) -> tuple[Of, e.Event]:
    of = Of(sid=EVERYTHING, turn=f"t{number}")
    return of, e.TurnStart(role="user", text=text, mode=Mode.do, level=Level.L2, **of)


def _step(of: Of, step: int, attempt: int = 1, steers: list[SteerText] | None = None) -> e.Event:
    return e.StepStart(step=step, provider="LMX", model="qwen3-coder-30b", attempt=attempt, steers=steers or [], **of)


def _read(of: Of, call: str, path: str, step: int) -> list[e.Event]:
    return [
        e.ToolCall(callId=call, name="read_file", args={"path": path}, risk=Risk.read, step=step, **of),
        e.ToolStart(callId=call, worker="w", sandbox="full", **of),
        e.ToolResult(callId=call, ok=True, content=f"1\tthe needle of {path}\n", lines=1, durationMs=8.2, **of),
    ]


def _worked() -> list[e.Event]:
    of, start = _turn(1, "Refactor the auth middleware to use the new JWT library and add refresh token rotation")
    diff = "--- a/src/auth.ts\n+++ b/src/auth.ts\n@@ -21,2 +21,3 @@\n const token = bearer(req)\n-const payload = jwt.verify(token)\n+const payload = await verify(token)\n+await rotate(payload)\n"
    reads = [event for at in range(1, 9) for event in _read(of, f"r{at}", f"src/middleware/file{at}.ts", 1)]
    return [
        start,
        e.ContextInjected(source="environment", tokens=12, text="Linux", **of),
        e.ContextInjected(source="AGENTS.md", tokens=412, text="Use tabs. Run the tests.", edition="a", **of),
        e.ContextInjected(source="memory", tokens=90, text="The user prefers small commits.", **of),
        e.RouteSwitch(from_="lmx/large", to="lmx/qwen3-coder-30b", reason="large does not answer", **of),
        _step(of, 1),
        e.TurnThinking(delta="First I have to read the middleware. ", **of),
        e.TurnThinking(delta="Then the tests.", **of),
        e.TurnToken(delta="I'll refactor the auth middleware step by step. ", **of),
        e.TurnToken(delta="Let me start by reading the existing implementation.", **of),
        *reads,
        e.StepDone(step=1, tokens=120, promptTokens=2_000, cachedTokens=1_500, thinkingTokens=312, finish="tool_calls", **of),
        e.PlanUpdated(items=[{"text": "Change auth.ts", "state": "doing"}, {"text": "Run the tests", "state": "open"}], **of),
        TurnSteer(steerId="s1", text="Only in src, please.", **of),
        _step(of, 2, steers=[SteerText(id="s1", text="Only in src, please.")]),
        e.ServiceLost(service="tools", reason="silent for 5 s", **of),
        e.ServiceBack(service="tools", stall_ms=1_240, **of),
        e.Warning(code="disk", message="The disk has less than 1 GB left.", **of),
        e.ToolCall(callId="e1", name="edit_file", args={"path": "src/auth.ts"}, risk=Risk.write, step=2, **of),
        e.ToolStart(callId="e1", worker="w", sandbox="full", **of),
        e.ToolResult(callId="e1", ok=True, content="edited", lines=3, durationMs=14, changes=[Change(path="src/auth.ts", diff=diff)], **of),
        e.ToolCall(callId="x1", name="run_command", args={"command": "npm test"}, risk=Risk.execute, step=2, **of),
        e.ToolStart(callId="x1", worker="w", sandbox="full", **of),
        HookStart(hookId="h1", hook="lint", on="after-tool", worker="w", callId="x1", step=2, **of),
        HookResult(hookId="h1", outcome="said", callId="x1", text="lint found two unused imports", **of),
        e.ToolResult(callId="x1", ok=False, content="exit code 3\nTypeError: rotate is not a function", lines=2, durationMs=812, **of),
        e.StepDone(step=2, tokens=80, promptTokens=2_400, cachedTokens=2_100, finish="tool_calls", **of),
        TurnPausing(by="client", **of),
        TurnPaused(step=3, **of),
        TurnResumed(by="client", **of),
        e.ContextFolded(step=3, upToStep=1, before=2_900, after=900, digest="read eight files", **of),
        _step(of, 3),
        e.TurnToken(delta="The middleware is **rotated**:\n\n```ts\nawait rotate(payload)\n```\n", **of),
        e.StepDone(step=3, tokens=40, promptTokens=1_200, cachedTokens=800, finish="stop", **of),
        e.TurnDone(
            tokens=240, elapsed=19.6, tokensPerSec=94.2, tools=10, steps=3, finish="stop", promptTokens=5_600, cachedTokens=4_400,
            thinkingTokens=312, firstTokenMs=410.0, **of,
        ),
    ]  # fmt: skip


def _stopped() -> list[e.Event]:
    of, start = _turn(2, "Run the whole suite")
    return [
        start,
        _step(of, 1),
        e.TurnToken(delta="It runs.", **of),
        e.ToolCall(callId="x2", name="run_command", args={"command": "npm run suite"}, risk=Risk.execute, step=1, **of),
        e.ToolStart(callId="x2", worker="w", sandbox="full", **of),
        e.ToolOutput(callId="x2", delta="line 1\nline 2\n", **of),
        e.SessionCancelled(reason="Stopped by the user.", by="client", **of),
    ]


def _failed() -> list[e.Event]:
    of, start = _turn(3, "And the documentation?")
    return [
        start,
        _step(of, 1),
        e.TurnError(code="provider_unavailable", message="The model server does not answer.", domain="inference", **of),
    ]


def _limited() -> list[e.Event]:
    of, start = _turn(4, "Go on")
    return [
        start,
        _step(of, 1),
        e.TurnToken(delta="First half of ", **of),
        _step(of, 1, attempt=2),
        e.TurnToken(delta="A whole answer about the needle.", **of),
        e.Warning(code="steps", message="The turn met its limit max-steps = 1.", **of),
        e.TurnDone(tokens=12, elapsed=2.0, tokensPerSec=6.0, tools=0, steps=1, finish="steps", **of),
    ]
