"""opta review: what a session has changed in files, turn by turn, as a diff that a person can read through."""

import argparse
import os
import sys
from typing import Any
from urllib.parse import quote

import msgspec

from opta_core.errors import OptaError
from opta_core.settings import LoadedSettings
from opta_protocol.error_info import ErrorCode

from ..connection import connect
from ..exit_codes import ExitCode
from ..last_session import last_session
from ..pager import page
from ..plain_text import plain, plain_json, plain_line

_COLOURS = {"+": "32", "-": "31", "@": "36"}


def review(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta review [SESSION]"""
    client = connect(loaded, args)
    name = args.session or last_session(client, ".")
    session = client.get(f"/v3/sessions/{quote(name, safe='')}", atSeq=10**15)
    changes: list[dict[str, Any]] = []
    for turn in session["transcript"]["turns"]:
        try:
            found = client.get(f"/v3/sessions/{session['id']}/turns/{turn['id']}/changes")
        except OptaError as error:
            # A turn that changed nothing has no changes.
            if error.code not in (ErrorCode.not_found, ErrorCode.conflict, ErrorCode.invalid):
                raise
            continue
        if found["files"]:
            changes.append(found)
    if args.json:
        print(plain_json(msgspec.json.format(msgspec.json.encode({"session": session["id"], "turns": changes}), indent=2)).decode())
        return ExitCode.done
    if not changes:
        print(f"s-{session['id']} has changed no file.", file=sys.stderr)
        return ExitCode.done
    page("".join(_turn(found, is_short=args.stat) for found in changes))
    return ExitCode.done


def _turn(found: dict[str, Any], *, is_short: bool) -> str:
    rows = [f"{found['turnId']}: {len(found['files'])} {'file' if len(found['files']) == 1 else 'files'}"]
    for file in found["files"]:
        diff = plain(file.get("diff") or "")
        added, removed = _counted(diff)
        undone = " (undone)" if file.get("isUndone") else ""
        rows.append(f"  {file['did']:8} {plain_line(file['path'])}  +{added} -{removed}{undone}")
    for line in found["missed"]:
        rows.append(f"  not known: {plain_line(line)}")
    if not is_short:
        for file in found["files"]:
            if file.get("diff"):
                rows += ["", *_coloured(plain(file["diff"])), *(["(the diff is cut)"] if file.get("isCut") else [])]
    return "\n".join(rows) + "\n\n"


def _counted(diff: str) -> tuple[int, int]:
    """(added, removed) lines of a unified diff."""
    body = [line for line in diff.split("\n") if not line.startswith(("+++", "---"))]
    return sum(line.startswith("+") for line in body), sum(line.startswith("-") for line in body)


def _coloured(diff: str) -> list[str]:
    """The lines of a diff, coloured on a terminal that shows colours. Signs say the same without them."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return diff.split("\n")
    return [f"\x1b[{_COLOURS[line[0]]}m{line}\x1b[0m" if line[:1] in _COLOURS else line for line in diff.split("\n")]
