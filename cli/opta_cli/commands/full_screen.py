"""opta tui: the full-screen terminal. `opta` alone is the same where a person sits at a terminal."""

import argparse
import os
import sys
from pathlib import Path
from urllib.parse import quote

from opta_core.errors import Refused
from opta_core.settings import LoadedSettings

from .. import trust_offer
from ..connection import connect
from ..last_session import last_session
from ..model_lookup import of_daemon


def tui(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta tui [--session ID]"""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Refused("The full screen needs a terminal. Without one: opta chat, opta do")
    if os.environ.get("TERM", "") in ("", "dumb"):
        raise Refused("This terminal cannot show a full screen (TERM is dumb or not set). Use: opta chat")
    folder = Path(args.cwd or ".").absolute()
    if not folder.is_dir():
        raise Refused(f"--cwd is {args.cwd!r}, but {'it is a file' if folder.exists() else 'there is no such folder'}. Name a folder.")
    client = connect(loaded, args)
    session = args.session or (last_session(client, args.cwd) if args.continues else "")
    if session:
        session = client.get(f"/v3/sessions/{quote(session, safe='')}")["id"]
    else:
        trust_offer.offer(client, str(folder))
    model = of_daemon(client, loaded.settings, args.model) if args.model else ""
    level = args.level or ("L1" if args.mode == "chat" else "L2")
    settings = {"cwd": str(folder), "mode": args.mode, "model": model, "level": level}
    # Imported only here: no other command needs it.
    from ..tui.terminal_app import run

    return run(client, loaded, settings, session)
