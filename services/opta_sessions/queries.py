"""Answers the store's queries: lines of a journal, lists of sessions, and the repair of a damaged journal."""

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine
from typing import Any

import msgspec

from opta_core.bus.bus import Bus, Frames
from opta_core.errors import Broken, OptaError, Refused, Unavailable
from opta_core.logs import Log
from opta_protocol.commands import After, ForkSession, GetSession, ListSessions, Question, RepairSession, Reply
from opta_protocol.error_info import ErrorCode
from opta_protocol.http import Repair
from opta_protocol.put_away_commands import ListPutAway, RestoreSession
from opta_protocol.snapshot_commands import GetSnapshot, KeepSnapshot, framed
from opta_protocol.topics import STORE_QUERY

from .listing import SessionListing
from .session_snapshots import SessionSnapshots
from .store import Store

_question: msgspec.json.Decoder[
    After | ListSessions | GetSession | RepairSession | ForkSession | ListPutAway | RestoreSession | GetSnapshot | KeepSnapshot
] = msgspec.json.Decoder(Question)
_encode = msgspec.json.Encoder().encode
REPAIRS_KEPT = 32
log = Log("queries")


class StoreQueries:
    """The store's side of `store.q`."""

    def __init__(self, bus: Bus, store: Store):
        self._store, self._catalog, self._listing = store, store.catalog, SessionListing(store.catalog)
        self._snapshots = SessionSnapshots(store.catalog)
        # Repairs by key: a resent request, after a late or lost reply, gets the same repair.
        self._repairs: OrderedDict[str, asyncio.Task[Repair]] = OrderedDict()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._router = bus.router(STORE_QUERY, self._on_question)

    def _on_question(self, peer: bytes, frames: Frames) -> None:
        try:
            question = _question.decode(frames[0])
        except msgspec.DecodeError as error:
            log.error("unreadable query", reason=error)
            return
        lines: list[bytes] = []
        try:
            match question:
                case After():
                    lines = self._after(question)
                    reply = Reply(id=question.id)
                case ListSessions():
                    reply = Reply(id=question.id, result=self._listing.page(question))
                case ListPutAway():
                    work = self._store.put_away.page(question.where, question.limit, question.cursor)
                    self._answer_later(peer, question.id, self._task(work), f"the {question.where} was not listed")
                    return
                case RestoreSession():
                    self._answer_later(
                        peer, question.id, self._task(self._store.put_away.restore(question.sid)), f"s-{question.sid} was not restored"
                    )
                    return
                case RepairSession():
                    self._repair(peer, question)
                    return
                case ForkSession():
                    self._fork(peer, question)
                    return
                case KeepSnapshot():
                    kept = self._task(self._snapshots.keep(question.sid, question.seq, frames[1:]))
                    self._answer_later(peer, question.id, kept, f"s-{question.sid} was not kept")
                    return
                case GetSnapshot():
                    self._task(self._give_snapshot(peer, question))
                    return
                case GetSession():
                    reply = Reply(id=question.id, result=self._listing.one(question.sid))
        except OptaError as error:
            reply = Reply(id=question.id, error=error.info())
        except OSError as error:
            reason = f"The journal cannot be read now ({error.strerror or error}). `opta daemon logs sessions` shows details."
            reply = Reply(id=question.id, error=Unavailable(reason).info())
        self._router.send(peer, [_encode(reply), *lines])

    def _repair(self, peer: bytes, asked: RepairSession) -> None:
        repair = self._repairs.get(asked.key)
        if repair is None:
            repair = asyncio.create_task(self._store.repairs.run(self._listing.resolve(asked.sid), is_wanted=asked.apply), name="repair")
            self._repairs[asked.key] = repair
            if len(self._repairs) > REPAIRS_KEPT:
                self._repairs.popitem(last=False)
        self._answer_later(peer, asked.id, repair, f"s-{asked.sid} was not repaired")

    def _fork(self, peer: bytes, asked: ForkSession) -> None:
        fork = self._task(self._store.forks.run(self._listing.resolve(asked.sid), asked))
        self._answer_later(peer, asked.id, fork, f"s-{asked.sid} was not forked")

    async def _give_snapshot(self, peer: bytes, asked: GetSnapshot) -> None:
        seq, content = await self._snapshots.get(asked.sid)
        self._router.send(peer, [_encode(Reply(id=asked.id, result=seq)), *framed(content)])

    def _task(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        task = asyncio.create_task(work, name="answer")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _answer_later(self, peer: bytes, id_: int, work: "asyncio.Task[Any]", failed: str) -> None:
        def answer(done: "asyncio.Task[Any]") -> None:
            if done.cancelled():
                return
            match done.exception():
                case None:
                    reply = Reply(id=id_, result=done.result())
                case OptaError() as error:
                    reply = Reply(id=id_, error=error.info())
                case error:
                    log.error("query failed", what=failed, reason=repr(error))
                    reply = Reply(id=id_, error=Broken(f"{failed}: {error}.").info())
            self._router.send(peer, [_encode(reply)])

        work.add_done_callback(answer)

    def _after(self, question: After) -> list[bytes]:
        if not self._catalog.has(question.sid):
            raise Refused(f"There is no session s-{question.sid}.", code=ErrorCode.not_found)
        return self._catalog.journal(question.sid).after(question.after, question.limit)
