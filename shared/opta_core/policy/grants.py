"""What "always" wrote down: the narrowest thing that was asked about, in one folder, until it is revoked or over.

Kept in `policies/grants.json` of the home, 0600, replaced whole. A command is granted by its exact words (or an
offered two-word beginning) and the project's scripts that it runs, a file tool by its arguments, an MCP tool by server and schema hash, a browser by origin.
"""

import hashlib
import shlex
from pathlib import Path
from typing import Any

import msgspec

from ..clock import seconds_until, utc_in, utc_now
from ..errors import Broken, Refused
from ..paths import Paths
from ..records import RecordFile
from .actions import Action, PolicyRequest, real_cwd
from .scripts import UNBOUND, Script, script_of

GRANTS_MAX = 2000
DAYS_MAX = 36_500


class Grant(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What needs no question. `label` says it for people; exactly one of `argv`, `args`, `origin` and `schema` narrows it."""

    id: str
    tool: str
    cwd: str
    label: str
    since: str
    # The words of one program; `is_prefix`: further ones may follow.
    argv: tuple[str, ...] = ()
    is_prefix: bool = False
    # sha256 of the arguments
    args: str = ""
    origin: str = ""
    server: str = ""
    schema: str = ""
    # sha256 of the project's scripts as they were, and what they are; '' for what runs none.
    script: str = ""
    script_about: str = ""
    expires: str = ""

    def covers(self, request: PolicyRequest, action: Action) -> bool:
        """Whether this grant answers the question about one action of a request, as its scripts are now."""
        return self.is_about(request, action) and self.script == script_now(request, action).sha256 != UNBOUND

    def is_about(self, request: PolicyRequest, action: Action) -> bool:
        """The same, whatever its scripts have become."""
        if self.tool != action.tool or self.cwd != real_cwd(request.cwd) or self.is_over:
            return False
        if self.argv:
            return action.argv[: len(self.argv)] == self.argv if self.is_prefix else action.argv == self.argv
        if self.origin:
            return action.origin == self.origin
        if self.schema:
            return (action.server, action.schema) == (self.server, self.schema)
        return self.args == digest(request.args)

    @property
    def is_over(self) -> bool:
        """Whether the grant has expired; one whose time cannot be read has."""
        try:
            return bool(self.expires) and seconds_until(self.expires) <= 0
        except ValueError:
            return True


def read(paths: Paths) -> list[Grant]:
    """Every grant. Raises Broken when the file is damaged: a grant is never guessed."""
    return _records(paths).read()


def for_request(request: PolicyRequest, *, prefix: bool = False, days: float = 0.0) -> list[Grant]:
    """The narrowest grants that cover a request, one for each program. Raises Refused for what is never granted."""
    if not 0 <= days <= DAYS_MAX:
        raise Refused(f"A grant lasts up to {DAYS_MAX} days (0: until it is revoked), not {days}.")
    if request.command is not None and not request.command.is_plain:
        raise Refused(f"This command cannot be always allowed: {request.command.why}. Only plain commands can.")
    expires = utc_in(days * 86_400) if days else ""
    found: list[Grant] = []
    for action in request.actions:
        script = script_now(request, action)
        about: dict[str, Any] = {}
        if action.argv:
            words = prefix_of(action.argv) if prefix else action.argv
            about = {"argv": words, "is_prefix": prefix}
            label = f"{action.tool} {' '.join(words)}{' …' if prefix else ''}"
            if script.sha256 == UNBOUND:
                raise Refused(f"`{' '.join(words)[:80]}` cannot be always allowed: it could be bound to {script.about}.")
        elif action.kind == "browse" and action.origin:
            about, label = {"origin": action.origin}, f"{action.tool} on {action.origin}"
        elif action.kind == "mcp":
            about, label = {"server": action.server, "schema": action.schema}, f"{action.tool} of {action.server}, as it is described now"
        else:
            about, label = {"args": digest(request.args)}, f"{action.tool} {action.subject}"
        cwd = real_cwd(request.cwd)
        name = hashlib.sha256(msgspec.json.encode([action.tool, cwd, about], order="sorted")).hexdigest()[:16]
        found.append(
            Grant(
                id=name,
                tool=action.tool,
                cwd=cwd,
                label=label.strip()[:200],
                since=utc_now(),
                expires=expires,
                script=script.sha256,
                script_about=script.about,
                **about,
            )
        )
    return found


def words_of(grant: Grant) -> str:
    """Exactly what a grant covers, whole, for people."""
    if grant.argv:
        also = "; any words may follow" if grant.is_prefix else ""
        bound = f"; as long as this stays as it is: {grant.script_about}" if grant.script else ""
        return f"{grant.tool}: {shlex.join(grant.argv)} (in any folder of the workspace, for any time, also in the background{also}{bound})"
    if grant.origin:
        return f"{grant.tool}: any address of {grant.origin}, with any arguments"
    if grant.schema:
        return f"{grant.tool}: with any arguments, of the server {grant.server} as it is described now (sha256 {grant.schema})"
    return f"{grant.tool}: with exactly the arguments shown (sha256 {grant.args})"


def script_now(request: PolicyRequest, action: Action) -> Script:
    """The project's scripts that an action would run, as they are now; empty for one that runs none."""
    return (script_of(action.argv, request.cwd, action.folders) if action.argv else None) or Script("", "")


def scripts_now(request: PolicyRequest) -> str:
    """One hash of every script that a command line would run, as they are now; '' when it runs none."""
    found = [script_now(request, action).sha256 for action in request.actions]
    return hashlib.sha256("\n".join(found).encode()).hexdigest() if any(found) else ""


def prefix_of(argv: tuple[str, ...]) -> tuple[str, ...]:
    """The words of a program that a wider grant holds: two, or three where the second only says that another program follows."""
    return argv[:3] if len(argv) > 1 and argv[1] in ("-m", "run", "exec", "x", "tool") else argv[:2]


def add(paths: Paths, new: list[Grant]) -> list[str]:
    """Write grants down; one that is there already is replaced. Returns the ids that are new. Raises Refused, Broken, OSError."""
    ids = {grant.id for grant in new}
    added = set(ids)

    def with_new(grants: list[Grant]) -> list[Grant]:
        known = [grant for grant in grants if not grant.is_over]
        kept = [grant for grant in known if grant.id not in ids]
        if len(kept) + len(new) > GRANTS_MAX:
            raise Refused(f"There are {len(kept)} grants already. `opta policy list` shows them, `opta policy revoke ID` takes one back.")
        added.difference_update(grant.id for grant in known)
        return [*kept, *new]

    _records(paths).update(with_new)
    return sorted(added)


def remove(paths: Paths, grant_id: str) -> bool:
    """Take a grant back; False when there is none of that id."""
    if all(grant.id != grant_id for grant in read(paths)):
        return False
    _records(paths).update(lambda grants: [grant for grant in grants if grant.id != grant_id])
    return True


def digest(args: dict[str, Any]) -> str:
    """sha256 of a call's arguments, whatever their order."""
    return hashlib.sha256(msgspec.json.encode(args, order="sorted")).hexdigest()


def file_of(paths: Paths) -> Path:
    """Where the grants of a home are."""
    return paths.home / "policies" / "grants.json"


def _records(paths: Paths) -> RecordFile[list[Grant]]:
    return RecordFile(file_of(paths), _DECODER, list[Grant], _damaged)


def _damaged(file: Path, error: Exception) -> Broken:
    return Broken(f"{file} is damaged ({error}). Move it away; you will be asked again about what was always allowed.")


_DECODER = msgspec.json.Decoder(list[Grant])
