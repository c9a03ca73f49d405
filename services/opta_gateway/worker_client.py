"""The gateway's requests to the tool worker: a turn's changes, the tools of a folder's MCP servers, its paths, worktrees, a sign of life."""

import asyncio
import time
from collections.abc import Callable

import msgspec

from opta_core.bus.bus import Bus, Frames
from opta_core.bus.requests import Requests
from opta_core.errors import Unavailable
from opta_protocol.change_commands import ChangesShown, ChangesUndone, ShowChanges, UndoChanges
from opta_protocol.commands import (
    EndSession,
    EndTurn,
    EndWorktree,
    ForkFiles,
    ListTools,
    MakeWorktree,
    ShowWorktree,
    ToolList,
    ToolReply,
    ToolsHello,
    ToolsState,
    WorktreeReply,
)
from opta_protocol.event_parts import FileHunk
from opta_protocol.file_changes import ChangeSet
from opta_protocol.path_commands import FindPaths, PathsFound
from opta_protocol.topics import TOOLS_RPC

# An undo that could not begin for so long is not done any more; thousands of files are synced to the disk one by one.
BEGIN_S, UNDO_S = 15.0, 38.0
SHOW_S = 30.0
# The worker lists a folder for three seconds at most.
FIND_S = 8.0
# Starting an MCP server can take this long; the worker answers before it is given up.
LIST_S, START_S = 40.0, 30.0
PING_AGAIN_S = 0.5
# All files of a large repository are written.
WORKTREE_S, LOOK_S = 300.0, 0.5

_tool_reply = msgspec.json.Decoder(ToolReply)
_encode = msgspec.json.Encoder().encode


class WorkerClient:
    """Owns a DEALER to the tool worker."""

    def __init__(self, bus: Bus):
        self._tools = bus.dealer(TOOLS_RPC, self._on_reply)
        self._undoing: Requests[ChangesUndone] = Requests()
        self._showing: Requests[ChangesShown] = Requests()
        self._listing: Requests[ToolList] = Requests()
        self._finding: Requests[PathsFound] = Requests()
        # A hello has no number: one answer is for all who wait.
        self._pings: set[asyncio.Future[ToolsState]] = set()
        self._worktrees: Requests[WorktreeReply] = Requests()

    async def undo(
        self,
        sid: str,
        cwd: str,
        folder: str,
        sets: list[ChangeSet],
        paths: list[str],
        hunks: list[FileHunk],
        *,
        redo: bool,
        partly: bool,
        dry_run: bool,
    ) -> ChangesUndone:
        """Take back the changes of a turn, or make them again. Raises Unavailable when the tool worker does not answer."""
        id_ = self._undoing.next_id()
        order = UndoChanges(
            id=id_,
            sid=sid,
            cwd=cwd,
            folder=folder,
            sets=sets,
            paths=paths,
            hunks=hunks,
            redo=redo,
            partly=partly,
            dryRun=dry_run,
            until=time.monotonic() + BEGIN_S,
        )
        try:
            return await self._undoing.ask(id_, lambda: self._tools.send([_encode(order)]), UNDO_S)
        except TimeoutError:
            raise Unavailable(
                "The tool worker does not answer, so it is not known whether anything was done. Look at the changes, and ask again: "
                "what is done already stays."
            ) from None

    async def changes(self, sid: str, cwd: str, folder: str, sets: list[ChangeSet]) -> ChangesShown:
        """The files that a turn changed, with their diffs. Raises Unavailable when the tool worker does not answer."""
        id_ = self._showing.next_id()
        order = [_encode(ShowChanges(id=id_, sid=sid, cwd=cwd, folder=folder, sets=sets))]
        try:
            return await self._showing.ask(id_, lambda: self._tools.send(order), SHOW_S)
        except TimeoutError:
            raise Unavailable("The tool worker does not answer; try again, or look: opta daemon status.") from None

    async def paths(self, cwd: str, q: str, limit: int) -> PathsFound:
        """Paths of a folder that are meant by `q`. Raises Unavailable when the tool worker does not answer."""
        id_ = self._finding.next_id()
        order = [_encode(FindPaths(id=id_, cwd=cwd, q=q, limit=limit))]
        try:
            return await self._finding.ask(id_, lambda: self._tools.send(order), FIND_S)
        except TimeoutError:
            raise Unavailable("The tool worker does not answer; try again, or look: opta daemon status.") from None

    async def worktree(self, asked: MakeWorktree | EndWorktree | ShowWorktree, is_lost: Callable[[], bool]) -> WorktreeReply:
        """Make, end or look at a worktree; `asked` gets its id here. `is_lost`: whether another worker came in the place of the one that
        was asked. Raises Unavailable when the tool worker does not answer.
        """
        id_ = self._worktrees.next_id()
        orders = [[_encode(msgspec.structs.replace(asked, id=id_))]]

        def send_once() -> None:
            if orders:
                self._tools.send(orders.pop())
            elif is_lost():
                raise Unavailable(
                    "The tool worker was restarted meanwhile; what it had begun is finished or taken back. Look, and try again."
                )

        try:
            return await self._worktrees.ask(id_, send_once, WORKTREE_S, LOOK_S)
        except TimeoutError:
            raise Unavailable(
                "The tool worker does not answer; what it began is finished or taken back. Look: opta daemon status."
            ) from None

    def end_session(self, sid: str) -> None:
        """End the background commands of a session. Those of a worker that is gone have ended."""
        self._tools.send([_encode(EndSession(sid=sid))])

    def fork_files(self, sid: str, new: str) -> None:
        """Give the new session what the worker keeps for the other one. Without it, the fork cannot read long results on."""
        self._tools.send([_encode(ForkFiles(sid=sid, new=new))])

    async def mcp_tools(self, cwd: str) -> ToolList:
        """Start the MCP servers of a folder and list their tools. Raises Unavailable when the tool worker does not answer."""
        turn = f"look{self._listing.next_id()}"
        try:
            return await self._listing.ask(
                turn, lambda: self._tools.send([_encode(ListTools(sid="", turn=turn, cwd=cwd, waitS=START_S))]), LIST_S
            )
        except TimeoutError:
            raise Unavailable("The MCP servers did not list their tools in time.") from None
        finally:
            self._tools.send([_encode(EndTurn(sid="", turn=turn))])

    async def ping(self, timeout_s: float) -> ToolsState:
        """A sign of life. Raises TimeoutError."""
        answer: asyncio.Future[ToolsState] = asyncio.get_running_loop().create_future()
        self._pings.add(answer)
        try:
            async with asyncio.timeout(timeout_s):
                while not answer.done():
                    self._tools.send([_encode(ToolsHello())])
                    await asyncio.wait([answer], timeout=PING_AGAIN_S)
            return answer.result()
        finally:
            self._pings.discard(answer)

    def _on_reply(self, frames: Frames) -> None:
        reply = _tool_reply.decode(frames[0])
        if isinstance(reply, ToolsState):
            for waiting in self._pings:
                if not waiting.done():
                    waiting.set_result(reply)
        elif isinstance(reply, ToolList):
            self._listing.resolve(reply.turn, reply)
        elif isinstance(reply, ChangesUndone):
            self._undoing.resolve(reply.id, reply)
        elif isinstance(reply, ChangesShown):
            self._showing.resolve(reply.id, reply)
        elif isinstance(reply, PathsFound):
            self._finding.resolve(reply.id, reply)
        elif isinstance(reply, WorktreeReply):
            self._worktrees.resolve(reply.id, reply)
