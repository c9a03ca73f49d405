"""Gathers the evidence of a diagnosis. Everything is asked at once, and each answer has a deadline: a dead process costs no more than that."""

import asyncio
from typing import Any

import msgspec

from opta_core.clock import now_s
from opta_core.errors import OptaError
from opta_core.fallback_folder import NO_WRITES
from opta_core.secrets.vault import Vault
from opta_core.triage.machine_look import machine_facts, process_hops, rule_problems, settings_problem
from opta_core.triage.process_findings import SLOW_MS
from opta_protocol.http_triage import DiagnoseRequest, Hop, MachineFacts, ProbeFacts, TriageEvidence, WorkerFacts

from .app import Gateway
from .lmx_look import LmxLook
from .probe_turn import send_probe
from .triage_route import look_at_servers, route_facts, wanted_model
from .triage_session import session_part, turn_facts

# Of one answer; and of the whole diagnosis: 10 s are promised.
PING_S = 2.0
# After its start, and once it says that it is ready, a process has made its sockets.
SETTLED_S = 2.0
WHOLE_S, PROBE_S, PROBE_S_MIN = 9.0, 6.0, 1.0
# A process that reports nothing for so long is silent, if this gateway has listened for so long.
LISTENED_S = 6.0
# A process that was started again may take so long until it answers.
STARTING_S = 6.0


async def gather_evidence(gateway: Gateway, vault: Vault, wanted: DiagnoseRequest) -> TriageEvidence:
    """Steps 1 to 4, in order of their names; the probe is sent when what it needs answers. Raises OptaError when there is no such session."""
    began, paths = now_s(), gateway.loaded.paths
    (hops, pings, machine, broken), looked, part = await asyncio.gather(
        asyncio.gather(
            asyncio.to_thread(process_hops, paths, SETTLED_S),
            _pings(gateway),
            asyncio.to_thread(machine_facts, paths, gateway.clock),
            asyncio.to_thread(settings_problem, paths),
        ),
        look_at_servers(gateway, vault),
        session_part(gateway.store, wanted.session),
    )
    model = wanted_model(looked, part, wanted.model)
    problems = await asyncio.to_thread(rule_problems, paths, part.session.cwd if part else str(paths.workspaces))
    evidence = TriageEvidence(
        hops=_with_answers(gateway, hops, pings, looked.lmx, is_remote=bool(looked.settings.lmx.host)),
        route=route_facts(looked, model, part, gateway.telemetry.figures("tools"), problems, broken),
        machine=_machine(gateway, machine),
        worker=_worker(gateway),
        turn=turn_facts(part) if part else None,
        session=part.session.id if part else "",
        sessionSeq=part.session.lastSeq if part else None,
        marks=part.turn.marks if part and part.turn else [],
        client=wanted.client,
    )
    return msgspec.structs.replace(evidence, probe=await _probe(gateway, evidence, wanted, began))


async def _probe(gateway: Gateway, evidence: TriageEvidence, wanted: DiagnoseRequest, began: float) -> ProbeFacts:
    def skipped(reason: str) -> ProbeFacts:
        return ProbeFacts(state="skipped", reason=reason, model=evidence.route.model)

    if not wanted.probe:
        return skipped("not asked for")
    for hop in evidence.hops:
        if hop.name in ("sessions", "agent", "tools") and hop.state not in ("ok", "slow"):
            return skipped(f"{hop.name} does not answer, so no turn would end")
    if evidence.machine.diskProblem:
        return skipped("no event can be written")
    for provider in evidence.route.providers:
        if provider.isWanted and not provider.healthy:
            return skipped(f"{provider.name} does not answer, and the probe goes to no other")
    left_s = min(PROBE_S, WHOLE_S - (now_s() - began))
    if left_s < PROBE_S_MIN:
        return skipped("the evidence took too long to gather")
    if gateway.probing.locked():
        return skipped("another probe runs")
    async with gateway.probing:
        return await send_probe(gateway, evidence.route.model, left_s)


async def _pings(gateway: Gateway) -> dict[str, float | None]:
    """Service -> milliseconds of its answer to a question that needs no other process; None for no answer."""

    async def timed(name: str, question: Any) -> tuple[str, float | None]:
        began = now_s()
        try:
            await question
        except (TimeoutError, OptaError):
            return name, None
        return name, round((now_s() - began) * 1000, 1)

    return dict(
        await asyncio.gather(
            timed("gateway", asyncio.sleep(0)),
            timed("sessions", gateway.store.queries.sessions(limit=1, timeout_s=PING_S)),
            timed("agent", gateway.agent.ping(PING_S)),
            timed("tools", gateway.worker.ping(PING_S)),
        )
    )


def _with_answers(gateway: Gateway, hops: list[Hop], pings: dict[str, float | None], lmx: LmxLook, *, is_remote: bool) -> list[Hop]:
    """The hops with what each answered. What supervisord and the kernel say about a process decides before its silence does."""
    found: list[Hop] = []
    has_listened = now_s() - gateway.listening_since > LISTENED_S
    for hop in hops:
        report = gateway.telemetry.report(hop.name)
        reason = report.reason if report is not None and not report.ready else ""
        if report is None or not report.ready:
            hop = msgspec.structs.replace(hop, missingSockets=[])
        if hop.name in pings and hop.state in ("ok", "unknown"):
            found.append(_answered(hop, pings[hop.name], reason))
        elif hop.name == "lmx" and is_remote:
            found.append(msgspec.structs.replace(hop, state="not used", reason="LMX of another machine is used"))
        elif hop.name == "lmx" and hop.state == "ok":
            found.append(_answered(hop, lmx.latency_ms if lmx.healthy else None, reason or lmx.reason))
        elif hop.name == "desktop" and hop.state == "ok" and report is None and has_listened:
            found.append(msgspec.structs.replace(hop, state="silent", reason="it sends no reports"))
        else:
            found.append(hop)
    return found


def _answered(hop: Hop, latency_ms: float | None, reason: str) -> Hop:
    if latency_ms is None and hop.restartedS is not None and hop.restartedS < STARTING_S:
        return msgspec.structs.replace(hop, state="slow", reason=reason or "it is starting")
    if latency_ms is None:
        return msgspec.structs.replace(hop, state="silent", reason=reason or f"no answer within {PING_S:g} s")
    return msgspec.structs.replace(hop, state="slow" if latency_ms > SLOW_MS else "ok", latencyMs=latency_ms, reason=reason)


def _machine(gateway: Gateway, machine: MachineFacts) -> MachineFacts:
    report = gateway.telemetry.report("sessions")
    says_full = report is not None and not report.ready and report.reason.startswith(NO_WRITES)
    return msgspec.structs.replace(machine, diskProblem=report.reason) if says_full and report is not None else machine


def _worker(gateway: Gateway) -> WorkerFacts:
    figures = gateway.telemetry.figures("tools")
    return WorkerFacts(**{name: figures[name] for name in ("active", "max", "queued", "overdue", "oldestS") if name in figures})
