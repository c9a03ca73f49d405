"""lmx: serving models by itself, keys for other machines, and pairing with one."""

import argparse
import asyncio
import os
import subprocess
import sys
import time
from typing import Any

import msgspec

from opta_core import settings
from opta_core.errors import Refused
from opta_core.inheritance import inherited, python
from opta_core.net.lmx_endpoint import with_port
from opta_core.settings import Loaded

from ..lmx import install as lmx_install
from ..lmx.client import ask, endpoint_here
from ..lmx.doctor import checks_of
from ..lmx.pairing import find_offers, join
from ..plain_text import plain_json, print_plain


def serve(loaded: Loaded, args: argparse.Namespace) -> int:
    """opta lmx serve"""
    command = python("opta_lmx")
    environment = {**inherited(os.environ), "OPTA_HOME": str(loaded.paths.home)}
    if args.model_path:
        command += ["--model-path", args.model_path]
    # The port and the rest are settings, so that `opta` finds it.
    if args.port >= 0:
        environment["OPTA_LMX_PORT"] = str(args.port)
    process = subprocess.Popen(command, env=environment)
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.terminate()
        return process.wait()


def status(loaded: Loaded, args: argparse.Namespace) -> int:
    """opta lmx status"""
    found = ask(loaded, "GET", "/admin/models", timeout_s=5)
    if args.json:
        print(plain_json(msgspec.json.encode(found)).decode())
        return 0
    memory = found["memory"]
    print_plain(
        f"LMX at {endpoint_here(loaded).root}: {memory['used'] / 1e9:.1f} of {memory['limit'] / 1e9:.1f} GB, memory {memory['level']}"
    )
    for model in found["models"]:
        if model["state"] != "on disk":
            print_plain(
                f"  {model['id']}: {model['state']}, {model['memory'] / 1e6:.0f} MB, {model['running']} requests {model.get('problem', '')}"
            )
    return 0


def doctor(loaded: Loaded, args: argparse.Namespace) -> int:
    """opta lmx doctor"""
    checks = checks_of(loaded)
    if args.json:
        print(msgspec.json.encode([{"check": name, "ok": ok, "detail": detail} for name, ok, detail in checks]).decode())
    else:
        for name, ok, detail in checks:
            print_plain(f"{'✓' if ok else '✕'} {name}: {detail}")
    return 0 if all(ok for _, ok, _ in checks) else 1


def pair(loaded: Loaded, args: argparse.Namespace) -> int:
    """opta lmx pair [HOST]"""
    if not args.host:
        return _show_code(loaded, is_admin=args.admin)
    if not sys.stdin.isatty() and not args.code_stdin:
        raise Refused("The code is typed, or read from standard input with --code-stdin.")
    host = with_port(args.host)
    code = sys.stdin.readline().strip() if args.code_stdin else input(f"Six digits that `opta lmx pair` shows on {args.host}: ").strip()
    name = asyncio.run(join(loaded, host, code))
    settings.write_value(loaded.paths, "lmx.host", host)
    print_plain(f"Paired with {host} as {name!r}. Running services use it from their next start: opta daemon restart")
    return 0


def _show_code(loaded: Loaded, *, is_admin: bool) -> int:
    if not endpoint_here(loaded).certificate:
        raise Refused(
            "LMX here answers on loopback only, so no other machine can pair. Open it: opta config set lmx.bind 0.0.0.0, then opta daemon restart lmx"
        )
    before = {key["name"] for key in _keys(loaded)}
    shown = ask(loaded, "POST", "/admin/pairing", {"admin": is_admin})
    print_plain(f"Code: {shown['code']}    On the other machine: opta lmx pair THIS-MACHINE    (two minutes)")
    until = time.monotonic() + shown["seconds"]
    while time.monotonic() < until:
        if new := [key["name"] for key in _keys(loaded) if key["name"] not in before]:
            print_plain(f"Paired with {new[0]}. Take it back: opta lmx keys remove {new[0]!r}")
            return 0
        time.sleep(0.5)
    print_plain("Nobody paired.")
    return 1


def install(loaded: Loaded, args: argparse.Namespace) -> int:
    """opta lmx install"""
    print_plain(lmx_install.install(loaded, is_print=args.print))
    return 0


def uninstall(loaded: Loaded, args: argparse.Namespace) -> int:
    """opta lmx uninstall"""
    print_plain(lmx_install.uninstall(loaded))
    return 0


def find(loaded: Loaded, args: argparse.Namespace) -> int:
    """opta lmx find"""
    offers = asyncio.run(find_offers(args.seconds))
    for offer in offers:
        print_plain(
            f"{offer.address}:{offer.port}  {offer.name}  sha256 {offer.fingerprint[:16]}…    opta lmx pair {offer.address}:{offer.port}"
        )
    if not offers:
        print("No LMX offers itself on this network (lmx.offer on that machine).", file=sys.stderr)
    return 0 if offers else 1


def add_key(loaded: Loaded, args: argparse.Namespace) -> int:
    """opta lmx keys add NAME"""
    made = ask(loaded, "POST", "/admin/keys", {"name": args.name, "admin": args.admin})
    print_plain(f"{made['key']}\nIt is shown only now.")
    return 0


def list_keys(loaded: Loaded, args: argparse.Namespace) -> int:
    """opta lmx keys list"""
    for key in _keys(loaded):
        print_plain(f"{key['name']:32} {', '.join(key['scopes'])}, since {time.strftime('%Y-%m-%d', time.localtime(key['created']))}")
    return 0


def remove_key(loaded: Loaded, args: argparse.Namespace) -> int:
    """opta lmx keys remove NAME"""
    ask(loaded, "POST", "/admin/keys/remove", {"name": args.name})
    print_plain(f"{args.name!r} opens LMX no more.")
    return 0


def _keys(loaded: Loaded) -> list[dict[str, Any]]:
    return list(ask(loaded, "GET", "/admin/keys", timeout_s=5)["keys"])
