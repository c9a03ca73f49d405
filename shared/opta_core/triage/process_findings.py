"""Findings about processes and the machine under them: what is down, suspended, silent, cut off, or was started again."""

from collections.abc import Iterator

import msgspec

from opta_protocol.http_triage import Domain, Fix, Hop, MachineFacts, TriageEvidence, TriageFinding

# A restart counts as news for so long. That many starts within half a minute are a crash loop (`process.py` brakes it).
RECENT_S, CRASH_LOOP_STARTS = 120.0, 4
SLOW_MS = 1500.0
DISK_FULL_BYTES, DISK_LOW_BYTES = 50_000_000, 200_000_000
# Less than this is not worth a button.
DISPOSABLE_MIN = 1_000_000
CLOCK_JUMP_S = 10.0
# Of what another part said, within a reason.
REASON_CHARS_MAX = 160

DOMAINS: dict[str, Domain] = {
    "supervisord": "orchestration",
    "gateway": "transport",
    "sessions": "orchestration",
    "agent": "orchestration",
    "tools": "tool",
    "lmx": "inference",
    "desktop": "interface",
}
# What the process is for, as a person would miss it.
_ROLES = {
    "gateway": "the gateway, which clients talk to",
    "sessions": "the session store, which writes every event",
    "agent": "the agent, which runs turns",
    "tools": "the tool worker, which runs commands and changes files",
    "lmx": "LMX, which runs models on this machine",
    "desktop": "the desktop process, which serves the page",
}


def supervisor_findings(evidence: TriageEvidence) -> Iterator[TriageFinding]:
    """About the process that starts all others; without it nothing below is known."""
    for hop in evidence.hops:
        if hop.name != "supervisord" or hop.state in ("ok", "slow", "unknown", "not used"):
            continue
        if hop.state == "suspended":
            reason = f"supervisord (pid {hop.pid}) is suspended (SIGSTOP): no process is started again while it is."
            fix = Fix(
                kind="continue_supervisord",
                label="Continue supervisord",
                command=f"kill -CONT {hop.pid}",
                target=str(hop.pid),
                automatic=True,
            )
            yield TriageFinding(
                cause="supervisord_suspended", severity="fault", domain="orchestration", reason=reason, fix=fix, hop=hop.name
            )
        elif hop.state == "silent":
            fix = Fix(kind="command", label="Start the daemon again", command="opta down, then opta up")
            yield _finding("supervisord_silent", hop, f"supervisord (pid {hop.pid}) does not answer. {hop.reason}".strip(), fix)
        else:
            fix = Fix(kind="start_daemon", label="Start the daemon", command="opta up", automatic=True)
            yield _finding("daemon_down", hop, f"The daemon is not running. {hop.reason}".strip(), fix)


def disk_findings(machine: MachineFacts) -> Iterator[TriageFinding]:
    """A disk that takes no more events stops every turn, whatever else is wrong."""
    free = machine.diskFree
    fix = _space_fix(machine)
    if machine.diskProblem or (free is not None and free < DISK_FULL_BYTES):
        left = f"{free / 1e6:.0f} MB are free" if free is not None else ""
        reason = (
            f"No event can be written: {'; '.join(part for part in (machine.diskProblem, left) if part)}.{_of_disposable(fix, machine)}"
        )
        yield TriageFinding(cause="disk_full", severity="fault", domain="orchestration", reason=reason, fix=fix, hop="sessions")
    elif free is not None and free < DISK_LOW_BYTES:
        reason = f"The disk is nearly full: {free / 1e6:.0f} MB are free.{_of_disposable(fix, machine)}"
        yield TriageFinding(cause="disk_low", severity="degraded", domain="orchestration", reason=reason, fix=fix, hop="sessions")


