"""opta doctor: checks everything that a first run needs, and diagnoses what is wrong. With --probe it sends a turn, with --fix it repairs."""

import argparse
import os
import platform
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import Any

from opta_core import openblas
from opta_core.errors import OptaError, Refused
from opta_core.settings import LoadedSettings
from opta_core.triage.conclusion import automatic_fixes, post_mortem
from opta_protocol.http_triage import Diagnosis, Fix

from ..client import Client
from ..connection import connect
from ..daemon_state import NEEDED, look
from ..plain_text import plain_json, print_plain
from ..triage_requests import diagnose, make, was_started
from .policy import doctor_policy

Check = tuple[str, bool, str]
# Of providers and processes, which the diagnosis has just found to answer.
ANSWER_S, RECONNECT_S = 10.0, 2.0
FIXES_MAX = 4


def doctor(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta doctor [--probe] [--fix] [--session ID] [--contain] [--note] [--evidence FILE] [--policy] [--json]"""
    try:
        _ = loaded.settings
    except Refused as error:
        # Nothing else can be said of a home whose settings cannot be read.
        return _report(args, [_python(), _home(loaded), ("config", False, error.message), *_state(loaded)], None)
    if args.policy and not (args.probe or args.fix):
        return _report(args, doctor_policy(loaded), None)
    if args.probe and look(loaded.paths).state == "absent":
        connect(loaded, args)
    checks = doctor_policy(loaded) if args.policy else [_python(), _home(loaded), _space(loaded)]
    diagnosis = diagnose(loaded, session=args.session, has_probe=args.probe, contains=args.contain, has_note=args.note and not args.fix)
    if args.fix:
        made, diagnosis = _repair(loaded, args, diagnosis)
        checks += made
    if not args.policy:
        checks += [*_daemon(loaded, diagnosis), *_local_servers(loaded), *_speed(loaded)]
    checks += _triage(loaded, diagnosis)
    if args.evidence:
        checks.append(_evidence(loaded, args))
    return _report(args, checks, diagnosis)


def _state(loaded: Any) -> list[Check]:
    found = look(loaded.paths)
    return [("daemon", found.state in ("ready", "absent"), found.sentence)]


def _report(args: argparse.Namespace, checks: list[Check], diagnosis: Diagnosis | None) -> int:
    if args.json:
        import msgspec

        found = [{"check": name, "ok": ok, "detail": detail} for name, ok, detail in checks]
        if diagnosis is not None:
            found.append(
                {"check": "diagnosis", "ok": diagnosis.healthy, "detail": diagnosis.reason, "diagnosis": msgspec.to_builtins(diagnosis)}
            )
        print(plain_json(msgspec.json.encode(found)).decode())
    else:
        for name, ok, detail in checks:
            print_plain(f"{'✓' if ok else '✕'} {name}: {detail}")
    return 0 if all(ok for _, ok, _ in checks) else 1


def _triage(loaded: LoadedSettings, diagnosis: Diagnosis) -> list[Check]:
    """The five steps. A home in which no daemon was ever started has nothing to diagnose."""
    if not was_started(loaded):
        return []
    # Marks and what may be slow are no failure of the installation; the last step says what is.
    found = [(step.name, step.ok or (step.name != "probe" and diagnosis.healthy), step.text) for step in diagnosis.steps]
    return found + [
        (f"also {finding.domain}", finding.severity != "fault", f"{finding.reason} Fix: {finding.fix.label} ({finding.fix.command})")
        for finding in diagnosis.findings[1:]
    ]


def _repair(loaded: LoadedSettings, args: argparse.Namespace, diagnosis: Diagnosis) -> tuple[list[Check], Diagnosis]:
    """Make the automatic fixes, each once, and diagnose again after each: (what was done, the last diagnosis)."""
    first, done = diagnosis, list[Check]()
    tried: list[Fix] = []
    while len(tried) < FIXES_MAX and (fixes := [fix for fix in automatic_fixes(diagnosis) if fix not in tried]):
        tried.append(fixes[0])
        try:
            done.append(("fix", True, f"{fixes[0].label}: {make(loaded, fixes[0], args.session)}"))
        except OptaError as error:
            done.append(("fix", False, f"{fixes[0].label} failed: {error.message}"))
        diagnosis = diagnose(loaded, session=args.session, has_probe=args.probe)
    if not tried:
        left = diagnosis.fix
        words = "nothing is broken" if left is None else f"this is for you to do: {left.label} ({left.command})"
        done.append(("fix", diagnosis.healthy, words))
    if args.note and args.session:
        done.append(_note(loaded, args.session, post_mortem(first, "; ".join(detail for _, _, detail in done))))
    return done, diagnosis


def _note(loaded: LoadedSettings, session: str, text: str) -> Check:
    """Write the post-mortem into the session."""
    try:
        client = Client(loaded.paths, answer_s=ANSWER_S, reconnect_s=RECONNECT_S)
        client.post(f"/v3/sessions/{session}/note", {"text": text, "kind": "post-mortem"})
    except OptaError as error:
        return "note", False, error.message
    return "note", True, "the post-mortem is in the session"


def _evidence(loaded: LoadedSettings, args: argparse.Namespace) -> Check:
    """Save the evidence of the session as a file."""
    target = Path(args.evidence)
    if not args.session:
        return "evidence", False, "name the session: --session ID"
    try:
        content = Client(loaded.paths, answer_s=20.0, reconnect_s=RECONNECT_S).raw("POST", f"/v3/sessions/{args.session}/evidence", {})
        with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
            handle.write(content)
    except FileExistsError:
        return "evidence", False, f"{target} exists already; name another file"
    except OSError as error:
        return "evidence", False, f"{target} cannot be written: {error.strerror}"
    except OptaError as error:
        return "evidence", False, error.message
    return "evidence", True, f"{target} ({len(content)} bytes): secrets are masked and words left out; look at it before you give it away"


def _python() -> Check:
    detail = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if not _is_optimised():
        detail += (
            f". This build of Python ({sys.base_prefix}) is not optimised, so Opta takes about 1.4 times the processor time. "
            "Install an optimised one (Debian: apt install python3; macOS: brew install python), remove .venv and run ./opta again"
        )
    return "python", sys.version_info >= (3, 11), detail


def _is_optimised() -> bool:
    """Whether this Python is built with profile-guided optimisation, as the builds of distributions are; `./opta` asks the same."""
    says = "--enable-optimizations" in str(sysconfig.get_config_var("CONFIG_ARGS") or "")
    return says or (Path(sysconfig.get_path("stdlib")) / "EXTERNALLY-MANAGED").exists()


def _home(loaded: LoadedSettings) -> Check:
    home = loaded.paths.home
    if not home.exists():
        return "home", True, f"{home} (created at the first start)"
    if loaded.paths.is_read_only:
        return "home", False, f"{home} cannot be written; a daemon is read-only and runs from {loaded.paths.runtime}. Free some space"
    mode = home.stat().st_mode & 0o077
    return "home", os.access(home, os.W_OK) and not mode, f"{home}" + ("" if not mode else f" is open to others; chmod 700 {home}")


def _space(loaded: LoadedSettings) -> Check:
    place = loaded.paths.home if loaded.paths.home.exists() else loaded.paths.home.parent
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    return "disk", free > 200_000_000, f"{free / 1e9:.1f} GB free"


def _daemon(loaded: LoadedSettings, diagnosis: Diagnosis) -> list[Check]:
    if not was_started(loaded):
        return [("daemon", True, "not running (opta up starts it)")]
    if any(hop.name in ("supervisord", "gateway") and hop.state not in ("ok", "slow") for hop in diagnosis.evidence.hops):
        return []  # the diagnosis says which one, and how to repair it
    client = Client(loaded.paths, answer_s=ANSWER_S, reconnect_s=RECONNECT_S)
    try:
        daemon = client.get("/v3/daemon")
        providers = client.get("/v3/providers")["providers"]
    except OptaError as error:
        return [("daemon", False, error.message)]
    found = [("daemon", True, f"127.0.0.1:{daemon['port']} responds and is verified")]
    found.append(_sandbox(str(daemon.get("sandbox", "none"))))
    found += [
        (f"service {s['name']}", s["ready"] or (s["state"] == "stopped" and s["name"] not in NEEDED), s["reason"] or s["state"])
        for s in daemon["services"]
    ]
    unused = {hop.name for hop in diagnosis.evidence.hops if hop.state == "not used"}
    found += [
        (f"provider {p['name']}", True, "not started, and not needed")
        if p["name"] in unused and p["state"] != "active" and not p["healthy"]
        else (f"provider {p['name']}", p["healthy"], p["reason"] or f"{p['baseUrl']} · {p['latencyMs']:g} ms")
        for p in providers
    ]
    return found


def _local_servers(loaded: LoadedSettings) -> list[Check]:
    """Model servers that run on this machine and are no provider yet: offered with the command that adds each, never used unasked."""
    import asyncio

    from opta_core.model_servers.local_servers import discover
    from opta_core.process import state

    known = state.read(loaded.paths)
    ours = (known.port, known.uiPort, known.lmxPort) if known is not None else ()
    found = asyncio.run(discover(loaded.settings.providers, without=ours))
    return [("model server", True, f"{server.offer}. Use it: {server.command}") for server in found if not server.configured]


def _speed(loaded: LoadedSettings) -> list[Check]:
    """What makes LMX on this machine slow, if anything."""
    hint = "" if loaded.settings.lmx.host else openblas.hint()
    return [("speed of LMX", True, hint)] if hint else []


def _sandbox(level: str) -> Check:
    said = {
        "full": "commands run in their session's sandbox",
        "seatbelt": "commands run in a sandbox (sandbox-exec)",
        "landlock": "commands run partly sandboxed (landlock): existing control files are not protected",
    }
    return "sandbox", level in said, said.get(level, "none: every command needs approval; `opta daemon logs tools` shows why")
