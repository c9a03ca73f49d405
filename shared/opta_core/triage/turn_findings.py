"""Findings about a turn, its workers and its clients: what it waits for, why it stands still, and whether a client shows it as it is."""

from collections.abc import Iterator

from opta_protocol.http_triage import Domain, Fix, Severity, TriageEvidence, TriageFinding

from .model_findings import COMPACT, failure_finding, reload_fix

# So long may an agent take for its next event where nothing but the agent is waited for; so long may a model say nothing.
AGENT_SILENT_S, MODEL_SILENT_S = 20.0, 60.0
QUEUED_TOO_LONG_S = 60.0
CONTEXT_FULL = 0.97
# The agent has to act after these; after those the model has.
_MODEL_EVENTS = {"step.start", "step.waiting", "turn.token", "turn.thinking", "turn.thought"}
_TOOL_EVENTS = {"tool.start", "tool.output"}


def worker_findings(evidence: TriageEvidence) -> Iterator[TriageFinding]:
    """Tool calls that never end, or that take every slot while others wait."""
    worker = evidence.worker
    is_blocked = worker.max > 0 and worker.active >= worker.max and worker.queued > 0 and worker.oldestS > QUEUED_TOO_LONG_S
    if not (worker.overdue or is_blocked):
        return
    fix = Fix(kind="restart_service", target="tools", label="Restart tools", command="opta daemon restart tools", automatic=True)
    reason = (
        f"{worker.overdue} of {worker.active} tool calls run longer than they may: the tool worker is stuck."
        if worker.overdue
        else f"All {worker.max} slots of the tool worker are taken for up to {worker.oldestS:.0f} s, and {worker.queued} calls wait."
    )
    yield TriageFinding(cause="worker_stuck", severity="fault", domain="tool", reason=reason, fix=fix, hop="tools")


def turn_findings(evidence: TriageEvidence) -> Iterator[TriageFinding]:
    """Why the running turn stands still, or the last one failed."""
    turn = evidence.turn
    if turn is None:
        return
    if turn.waitsFor:
        fix = Fix(kind="answer", target=turn.id, label="Show the question", command="answer it: on the page, or opta chat --session ID")
        yield _found("waits_for_person", "degraded", "interface", f"{turn.id} waits for your answer: {turn.waitsFor}.", fix, "client")
    elif turn.state == "paused":
        fix = Fix(kind="resume_turn", target=turn.id, label="Go on", command="opta sessions resume ID")
        yield _found("paused", "degraded", "interface", f"{turn.id} is paused.", fix, "client")
    elif turn.state in ("running", "stopping", "pausing"):
        yield from _stalled(evidence)
    elif turn.state == "error":
        yield from _failed(evidence)
    if turn.state != "error" and turn.contextLimit and turn.contextUsed > CONTEXT_FULL * turn.contextLimit:
        reason = f"The context is full: {turn.contextUsed} of {turn.contextLimit} tokens."
        yield _found("context_overflow", "degraded", "inference", reason, COMPACT, "model")


def _stalled(evidence: TriageEvidence) -> Iterator[TriageFinding]:
    turn = evidence.turn
    assert turn is not None
    if turn.lastEvent in _MODEL_EVENTS:
        if turn.silentS > MODEL_SILENT_S:
            reason = f"{evidence.route.model} has said nothing in {turn.id} for {turn.silentS:.0f} s."
            yield _found("model_silent", "fault", "inference", reason, reload_fix(evidence), "model")
    elif turn.lastEvent not in _TOOL_EVENTS and turn.silentS > AGENT_SILENT_S:
        fix = Fix(kind="restart_service", target="agent", label="Restart agent", command="opta daemon restart agent", automatic=True)
        reason = f"{turn.id} has stood still for {turn.silentS:.0f} s after {turn.lastEvent}: the agent does not go on with it."
        yield _found("turn_stalled", "fault", "orchestration", reason, fix)


def _failed(evidence: TriageEvidence) -> Iterator[TriageFinding]:
    turn, probe = evidence.turn, evidence.probe
    assert turn is not None
    if turn.errorCode == "context_overflow":
        yield failure_finding(turn.errorCode, turn.error, evidence, turn.id, "fault")
    elif probe.state == "ok":
        # The same path works now: what made the turn fail is over.
        known = failure_finding(turn.errorCode, turn.error, evidence, turn.id, "recovered")
        fix = Fix(kind="resume_turn", target=turn.id, label="Resume the turn", command="opta sessions resume ID")
        yield TriageFinding(cause=known.cause, severity="recovered", domain=known.domain, reason=known.reason, fix=fix, hop=known.hop)
    elif probe.state == "skipped":
        yield failure_finding(turn.errorCode, turn.error, evidence, turn.id, "fault")


def rule_findings(evidence: TriageEvidence) -> Iterator[TriageFinding]:
    """Files of rules and settings that cannot be read."""
    route = evidence.route
    if route.settingsProblem:
        fix = Fix(kind="command", label="Correct config.toml", command="correct the line that it names; opta config list checks it")
        reason = f"The settings cannot be read: {route.settingsProblem}"
        yield TriageFinding(cause="settings_broken", severity="degraded", domain="orchestration", reason=reason, fix=fix, hop="gateway")
    if route.policyProblems:
        fix = Fix(kind="command", label="Correct the rules", command="correct the lines that opta doctor --policy names")
        reason = f"Rules cannot be read, so calls are asked about or refused: {route.policyProblems[0]}"
        yield TriageFinding(cause="policy_broken", severity="degraded", domain="orchestration", reason=reason, fix=fix, hop="agent")


def client_findings(evidence: TriageEvidence) -> Iterator[TriageFinding]:
    """A client whose stream is cut, or that shows less than is stored."""
    client, turn = evidence.client, evidence.turn
    if client.stream == "lost":
        fix = Fix(kind="reconnect", label="Reconnect", command="reload the page, or start the command again")
        reason = "The client's stream of events is cut, while the gateway answers."
        yield TriageFinding(cause="stream_lost", severity="fault", domain="transport", reason=reason, fix=fix, hop="client")
    elif turn is not None and turn.state in ("running", "stopping", "pausing"):
        return  # events are on their way
    elif client.lastSeq is not None and evidence.sessionSeq is not None and client.lastSeq < evidence.sessionSeq:
        behind = evidence.sessionSeq - client.lastSeq
        fix = Fix(kind="refresh", label="Refresh", command="reload the page")
        reason = f"The client shows the session up to event {client.lastSeq}; {behind} more are stored."
        yield TriageFinding(cause="interface_drift", severity="degraded", domain="interface", reason=reason, fix=fix, hop="client")


def _found(cause: str, severity: Severity, domain: Domain, reason: str, fix: Fix, hop: str = "agent") -> TriageFinding:
    return TriageFinding(cause=cause, severity=severity, domain=domain, reason=reason, fix=fix, hop=hop)
