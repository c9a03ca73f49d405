"""opta usage: turns, tokens and time of the sessions in this home. It reads the journals, and needs no daemon."""

import argparse
import datetime
import sys
from typing import Any

import msgspec

from opta_core.usage.figures import Figures
from opta_core.usage.usage_count import UsageCount, first_day, grouped, total

from ..exit_codes import ExitCode
from ..pager import page_lines
from ..plain_text import plain_json, plain_line
from ..progress_bars import Bar


def usage(loaded: Any, args: argparse.Namespace) -> int:
    """opta usage [--days N] [--by model|day|session|folder]"""
    first = first_day(args.days, datetime.datetime.now().astimezone().date())
    bar = Bar("counting")
    usages, unread = UsageCount(loaded.paths).since(first, on_read=bar.show)
    bar.clear()
    groups = grouped(usages, first, args.by)
    everything = total(groups.values())
    if args.json:
        found = {"days": args.days, "by": args.by, "groups": groups, "total": everything, "unread": unread}
        print(plain_json(msgspec.json.encode(found)).decode())
        return ExitCode.done
    listed = sorted(groups.items(), key=lambda item: item[0] if args.by == "day" else (-(item[1].prompt_tokens + item[1].tokens), item[0]))
    head = f"{args.by:40} {'turns':>7} {'read':>12} {'written':>12} {'minutes':>8} {'calls':>7}"
    page_lines([head, *(_row(name or "-", figures) for name, figures in listed), _row(f"all, of {args.days} days", everything)])
    for note in _notes(everything, unread):
        print(note, file=sys.stderr)
    if not groups:
        print(f"No turn has ended in the last {args.days} days.", file=sys.stderr)
    return ExitCode.done


def _row(name: str, of: Figures) -> str:
    return f"{plain_line(name)[:40]:40} {of.turns:7} {of.prompt_tokens:12,} {of.tokens:12,} {of.seconds / 60:8.1f} {of.calls:7}"


def _notes(of: Figures, unread: int) -> list[str]:
    """What the figures leave out."""
    return [
        note
        for count, note in (
            (of.unfinished, f"{of.unfinished} turns failed or were stopped; their minutes are not included."),
            (
                of.unreported,
                f"{of.unreported} model calls: the provider reported no tokens. Written ones are counted in pieces, read ones not.",
            ),
            (of.cut, f"{of.cut} model calls ended without a count of tokens; nothing of them is included."),
            (unread, f"{unread} sessions cannot be read, and are not included."),
        )
        if count
    ]
