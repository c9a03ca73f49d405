"""Transcripts of the sessions that were asked for last. A request folds only the lines that were stored since the one before it.

**Invariant:** the journal decides. A kept transcript counts only while the journal still holds the last line that was folded into it,
byte for byte. It is dropped when the session cannot be read, when its journal was repaired, and at every start of the store.
"""

import asyncio
from collections import OrderedDict

from opta_core.bus.store_client import StoreClient
from opta_core.errors import OptaError
from opta_core.fold import continued
from opta_core.transcript import Transcript
from opta_protocol import wire
from opta_protocol.commands import JOURNAL_REPAIRED

SESSIONS_MAX, BYTES_MAX = 256, 16 * 1024 * 1024
# Estimated memory of a session without lines, and of a line beside its own bytes. A piece of an answer leaves a few bytes of text,
# which are not counted.
SESSION_BYTES, LINE_BYTES = 2048, 512
PAGE_LINES = 5000
# Up to this many lines are folded on the loop: it takes a few milliseconds.
FOLDED_HERE_MAX = 1000
# How the name of turn.token and turn.thinking begins, and of no other event.
_PIECE = b'"event":"turn.t'


class FoldedSessions:
    """Folds the sessions of `store`. What it keeps is bounded in sessions and in estimated bytes; the least recently used goes first."""

    def __init__(self, store: StoreClient, sessions_max: int = SESSIONS_MAX, bytes_max: int = BYTES_MAX):
        self._store, self._sessions_max, self._bytes_max = store, sessions_max, bytes_max
        self._views: OrderedDict[str, _View] = OrderedDict()
        # How many lines were folded, to measure and to test.
        self.folded_lines = 0

    @property
    def kept(self) -> list[str]:
        """The sessions whose transcript is kept, the least recently used first."""
        return list(self._views)

    async def transcript(self, sid: str, up_to: int | None = None) -> Transcript:
        """A session up to and with line `up_to`; callers share the transcript and do not change it. Raises the store's refusal."""
        view = self._views.setdefault(sid, _View())
        self._views.move_to_end(sid)
        try:
            async with view.lock:
                if up_to is not None and up_to < view.last_seq:
                    # Folded for this request alone: the kept transcript does not go back.
                    view = _View()
                await self._extend(sid, view, up_to)
                return view.transcript
        except OptaError:
            self._views.pop(sid, None)
            raise
        finally:
            self._evict()

    def clear(self) -> None:
        """Drop every transcript: the store started again, and may have found other journals."""
        self._views.clear()

    def _evict(self) -> None:
        total = sum(view.bytes for view in self._views.values())
        while self._views and (len(self._views) > self._sessions_max or total > self._bytes_max):
            total -= self._views.popitem(last=False)[1].bytes

    async def _extend(self, sid: str, view: "_View", up_to: int | None) -> None:
        """Fold what the journal holds beyond the view, or all of it when the view does not fit the journal."""
        page = await self._store.after(sid, max(0, view.last_seq - 1), PAGE_LINES)
        if view.last_seq and page[:1] == [view.last_line]:
            # A very long line ends a page early, so an empty rest does not say that nothing follows.
            page = page[1:] or await self._store.after(sid, view.last_seq, PAGE_LINES)
        elif view.last_seq:
            view.reset()
            page = await self._store.after(sid, 0, PAGE_LINES)
        is_from_start = view.last_seq == 0
        while page:
            if not is_from_start and any(map(_says_repaired, page)):
                view.reset()
                is_from_start, page = True, await self._store.after(sid, 0, PAGE_LINES)
                continue
            wanted = page if up_to is None else page[: up_to - view.last_seq]
            if not wanted:
                return
            self.folded_lines += len(wanted)
            await view.take(wanted)
            page = await self._store.after(sid, view.last_seq, PAGE_LINES)


class _View:
    """A session folded up to and with `last_line`. `bytes` estimates the memory of the transcript."""

    def __init__(self) -> None:
        # Held while the session is folded: a second request waits, and finds the result of the first.
        self.lock = asyncio.Lock()
        self.reset()

    def reset(self) -> None:
        """Begin again with an empty session."""
        self.transcript, self.last_seq, self.last_line, self.bytes = Transcript(), 0, b"", SESSION_BYTES

    async def take(self, lines: list[bytes]) -> None:
        """Fold the next lines, many of them in a thread. The view stays as it was when this is cancelled."""
        if len(lines) <= FOLDED_HERE_MAX:
            transcript = _fold(self.transcript, lines)
        else:
            transcript = await asyncio.to_thread(_fold, self.transcript, lines)
        self.transcript, self.last_seq, self.last_line = transcript, self.last_seq + len(lines), lines[-1]
        self.bytes += sum([LINE_BYTES + len(line) for line in lines if line.find(_PIECE, 0, 48) < 0])


def _fold(transcript: Transcript, lines: list[bytes]) -> Transcript:
    return continued(transcript, map(wire.decode, lines))


def _says_repaired(line: bytes) -> bool:
    """Whether a line may be the store's warning that it repaired the journal. Text in an argument may look like one."""
    return b'"code":"%b"' % JOURNAL_REPAIRED.encode() in line
