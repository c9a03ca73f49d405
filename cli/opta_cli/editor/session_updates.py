"""A session as an editor shows it: `LiveUpdates` says what each event adds, `past_updates` what a whole session came to.

Both fold events with `SessionView`, as the terminal does. **Invariant:** no clock and no daemon.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from acp.helpers import plan_entry, text_block, update_plan, update_user_message
from acp.schema import AgentMessageChunk, AgentThoughtChunk, SessionInfoUpdate, UsageUpdate

from opta_protocol import events as e

from ..view import Block, SessionView, ViewPart
from .shown_text import notice
from .tool_calls import ShownCall, ShownCalls

_PLAN_STATES = {"open": "pending", "doing": "in_progress", "done": "completed"}
# Events whose line an editor shows between the words of the model. Those of tool calls and plans have a form of their kind.
REMARKS = (
    e.Warning,
    e.RouteSwitch,
    e.ContextCompacted,
    e.ContextFolded,
    e.TurnQueued,
    e.TurnPaused,
    e.TurnResumed,
    e.StepStart,
    e.HookResult,
)


class LiveUpdates:
    """What each event of a session adds in an editor, which saw all before. `view` and `calls` are the fold so far."""

    def __init__(self, view: SessionView, calls: ShownCalls):
        self.view, self.calls = view, calls
        # Turn -> characters of the answer of its step that were sent, which cannot be taken back.
        self._said = {block.turn: len(block.text) for block in view.blocks[-1:] if block.kind == "answer"}
        self._step = 0

    def apply(self, event: e.AnyEvent | e.Unknown, *, is_ours: bool) -> Iterator[Any]:
        """Fold the next event. `is_ours`: this editor sent the prompt of its turn, so it shows that itself, and gets the ending as a response."""
        if isinstance(event, e.StepStart) and event.attempt == 1:
            self._said[event.turn], self._step = 0, event.step
        parts = self.view.apply(event)
        is_known = getattr(event, "callId", "") in self.calls.shown
        call = self.calls.apply(event)
        if call is not None:
            yield self._call(event, call, is_known=is_known)
        for part in parts:
            if text := self._text(event, part, is_ours=is_ours):
                yield text
        yield from _facts(event)
        if isinstance(event, e.ENDINGS):
            yield from (self.calls.progress(left) for left in self.calls.open_of(event.turn))

    def _call(self, event: Any, call: ShownCall, *, is_known: bool) -> Any:
        if not is_known:
            return self.calls.start(call)
        if isinstance(event, e.ToolOutput) and call.is_terminal:
            return self.calls.printed(call, event.delta)
        return self.calls.progress(call)

    def _text(self, event: Any, part: ViewPart, *, is_ours: bool) -> Any:
        name = f"{part.turn}.{self._step}"
        match part.kind:
            case "prompt":
                return None if is_ours else update_user_message(text_block(part.text))
            case "answer":
                self._said[part.turn] = self._said.get(part.turn, 0) + len(part.text)
                return message(part.text, name)
            case "thinking":
                return thought(part.text, name)
            case "repeat":
                sent, self._said[part.turn] = self._said.get(part.turn, 0), part.kept
                return message(notice(part.text), name) if sent > part.kept else None
            case "rethink":
                return message(notice(part.text), name)
            case "line" if isinstance(event, REMARKS):
                return message(notice(part.text), name)
            case "error" if isinstance(event, e.TurnDone) or not is_ours:
                return message(notice(part.text), name)
            case _:
                return None


def past_updates(events: Iterable[e.AnyEvent | e.Unknown], view: SessionView, calls: ShownCalls) -> list[Any]:
    """What a session came to, each passage and each call once, as it is at last. `view` and `calls` hold the fold afterwards."""
    entries: list[Block | ShownCall] = []
    remarks: set[int] = set()
    ended: set[str] = set()
    facts: dict[type, Any] = {}
    for event in events:
        known, count = len(calls.shown), len(view.blocks)
        view.apply(event)
        for block in view.blocks[count:]:
            entries.append(block)
            if isinstance(event, REMARKS):
                remarks.add(id(block))
        call = calls.apply(event)
        if call is not None and len(calls.shown) > known:
            entries.append(call)
        for fact in _facts(event):
            facts[type(fact)] = fact
        if isinstance(event, e.ENDINGS):
            calls.open_of(event.turn)
            ended.add(event.turn)
    last = entries[-1] if entries else None
    # What a running turn still says goes on in the message of its last words.
    going_on = last if isinstance(last, Block) and last.turn not in ended else None
    shown = (
        calls.start(each)
        if isinstance(each, ShownCall)
        else _passage(each, f"{each.turn}.0" if each is going_on else f"{each.turn}-{number}", is_remark=id(each) in remarks)
        for number, each in enumerate(entries)
    )
    return [*(update for update in shown if update is not None), *facts.values()]


def message(text: str, name: str | None = None) -> AgentMessageChunk:
    """Words of the model, or a remark. Chunks of one `name` are one message."""
    return AgentMessageChunk(session_update="agent_message_chunk", content=text_block(text), message_id=name)


def thought(text: str, name: str | None = None) -> AgentThoughtChunk:
    """Reasoning of the model."""
    return AgentThoughtChunk(session_update="agent_thought_chunk", content=text_block(text), message_id=name and f"{name}.thought")


def _passage(block: Block, name: str, *, is_remark: bool) -> Any:
    text = block.text
    if not text:
        return None
    match block.kind:
        case "prompt":
            return update_user_message(text_block(text))
        case "answer":
            return message(text, name)
        case "thinking":
            return thought(text, name)
        case "error":
            return message(notice(text), name)
        case "line" if is_remark:
            return message(notice(text), name)
        case _:
            return None


def _facts(event: Any) -> Iterator[Any]:
    """What an editor shows beside the conversation: the plan, the title, how full the context is."""
    match event:
        case e.PlanUpdated():
            yield update_plan(
                plan_entry(item.get("text", ""), status=_PLAN_STATES.get(item.get("state", ""), "pending"))  # pyright: ignore[reportArgumentType]
                for item in event.items
            )
        case e.SessionUpdated() if "title" in event.changes:
            yield SessionInfoUpdate(session_update="session_info_update", title=str(event.changes["title"]))
        case e.StepDone() if event.contextLimit:
            yield UsageUpdate(session_update="usage_update", used=event.contextUsed, size=event.contextLimit)
        case _:
            return
