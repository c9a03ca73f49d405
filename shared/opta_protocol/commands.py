"""What processes ask of each other over the bus. Commands refuse unknown fields."""

from typing import Any, Literal

import msgspec

from .error_info import ErrorInfo
from .event_parts import Change, Writing


class Command(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, tag_field="command"):
    """What every command is tagged with."""


# store.in: producers append events ------------------------------------------------------------------


class Append(Command, frozen=True, kw_only=True, omit_defaults=True, tag="Append"):
    """`count` event bodies follow as frames, numbered n, n+1, …; everything below `base` was acknowledged.

    `life` counts the starts of the producing process in this home: the store fences writes of a superseded agent.
    """

    p: str
    sid: str
    n: int
    base: int
    life: int = 0


class AppendResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one event that was not simply written.

    fenced: its turn has ended, or its author was superseded. known: what it says was said before. refused: with `error`.
    """

    n: int
    status: Literal["written", "fenced", "known", "refused"]
    seq: int = 0
    turn: str = ""
    queued: bool = False
    repeated: bool = False
    error: ErrorInfo | None = None


class Ack(Command, frozen=True, kw_only=True, omit_defaults=True, tag="Ack"):
    """Everything of producer `p` in `sid` up to `n` is handled."""

    p: str
    sid: str
    n: int
    boot: str
    results: list[AppendResult] = []


# store.cmd: processes say they live, the store hands out work ---------------------------------------


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A turn that an agent runs; `seq` is that of its turn.start."""

    sid: str
    turn: str
    seq: int = 0


class Hello(Command, frozen=True, kw_only=True, omit_defaults=True, tag="Hello"):
    """Every 200 ms from the agent: what it really runs."""

    service: str
    boot: str
    life: int = 0
    running: list[Held] = []


class Work(Command, frozen=True, kw_only=True, omit_defaults=True, tag="Work"):
    """The store's answer: turns the agent has to run, under its lease."""

    boot: str
    store: str
    turns: list[Held] = []


class Beat(Command, frozen=True, kw_only=True, omit_defaults=True, tag="Beat"):
    """Published by the store at least twice a second: how far sessions are that changed lately.

    `last` counts every line, `firm` leaves deltas out.
    """

    boot: str
    last: dict[str, int] = {}
    firm: dict[str, int] = {}


# store.q: questions -----------------------------------------------------------------------


class After(Command, frozen=True, kw_only=True, omit_defaults=True, tag="After"):
    """Lines of a session with seq > `after`, at most `limit`."""

    id: int
    sid: str
    after: int
    limit: int = 1000


class ListSessions(Command, frozen=True, kw_only=True, omit_defaults=True, tag="ListSessions"):
    """Sessions, last active first."""

    id: int
    q: str = ""
    state: str = ""
    limit: int = 50
    cursor: str = ""


class GetSession(Command, frozen=True, kw_only=True, omit_defaults=True, tag="GetSession"):
    """One session by id or unambiguous prefix."""

    id: int
    sid: str


# Code of the warning that the store writes into a session when it has repaired its journal.
JOURNAL_REPAIRED = "journal_repaired"


class RepairSession(Command, frozen=True, kw_only=True, omit_defaults=True, tag="RepairSession"):
    """What a repair of a damaged journal keeps and drops; with `apply` it is done. `key` is one repair's, however often it is asked for."""

    id: int
    sid: str
    key: str
    apply: bool = False


class Reply(Command, frozen=True, kw_only=True, omit_defaults=True, tag="Reply"):
    """The answer to a question; lines come as further frames."""

    id: int
    result: Any = None
    error: ErrorInfo | None = None


Question = After | ListSessions | GetSession | RepairSession

# tools.rpc: the agent has one thing done ------------------------------------------------------------


