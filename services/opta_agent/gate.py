"""Between the model's wish and the tool: every call gets a decision that is an event before it runs.

A person is asked only about what can run and can be shown whole: wrong arguments, and what would fail, are answered to the model.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from opta_core.bus.outbox import Outbox
from opta_core.clock import now_s, seconds_until, utc_in
from opta_core.errors import Refused
from opta_core.policy import command_line, grants
from opta_core.policy.actions import PolicyRequest
from opta_core.policy.grants import prefix_of, scripts_now
from opta_core.policy.layers import Layers
from opta_core.policy.programs import BUILTINS
from opta_core.policy.verdict import SandboxLevel, Situation, Verdict, judge, scope_of, wants_network
from opta_core.policy.workspaces import is_whole_home
from opta_core.transcript import Turn
from opta_protocol.commands import Plan, Preview
from opta_protocol.event_parts import Execution
from opta_protocol.events import PermissionDecision, PermissionRequest, ToolCall
from opta_protocol.ids import new_call_id
from opta_protocol.permissions import Level, Offer, Risk
from opta_protocol.tools.shell import RUN_COMMAND
from opta_protocol.tools.tool import AnyTool

from .session import AgentSession

_LOOK_AGAIN_S = 5.0

Network = Literal["off", "list", "on"]


class Surroundings(Protocol):
    """What the gate has to know: whether a call's arguments are right, what it means, which rules there are, what contains
    commands, what a write would do and where a command would run.
    """

    def problem(self, call: ToolCall) -> str: ...

    def tool(self, call: ToolCall) -> AnyTool: ...

    def request(self, call: ToolCall, cwd: str) -> PolicyRequest: ...

    def layers(self, cwd: str) -> Layers: ...

    async def sandbox(self) -> SandboxLevel: ...

    async def preview(self, session: AgentSession, call: ToolCall) -> Preview: ...


@dataclass(frozen=True)
class Permit:
    """The decision on a call: whether it may run, what to tell the model if not, and exactly what was allowed."""

    may_run: bool
    reason: str = ""
    code: str = "denied"
    plan: Plan | None = None
    network: Network = "off"
    expects: str = ""
    schema: str = ""


@dataclass
class PermissionGate:
    """Decides by rule, or asks and waits. `timeout_s`: how long a person has; `network`: what commands reach without asking."""

    outbox: Outbox
    surroundings: Surroundings
    timeout_s: float
    network: Network = "off"
    waited_s: float = field(default=0.0, init=False)
    # Call -> question that was put about it.
    _asked: dict[str, str] = field(default_factory=dict[str, str], init=False)

    async def check(self, session: AgentSession, turn: Turn, call: ToolCall) -> Permit:
        """Decide on a call. Writes the decision first; what cannot run as it is needs none."""
        if problem := self.surroundings.problem(call):
            return Permit(False, problem, "bad_arguments")
        request = self.surroundings.request(call, session.transcript.cwd)
        situation = Situation(
            level=Level.L1 if is_whole_home(session.transcript.cwd, Path.home()) else turn.level,
            layers=self.surroundings.layers(session.transcript.cwd),
            policy=session.transcript.policy,
            interactive=session.transcript.interactive,
            sandbox=await self.surroundings.sandbox(),
            granted=frozenset(session.granted),
        )
        verdict = judge(request, situation)
        if verdict.effect != "ask":
            decision = PermissionDecision(
                sid=call.sid, turn=call.turn, callId=call.callId, decision=verdict.effect, by="rule", rule=verdict.rule, layer=verdict.layer
            )
            # What only reads need not wait for the disk.
            if call.risk is Risk.read:
                self.outbox.append(decision)
            else:
                await self.outbox.written(decision)
            if verdict.effect == "deny":
                return Permit(False, f"not allowed by policy ({verdict.rule})")
            return self._permit(session, request)
        return await self._ask(session, call, request, verdict, situation.sandbox)

    def runs_scripts(self, session: AgentSession, call: ToolCall) -> bool:
        """Whether a call runs scripts of the workspace, whose content is a part of what a person is asked about."""
        return bool(scripts_now(self.surroundings.request(call, session.transcript.cwd)))

    async def withdraw(self, session: AgentSession, call: ToolCall, reason: str) -> None:
        """Close the question about a call that will not be run, if one is open."""
        known = session.call(call.turn, call.callId)
        request_id = self._asked.get(call.callId) or (known.requestId if known is not None else "")
        if request_id and session.decision(request_id) is None:
            closed = PermissionDecision(
                sid=call.sid, turn=call.turn, callId=call.callId, requestId=request_id, decision="deny", by="rule", rule=reason
            )
            await self.outbox.written(closed)

    def permit_again(self, session: AgentSession, call: ToolCall) -> Permit:
        """What was allowed for a call whose decision is stored already."""
        known = session.call(call.turn, call.callId)
        request = self.surroundings.request(call, session.transcript.cwd)
        if known is None:
            return self._permit(session, request)
        return self._permit(session, request, offer=known.offer, expects=known.expects, shown=known.execution)

    async def _ask(self, session: AgentSession, call: ToolCall, request: PolicyRequest, verdict: Verdict, sandbox: SandboxLevel) -> Permit:
        known = session.call(call.turn, call.callId)
        # A question outlives the agent that asked it, with what it showed and until when.
        if known and known.requestId:
            request_id, expects, expires_at, execution = known.requestId, known.expects, known.expiresAt, known.execution
        else:
            preview = await self._preview(session, call)
            if preview.problem:
                return Permit(False, preview.problem, preview.code or "failed")
            # Of a command that runs scripts, a person is asked about those scripts.
            request_id, expects, expires_at = new_call_id(), preview.expects or scripts_now(request), utc_in(self.timeout_s)
            preview = msgspec.structs.replace(preview, expects=expects)
            self._asked[call.callId] = request_id
            execution = self._execution(session, request, preview, sandbox)
            question = self._question(call, request, request_id, expires_at, verdict, preview, execution, session.commands)
            await self.outbox.written(question)
        decision = await self._answer(session, call, request_id, verdict, expires_at)
        if decision is None:
            return Permit(False, "nobody answered in time")
        if decision.decision == "deny":
            return Permit(False, "the user denied this call" + (f": {decision.note}" if decision.note else ""))
        if request.command is not None and expects and scripts_now(request) != expects:
            return Permit(False, "the scripts that it runs changed while the user was asked; make the call again")
        return self._permit(session, request, offer=decision.offer, expects=expects, shown=execution)

    async def _preview(self, session: AgentSession, call: ToolCall) -> Preview:
        if self.surroundings.tool(call).evidence in ("execution", "writing"):
            return await self.surroundings.preview(session, call)
        return Preview(callId=call.callId)

    async def _answer(
        self, session: AgentSession, call: ToolCall, request_id: str, verdict: Verdict, expires_at: str
    ) -> PermissionDecision | None:
        """The stored answer; None when nobody answered until the time that was shown."""
        started = now_s()
        deadline = started + (min(self.timeout_s, seconds_until(expires_at)) if expires_at else self.timeout_s)
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
                result = await self.outbox.written(expiry)
                if result.status == "written":
                    return None
                left_s = _LOOK_AGAIN_S  # a person was first
            await session.changed(min(left_s, _LOOK_AGAIN_S))
        self.waited_s += now_s() - started
        return decision

    def _permit(
        self, session: AgentSession, request: PolicyRequest, *, offer: str = "", expects: str = "", shown: Execution | None = None
    ) -> Permit:
        network = self._network(session, request)
        # What was granted while the question was open does not change what it showed.
        if shown is not None and shown.sandbox != "none":
            network = shown.network
        if "network" in offer and request.command is not None:
            network = "on"
        expects = "" if request.command is not None else expects
        return Permit(True, plan=plan_of(request), network=network, expects=expects, schema=request.actions[0].schema)

    def _network(self, session: AgentSession, request: PolicyRequest) -> Network:
        """What a call reaches without a word about the network."""
        return "on" if request.command is not None and "network" in session.granted and wants_network(request) else self.network

    def _question(
        self,
        call: ToolCall,
        request: PolicyRequest,
        request_id: str,
        expires_at: str,
        verdict: Verdict,
        preview: Preview,
        execution: Execution | None,
        earlier: Iterable[str] = (),
    ) -> PermissionRequest:
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
            expiresAt=expires_at,
            offers=offers(request, verdict, self.network, earlier),
            diff=preview.diff,
            expects=preview.expects,
            scope=scope_of(request),
            server=request.actions[0].server,
            schema=request.actions[0].schema,
            execution=execution,
            writing=preview.writing,
        )

    def _execution(self, session: AgentSession, request: PolicyRequest, preview: Preview, sandbox: SandboxLevel) -> Execution | None:
        """Where and how a command runs when it is allowed once; None for what is no command."""
        if request.command is None:
            return None
        asked = RUN_COMMAND.read(request.args)
        return Execution(
            folder=preview.folder,
            timeoutS=asked.limit_s(),
            sandbox=sandbox,
            background=asked.background,
            # Without a sandbox nothing keeps a command from the network.
            network="on" if sandbox == "none" else self._network(session, request),
            programs=[part.program for part in request.command.parts if part.program] if request.command.is_plain else [],
        )


def plan_of(request: PolicyRequest) -> Plan | None:
    """What the worker executes of a plain command: one program by its path, or the line with every word quoted."""
    command = request.command
    if command is None or not command.is_plain:
        return None
    if len(command.parts) == 1 and command.parts[0].argv[0] != "cd":
        part = command.parts[0]
        return Plan(program=part.program, argv=part.argv)
    if missing := next((part for part in command.parts if not part.program and part.argv[0] not in BUILTINS), None):
        # Not left to the shell, which might find one of that name in the workspace.
        return Plan(argv=missing.argv)
    return Plan(shell=command.as_shell())


def offers(request: PolicyRequest, verdict: Verdict, network: Network, earlier: Iterable[str] = ()) -> list[Offer]:
    """The wider answers to a question, the narrowest first; none that the rules would not honour the next time."""
    found: list[Offer] = []
    action = request.actions[0]
    if wants_network(request) and network != "on":
        found.append(Offer(id="network", label="Allow, with network", preview="this once, and it may reach the internet"))
    if verdict.is_single or verdict.layer == "managed":
        return found
    subjects = " and ".join(dict.fromkeys(each.subject for each in request.actions if each.subject))
    label = " ".join(word for word in (request.tool, subjects) if word)
    each_alone = "each of these programs alone too, in this folder" if len(request.actions) > 1 else "exactly this, in this folder"
    found += _lasting("always", f"Always allow {label[:400]}", f"{each_alone}; opta policy list shows it", request)
    if verdict.layer == "hard":
        return found
    words = prefix_of(action.argv)
    if len(request.actions) == 1 and len(action.argv) > len(words):
        found += _lasting("prefix", f"Always allow {' '.join(words)} …", _would_have_matched(words, earlier), request)
    label = _SESSION.get(scope_of(request), f"Allow {scope_of(request)} in this session")
    found.append(Offer(id="session", label=label, words=[label], folder=request.cwd))
    if wants_network(request) and network != "on":
        label = "Allow plain commands in this session, installers and git with network"
        found.append(Offer(id="session-network", label=label, words=[label], folder=request.cwd))
    return found


def _lasting(name: str, label: str, preview: str, request: PolicyRequest) -> list[Offer]:
    """An answer that is written down, with the words that are; none for what cannot be granted."""
    try:
        new = grants.for_request(request, prefix=name == "prefix")
    except Refused:
        return []
    return [Offer(id=name, label=label, preview=preview, words=list(map(grants.words_of, new)), folder=new[0].cwd)]


def _would_have_matched(words: tuple[str, ...], earlier: Iterable[str]) -> str:
    """What a grant of the first words would have covered of what this session asked for."""
    matched = {
        line for line in earlier if (parts := command_line.read(line).parts) and all(part.argv[: len(words)] == words for part in parts)
    }
    said = ", ".join(sorted(matched)[:5]) + (f" and {len(matched) - 5} more" if len(matched) > 5 else "")
    return f"any words may follow, in this folder; would have covered: {said}" if matched else "any words may follow, in this folder"


_SESSION = {"write": "Allow edits in the workspace in this session", "run": "Allow plain commands in the sandbox in this session"}
