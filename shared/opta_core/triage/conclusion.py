"""The conclusion: from evidence to the five steps, the failure domain, its reason and its fix. Pure: no socket, no clock, no file."""

import msgspec

from opta_protocol.http_triage import Diagnosis, Fix, Hop, TriageEvidence, TriageFinding, TriageStep

from .model_findings import model_findings, probe_findings, provider_findings
from .process_findings import disk_findings, machine_findings, restart_findings, sandbox_findings, service_findings, supervisor_findings
from .turn_findings import client_findings, rule_findings, turn_findings, worker_findings

_ORDER = {"fault": 0, "degraded": 1, "recovered": 2}


def findings_of(evidence: TriageEvidence) -> list[TriageFinding]:
    """Everything that is wrong: faults first, and among equals what explains the others first."""
    found = [
        *supervisor_findings(evidence),
        *disk_findings(evidence.machine),
        *service_findings(evidence),
        *client_findings(evidence),
        *worker_findings(evidence),
        *provider_findings(evidence),
        *model_findings(evidence),
        *turn_findings(evidence),
        *probe_findings(evidence),
        *rule_findings(evidence),
        *sandbox_findings(evidence),
        *machine_findings(evidence),
        *restart_findings(evidence),
    ]
    return sorted((_with_a_stop(finding) for finding in found), key=lambda finding: _ORDER[finding.severity])


def _with_a_stop(finding: TriageFinding) -> TriageFinding:
    # Words of servers and files are passed on as they are.
    return finding if finding.reason.endswith((".", "!", "?")) else msgspec.structs.replace(finding, reason=f"{finding.reason}.")


def conclude(evidence: TriageEvidence, at: str, elapsed_ms: float = 0.0, contained: list[str] | None = None) -> Diagnosis:
    """The diagnosis of what was gathered. `at`: when, ISO 8601."""
    findings = findings_of(evidence)
    first = findings[0] if findings else None
    is_healthy = not any(finding.severity == "fault" for finding in findings)
    return Diagnosis(
        at=at,
        healthy=is_healthy,
        steps=[_route(evidence), _heartbeat(evidence), _divergence(evidence), _probe(evidence), _domain(first)],
        evidence=evidence,
        findings=findings,
        domain=first.domain if first else None,
        severity=first.severity if first else None,
        reason=first.reason if first else "",
        fix=first.fix if first else None,
        elapsedMs=round(elapsed_ms, 1),
        contained=contained or [],
    )


def automatic_fixes(diagnosis: Diagnosis) -> list[Fix]:
    """What can be repaired without a person, in order, each once."""
    fixes: list[Fix] = []
    for finding in diagnosis.findings:
        if finding.fix.automatic and finding.severity != "recovered" and finding.fix not in fixes:
            fixes.append(finding.fix)
    return fixes


def post_mortem(diagnosis: Diagnosis, fixed: str = "") -> str:
    """The note for the session: trigger, symptom, containment, fix."""
    marks = diagnosis.evidence.marks
    first = diagnosis.findings[0] if diagnosis.findings else None
    turn = diagnosis.evidence.turn
    symptom = (
        f"{turn.id} {turn.state}" + (f": {turn.error}" if turn.error else "")
        if turn is not None
        else "no turn of this session was under way"
    )
    return "\n".join(
        (
            f"Trigger: {first.reason if first else 'none found: every hop answered'}",
            f"Symptom: {symptom}",
            f"Divergence: {_said(marks[-1].text, marks[-1].seq) if marks else 'no mark before it'}",
            f"Containment: {', '.join(f's-{sid} paused' for sid in diagnosis.contained) or 'none'}",
            f"Fix: {fixed or (f'{first.fix.label} ({first.fix.command})' if first else 'none needed')}",
        )
    )


def _route(evidence: TriageEvidence) -> TriageStep:
    route = evidence.route
    wanted = next((provider for provider in route.providers if provider.isWanted), None)
    reach = (
        "its server is not known"
        if wanted is None
        else f"{wanted.name} answers in {wanted.latencyMs:g} ms"
        if wanted.healthy
        else wanted.reason
    )
    words = [
        route.model or "no model",
        route.mode,
        route.level,
        route.policy and f"policy {route.policy}",
        route.trust,
        route.sandbox and f"sandbox {route.sandbox}",
    ]
    problems = [*route.policyProblems, *([route.settingsProblem] if route.settingsProblem else [])]
    text = " · ".join(word for word in words if word) + f"; {reach}" + "".join(f"; {problem}" for problem in problems)
    return TriageStep(number=1, name="route", ok=(wanted is None or wanted.healthy) and not problems, text=text)


def _heartbeat(evidence: TriageEvidence) -> TriageStep:
    used = [hop for hop in evidence.hops if hop.state != "not used"]
    text = ", ".join(_of_hop(hop) for hop in used) or "nothing answered"
    return TriageStep(
        number=2, name="heartbeat", ok=bool(used) and all(hop.state == "ok" and not hop.missingSockets for hop in used), text=text
    )


def _of_hop(hop: Hop) -> str:
    beat = f"{hop.latencyMs:.1f} ms" if hop.latencyMs is not None and hop.state in ("ok", "slow") else hop.state
    extra = f" (started again {hop.restartedS:.0f} s ago)" if hop.restartedS is not None else ""
    return f"{hop.name} {beat}{extra}"


def _divergence(evidence: TriageEvidence) -> TriageStep:
    marks = evidence.marks
    if not marks:
        text = "no mark in the last turn" if evidence.turn is not None else "no turn to look at"
        return TriageStep(number=3, name="divergence", ok=True, text=text, skipped=evidence.turn is None)
    return TriageStep(number=3, name="divergence", ok=False, text=f"{_said(marks[-1].text, marks[-1].seq)}; {len(marks)} marks in all")


def _probe(evidence: TriageEvidence) -> TriageStep:
    probe = evidence.probe
    if probe.state == "skipped":
        return TriageStep(number=4, name="probe", ok=True, text=f"not sent: {probe.reason}", skipped=True)
    tool = {"ok": "read_file ran", "failed": "read_file failed", "not called": "no tool was called"}.get(probe.tool, "no tool was reached")
    if probe.state == "ok":
        text = f"{probe.model}: {tool}, {probe.answer[:100]!r} · first token {probe.firstTokenMs:g} ms · {probe.elapsedMs / 1000:.1f} s"
        return TriageStep(number=4, name="probe", ok=probe.tool == "ok", text=text)
    word = f"no end within {probe.elapsedMs / 1000:.0f} s" if probe.state == "late" else f"failed: {probe.reason}"
    return TriageStep(number=4, name="probe", ok=False, text=f"{probe.model}: {word}; {tool}")


def _domain(first: TriageFinding | None) -> TriageStep:
    if first is None:
        return TriageStep(number=5, name="domain", ok=True, text="nothing is wrong on this path")
    text = f"{first.domain}: {first.reason} Fix: {first.fix.label} ({first.fix.command})"
    return TriageStep(number=5, name="domain", ok=first.severity == "recovered", text=text)


def _said(text: str, seq: int) -> str:
    return f"{text} (event {seq})"
