"""Bodies of HTTP requests and responses (v3). Requests refuse unknown fields."""

from typing import Annotated, Any, Literal

import msgspec

from .event_parts import Limits
from .permissions import Answer, Level, Mode, SessionPolicy
from .worktree import Worktree

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=400_000)]
Title = Annotated[str, msgspec.Meta(max_length=200)]
Name = Annotated[str, msgspec.Meta(max_length=200)]
Folder = Annotated[str, msgspec.Meta(max_length=4096, pattern="^/[^\\x00]*$")]


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Base of every request body."""


class Empty(Request, frozen=True, kw_only=True, omit_defaults=True):
    """A request without fields: its path says everything."""


class CreateSession(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/sessions"""

    title: Title = ""
    cwd: Annotated[str, msgspec.Meta(max_length=4096)] = ""
    mode: Mode = Mode.chat
    model: Name = ""
    level: Level | None = None
    policy: SessionPolicy = SessionPolicy.standard
    interactive: bool = True
    # Work in a git worktree that is made for the session; its name begins with these words; with the uncommitted changes of `cwd`.
    worktree: bool = False
    worktreeName: Title = ""
    carry: bool = False


class UpdateSession(Request, frozen=True, kw_only=True, omit_defaults=True):
    """PATCH /v3/sessions/:id"""

    title: Title | None = None
    pinned: bool | None = None
    archived: bool | None = None
    model: Name | None = None
    mode: Mode | None = None
    level: Level | None = None


class AskedLimits(Request, frozen=True, kw_only=True, omit_defaults=True):
    """How far a turn may go, see `Limits`; 0 is as the settings say."""

    steps: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0
    calls: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0
    minutes: Annotated[float, msgspec.Meta(ge=0, le=100_000)] = 0.0
    tokens: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000_000)] = 0

    def limits(self) -> Limits:
        """The same for an event."""
        return Limits(**{name: value for name, value in msgspec.structs.asdict(self).items() if value})


