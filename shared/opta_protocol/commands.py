"""Requests and replies between processes on the bus. Commands refuse unknown fields."""

from typing import Any, Literal

import msgspec

from .change_commands import ChangesShown, ChangesUndone, ShowChanges, UndoChanges
from .command_base import Command
from .error_info import ErrorInfo
from .event_parts import Writing
from .hook_commands import HookEnded, RunHook
from .http_context import SessionContext
from .path_commands import FindPaths, PathsFound
from .put_away_commands import ListPutAway, RestoreSession
from .snapshot_commands import GetSnapshot, KeepSnapshot
from .worktree_commands import EndWorktree, MakeWorktree, ShowWorktree, WorktreeReply

# store.in: producers append events ------------------------------------------------------------------


class Append(Command, frozen=True, kw_only=True, omit_defaults=True, tag="Append"):
    """Appends events. Their bodies follow as frames, numbered n, n+1, …; all numbers below `base` were acknowledged.

    `p` names the producer. `incarnation` counts the starts of its process in this home: the store fences writes of a superseded agent.
    """

    p: str
    sid: str
    n: int
    base: int
    incarnation: int = 0


class AppendResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The result of one event.

    fenced: its turn has ended, or its author was superseded. known: an equal event was written before. refused: see `error`.
    """

    n: int
    status: Literal["written", "fenced", "known", "refused"]
    seq: int = 0
    turn: str = ""
    queued: bool = False
    repeated: bool = False
    error: ErrorInfo | None = None


class Ack(Command, frozen=True, kw_only=True, omit_defaults=True, tag="Ack"):
    """All events of producer `p` in session `sid` up to number `n` are handled."""

    p: str
    sid: str
    n: int
    boot: str
    results: list[AppendResult] = []


# store.cmd: the agent reports its turns, the store hands out work -----------------------------------


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A turn that an agent runs. `seq` is the seq of its turn.start."""

    sid: str
    turn: str
    seq: int = 0


class Hello(Command, frozen=True, kw_only=True, omit_defaults=True, tag="Hello"):
    """Sent by the agent: the turns that it runs. Every 200 ms while it runs any, else every two seconds, and whenever they change."""

    service: str
    boot: str
    incarnation: int = 0
    running: list[Held] = []


class Work(Command, frozen=True, kw_only=True, omit_defaults=True, tag="Work"):
    """The store's reply: turns that the agent must run, under its lease."""

    boot: str
    store: str
    turns: list[Held] = []


class StoreHeartbeat(Command, frozen=True, kw_only=True, omit_defaults=True, tag="StoreHeartbeat"):
    """Published by the store, to a new subscriber at once: the last seq of each changed session (`durable`: without deltas), the next beat's time."""

    boot: str
    next_s: float = 0.5
    last: dict[str, int] = {}
    durable: dict[str, int] = {}


# store.q: queries -------------------------------------------------------------------------


class After(Command, frozen=True, kw_only=True, omit_defaults=True, tag="After"):
    """Asks for the lines of a session with seq > `after`, at most `limit`."""

    id: int
    sid: str
    after: int
    limit: int = 1000


class ListSessions(Command, frozen=True, kw_only=True, omit_defaults=True, tag="ListSessions"):
    """Asks for a page of sessions, most recently active first. Sub-agents are listed with `children`; `parent`: only those of that session."""

    id: int
    q: str = ""
    state: str = ""
    limit: int = 50
    cursor: str = ""
    children: bool = False
    parent: str = ""
    # Only those that are marked so, or only the others; None for both.
    archived: bool | None = None
    pinned: bool = False


class GetSession(Command, frozen=True, kw_only=True, omit_defaults=True, tag="GetSession"):
    """Asks for one session by id or unambiguous prefix."""

    id: int
    sid: str


JOURNAL_REPAIRED = "journal_repaired"  # code of the warning that the store writes into a session when it has repaired its journal


