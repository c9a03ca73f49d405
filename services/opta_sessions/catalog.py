"""All sessions of one home: journals on disk, states in memory, and an index that is kept between starts.

**Invariant:** an index entry counts only while the journal still has the size and change time that the entry was made from;
otherwise the journal itself is read. A lost index costs time, never data: the newest journals are read before the store
answers, the others beside its work, and any that is asked for at once.
"""

import heapq
from collections import OrderedDict
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec

from opta_core.clock import utc_at, wall_s
from opta_core.errors import Refused, Unavailable
from opta_core.logs import Log
from opta_protocol.error_info import ErrorCode
from opta_protocol.http import Session, SessionList
from opta_protocol.ids import SESSION_ID, SESSION_PREFIX

from .files import FileStat, FileSystem, read_whole
from .index import Index, IndexEntry
from .journal import Journal
from .repair import RepairPlan, plan, write
from .session_state import SessionState
from .summaries import Summaries, order_of

OPEN_MAX = 128
# A journal of this size takes a tenth of a second to read.
SLOW_BYTES = 4 * 1024 * 1024
# Journals without an index entry that are read before the store answers. Sessions that ran when the last store died are among the newest.
READ_FIRST = 64
# A journal that was not written to for this long is on the disk, even if its store crashed.
SETTLED_S = 60.0

log = Log("catalog")


