"""opta sessions show, context, export, prune, repair."""

import argparse
import os
import sys
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from opta_core.errors import OptaError
from opta_core.settings import LoadedSettings
from opta_protocol.error_info import ErrorCode

from .. import session_past
from ..client import Client
from ..connection import connect
from ..local_time import local
from ..pager import page, page_lines
from ..plain_text import plain, plain_json, print_line
from ..progress_bars import Bar, waiting
from ..view import SessionView


def prune(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta sessions prune"""
    client = connect(loaded, args)
    old = _older_than(client, args.older_than)
    moved = _moved_away(client, old, is_said=not args.json) if args.yes else []
    where = loaded.paths.archive
    if args.json:
        _print_json({"sessions": old, "moved": moved})
    elif not old:
        print(f"No session is older than {args.older_than:g} days.", file=sys.stderr)
    elif args.yes:
        print(f"{len(moved)} sessions moved to {where}. Bring one back: opta sessions restore ID", file=sys.stderr)
    else:
        page_lines(_row(session) for session in old)
        print(f"{len(old)} sessions would move to {where}. Move them: opta sessions prune --yes", file=sys.stderr)
    return 0


def _older_than(client: Client, days: float) -> list[dict[str, Any]]:
    """The sessions without activity for so many days, except those that work or are pinned."""
    before = (datetime.now(UTC) - timedelta(days=days)).isoformat()
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        listed = client.get("/v3/sessions", limit=1000, cursor=cursor)
        found += [s for s in listed["sessions"] if s["lastActivityAt"] < before and not s["activeTurn"] and not s["pinned"]]
        cursor = listed["nextCursor"] or ""
        if not cursor:
            return found


def _moved_away(client: Client, sessions: list[dict[str, Any]], *, is_said: bool) -> list[dict[str, Any]]:
    """Move sessions into the archive; those that are there now. One whose worktree holds work stays, and is named."""
    moved: list[dict[str, Any]] = []
    bar = Bar("moving")
    for number, session in enumerate(sessions):
        bar.show(number, len(sessions))
        try:
            client.ask("DELETE", f"/v3/sessions/{session['id']}?to=archive")
        except OptaError as error:
            if error.code == ErrorCode.conflict:
                bar.clear()
                print_line(f"opta: {error.message}", sys.stderr)
                continue
            # Moved meanwhile, perhaps by this same request before the store died.
            if error.code != ErrorCode.not_found:
                raise
        moved.append(session)
        if is_said:
            bar.clear()
            print_line(_row(session))
    bar.clear()
    return moved


def _row(session: dict[str, Any]) -> str:
    return f"s-{session['id']}  {local(session['lastActivityAt'])}  {session['title'][:60]}"


def show(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta sessions show ID"""
    client = connect(loaded, args)
    if args.json:
        _print_json(client.get(f"/v3/sessions/{_quoted(args.id)}", atSeq=10**15))
        return 0
    view = SessionView()
    sid = client.get(f"/v3/sessions/{_quoted(args.id)}")["id"]
    for event in session_past.events(client, sid):
        view.apply(event)
    page("\n".join(session_past.lines(view.blocks)).strip("\n") + "\n")
    return 0


def context(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta sessions context ID"""
    found = connect(loaded, args).get(f"/v3/sessions/{_quoted(args.id)}/context")
    if args.json:
        _print_json(found)
        return 0
    limit = f" of {found['contextLimit']}" if found["contextLimit"] else ""
    rows = [f"{found['provider']}/{found['model']}: about {found['tokens']}{limit} tokens ({found['reportedTokens']} reported last)"]
    if found["problem"]:
        rows.append(f"note: {found['problem']}")
    for part in found["parts"]:
        rows.append(f"{part['tokens']:7}  {part['turn'] or '-':8} {part['kind']:9} {_first_words(part)}")
        rows += [f"{added['tokens']:7}  {'':8} {'':9} with {added['source']}" for added in part["added"]]
    page_lines(rows)
    return 0


def _first_words(part: dict[str, Any]) -> str:
    """A part on one line: the names of tools, or the beginning of a message."""
    content = part["content"]
    if part["kind"] == "tools":
        words = " ".join(tool["function"]["name"] for tool in content)
    else:
        calls = [call["function"]["name"] for call in content.get("tool_calls", [])]
        words = " ".join([str(content.get("content") or ""), *(f"[{name}]" for name in calls)])
    return " ".join(words.split())[:100]


def export(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta sessions export ID"""
    client = connect(loaded, args)
    with waiting(f"exporting {args.id}"):
        content = client.raw("GET", f"/v3/sessions/{_quoted(args.id)}/export?format={args.format}")
    # Also in a file, because files are shown on terminals.
    content = plain_json(content) if args.format == "json" else plain(content.decode()).encode()
    if args.output:
        with open(args.output, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as handle:
            handle.write(content)
    else:
        sys.stdout.buffer.write(content)
    return 0


def repair(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta sessions repair ID"""
    found = connect(loaded, args).post(f"/v3/sessions/{_quoted(args.id)}/repair", {"apply": args.yes})
    if args.json:
        _print_json(found)
        return 0
    if not found["damaged"]:
        print_line(f"s-{found['id']} is not damaged: {found['kept']} lines. Nothing was changed.")
        return 0
    print_line(f"s-{found['id']}: {found['kept']} lines are kept, {found['lost']} are lost, {found['dropped']} of the file are dropped")
    for seq in found["lostSeqs"]:
        print_line(f"  lost: line {seq} of the session; a warning replaces it")
    for dropped in found["droppedLines"]:
        print_line(f"  dropped: line {dropped['line']} of the file, {dropped['bytes']} bytes, {dropped['reason']}")
    for name, field in (("lost", "lostSeqs"), ("dropped", "droppedLines")):
        if found[name] > len(found[field]):
            print_line(f"  and {found[name] - len(found[field])} more are {name}")
    if found["applied"]:
        print_line(f"Repaired. The damaged file is kept: {loaded.paths.sessions / found['copy']}")
    else:
        print(f"Nothing was changed. Repair it: opta sessions repair {found['id']} --yes", file=sys.stderr)
    return 0


def _quoted(name: str) -> str:
    return quote(name, safe="")


def _print_json(value: Any) -> None:
    import msgspec

    print(plain_json(msgspec.json.format(msgspec.json.encode(value), indent=2)).decode())