class RepairSession(Command, frozen=True, kw_only=True, omit_defaults=True, tag="RepairSession"):
    """Asks what a repair of a damaged journal keeps and drops; with `apply` it is done. Resent requests have the same `key`."""

    id: int
    sid: str
    key: str
    apply: bool = False


class ForkSession(Command, frozen=True, kw_only=True, omit_defaults=True, tag="ForkSession"):
    """Asks for a new session `new` with the history of `sid` up to and with `turn`, or `isBefore` it. Resent requests make one session."""

    id: int
    sid: str
    new: str
    turn: str
    isBefore: bool = False


class Reply(Command, frozen=True, kw_only=True, omit_defaults=True, tag="Reply"):
    """The reply to a query. Lines follow as frames."""

    id: int
    result: Any = None
    error: ErrorInfo | None = None


Question = After | ListSessions | GetSession | RepairSession | ForkSession | ListPutAway | RestoreSession | GetSnapshot | KeepSnapshot

# tools.rpc: the agent runs tools --------------------------------------------------------------------


class Plan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A command exactly as the policy judged it: either a program with its arguments, or a line for the shell."""

    program: str = ""
    argv: tuple[str, ...] = ()
    shell: str = ""


class RunTool(Command, frozen=True, kw_only=True, omit_defaults=True, tag="RunTool"):
    """Runs one call. Its events go to the store; its end is also sent back as `ToolEnded`.

    `expects`: sha256 of the file content that a write was approved for ('' when nothing was shown, "none" when there was no file).
    When the content has changed since, the approval is void.
    """

    callId: str
    sid: str
    turn: str
    name: str
    args: dict[str, Any]
    cwd: str
    # Device and inode that `cwd` must have (`session.start`).
    folder: str = ""
    timeout_s: float = 120.0
    plan: Plan | None = None
    network: Literal["off", "list", "on"] = "off"
    expects: str = ""
    # sha256 of the MCP tool's description when the call was judged.
    schema: str = ""


class OfferedTool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool of an MCP server as a model sees it. `schema` is the sha256 of the whole description."""

    name: str
    description: str
    parameters: dict[str, Any]
    server: str
    schema: str


class ListTools(Command, frozen=True, kw_only=True, omit_defaults=True, tag="ListTools"):
    """Asks which tools the MCP servers of a folder offer to a turn. `waitS`: how many seconds to wait for servers that start."""

    sid: str
    turn: str
    cwd: str
    waitS: float = 3.0


class ToolList(Command, frozen=True, kw_only=True, omit_defaults=True, tag="ToolList"):
    """The reply to `ListTools`. `problems` says which servers are not available, and why."""

    sid: str
    turn: str
    tools: list[OfferedTool] = []
    problems: list[str] = []
    # Server -> number of its tools, and its resources and prompts.
    servers: dict[str, dict[str, Any]] = {}


class EndTurn(Command, frozen=True, kw_only=True, omit_defaults=True, tag="EndTurn"):
    """A turn has ended: resources that belong to it (its browser) can be released."""

    sid: str
    turn: str


class EndSession(Command, frozen=True, kw_only=True, omit_defaults=True, tag="EndSession"):
    """A session was moved to the trash or the archive: its background commands end."""

    sid: str


class ForkFiles(Command, frozen=True, kw_only=True, omit_defaults=True, tag="ForkFiles"):
    """A session `new` gets the history of `sid`: it can read the same kept results, and undo the same changes."""

    sid: str
    new: str


class PreviewTool(Command, frozen=True, kw_only=True, omit_defaults=True, tag="PreviewTool"):
    """Asks what a write would change, or where a command would run, without running it."""

    callId: str
    name: str
    args: dict[str, Any]
    cwd: str
    folder: str = ""
    # What was read in this session may be overwritten.
    sid: str = ""


