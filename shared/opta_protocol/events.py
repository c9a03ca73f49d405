"""The events. An event is an immutable fact about a session, named in the past tense.

A stored line is a flat JSON object: `seq`, `event`, `ts`, `sid`, `turn` inside a turn, the fields of the event, then `p` and `n`
(producer and its number) and last `c` (crc32). Producers leave `seq`, `ts`, `p`, `n` and `c` empty; the store sets them
(`opta_protocol.wire`).
"""

from typing import Any, Literal

import msgspec

from .child_events import ChildStart, ChildState
from .context_events import ContextCompacted, ContextFolded, ContextInjected
from .control_events import (
    QuestionAnswered,
    QuestionAsked,
    SteerText,
    TurnEdited,
    TurnPaused,
    TurnPausing,
    TurnQueued,
    TurnRedone,
    TurnResumed,
    TurnSteer,
    TurnStopping,
    TurnUndone,
)
from .event_base import Event
from .event_parts import Change, Execution, Limits, Writing
from .hook_events import HookResult, HookStart
from .permissions import Answer, Decision, Level, Mode, Offer, Risk
from .service_events import ServiceBack, ServiceLost
from .session_events import SessionCleared, SessionNote, SessionStart, SessionUpdated, SessionWorktree


class TurnStart(Event, frozen=True, kw_only=True, omit_defaults=True, tag="turn.start"):
    """A prompt was accepted. `key` is its idempotency key, `body` the hash of the request. `role` agent: a model wrote it, for its sub-agent.

    `fromPlan`: the turn whose plan was accepted; `text` holds it.
    `compact`: there is no prompt; the context is summarised now. `command`: what was written, when `text` is what a custom command holds.
    `limits`: those that hold instead of the settings. `probe`: a turn of the triage, which goes to its model or fails, never elsewhere.
    """

    role: Literal["user", "agent"]
    text: str
    mode: Mode
    level: Level
    model: str = ""
    attachments: list[str] = []
    key: str = ""
    body: str = ""
    resumes: str = ""
    compact: bool = False
    command: str = ""
    limits: Limits = Limits()
    probe: bool = False
    fromPlan: str = ""


class StepStart(Event, frozen=True, kw_only=True, omit_defaults=True, tag="step.start"):
    """A model call began. `attempt` > 1 repeats an interrupted step and keeps `keptChars` characters of its answer.

    The model reads `nudge` and then `steers` before it answers. `limits`: those of the turn, at the first step of an agent.
    """

    step: int
    provider: str
    model: str
    attempt: int
    host: str = ""
    title: str = ""
    keptChars: int = 0
    contextLimit: int = 0
    promptTokens: int = 0
    nudge: str = ""
    steers: list[SteerText] = []
    limits: Limits | None = None


class StepWaiting(Event, frozen=True, kw_only=True, omit_defaults=True, tag="step.waiting"):
    """The model has been silent for `seconds`: it is loaded, reads the prompt (`done` of `total` tokens), or has stopped in its answer."""

    step: int
    phase: Literal["loading", "prompt", "answer"]
    seconds: float
    done: int = 0
    total: int = 0


