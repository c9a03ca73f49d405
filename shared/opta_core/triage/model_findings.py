"""Findings about models: the server that the turn's model is on, the model itself, memory, fallbacks, and what the probe met."""

from collections.abc import Iterator

from opta_protocol.http_triage import Domain, Fix, ModelFacts, ProviderFacts, Severity, TriageEvidence, TriageFinding

SLOW_FIRST_TOKEN_MS = 4000.0
# States of LMX's process that explain why it does not answer.
EXPLAINED = ("slow", "silent", "suspended", "down")
MEMORY_FULL, MACHINE_MEMORY_FREE_MIN = 0.97, 0.02
CHECK_MODELS = Fix(kind="choose_model", label="Choose another model", command="opta models list, then opta models use PROVIDER/MODEL")


def provider_findings(evidence: TriageEvidence) -> Iterator[TriageFinding]:
    """Servers of models that do not answer: the one of this turn is a fault, one that turns could go to is a risk."""
    for provider in sorted(evidence.route.providers, key=lambda each: not each.isWanted):
        if provider.healthy or not (provider.isWanted or provider.isFallback):
            continue
        if provider.isOurs and any(hop.name == "lmx" and hop.state in EXPLAINED for hop in evidence.hops):
            continue  # its process is a finding already
        severity: Severity = "fault" if provider.isWanted else "degraded"
        cause, domain, fix = _of_provider(provider)
        role = "" if provider.isWanted else ", to which turns would go if theirs fails,"
        reason = f"{provider.name}{role} cannot be used: {provider.reason}"
        if not provider.isWanted and cause == "provider_down":
            cause = "dead_fallback"
        yield TriageFinding(cause=cause, severity=severity, domain=domain, reason=reason, fix=fix, hop=provider.name)


def _of_provider(provider: ProviderFacts) -> tuple[str, Domain, Fix]:
    """(cause, domain, fix) of a server that cannot be used, by what it said."""
    reason = provider.reason.lower()
    if "certificate" in reason or "ssl" in reason or "tls" in reason:
        is_expired = "expired" in reason
        command = (
            f"renew the certificate of {provider.name}'s server; of another machine's LMX: opta lmx pair HOST"
            if is_expired
            else f"check the address of {provider.name} and its certificate; of another machine's LMX: opta lmx pair HOST"
        )
        label = "Renew the certificate" if is_expired else "Check the certificate"
        return "certificate", "transport", Fix(kind="command", label=label, command=command)
    if "another program" in reason:
        fix = Fix(
            kind="command", label="Free the port", command="end that program, or: opta config set lmx.port 0, then opta daemon restart lmx"
        )
        return "other_program", "transport", fix
    if "refuses the key" in reason or "401" in reason or "403" in reason:
        return "wrong_key", "inference", _key_fix(provider.name)
    if provider.isOurs:
        return (
            "model_host_down",
            "inference",
            Fix(kind="restart_service", target="lmx", label="Restart LMX", command="opta daemon restart lmx", automatic=True),
        )
    fix = Fix(
        # Other turns do not use a server that is only a fallback: choosing another model would not repair it.
        kind="choose_model" if provider.isWanted else "command",
        label="Choose another model" if provider.isWanted else "Start the server",
        command=f"start the server of {provider.name}, or correct its address: opta config set providers.{provider.name}.base-url URL, or remove it: opta config remove-provider {provider.name}, or use another model: opta models use PROVIDER/MODEL",
    )
    return "provider_down", "inference", fix


