"""opta daemon logs: the log lines of all services in order of time, filtered by level, and followed with -f. It needs no daemon."""

import argparse
import sys
import time
from typing import Any

from opta_core.log_files import LogEntry, LogFiles
from opta_core.process.supervision import PROGRAMS

from ..exit_codes import ExitCode
from ..pager import page
from ..plain_text import plain
from .daemon import services_of

LOOK_EVERY_S = 0.25


def logs(loaded: Any, args: argparse.Namespace) -> int:
    """opta daemon logs [SERVICE] [-f] [--level LEVEL]"""
    files = LogFiles(loaded.paths.logs, services_of(args.service) if args.service else list(PROGRAMS))
    level = args.level.upper()
    entries = [entry for entry in files.newest() if entry.is_at_least(level)]
    if args.follow:
        _print(entries[-args.lines :])
    else:
        page("".join(f"{plain(entry.text)}\n" for entry in entries[-args.lines :]))
    if not entries:
        print(f"No log lines in {loaded.paths.logs}.", file=sys.stderr)
    while args.follow:
        time.sleep(LOOK_EVERY_S)
        _print([entry for entry in files.news() if entry.is_at_least(level)])
    return ExitCode.done


def _print(entries: list[LogEntry]) -> None:
    if entries:
        sys.stdout.write(plain("\n".join(entry.text for entry in entries)) + "\n")
        sys.stdout.flush()
