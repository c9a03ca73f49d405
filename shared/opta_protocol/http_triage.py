"""Triage: the evidence that its five steps gather, the conclusion drawn from it, and the requests around it.

The evidence is complete in these types: the conclusion is computed from them alone (`opta_core.triage`).
"""

from typing import Annotated, Literal

import msgspec

from .http import Name, Request, Response, Session

Domain = Literal["interface", "transport", "orchestration", "tool", "inference"]
# fault: work fails now. degraded: work goes on, worse or at risk. recovered: something failed, and is back.
Severity = Literal["fault", "degraded", "recovered"]
# How a process looks from outside: `suspended` exists and gets no time (SIGSTOP), `silent` gets time and does not answer.
HopState = Literal["ok", "slow", "silent", "suspended", "down", "not used", "unknown"]
# What a fix does. `free_space` deletes what Opta makes again by itself. The last six are for a person or a client: nothing in the daemon can do them.
FixKind = Literal[
    "start_daemon",
    "continue_supervisord",
    "restart_service",
    "start_service",
    "load_model",
    "unload_model",
    "compact_session",
    "resume_turn",
    "stop_turn",
    "free_space",
    "reconnect",
    "refresh",
    "answer",
    "set_key",
    "choose_model",
    "command",
]


class Fix(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What makes it work again. `label`: on a button; `command`: the same as a person would do it in a terminal, or what to change.

    `target`: the service, the model, the turn or the provider. `automatic`: `opta doctor --fix` and POST /v3/diagnose/fix can do it.
    """

    kind: FixKind
    label: str
    command: str
    target: str = ""
    automatic: bool = False


class Hop(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One process between the person and the model. `latencyMs`: of an answer to a question that needs no other process."""

    name: str
    state: HopState
    reason: str = ""
    latencyMs: float | None = None
    pid: int = 0
    # Seconds since its last start, when it was started again while the daemon ran; and how many starts were that close together.
    restartedS: float | None = None
    restarts: int = 0
    # Sockets that it serves and that are missing on the disk.
    missingSockets: list[str] = []


class DivergenceMark(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A point of a session at which it may have left its course."""

    seq: int
    ts: str
    kind: Literal["model", "escalation", "injection", "fold", "service", "reconnect"]
    text: str
    turn: str = ""


class ProviderFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A server of models, as measured now. `isWanted`: the turn's model is there; `isFallback`: a turn may go there instead."""

    name: str
    healthy: bool
    reason: str = ""
    latencyMs: float = 0.0
    isWanted: bool = False
    isFallback: bool = False
    isOurs: bool = False


class ModelFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What LMX says about the turn's model and its memory. Bytes; 0 when it did not say."""

    state: str = ""
    problem: str = ""
    memoryUsed: int = 0
    memoryLimit: int = 0
    memoryLevel: str = ""
    # Other models that are loaded, the largest first.
    others: list[str] = []


class RouteFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Step 1: where the turn goes, and what it may do. `problems`: of policy and settings files, with file, line and fix."""

    model: str
    mode: str = ""
    level: str = ""
    policy: str = ""
    trust: str = ""
    sandbox: str = ""
    # Why the sandbox is not the strongest one; whether the settings ask for one.
    sandboxReason: str = ""
    wantsSandbox: bool = True
    providers: list[ProviderFacts] = []
    lmx: ModelFacts | None = None
    policyProblems: list[str] = []
    settingsProblem: str = ""


class MachineFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The machine under the daemon. Bytes; None where it is not known. `clockJumpS`: how far the clock was set while the gateway ran.

    `diskDisposable`: of files that Opta makes again by itself.
    """

    diskFree: int | None = None
    diskDisposable: int = 0
    diskProblem: str = ""
    memoryFree: int | None = None
    memoryTotal: int = 0
    clockJumpS: float = 0.0


class WorkerFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The tool worker's calls. `overdue`: calls that run longer than they may."""

    active: int = 0
    max: int = 0
    queued: int = 0
    overdue: int = 0
    oldestS: float = 0.0


class TurnFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The running turn of a session, or else its last one. `silentS`: seconds since its last event, while it runs."""

    id: str
    state: str
    lastEvent: str = ""
    silentS: float = 0.0
    errorCode: str = ""
    error: str = ""
    finish: str = ""
    # A person has to answer: the name of the tool, or "question".
    waitsFor: str = ""
    callRunning: str = ""
    contextUsed: int = 0
    contextLimit: int = 0
    # In the future by so many seconds: its last event.
    aheadS: float = 0.0


class ProbeFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Step 4: a turn of its own through the same path. `tool`: what became of the tool call; `waiting`: what the model was doing."""

    state: Literal["ok", "failed", "late", "skipped"]
    reason: str = ""
    model: str = ""
    answer: str = ""
    tool: Literal["ok", "failed", "not called", ""] = ""
    code: str = ""
    domain: str = ""
    waiting: str = ""
    firstTokenMs: float = 0.0
    elapsedMs: float = 0.0
    session: str = ""


class ClientFacts(Request, frozen=True, kw_only=True, omit_defaults=True):
    """What a client knows about itself: milliseconds of a request, the state of its stream, and the last seq that it shows."""

    latencyMs: Annotated[float, msgspec.Meta(ge=0, le=1e9)] | None = None
    stream: Literal["", "connected", "lost"] = ""
    lastSeq: Annotated[int, msgspec.Meta(ge=0, le=2**53)] | None = None


class TriageEvidence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that was gathered. `sessionSeq`: the last seq of the session; None without one."""

    hops: list[Hop]
    route: RouteFacts
    machine: MachineFacts = MachineFacts()
    worker: WorkerFacts = WorkerFacts()
    turn: TurnFacts | None = None
    session: str = ""
    sessionSeq: int | None = None
    marks: list[DivergenceMark] = []
    probe: ProbeFacts = ProbeFacts(state="skipped", reason="not asked for")
    client: ClientFacts = ClientFacts()


class TriageFinding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is wrong. `cause` names its kind and never changes; `hop`: where."""

    cause: str
    severity: Severity
    domain: Domain
    reason: str
    fix: Fix
    hop: str = ""


class TriageStep(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of the five steps, in order: what it found in a sentence. Its evidence is in `Diagnosis.evidence`.

    `skipped`: nothing was looked at, and why is in `text`; `ok` then says only that it found no fault.
    """

    number: int
    name: Literal["route", "heartbeat", "divergence", "probe", "domain"]
    ok: bool
    text: str
    skipped: bool = False


class Diagnosis(Response, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/diagnose. `domain`, `reason` and `fix` are those of the first finding: the cause of the others, as far as one explains them."""

    at: str
    healthy: bool
    steps: list[TriageStep]
    evidence: TriageEvidence
    findings: list[TriageFinding] = msgspec.field(default_factory=list[TriageFinding])
    domain: Domain | None = None
    severity: Severity | None = None
    reason: str = ""
    fix: Fix | None = None
    elapsedMs: float = 0.0
    # Sessions whose running turn was paused, so that nothing else happens meanwhile.
    contained: list[str] = msgspec.field(default_factory=list[str])


class DiagnoseRequest(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/diagnose. `session`: whose turn it is about; `probe`: whether a turn is sent; `contain`: pause what runs in other sessions.

    `note`: write the post-mortem into the session. `model`: of the next message, where the client has chosen another one than the session has.
    """

    session: Name = ""
    model: Name = ""
    probe: bool = True
    contain: bool = False
    note: bool = False
    client: ClientFacts = ClientFacts()


class FixRequest(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/diagnose/fix: the `fix` of a diagnosis. `session`: whose turn it is about."""

    kind: FixKind
    target: Name = ""
    session: Name = ""


class FixDone(Response, frozen=True, kw_only=True):
    """What was done. Whether it helped, a new diagnosis says."""

    done: str


class ReplayRequest(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/sessions/:id/replay: the prompt of `turnId` in a new session without the turns before it. Waits `waitS` seconds for its end.

    `turnId`: by default the last turn that did not end well.
    """

    turnId: Name = ""
    waitS: Annotated[float, msgspec.Meta(ge=0, le=120)] = 30.0


class Replay(Response, frozen=True, kw_only=True, omit_defaults=True):
    """The replay and what follows from it. `cause`: context (with less context it works), model, tool, "" while it is not known."""

    session: Session
    turnId: str
    state: Literal["running", "waiting", "done", "failed", "stopped"]
    cause: Literal["context", "model", "tool", ""]
    text: str


class EvidenceRequest(Request, frozen=True, kw_only=True, omit_defaults=True):
    """POST /v3/sessions/:id/evidence. `content`: with the words of prompts, answers and results; without it only their lengths."""

    content: bool = False
