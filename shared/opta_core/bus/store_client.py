"""Queries to the session store, resent until they are answered."""

from collections.abc import Callable
from typing import Any

import msgspec

from opta_protocol.commands import After, Command, ForkSession, GetSession, ListSessions, RepairSession, Reply
from opta_protocol.http import Repair, Session, SessionList
from opta_protocol.ids import new_call_id
from opta_protocol.put_away_commands import ListPutAway, PutAwayFolder, RestoreSession
from opta_protocol.snapshot_commands import GetSnapshot, KeepSnapshot, framed
from opta_protocol.topics import STORE_QUERY

from ..errors import Unavailable, from_info
from .bus import Bus, Frames
from .requests import Requests

_ASK_AGAIN_S = 0.4
# A snapshot can have tens of megabytes. The store reads one once, however often it is asked meanwhile.
_ASK_SNAPSHOT_AGAIN_S, _SNAPSHOT_S = 1.0, 20.0
_reply = msgspec.json.Decoder(Reply)


class StoreClient:
    """Owns a DEALER to the store's query socket."""

    def __init__(self, bus: Bus):
        self._dealer = bus.dealer(STORE_QUERY, self._on_message)
        self._requests: Requests[tuple[Reply, Frames]] = Requests()

    async def after(self, sid: str, seq: int, limit: int = 1000, timeout_s: float = 5.0) -> list[bytes]:
        """Up to `limit` stored lines of a session after `seq`, oldest first, without newlines."""
        _, lines = await self._ask(lambda id_: After(id=id_, sid=sid, after=seq, limit=limit), timeout_s)
        return lines

    async def all_after(self, sid: str, seq: int) -> list[bytes]:
        """Like `after`, to the end of the journal."""
        lines: list[bytes] = []
        while page := await self.after(sid, seq, 5000):
            lines += page
            seq = msgspec.json.decode(page[-1], type=_Seq).seq
        return lines

    async def sessions(
        self,
        q: str = "",
        state: str = "",
        limit: int = 50,
        cursor: str = "",
        timeout_s: float = 5.0,
        *,
        children: bool = False,
        parent: str = "",
        archived: bool | None = None,
        pinned: bool = False,
    ) -> SessionList:
        """A page of sessions, most recently active first. The filters are those of `ListSessions`."""
        wanted = ListSessions(
            id=0, q=q, state=state, limit=limit, cursor=cursor, children=children, parent=parent, archived=archived, pinned=pinned
        )
        result, _ = await self._ask(lambda id_: msgspec.structs.replace(wanted, id=id_), timeout_s)
        return msgspec.convert(result, SessionList)

    async def put_away(self, where: PutAwayFolder, limit: int = 50, cursor: str = "", timeout_s: float = 30.0) -> SessionList:
        """A page of the sessions in the trash or the archive, the last one that was moved there first."""
        result, _ = await self._ask(lambda id_: ListPutAway(id=id_, where=where, limit=limit, cursor=cursor), timeout_s)
        return msgspec.convert(result, SessionList)

    async def restore(self, sid: str, timeout_s: float = 60.0) -> Session:
        """A session back from the trash or the archive. Raises OptaError with code not_found when it is in neither."""
        result, _ = await self._ask(lambda id_: RestoreSession(id=id_, sid=sid), timeout_s)
        return msgspec.convert(result, Session)

    async def session(self, sid: str, timeout_s: float = 5.0) -> Session:
        """One session by id or prefix of its id. Raises OptaError with code not_found when there is none."""
        result, _ = await self._ask(lambda id_: GetSession(id=id_, sid=sid), timeout_s)
        return msgspec.convert(result, Session)

    async def repair(self, sid: str, *, is_wanted: bool, timeout_s: float = 60.0) -> Repair:
        """What a repair of a damaged journal keeps and drops; `is_wanted` carries it out. Raises OptaError when the store refuses."""
        key = new_call_id()
        result, _ = await self._ask(lambda id_: RepairSession(id=id_, sid=sid, key=key, apply=is_wanted), timeout_s)
        return msgspec.convert(result, Repair)

    async def fork(self, sid: str, new: str, turn: str, *, is_before: bool, timeout_s: float = 60.0) -> Session:
        """A new session with the history of another one up to a turn. Raises OptaError when the store refuses; then there is none."""
        result, _ = await self._ask(lambda id_: ForkSession(id=id_, sid=sid, new=new, turn=turn, isBefore=is_before), timeout_s)
        return msgspec.convert(result, Session)

    async def snapshot(self, sid: str) -> tuple[int, bytes]:
        """(seq of a line, what an agent knew of the session after it), (0, b'') when nothing is kept. Raises OptaError."""
        seq, frames = await self._ask(lambda id_: GetSnapshot(id=id_, sid=sid), _SNAPSHOT_S, again_s=_ASK_SNAPSHOT_AGAIN_S)
        return (int(seq), b"".join(frames)) if frames else (0, b"")

    async def keep_snapshot(self, sid: str, seq: int, content: bytes) -> bool:
        """Keep what an agent knows of a session after line `seq`. Returns whether it is kept. Raises OptaError."""
        is_kept, _ = await self._ask(lambda id_: KeepSnapshot(id=id_, sid=sid, seq=seq), _SNAPSHOT_S, *framed(content), again_s=None)
        return bool(is_kept)

    def close(self) -> None:
        self._dealer.close()

    async def _ask(
        self, make: Callable[[int], Command], timeout_s: float, *content: bytes, again_s: float | None = _ASK_AGAIN_S
    ) -> tuple[Any, Frames]:
        id_ = self._requests.next_id()
        query = [msgspec.json.encode(make(id_)), *content]
        try:
            reply, frames = await self._requests.ask(id_, lambda: self._dealer.send(query), timeout_s, again_s)
        except TimeoutError:
            raise Unavailable("The session store does not answer. `opta daemon status` shows its state.", retry_after_s=1) from None
        if reply.error is not None:
            raise from_info(reply.error)
        return reply.result, frames

    def _on_message(self, frames: Frames) -> None:
        reply = _reply.decode(frames[0])
        self._requests.resolve(reply.id, (reply, frames[1:]))


class _Seq(msgspec.Struct):
    seq: int
