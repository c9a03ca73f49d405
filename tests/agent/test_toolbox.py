"""The agent's requests to the tool worker: each reply reaches the caller that waits for it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from support.limits import limit_s
from support.story import SID, TURN, Story

from opta_agent.toolbox import WorkerToolbox
from opta_core.bus.bus import Frames, LocalBus
from opta_core.bus.outbox import Outbox
from opta_protocol import events as e
from opta_protocol.commands import ListTools, OfferedTool, Preview, PreviewTool, ToolCommand, ToolList, ToolReply, ToolsHello, ToolsState
from opta_protocol.permissions import Risk
from opta_protocol.topics import TOOLS_RPC

_order = msgspec.json.Decoder(ToolCommand)


class Worker:
    """A tool worker that says it has MCP servers, and keeps the other orders for the test to answer."""

    def __init__(self, bus: LocalBus):
        self.orders: asyncio.Queue[Any] = asyncio.Queue()
        self._router = bus.router(TOOLS_RPC, self._on_order)
        self._peer = b""

    def _on_order(self, peer: bytes, frames: Frames) -> None:
        self._peer = peer
        order = _order.decode(frames[0])
        if isinstance(order, ToolsHello):
            self.reply(ToolsState(boot="b", running=[], sandbox="full", servers=True))
        else:
            self.orders.put_nowait(order)

    def reply(self, reply: ToolReply) -> None:
        self._router.send(self._peer, [msgspec.json.encode(reply)])


def play(story: Callable[[Worker, WorkerToolbox], Awaitable[object]]) -> None:
    async def main() -> None:
        bus = LocalBus()
        worker, outbox = Worker(bus), Outbox(bus, "agent", "agent000")
        async with asyncio.timeout(limit_s(10)):
            await story(worker, WorkerToolbox(bus, outbox))
        outbox.close()

    asyncio.run(main())


def test_previews_that_are_answered_in_another_order_reach_their_callers() -> None:
    async def story(worker: Worker, toolbox: WorkerToolbox) -> None:
        session = Story().session
        calls = [
            e.ToolCall(sid=SID, turn=TURN, callId=f"c{number}", name="write_file", args={}, risk=Risk.write, step=1) for number in (1, 2)
        ]
        asked = [asyncio.create_task(toolbox.preview(session, call)) for call in calls]
        orders = [await worker.orders.get() for _ in calls]
        assert [type(order) for order in orders] == [PreviewTool, PreviewTool]
        for order in reversed(orders):
            worker.reply(Preview(callId=order.callId, diff=f"diff of {order.callId}"))
        assert [preview.diff for preview in await asyncio.gather(*asked)] == ["diff of c1", "diff of c2"]

    play(story)


def test_a_turn_gets_the_tools_that_the_worker_lists_for_it() -> None:
    async def story(worker: Worker, toolbox: WorkerToolbox) -> None:
        session = Story().session
        asking = asyncio.create_task(toolbox.offered(session, TURN))
        order = await worker.orders.get()
        assert isinstance(order, ListTools)
        move = OfferedTool(name="mcp__files__move", description="Move.", parameters={"type": "object"}, server="files", schema="ab")
        worker.reply(ToolList(sid=SID, turn="another", tools=[]))
        worker.reply(ToolList(sid=SID, turn=TURN, tools=[move]))
        assert "mcp__files__move" in (await asking).names()

    play(story)
