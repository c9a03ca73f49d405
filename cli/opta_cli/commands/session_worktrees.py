"""Worktrees of sessions: `--worktree` of opta do and opta chat, and opta sessions worktree."""

import argparse
import sys
from typing import Any
from urllib.parse import quote

from opta_core.errors import OptaError
from opta_core.settings import LoadedSettings

from ..ask import can_ask, confirm
from ..client import Client
from ..connection import connect
from ..plain_text import plain_json, print_line, print_plain

# All files of a large repository are written.
ANSWER_S = 300.0
FILES_SHOWN = 20
EXIT_REFUSED = 1


def add_options(command: argparse.ArgumentParser) -> None:
    """The options of commands that make a session."""
    command.add_argument(
        "--worktree", action="store_true", help="work in a git worktree that is made for the session, beside the repository"
    )
    command.add_argument("--carry", action="store_true", help="with --worktree: also with the uncommitted changes of the repository")


def asked_of(args: argparse.Namespace, text: str) -> dict[str, Any]:
    """What a request for a new session says about a worktree. Its name begins with the words of the task."""
    if not args.worktree:
        return {}
    return {"worktree": True, "worktreeName": " ".join(text.split())[:100], **({"carry": True} if args.carry else {})}


def announce(session: dict[str, Any]) -> None:
    """Say where a session works."""
    if worktree := session.get("worktree"):
        print_plain(f"Worktree {worktree['path']} on branch {worktree['branch']}", sys.stderr)
        if left := worktree.get("left"):
            more = f" and {len(left) - 5} more" if len(left) > 5 else ""
            print_plain(
                f"  without uncommitted changes of the repository: {', '.join(left[:5])}{more} (--carry takes them along)", sys.stderr
            )


def say_what_next(client: Client, session: dict[str, Any]) -> None:
    """After the work: what the worktree holds, and how to end it."""
    if not session.get("worktree"):
        return
    try:
        found = client.get(f"/v3/sessions/{session['id']}/worktree")
    except OptaError as error:
        print_plain(f"opta: {error.message}", sys.stderr)
        return
    if found["worktree"].get("state", "open") != "open":
        return
    _print_holdings(found, sys.stderr)
    for action, meaning in (
        ("merge", f"into {found['worktree'].get('baseBranch') or 'the checked-out commit'}, and remove it"),
        ("keep", "leave it as it is"),
        ("drop", "remove it with its branch"),
    ):
        print_plain(f"  opta sessions worktree s-{session['id']} {action:6} {meaning}", sys.stderr)


def worktree(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta sessions worktree ID [merge|keep|drop]"""
    client = connect(loaded, args, answer_s=ANSWER_S)
    path = f"/v3/sessions/{quote(args.id, safe='')}/worktree"
    if not args.action:
        found = client.get(path)
        if args.json:
            _print_json(found)
        else:
            _print_holdings(found, sys.stdout)
        return 0
    body = {"action": args.action, "stay": args.stay, "into": args.into, "force": args.force}
    try:
        done = client.post(path, body)
    except OptaError as error:
        if not error.details.get("needsForce") or not can_ask():
            hint = f" Do it: opta sessions worktree {args.id} {args.action} --force" if error.details.get("needsForce") else ""
            raise OptaError(f"{error.message}{hint}", code=error.code, details=error.details) from error
        print_plain(f"opta: {error.message}", sys.stderr)
        if not confirm(f"{args.action.capitalize()} it all the same?"):
            return EXIT_REFUSED
        done = client.post(path, {**body, "force": True})
    if args.json:
        _print_json(done)
        return 0
    _print_done(args.action, done)
    return 0


def _print_done(action: str, done: dict[str, Any]) -> None:
    path, state = done["worktree"]["path"], done["worktree"].get("state", "open")
    if action == "merge":
        into = done["into"] or "the checked-out commit"
        print_line(
            f"merged into {into}: {len(done['files'])} files, commit {done['commit'][:12]}"
            if done["files"]
            else f"{into} has it all already"
        )
        for file in done["files"][:FILES_SHOWN]:
            print_line(f"  {file['change']:8} {file['path']}")
        if len(done["files"]) > FILES_SHOWN:
            print_line(f"  and {len(done['files']) - FILES_SHOWN} more")
    if done["note"]:
        print_line(done["note"])
    print_line(f"{path} {'stays' if state in ('open', 'kept') else 'is removed'}")


def _print_holdings(found: dict[str, Any], stream: Any) -> None:
    worktree = found["worktree"]
    state = "its folder was removed" if found["isGone"] and worktree.get("state", "open") == "open" else worktree.get("state", "open")
    print_plain(f"{worktree['path']} ({worktree['branch']}, {state}): {len(found['files'])} files changed", stream)
    for file in found["files"][:FILES_SHOWN]:
        print_plain(f"  {file['change']:8} {file['path']}{'' if file.get('isCommitted') else '  (not committed)'}", stream)
    if len(found["files"]) > FILES_SHOWN:
        print_plain(f"  and {len(found['files']) - FILES_SHOWN} more", stream)


def _print_json(value: Any) -> None:
    import msgspec

    print(plain_json(msgspec.json.format(msgspec.json.encode(value), indent=2)).decode())
