"""opta sessions rename, clear, archive, delete, restore: a session as an object."""

import argparse
import sys
from pathlib import Path
from urllib.parse import quote

import msgspec

from opta_core.errors import Refused
from opta_core.settings import LoadedSettings
from opta_protocol.ids import SESSION_ID

from ..ask import can_ask, confirm
from ..connection import connect
from ..exit_codes import ExitCode
from ..journal_files import first_event, title_of
from ..local_time import local
from ..plain_text import plain_json, print_line


def archive(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta sessions archive ID [--back]"""
    session = connect(loaded, args).ask("PATCH", f"/v3/sessions/{_quoted(args.id)}", {"archived": not args.back})
    name = f"s-{session['id']}"
    print_line(f"{name} is listed again." if args.back else f"{name} is archived. List it again: opta sessions archive {name} --back")
    return ExitCode.done


def rename(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta sessions rename ID TITLE"""
    title = " ".join(args.title).strip()
    if not title:
        raise Refused("A session needs a title with at least one character.")
    session = connect(loaded, args).ask("PATCH", f"/v3/sessions/{_quoted(args.id)}", {"title": title})
    print_line(f"s-{session['id']} is now {session['title']!r}.")
    return ExitCode.done


def clear(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta sessions clear ID"""
    connect(loaded, args).post(f"/v3/sessions/{_quoted(args.id)}/clear")
    print_line(f"The next turn of {args.id} begins with an empty context. The history stays: opta sessions show {args.id}")
    return ExitCode.done


def delete(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta sessions delete ID"""
    client = connect(loaded, args)
    session = client.get(f"/v3/sessions/{_quoted(args.id)}")
    name = f"s-{session['id']}"
    if not args.yes:
        if not can_ask():
            raise Refused(f"Nothing was deleted: there is no terminal to confirm it. Confirm with --yes: opta sessions delete {name} --yes")
        print_line(f"{name}  {session['turns']} turns  {local(session['lastActivityAt'])}  {session['title'][:80]}", sys.stderr)
        if not confirm("Move it to the trash?"):
            return ExitCode.failed
    client.ask("DELETE", f"/v3/sessions/{session['id']}")
    print_line(f"{name} is in the trash. Bring it back: opta sessions restore {name}")
    return ExitCode.done


def restore(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta sessions restore [ID]"""
    if not args.id:
        return _list_away(loaded, args)
    session = connect(loaded, args).post(f"/v3/put-away/{_quoted(args.id)}/restore")
    if args.json:
        print(plain_json(msgspec.json.encode(session)).decode())
    else:
        print_line(f"s-{session['id']} is back: {session['title']}. Go on: opta chat --session s-{session['id']}")
    return ExitCode.done


def _list_away(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    rows = [
        _row(where, file) for where, folder in (("trash", loaded.paths.trash), ("archive", loaded.paths.archive)) for file in _files(folder)
    ]
    rows.sort(key=lambda row: row["since"], reverse=True)
    if args.json:
        print(plain_json(msgspec.json.encode({"sessions": rows})).decode())
        return ExitCode.done
    for row in rows:
        print_line(f"s-{row['id']}  {row['where']:8} {local(row['since'])}  {row['title'][:80]}")
    if not rows:
        print("Neither the trash nor the archive has a session.", file=sys.stderr)
    return ExitCode.done


def _files(folder: Path) -> list[Path]:
    return [file for file in folder.glob("*.jsonl") if SESSION_ID.match(file.stem)] if folder.is_dir() else []


def _row(where: str, file: Path) -> dict[str, str]:
    start = first_event(file)
    return {
        "id": file.stem,
        "where": where,
        "title": title_of(file),
        "since": str(start.get("ts", "")),
        "cwd": str(start.get("cwd", "")),
    }


def _quoted(name: str) -> str:
    return quote(name, safe="")
