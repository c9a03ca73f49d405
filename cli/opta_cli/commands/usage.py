"""opta usage: turns, tokens and time of the sessions in this home. It reads the journals, and needs no daemon."""

import argparse
import datetime
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from ..exit_codes import ExitCode
from ..journal_files import journals, lines
from ..pager import page_lines
from ..plain_text import plain_json
from ..progress_bars import Bar


class Figures(msgspec.Struct):
    """Sums over turns. `prompt_tokens` were read by models, `tokens` written; `seconds` without those in which people were waited for."""

    turns: int = 0
    prompt_tokens: int = 0
    tokens: int = 0
    seconds: float = 0.0
    calls: int = 0

    def add(self, other: "Figures") -> None:
        """Add the figures of a turn."""
        self.turns += other.turns
        self.prompt_tokens += other.prompt_tokens
        self.tokens += other.tokens
        self.seconds += other.seconds
        self.calls += other.calls


def usage(loaded: Any, args: argparse.Namespace) -> int:
    """opta usage [--days N] [--by model|day|session|folder]"""
    since = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=args.days)
    groups: dict[str, Figures] = {}
    files = [file for file in journals(loaded.paths, with_away=True) if file.stat().st_mtime >= since.timestamp()]
    bar = Bar("counting")
    for number, file in enumerate(files):
        bar.show(number, len(files))
        for group, figures in turns(file, since.isoformat(), args.by):
            groups.setdefault(group, Figures()).add(figures)
    bar.clear()
    total = Figures()
    for figures in groups.values():
        total.add(figures)
    if args.json:
        print(plain_json(msgspec.json.encode({"days": args.days, "by": args.by, "groups": groups, "total": total})).decode())
        return ExitCode.done
    listed = sorted(groups.items(), key=lambda item: item[0] if args.by == "day" else -item[1].tokens)
    head = f"{args.by:40} {'turns':>7} {'read':>12} {'written':>12} {'minutes':>8} {'calls':>7}"
    page_lines([head, *(_row(name, figures) for name, figures in listed), _row(f"all, of {args.days} days", total)])
    if not groups:
        print(f"No turn has ended in the last {args.days} days.", file=sys.stderr)
    return ExitCode.done


def turns(file: Path, since: str, by: str) -> Iterator[tuple[str, Figures]]:
    """(group, figures) of each turn of a journal that ended after the time `since` (ISO 8601, UTC)."""
    model = folder = ""
    for line in lines(file):
        match line.event:
            case "session.start":
                folder = line.cwd
            case "step.start":
                model = f"{line.provider}/{line.model}" if line.provider else line.model
            case "turn.done" if line.ts[:19] >= since[:19]:
                day = datetime.datetime.fromisoformat(line.ts).astimezone().date().isoformat()
                group = {"model": model, "day": day, "session": f"s-{file.stem}", "folder": folder}[by]
                yield group, Figures(1, line.promptTokens, line.tokens, line.elapsed, line.tools)
            case _:
                pass


def _row(name: str, of: Figures) -> str:
    return f"{name[:40]:40} {of.turns:7} {of.prompt_tokens:12,} {of.tokens:12,} {of.seconds / 60:8.1f} {of.calls:7}"
