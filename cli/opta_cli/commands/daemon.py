"""opta up, down, open, status, and opta daemon start, stop, restart, status, logs."""

import argparse
import os
import sys
import time
import webbrowser

from opta_core.errors import Refused, Unavailable
from opta_core.process.supervision import PROGRAMS, SupervisordClient
from opta_core.settings import LoadedSettings

from ..client import Client
from ..plain_text import plain_json, print_plain
from ..supervise import ensure_daemon, is_running, page_url, run_in_foreground, start, start_lock, stop, wait_ready

RESTART_S = 30.0
DAEMON = ("gateway", "agent", "tools", "sessions")


def up(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta up"""
    only = _services(args.only) if args.only else None
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
    if reason:
        print_plain(
            f"opta: {reason} at {loaded.paths.home}: sessions can be read, prompts are refused until there is space. "
            f"Logs: {loaded.paths.logs}",
            sys.stderr,
        )


def down(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta down"""
    print("Stopped. Sessions are kept." if stop(loaded) else "Nothing was running.")
    return 0


def open_page(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta open"""
    ensure_daemon(loaded)
    url = page_url(loaded)
    print(url)
    if not args.no_open:
        _open(url)
    return 0


def status(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta status"""
    if not is_running(loaded):
        print(f"Not running (home {loaded.paths.home}). Start it: opta up")
        return 3
    client = Client(loaded.paths)
    daemon = client.get("/v3/daemon")
    if args.json:
        import msgspec

        print(plain_json(msgspec.json.encode(daemon)).decode())
        return 0
    print_plain(
        f"Opta {daemon['version']} · 127.0.0.1:{daemon['port']} · page {daemon['uiPort']} · LMX {daemon['lmxPort']} · home {daemon['home']}"
    )
    for service in daemon["services"]:
        word = "ready" if service["ready"] else service["reason"] or service["state"]
        print_plain(
            f"  {service['name']:9} {service['state']:8} pid {service['pid']:<7} up {service['uptime']:8.0f} s  {service['memory'] / 1e6:6.0f} MB  {word}"
        )
    models = client.get("/v3/models")
    for model in models["models"]:
        notes = [
            note
            for note in ("default" if model["default"] else "", model["capability"], "" if model["healthy"] else "not reachable")
            if note
        ]
        print_plain(f"  model {model['id']}" + (f" ({', '.join(notes)})" if notes else ""))
    return 0


def daemon_start(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta daemon start"""
    args.detach, args.no_open, args.only = True, True, ""
    if is_running(loaded):
        supervisor = SupervisordClient(loaded.paths.run)
        for service in reversed(DAEMON):
            supervisor.start(service)
    return up(loaded, args)


def daemon_stop(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta daemon stop: stops gateway, agent, tools and sessions. The desktop process and LMX keep running."""
    supervisor = SupervisordClient(loaded.paths.run)
    for service in DAEMON:
        supervisor.stop(service)
    print("The daemon is stopped. Sessions are kept.")
    return 0


def daemon_restart(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta daemon restart [service]"""
    supervisor = SupervisordClient(loaded.paths.run)
    names = _services(args.service) if args.service else list(reversed(DAEMON))
    before = {p["name"]: p["pid"] for p in supervisor.processes()}
    for service in names:
        supervisor.restart(service)
    deadline = time.monotonic() + RESTART_S
    while any(p["name"] in names and (p["statename"] != "RUNNING" or p["pid"] == before[p["name"]]) for p in supervisor.processes()):
        if time.monotonic() > deadline:
            raise Unavailable(f"{', '.join(names)} did not restart in {RESTART_S:g} s. Logs: {loaded.paths.logs}")
        time.sleep(0.03)
    wait_ready(loaded, None)
    client = Client(loaded.paths)
    while not all(service["ready"] for service in client.get("/v3/daemon")["services"] if service["name"] in names):
        if time.monotonic() > deadline:
            raise Unavailable(f"{', '.join(names)} did not become ready in {RESTART_S:g} s. Logs: {loaded.paths.logs}")
        time.sleep(0.05)
    print(f"Restarted {args.service or 'the daemon'}.")
    return 0


def logs(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta daemon logs"""
    names = _services(args.service) if args.service else list(PROGRAMS)
    lines: list[str] = []
    for name in names:
        file = loaded.paths.logs / f"{name}.log"
        if file.exists():
            lines += file.read_text(errors="replace").splitlines()[-args.lines :]
    print_plain("\n".join(sorted(lines, key=lambda line: line[:12])[-args.lines :]))
    return 0


def _services(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in PROGRAMS:
            raise Refused(f"There is no service {name!r}. The services are {', '.join(PROGRAMS)}.")
    return names


def _open(url: str) -> None:
    if sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(url)
