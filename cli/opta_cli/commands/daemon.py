"""opta up, down, open, and opta daemon start, stop, restart, run."""

import argparse
import os
import sys
import time
import webbrowser
from typing import Any

from opta_core.errors import Refused, Unavailable
from opta_core.process.supervision import PROGRAMS, SupervisordClient
from opta_core.settings import LoadedSettings

from ..cli_command import nearest
from ..client import Client
from ..connection import connect
from ..daemon_state import NoDaemon, look
from ..exit_codes import ExitCode
from ..plain_text import print_plain
from ..supervise import is_running, page_url, run_in_foreground, said_at_start, start, start_lock, start_services, stop, wait_ready

RESTART_S = 30.0
# What a machine runs that only serves models to others.
STUDIO: list[str] = ["lmx"]
DAEMON = ("gateway", "agent", "tools", "sessions")


def up(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta up"""
    only = services_of(args.only) if args.only else STUDIO if args.role == "studio" else None
    with start_lock(loaded):
        if is_running(loaded):
            _report(loaded, wait_ready(loaded, None))
            print(f"Opta is already running: {page_url(loaded)}", flush=True)
            return 0
        process = start(loaded, only, detach=args.detach)
        try:
            _report(loaded, wait_ready(loaded, process, only))
        except BaseException:
            stop(loaded)
            raise
    print(f"Opta is ready: {page_url(loaded)}", flush=True)
    if not loaded.paths.config.exists():
        print(
            "The built-in probe model is a self-test, not an assistant. Next: opta models list shows the models that are already on this "
            "machine (opta models use NAME), opta models recommend shows those that fit, opta doctor finds model servers that already run here.",
            file=sys.stderr,
        )
    if not args.no_open:
        _open(page_url(loaded))
    return 0 if args.detach else run_in_foreground(loaded, process)


def _report(loaded: LoadedSettings, reason: str) -> None:
    for line in said_at_start(loaded, reason):
        print_plain(f"opta: {line}", sys.stderr)


def down(loaded: Any, args: argparse.Namespace) -> int:
    """opta down"""
    print("Stopped. Sessions are kept." if stop(loaded) else "Nothing was running.")
    return 0


def open_page(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta open"""
    connect(loaded, args)
    url = page_url(loaded)
    print(url)
    if not args.no_open:
        _open(url)
    return ExitCode.done


def daemon_start(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta daemon start [service]"""
    if args.service:
        return _start_services(loaded, services_of(args.service))
    args.detach, args.no_open, args.only, args.role = True, True, "", "laptop"
    if look(loaded.paths).state == "stopped":
        start_services(loaded)
    return up(loaded, args)


def daemon_run(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta daemon run: as `opta up`, without the browser."""
    args.detach, args.no_open, args.only, args.role = False, True, "", "laptop"
    return up(loaded, args)


def _start_services(loaded: LoadedSettings, names: list[str]) -> int:
    found = look(loaded.paths)
    if found.state == "absent":
        raise NoDaemon(found.sentence)
    supervisor = SupervisordClient(loaded.paths.run)
    for service in names:
        supervisor.start(service)
    print(f"Started {', '.join(names)}. Whether all is ready: opta status")
    return ExitCode.done


def daemon_stop(loaded: Any, args: argparse.Namespace) -> int:
    """opta daemon stop [service]: stops gateway, agent, tools and sessions. The desktop process and LMX keep running."""
    names = services_of(args.service) if args.service else DAEMON
    if look(loaded.paths).state == "absent":
        print("No daemon is running; nothing was stopped.")
        return ExitCode.done
    supervisor = SupervisordClient(loaded.paths.run)
    for service in names:
        supervisor.stop(service)
    if args.service:
        print(f"Stopped {', '.join(names)}. It stays stopped until: opta daemon start {args.service}")
        return ExitCode.done
    print("The daemon is stopped. Sessions are kept. Start it: opta daemon start")
    return ExitCode.done


def daemon_restart(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta daemon restart [service]"""
    names = services_of(args.service) if args.service else list(reversed(DAEMON))
    found = look(loaded.paths)
    if found.state == "absent":
        raise NoDaemon(found.sentence)
    supervisor = SupervisordClient(loaded.paths.run)
    before = {p["name"]: p["pid"] for p in supervisor.processes()}
    for service in names:
        supervisor.restart(service)
    deadline = time.monotonic() + RESTART_S
    while any(p["name"] in names and (p["statename"] != "RUNNING" or p["pid"] == before[p["name"]]) for p in supervisor.processes()):
        if time.monotonic() > deadline:
            raise Unavailable(f"{', '.join(names)} did not restart in {RESTART_S:g} s. Logs: {loaded.paths.logs}")
        time.sleep(0.03)
    now = look(loaded.paths)
    if now.state == "stopped":
        # Only some of its services run, as before.
        print_plain(f"Restarted {', '.join(names)}. {now.sentence}")
        return ExitCode.done
    wait_ready(loaded, None)
    client = Client(loaded.paths)
    while not all(service["ready"] for service in client.get("/v3/daemon")["services"] if service["name"] in names):
        if time.monotonic() > deadline:
            raise Unavailable(f"{', '.join(names)} did not become ready in {RESTART_S:g} s. Logs: {loaded.paths.logs}")
        time.sleep(0.05)
    print(f"Restarted {args.service or 'the daemon'}.")
    return 0


def services_of(text: str) -> list[str]:
    """The services that a person named, separated by commas. Raises Refused."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in PROGRAMS:
            raise Refused(f"There is no service {name!r}. The services are {', '.join(PROGRAMS)}.{nearest(name, PROGRAMS)}")
    return names


def _open(url: str) -> None:
    if sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(url)
