"""Bodies of HTTP requests and answers (v3). Requests refuse unknown fields."""

from typing import Annotated, Any, Literal

import msgspec

from .permissions import Answer, Level, Mode, SessionPolicy

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=400_000)]
Title = Annotated[str, msgspec.Meta(max_length=200)]
Name = Annotated[str, msgspec.Meta(max_length=200)]
Folder = Annotated[str, msgspec.Meta(max_length=4096, pattern="^/[^\\x00]*$")]


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Base of every request body."""


class Empty(Request, frozen=True, kw_only=True, omit_defaults=True):
    """A request that says everything in its path."""


class CreateSession(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/sessions"""

    title: Title = ""
    cwd: Annotated[str, msgspec.Meta(max_length=4096)] = ""
    mode: Mode = Mode.chat
    model: Name = ""
    level: Level | None = None
    policy: SessionPolicy = SessionPolicy.standard
    interactive: bool = True


class UpdateSession(Request, frozen=True, kw_only=True, omit_defaults=True):
    """PATCH /v3/sessions/:id"""

    title: Title | None = None
    pinned: bool | None = None
    archived: bool | None = None
    model: Name | None = None
    mode: Mode | None = None
    level: Level | None = None


class SubmitTurn(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/sessions/:id/turns"""

    text: Text
    mode: Mode | None = None
    model: Name | None = None
    level: Level | None = None
    attachments: Annotated[list[Name], msgspec.Meta(max_length=16)] = []


class ResumeTurn(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/sessions/:id/resume: go on with the last turn, which ended with an error or was stopped."""

    turnId: Name = ""
    model: Name | None = None
    level: Level | None = None


class StopTurn(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/sessions/:id/stop"""

    turnId: Name = ""


class AnswerPermission(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/sessions/:id/permissions/:requestId"""

    decision: Answer
    offer: Name = ""
    note: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    # Where the answer comes from, in words: "the page", "the terminal".
    client: Name = ""


class UndoTurnRequest(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/sessions/:id/undo: without a turn the last one that changed files"""

    turnId: Name = ""


class TurnUndoneAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The files that are as they were before the turn."""

    turnId: str
    files: list[str]


class CheckPolicy(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/policy/check; `rules` are further ones of the user's layer, `EFFECT:WORDS`"""

    command: Annotated[str, msgspec.Meta(max_length=1_000_000)]
    cwd: Folder
    mode: Mode = Mode.do
    level: Level | None = None
    interactive: bool = True
    rules: Annotated[list[str], msgspec.Meta(max_length=200)] = []


class PolicyVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate would decide; `actions` are what the rules were held against, `why` says what keeps a command from being plain."""

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
    """POST /v3/trust: `sha256` names what was shown"""

    cwd: Folder
    sha256: Name


class TrustState(msgspec.Struct, frozen=True, kw_only=True):
    """GET /v3/trust: what the folder's files ask for, and what has changed since it was trusted, in plain words."""

    path: str
    state: Literal["untrusted", "trusted", "changed"]
    # Whether there is anything that trust would switch on.
    needed: bool
    sha256: str
    asks: list[str]
    changes: list[str]
    problem: str


class ApproveServer(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/mcp/approve: `sha256` names what was shown"""

    cwd: Folder
    name: Name
    sha256: Name


class StoreAccount(Request, frozen=True, kw_only=True, omit_defaults=True):
    """PUT /v3/accounts/:name"""

    key: Annotated[str, msgspec.Meta(min_length=1, max_length=8192)]

    def __repr__(self) -> str:
        return "StoreAccount(••••)"


class AddNote(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/sessions/:id/note"""

    text: Text
    kind: Name = "note"


class RepairSessionRequest(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/sessions/:id/repair: without `apply` only what would be done is told."""

    apply: bool = False


class LoadModel(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/lmx/models/load: `pin` keeps it loaded until it is unloaded."""

    model: Name
    pin: bool = False
    wait: bool = True


class UnloadModel(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/lmx/models/unload"""

    model: Name


class PullModel(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/lmx/models/pull and /available: `repo` is OWNER/NAME on the hub, `name` what it is called here."""

    repo: Name
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    revision: Annotated[str, msgspec.Meta(max_length=100)] = ""


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every answer."""


class Session(Response, frozen=True, kw_only=True):
    """A session as lists and details show it."""

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
    # The last turn, when it did not end well and nothing came after it.
    resumable: str = ""
    trusted: bool = False


class SessionDetails(Session, frozen=True, kw_only=True):
    """GET /v3/sessions/:id?atSeq=: the session with its transcript, as `opta_core.transcript` folds it."""

    transcript: Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"type": "object"})]


class SessionList(Response, frozen=True, kw_only=True):
    """GET /v3/sessions"""

    sessions: list[Session]
    nextCursor: str | None


class DroppedLine(Response, frozen=True, kw_only=True):
    """A line of a damaged journal that the repaired one does not have; it is in the copy."""

    # Counted in the damaged file, from 1.
    line: int
    bytes: int
    reason: str


class Repair(Response, frozen=True, kw_only=True):
    """What a repair keeps and drops: POST /v3/sessions/:id/repair"""

    id: str
    damaged: bool
    applied: bool
    # Lines that stay as they are, under their seq.
    kept: int = 0
    # How many seqs have no readable line, the first of them; each gets a `warning` line that says so.
    lost: int = 0
    lostSeqs: list[int] = []
    # How many lines are dropped, and the first of them.
    dropped: int = 0
    droppedLines: list[DroppedLine] = []
    # Where the damaged file is kept, once it is repaired.
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
    """An order was taken."""

    ok: bool = True


class StopAnswer(Response, frozen=True, kw_only=True):
    """POST /v3/sessions/:id/stop; `turnId` is empty when nothing ran."""

    ok: bool = True
    turnId: str = ""


class PermissionAnswer(Response, frozen=True, kw_only=True):
    """POST /v3/sessions/:id/permissions/:requestId"""

    ok: bool
    decision: str


class Ticket(Response, frozen=True, kw_only=True):
    """POST /v3/ws-ticket: opens one WebSocket within 30 s."""

    ticket: str
    expiresInS: int


class Contract(Response, frozen=True, kw_only=True):
    """Which contract this daemon speaks."""

    name: str
    version: int


class Health(Response, frozen=True, kw_only=True):
    """GET /v3/health; the last three only with the token."""

    status: Literal["ok"]
    version: str
    daemonId: str
    uptime: float
    contract: Contract
    services: dict[str, Any] | None = None
    sandbox: str | None = None
    providers: list[dict[str, Any]] | None = None


class ServiceState(Response, frozen=True, kw_only=True):
    """One process of the daemon."""

    name: str
    state: str
    pid: int
    uptime: float
    restarts: int
    ready: bool
    memory: int
    reason: str = ""


class Daemon(Response, frozen=True, kw_only=True):
    """GET /v3/daemon"""

    services: list[ServiceState]
    pid: int
    port: int
    uiPort: int
    lmxPort: int
    daemonId: str
    version: str
    startedAt: str
    sandbox: str
    home: str


class ModelInfo(Response, frozen=True, kw_only=True):
    """One model that a turn can name."""

    id: str
    provider: str
    name: str
    healthy: bool
    contextLimit: int = 0
    capability: str = ""
    default: bool = False


class ModelList(Response, frozen=True, kw_only=True):
    """GET /v3/models"""

    models: list[ModelInfo]
    default: str


class ProviderInfo(Response, frozen=True, kw_only=True):
    """A configured way to reach models."""

    name: str
    type: str
    baseUrl: str
    state: Literal["active", "standby", "configured"]
    healthy: bool
    latencyMs: float = 0
    reason: str = ""


class ProviderList(Response, frozen=True, kw_only=True):
    """GET /v3/providers"""

    providers: list[ProviderInfo]


class Metrics(Response, frozen=True, kw_only=True):
    """GET /v3/metrics"""

    sessions: int
    turnsRunning: int
    turnsQueued: int
    tokensPerSec: float
    tools: dict[str, int]
    lmx: dict[str, Any]
    memory: dict[str, int]
    streams: int
