"""All sessions of one home: journals on disk, states in memory, and an index that is stored between starts.

**Invariant:** an index entry is used only while its journal has the size and change time that the entry states; otherwise the
journal is read. A lost index costs time, never data: the newest journals are read before the store answers, the others in
the background, and a journal that is requested is read at once.
"""

import functools
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from opta_core.clock import wall_s
from opta_core.code_edition import code_edition
from opta_core.errors import Refused
from opta_core.logs import Log
from opta_protocol import wire
from opta_protocol.commands import ForkSession
from opta_protocol.error_info import ErrorCode
from opta_protocol.http import Session
from opta_protocol.ids import SESSION_ID

from .files import FileStat, FileSystem, read_whole, replace_whole
from .fork import forked
from .index import Index, IndexEntry
from .journal import Journal, JournalPosition
from .repair import RepairPlan, plan, write
from .session_state import SessionState
from .snapshot_folder import PART_SUFFIX, SUFFIX, SnapshotFolder
from .summaries import Summaries

OPEN_MAX = 128
# A journal of this size takes 0.1 s to read.
SLOW_BYTES = 4 * 1024 * 1024
# Unindexed journals that are read before the store answers. Sessions that ran when the last store died are among the newest.
READ_FIRST = 64
# A journal without a write for this long is on the disk, even if its store crashed.
SETTLED_S = 60.0

log = Log("catalog")


