"""opta sessions list."""

import argparse
import sys
from typing import Any

from ..connection import connect
from ..exit_codes import ExitCode
from ..local_time import local
from ..pager import page_lines
from ..plain_text import plain_json, width_of

FIXED_COLUMNS = 54


def list_sessions(loaded: Any, args: argparse.Namespace) -> int:
    """opta sessions list"""
    client = connect(loaded, args)
    page = client.get("/v3/sessions", q=args.q, limit=args.limit, **({"children": 1} if args.all else {}))
    if args.json:
        import msgspec

        print(plain_json(msgspec.json.format(msgspec.json.encode(page), indent=2)).decode())
        return ExitCode.done
    columns = 120
    if sys.stdout.isatty():
        import shutil

        columns = shutil.get_terminal_size().columns
    page_lines(row(session, columns) for session in page["sessions"])
    if not page["sessions"]:
        print(f"No session has {args.q!r} in its title or id." if args.q else "No sessions yet. Start one: opta chat", file=sys.stderr)
    elif page["nextCursor"]:
        print(f"The last {args.limit} of more. More: opta sessions list --limit {min(1000, args.limit * 4)}", file=sys.stderr)
    return ExitCode.done


def row(session: dict[str, Any], columns: int) -> str:
    """A session on one line: id, state, turns, time and title; on a narrow terminal id, state and title."""
    title = " ".join(session["title"].split()) + (f"  (sub-agent of s-{session['parent']})" if session.get("parentCall") else "")
    head = f"s-{session['id']}  {session['state']:8}"
    if columns >= FIXED_COLUMNS + 20:
        head += f" {session['turns']:4} turns  {local(session['lastActivityAt'])}"
    left = max(8, columns - width_of(head) - 3)
    return f"{head}  {title if width_of(title) <= left else _cut(title, left)}"


def _cut(text: str, columns: int) -> str:
    while width_of(text) > columns - 1:
        text = text[: max(0, len(text) - 1 - (width_of(text) - columns) // 2)]
    return f"{text}…"
