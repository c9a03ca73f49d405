"""opta sessions list, show, context, export, prune, repair."""

import argparse
import os
import sys
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from opta_core.errors import OptaError
from opta_core.settings import LoadedSettings
from opta_protocol.error_info import ErrorCode

from ..client import Client
from ..plain_text import plain, plain_json, print_line
from ..supervise import ensure_daemon


def list_sessions(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta sessions list"""
    ensure_daemon(loaded, may_start=not args.no_daemon_start)
    page = Client(loaded.paths).get("/v3/sessions", q=args.q, limit=args.limit, **({"children": 1} if args.all else {}))
    if args.json:
        _print_json(page)
        return 0
    for session in page["sessions"]:
        print_line(
            f"s-{session['id']}  {session['state']:8} {session['turns']:4} turns  {session['lastActivityAt'][:19]}  {session['title'][:60]}"
            + (f"  (sub-agent of s-{session['parent']})" if session.get("parentCall") else "")
        )
    if not page["sessions"]:
        print("No sessions yet. Start one: opta chat", file=sys.stderr)
    return 0


def prune(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta sessions prune"""
    ensure_daemon(loaded, may_start=not args.no_daemon_start)
    client = Client(loaded.paths)
    before = (datetime.now(UTC) - timedelta(days=args.older_than)).isoformat()
    old: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = client.get("/v3/sessions", limit=1000, cursor=cursor)
        old += [s for s in page["sessions"] if s["lastActivityAt"] < before and not s["activeTurn"] and not s["pinned"]]
        cursor = page["nextCursor"] or ""
        if not cursor:
            break
    kept = 0
    for session in old:
        print_line(f"s-{session['id']}  {session['lastActivityAt'][:10]}  {session['title'][:60]}")
        if args.yes:
            try:
                client.ask("DELETE", f"/v3/sessions/{session['id']}?to=archive")
            except OptaError as error:
                # Its worktree holds work.
                if error.code == ErrorCode.conflict:
                    kept += 1
                    print_line(f"opta: {error.message}", sys.stderr)
                # Moved meanwhile, perhaps by this same request before the store died.
                elif error.code != ErrorCode.not_found:
                    raise
    where = loaded.paths.archive
    if args.yes or not old:
        print(
            f"{len(old) - kept} sessions moved to {where}." if old else f"No session is older than {args.older_than:g} days.",
            file=sys.stderr,
        )
    else:
        print(f"{len(old)} sessions would move to {where}. Move them: opta sessions prune --yes", file=sys.stderr)
    return 0


def show(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta sessions show ID"""
    ensure_daemon(loaded, may_start=not args.no_daemon_start)
    client = Client(loaded.paths)
    if args.json:
        _print_json(client.get(f"/v3/sessions/{_quoted(args.id)}", atSeq=10**15))
        return 0
    sys.stdout.write(plain(client.raw("GET", f"/v3/sessions/{_quoted(args.id)}/export?format=text").decode()))
    return 0


def context(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta sessions context ID"""
    ensure_daemon(loaded, may_start=not args.no_daemon_start)
    found = Client(loaded.paths).get(f"/v3/sessions/{_quoted(args.id)}/context")
    if args.json:
        _print_json(found)
        return 0
    limit = f" of {found['contextLimit']}" if found["contextLimit"] else ""
    print_line(f"{found['provider']}/{found['model']}: about {found['tokens']}{limit} tokens ({found['reportedTokens']} reported last)")
    if found["problem"]:
        print_line(f"note: {found['problem']}")
    for part in found["parts"]:
        print_line(f"{part['tokens']:7}  {part['turn'] or '-':8} {part['kind']:9} {_first_words(part)}")
        for added in part["added"]:
            print_line(f"{added['tokens']:7}  {'':8} {'':9} with {added['source']}")
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
    ensure_daemon(loaded, may_start=not args.no_daemon_start)
    content = Client(loaded.paths).raw("GET", f"/v3/sessions/{_quoted(args.id)}/export?format={args.format}")
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
    ensure_daemon(loaded, may_start=not args.no_daemon_start)
    found = Client(loaded.paths).post(f"/v3/sessions/{_quoted(args.id)}/repair", {"apply": args.yes})
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
