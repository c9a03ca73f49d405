"""All sessions of one home: their journals on disk, their states in memory, and the index between starts.

Invariant: an entry of the index is believed only while the journal's size and change time are the
ones it was made from; otherwise the journal itself is read. A lost index costs time, never data.
"""

from collections import OrderedDict
from pathlib import Path

import msgspec

from opta_core.errors import Refused
from opta_core.logs import Log
from opta_protocol.errors import ErrorCode
from opta_protocol.http import Session, SessionList
from opta_protocol.ids import SESSION_ID, SESSION_PREFIX

from .files import Files, read_whole, replace_whole
from .journal import Journal
from .state import SessionState

OPEN_MAX = 128

log = Log("shelf")


class _Entry(msgspec.Struct):
    size: int
    changed_ns: int
    has_open_turns: bool
    session: Session


class Shelf:
    """Finds, opens and lists sessions."""

    def __init__(self, sessions: Path, away: dict[str, Path], files: Files):
        self._folder, self._away, self._files = sessions, away, files
        self._index_file = sessions / "index.json"
        self._summaries: dict[str, Session] = {}
        # The index does not cover these: their journal could not be read, is damaged, or holds more than whole lines.
        self._unsure: set[str] = set()
        # Bytes that were cut off a journal's end, and of which its session was not told yet.
        self.torn: dict[str, int] = {}
        self.states: dict[str, SessionState] = {}
        self._journals: OrderedDict[str, Journal] = OrderedDict()

    def load(self) -> None:
        """Read the index and every journal it does not cover; sessions with open turns are opened."""
        entries: dict[str, _Entry] = {}
        try:
            entries = msgspec.json.decode(read_whole(self._files, self._index_file), type=dict[str, _Entry])
        except FileNotFoundError:
            pass
        except (OSError, msgspec.DecodeError) as error:
            log.warning("index is unreadable, reading the journals", reason=error)
        for name in self._files.list(self._folder):
            sid, _, kind = name.partition(".")
            stat = self._files.stat(self._file(sid)) if kind == "jsonl" and SESSION_ID.match(sid) else None
            if stat is None:
                continue
            if stat.is_open_to_others:
                self._close_to_others(name)
            entry = entries.get(sid)
            if entry and (entry.size, entry.changed_ns) == stat[:2] and not entry.has_open_turns:
                self._summaries[sid] = entry.session
                continue
            try:
                if (state := self.state(sid)) and state.away:
                    self.put_away(sid, state.away)
            except OSError as error:
                log.error("journal cannot be read", file=name, reason=error)
                self._summaries[sid] = _unreadable(sid, error)
                self._unsure.add(sid)

    def save(self) -> None:
        """Write the index, for the next start."""
        entries: dict[str, _Entry] = {}
        for sid in {*self._summaries, *self.states}:
            stat = self._files.stat(self._file(sid))
            if stat is None:
                continue
            state = self.states.get(sid)
            if sid in self._unsure or (state is not None and state.away):
                continue  # the next start looks at the journal itself
            has_open = bool(state and state.open_turns)
            entries[sid] = _Entry(stat.size, stat.changed_ns, has_open, state.summary() if state else self._summaries[sid])
        try:
            replace_whole(self._files, self._index_file, msgspec.json.encode(entries))
        except OSError as error:
            log.warning("index not saved", reason=error)

    def has(self, sid: str) -> bool:
        """Whether there is a session of exactly that id."""
        return sid in self.states or sid in self._summaries

    def create(self, sid: str) -> SessionState:
        """A new, empty journal. Raises OSError."""
        self._keep(sid, Journal(self._file(sid), self._files, create=True))
        self.states[sid] = SessionState(sid)
        return self.states[sid]

    def discard(self, sid: str) -> None:
        """Take back a `create` whose first line could not be written."""
        self.forget(sid)
        self._summaries.pop(sid, None)
        self._files.unlink(self._file(sid))

    def state(self, sid: str) -> SessionState | None:
        """The state of a session, read from its journal when needed; None when there is no such session."""
        if sid in self.states:
            return self.states[sid]
        if self._files.stat(self._file(sid)) is None:
            return None
        journal = self.journal(sid)
        lines, damaged = journal.recover()
        state = SessionState(sid, is_damaged=damaged)
        for seq, line in enumerate(lines, 1):
            try:
                state.apply(line)
            except msgspec.DecodeError as error:
                log.error("journal holds a line of a wrong shape", file=journal.file.name, seq=seq, reason=error)
                journal.stop_at(sum(len(line) + 1 for line in lines[: seq - 1]))
                state.last_seq, state.is_damaged = seq - 1, True
                break
        if not lines and not damaged:
            # Created, and killed before its first line: nobody was told of it.
            self.discard(sid)
            return None
        self._summaries.pop(sid, None)
        self._unsure.discard(sid)
        if state.is_damaged or journal.has_rest:
            self._unsure.add(sid)
        if journal.torn_bytes:
            self.torn[sid] = journal.torn_bytes
        self.states[sid] = state
        return state

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
        """The open journal of a session."""
        journal = self._journals.get(sid)
        if journal is None:
            journal = Journal(self._file(sid), self._files)
            self._keep(sid, journal)
            if sid in self._unsure and sid not in self.states:
                self.state(sid)
        else:
            self._journals.move_to_end(sid)
        return journal

    def put_away(self, sid: str, where: str) -> None:
        """Move a session's journal out of sight; it can be put back by hand."""
        if self._files.stat(self._file(sid)) is None:
            return
        self._files.rename(self._file(sid), self._away[where] / f"{sid}.jsonl")
        self.forget(sid)
        self._summaries.pop(sid, None)

    def resolve(self, name: str) -> str:
        """The id that `name` (an id or an unambiguous prefix) means. Raises Refused."""
        match = SESSION_PREFIX.match(name)
        if match is None:
            raise Refused(f"{name[:40]!r} is not a session id. `opta sessions list` shows them.", code=ErrorCode.bad_request)
        prefix = match.group(1)
        if self.has(prefix):
            return prefix
        found = [sid for sid in {*self.states, *self._summaries} if sid.startswith(prefix)]
        if len(found) == 1:
            return found[0]
        if found:
            raise Refused(f"s-{prefix} fits {len(found)} sessions. Give more characters.", code=ErrorCode.bad_request)
        raise Refused(f"There is no session s-{prefix}. `opta sessions list` shows them.", code=ErrorCode.not_found)

    def summary(self, sid: str) -> Session:
        """One session as lists show it."""
        state = self.states.get(sid)
        return state.summary() if state else self._summaries[sid]

    def page(self, q: str, wanted: str, limit: int, cursor: str) -> SessionList:
        """Sessions, last active first; `cursor` is the last id of the page before."""
        every = [*(state.summary() for state in self.states.values()), *(s for sid, s in self._summaries.items() if sid not in self.states)]
        needle = q.lower().removeprefix("s-")
        chosen = [
            s for s in every if (not needle or needle in s.title.lower() or s.id.startswith(needle)) and (not wanted or s.state == wanted)
        ]
        chosen.sort(key=lambda s: (s.lastActivityAt, s.id), reverse=True)
        start = next((at + 1 for at, s in enumerate(chosen) if s.id == cursor), 0) if cursor else 0
        page = chosen[start : start + limit]
        more = start + limit < len(chosen)
        return SessionList(sessions=page, nextCursor=page[-1].id if more and page else None)

    def close(self) -> None:
        """Save the index and close every journal."""
        self.save()
        for journal in self._journals.values():
            journal.close()
        self._journals.clear()

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
            state = self.states.pop(oldest, None)
            if state is not None:
                self._summaries[oldest] = state.summary()
            self._journals.pop(oldest).close()


def _unreadable(sid: str, error: OSError) -> Session:
    """Stands in the list for a journal that could not be opened at the start; the next use tries again."""
    return SessionState(sid, title=f"(cannot be read: {error.strerror or error})", is_damaged=True).summary()
