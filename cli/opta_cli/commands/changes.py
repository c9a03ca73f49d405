"""opta sessions changes, undo, redo: what a turn changed in files."""

import argparse
import sys
from typing import Any
from urllib.parse import quote

from opta_core.settings import LoadedSettings

from ..client import Client
from ..plain_text import plain, plain_json, print_line
from ..supervise import ensure_daemon

_NOW = {"after": "", "before": " (is as it was before)", "other": " (was changed since)"}
_DID = {
    "restored": "is as it was",
    "merged": "is as it was, with what was changed since",
    "removed": "is removed",
    "unchanged": "was so already",
    "kept": "stays",
    "refused": "was left as it is",
}


def show(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta sessions changes"""
    ensure_daemon(loaded, may_start=not args.no_daemon_start)
    found = Client(loaded.paths).get(f"/v3/sessions/{quote(args.id, safe='')}/turns/{quote(args.turn or 'last', safe='')}/changes")
    if args.json:
        _print_json(found)
        return 0
    print_line(f"{found['turnId']} changed {len(found['files'])} {'file' if len(found['files']) == 1 else 'files'}")
    for file in found["files"]:
        print_line(f"  {file['did']:8} {file['path']}{_notes(file)}")
    for line in found["missed"]:
        print_line(f"  not known: {line}")
    if found["beside"]:
        print_line(f"  commands of {', '.join(found['beside'])} ran in this folder at the same time")
    if found["notCovered"]:
        print_line(f"  never recorded: {', '.join(found['notCovered'])}")
    if not args.stat:
        for file in found["files"]:
            if file.get("diff"):
                sys.stdout.write(f"\n{plain(file['diff'])}\n" + ("(the diff is cut)\n" if file.get("isCut") else ""))
    return 0


def undo(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta sessions undo"""
    return _move(loaded, args, "undo")


def redo(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta sessions redo"""
    return _move(loaded, args, "redo")


def _move(loaded: LoadedSettings, args: argparse.Namespace, direction: str) -> int:
    """Exit code 1 when a file was left as it is, although it was to be changed."""
    ensure_daemon(loaded, may_start=not args.no_daemon_start)
    body = {"paths": args.paths, "partly": args.partly, "dryRun": args.dry_run} | ({"turnId": args.turn} if args.turn else {})
    done = Client(loaded.paths).post(f"/v3/sessions/{quote(args.id, safe='')}/{direction}", body)
    refused = any(file["did"] == "refused" for file in done["files"])
    if args.json:
        _print_json(done)
        return int(refused)
    head = f"{direction} of {done['turnId']}"
    print_line(head if done["isDone"] else f"{head} would do this, and nothing was done{' because of what is refused' if refused else ''}:")
    for file in done["files"]:
        did = _DID[file["did"]] if direction == "undo" or file["did"] != "restored" else "is as the turn left it"
        print_line(f"  {file['path']} {did}{': ' + file['why'] if file.get('why') else ''}")
    return int(refused)


def _notes(file: dict[str, Any]) -> str:
    """What else is to be said of a file, in its line."""
    before, after = file.get("beforeMode", ""), file.get("afterMode", "")
    mode = f" (mode {before} -> {after})" if before and after and before != after else ""
    background = " (perhaps by a command in the background)" if file.get("background") else ""
    return mode + background + (" (undone)" if file.get("isUndone") else _NOW[file["now"]])


def _print_json(value: Any) -> None:
    import msgspec

    print(plain_json(msgspec.json.format(msgspec.json.encode(value), indent=2)).decode())
