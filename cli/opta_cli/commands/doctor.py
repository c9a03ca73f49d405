"""opta doctor: checks everything that a first run needs. With --probe, it asks the model a question."""

import argparse
import os
import platform
import shutil
import sys
import tempfile

from opta_core import openblas
from opta_core.errors import OptaError
from opta_core.settings import LoadedSettings
from opta_protocol import events as e
from opta_protocol import wire

from ..client import Client, new_key
from ..plain_text import plain_json, print_plain
from ..supervise import ensure_daemon, is_running
from .policy import doctor_policy

Check = tuple[str, bool, str]


def doctor(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta doctor [--probe] [--policy] [--json]"""
    checks = (
        doctor_policy(loaded)
        if args.policy
        else [_python(), _home(loaded), _space(loaded), *_daemon(loaded), *_local_servers(loaded), *_speed(loaded)]
    )
    if args.probe:
        checks.append(_probe(loaded))
    if args.json:
        import msgspec

        found = msgspec.json.encode([{"check": name, "ok": ok, "detail": detail} for name, ok, detail in checks])
        print(plain_json(found).decode())
    else:
        for name, ok, detail in checks:
            print_plain(f"{'✓' if ok else '✕'} {name}: {detail}")
    return 0 if all(ok for _, ok, _ in checks) else 1


def _python() -> Check:
    return "python", sys.version_info >= (3, 11), f"{platform.python_version()} on {platform.system()} {platform.machine()}"


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


def _daemon(loaded: LoadedSettings) -> list[Check]:
    if not is_running(loaded):
        return [("daemon", True, "not running (opta up starts it)")]
    client = Client(loaded.paths)
    try:
        daemon = client.get("/v3/daemon")
        providers = client.get("/v3/providers")["providers"]
    except OptaError as error:
        return [("daemon", False, error.message)]
    found = [("daemon", True, f"127.0.0.1:{daemon['port']} responds and is verified")]
    found.append(_sandbox(str(daemon.get("sandbox", "none"))))
    found += [(f"service {s['name']}", s["ready"] or s["state"] == "stopped", s["reason"] or s["state"]) for s in daemon["services"]]
    found += [
        (
            f"provider {p['name']}",
            p["healthy"],
            p["reason"] or f"{p['baseUrl']} · {p['latencyMs']:g} ms",
        )
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


def _probe(loaded: LoadedSettings) -> Check:
    """Run a turn through every process and check its answer."""
    try:
        ensure_daemon(loaded)
        client = Client(loaded.paths)
        with tempfile.TemporaryDirectory() as folder:
            session = client.post("/v3/sessions", {"cwd": folder, "mode": "chat", "title": "doctor probe", "interactive": False})
            turn = client.post(f"/v3/sessions/{session['id']}/turns", {"text": "What is 2+2?", "model": "lmx/probe"}, new_key())["turnId"]
            text, ending = _answer(client, session["id"], turn)
    except OptaError as error:
        return "probe", False, error.message
    if isinstance(ending, e.TurnDone) and text.strip() == "4":
        return "probe", True, f"2+2 = {text.strip()} · first token {ending.firstTokenMs:g} ms · {ending.tokensPerSec:g} tok/s"
    return (
        "probe",
        False,
        f"asked for 2+2, got {text.strip()[:80]!r}"
        if isinstance(ending, e.TurnDone)
        else ending.message
        if isinstance(ending, e.TurnError)
        else "cancelled",
    )


def _answer(client: Client, sid: str, turn: str) -> tuple[str, object]:
    text = ""
    for line in client.events(sid, 0):
        event = wire.decode(line)
        if isinstance(event, e.TurnToken):
            text += event.delta
        if event.turn == turn and isinstance(event, e.ENDINGS):
            return text, event
    raise AssertionError("the stream never ends by itself")
