"""The agent's side of hooks: the tool-worker runs them, in the sandbox of their session."""

import asyncio

import msgspec

from opta_core.bus.bus import Bus, Frames
from opta_core.bus.requests import Requests
from opta_protocol.commands import CancelTool, HookEnded, RunHook, ToolReply, ToolsHello, ToolsState
from opta_protocol.topics import TOOLS_RPC

# A worker that is started again is back in about a second.
WORKER_S, AGAIN_S = 10.0, 0.5
# What a run takes besides the time that the hook may take: a sandbox that is made, a worker that comes back.
MORE_S = 20.0

_reply = msgspec.json.Decoder(ToolReply)
_encode = msgspec.json.Encoder().encode


class WorkerHooks:
    """`hooks.HookRunner` over the bus."""

    def __init__(self, bus: Bus):
        self._dealer = bus.dealer(TOOLS_RPC, self._on_reply)
        self._running: Requests[HookEnded] = Requests()
        self._workers: Requests[ToolsState] = Requests()
        self._looking: set[int] = set()

    async def worker(self) -> str:
        """The boot of the worker that answers now; '' when none does."""
        id_ = self._workers.next_id()
        self._looking.add(id_)
        try:
            return (await self._workers.ask(id_, lambda: self._dealer.send([_encode(ToolsHello())]), WORKER_S, AGAIN_S)).boot
        except TimeoutError:
            return ""
        finally:
            self._looking.discard(id_)

    async def run(self, order: RunHook) -> HookEnded:
        """Run a hook to its end, or wait for the run that was begun. It is asked for again meanwhile: a worker runs each once."""
        send = [_encode(order)]
        try:
            return await self._running.ask(order.hookId, lambda: self._dealer.send(send), order.timeoutS + MORE_S, AGAIN_S)
        except TimeoutError:
            return HookEnded(hookId=order.hookId, code="worker_lost", problem="the tool worker does not answer")
        except asyncio.CancelledError:
            self._dealer.send([_encode(CancelTool(callId=order.hookId))])
            raise

    def _on_reply(self, frames: Frames) -> None:
        reply = _reply.decode(frames[0])
        if isinstance(reply, HookEnded):
            self._running.resolve(reply.hookId, reply)
        elif isinstance(reply, ToolsState):
            # Every answer serves whoever waits.
            for id_ in self._looking:
                self._workers.resolve(id_, reply)
