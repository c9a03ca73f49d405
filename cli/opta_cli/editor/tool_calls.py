"""The tool calls of a session as an editor shows them: title, kind, files, what was changed, and how far each is.

**Invariant:** like `opta_cli.view`, it reads no clock, no terminal and no daemon: the same events give the same updates.
"""

from pathlib import Path
from typing import Any, Literal

import msgspec
from acp.helpers import text_block, tool_content, tool_diff_content, tool_terminal_ref
from acp.schema import ToolCallLocation, ToolCallProgress, ToolCallStart, ToolCallUpdate

from opta_protocol import events as e
from opta_protocol.child_events import ChildStart, ChildState
from opta_protocol.event_parts import Change
from opta_protocol.tools.declared import tool_of
from opta_protocol.tools.file_access import OUTPUT_SCHEME
from opta_protocol.tools.plan import TODO

from .diff_fragments import fragments
from .shown_text import one_line, output

Kind = Literal["read", "edit", "search", "execute", "think", "fetch", "other"]
Status = Literal["pending", "in_progress", "completed", "failed"]
KINDS: dict[str, Kind] = {"read": "read", "search": "search", "write": "edit", "run": "execute", "plan": "think", "browse": "fetch"}
# Of the output of a running command; its result has what the model reads.
OUTPUT_CHARS_MAX = 20_000
_CHILD_ENDS: dict[str, Status] = {"done": "completed", "limit": "completed", "failed": "failed", "stopped": "failed"}


class ShownCall(msgspec.Struct, kw_only=True):
    """One call. `text`: its output so far, or its result; `note`: what was decided about it; `changes`: the files that it changed."""

    id: str
    turn: str
    title: str
    kind: Kind
    status: Status = "pending"
    path: str = ""
    line: int | None = None
    args: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])
    text: str = ""
    note: str = ""
    changes: list[Change] = msgspec.field(default_factory=list[Change])
    is_terminal: bool = False
    exit_code: int | None = None