class ThinkingBlock(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A block of reasoning that its server wants back as it was: so many characters of the step's reasoning with a signature, or hidden data."""

    chars: int = 0
    signature: str = ""
    data: str = ""


class StepDone(Event, frozen=True, kw_only=True, omit_defaults=True, tag="step.done"):
    """One model call ended with an answer. Tokens as the provider reports them; `thinkingField` is where its server sends reasoning.

    The calls of the answer stand before it. `hasCutCall`: the answer ended at its length inside of a call, which is left out.
    `model`: the name under which the server answered, when it is another one than was asked for.
    """

    step: int
    tokens: int
    promptTokens: int
    cachedTokens: int
    finish: Literal["stop", "length", "tool_calls", "content_filter"]
    contextUsed: int = 0
    contextLimit: int = 0
    thinkingTokens: int = 0
    thinkingField: str = ""
    hasCutCall: bool = False
    thinkingBlocks: list[ThinkingBlock] = []
    model: str = ""


class TurnThought(Event, frozen=True, kw_only=True, omit_defaults=True, tag="turn.thought"):
    """Everything that this step has said as its answer was reasoning: the mark at its end came, the one at its beginning never did."""


class TurnThinking(Event, frozen=True, kw_only=True, omit_defaults=True, tag="turn.thinking"):
    """A delta of the model's reasoning."""

    delta: str


class TurnToken(Event, frozen=True, kw_only=True, omit_defaults=True, tag="turn.token"):
    """A delta of the model's answer."""

    delta: str


class ToolCall(Event, frozen=True, kw_only=True, omit_defaults=True, tag="tool.call"):
    """The model requested a tool call. `written`: arguments that could not be parsed."""

    callId: str
    name: str
    args: dict[str, Any]
    risk: Risk
    step: int
    written: str = ""


class PermissionRequest(Event, frozen=True, kw_only=True, omit_defaults=True, tag="permission.request"):
    """A person must answer before the call runs.

    `diff` is the complete change of a write. `expects` is the sha256 of the content that the diff starts from, or of the scripts that
    a command would run. `scope` is what an answer for the session covers. `server` and `schema` (a hash) identify an MCP tool. Calls
    with wrong arguments, or that would fail, create no request.
    """

    requestId: str
    callId: str
    name: str
    args: dict[str, Any]
    reason: str
    rule: str
    layer: str
    expiresAt: str
    offers: list[Offer] = []
    diff: str = ""
    expects: str = ""
    scope: str = ""
    server: str = ""
    schema: str = ""
    execution: Execution | None = None
    writing: Writing | None = None


class PermissionDecision(Event, frozen=True, kw_only=True, omit_defaults=True, tag="permission.decision"):
    """A call was allowed or denied by a person, a rule or a timeout. `client`: where the person answered, in words."""

    callId: str
    decision: Decision
    by: Literal["client", "rule", "timeout"]
    requestId: str = ""
    rule: str = ""
    layer: str = ""
    scope: Answer = "allow"
    offer: str = ""
    note: str = ""
    client: str = ""


class ToolStart(Event, frozen=True, kw_only=True, omit_defaults=True, tag="tool.start"):
    """A tool call started."""

    callId: str
    worker: str
    sandbox: str
    pid: int = 0


class ToolOutput(Event, frozen=True, kw_only=True, omit_defaults=True, tag="tool.output"):
    """A delta of a running tool's output."""

    callId: str
    delta: str
    stream: Literal["stdout", "stderr"] = "stdout"


class ToolResult(Event, frozen=True, kw_only=True, omit_defaults=True, tag="tool.result"):
    """A tool call ended. `content` is what the model reads."""

    callId: str
    ok: bool
    content: str
    code: str = ""
    lines: int = 0
    durationMs: float = 0
    truncated: bool = False
    spill: str = ""
    changes: list[Change] = []


class FilesChanged(Event, frozen=True, kw_only=True, omit_defaults=True, tag="files.changed"):
    """What changed in the workspace while a command ran, without what file tools wrote meanwhile.

    `background`: the command ran beside other things, so it may not have been its doing.
    `more`: how many further changes the list `kept` (its sha256 among the kept contents) has. `missed`: why the changes are not known.
    `beside`: sessions whose commands ran in the workspace at the same time. May come after the end of the turn.
    """

    callId: str
    changes: list[Change] = []
    more: int = 0
    kept: str = ""
    background: bool = False
    missed: str = ""
    beside: list[str] = []


class PlanUpdated(Event, frozen=True, kw_only=True, omit_defaults=True, tag="plan.updated"):
    """The model's complete to-do list."""

    items: list[dict[str, str]]


class RouteSwitch(Event, frozen=True, kw_only=True, omit_defaults=True, tag="route.switch"):
    """The turn uses another model than the requested one."""

    to: str
    reason: str
    from_: str = msgspec.field(name="from")


class Warning(Event, frozen=True, kw_only=True, omit_defaults=True, tag="warning"):
    """A problem that a person should know about. The turn continues."""

    code: str
    message: str


# How a turn ends that may go on: at a limit of its steps, of its calls or time, or of the length of an answer.
Limited = Literal["steps", "budget", "length"]


class TurnDone(Event, frozen=True, kw_only=True, omit_defaults=True, tag="turn.done"):
    """The turn succeeded, or met a limit (`finish` is `Limited`) and can be resumed. Times are in seconds, except `firstTokenMs`.

    The provider reports the token counts. `children`: how many sub-agents it started; `childTokens`: what those read and wrote.
    """

    tokens: int
    elapsed: float
    tokensPerSec: float
    tools: int
    steps: int
    finish: Literal["stop"] | Limited
    promptTokens: int = 0
    cachedTokens: int = 0
    thinkingTokens: int = 0
    firstTokenMs: float = 0
    contextUsed: int = 0
    contextLimit: int = 0
    children: int = 0
    childTokens: int = 0


class TurnError(Event, frozen=True, kw_only=True, omit_defaults=True, tag="turn.error"):
    """The turn failed."""

    code: str
    message: str
    domain: Literal["interface", "transport", "orchestration", "tool", "inference"]
    retryable: bool = False
    resumable: bool = False


class SessionCancelled(Event, frozen=True, kw_only=True, omit_defaults=True, tag="session.cancelled"):
    """The turn was stopped."""

    reason: str
    by: str


AnyEvent = (
    SessionStart
    | SessionUpdated
    | SessionCleared
    | SessionNote
    | SessionWorktree
    | TurnStart
    | TurnQueued
    | TurnEdited
    | TurnSteer
    | TurnPausing
    | TurnPaused
    | TurnResumed
    | TurnStopping
    | TurnUndone
    | TurnRedone
    | StepStart
    | StepWaiting
    | StepDone
    | TurnThinking
    | TurnThought
    | TurnToken
    | ToolCall
    | PermissionRequest
    | PermissionDecision
    | QuestionAsked
    | QuestionAnswered
    | ToolStart
    | ToolOutput
    | ToolResult
    | FilesChanged
    | HookStart
    | HookResult
    | PlanUpdated
    | ChildStart
    | ChildState
    | ContextInjected
    | ContextCompacted
    | ContextFolded
    | RouteSwitch
    | Warning
    | ServiceLost
    | ServiceBack
    | TurnDone
    | TurnError
    | SessionCancelled
)

ENDINGS = (TurnDone, TurnError, SessionCancelled)
ENDING_NAMES = frozenset({"turn.done", "turn.error", "session.cancelled"})
# Deltas: many small events that only screens wait for.
DELTA_NAMES = frozenset({"turn.token", "turn.thinking", "turn.thought", "tool.output"})
EVENT_TYPES: dict[str, type[Event]] = {str(kind.__struct_config__.tag): kind for kind in AnyEvent.__args__}


class Unknown(msgspec.Struct, frozen=True, kw_only=True):
    """An event of a kind that this version does not know. It is kept, never dropped."""

    raw: dict[str, Any]
    seq: int
    event: str
    sid: str = ""
    turn: str = ""
