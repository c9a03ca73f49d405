"""What a transcript consists of: turns, their steps, and the calls of a step."""

from typing import Any, Literal

import msgspec

from opta_protocol.child_events import ChildProgress
from opta_protocol.event_parts import Change, Execution, FileHunk, Limits, Writing
from opta_protocol.events import ThinkingBlock
from opta_protocol.hook_events import HookOn, HookOutcome
from opta_protocol.http_triage import DivergenceMark
from opta_protocol.permissions import Level, Mode, Offer

TurnState = Literal["queued", "running", "pausing", "paused", "stopping", "done", "error", "cancelled"]
# stopped: the turn ended before the call did.
CallState = Literal["called", "asking", "allowed", "running", "ok", "failed", "denied", "stopped"]


class Question(msgspec.Struct, kw_only=True):
    """What a model asked the user. `by` is '' while nobody has answered."""

    id: str
    text: str
    options: list[str] = []
    expiresAt: str = ""
    answer: str = ""
    by: str = ""
    client: str = ""


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What changed in the workspace while a command ran; the fields as in `FilesChanged`."""

    changes: list[Change] = []
    more: int = 0
    kept: str = ""
    background: bool = False
    missed: str = ""
    beside: list[str] = []


class HookRun(msgspec.Struct, kw_only=True):
    """One run of a hook of the user. `outcome` is '' while it runs. `text`: what the model reads of it."""

    id: str
    hook: str
    on: HookOn
    worker: str
    step: int = 0
    attempt: int = 1
    outcome: HookOutcome | Literal[""] = ""
    reason: str = ""
    text: str = ""
    code: str = ""
    isOpen: bool = False
    durationMs: float = 0


class Child(msgspec.Struct, kw_only=True):
    """The sub-agent of a call, as its last `child.state` says. `tokens`: read and written; `asks`, `askSeq`: its open question."""

    sid: str
    title: str
    readOnly: bool = False
    state: ChildProgress = "queued"
    turn: str = ""
    step: int = 0
    calls: int = 0
    tokens: int = 0
    asks: str = ""
    askSeq: int = 0


class Call(msgspec.Struct, kw_only=True):
    """One tool call, from its request to its end."""

    id: str
    name: str
    args: dict[str, Any]
    risk: str
    # Where its `tool.call` stands in the journal.
    seq: int = 0
    written: str = ""
    state: CallState = "called"
    requestId: str = ""
    reason: str = ""
    offers: list[Offer] = []
    diff: str = ""
    expects: str = ""
    scope: str = ""
    server: str = ""
    schema: str = ""
    expiresAt: str = ""
    execution: Execution | None = None
    writing: Writing | None = None
    offer: str = ""
    decidedBy: str = ""
    client: str = ""
    rule: str = ""
    note: str = ""
    # When it began to run.
    startedAt: str = ""
    output: str = ""
    content: str = ""
    code: str = ""
    lines: int = 0
    durationMs: float = 0
    truncated: bool = False
    spill: str = ""
    changes: list[Change] = []
    effects: list[Effect] = []
    asked: Question | None = None
    hooks: list[HookRun] = []
    child: Child | None = None


class Injected(msgspec.Struct, frozen=True, kw_only=True):
    """Text from outside the conversation in the prompt: behind the user's message, or behind the results of step `step`."""

    source: str
    text: str
    step: int = 0
    # Of the instructions of a folder: what they were.
    edition: str = ""


class Step(msgspec.Struct, kw_only=True):
    """One model call and the tool calls that it requested."""

    step: int
    provider: str
    model: str
    attempt: int
    # Where it begins in the journal, and when: its request, the first piece of its answer, the first and the last of its reasoning.
    seq: int = 0
    startedAt: str = ""
    firstAt: str = ""
    thoughtFrom: str = ""
    thoughtTo: str = ""
    text: str = ""
    thinking: str = ""
    folded: str = ""
    # What the model read before this step.
    nudge: str = ""
    # The field in which the server sent the reasoning.
    thinkingField: str = ""
    # Its blocks that the server wants back as they were.
    thinkingBlocks: list[ThinkingBlock] = []
    # Tokens that the model can read, and that its context held after its answer, as reported.
    contextLimit: int = 0
    contextUsed: int = 0
    # Why the answer ended; '' while it is not whole.
    finish: str = ""
    # Whether it ended inside of a call, and the tokens that the provider reported for it.
    hasCutCall: bool = False
    tokens: int = 0
    promptTokens: int = 0
    cachedTokens: int = 0
    thinkingTokens: int = 0
    # Seconds for which the model has been silent, as last reported; 0 once it speaks.
    waiting: float = 0
    calls: list[Call] = []


class Steer(msgspec.Struct, kw_only=True):
    """Words that a person added to a running turn. `step`: before which a model read them; 0 while they wait."""

    id: str
    text: str
    step: int = 0


RemarkKind = Literal["warning", "plan", "pause", "undo", "settings", "cleared", "service", "worktree"]


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """What a timeline says between the parts of a turn, or between turns, at the seq where it happened."""

    seq: int
    ts: str
    kind: RemarkKind
    text: str


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """A note for people, such as a post-mortem."""

    seq: int
    ts: str
    kind: str
    text: str


class Turn(msgspec.Struct, kw_only=True):
    """One turn, from the prompt to its end."""

    id: str
    seq: int
    ts: str
    text: str
    mode: Mode
    level: Level
    model: str
    # Names of files that were uploaded (`opta_core.attachments`).
    attachments: list[str] = []
    resumes: str = ""
    compact: bool = False
    # A turn of the triage: it goes to its model or fails.
    probe: bool = False
    # agent: a model wrote the prompt, for its sub-agent.
    role: Literal["user", "agent"] = "user"
    # The turn whose plan is carried out.
    fromPlan: str = ""
    # What the person wrote, when `text` is what a custom command holds.
    command: str = ""
    injected: list[Injected] = []
    steers: list[Steer] = []
    # Hooks at its end; those about a call stand with the call.
    hooks: list[HookRun] = []
    # What it may use: as was asked for, and then as its agent says.
    limits: Limits | None = None
    # Note for the model before the prompt: files that were restored since it last saw them.
    note: str = ""
    # The files in which this turn's changes were undone.
    undone: list[str] = []
    # Hunks that were undone one by one; of files that are undone, too, when a hunk was the last one.
    undoneHunks: list[FileHunk] = []
    # The seq of the last undo of any, 0 for none.
    undoneAt: int = 0
    state: TurnState = "running"
    steps: list[Step] = []
    warnings: list[str] = []
    # Warnings, plans and pauses, where they happened.
    remarks: list[Remark] = []
    # Where it may have left its course.
    marks: list[DivergenceMark] = []
    stats: dict[str, Any] | None = None
    # Tokens of the context that are in use, of how many, after the last model call.
    contextUsed: int = 0
    contextLimit: int = 0
    # Steps up to `foldedTo` are `digest` in prompts, since before step `foldedAt`, whose prompt was estimated at `foldedTokens`.
    foldedTo: int = 0
    foldedAt: int = 0
    foldedTokens: int = 0
    digest: str = ""
    error: str = ""
    errorCode: str = ""
    endedAt: str = ""
