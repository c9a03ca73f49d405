"""opta sessions resume, retry, compact: turns of a session that are followed as those of `opta do`."""

import argparse
import sys
from urllib.parse import quote

from opta_core.settings import LoadedSettings

from ..ask import can_ask
from ..client import new_key
from ..connection import connect
from ..plain_text import print_plain
from ..terminal_conversation import Conversation
from .chat import has_bell, in_session
from .turn_requests import limits_of


def resume(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta sessions resume"""
    return in_session(loaded, args).resume(limits_of(args))


def retry(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta sessions retry ID"""
    client = connect(loaded, args)
    body = {"turnId": args.turn, "again": True, "text": args.text}
    made = client.post(f"/v3/sessions/{quote(args.id, safe='')}/fork", body, new_key())
    session = made["session"]
    if not args.json:
        print_plain(f"Opta · s-{session['id']}, a fork of s-{session['parent']} before {args.turn or 'its last turn'}", sys.stderr)
    return Conversation(client, session, as_json=args.json, interactive=can_ask() and not args.json, rings=has_bell(loaded)).follow(
        made["turnId"]
    )


def compact(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta sessions compact"""
    return in_session(loaded, args).compact()
