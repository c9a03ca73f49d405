"""opta status: what runs, on which ports, and which models there are. Within a second, also when nothing answers."""

import argparse
import sys
from typing import Any

import msgspec

from opta_core.errors import OptaError

from ..client import Client
from ..daemon_state import LOOK_S, Look, look
from ..exit_codes import ExitCode
from ..login_service import at_login
from ..plain_text import plain_json, print_plain

ANSWER_S = 5.0


def status(loaded: Any, args: argparse.Namespace) -> int:
    """opta status [--json]"""
    client = Client(loaded.paths, answer_s=ANSWER_S, reconnect_s=LOOK_S)
    found = look(loaded.paths, client)
    if found.state != "ready":
        return _not_ready(loaded, args, found)
    daemon = client.get("/v3/daemon")
    if args.json:
        print(plain_json(msgspec.json.encode({"state": "ready", **daemon, "atLogin": at_login(loaded)})).decode())
        return ExitCode.done
    print_plain(
        f"Opta {daemon['version']} · 127.0.0.1:{daemon['port']} · page {daemon['uiPort']} · LMX {daemon['lmxPort']} · home {daemon['home']}"
    )
    for service in daemon["services"]:
        word = "ready" if service["ready"] else service["reason"] or service["state"]
        up_s, megabytes = service["uptime"], service["memory"] / 1e6
        print_plain(f"  {service['name']:9} {service['state']:8} pid {service['pid']:<7} up {up_s:8.0f} s  {megabytes:6.0f} MB  {word}")
    if service := at_login(loaded):
        print_plain(f"  {service}")
    try:
        models = client.get("/v3/models")["models"]
    except OptaError as error:
        print_plain(f"  models: {error.message}", sys.stderr)
        return ExitCode.done
    for model in models:
        notes = ["default" if model["default"] else "", model["capability"], "" if model["healthy"] else "not reachable"]
        said = ", ".join(note for note in notes if note)
        print_plain(f"  model {model['id']}" + (f" ({said})" if said else ""))
    return ExitCode.done


def _not_ready(loaded: Any, args: argparse.Namespace, found: Look) -> int:
    if args.json:
        known = {
            "state": found.state,
            "home": str(loaded.paths.home),
            "missing": found.missing,
            "message": found.sentence,
            "atLogin": at_login(loaded),
        }
        print(plain_json(msgspec.json.encode(known)).decode())
    else:
        print_plain(f"{found.sentence} (home {loaded.paths.home})")
        if service := at_login(loaded):
            print_plain(service)
    return ExitCode.no_daemon