class SubmitTurn(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/sessions/:id/turns. `fromPlan`: the plan of that turn is accepted and carried out, in mode do; `text` may add words."""

    text: Annotated[str, msgspec.Meta(max_length=400_000)] = ""
    fromPlan: Name = ""
    mode: Mode | None = None
    model: Name | None = None
    level: Level | None = None
    attachments: Annotated[list[Name], msgspec.Meta(max_length=16)] = []
    limits: AskedLimits = AskedLimits()


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """POST /v3/attachments: a file that was stored. `id` names it in a turn; `width` and `height` are an image's, in pixels."""

    id: str
    name: str
    type: str
    bytes: int
    width: int = 0
    height: int = 0


class StopTurn(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/sessions/:id/stop"""

    turnId: Name = ""


class AnswerPermission(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/sessions/:id/permissions/:requestId"""

    decision: Answer
    offer: Name = ""
    note: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    # The client in words: "the page", "the terminal".
    client: Name = ""


class CheckPolicy(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/policy/check. `rules` are added to the user's layer, each as `EFFECT:WORDS`."""

    command: Annotated[str, msgspec.Meta(max_length=1_000_000)]
    cwd: Folder
    mode: Mode = Mode.do
    level: Level | None = None
    interactive: bool = True
    rules: Annotated[list[str], msgspec.Meta(max_length=200)] = []


class PolicyVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate would decide. `actions` were compared with the rules; `why` says why a command is not plain."""

    decision: Literal["allow", "ask", "deny"]
    rule: str
    layer: str
    plain: bool
    why: str
    actions: list[dict[str, Any]]


class PolicyRules(msgspec.Struct, frozen=True, kw_only=True):
    """GET /v3/policy"""

    rules: dict[str, list[dict[str, Any]]]
    grants: list[dict[str, Any]]
    problems: list[dict[str, Any]]
    trust: str


class GiveTrust(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/trust. `sha256` identifies the state that was shown."""

    cwd: Folder
    sha256: Name


class TrustState(msgspec.Struct, frozen=True, kw_only=True):
    """GET /v3/trust: what the folder's files ask for, and what has changed since it was trusted, in words."""

    path: str
    state: Literal["untrusted", "trusted", "changed"]
    # Whether trust would enable anything.
    needed: bool
    sha256: str
    asks: list[str]
    changes: list[str]
    problem: str


class ApproveServer(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/mcp/approve. `sha256` identifies the definition that was shown."""

    cwd: Folder
    name: Name
    sha256: Name


class StoreAccount(Request, frozen=True, kw_only=True, omit_defaults=True):
    """PUT /v3/accounts/:name"""

    key: Annotated[str, msgspec.Meta(min_length=1, max_length=8192)]

    def __repr__(self) -> str:
        return "StoreAccount(••••)"


class SetDefaultModel(Request, frozen=True, kw_only=True, omit_defaults=True):
    """PUT /v3/models/default: turns that name no model use `model` (`provider/model`, or an alias) from then on."""

    model: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class AddProvider(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/providers. `key` goes into the keychain, and is never sent back. `makeDefault`: turns that name no model use `model` then."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    type: Literal["openai", "anthropic", "lmx"]
    baseUrl: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    host: Annotated[str, msgspec.Meta(max_length=300)] = ""
    model: Annotated[str, msgspec.Meta(max_length=200)] = ""
    context: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)] = 0
    fallback: bool | None = None
    makeDefault: bool = False
    key: Annotated[str, msgspec.Meta(max_length=8192)] = ""

    def __repr__(self) -> str:
        return f"AddProvider({self.name}, ••••)"


class AddNote(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/sessions/:id/note"""

    text: Text
    kind: Name = "note"


class RepairSessionRequest(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/sessions/:id/repair: without `apply`, only report what a repair would do."""

    apply: bool = False


class LoadModel(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/lmx/models/load. `pin` keeps the model loaded until it is unloaded."""

    model: Name
    pin: bool = False
    wait: bool = True


class UnloadModel(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/lmx/models/unload"""

    model: Name


class PullModel(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/lmx/models/pull and /available: `repo` is OWNER/NAME on the hub, `name` its local name."""

    repo: Name
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    revision: Annotated[str, msgspec.Meta(max_length=100)] = ""


class PausePull(Request, frozen=True, kw_only=True):
    """POST /v3/lmx/models/pull/pause: `name` is that of the download."""

    name: Name


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every response."""


class Session(Response, frozen=True, kw_only=True):
    """A session in lists and details."""

    id: str
    title: str
    cwd: str
    mode: Mode
    model: str
    level: Level
    state: Literal["idle", "running", "waiting", "paused", "failed"]
    turns: int
    createdAt: str
    lastActivityAt: str
    lastSeq: int
    pinned: bool
    archived: bool
    pending: int
    policy: SessionPolicy = SessionPolicy.standard
    interactive: bool = True
    activeTurn: str = ""
    # The last turn, when it did not succeed and no turn followed.
    resumable: str = ""
    trusted: bool = False
    # Of a fork: the session whose history it has, and the last turn of it. Of a sub-agent: the session, the turn and the call that started it.
    parent: str = ""
    parentTurn: str = ""
    worktree: Worktree | None = None
    parentCall: str = ""
    # Of the running turn; 0 before its first step, and when none runs.
    step: int = 0
    # Of the last event that ended a turn; 0 before.
    endedSeq: int = 0


class SessionDetails(Session, frozen=True, kw_only=True):
    """GET /v3/sessions/:id?atSeq=: the session with its transcript (`opta_core.transcript`)."""

    transcript: Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"type": "object"})]


class SessionList(Response, frozen=True, kw_only=True):
    """GET /v3/sessions"""

    sessions: list[Session]
    nextCursor: str | None


class DroppedLine(Response, frozen=True, kw_only=True):
    """A line of a damaged journal that the repaired journal does not contain. The copy contains it."""

    # Line number in the damaged file, from 1.
    line: int
    bytes: int
    reason: str


class Repair(Response, frozen=True, kw_only=True):
    """POST /v3/sessions/:id/repair: what a repair keeps and drops."""

    id: str
    damaged: bool
    applied: bool
    # Lines that stay unchanged, with their seq.
    kept: int = 0
    # Number of seqs without a readable line, and the first of these seqs. A `warning` line replaces each of them.
    lost: int = 0
    lostSeqs: list[int] = []
    # Number of dropped lines, and the first of them.
    dropped: int = 0
    droppedLines: list[DroppedLine] = []
    # The copy of the damaged file, after the repair.
    copy: str = ""


class TurnAccepted(Response, frozen=True, kw_only=True):
    """POST /v3/sessions/:id/turns"""

    turnId: str
    seq: int
    queued: bool


class EventPage(Response, frozen=True, kw_only=True):
    """GET /v3/sessions/:id/events"""

    events: list[msgspec.Raw]
    lastSeq: int


class Ok(Response, frozen=True, kw_only=True):
    """The request was accepted."""

    ok: bool = True


class StopAnswer(Response, frozen=True, kw_only=True):
    """POST /v3/sessions/:id/stop. `turnId` is empty when no turn was running."""

    ok: bool = True
    turnId: str = ""


class PermissionAnswer(Response, frozen=True, kw_only=True):
    """POST /v3/sessions/:id/permissions/:requestId"""

    ok: bool
    decision: str


class Ticket(Response, frozen=True, kw_only=True):
    """POST /v3/ws-ticket: a ticket that opens one WebSocket within 30 s."""

    ticket: str
    expiresInS: int
