"""Permission questions: list the open ones, answer one; list and revoke the grants that "always" made."""

import asyncio

import msgspec

from opta_core.clock import seconds_until
from opta_core.errors import Refused
from opta_core.policy import grants
from opta_core.policy.actions import normalise
from opta_core.transcript import Call, Transcript, Turn
from opta_protocol.error_info import ErrorCode
from opta_protocol.events import PermissionDecision
from opta_protocol.http import AnswerPermission, PermissionAnswer
from opta_protocol.http_lists import GrantList, OpenPermission, OpenPermissions
from opta_protocol.http_settings import SettingChange
from opta_protocol.tools.declared import tool_of

from ..askers import waiting_sessions
from ..decisions import Decisions
from ..endpoint import GatewayOf, TypedRouter, body

routes = TypedRouter()


@routes.post("/v3/sessions/{name}/permissions/{request_id}")
async def answer_permission(
    gateway: GatewayOf, name: str, request_id: str, wanted: AnswerPermission = body(AnswerPermission)
) -> PermissionAnswer:
    """Answer a question. The first valid answer counts; later ones get 409."""
    session = await gateway.store.session(name)
    found = _question(await gateway.store.transcript(session.id), request_id)
    if found is None:
        raise Refused(f"There is no question {request_id[:20]!r} in s-{session.id}.", code=ErrorCode.not_found)
    turn, call = found
    if reason := _over(turn, call):
        raise _conflict(reason)
    offered = {offer.id: offer for offer in call.offers}
    lasting = {"always": {"always", "prefix"}, "session": {"session", "session-network"}}.get(wanted.decision)
    if (wanted.offer and wanted.offer not in offered) or (lasting is not None and not lasting & set(offered)):
        raise Refused(f"This question does not offer that; it offers {', '.join(offered) or 'only allow and deny'}.")
    new = await asyncio.to_thread(_grants, call, session.cwd, wanted.offer) if wanted.decision == "always" else []
    offer = offered.get(wanted.offer or "always")
    if new and offer is not None and offer.words and offer.words != [grants.words_of(grant) for grant in new]:
        raise _conflict("What would be written down is not what the question showed; allow it once, and look at the next question.")
    decision = "deny" if wanted.decision == "deny" else "allow"
    event = PermissionDecision(
        sid=session.id, turn=turn.id, callId=call.id, requestId=request_id, decision=decision, by="client", rule=call.reason, layer="user",
        scope=wanted.decision, offer=wanted.offer, note=wanted.note, client=wanted.client,
    )  # fmt: skip
    result = await Decisions(gateway.store.outbox, gateway.loaded.paths, gateway.changing).write(event, new)
    if result.status == "fenced":
        raise _conflict("The turn of this question has ended.")
    if result.status != "written":
        raise _conflict("This question was answered already.")
    return PermissionAnswer(ok=True, decision=decision)


@routes.get("/v3/permissions")
async def list_permissions(gateway: GatewayOf) -> OpenPermissions:
    """Open questions of all sessions, those of sub-agents too, with the names of who asks."""
    found: list[OpenPermission] = []
    for session, asker in await waiting_sessions(gateway.store):
        transcript = await gateway.store.transcript(session.id)
        found += [
            OpenPermission(
                sid=session.id,
                turn=turn.id,
                requestId=call.requestId,
                callId=call.id,
                name=call.name,
                args=call.args,
                reason=call.reason,
                expiresAt=call.expiresAt,
                **msgspec.structs.asdict(asker),
            )
            for turn in transcript.turns
            for step in turn.steps
            for call in step.calls
            if call.state == "asking"
        ]
    return OpenPermissions(permissions=found)


@routes.get("/v3/grants")
async def list_grants(gateway: GatewayOf) -> GrantList:
    """What is always allowed. `words`: the line that was shown before it was written."""
    found = await asyncio.to_thread(grants.read, gateway.loaded.paths)
    return GrantList(grants=[{**msgspec.to_builtins(grant), "words": grants.words_of(grant)} for grant in found])


@routes.delete("/v3/grants/{grant_id}")
async def revoke_grant(gateway: GatewayOf, grant_id: str) -> SettingChange:
    """Ask again from now on."""
    known = {grant.id: grants.words_of(grant) for grant in await asyncio.to_thread(grants.read, gateway.loaded.paths)}
    if not await gateway.change(grants.remove, gateway.loaded.paths, grant_id):
        raise Refused(f"There is no grant {grant_id[:20]!r}.", code=ErrorCode.not_found)
    return SettingChange(file=str(grants.file_of(gateway.loaded.paths)), key=grant_id, old=known.get(grant_id, ""))


def _grants(call: Call, cwd: str, offer: str) -> list[grants.Grant]:
    request = normalise(tool_of(call.name, call.server, call.schema), call.args, cwd)
    if request.command is not None and call.expects and grants.scripts_now(request) != call.expects:
        raise Refused("The scripts that this command runs have changed since the question was shown. Deny it; the model can ask again.")
    return grants.for_request(request, prefix=offer == "prefix")


def _over(turn: Turn, call: Call) -> str:
    """Why a question takes no answer any more, '' when it does."""
    if call.state not in ("asking", "stopped"):
        if call.decidedBy == "timeout":
            return "Nobody answered this question in time, so the call was not run."
        by = f" in {call.client}" if call.client else ""
        return f"This question was answered already{by}: {'denied' if call.state == 'denied' else 'allowed'}."
    if turn.endedAt:
        return "The turn of this question has ended."
    if call.expiresAt and seconds_until(call.expiresAt) <= 0:
        return f"This question expired at {call.expiresAt}; the call was not run."
    return ""


def _conflict(message: str) -> Refused:
    return Refused(message, code=ErrorCode.conflict, details={"conflict": True})


def _question(transcript: Transcript, request_id: str) -> tuple[Turn, Call] | None:
    for turn in reversed(transcript.turns):
        for step in turn.steps:
            for call in step.calls:
                if call.requestId == request_id:
                    return turn, call
    return None
