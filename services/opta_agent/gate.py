"""Between the model's wish and the tool: every call gets a decision that is an event before it runs."""

from typing import Any

from opta_core import grants
from opta_core.clock import now_s, utc_in
from opta_core.outbox import Outbox
from opta_core.paths import Paths
from opta_core.policy import Verdict, judge
from opta_core.transcript import Turn
from opta_protocol.events import PermissionDecision, PermissionRequest, ToolCall
from opta_protocol.ids import new_call_id
from opta_protocol.permissions import Offer

from .session import Session

_LOOK_AGAIN_S = 5.0


class Gate:
    """Decides by rule, or asks and waits. `timeout_s`: how long a person has."""

    def __init__(self, outbox: Outbox, paths: Paths, timeout_s: float):
        self._outbox, self._paths, self._timeout_s = outbox, paths, timeout_s
        self.waited_s = 0.0

    async def check(self, session: Session, turn: Turn, call: ToolCall) -> tuple[bool, str]:
        """(may it run, what to tell the model if not). Writes the decision first."""
        verdict = self._verdict(session, turn, call)
        if verdict.effect == "ask" and not session.transcript.interactive:
            verdict = Verdict("deny", f"{verdict.rule}; nobody can be asked", verdict.layer)
        if verdict.effect != "ask":
            decision = PermissionDecision(
                sid=call.sid, turn=call.turn, callId=call.callId, decision=verdict.effect, by="rule", rule=verdict.rule, layer=verdict.layer
            )
            # What only reads need not wait for the disk.
            if call.risk == "read":
                self._outbox.append(decision)
            else:
                await self._outbox.written(decision)
            return verdict.effect == "allow", f"not allowed by policy ({verdict.rule})"
        return await self._ask(session, call, verdict)

    def _verdict(self, session: Session, turn: Turn, call: ToolCall) -> Verdict:
        verdict = judge(call.name, turn.level, session.transcript.policy, frozenset(session.granted))
        if verdict.effect == "ask" and (grant := grants.covers(self._paths, call.name, session.transcript.cwd, call.args)):
            return Verdict("allow", f"always allowed: {grant.label}", "user")
        return verdict

    async def _ask(self, session: Session, call: ToolCall, verdict: Verdict) -> tuple[bool, str]:
        known = session.call(call.turn, call.callId)
        # A question outlives the agent that asked it.
        request_id = known.requestId if known and known.requestId else new_call_id()
        if not (known and known.requestId):
            await self._outbox.written(self._request(call, request_id, verdict))
        started = now_s()
        deadline = started + self._timeout_s
        while (decision := session.decision(request_id)) is None:
            left_s = deadline - now_s()
            if left_s <= 0:
                expiry = PermissionDecision(
                    sid=call.sid,
                    turn=call.turn,
                    callId=call.callId,
                    requestId=request_id,
                    decision="deny",
                    by="timeout",
                    rule=verdict.rule,
                    layer=verdict.layer,
                )
                result = await self._outbox.written(expiry)
                if result.status == "written":
                    return False, "nobody answered in time"
                left_s = _LOOK_AGAIN_S  # a person was first
            await session.changed(min(left_s, _LOOK_AGAIN_S))
        self.waited_s += now_s() - started
        if decision.decision == "allow":
            return True, ""
        return False, "the user denied this call" + (f": {decision.note}" if decision.note else "")

    def _request(self, call: ToolCall, request_id: str, verdict: Verdict) -> PermissionRequest:
        return PermissionRequest(
            sid=call.sid,
            turn=call.turn,
            requestId=request_id,
            callId=call.callId,
            name=call.name,
            args=call.args,
            reason=verdict.rule,
            rule=verdict.rule,
            layer=verdict.layer,
            expiresAt=utc_in(self._timeout_s),
            offers=[
                Offer(id="always", label=f"Always allow {label_of(call.name, call.args)}", preview="exactly this call, in this folder"),
                Offer(id="session", label=f"Allow {call.name} in this session"),
            ],
        )


def label_of(name: str, args: dict[str, Any]) -> str:
    """A call as people say it: its command, path or pattern."""
    subject = str(args.get("command") or args.get("path") or args.get("pattern") or "")
    return f"{name} {subject}".strip()[:120]