class Preview(Command, frozen=True, kw_only=True, omit_defaults=True, tag="Preview"):
    """What a write would change: its diff, and the sha256 of the content before (see `RunTool.expects`). `problem`: why it would fail.

    `folder` is the real path in which a command would run.
    """

    callId: str
    diff: str = ""
    expects: str = ""
    problem: str = ""
    code: str = ""
    writing: Writing | None = None
    folder: str = ""


class WantedText(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Text of the workspace that a turn may add to its prompt.

    instructions: of the folder `paths[0]`, its AGENTS.md, else its CLAUDE.md. reference: of the first of `paths` that exists, what
    read_file (for the lines `first` to `last`) or list_dir answers.
    """

    kind: Literal["instructions", "reference"]
    paths: list[str]
    first: int | None = None
    last: int | None = None


class ShowTexts(Command, frozen=True, kw_only=True, omit_defaults=True, tag="ShowTexts"):
    """Asks for texts of a workspace; nothing is changed, and no event is written."""

    id: int
    cwd: str
    folder: str = ""
    wanted: list[WantedText] = []


class ShownText(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to a `WantedText`: `path` is the file or folder that was found, '' for none. `problem`: why its text is not here.

    `size` counts the bytes of the whole file. `is_whole` is false when `text` is a part.
    """

    path: str = ""
    text: str = ""
    size: int = 0
    is_folder: bool = False
    is_whole: bool = True
    problem: str = ""


class TextsShown(Command, frozen=True, kw_only=True, omit_defaults=True, tag="TextsShown"):
    """The reply to `ShowTexts`, in the same order."""

    id: int
    texts: list[ShownText] = []


class CancelTool(Command, frozen=True, kw_only=True, omit_defaults=True, tag="CancelTool"):
    """Ends a running call, or a hook by its id, at once."""

    callId: str


class ToolsHello(Command, frozen=True, kw_only=True, omit_defaults=True, tag="ToolsHello"):
    """Asks the tool worker which calls it runs."""


class ToolEnded(Command, frozen=True, kw_only=True, omit_defaults=True, tag="ToolEnded"):
    """A call has ended, and its result was sent to the store."""

    callId: str
    sid: str
    ok: bool
    content: str
    code: str = ""


class ToolsState(Command, frozen=True, kw_only=True, omit_defaults=True, tag="ToolsState"):
    """The tool worker's reply to `ToolsHello`."""

    boot: str
    running: list[str] = []
    sandbox: str = "none"
    # Whether MCP servers may be configured. Without any, the agent does not ask for their tools.
    servers: bool = False


ToolCommand = (
    RunTool
    | RunHook
    | PreviewTool
    | ListTools
    | ShowTexts
    | FindPaths
    | EndTurn
    | EndSession
    | ForkFiles
    | UndoChanges
    | ShowChanges
    | CancelTool
    | ToolsHello
    | MakeWorktree
    | EndWorktree
    | ShowWorktree
)
ToolReply = ToolEnded | HookEnded | ToolsState | Preview | ToolList | TextsShown | PathsFound | ChangesUndone | ChangesShown | WorktreeReply


class ShowContext(Command, frozen=True, kw_only=True, omit_defaults=True, tag="ShowContext"):
    """Asks the agent what a model sees of a session, as of `seq`."""

    id: int
    sid: str
    seq: int


class AgentPing(Command, frozen=True, kw_only=True, omit_defaults=True, tag="AgentPing"):
    """Asks the agent for a sign of life. Its answer needs no other process."""

    id: int


class AgentPong(Command, frozen=True, kw_only=True, omit_defaults=True, tag="AgentPong"):
    """The reply to `AgentPing`. `running`: how many turns it runs."""

    id: int
    boot: str
    running: int = 0


class ContextShown(Command, frozen=True, kw_only=True, omit_defaults=True, tag="ContextShown"):
    """The reply to `ShowContext`: the context, or why there is none."""

    id: int
    context: SessionContext | None = None
    problem: str = ""


AgentCommand = ShowContext | AgentPing
AgentReply = ContextShown | AgentPong
