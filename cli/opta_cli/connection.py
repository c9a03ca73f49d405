"""A client of a daemon that is ready: found at once, or started and waited for, with a word about it."""

import argparse
import sys
from typing import Any

from .client import ANSWER_S, Client
from .daemon_state import NoDaemon, look


def connect(loaded: Any, args: argparse.Namespace, *, answer_s: float = ANSWER_S) -> Client:
    """A client of this home's daemon, which is ready. `loaded`: the settings.

    Starts the daemon when it does not run. Raises NoDaemon when it must not, Unavailable when it does not become ready.
    """
    client = Client(loaded.paths, answer_s=answer_s)
    found = look(loaded.paths, client)
    if found.state != "ready":
        if args.no_daemon_start and found.state != "starting":
            raise NoDaemon(found.sentence)
        print("opta: waiting for the daemon …" if found.state == "starting" else "opta: starting the daemon …", file=sys.stderr, flush=True)
        from .supervise import make_ready

        make_ready(loaded, found)
    return client


def running(loaded: Any, *, answer_s: float = ANSWER_S) -> Client:
    """A client of a daemon that runs already. Raises NoDaemon."""
    client = Client(loaded.paths, answer_s=answer_s)
    found = look(loaded.paths, client)
    if found.state != "ready":
        raise NoDaemon(found.sentence)
    return client
