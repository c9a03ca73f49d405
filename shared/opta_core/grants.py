"""What "always" wrote down: the narrowest thing, exactly this call in this folder.

Kept in `policies/grants.json` of the home, 0600, replaced whole.
"""

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from .clock import utc_now
from .errors import Broken
from .paths import Paths, write_whole


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """One call that needs no question: `args` is the sha256 of its arguments, `label` says it for people."""

    id: str
    tool: str
    cwd: str
    args: str
    label: str
    since: str


def _file(paths: Paths) -> Path:
    return paths.home / "policies" / "grants.json"


def read(paths: Paths) -> list[Grant]:
    """Every grant. Raises Broken when the file is damaged: a grant is never guessed."""
    try:
        return msgspec.json.decode(_file(paths).read_bytes(), type=list[Grant])
    except FileNotFoundError:
        return []
    except msgspec.DecodeError as error:
        raise Broken(f"{_file(paths)} is damaged ({error}). Move it away; what was always allowed will be asked again.") from error


def add(paths: Paths, tool: str, cwd: str, args: dict[str, Any], label: str) -> Grant:
    """Write a grant down; the one that is there already is kept."""
    grants = read(paths)
    grant = Grant(id=_id(tool, cwd, args), tool=tool, cwd=cwd, args=_digest(args), label=label, since=utc_now())
    if not any(g.id == grant.id for g in grants):
        _write(paths, [*grants, grant])
    return grant


def remove(paths: Paths, grant_id: str) -> bool:
    """Take a grant back; False when there is none of that id."""
    grants = read(paths)
    kept = [g for g in grants if g.id != grant_id]
    if len(kept) == len(grants):
        return False
    _write(paths, kept)
    return True


def covers(paths: Paths, tool: str, cwd: str, args: dict[str, Any]) -> Grant | None:
    """The grant for exactly this call, if any."""
    wanted = _id(tool, cwd, args)
    return next((g for g in read(paths) if g.id == wanted), None)


def _write(paths: Paths, grants: list[Grant]) -> None:
    _file(paths).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(_file(paths), msgspec.json.encode(grants))


def _digest(args: dict[str, Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(args, order="sorted")).hexdigest()


def _id(tool: str, cwd: str, args: dict[str, Any]) -> str:
    return hashlib.sha256(f"{tool}\0{cwd}\0{_digest(args)}".encode()).hexdigest()[:16]