class SessionCatalog:
    """Finds, opens and lists sessions."""

    def __init__(self, sessions: Path, away: dict[str, Path], files: FileSystem):
        self._folder, self._away, self._files = sessions, away, files
        self._index = Index(sessions, files)
        self._summaries = Summaries()
        # Journals without an index entry that are not read yet, the oldest first.
        self._unread: dict[str, FileStat] = {}
        # Sessions written to since their index entry was made.
        self._changed: dict[str, None] = {}
        # Sessions without an index entry: their journal cannot be read, is damaged, or holds more than whole lines.
        self._unsure: set[str] = set()
        # Session -> bytes that were cut off its journal's end and are not reported in it yet.
        self.torn: dict[str, int] = {}
        self.states: dict[str, SessionState] = {}
        self._journals: OrderedDict[str, Journal] = OrderedDict()

    def load(self) -> None:
        """Find every session: from the index, or by its journal. Sessions with open turns are opened, as far as they are read."""
        entries = self._index.load()
        known: dict[str, IndexEntry] = {}
        unread: list[tuple[int, str, FileStat]] = []
        for name, stat in self._files.scan(self._folder):
            sid, _, kind = name.partition(".")
            if kind != "jsonl" or not SESSION_ID.match(sid):
                continue
            if stat.is_open_to_others:
                self._close_to_others(name)
            entry = entries.get(sid)
            if entry and (entry.size, entry.changed_ns) == stat[:2]:
                known[sid] = entry
            else:
                unread.append((stat.changed_ns, sid, stat))
        self._summaries.fill([entry.session for entry in known.values()])
        self._index.tidy(known)
        self._unread = {sid: stat for _, sid, stat in sorted(unread)}
        if len(self._unread) > READ_FIRST:
            log.info("reading journals that the index does not cover", journals=len(self._unread), known=len(known))
        self.read_more(READ_FIRST)

    @property
    def is_reading(self) -> bool:
        """Whether there are journals that nobody has read yet."""
        return bool(self._unread)

    def read_more(self, count: int) -> None:
        """Read some of the journals that the index does not cover, the newest first."""
        while self._unread and count:
            count -= 1
            self._read(next(reversed(self._unread)))

    def reading(self) -> Iterator[None]:
        """Read all of them, in steps that take a moment each."""
        while self._unread:
            sid, stat = next(reversed(self._unread.items()))
            try:
                yield from self.opening(sid)
            except OSError as error:
                self._cannot_read(sid, error)
            else:
                self._settle(sid, stat)
            yield

    def note(self) -> None:
        """Tell the index of sessions that are at rest again and on the disk; those that are not stay to be noted."""
        entries: list[IndexEntry] = []
        for sid in list(self._changed):
            state, journal = self.states.get(sid), self._journals.get(sid)
            if self._files.stat(self._file(sid)) is None:
                self._lose(sid)
                continue
            if (state is not None and state.open_turns) or (journal is not None and not journal.is_durable):
                continue
            del self._changed[sid]
            if sid in self._unsure or not self.has(sid) or (state is not None and state.away):
                continue  # the next start looks at the journal itself
            stat = self._files.stat(self._file(sid))
            if stat is not None and (journal is None or journal.size == stat.size):
                entries.append(IndexEntry(stat.size, stat.changed_ns, self.summary(sid)))
        self._index.add(entries)

    def _lose(self, sid: str) -> None:
        """Somebody removed a journal that was in use: what is written to it lands nowhere, so there is no such session any more."""
        if self.has(sid):
            log.error("journal was removed while it was in use", file=f"{sid}.jsonl")
        self.forget(sid)
        self._summaries.pop(sid)
        self._unread.pop(sid, None)
        self._changed.pop(sid, None)

    def wrote(self, sid: str) -> None:
        """A session's journal has grown."""
        self._changed[sid] = None

    def has(self, sid: str) -> bool:
        """Whether there is a session of exactly that id."""
        return sid in self.states or sid in self._summaries or sid in self._unread

    def create(self, sid: str) -> SessionState:
        """A new, empty journal. Raises OSError."""
        self._keep(sid, Journal(self._file(sid), self._files, create=True))
        self.states[sid] = SessionState(sid)
        return self.states[sid]

    def discard(self, sid: str) -> None:
        """Take back a `create` whose first line could not be written."""
        self.forget(sid)
        self._summaries.pop(sid)
        self._unread.pop(sid, None)
        self._changed.pop(sid, None)
        self._files.unlink(self._file(sid))

    def state(self, sid: str) -> SessionState | None:
        """The state of a session, read from its journal when needed; None when there is no such session. Raises OSError."""
        for _ in self.opening(sid):
            pass
        return self.states.get(sid)

    def is_slow(self, sid: str) -> bool:
        """Whether `state` would take so long that others notice."""
        if sid in self.states:
            return False
        stat = self._files.stat(self._file(sid))
        return stat is not None and stat.size > SLOW_BYTES

    def opening(self, sid: str) -> Iterator[None]:
        """Read a session's journal into `states`, in steps that may be far apart; when it was opened meanwhile, that is left as it is."""
        if sid in self.states or self._files.stat(self._file(sid)) is None:
            return
        journal = self._open(sid)
        state, at = SessionState(sid), 0
        steps = journal.recovering()
        while True:
            try:
                lines = next(steps)
            except StopIteration as end:
                state.is_damaged = end.value
                break
            if (stopped_at := _apply(state, lines, at)) is not None:
                log.error("journal holds a line of a wrong shape", file=journal.file.name, offset=stopped_at)
                journal.stop_at(stopped_at)
                state.is_damaged = True
                break
            at += sum(map(len, lines)) + len(lines)
            yield
            if sid in self.states or self._journals.get(sid) is not journal:
                return
        self._opened(sid, state, journal)

    def _opened(self, sid: str, state: SessionState, journal: Journal) -> None:
        if not state.last_seq and not state.is_damaged:
            # Created, and killed before its first line: nobody has seen it.
            self.discard(sid)
            return
        self._summaries.pop(sid)
        self._unread.pop(sid, None)
        self._unsure.discard(sid)
        if state.is_damaged or journal.has_rest:
            self._unsure.add(sid)
        if journal.torn_bytes:
            self.torn[sid] = journal.torn_bytes
        self.states[sid] = state

    def forget(self, sid: str) -> None:
        """Drop what memory holds; the next use reads the journal again."""
        self.states.pop(sid, None)
        journal = self._journals.pop(sid, None)
        if journal is not None:
            journal.close()

    def reload(self, sid: str) -> None:
        """Read a session's journal again: what memory holds ran ahead of it."""
        self.forget(sid)
        self.state(sid)

    def journal(self, sid: str) -> Journal:
        """The open journal of a session. Raises OSError."""
        if (sid in self._unsure or sid in self._unread) and sid not in self.states:
            self.state(sid)  # where its whole lines end is not known
        return self._open(sid)

    def _open(self, sid: str) -> Journal:
        journal = self._journals.get(sid)
        if journal is None:
            journal = Journal(self._file(sid), self._files)
            self._keep(sid, journal)
        else:
            self._journals.move_to_end(sid)
        return journal

    def mend(self, sid: str, *, is_wanted: bool) -> tuple[RepairPlan, str]:
        """What a repair makes of a damaged journal and, when it is wanted, the name of the copy of the damaged file.

        In a thread: nothing else writes into a damaged journal. Raises OSError, and Refused when nothing can be made of it.
        """
        content = read_whole(self._files, self._file(sid))
        made = plan(sid, content)
        if made.problem:
            raise Refused(
                f"s-{sid} cannot be repaired: {made.problem}. Put its file back from a backup: {self._file(sid)}", code=ErrorCode.broken
            )
        return made, write(self._files, self._file(sid), content, made).name if is_wanted else ""

    def put_away(self, sid: str, where: str) -> None:
        """Move a session's journal out of sight; it can be put back by hand."""
        if self._files.stat(self._file(sid)) is None:
            return
        self._files.rename(self._file(sid), self._away[where] / f"{sid}.jsonl")
        self.forget(sid)
        self._summaries.pop(sid)
        self._unread.pop(sid, None)
        self._changed.pop(sid, None)

    def resolve(self, name: str) -> str:
        """The id that `name` (an id or an unambiguous prefix) means. Raises Refused."""
        match = SESSION_PREFIX.match(name)
        if match is None:
            raise Refused(f"{name[:40]!r} is not a session id. `opta sessions list` shows them.", code=ErrorCode.bad_request)
        prefix = match.group(1)
        if self.has(prefix):
            return prefix
        found = [sid for sids in (self.states, self._summaries, self._unread) for sid in sids if sid.startswith(prefix)]
        if len(found) == 1:
            return found[0]
        if found:
            raise Refused(f"s-{prefix} fits {len(found)} sessions. Give more characters.", code=ErrorCode.bad_request)
        raise Refused(f"There is no session s-{prefix}. `opta sessions list` shows them.", code=ErrorCode.not_found)

    def summary(self, sid: str) -> Session:
        """One session as lists show it."""
        if sid in self._unread:
            self._read(sid)
        state = self.states.get(sid)
        if state is None and sid not in self._summaries:
            raise Refused(f"There is no session s-{sid}.", code=ErrorCode.not_found)
        return state.summary() if state else self._summaries[sid]

    def page(self, q: str, wanted: str, limit: int, cursor: str) -> SessionList:
        """Sessions, last active first; `cursor` is the last id of the page before.

        While journals are read that the index does not cover, only the first page is right. Raises Unavailable for any other then.
        """
        needle = q.lower().removeprefix("s-")
        if self._unread:
            if needle or wanted or cursor:
                raise Unavailable(
                    f"The index of the sessions is being made anew, and {len(self._unread)} journals are not read yet. Try again in a moment.",
                    retry_after_s=1,
                )
            return self._first_page(limit)
        after = order_of(self.summary(cursor)) if cursor and self.has(cursor) else None
        chosen = (
            s
            for s in self._newest(after)
            if (not needle or needle in s.title.lower() or s.id.startswith(needle)) and (not wanted or s.state == wanted)
        )
        found = list(islice(chosen, limit + 1))
        return SessionList(sessions=found[:limit], nextCursor=found[limit - 1].id if len(found) > limit else None)

    def _first_page(self, limit: int) -> SessionList:
        """The newest sessions as far as change times tell; those that are not read yet are read now."""
        found = list(islice(self._newest(None), limit + 1))
        unread = [s.id for s in found[:limit] if s.id in self._unread]
        if len(unread) > READ_FIRST:
            limit = next(at for at, s in enumerate(found) if s.id == unread[READ_FIRST])
            unread = unread[:READ_FIRST]
        for sid in unread:
            self._read(sid)
        page = sorted((self.summary(s.id) for s in found[:limit] if self.has(s.id)), key=order_of, reverse=True)
        return SessionList(sessions=page, nextCursor=page[-1].id if page and len(found) > limit else None)

    def close(self) -> None:
        """Close every journal, and tell the index of what is at rest."""
        for journal in self._journals.values():
            journal.close()
        self.note()
        self._journals.clear()

    def _newest(self, after: tuple[str, str] | None) -> Iterator[Session]:
        """Sessions in the order of lists; of one that is not read yet only its place is known."""
        states = (state.summary() for state in self.states.values())
        opened = sorted((s for s in states if after is None or order_of(s) < after), key=order_of, reverse=True)
        unread = (_not_read(sid, stat) for sid, stat in reversed(self._unread.items()))
        return heapq.merge(self._summaries.before(after), opened, unread, key=order_of, reverse=True)

    def _read(self, sid: str) -> None:
        """Read a journal that the index does not cover."""
        stat = self._unread[sid]
        try:
            self.state(sid)
        except OSError as error:
            self._cannot_read(sid, error)
        else:
            self._settle(sid, stat)

    def _cannot_read(self, sid: str, error: OSError) -> None:
        log.error("journal cannot be read", file=f"{sid}.jsonl", reason=error)
        self._unread.pop(sid, None)
        self._summaries.set(_unreadable(sid, error))
        self._unsure.add(sid)

    def _settle(self, sid: str, stat: FileStat) -> None:
        """A journal was read that the index does not cover. It stays open only when work on it goes on."""
        self._unread.pop(sid, None)
        state, journal = self.states.get(sid), self._journals.get(sid)
        if state is None:
            return
        if state.away:
            try:
                self.put_away(sid, state.away)
            except OSError as error:
                log.error("session not put away yet", session=sid, to=state.away, reason=error)
            return
        if wall_s() - stat.changed_ns / 1e9 > SETTLED_S:
            self.wrote(sid)
        if not state.open_turns and sid not in self._unsure and (journal is None or journal.is_durable):
            self._put_to_rest(sid, state)

    def _put_to_rest(self, sid: str, state: SessionState) -> None:
        self.states.pop(sid)
        self._summaries.set(state.summary())
        journal = self._journals.pop(sid, None)
        if journal is not None:
            journal.close()
            if not journal.is_durable:
                self._changed.pop(sid, None)

    def _close_to_others(self, name: str) -> None:
        try:
            self._files.make_private(self._folder / name)
            log.warning("journal was open to other users, and is the owner's alone again", file=name)
        except OSError as error:
            log.warning("journal is open to other users", file=name, reason=error)

    def _file(self, sid: str) -> Path:
        return self._folder / f"{sid}.jsonl"

    def _keep(self, sid: str, journal: Journal) -> None:
        self._journals[sid] = journal
        while len(self._journals) > OPEN_MAX:
            oldest = next((s for s in self._journals if s not in self.states or not self.states[s].open_turns), None)
            if oldest is None or oldest == sid:
                return
            state = self.states.get(oldest)
            if state is not None:
                self._put_to_rest(oldest, state)
            else:
                self._journals.pop(oldest).close()


def _apply(state: SessionState, lines: list[bytes], at: int) -> int | None:
    """Fold lines that begin at byte `at`; where the first one of a wrong shape begins, or None."""
    for line in lines:
        try:
            state.apply(line)
        except msgspec.DecodeError:
            return at
        at += len(line) + 1
    return None


def _not_read(sid: str, stat: FileStat) -> Session:
    """Holds the place of a session in lists until its journal is read."""
    return SessionState(sid, last_activity_at=utc_at(stat.changed_ns / 1e9)).summary()


def _unreadable(sid: str, error: OSError) -> Session:
    """Stands in the list for a journal that could not be opened at the start; the next use tries again."""
    return SessionState(sid, title=f"(cannot be read: {error.strerror or error})", is_damaged=True).summary()