def _space_fix(machine: MachineFacts) -> Fix:
    """Delete what is made again, where that helps. A disk with space that takes no writes is read-only, or broken."""
    is_short = machine.diskFree is not None and machine.diskFree < DISK_LOW_BYTES
    if is_short and machine.diskDisposable >= DISPOSABLE_MIN:
        size = f"{machine.diskDisposable / 1e6:,.0f} MB"
        return Fix(kind="free_space", label=f"Free {size}", command="opta doctor --fix", automatic=True)
    return Fix(
        kind="command",
        label="Free some space" if is_short else "Make the disk writable",
        command="free disk space where the home of Opta lies; the daemon then goes on by itself"
        if is_short
        else "see why the file system of the home takes no writes (mounted read-only, or a quota); the daemon then goes on by itself",
    )


def _of_disposable(fix: Fix, machine: MachineFacts) -> str:
    """What the button deletes, where there is one: a person reads it before."""
    if fix.kind != "free_space":
        return ""
    return f" {machine.diskDisposable / 1e6:,.0f} MB of stored prefixes of LMX and old logs can be deleted; Opta makes both again when they are needed."


def service_findings(evidence: TriageEvidence) -> Iterator[TriageFinding]:
    """About each service, in the order in which the others depend on it."""
    order = ("sessions", "gateway", "agent", "tools", "lmx", "desktop")
    hops = {hop.name: hop for hop in evidence.hops}
    for hop in (hops[name] for name in order if name in hops):
        yield from _about(hop, is_needed=hop.name != "lmx" or _uses_lmx(evidence))


def _about(hop: Hop, *, is_needed: bool) -> Iterator[TriageFinding]:
    role = _ROLES.get(hop.name, hop.name)
    restart = Fix(
        kind="restart_service",
        target=hop.name,
        label=f"Restart {hop.name}",
        command=f"opta daemon restart {hop.name}",
        automatic=True,
    )
    # The list of starts is that of the last loop; it is news only while its last start is.
    is_recent = hop.state == "down" or (hop.restartedS is not None and hop.restartedS < RECENT_S)
    if hop.restarts > CRASH_LOOP_STARTS and is_recent and hop.state != "suspended":
        logs = Fix(kind="command", label="Read its log", command=f"opta daemon logs {hop.name}")
        reason = f"{_upper(role)}, was started {hop.restarts} times in half a minute; its log says why."
        yield _finding("crash_loop", hop, reason, logs, is_needed=is_needed)
    elif hop.state == "down":
        start = Fix(
            kind="start_service", target=hop.name, label=f"Start {hop.name}", command=f"opta daemon restart {hop.name}", automatic=True
        )
        yield _finding("service_down", hop, f"{_upper(role)}, does not run{_because(hop.reason)}.", start, is_needed=is_needed)
    elif hop.state == "suspended":
        # It cannot end by itself while it gets no time, so that a restart kills it.
        reason = f"{_upper(role)}, is suspended (SIGSTOP, pid {hop.pid}): it exists, and gets no time."
        yield _finding("service_suspended", hop, reason, restart, is_needed=is_needed)
    elif hop.state == "silent":
        yield _finding(
            "service_silent", hop, f"{_upper(role)}, runs and does not answer{_because(hop.reason)}.", restart, is_needed=is_needed
        )
    elif hop.missingSockets:
        names = ", ".join(hop.missingSockets)
        reason = f"The sockets of {hop.name} are gone from the disk ({names}): who connects again does not find it."
        found = _finding("socket_missing", hop, reason, restart, is_needed=is_needed)
        yield TriageFinding(cause=found.cause, severity=found.severity, domain="transport", reason=reason, fix=restart, hop=hop.name)
    elif hop.state == "slow":
        reason = (
            f"{_upper(role)}, takes {hop.latencyMs:.0f} ms to answer." if hop.latencyMs is not None else f"{_upper(role)}, is starting."
        )
        yield TriageFinding(
            cause="hop_slow",
            severity="degraded",
            domain=DOMAINS[hop.name],
            reason=reason,
            fix=msgspec.structs.replace(restart, automatic=False),
            hop=hop.name,
        )


