"""Questions that a model asks the user (`ask_user`): put into the session, answered there from any client, and read as the call's result.

A question outlives the agent that asked it, with its expiry.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from opta_core.clock import now_s, seconds_until, utc_in
from opta_core.transcript import Question
from opta_protocol.events import Event, QuestionAnswered, QuestionAsked, ToolCall, ToolResult
from opta_protocol.ids import new_call_id
from opta_protocol.tools.asking import ASK_USER

from .session import AgentSession

_LOOK_AGAIN_S = 5.0
NOBODY = "Nobody can be asked in this session. Decide it yourself, and say in your answer what you assumed."
LATE = "Nobody answered in time. Go on without the answer if you can, and say what you assumed; otherwise stop and say what you need."


class Questions:
    """The questions of one turn. `written` writes an event and waits until it is stored; `timeout_s`: how long a person has."""

    def __init__(self, emit: Callable[[Event], Any], written: Callable[[Event], Awaitable[Any]], timeout_s: float):
        self._emit, self._written, self._timeout_s = emit, written, timeout_s
        # Seconds in which a person was waited for.
        self.waited_s = 0.0

    async def ask(self, session: AgentSession, call: ToolCall) -> ToolResult:
        """Ask, or go on waiting for the answer to a question that a former agent asked; the result, which is stored."""
        started = now_s()
        if not session.transcript.interactive:
            return self._end(call, started, NOBODY, code="nobody")
        known = session.call(call.turn, call.callId)
        asked = known.asked if known is not None and known.asked is not None else await self._put(session, call)
        deadline = started + max(0.0, min(self._timeout_s, seconds_until(asked.expiresAt)))
        while not (answered := self._asked(session, call)) or not answered.by:
            left_s = deadline - now_s()
            if left_s <= 0:
                late = QuestionAnswered(sid=call.sid, turn=call.turn, questionId=asked.id, callId=call.callId, by="timeout")
                await self._written(late)
                # A person may have been first. What was written may be known by now.
                deadline = now_s() + _LOOK_AGAIN_S
                continue
            await session.changed(min(left_s, _LOOK_AGAIN_S))
        self.waited_s += now_s() - started
        if answered.by == "timeout":
            return self._end(call, started, LATE, code="timeout")
        chose = "chose" if answered.answer in answered.options else "answered"
        return self._end(call, started, f"The user {chose}: {answered.answer}")

    async def _put(self, session: AgentSession, call: ToolCall) -> Question:
        """Write a question into the session."""
        wanted = ASK_USER.read(call.args)
        asked = Question(id=new_call_id(), text=wanted.question, options=wanted.options, expiresAt=utc_in(self._timeout_s))
        # The journal shows the call before its question.
        while session.call(call.turn, call.callId) is None:
            await session.changed(0.2)
        await self._written(
            QuestionAsked(
                sid=call.sid,
                turn=call.turn,
                questionId=asked.id,
                callId=call.callId,
                text=asked.text,
                options=asked.options,
                expiresAt=asked.expiresAt,
            )
        )
        return asked

    def _asked(self, session: AgentSession, call: ToolCall) -> Question | None:
        known = session.call(call.turn, call.callId)
        return known.asked if known is not None else None

    def _end(self, call: ToolCall, started: float, content: str, code: str = "") -> ToolResult:
        took_ms = round((now_s() - started) * 1000, 1)
        result = ToolResult(
            sid=call.sid, turn=call.turn, callId=call.callId, ok=not code, content=content, code=code, lines=1, durationMs=took_ms
        )
        self._emit(result)
        return result