def model_findings(evidence: TriageEvidence) -> Iterator[TriageFinding]:
    """The turn's model in LMX, and LMX's memory."""
    facts = evidence.route.lmx
    if facts is None or not any(each.isOurs and each.isWanted and each.healthy for each in evidence.route.providers):
        return
    yield from _memory(evidence, facts)
    name = evidence.route.model.removeprefix("lmx/")
    load = Fix(kind="load_model", target=name, label=f"Load {name}", command=f"opta models load {name}", automatic=True)

    def found(cause: str, severity: Severity, reason: str, fix: Fix) -> TriageFinding:
        return TriageFinding(cause=cause, severity=severity, domain="inference", reason=reason, fix=fix, hop="lmx")

    if facts.state in ("failed", "quarantined") or facts.problem:
        why = facts.problem or "its engine ended again and again"
        yield found("model_failed", "fault", f"LMX cannot run {name}: {why}.".replace("..", "."), load)
    elif not facts.state:
        # LMX may let its default model answer for a name that it does not know.
        if evidence.probe.state == "ok":
            yield found("model_missing", "degraded", f"LMX has no model {name}: its default model answers in its place.", CHECK_MODELS)
        else:
            yield found("model_missing", "fault", f"LMX has no model {name}.", CHECK_MODELS)
    elif evidence.probe.state == "ok":
        return  # it was loaded for the probe
    elif facts.state == "loading":
        wait = Fix(kind="command", label="Wait", command="wait until it is loaded: opta models list shows its state")
        yield found("model_loading", "degraded", f"{name} is being loaded.", wait)
    elif facts.state in ("on disk", "stopped"):
        yield found("model_unloaded", "degraded", f"{name} is not loaded: the next turn waits until it is.", load)


def _memory(evidence: TriageEvidence, facts: ModelFacts) -> Iterator[TriageFinding]:
    machine = evidence.machine
    is_full = facts.memoryLevel == "shed" or (facts.memoryLimit > 0 and facts.memoryUsed > MEMORY_FULL * facts.memoryLimit)
    is_machine_full = (
        machine.memoryFree is not None and machine.memoryTotal > 0 and machine.memoryFree < MACHINE_MEMORY_FREE_MIN * machine.memoryTotal
    )
    if not (is_full or is_machine_full or facts.memoryLevel == "evict"):
        return
    if facts.others:
        fix = Fix(
            kind="unload_model",
            target=facts.others[0],
            label=f"Unload {facts.others[0]}",
            command=f"opta models unload {facts.others[0]}",
            automatic=True,
        )
    else:
        fix = Fix(
            kind="command", label="Use a smaller model", command="opta models recommend, then opta models use NAME; or close other programs"
        )
    used = (
        f"LMX uses {facts.memoryUsed / 1e9:.1f} of {facts.memoryLimit / 1e9:.1f} GB" if facts.memoryLimit else "LMX reports memory pressure"
    )
    free = f", the machine has {(machine.memoryFree or 0) / 1e9:.1f} GB left" if is_machine_full else ""
    severity: Severity = "fault" if is_full or is_machine_full else "degraded"
    reason = f"The memory is full: {used}{free}. Requests are refused or stall until a model gives way."
    yield TriageFinding(cause="memory_full", severity=severity, domain="inference", reason=reason, fix=fix, hop="lmx")


def failure_finding(code: str, message: str, evidence: TriageEvidence, where: str, severity: Severity) -> TriageFinding:
    """What a failed turn's error code means. `where`: whose failure it is, such as "the probe turn"."""
    model = evidence.route.model
    name = model.partition("/")[0]
    reason = f"{where} failed: {message}"

    def found(cause: str, domain: Domain, fix: Fix, hop: str = "") -> TriageFinding:
        return TriageFinding(cause=cause, severity=severity, domain=domain, reason=reason, fix=fix, hop=hop)

    if "certificate" in message.lower():
        return found("certificate", "transport", _of_provider(ProviderFacts(name=name, healthy=False, reason=message))[2], name)
    match code:
        case "provider_auth":
            return found("wrong_key", "inference", _key_fix(name), name)
        case "context_overflow":
            return found("context_overflow", "inference", COMPACT, name)
        case "model_not_found":
            return found("model_missing", "inference", CHECK_MODELS, name)
        case "engine_lost" | "stream_lost" | "no_answer" | "provider_unavailable" | "provider_error":
            return found("model_failed", "inference", reload_fix(evidence), name)
        case "agent_lost" | "agent_restarted":
            restart = Fix(
                kind="restart_service", target="agent", label="Restart agent", command="opta daemon restart agent", automatic=True
            )
            return found("agent_lost", "orchestration", restart, "agent")
        case "storage_full":
            fix = Fix(kind="command", label="Free some space", command="free disk space where the home of Opta lies, then resume the turn")
            return found("disk_full", "orchestration", fix, "sessions")
        case _:
            logs = Fix(kind="command", label="Read the log", command="opta daemon logs agent")
            return found("turn_failed", "orchestration", logs, "agent")


