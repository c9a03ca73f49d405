"""Sessions in the trash and in the archive: their lists, and the way back from there.

A journal that is moved back still ends with the event that moved it away. Until an event takes that back, a start of the store moves it
away again: an interrupted restore changes nothing.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import msgspec

from opta_core.errors import Refused, Unavailable
from opta_core.logs import Log
from opta_protocol.error_info import ErrorCode
from opta_protocol.events import Event, SessionUpdated
from opta_protocol.http import Session, SessionList
from opta_protocol.ids import SESSION_ID, SESSION_PREFIX

from .catalog import SessionCatalog
from .files import FileStat, FileSystem, read_whole
from .session_state import SessionState

# Journals are read for a page, so pages are short.
PAGE_MAX = 100
KEPT_MAX = 1_000
_Entry = tuple[int, str, FileStat]
log = Log("put away")


class PutAway:
    """Lists and restores. `write_events` writes events that the store itself creates."""

    def __init__(self, catalog: SessionCatalog, files: FileSystem, write_events: Callable[[SessionState, Event], None]):
        self._catalog, self._files, self._write_events = catalog, files, write_events
        # Summaries of journals that were read, by file.
        self._read: OrderedDict[tuple[Path, FileStat], Session | None] = OrderedDict()
        self._restoring: dict[str, asyncio.Task[Session]] = {}

    async def page(self, where: str, limit: int, cursor: str) -> SessionList:
        """Sessions of a folder, the last one that was moved there first. Sub-agents stay below their session. Raises Unavailable."""
        try:
            return await asyncio.to_thread(self._page, self._catalog.away[where], max(1, min(limit, PAGE_MAX)), cursor)
        except OSError as error:
            raise Unavailable(f"The {where} cannot be read: {error.strerror or error}.") from error

    async def restore(self, name: str) -> Session:
        """A session with its sub-agents back in the list. Raises OptaError; then nothing has changed."""
        match = SESSION_PREFIX.match(name)
        if match is None:
            raise Refused(f"{name[:40]!r} is not a session id.", code=ErrorCode.bad_request)
        sid = self._named(match.group(1))
        restoring = self._restoring.get(sid)
        if restoring is None:
            restoring = self._restoring[sid] = asyncio.create_task(self._restore(sid), name="restore")
            restoring.add_done_callback(lambda _: self._restoring.pop(sid, None))
        return await asyncio.shield(restoring)

    def has_written(self, sid: str, producer: str, number: int) -> bool:
        """Whether the journal of a session that is away has a producer's events up to `number`: their acknowledgement was lost."""
        for folder in self._catalog.away.values():
            file = folder / f"{sid}.jsonl"
            if SESSION_ID.fullmatch(sid) and self._files.stat(file) and (state := _read_state(self._files, file, sid)):
                return state.producers.get(producer, 0) >= number
        return False

    def _named(self, prefix: str) -> str:
        """The session that an id, or the beginning of one, means: of those that are away, else of the list. Raises Refused for several."""
        try:
            names = [name for folder in self._catalog.away.values() for name, _ in self._files.scan(folder)]
        except OSError as error:
            raise Unavailable(f"The trash cannot be read: {error.strerror or error}.") from error
        for known in ({name.removesuffix(".jsonl") for name in names if name.endswith(".jsonl")}, set(self._catalog.states)):
            found = sorted(sid for sid in known if sid.startswith(prefix))
            if prefix in found:
                return prefix
            if len(found) > 1:
                raise Refused(f"{len(found)} sessions begin with s-{prefix}: s-{', s-'.join(found[:5])}. Write more of the id.")
            if found:
                return found[0]
        return prefix

    async def _restore(self, sid: str) -> Session:
        try:
            if self._catalog.has(sid):
                where = (state := self._catalog.state(sid)) is not None and state.away
                if where:
                    # Its journal is not moved yet.
                    self._take_back(sid)
                    await self._restore_children(sid, where)
                return self._catalog.summary(sid)
            where = next((name for name, folder in self._catalog.away.items() if self._files.stat(folder / f"{sid}.jsonl")), "")
            if not where:
                raise Refused(f"There is no session s-{sid} in the trash or in the archive.", code=ErrorCode.not_found)
            await self._bring_back(sid, where)
            await self._restore_children(sid, where)
        except OSError as error:
            raise Unavailable(f"s-{sid} was not restored: {error.strerror or error}.") from error
        log.info("session restored", session=sid, place=where)
        return self._catalog.summary(sid)

    async def _restore_children(self, sid: str, where: str) -> None:
        for state in list(self._catalog.states.values()):
            if state.parent == sid and state.parent_call and state.away:
                self._take_back(state.sid)
        for child in await asyncio.to_thread(self._children, self._catalog.away[where], sid):
            if not self._catalog.has(child):
                await self._bring_back(child, where)

    async def _bring_back(self, sid: str, where: str) -> None:
        self._catalog.bring_back(sid, where)
        for _ in self._catalog.opening(sid):
            await asyncio.sleep(0)
        self._take_back(sid)

    def _take_back(self, sid: str) -> None:
        """Write the event after which the session is listed."""
        state = self._catalog.state(sid)
        if state is None:
            raise Refused(f"The journal of s-{sid} is empty.", code=ErrorCode.broken)
        if state.is_damaged:
            # Nothing can be added to it. It is listed until the next start, and can be repaired.
            state.away = ""
            return
        self._write_events(state, SessionUpdated(sid=sid, changes={"trashed": False, "pruned": False}))

    # in a thread ------------------------------------------------------------------------------------

    def _page(self, folder: Path, limit: int, cursor: str) -> SessionList:
        entries = self._entries(folder)
        at = next((i + 1 for i, (_, sid, _) in enumerate(entries) if sid == cursor), 0) if cursor else 0
        names = {sid for _, sid, _ in entries}
        found: list[Session] = []
        for _, sid, stat in entries[at:]:
            session = self._summary(folder / f"{sid}.jsonl", sid, stat)
            if session is None or (session.parentCall and session.parent in names):
                continue
            if len(found) == limit:
                return SessionList(sessions=found, nextCursor=found[-1].id)
            found.append(session)
        return SessionList(sessions=found, nextCursor=None)

    def _entries(self, folder: Path) -> list[_Entry]:
        """The journals of a folder, last changed first: the event that moves a journal away is its last one."""
        found: list[_Entry] = []
        for name, stat in self._files.scan(folder):
            sid, _, kind = name.partition(".")
            if kind == "jsonl" and SESSION_ID.match(sid):
                found.append((stat.changed_ns, sid, stat))
        return sorted(found, reverse=True)

    def _children(self, folder: Path, parent: str) -> list[str]:
        found: list[str] = []
        for _, sid, stat in self._entries(folder):
            session = self._summary(folder / f"{sid}.jsonl", sid, stat)
            if session is not None and session.parentCall and session.parent == parent:
                found.append(sid)
        return found

    def _summary(self, file: Path, sid: str, stat: FileStat) -> Session | None:
        """A journal's summary; None when the file is gone or nothing of it can be read."""
        key = (file, stat)
        if key not in self._read:
            self._read[key] = _read_summary(self._files, file, sid)
            while len(self._read) > KEPT_MAX:
                self._read.popitem(last=False)
        return self._read[key]


def _read_summary(files: FileSystem, file: Path, sid: str) -> Session | None:
    state = _read_state(files, file, sid)
    return state.summary() if state else None


def _read_state(files: FileSystem, file: Path, sid: str) -> SessionState | None:
    """What a journal says, as far as it can be read; None when the file is gone or has no events."""
    state = SessionState(sid)
    try:
        for line in read_whole(files, file).split(b"\n")[:-1]:
            state.apply(line)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError):
        state.is_damaged = True
    return state if state.last_seq else None
