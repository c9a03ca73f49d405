"""One line of words for each event that is no text of a model. `SessionView` decides when they are shown."""

from collections.abc import Mapping

from opta_protocol import events as e
from opta_protocol.child_events import ChildStart
from opta_protocol.tools.declared import tool_of

from . import tool_outcome

SUMMARY_CHARS_MAX = 160
# The `finish` of a turn that met a limit, in words.
LIMITS = {"steps": "its number of steps", "budget": "its calls, minutes or tokens", "length": "the length of an answer"}


def of(event: e.AnyEvent | e.Unknown, names: Mapping[str, str], hooks: Mapping[str, str]) -> str:
    """The line of an event; '' for none. `names`: the tools of calls; `hooks`: the titles of hooks."""
    match event:
        case e.TurnQueued():
            return f"… waits behind other turns of this session (position {event.position})"
        case e.StepStart() if event.nudge:
            return f"… the model was asked again: {event.nudge}"
        case e.StepStart() if event.steers:
            return f"▹ read: {' · '.join(steer.text for steer in event.steers)}"
        case e.TurnPaused():
            return f"Paused before step {event.step}. Go on: opta sessions resume s-{event.sid}"
        case e.TurnResumed():
            return "… goes on"
        case e.StepWaiting():
            read = f", {event.done} of {event.total} tokens of the prompt read" if event.total else ""
            loading = " (it is being loaded)" if event.phase == "loading" else ""
            return f"… waiting for the model, {event.seconds:.0f} s{loading}{read}"
        case e.ToolCall():
            return f"▸ {event.name} {_short(event)}"
        case ChildStart():
            return f"  ↳ {event.title} (s-{event.childSid})"
        case e.QuestionAnswered():
            who = f" in {event.client}" if event.client else ""
            return f"  answered{who}: {event.text}" if event.text else "  nobody answered the question in time"
        case e.PermissionDecision() if event.decision == "deny":
            return f"  denied{f' in {event.client}' if event.by == 'client' and event.client else ''}: {event.note or event.rule}"
        case e.ToolResult():
            return f"  {tool_outcome.line(event, names.get(event.callId, ''))}"
        case e.FilesChanged() if event.changes:
            return f"  {tool_outcome.changed_files(event)}"
        case e.HookStart() if event.attempt > 1:
            return f"  hook {event.hook} runs again (attempt {event.attempt})"
        case e.HookResult() if event.outcome != "ok":
            words = event.reason or event.text.split("\n", 1)[0]
            return f"  hook {hooks.get(event.hookId, '')} {event.outcome}: {words[:SUMMARY_CHARS_MAX]}"
        case e.ContextInjected() if event.source == "skills":
            return f"· {event.text.count(chr(10) + '- ')} skills are listed for the model"
        case e.Warning():
            return f"! {event.message}"
        case e.RouteSwitch():
            return f"! {event.to} is used instead of {event.from_}: {event.reason}"
        case e.ContextCompacted():
            return f"Context compacted: about {event.before} tokens became {event.after}."
        case e.ContextFolded():
            return f"… older steps of this turn were shortened: about {event.before} tokens became {event.after}"
        case _:
            return ""


def statistics(event: e.TurnDone) -> str:
    """The figures of a turn that has ended."""
    figures = [f"{event.tokens} tokens", f"{event.tokensPerSec:g} tok/s", f"{event.elapsed:g} s", f"{event.tools} tools"]
    if event.steps > 1:
        figures.append(f"{event.steps} steps")
    if event.thinkingTokens:
        figures.append(f"{event.thinkingTokens} tokens of thinking")
    if event.contextLimit:
        figures.append(f"context {100 * event.contextUsed / event.contextLimit:.0f} %")
    return " · ".join(figures)


def _short(call: e.ToolCall) -> str:
    text = tool_of(call.name).summary(call.args)
    return text if len(text) <= SUMMARY_CHARS_MAX else f"{text[:SUMMARY_CHARS_MAX]}…"
