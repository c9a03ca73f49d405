"""opta sessions steer, pause, edit, fork; and the options that limit a turn."""

import argparse
import sys
from typing import Any
from urllib.parse import quote

from opta_core.settings import LoadedSettings

from ..client import Client, new_key
from ..plain_text import print_line
from ..supervise import ensure_daemon

EXIT_MISUSE = 2
LIMITS = {
    "steps": "model calls", "calls": "tool calls", "minutes": "minutes without those in which you are waited for", "tokens": "tokens read and written",
}  # fmt: skip


def add_limits(command: argparse.ArgumentParser) -> None:
    """Add the options `--max-steps` and so on."""
    for name, what in LIMITS.items():
        command.add_argument(
            f"--max-{name}", type=float if name == "minutes" else int, default=0, metavar="N", help=f"end the turn after N {what}"
        )


def limits_of(args: argparse.Namespace) -> dict[str, Any]:
    """The limits that the options name, as the API takes them."""
    return {name: value for name in LIMITS if (value := getattr(args, f"max_{name}"))}


def steer(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta sessions steer ID TEXT"""
    text = " ".join(args.text) if args.text else sys.stdin.read()
    if not text.strip():
        print("opta: there are no words. Give them as an argument, or on standard input", file=sys.stderr)
        return EXIT_MISUSE
    accepted = _client(loaded, args).post(f"/v3/sessions/{_quoted(args.id)}/steer", {"text": text}, new_key())
    print_line(f"The next model call of {accepted['turnId']} reads it ({accepted['steerId']}).")
    return 0


def pause(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta sessions pause ID"""
    accepted = _client(loaded, args).post(f"/v3/sessions/{_quoted(args.id)}/pause", {}, new_key())
    print_line(f"{accepted['turnId']} pauses before its next step. Go on: opta sessions resume {args.id}")
    return 0


def edit(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta sessions edit ID TURN-OR-MESSAGE TEXT"""
    text = " ".join(args.text)
    kind = "turns" if args.what[:1] == "t" and args.what[1:].isdecimal() else "steer"
    path = f"/v3/sessions/{_quoted(args.id)}/{kind}/{_quoted(args.what)}"
    client = _client(loaded, args)
    if text.strip():
        client.ask("PATCH", path, {"text": text})
        print_line(f"{args.what} is changed.")
    elif kind == "turns":
        client.post(f"/v3/sessions/{_quoted(args.id)}/stop", {"turnId": args.what})
        print_line(f"{args.what} is removed.")
    else:
        client.ask("DELETE", path, None)
        print_line(f"{args.what} is taken back.")
    return 0


def fork(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta sessions fork ID"""
    made = _client(loaded, args).post(f"/v3/sessions/{_quoted(args.id)}/fork", {"turnId": args.turn}, new_key())["session"]
    at = f" up to {made['parentTurn']}" if made.get("parentTurn") else ""
    print_line(f"s-{made['id']} has the history of s-{made['parent']}{at}. Go on: opta chat --session {made['id']}")
    return 0


def _client(loaded: LoadedSettings, args: argparse.Namespace) -> Client:
    ensure_daemon(loaded, may_start=not args.no_daemon_start)
    return Client(loaded.paths)


def _quoted(name: str) -> str:
    return quote(name, safe="")
