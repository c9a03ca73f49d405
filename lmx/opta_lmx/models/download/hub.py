"""The program that fetches one model from a model hub: a child process of LMX, which reads its events from standard output.

`python -m opta_lmx.models.download.hub [--endpoint URL] [--revision R] [--look] [--token-stdin] -- REPO FOLDER` writes one JSON object per
line: `found`, then `progress`, then `done`; or, at any time, `failed`, with exit code 1. It dies with its parent.

**Promise:** FOLDER exists only complete, of one revision, and checked. After any interruption the bytes that arrived stay in
FOLDER.part and are not fetched again.
"""

import argparse
import os
import re
import signal
import sys
from pathlib import Path

from opta_core.errors import Refused
from opta_core.process.parent_death import die_with_parent

from .download_events import DownloadDone, DownloadFailed, write_line
from .hub_part import PartialDownload, refuse_existing
from .hub_repo import Hub

_TOKEN_MAX = 4096


def main() -> int:
    """Run the program; returns its exit code."""
    os.umask(0o077)
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parser = argparse.ArgumentParser(prog="opta_lmx.models.download.hub")
    parser.add_argument("repo")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--endpoint", default="", help="address of the hub (default: that of the hub's library)")
    parser.add_argument("--revision", default="")
    parser.add_argument("--look", action="store_true")
    parser.add_argument("--token-stdin", action="store_true")
    options = parser.parse_args()
    token = sys.stdin.buffer.readline(_TOKEN_MAX).decode("latin-1").strip() if options.token_stdin else ""
    hub = Hub(options.endpoint, options.repo, token)
    try:
        pull(hub, options.folder.absolute(), options.revision, is_look=options.look)
    except Exception as error:  # whatever fails, LMX reads one sentence and never a traceback
        failure = hub.failure(error)
        write_line(DownloadFailed(message=failure.message, retryable=failure.retryable))
        return 1
    return 0


def pull(hub: Hub, folder: Path, revision: str, *, is_look: bool) -> None:
    """Report what the repository holds and, unless `is_look`, fetch it. Raises OptaError, OSError, and what the library raises."""
    # Checked here: the HTTP client would quote a header that it refuses.
    if not re.fullmatch(r"[!-~]*", hub.token):
        raise Refused(f"The token for {hub.endpoint} is not one word of plain letters and digits. Copy it again.")
    if not is_look:
        refuse_existing(folder)
    found, files = hub.look(revision)
    write_line(found)
    if not is_look:
        PartialDownload(folder, hub, found, files).complete()
        write_line(DownloadDone(revision=found.revision, bytes=found.bytes))


if __name__ == "__main__":
    sys.exit(main())
