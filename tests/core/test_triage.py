"""From evidence to the failure domain and its fix: one row for each kind of fault. What only real processes show is in tests/system/test_diagnose.py."""

from typing import Any

import msgspec
import pytest

from opta_core.triage.conclusion import automatic_fixes, conclude, post_mortem
from opta_protocol.http_triage import (
    ClientFacts,
    DivergenceMark,
    Hop,
    MachineFacts,
    ModelFacts,
    ProbeFacts,
    ProviderFacts,
    RouteFacts,
    TriageEvidence,
    TurnFacts,
    WorkerFacts,
)

SERVICES = ("supervisord", "gateway", "sessions", "agent", "tools", "lmx", "desktop")
LMX = ProviderFacts(name="lmx", healthy=True, latencyMs=2, isWanted=True, isOurs=True)
LOADED = ModelFacts(state="loaded", memoryUsed=1_000, memoryLimit=10_000, memoryLevel="ok")
ROUTE = RouteFacts(model="lmx/probe", mode="do", level="L2", policy="standard", sandbox="full", providers=[LMX], lmx=LOADED)
PROBED = ProbeFacts(state="ok", model="lmx/probe", tool="ok", answer="2+2 = 4", firstTokenMs=12, elapsedMs=80)
HEALTHY = TriageEvidence(
    hops=[Hop(name=name, state="ok", latencyMs=1.0, pid=7) for name in SERVICES],
    route=ROUTE,
    machine=MachineFacts(diskFree=10**10, memoryFree=10**9, memoryTotal=10**10),
    probe=PROBED,
)


def hop(name: str, state: str, **fields: Any) -> TriageEvidence:
    """Everything is well but one process."""
    hops = [
        Hop(name=each.name, pid=7, **({"state": state, **fields} if each.name == name else {"state": "ok"}))  # type: ignore[arg-type]
        for each in HEALTHY.hops
    ]
    return msgspec.structs.replace(HEALTHY, hops=hops, probe=ProbeFacts(state="skipped", reason="not asked for"))


def route(**fields: Any) -> TriageEvidence:
    """Everything is well but the route, so that no probe was sent."""
    probe = ProbeFacts(state="skipped", reason="not asked for")
    return msgspec.structs.replace(HEALTHY, route=msgspec.structs.replace(ROUTE, **fields), probe=probe)


def provider(reason: str, name: str = "cloud", **fields: Any) -> TriageEvidence:
    """The wanted provider is another one, and cannot be used."""
    unwanted = msgspec.structs.replace(LMX, isWanted=False)
    wanted = ProviderFacts(name=name, healthy=False, reason=reason, **({"isWanted": True} | fields))
    return route(model=f"{name}/large", lmx=None, providers=[unwanted, wanted])


def probe(state: str, **fields: Any) -> TriageEvidence:
    """Everything answers, and the probe turn does not go well."""
    return msgspec.structs.replace(HEALTHY, probe=ProbeFacts(state=state, model="lmx/probe", **fields))  # type: ignore[arg-type]


def turn(state: str, **fields: Any) -> TriageEvidence:
    """The session's last turn, while everything answers; no probe was sent."""
    skipped = ProbeFacts(state="skipped", reason="not asked for")
    return msgspec.structs.replace(HEALTHY, probe=skipped, session="abc", turn=TurnFacts(id="t3", state=state, **fields))


def other(**fields: Any) -> TriageEvidence:
    """Everything is well but this."""
    return msgspec.structs.replace(HEALTHY, **fields)