class Plan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A command exactly as it was judged: one program by its path and words, or a line for the shell; never both."""

    program: str = ""
    argv: tuple[str, ...] = ()
    shell: str = ""


class RunTool(Command, frozen=True, kw_only=True, omit_defaults=True, tag="RunTool"):
    """Run one call; its events go to the store, its end also comes back as `ToolEnded`.

    `expects`: sha256 of the file that a write was approved for ('' when nothing was shown, "none" when there was no file);
    another content by now means that the approval is void.
    """

    callId: str
    sid: str
    turn: str
    name: str
    args: dict[str, Any]
    cwd: str
    # Device and inode that `cwd` has to have (`session.start`).
    folder: str = ""
    timeout_s: float = 120.0
    plan: Plan | None = None
    network: Literal["off", "list", "on"] = "off"
    expects: str = ""
    # sha256 of the description by which an MCP tool was judged.
    schema: str = ""


class OfferedTool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool of an MCP server as a model may see it; `schema` is the sha256 of all of it."""

    name: str
    description: str
    parameters: dict[str, Any]
    server: str
    schema: str


class ListTools(Command, frozen=True, kw_only=True, omit_defaults=True, tag="ListTools"):
    """Asks which tools the servers of a folder offer to a turn."""

    sid: str
    turn: str
    cwd: str


class ToolList(Command, frozen=True, kw_only=True, omit_defaults=True, tag="ToolList"):
    """The answer to `ListTools`; `problems` say what is not there, and why."""

    sid: str
    turn: str
    tools: list[OfferedTool] = []
    problems: list[str] = []
    # Server -> how many tools, which resources and prompts it has.
    servers: dict[str, dict[str, Any]] = {}


class EndTurn(Command, frozen=True, kw_only=True, omit_defaults=True, tag="EndTurn"):
    """A turn is over: what belongs to it alone (its browser) can go."""

    sid: str
    turn: str


class PreviewTool(Command, frozen=True, kw_only=True, omit_defaults=True, tag="PreviewTool"):
    """Asks what a write would do, or where a command would run, without doing it."""

    callId: str
    name: str
    args: dict[str, Any]
    cwd: str
    folder: str = ""


class Preview(Command, frozen=True, kw_only=True, omit_defaults=True, tag="Preview"):
    """What a write would do: its diff, and the content it was made from (see `RunTool.expects`). `problem`: why it would fail.

    `folder` is the real path that a command would run in.
    """

    callId: str
    diff: str = ""
    expects: str = ""
    problem: str = ""
    code: str = ""
    writing: Writing | None = None
    folder: str = ""


class UndoTurn(Command, frozen=True, kw_only=True, omit_defaults=True, tag="UndoTurn"):
    """Put back what a turn's writes replaced; `changes` oldest first."""

    id: int
    sid: str
    cwd: str
    changes: list[Change]


class Undone(Command, frozen=True, kw_only=True, omit_defaults=True, tag="Undone"):
    """The answer to `UndoTurn`: the files, or why nothing was undone."""

    id: int
    files: list[str] = []
    problem: str = ""


class CancelTool(Command, frozen=True, kw_only=True, omit_defaults=True, tag="CancelTool"):
    """End a running call now."""

    callId: str


class ToolsHello(Command, frozen=True, kw_only=True, omit_defaults=True, tag="ToolsHello"):
    """Asks the tool-worker which calls it runs."""


class ToolEnded(Command, frozen=True, kw_only=True, omit_defaults=True, tag="ToolEnded"):
    """A call is over and its result is on its way to the store."""

    callId: str
    sid: str
    ok: bool
    content: str
    code: str = ""


class ToolsState(Command, frozen=True, kw_only=True, omit_defaults=True, tag="ToolsState"):
    """The tool-worker's answer to `ToolsHello`."""

    boot: str
    running: list[str] = []
    sandbox: str = "none"
    # Whether there may be MCP servers: without any nobody asks for their tools.
    servers: bool = False


ToolCommand = RunTool | PreviewTool | ListTools | EndTurn | UndoTurn | CancelTool | ToolsHello
ToolReply = ToolEnded | ToolsState | Preview | ToolList | Undone


class Telemetry(Command, frozen=True, kw_only=True, omit_defaults=True, tag="Telemetry"):
    """How a process is: sent on its telemetry socket every second and on change."""

    service: str
    boot: str
    pid: int
    ready: bool
    reason: str = ""
    memory: int = 0
    figures: dict[str, Any] = {}
