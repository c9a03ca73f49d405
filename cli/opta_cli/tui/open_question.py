"""A question that a session waits for: a permission, or words of the model's choice. Read from its call in the transcript."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from opta_core.transcript_parts import Call, Turn
from opta_protocol import events as e
from opta_protocol import wire


class OpenAsk(NamedTuple):
    """Session `sid` asks: for a permission, or for words. `title` names the sub-agent that asks, '' for the session itself.

    `child_seq`: where the question stands in the sub-agent's session, while it was not read from there; 0 else. `key` stays when it was.
    """

    id: str
    sid: str
    call: str
    key: str
    permission: e.PermissionRequest | None = None
    question: e.QuestionAsked | None = None
    title: str = ""
    child_seq: int = 0


def of_call(sid: str, turn: Turn, call: Call, known: Mapping[str, e.PermissionRequest]) -> OpenAsk | None:
    """The open question of a call; None when it asks nothing. `known`: requests whose events were seen, which are shown as they are."""
    if call.state == "asking":
        return OpenAsk(call.requestId, sid, call.id, call.requestId, permission=known.get(call.requestId) or _request(sid, turn, call))
    if call.state == "stopped":
        return None
    if call.asked is not None and not call.asked.by:
        asked = e.QuestionAsked(
            sid=sid,
            turn=turn.id,
            callId=call.id,
            questionId=call.asked.id,
            text=call.asked.text,
            options=call.asked.options,
            expiresAt=call.asked.expiresAt,
        )
        return OpenAsk(call.asked.id, sid, call.id, call.asked.id, question=asked)
    if call.child is not None and call.child.state == "waiting" and call.child.askSeq:
        child = call.child
        key = f"{child.sid}:{child.askSeq}"
        return OpenAsk(key, child.sid, call.id, key, title=child.title, child_seq=child.askSeq)
    return None


def of_child(asked: OpenAsk, line: Any) -> OpenAsk:
    """The question of a sub-agent, from its line in the sub-agent's session; `asked` with neither when the line holds none."""
    event = wire.decode(msgspec.json.encode(line))
    if isinstance(event, e.PermissionRequest):
        return asked._replace(id=event.requestId, permission=event, child_seq=0)
    if isinstance(event, e.QuestionAsked):
        return asked._replace(id=event.questionId, question=event, child_seq=0)
    return asked


def answered_by(call: Call) -> str:
    """Who answered the question of a call, and how, in a sentence; '' while it is open."""
    if call.asked is not None and call.asked.by:
        if call.asked.by == "timeout":
            return "Nobody answered in time."
        return f"Answered in {call.asked.client or 'another client'}: {call.asked.answer}"
    if call.decidedBy == "timeout":
        return "Nobody answered in time, so it was not run."
    if call.decidedBy:
        return f"Answered in {call.client or 'another client'}: {'denied' if call.state == 'denied' else 'allowed'}."
    if call.state == "stopped":
        return "The turn has ended, so the question is void."
    return ""


def _request(sid: str, turn: Turn, call: Call) -> e.PermissionRequest:
    return e.PermissionRequest(
        sid=sid,
        turn=turn.id,
        requestId=call.requestId,
        callId=call.id,
        name=call.name,
        args=call.args,
        reason=call.reason,
        rule=call.rule,
        layer="",
        expiresAt=call.expiresAt,
        offers=call.offers,
        diff=call.diff,
        expects=call.expects,
        scope=call.scope,
        server=call.server,
        schema=call.schema,
        execution=call.execution,
        writing=call.writing,
    )