class ShownCalls:
    """`cwd`: the folder of the session, to which paths are relative. `has_terminals`: the editor draws terminals of an agent."""

    def __init__(self, cwd: str, *, has_terminals: bool = False):
        self._cwd, self._has_terminals = Path(cwd), has_terminals
        self.shown: dict[str, ShownCall] = {}

    def apply(self, event: e.AnyEvent | e.Unknown) -> ShownCall | None:
        """Fold the next event; the call that it changes."""
        match event:
            case e.ToolCall() if event.name != TODO.name:
                return self._begin(event)
            case e.PermissionDecision() if event.decision == "deny":
                return self._change(event.callId, status="failed", note=_denial(event))
            case e.PermissionDecision() if event.by == "client":
                return self._change(event.callId, note=f"Allowed in {event.client or 'another client'}.")
            case e.ToolStart():
                return self._change(event.callId, status="in_progress")
            case e.ToolOutput() if event.callId in self.shown:
                call = self.shown[event.callId]
                return self._change(event.callId, text=(call.text + event.delta)[-OUTPUT_CHARS_MAX:])
            case e.ToolResult():
                return self._result(event)
            case e.FilesChanged() if event.callId in self.shown:
                return self._change(event.callId, changes=event.changes)
            case ChildStart():
                return self._change(event.callId, status="in_progress", title=f"Sub-agent: {one_line(event.title)}")
            case ChildState():
                status = _CHILD_ENDS.get(event.state, "in_progress")
                asks = f": {event.asks}" if event.asks else ""
                return self._change(event.callId, status=status, note=f"{event.state}, step {event.step}, {event.calls} calls{asks}")
            case e.QuestionAnswered():
                return self._change(event.callId, note=f"Answered: {event.text}" if event.text else "Nobody answered in time.")
            case _:
                return None

    def open_of(self, turn: str) -> list[ShownCall]:
        """The calls of a turn that have no end yet; from now on they have failed, because the turn is over."""
        left = [call for call in self.shown.values() if call.turn == turn and call.status in ("pending", "in_progress")]
        for call in left:
            call.status, call.note = "failed", "The turn ended before this call."
        return left

    def start(self, call: ShownCall) -> ToolCallStart:
        """A call as it is now, for an editor that does not know it."""
        return ToolCallStart(session_update="tool_call", **self._fields(call), field_meta=self._terminal_begins(call))

    def progress(self, call: ShownCall) -> ToolCallProgress:
        """A call as it is now, for an editor that knows it."""
        return ToolCallProgress(session_update="tool_call_update", **self._fields(call), field_meta=_terminal_ends(call))

    def printed(self, call: ShownCall, delta: str) -> ToolCallProgress:
        """What a command printed, for an editor that draws its terminal."""
        meta = {"terminal_output": {"terminal_id": call.id, "data": delta}}
        return ToolCallProgress(session_update="tool_call_update", tool_call_id=call.id, field_meta=meta)

    def asked(self, call_id: str, title: str, kind: Kind, content: list[Any]) -> ToolCallUpdate:
        """A call about which a person is asked, with what they must see."""
        call = self.shown.get(call_id)
        locations = self._locations(call) if call is not None else None
        raw = call.args if call is not None else None
        return ToolCallUpdate(
            tool_call_id=call_id, title=title, kind=kind, status="pending", content=content, locations=locations, raw_input=raw
        )

    def diffs(self, path: str, diff: str) -> list[Any]:
        """The hunks of a change, as content; a remark where the diff was cut."""
        hunks, remark = fragments(diff)
        absolute = str(self._cwd / path)
        found: list[Any] = [tool_diff_content(absolute, hunk.new, hunk.old) for hunk in hunks]
        return [*found, tool_content(text_block(remark))] if remark else found

    def _begin(self, event: e.ToolCall) -> ShownCall:
        tool = tool_of(event.name)
        summary = one_line(tool.summary(event.args))
        title = summary if tool.kind == "run" and summary else f"{tool.label or event.name} {summary}".strip()
        path = event.args.get("path") if tool.kind in ("read", "search", "write") else None
        is_file = isinstance(path, str) and bool(path) and not path.startswith(OUTPUT_SCHEME)
        line = event.args.get("start_line")
        call = ShownCall(
            id=event.callId,
            turn=event.turn,
            title=title,
            kind=KINDS.get(tool.kind, "other"),
            path=str(path) if is_file else "",
            line=line if isinstance(line, int) and line >= 0 else None,
            args=event.args,
            is_terminal=self._has_terminals and tool.kind == "run" and event.name == "run_command",
        )
        self.shown[event.callId] = call
        return call

    def _change(self, call_id: str, **fields: Any) -> ShownCall | None:
        call = self.shown.get(call_id)
        if call is not None:
            for name, value in fields.items():
                setattr(call, name, value)
        return call

    def _result(self, event: e.ToolResult) -> ShownCall | None:
        call = self.shown.get(event.callId)
        if call is None:
            return None
        if call.status != "failed":
            # What a person or a rule denied goes on saying so.
            call.note = ""
        call.status = "completed" if event.ok else "failed"
        call.text = event.content
        call.exit_code = 0 if event.ok else int(code) if (code := event.code.removeprefix("exit_")).lstrip("-").isdecimal() else None
        if event.changes:
            call.changes = event.changes
            hunks, _ = fragments(event.changes[0].diff)
            call.line = hunks[0].line if hunks else call.line
        return call

    def _fields(self, call: ShownCall) -> dict[str, Any]:
        return {
            "tool_call_id": call.id,
            "title": call.title,
            "kind": call.kind,
            "status": call.status,
            "content": self._content(call) or None,
            "locations": self._locations(call),
            "raw_input": call.args or None,
        }

    def _locations(self, call: ShownCall) -> list[ToolCallLocation] | None:
        paths = dict.fromkeys([call.path, *(change.path for change in call.changes)])
        found = [ToolCallLocation(path=str(self._cwd / path), line=call.line if path == call.path else None) for path in paths if path]
        return found or None

    def _content(self, call: ShownCall) -> list[Any]:
        found: list[Any] = [tool_terminal_ref(call.id)] if call.is_terminal else []
        for change in call.changes:
            found += self.diffs(change.path, change.diff)
        # The result of an edit repeats its diff; that of a command in a terminal, what it printed.
        is_said = call.status == "completed" and ((call.kind == "edit" and bool(found)) or call.is_terminal)
        if call.text and not is_said and not (call.is_terminal and call.exit_code is not None):
            found.append(tool_content(text_block(output(call.text))))
        if call.note:
            found.append(tool_content(text_block(one_line(call.note))))
        return found

    def _terminal_begins(self, call: ShownCall) -> dict[str, Any] | None:
        if not call.is_terminal:
            return None
        begins: dict[str, Any] = {"terminal_info": {"terminal_id": call.id, "cwd": str(self._cwd)}}
        if call.text:
            begins["terminal_output"] = {"terminal_id": call.id, "data": call.text}
        return {**begins, **(_terminal_ends(call) or {})}


def _denial(decision: e.PermissionDecision) -> str:
    if decision.by == "timeout":
        return "Denied: nobody answered in time."
    if decision.by == "rule":
        return f"Denied by a rule: {decision.rule}"
    return f"Denied in {decision.client or 'another client'}{f': {decision.note}' if decision.note else '.'}"


def _terminal_ends(call: ShownCall) -> dict[str, Any] | None:
    if not call.is_terminal or call.status not in ("completed", "failed"):
        return None
    return {"terminal_exit": {"terminal_id": call.id, "exit_code": call.exit_code, "signal": None}}