FALLBACK_DOWN = route(
    providers=[LMX, ProviderFacts(name="spare", healthy=False, reason="It does not answer (Connection refused).", isFallback=True)]
)
# Injected fault -> (evidence, cause, domain, kind of the fix, its target or '').
FAULTS: dict[str, tuple[TriageEvidence, str, str, str, str]] = {
    "supervisord down": (hop("supervisord", "down"), "daemon_down", "orchestration", "start_daemon", ""),
    "supervisord suspended": (hop("supervisord", "suspended"), "supervisord_suspended", "orchestration", "continue_supervisord", "7"),
    "supervisord silent": (hop("supervisord", "silent"), "supervisord_silent", "orchestration", "command", ""),
    "gateway down": (hop("gateway", "down", reason="it was stopped"), "service_down", "transport", "start_service", "gateway"),
    "gateway suspended": (hop("gateway", "suspended"), "service_suspended", "transport", "restart_service", "gateway"),
    "gateway silent": (hop("gateway", "silent"), "service_silent", "transport", "restart_service", "gateway"),
    "store down": (hop("sessions", "down"), "service_down", "orchestration", "start_service", "sessions"),
    "store suspended": (hop("sessions", "suspended"), "service_suspended", "orchestration", "restart_service", "sessions"),
    "agent suspended": (hop("agent", "suspended"), "service_suspended", "orchestration", "restart_service", "agent"),
    "agent silent": (hop("agent", "silent"), "service_silent", "orchestration", "restart_service", "agent"),
    "tools down": (hop("tools", "down"), "service_down", "tool", "start_service", "tools"),
    "tools suspended": (hop("tools", "suspended"), "service_suspended", "tool", "restart_service", "tools"),
    "LMX down": (hop("lmx", "down"), "service_down", "inference", "start_service", "lmx"),
    "LMX suspended": (hop("lmx", "suspended"), "service_suspended", "inference", "restart_service", "lmx"),
    "page server down": (hop("desktop", "down"), "service_down", "interface", "start_service", "desktop"),
    "socket cut": (hop("tools", "ok", missingSockets=["tools.rpc"]), "socket_missing", "transport", "restart_service", "tools"),
    "crash loop": (hop("agent", "ok", restarts=7, restartedS=1.0), "crash_loop", "orchestration", "command", ""),
    "tools killed": (hop("tools", "ok", restartedS=3.0), "service_restarted", "tool", "reconnect", ""),
    "wrong key": (
        provider("It refuses the key. Set it: opta account rotate NAME"),
        "wrong_key",
        "inference",
        "set_key",
        "cloud",
    ),
    "wrong key in the answer": (
        probe("failed", code="provider_auth", reason="cloud refused the key"),
        "wrong_key",
        "inference",
        "set_key",
        "lmx",
    ),
    "server down": (provider("It does not answer (Connection refused)."), "provider_down", "inference", "choose_model", ""),
    "expired certificate": (
        provider("It does not answer (certificate verify failed: certificate has expired)"),
        "certificate",
        "transport",
        "command",
        "",
    ),
    "dead fallback": (FALLBACK_DOWN, "dead_fallback", "inference", "command", ""),
    "model unloaded": (route(lmx=ModelFacts(state="on disk")), "model_unloaded", "inference", "load_model", "probe"),
    "model gone": (route(lmx=ModelFacts()), "model_missing", "inference", "choose_model", ""),
    "model failed": (
        route(lmx=ModelFacts(state="quarantined", problem="it died twice")),
        "model_failed",
        "inference",
        "load_model",
        "probe",
    ),
    "model loading": (route(lmx=ModelFacts(state="loading")), "model_loading", "inference", "command", ""),
    "memory full": (
        route(lmx=ModelFacts(state="loaded", memoryUsed=990, memoryLimit=1_000, memoryLevel="shed", others=["large", "small"])),
        "memory_full",
        "inference",
        "unload_model",
        "large",
    ),
    "memory of the machine full": (
        other(machine=MachineFacts(diskFree=10**10, memoryFree=10**6, memoryTotal=10**10)),
        "memory_full",
        "inference",
        "command",
        "",
    ),
    "context overflow": (
        turn("error", errorCode="context_overflow", error="too long"),
        "context_overflow",
        "inference",
        "compact_session",
        "",
    ),
    "context full": (turn("done", contextUsed=990, contextLimit=1_000), "context_overflow", "inference", "compact_session", ""),
    "sandbox missing": (route(sandbox="none"), "sandbox_missing", "tool", "restart_service", "tools"),
    "worker stuck": (
        other(worker=WorkerFacts(active=3, max=8, overdue=1, oldestS=900)),
        "worker_stuck",
        "tool",
        "restart_service",
        "tools",
    ),
    "worker full": (
        other(worker=WorkerFacts(active=8, max=8, queued=4, oldestS=200)),
        "worker_stuck",
        "tool",
        "restart_service",
        "tools",
    ),
    "tool call of the probe hangs": (probe("late", waiting="tool", elapsedMs=6_000), "worker_stuck", "tool", "restart_service", "tools"),
    "tool fails": (other(probe=msgspec.structs.replace(PROBED, tool="failed")), "tool_failed", "tool", "restart_service", "tools"),
    "no tool used": (other(probe=msgspec.structs.replace(PROBED, tool="not called")), "tools_unused", "inference", "choose_model", ""),
    "slow model": (probe("late", waiting="answer", firstTokenMs=900, elapsedMs=6_000), "slow_model", "inference", "load_model", "probe"),
    "silent model": (probe("late", waiting="prompt", elapsedMs=6_000), "model_silent", "inference", "load_model", "probe"),
    "slow first token": (
        other(probe=msgspec.structs.replace(PROBED, firstTokenMs=5_000)),
        "slow_model",
        "inference",
        "load_model",
        "probe",
    ),
    "agent does not begin": (probe("late", waiting="agent", elapsedMs=6_000), "turn_stalled", "orchestration", "restart_service", "agent"),
    "engine lost": (probe("failed", code="engine_lost", reason="it died"), "model_failed", "inference", "load_model", "probe"),
    "agent lost": (turn("error", errorCode="agent_lost", error="gone"), "agent_lost", "orchestration", "restart_service", "agent"),
    "disk full": (other(machine=MachineFacts(diskFree=1_000)), "disk_full", "orchestration", "command", ""),
    "disk full of what is made again": (
        other(machine=MachineFacts(diskFree=1_000, diskDisposable=5_000_000)),
        "disk_full",
        "orchestration",
        "free_space",
        "",
    ),
    "disk read-only": (
        other(machine=MachineFacts(diskFree=10**10, diskDisposable=5_000_000, diskProblem="the disk cannot be written")),
        "disk_full",
        "orchestration",
        "command",
        "",
    ),
    "clock jump": (other(machine=MachineFacts(clockJumpS=3_600.0)), "clock_jump", "orchestration", "command", ""),
    "clock back": (other(turn=TurnFacts(id="t1", state="done", aheadS=600)), "clock_jump", "orchestration", "command", ""),
    "broken policy file": (route(policyProblems=["/home/policy.yaml:3: unknown key"]), "policy_broken", "orchestration", "command", ""),
    "broken settings": (route(settingsProblem="config.toml is not valid TOML"), "settings_broken", "orchestration", "command", ""),
    "deadlock": (turn("running", lastEvent="tool.result", silentS=40), "turn_stalled", "orchestration", "restart_service", "agent"),
    "model stalls": (turn("running", lastEvent="turn.token", silentS=90), "model_silent", "inference", "load_model", "probe"),
    "waits for a person": (turn("running", waitsFor="permission for run_command"), "waits_for_person", "interface", "answer", "t3"),
    "paused": (turn("paused"), "paused", "interface", "resume_turn", "t3"),
    "stream cut": (other(client=ClientFacts(stream="lost")), "stream_lost", "transport", "reconnect", ""),
    "page behind": (other(client=ClientFacts(stream="connected", lastSeq=3), sessionSeq=9), "interface_drift", "interface", "refresh", ""),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_has_its_domain_and_its_fix(name: str) -> None:
    evidence, cause, domain, kind, target = FAULTS[name]
    diagnosis = conclude(evidence, "2026-01-01T00:00:00.000000Z")
    first = diagnosis.findings[0]
    assert (first.cause, first.domain, first.fix.kind) == (cause, domain, kind)
    assert (diagnosis.domain, diagnosis.reason, diagnosis.fix) == (first.domain, first.reason, first.fix)
    if target:
        assert first.fix.target == target
    assert first.fix.command and first.fix.label and first.reason.endswith(".")
    assert diagnosis.healthy == (first.severity != "fault")
    assert [step.name for step in diagnosis.steps] == ["route", "heartbeat", "divergence", "probe", "domain"]
    assert first.domain in diagnosis.steps[4].text and first.reason in diagnosis.steps[4].text


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    diagnosis = conclude(HEALTHY, "2026-01-01T00:00:00.000000Z")
    assert (diagnosis.healthy, diagnosis.findings, diagnosis.fix) == (True, [], None)
    assert all(step.ok for step in diagnosis.steps)


def test_a_sandbox_that_the_settings_turn_off_is_no_finding() -> None:
    assert conclude(route(sandbox="none", wantsSandbox=False), "now").findings == []


def test_what_is_absent_by_choice_is_no_fault() -> None:
    unused = [msgspec.structs.replace(each, state="not used") if each.name in ("lmx", "desktop") else each for each in HEALTHY.hops]
    assert conclude(msgspec.structs.replace(HEALTHY, hops=unused), "").findings == []


def test_a_model_on_disk_is_nothing_after_a_probe_has_loaded_it() -> None:
    evidence = msgspec.structs.replace(HEALTHY, route=msgspec.structs.replace(ROUTE, lmx=ModelFacts(state="on disk")))
    assert conclude(evidence, "").findings == []


def test_an_agent_that_works_is_not_restarted_because_a_model_or_a_command_takes_long() -> None:
    for event in ("tool.start", "tool.output"):
        assert conclude(turn("running", lastEvent=event, silentS=500), "").findings == []
    assert conclude(turn("running", lastEvent="step.waiting", silentS=30), "").findings == []


def test_the_cause_comes_before_what_follows_from_it() -> None:
    down = [Hop(name=name, state="unknown") for name in SERVICES[1:]]
    evidence = msgspec.structs.replace(
        hop("supervisord", "down"),
        hops=[Hop(name="supervisord", state="down"), *down],
        route=msgspec.structs.replace(ROUTE, policyProblems=["p.yaml:1: broken"]),
    )
    assert [finding.cause for finding in conclude(evidence, "").findings] == ["daemon_down", "policy_broken"]


def test_a_failed_turn_is_over_when_the_probe_works_now_and_a_full_context_is_not() -> None:
    lost = msgspec.structs.replace(turn("error", errorCode="engine_lost", error="it died"), probe=PROBED)
    assert [(each.cause, each.severity, each.fix.kind) for each in conclude(lost, "").findings] == [
        ("model_failed", "recovered", "resume_turn")
    ]
    full = msgspec.structs.replace(turn("error", errorCode="context_overflow", error="too long"), probe=PROBED)
    assert conclude(full, "").findings[0].severity == "fault"


def test_only_what_can_be_repaired_without_a_person_is_repaired_and_each_once() -> None:
    evidence = msgspec.structs.replace(
        hop("tools", "suspended"), worker=WorkerFacts(active=8, max=8, queued=1, overdue=2), client=ClientFacts(stream="lost")
    )
    assert [(fix.kind, fix.target) for fix in automatic_fixes(conclude(evidence, ""))] == [("restart_service", "tools")]


def test_the_post_mortem_has_trigger_symptom_divergence_containment_and_fix() -> None:
    mark = DivergenceMark(seq=14, ts="2026-01-01T00:00:00Z", kind="service", text="agent was lost: silent", turn="t3")
    evidence = msgspec.structs.replace(turn("error", errorCode="agent_lost", error="The agent did not restart."), marks=[mark])
    note = post_mortem(conclude(evidence, "", contained=["xyz"]), "agent was restarted")
    assert note.splitlines() == [
        "Trigger: t3 failed: The agent did not restart.",
        "Symptom: t3 error: The agent did not restart.",
        "Divergence: agent was lost: silent (event 14)",
        "Containment: s-xyz paused",
        "Fix: agent was restarted",
    ]
