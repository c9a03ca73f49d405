"""opta sessions changes, undo, redo: what a turn changed in files."""

import argparse
from typing import Any
from urllib.parse import quote

from opta_core.errors import Refused
from opta_core.settings import LoadedSettings
from opta_protocol.error_info import ErrorCode

from .. import undo_lines
from ..connection import connect
from ..pager import page
from ..plain_text import plain, plain_json, plain_line, print_line

_NOW = {"after": "", "before": " (is as it was before)", "other": " (was changed since)"}


def show(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta sessions changes"""
    found = connect(loaded, args).get(f"/v3/sessions/{quote(args.id, safe='')}/turns/{quote(args.turn or 'last', safe='')}/changes")
    if args.json:
        _print_json(found)
        return 0
    rows = [f"{found['turnId']} changed {len(found['files'])} {'file' if len(found['files']) == 1 else 'files'}"]
    rows += [f"  {file['did']:8} {file['path']}{_notes(file)}" for file in found["files"]]
    rows += [f"  not known: {line}" for line in found["missed"]]
    if found["beside"]:
        rows.append(f"  commands of {', '.join(found['beside'])} ran in this folder at the same time")
    if found["notCovered"]:
        rows.append(f"  never recorded: {', '.join(found['notCovered'])}")
    diffs = [] if args.stat else [file for file in found["files"] if file.get("diff")]
    text = "".join(f"\n{plain(file['diff'])}\n" + ("(the diff is cut)\n" if file.get("isCut") else "") for file in diffs)
    page("".join(f"{plain_line(row)}\n" for row in rows) + text)
    return 0


def undo(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta sessions undo"""
    return _move(loaded, args, "undo")


def redo(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta sessions redo"""
    return _move(loaded, args, "redo")


def _move(loaded: LoadedSettings, args: argparse.Namespace, direction: str) -> int:
    """Exit code 1 when a file was left as it is, although it was to be changed."""
    what: dict[str, Any] = {"paths": args.paths}
    if args.hunk:
        if len(args.paths) != 1:
            raise Refused(
                "--hunk needs the one file whose hunk it is: opta sessions undo ID PATH --hunk='-12,4 +12,6'", code=ErrorCode.invalid
            )
        what = {"hunks": [{"path": args.paths[0], "lines": lines} for lines in args.hunk]}
    body = {**what, "partly": args.partly, "dryRun": args.dry_run} | ({"turnId": args.turn} if args.turn else {})
    done = connect(loaded, args).post(f"/v3/sessions/{quote(args.id, safe='')}/{direction}", body)
    code = int(bool(undo_lines.refused(done)))
    if args.json:
        _print_json(done)
        return code
    print_line(undo_lines.head(done, direction))
    for line in undo_lines.file_lines(done, direction):
        print_line(f"  {line}")
    return code


def _notes(file: dict[str, Any]) -> str:
    """What else is to be said of a file, in its line."""
    before, after = file.get("beforeMode", ""), file.get("afterMode", "")
    mode = f" (mode {before} -> {after})" if before and after and before != after else ""
    background = " (perhaps by a command in the background)" if file.get("background") else ""
    return mode + background + (" (undone)" if file.get("isUndone") else _NOW[file["now"]])


def _print_json(value: Any) -> None:
    import msgspec

    print(plain_json(msgspec.json.format(msgspec.json.encode(value), indent=2)).decode())