class SessionCatalog:
    """Finds and opens sessions, and keeps their states. `edition` names the code that reduces journals."""

    def __init__(
        self,
        sessions: Path,
        away: dict[str, Path],
        files: FileSystem,
        edition: Callable[[], str] = functools.partial(code_edition, Path(__file__).parent),
    ):
        self._folder, self.files = sessions, files
        # Folders of sessions that are no longer listed: trash and archive.
        self.away = away
        self._index = Index(sessions, files)
        self.snapshots = SnapshotFolder(sessions, files, edition)
        self.summaries = Summaries()
        # Unindexed journals that are not read yet, oldest first.
        self.unread: dict[str, FileStat] = {}
        # Sessions that were written since their index entry.
        self._changed: dict[str, None] = {}
        # Sessions that get no index entry: their journal cannot be read, is damaged, or has an incomplete last line.
        self._unsure: set[str] = set()
        # Session -> bytes that were cut off the end of its journal and are not reported in it yet.
        self.torn: dict[str, int] = {}
        self.states: dict[str, SessionState] = {}
        self._journals: OrderedDict[str, Journal] = OrderedDict()

    def load(self) -> None:
        """Find every session, from the index or from its journal. Sessions with open turns stay open after they are read."""
        entries = self._index.load()
        known: dict[str, IndexEntry] = {}
        unread: list[tuple[int, str, FileStat]] = []
        snapshots: list[str] = []
        for name, stat in self.files.scan(self._folder):
            sid, _, kind = name.partition(".")
            if name.endswith((SUFFIX, PART_SUFFIX)):
                snapshots.append(name)
            if kind != "jsonl" or not SESSION_ID.match(sid):
                continue
            if stat.is_open_to_others:
                self._close_to_others(name)
            entry = entries.get(sid)
            if entry and (entry.size, entry.changed_ns) == stat[:2]:
                known[sid] = entry
            else:
                unread.append((stat.changed_ns, sid, stat))
        self.summaries.fill([entry.session for entry in known.values()])
        self._index.tidy(known)
        self.unread = {sid: stat for _, sid, stat in sorted(unread)}
        self.snapshots.sweep(snapshots, {*known, *self.unread} if snapshots else set())
        if len(self.unread) > READ_FIRST:
            log.info("reading journals that the index does not cover", journals=len(self.unread), known=len(known))
        self.read_more(READ_FIRST)

    @property
    def is_changed(self) -> bool:
        """Whether sessions have changed that are not in the index yet."""
        return bool(self._changed)

    @property
    def is_reading(self) -> bool:
        """Whether unindexed journals are not read yet."""
        return bool(self.unread)

    def read_more(self, count: int) -> None:
        """Read up to `count` unindexed journals, newest first."""
        while self.unread and count:
            count -= 1
            self.read(next(reversed(self.unread)))

    def reading(self) -> Iterator[None]:
        """Read all unindexed journals, in short steps."""
        while self.unread:
            sid, stat = next(reversed(self.unread.items()))
            try:
                yield from self.opening(sid)
            except OSError as error:
                self._cannot_read(sid, error)
            else:
                self._settle(sid, stat)
            yield

    def note(self) -> None:
        """Add changed sessions to the index when they have no open turn and are on the disk. The others are tried again later."""
        entries: list[IndexEntry] = []
        for sid in list(self._changed):
            state, journal = self.states.get(sid), self._journals.get(sid)
            if self.files.stat(self._file(sid)) is None:
                self._drop_removed(sid)
                continue
            if (state is not None and state.open_turns) or (journal is not None and not journal.is_durable):
                continue
            del self._changed[sid]
            if sid in self._unsure or not self.has(sid) or (state is not None and state.away):
                continue  # the next start reads the journal
            stat = self.files.stat(self._file(sid))
            if stat is not None and (journal is None or journal.size == stat.size):
                entries.append(IndexEntry(stat.size, stat.changed_ns, self.summary(sid)))
        self._index.add(entries)

    def _drop_removed(self, sid: str) -> None:
        """Drop a session whose journal was removed while it was in use: further writes to it would be lost."""
        if self.has(sid):
            log.error("journal was removed while it was in use", file=f"{sid}.jsonl")
        self._forget_all(sid)

    def wrote(self, sid: str) -> None:
        """Note that a session's journal has grown."""
        self._changed[sid] = None

    def has(self, sid: str) -> bool:
        """Whether a session with exactly this id exists."""
        return sid in self.states or sid in self.summaries or sid in self.unread

    def create(self, sid: str) -> SessionState:
        """Create an empty journal, and return its state. Raises OSError."""
        self._keep(sid, Journal(self._file(sid), self.files, create=True))
        self.states[sid] = SessionState(sid)
        return self.states[sid]

    def discard(self, sid: str) -> None:
        """Undo a `create` whose first line could not be written."""
        self._forget_all(sid)
        self.files.unlink(self._file(sid))

    def state(self, sid: str) -> SessionState | None:
        """The state of a session, read from its journal when necessary; None when the session does not exist. Raises OSError."""
        for _ in self.opening(sid):
            pass
        return self.states.get(sid)

    def is_slow(self, sid: str) -> bool:
        """Whether `state` would block the loop for a noticeable time."""
        if sid in self.states:
            return False
        stat = self.files.stat(self._file(sid))
        return stat is not None and stat.size > SLOW_BYTES

    def opening(self, sid: str) -> Iterator[None]:
        """Read a session's journal into `states`, in steps. Ends early when the session is opened between two steps."""
        if sid in self.states or self.files.stat(self._file(sid)) is None:
            return
        journal = self._open(sid)
        state, after = (yield from self.snapshots.restoring(sid, journal)) or (SessionState(sid), JournalPosition())
        if sid in self.states or self._journals.get(sid) is not journal:
            return
        at, steps = after.size, journal.recovering(after)
        while True:
            try:
                lines = next(steps)
            except StopIteration as end:
                state.is_damaged = end.value
                break
            if (stopped_at := _apply(state, lines, at)) is not None:
                log.error("journal contains a line of a wrong shape", file=journal.file.name, offset=stopped_at)
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
            # The store was killed between creating the journal and writing its first line: no client has seen it.
            self.discard(sid)
            return
        self.summaries.pop(sid)
        self.unread.pop(sid, None)
        self._unsure.discard(sid)
        if state.is_damaged or journal.has_rest:
            self._unsure.add(sid)
        if journal.torn_bytes:
            self.torn[sid] = journal.torn_bytes
        self.states[sid] = state

    def forget(self, sid: str) -> None:
        """Drop a session from memory. The next use reads its journal again."""
        self.states.pop(sid, None)
        self.snapshots.forget(sid)
        journal = self._journals.pop(sid, None)
        if journal is not None:
            journal.close()

    def _forget_all(self, sid: str) -> None:
        """Drop a session that is no longer in this folder."""
        self.forget(sid)
        self.snapshots.drop(sid)
        self.summaries.pop(sid)
        self.unread.pop(sid, None)
        self._changed.pop(sid, None)

    def position(self, sid: str, seq: int) -> tuple[SessionState, JournalPosition] | None:
        """The state of an open session whose last line is `seq`, and where its journal ends; None for any other session."""
        state, journal = self.states.get(sid), self._journals.get(sid)
        if state is None or state.last_seq != seq or state.is_damaged or state.away:
            return None
        if journal is None or journal.crc is None or journal.has_rest:
            return None
        return state, JournalPosition(journal.size, seq, journal.crc)

    def reload(self, sid: str) -> None:
        """Read a session's journal again, because the state in memory is ahead of it."""
        self.forget(sid)
        self.state(sid)

    def journal(self, sid: str) -> Journal:
        """The open journal of a session. Raises OSError."""
        if (sid in self._unsure or sid in self.unread) and sid not in self.states:
            self.state(sid)  # reading finds the end of its complete lines
        return self._open(sid)

    def _open(self, sid: str) -> Journal:
        journal = self._journals.get(sid)
        if journal is None:
            journal = Journal(self._file(sid), self.files)
            self._keep(sid, journal)
        else:
            self._journals.move_to_end(sid)
        return journal

    def repair(self, sid: str, *, is_wanted: bool) -> tuple[RepairPlan, str]:
        """RepairPlan a repair of a damaged journal; with `is_wanted`, do it. Returns the plan and the name of the damaged file's copy, or ''.

        Runs in a thread: nothing else writes to a damaged journal. Raises OSError, and Refused when it cannot be repaired.
        """
        content = read_whole(self.files, self._file(sid))
        made = plan(sid, content)
        if made.problem:
            raise Refused(
                f"s-{sid} cannot be repaired: {made.problem}. Put its file back from a backup: {self._file(sid)}", code=ErrorCode.broken
            )
        return made, write(self.files, self._file(sid), content, made).name if is_wanted else ""

    def write_fork(self, sid: str, asked: ForkSession, producer: str) -> None:
        """Write the journal of a fork, whole or not at all. Runs in a thread. Raises OSError, and Refused when the turn cannot be forked."""
        lines = read_whole(self.files, self._file(sid)).split(b"\n")
        whole = [line for line in lines if wire.is_whole(line)]
        made = forked(whole, sid, asked.new, asked.turn, is_before=asked.isBefore, producer=producer)
        replace_whole(self.files, self._file(asked.new), b"".join(line + b"\n" for line in made))

    def put_away(self, sid: str, where: str) -> None:
        """Move a session's journal to the folder of `where` (trash or archive). See `bring_back`."""
        if self.files.stat(self._file(sid)) is None:
            return
        self.files.rename(self._file(sid), self.away[where] / f"{sid}.jsonl")
        self._forget_all(sid)

    def bring_back(self, sid: str, where: str) -> None:
        """Move a session's journal back from the folder of `where`. The next start moves it there again, unless an event takes back why."""
        self.files.rename(self.away[where] / f"{sid}.jsonl", self._file(sid))

    def summary(self, sid: str) -> Session:
        """One session as in lists. Raises Refused when it does not exist."""
        if sid in self.unread:
            self.read(sid)
        state = self.states.get(sid)
        if state is None and sid not in self.summaries:
            raise Refused(f"There is no session s-{sid}.", code=ErrorCode.not_found)
        return state.summary() if state else self.summaries[sid]

    def close(self) -> None:
        """Close every journal, and update the index."""
        for journal in self._journals.values():
            journal.close()
        self.note()
        self._journals.clear()

    def read(self, sid: str) -> None:
        """Read an unindexed journal."""
        stat = self.unread[sid]
        try:
            self.state(sid)
        except OSError as error:
            self._cannot_read(sid, error)
        else:
            self._settle(sid, stat)

    def _cannot_read(self, sid: str, error: OSError) -> None:
        log.error("journal cannot be read", file=f"{sid}.jsonl", reason=error)
        self.unread.pop(sid, None)
        self.summaries.set(_unreadable(sid, error))
        self._unsure.add(sid)

    def _settle(self, sid: str, stat: FileStat) -> None:
        """Close an unindexed journal that was just read, unless its session has open turns."""
        self.unread.pop(sid, None)
        state, journal = self.states.get(sid), self._journals.get(sid)
        if state is None:
            return
        if state.away:
            try:
                self.put_away(sid, state.away)
            except OSError as error:
                log.error("session not moved yet", session=sid, to=state.away, reason=error)
            return
        if wall_s() - stat.changed_ns / 1e9 > SETTLED_S:
            self.wrote(sid)
        if not state.open_turns and sid not in self._unsure and (journal is None or journal.is_durable):
            self._put_to_rest(sid, state)

    def _put_to_rest(self, sid: str, state: SessionState) -> None:
        self.states.pop(sid)
        self.snapshots.forget(sid)
        self.summaries.set(state.summary())
        journal = self._journals.pop(sid, None)
        if journal is not None:
            journal.close()
            if not journal.is_durable:
                self._changed.pop(sid, None)

    def _close_to_others(self, name: str) -> None:
        try:
            self.files.make_private(self._folder / name)
            log.warning("journal was readable by other users; its mode is now 0600", file=name)
        except OSError as error:
            log.warning("journal is readable by other users", file=name, reason=error)

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
    """Apply lines that begin at byte `at`. Returns the offset of the first line of a wrong shape; None when all are right."""
    for line in lines:
        try:
            state.apply(line)
        except msgspec.DecodeError:
            return at
        at += len(line) + 1
    return None


def _unreadable(sid: str, error: OSError) -> Session:
    """The list entry of a journal that could not be opened at the start. The next use tries again."""
    return SessionState(sid, title=f"(cannot be read: {error.strerror or error})", is_damaged=True).summary()
