"""The program that fetches one model from a model hub: a child of the front, which reads its events from stdout.

`python -m opta_lmx.models.download.hub [--endpoint URL] [--revision R] [--look] [--token-stdin] -- REPO FOLDER` writes one JSON object a line: found
first, then progress, then done; or at any time failed, and exits with 1. It dies with its parent.

**Promise:** FOLDER exists only whole, of one revision, and checked. What arrived before an end of any kind stays in FOLDER.part and
is not fetched again.
"""

import argparse
import os
import re
import signal
import sys
from pathlib import Path

from opta_core.errors import Refused
from opta_core.process.process import die_with_parent

from .hub_part import Part, refuse_existing
from .hub_repo import Done, Failed, Hub, say

_TOKEN_MAX = 4096


def main() -> int:
    """The exit code."""
    os.umask(0o077)
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parser = argparse.ArgumentParser(prog="opta_lmx.models.download.hub")
    parser.add_argument("repo")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--endpoint", default="", help="default: the one that the hub's library knows")
    parser.add_argument("--revision", default="")
    parser.add_argument("--look", action="store_true")
    parser.add_argument("--token-stdin", action="store_true")
    options = parser.parse_args()
    token = sys.stdin.buffer.readline(_TOKEN_MAX).decode("latin-1").strip() if options.token_stdin else ""
    hub = Hub(options.endpoint, options.repo, token)
    try:
        pull(hub, options.folder.absolute(), options.revision, is_look=options.look)
    except Exception as error:  # whatever ends it, the front reads one sentence and never a traceback
        told = hub.failure(error)
        say(Failed(message=told.message, retryable=told.retryable))
        return 1
    return 0


def pull(hub: Hub, folder: Path, revision: str, *, is_look: bool) -> None:
    """Say what is there and, unless that is all, fetch it. Raises OptaError, OSError and what the library raises."""
    # The HTTP client quotes a header that it refuses.
    if not re.fullmatch(r"[!-~]*", hub.token):
        raise Refused(f"The token for {hub.endpoint} is not one word of plain letters and digits. Copy it again.")
    if not is_look:
        refuse_existing(folder)
    found, files = hub.look(revision)
    say(found)
    if not is_look:
        Part(folder, hub, found, files).complete()
        say(Done(revision=found.revision, bytes=found.bytes))


if __name__ == "__main__":
    sys.exit(main())
