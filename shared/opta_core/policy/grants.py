"""Grants: lasting answers of a person. A grant covers as little as possible, in one folder, until it is revoked or expires.

They are stored in `policies/grants.json` of the home (mode 0600, replaced as a whole). A command is granted by its exact words (or by a
prefix that was offered) together with the project's scripts that it runs, a file tool by its arguments, an MCP tool by server and schema
hash, a browser tool by origin.
"""

import hashlib
import re
import shlex
from pathlib import Path
from typing import Any

import msgspec

from ..clock import seconds_until, utc_in, utc_now
from ..errors import Broken, Refused
from ..paths import Paths
from ..records import RecordFile
from .actions import Action, PolicyRequest
from .path_names import real_cwd
from .scripts import UNBOUND, Script, script_of

GRANTS_MAX = 2000
DAYS_MAX = 36_500
# Programs that test, check or format a project, whatever their options are; `option_checks` holds those that do more.
_CHECKERS = frozenset(
    "pytest py.test jest vitest mocha ava tsc eslint prettier stylelint biome oxlint ruff black isort mypy pyright pylint flake8 rspec phpunit ctest".split()
)


class Grant(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One grant. `label` names it for people; exactly one of `argv`, `args`, `origin` and `schema` says what it covers."""

    id: str
    tool: str
    cwd: str
    label: str
    since: str
    # The words of one program. `is_prefix`: more words may follow.
    argv: tuple[str, ...] = ()
    is_prefix: bool = False
    # sha256 of the arguments
    args: str = ""
    origin: str = ""
    server: str = ""
    schema: str = ""
    # sha256 of the project's scripts at the time of the grant, and their names; '' for a command that runs none.
    script: str = ""
    script_about: str = ""
    expires: str = ""

    def covers(self, request: PolicyRequest, action: Action) -> bool:
        """Whether this grant covers an action of a request, and the scripts that it runs are unchanged."""
        return self.is_about(request, action) and self.script == script_now(request, action).sha256 != UNBOUND

    def is_about(self, request: PolicyRequest, action: Action) -> bool:
        """Whether this grant covers an action of a request, disregarding its scripts."""
        if self.tool != action.tool or self.cwd != real_cwd(request.cwd) or self.has_expired:
            return False
        if self.argv:
            return action.argv[: len(self.argv)] == self.argv if self.is_prefix else action.argv == self.argv
        if self.origin:
            return action.origin == self.origin
        if self.schema:
            return (action.server, action.schema) == (self.server, self.schema)
        return self.args == digest(request.args)

    @property
    def has_expired(self) -> bool:
        """Whether the grant has expired. A grant whose time cannot be read counts as expired."""
        try:
            return bool(self.expires) and seconds_until(self.expires) <= 0
        except ValueError:
            return True


def read(paths: Paths) -> list[Grant]:
    """Every grant of a home. Raises Broken when the file is damaged; no grant is guessed."""
    return _records(paths).read()


def for_request(request: PolicyRequest, *, prefix: bool = False, days: float = 0.0) -> list[Grant]:
    """The narrowest grants that cover a request, one for each program. `days`: how long they last; 0: until they are revoked.

    Raises Refused for a request that cannot be granted.
    """
    if not 0 <= days <= DAYS_MAX:
        raise Refused(f"A grant lasts up to {DAYS_MAX} days (0: until it is revoked), not {days}.")
    if request.command is not None and not request.command.is_plain:
        raise Refused(f"This command cannot be always allowed: {request.command.why}. Only plain commands can.")
    expires = utc_in(days * 86_400) if days else ""
    found: list[Grant] = []
    # What only passes on the output of another program needs no grant.
    for action in [action for action in request.actions if not action.is_filter]:
        script = script_now(request, action)
        about: dict[str, Any] = {}
        if action.argv:
            words = prefix_of(action.argv) if prefix else action.argv
            about = {"argv": words, "is_prefix": prefix}
            label = f"{action.tool} {' '.join(words)}{' …' if prefix else ''}"
            if script.sha256 == UNBOUND:
                raise Refused(
                    f"`{' '.join(words)[:80]}` cannot be always allowed: its scripts cannot be checked for changes ({script.about})."
                )
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
    """Exactly what a grant covers, in words for people."""
    if grant.argv:
        also = "; any words may follow" if grant.is_prefix else ""
        bound = f"; as long as these scripts do not change: {grant.script_about}" if grant.script else ""
        return f"{grant.tool}: {shlex.join(grant.argv)} (in any folder of the workspace, for any time, also in the background{also}{bound})"
    if grant.origin:
        return f"{grant.tool}: any address of {grant.origin}, with any arguments"
    if grant.schema:
        return f"{grant.tool}: with any arguments, of the server {grant.server} as it is described now (sha256 {grant.schema})"
    return f"{grant.tool}: with exactly the arguments shown (sha256 {grant.args})"


def script_now(request: PolicyRequest, action: Action) -> Script:
    """The project's scripts that an action would run now; an empty Script for an action that runs none."""
    return (script_of(action.argv, request.cwd, action.folders) if action.argv else None) or Script("", "")


def scripts_now(request: PolicyRequest) -> str:
    """One hash of all scripts that a command line would run now; '' when it runs none."""
    found = [script_now(request, action).sha256 for action in request.actions]
    if request.contained is not None and request.command is not None and not request.command.is_plain:
        found.append(request.contained.scripts)
    return hashlib.sha256("\n".join(found).encode()).hexdigest() if any(found) else ""


def prefix_of(argv: tuple[str, ...]) -> tuple[str, ...]:
    """The words that a prefix grant holds: two, or three when the second word only introduces another program (`run`, `-m`).

    A program that only checks or formats is held by its name alone when an option or a file follows: `pytest -q` is `pytest`.
    """
    if argv[0] in _CHECKERS and not (len(argv) > 1 and re.fullmatch(r"[a-z]+", argv[1])):
        return argv[:1]
    return argv[:3] if len(argv) > 1 and argv[1] in ("-m", "run", "exec", "x", "tool") else argv[:2]


def add(paths: Paths, new: list[Grant]) -> list[str]:
    """Store grants; one with the same id is replaced. Returns the ids that are new. Raises Refused, Broken, OSError."""
    ids = {grant.id for grant in new}
    added = set(ids)

    def with_new(grants: list[Grant]) -> list[Grant]:
        known = [grant for grant in grants if not grant.has_expired]
        kept = [grant for grant in known if grant.id not in ids]
        if len(kept) + len(new) > GRANTS_MAX:
            raise Refused(f"There are {len(kept)} grants already. `opta policy list` shows them, `opta policy revoke ID` removes one.")
        added.difference_update(grant.id for grant in known)
        return [*kept, *new]

    _records(paths).update(with_new)
    return sorted(added)


def remove(paths: Paths, grant_id: str) -> bool:
    """Revoke a grant; False when there is none with that id."""
    if all(grant.id != grant_id for grant in read(paths)):
        return False
    _records(paths).update(lambda grants: [grant for grant in grants if grant.id != grant_id])
    return True


def digest(args: dict[str, Any]) -> str:
    """sha256 of a call's arguments, independent of their order."""
    return hashlib.sha256(msgspec.json.encode(args, order="sorted")).hexdigest()


def file_of(paths: Paths) -> Path:
    """The file that holds the grants of a home."""
    return paths.home / "policies" / "grants.json"


def _records(paths: Paths) -> RecordFile[list[Grant]]:
    return RecordFile(file_of(paths), _DECODER, list[Grant], _damaged)


def _damaged(file: Path, error: Exception) -> Broken:
    return Broken(f"{file} is damaged ({error}). Move it away; what was always allowed will ask again.")


_DECODER = msgspec.json.Decoder(list[Grant])
