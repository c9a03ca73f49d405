"""opta sessions steer, pause, stop, edit, fork; and the limits that the options of a turn name."""

import argparse
from typing import Any
from urllib.parse import quote

from opta_core.errors import Refused
from opta_core.settings import LoadedSettings

from ..arguments.turn_arguments import LIMITS
from ..client import Client, new_key
from ..connection import connect
from ..piped_text import read_text
from ..plain_text import plain_json, print_line


def limits_of(args: argparse.Namespace) -> dict[str, Any]:
    """The limits that the options name, as the API takes them."""
    return {name: value for name in LIMITS if (value := getattr(args, f"max_{name}"))}


def steer(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta sessions steer ID TEXT"""
    text = " ".join(args.text) or read_text()
    if not text.strip():
        raise Refused("There are no words. Give them as an argument, or on standard input.")
    accepted = _client(loaded, args).post(f"/v3/sessions/{_quoted(args.id)}/steer", {"text": text}, new_key())
    print_line(f"The next model call of {accepted['turnId']} reads it ({accepted['steerId']}).")
    return 0


def pause(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta sessions pause ID"""
    accepted = _client(loaded, args).post(f"/v3/sessions/{_quoted(args.id)}/pause", {}, new_key())
    print_line(f"{accepted['turnId']} pauses before its next step. Go on: opta sessions resume {args.id}")
    return 0


def stop(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta sessions stop ID"""
    _client(loaded, args).post(f"/v3/sessions/{_quoted(args.id)}/stop", {})
    print_line(f"The running turn of {args.id} is stopped. Go on: opta sessions resume {args.id}")
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
    if args.json:
        import msgspec

        print(plain_json(msgspec.json.encode(made)).decode())
        return 0
    at = f" up to {made['parentTurn']}" if made.get("parentTurn") else ""
    print_line(f"s-{made['id']} has the history of s-{made['parent']}{at}. Go on: opta chat --session {made['id']}")
    return 0


def _client(loaded: LoadedSettings, args: argparse.Namespace) -> Client:
    return connect(loaded, args)


def _quoted(name: str) -> str:
    return quote(name, safe="")
