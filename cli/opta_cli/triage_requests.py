"""The triage from the command line: asked of the gateway, and made here from what supervisord and the kernel say when that does not answer."""

import time
from pathlib import Path
from typing import Any

import msgspec

from opta_core.clock import utc_now
from opta_core.errors import OptaError, Refused, Unavailable
from opta_core.process import state
from opta_core.settings import LoadedSettings
from opta_core.triage.conclusion import conclude
from opta_core.triage.disposable import delete_disposable
from opta_core.triage.machine_look import machine_facts, process_hops, rule_problems
from opta_core.triage.service_fixes import continue_supervisord, restart_service, start_service
from opta_protocol.http_triage import Diagnosis, Fix, RouteFacts, TriageEvidence

from .client import Client
from .supervise import ensure_daemon, is_running

# The gateway promises a diagnosis within ten seconds; a fix may load a model.
HELLO_S, DIAGNOSE_S, FIX_S = 2.0, 12.0, 340.0
RETRY_S, READY_S = 0.1, 10.0


def diagnose(
    loaded: LoadedSettings, *, session: str = "", has_probe: bool = False, contains: bool = False, has_note: bool = False
) -> Diagnosis:
    """A diagnosis; never raises for a daemon that does not answer. Raises Refused when there is no such session."""
    began = time.monotonic()
    paths = loaded.paths
    hello = Client(paths, answer_s=HELLO_S, reconnect_s=RETRY_S)
    try:
        hello.get("/v3/health")
        latency_ms = round((time.monotonic() - began) * 1000, 1)
        body = {"session": session, "probe": has_probe, "contain": contains, "note": has_note, "client": {"latencyMs": latency_ms}}
        answer = Client(paths, answer_s=DIAGNOSE_S, reconnect_s=RETRY_S).raw("POST", "/v3/diagnose", body)
        return msgspec.json.decode(answer, type=Diagnosis)
    except Refused:
        raise
    except OptaError as error:
        if error.code in ("not_found", "invalid", "bad_request"):
            raise
        return _local(loaded, session, error.message, began)


def _local(loaded: LoadedSettings, session: str, reason: str, began: float) -> Diagnosis:
    """What can be said without the gateway."""
    paths = loaded.paths
    hops = process_hops(paths)
    found = [
        msgspec.structs.replace(hop, state="silent", reason="it takes no request")
        if hop.name == "gateway" and hop.state in ("ok", "unknown") and _supervisord_answers(hops)
        else hop
        for hop in hops
    ]
    route = RouteFacts(model=loaded.settings.default_model, policyProblems=rule_problems(paths, str(Path.cwd())))
    evidence = TriageEvidence(hops=found, route=route, machine=machine_facts(paths), session=session)
    evidence = msgspec.structs.replace(
        evidence, probe=msgspec.structs.replace(evidence.probe, reason=f"the gateway does not answer: {reason}")
    )
    return conclude(evidence, utc_now(), (time.monotonic() - began) * 1000)


def _supervisord_answers(hops: list[Any]) -> bool:
    return any(hop.name == "supervisord" and hop.state == "ok" for hop in hops)


def was_started(loaded: LoadedSettings) -> bool:
    """Whether a daemon was ever started in this home."""
    return state.read(loaded.paths) is not None


def make(loaded: LoadedSettings, fix: Fix, session: str = "") -> str:
    """Make an automatic fix; returns what was done, in a sentence. Raises OptaError."""
    paths = loaded.paths
    match fix.kind:
        case "start_daemon":
            ensure_daemon(loaded)
            return "The daemon was started."
        case "continue_supervisord":
            return continue_supervisord(paths)
        case "restart_service":
            return restart_service(paths, fix.target) + _until_ready(loaded, fix.target)
        case "start_service":
            return start_service(paths, fix.target) + _until_ready(loaded, fix.target)
        case "free_space":
            return delete_disposable(paths)
        case _:
            body = {"kind": fix.kind, "target": fix.target, "session": session}
            answer = Client(paths, answer_s=FIX_S, reconnect_s=RETRY_S).post("/v3/diagnose/fix", body)
            return str(answer["done"])


def _until_ready(loaded: LoadedSettings, service: str) -> str:
    """Wait until the service, and with it the daemon, says that it is ready. Returns '' then, else what is still missing."""
    deadline = time.monotonic() + READY_S
    client = Client(loaded.paths, answer_s=HELLO_S, reconnect_s=RETRY_S)
    while time.monotonic() < deadline:
        if not is_running(loaded):
            raise Unavailable("supervisord does not answer. Start the daemon again: opta down, then opta up")
        try:
            if client.is_ready()[0] and all(each["ready"] for each in client.get("/v3/daemon")["services"] if each["name"] == service):
                return ""
        except OptaError:
            pass  # the gateway may be what is restarted
        time.sleep(0.05)
    return f" It is not ready after {READY_S:g} s; its log says why: opta daemon logs {service}"