def restart_findings(evidence: TriageEvidence) -> Iterator[TriageFinding]:
    """Processes that ended and are back: what they did then may have been cut off."""
    for hop in sorted(evidence.hops, key=lambda each: each.restartedS or 0.0):
        if hop.state not in ("ok", "slow") or hop.restartedS is None or hop.restartedS > RECENT_S or hop.name not in _ROLES:
            continue
        turn = evidence.turn
        is_cut = turn is not None and turn.state in ("error", "cancelled")
        fix = (
            Fix(kind="resume_turn", target=turn.id, label="Resume the turn", command="opta sessions resume ID")
            if is_cut and turn is not None
            else Fix(kind="reconnect", label="Reconnect", command="nothing to repair: it is back; clients reconnect by themselves")
        )
        reason = f"{_upper(_ROLES[hop.name])}, ended and was started again {hop.restartedS:.0f} s ago; what it did then was cut off."
        yield TriageFinding(cause="service_restarted", severity="recovered", domain=DOMAINS[hop.name], reason=reason, fix=fix, hop=hop.name)


def sandbox_findings(evidence: TriageEvidence) -> Iterator[TriageFinding]:
    """A sandbox that the settings ask for and this machine does not have: every command asks, and none runs where nobody can answer."""
    if evidence.route.sandbox != "none" or not evidence.route.wantsSandbox:
        return
    fix = Fix(
        kind="restart_service",
        target="tools",
        label="Look for a sandbox again",
        command="opta daemon restart tools",
    )
    why = _shortened(evidence.route.sandboxReason.rstrip("."))
    reason = (
        "Commands have no sandbox on this machine: each needs your approval, and is refused where nobody can be asked."
        + (f" Why: {why}." if why else "")
        + " It needs user namespaces (sysctl user.max_user_namespaces, AppArmor) or Landlock."
    )
    yield TriageFinding(cause="sandbox_missing", severity="degraded", domain="tool", reason=reason, fix=fix, hop="tools")


def machine_findings(evidence: TriageEvidence) -> Iterator[TriageFinding]:
    """The clock and the memory of the machine."""
    machine, turn = evidence.machine, evidence.turn
    ahead = turn.aheadS if turn is not None else 0.0
    if abs(machine.clockJumpS) > CLOCK_JUMP_S or ahead > CLOCK_JUMP_S:
        jump = machine.clockJumpS if abs(machine.clockJumpS) > CLOCK_JUMP_S else -ahead
        reason = f"The clock of this machine was set {'forward' if jump > 0 else 'back'} by {abs(jump):.0f} s while the daemon ran: expiry times and the order of times in sessions are off."
        fix = Fix(
            kind="command",
            label="Correct the clock",
            command="synchronise the clock of the machine (timedatectl set-ntp true; macOS: sntp -sS), then opta daemon restart",
        )
        yield TriageFinding(cause="clock_jump", severity="degraded", domain="orchestration", reason=reason, fix=fix, hop="gateway")


def _finding(cause: str, hop: Hop, reason: str, fix: Fix, *, is_needed: bool = True) -> TriageFinding:
    severity = "fault" if is_needed else "degraded"
    return TriageFinding(cause=cause, severity=severity, domain=DOMAINS[hop.name], reason=reason, fix=fix, hop=hop.name)


def _uses_lmx(evidence: TriageEvidence) -> bool:
    return any(provider.isOurs and provider.isWanted for provider in evidence.route.providers)


def _shortened(text: str) -> str:
    """The beginning of a long reason; the evidence has the whole."""
    return text if len(text) <= REASON_CHARS_MAX else f"{text[:REASON_CHARS_MAX]} …"


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _because(reason: str) -> str:
    return f" ({reason.rstrip('.')})" if reason else ""
