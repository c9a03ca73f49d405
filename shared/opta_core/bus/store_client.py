"""Questions to the session store: read-only, asked again until answered."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from opta_protocol.commands import After, Command, GetSession, ListSessions, RepairSession, Reply
from opta_protocol.http import Repair, Session, SessionList
from opta_protocol.ids import new_call_id
from opta_protocol.topics import STORE_QUERY

from ..errors import Unavailable, from_info
from .bus import Bus, Frames

_ASK_AGAIN_S = 0.4
_reply = msgspec.json.Decoder(Reply)


class StoreClient:
    """Owns a DEALER to the store's question socket."""

    def __init__(self, bus: Bus):
        self._dealer = bus.dealer(STORE_QUERY, self._on_message)
        self._waiting: dict[int, asyncio.Future[tuple[Reply, Frames]]] = {}
        self._last_id = 0

    async def after(self, sid: str, seq: int, limit: int = 1000, timeout_s: float = 5.0) -> list[bytes]:
        """Stored lines of a session with a higher seq, oldest first, without newlines."""
        _, lines = await self._ask(lambda id_: After(id=id_, sid=sid, after=seq, limit=limit), timeout_s)
        return lines

    async def all_after(self, sid: str, seq: int) -> list[bytes]:
        """Like `after`, to the end of the journal."""
        lines: list[bytes] = []
        while page := await self.after(sid, seq, 5000):
            lines += page
            seq = msgspec.json.decode(page[-1], type=_Seq).seq
        return lines

    async def sessions(self, q: str = "", state: str = "", limit: int = 50, cursor: str = "", timeout_s: float = 5.0) -> SessionList:
        """A page of sessions, last active first."""
        result, _ = await self._ask(lambda id_: ListSessions(id=id_, q=q, state=state, limit=limit, cursor=cursor), timeout_s)
        return msgspec.convert(result, SessionList)

    async def session(self, sid: str, timeout_s: float = 5.0) -> Session:
        """One session by id or prefix. Raises the store's not_found."""
        result, _ = await self._ask(lambda id_: GetSession(id=id_, sid=sid), timeout_s)
        return msgspec.convert(result, Session)

    async def repair(self, sid: str, *, is_wanted: bool, timeout_s: float = 60.0) -> Repair:
        """What a repair of a damaged journal keeps and drops; it is done when it is wanted. Raises the store's refusal."""
        key = new_call_id()
        result, _ = await self._ask(lambda id_: RepairSession(id=id_, sid=sid, key=key, apply=is_wanted), timeout_s)
        return msgspec.convert(result, Repair)

    def close(self) -> None:
        self._dealer.close()

    async def _ask(self, make: Callable[[int], Command], timeout_s: float) -> tuple[Any, Frames]:
        self._last_id += 1
        id_ = self._last_id
        question = make(id_)
        future: asyncio.Future[tuple[Reply, Frames]] = asyncio.get_running_loop().create_future()
        self._waiting[id_] = future
        try:
            async with asyncio.timeout(timeout_s):
                while not future.done():
                    self._dealer.send([msgspec.json.encode(question)])
                    await asyncio.wait([future], timeout=_ASK_AGAIN_S)
        except TimeoutError:
            raise Unavailable("The session store does not answer. `opta daemon status` shows its state.", retry_after_s=1) from None
        finally:
            del self._waiting[id_]
        reply, frames = future.result()
        if reply.error is not None:
            raise from_info(reply.error)
        return reply.result, frames

    def _on_message(self, frames: Frames) -> None:
        reply = _reply.decode(frames[0])
        future = self._waiting.get(reply.id)
        if future is not None and not future.done():
            future.set_result((reply, frames[1:]))


class _Seq(msgspec.Struct):
    seq: int