def probe_findings(evidence: TriageEvidence) -> Iterator[TriageFinding]:
    """What the probe turn met."""
    probe, model = evidence.probe, evidence.route.model

    def found(cause: str, severity: Severity, domain: Domain, reason: str, fix: Fix, hop: str) -> TriageFinding:
        return TriageFinding(cause=cause, severity=severity, domain=domain, reason=reason, fix=fix, hop=hop)

    if probe.state == "failed":
        yield failure_finding(probe.code, probe.reason, evidence, "The probe turn", "fault")
    elif probe.state == "late":
        if probe.waiting == "loading":
            wait = Fix(kind="command", label="Wait", command="wait until it is loaded: opta models list shows its state")
            yield found("model_loading", "degraded", "inference", f"{model} is being loaded.", wait, "model")
        elif probe.waiting == "tool":
            restart = Fix(
                kind="restart_service", target="tools", label="Restart tools", command="opta daemon restart tools", automatic=True
            )
            yield found("worker_stuck", "fault", "tool", "The probe's tool call did not end: the tool worker is stuck.", restart, "tools")
        elif probe.waiting == "agent":
            restart = Fix(
                kind="restart_service", target="agent", label="Restart agent", command="opta daemon restart agent", automatic=True
            )
            yield found("turn_stalled", "fault", "orchestration", "The agent did not begin the probe turn.", restart, "agent")
        else:
            has_spoken = bool(probe.firstTokenMs)
            reason = (
                f"{model} is too slow: the probe turn did not end within {probe.elapsedMs / 1000:.0f} s, first token after {probe.firstTokenMs:.0f} ms."
                if has_spoken
                else f"{model} said nothing within {probe.elapsedMs / 1000:.0f} s."
            )
            yield found("slow_model" if has_spoken else "model_silent", "fault", "inference", reason, reload_fix(evidence), "model")
    elif probe.state == "ok":
        if probe.firstTokenMs > SLOW_FIRST_TOKEN_MS:
            reason = f"{model} is slow: its first token came after {probe.firstTokenMs:.0f} ms."
            yield found("slow_model", "degraded", "inference", reason, reload_fix(evidence), "model")
        if probe.tool == "failed":
            restart = Fix(
                kind="restart_service", target="tools", label="Restart tools", command="opta daemon restart tools", automatic=True
            )
            yield found("tool_failed", "fault", "tool", f"The probe's tool call failed: {probe.reason}", restart, "tools")
        elif probe.tool == "not called":
            reason = f"{model} answered the probe without calling the tool that it was asked to: it may not be able to use tools."
            yield found("tools_unused", "degraded", "inference", reason, CHECK_MODELS, "model")


def reload_fix(evidence: TriageEvidence) -> Fix:
    """Load the model again where it is ours; elsewhere only a person can do something about it."""
    if any(each.isOurs and each.isWanted for each in evidence.route.providers):
        name = evidence.route.model.removeprefix("lmx/")
        command = f"opta models unload {name}, then opta models load {name}"
        return Fix(kind="load_model", target=name, label=f"Load {name} again", command=command, automatic=True)
    name = evidence.route.model.partition("/")[0]
    return Fix(
        kind="command",
        label="Check the server",
        command=f"restart the model on the server of {name}, or choose another: opta models use PROVIDER/MODEL",
    )


def _key_fix(name: str) -> Fix:
    return Fix(kind="set_key", target=name, label="Set the key", command=f"opta account rotate {name}")


COMPACT = Fix(
    kind="compact_session",
    label="Compact the session",
    command="opta sessions show ID, then /compact in it; or begin a new session",
    automatic=True,
)
