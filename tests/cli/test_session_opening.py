"""A long session opens with its last turns, before the daemon has folded the others; nothing that comes late is shown."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from support import past_sessions
from support.events import journal
from support.oracles import until_async

from opta_cli.client import Client
from opta_cli.tui.live_session import LONG_EVENTS, LiveSession
from opta_core.errors import OptaError, Unavailable
from opta_core.fold import Fold
from opta_core.transcript import Transcript
from opta_protocol import wire
from opta_protocol.http import EventPage, Session, SessionDetails
from opta_protocol.permissions import Level, Mode

TURNS = 400


class KeptSessions:
    """A client whose daemon has sessions of the given numbers of turns, by id. `before` is called with the id before a whole one is sent."""

    def __init__(self, turns: dict[str, int], before: Callable[[str], None] = lambda sid: None):
        self.lines = {sid: journal(*past_sessions.long_session(sid, Path("/work"), number)) for sid, number in turns.items()}
        self._before = before

    def another(self) -> "KeptSessions":
        return self

    def events(self, sid: str, after: int, *, on_lost: object, is_over: object) -> Iterator[bytes]:
        return iter(self.lines[sid][after:])

    def raw(self, method: str, path: str) -> bytes:
        assert method == "GET"
        parts = urlsplit(path)
        asked = {name: int(values[0]) for name, values in parse_qs(parts.query).items()}
        sid = parts.path.split("/")[3]
        lines = self.lines[sid]
        if parts.path.endswith("/events"):
            found = lines[asked["afterSeq"] : asked["afterSeq"] + asked["limit"]]
            return msgspec.json.encode(EventPage(events=[msgspec.Raw(line) for line in found], lastSeq=len(lines)))
        facts: dict[str, Any] = {
            "id": sid, "title": sid, "cwd": "/work", "mode": Mode.chat, "model": "", "level": Level.L1, "state": "idle", "turns": 0,
            "createdAt": "", "lastActivityAt": "", "lastSeq": len(lines), "pinned": False, "archived": False, "pending": 0,
        }  # fmt: skip
        if "atSeq" not in asked:
            return msgspec.json.encode(Session(**facts))
        self._before(sid)
        fold = Fold(Transcript())
        for line in lines:
            fold.apply(wire.decode(line))
        return msgspec.json.encode(SessionDetails(**facts, transcript=msgspec.Raw(msgspec.json.encode(fold.transcript))))


class Seen:
    """A live session and what it showed: (id, number of turns, the last prompt, whether it is whole)."""

    def __init__(self, client: KeptSessions):
        self.shown: list[tuple[str, int, str, bool]] = []
        self.session = LiveSession(cast("Client", client), {}, self._note, lambda reason: None)

    def _note(self, _: bool) -> None:
        turns = self.session.transcript.turns
        self.shown.append((self.session.sid, len(turns), turns[-1].text if turns else "", self.session.is_whole))


def test_a_long_session_is_shown_by_its_end_and_then_whole() -> None:
    async def story() -> None:
        seen = Seen(KeptSessions({"aaaaaa": TURNS}))
        await seen.session.open("aaaaaa")
        (end, whole) = seen.shown
        assert (end[0], end[2], end[3]) == ("aaaaaa", f"question {TURNS}", False)
        assert 40 <= end[1] < TURNS
        assert whole == ("aaaaaa", TURNS, f"question {TURNS}", True)
        seen.session.close()

    asyncio.run(story())


def test_a_short_session_is_shown_once() -> None:
    async def story() -> None:
        client = KeptSessions({"aaaaaa": 20})
        assert len(client.lines["aaaaaa"]) < LONG_EVENTS
        seen = Seen(client)
        await seen.session.open("aaaaaa")
        assert seen.shown == [("aaaaaa", 20, "question 20", True)]
        seen.session.close()

    asyncio.run(story())


def test_a_session_whose_turns_come_late_does_not_replace_the_one_that_was_opened_meanwhile() -> None:
    async def story() -> None:
        is_opened = threading.Event()
        seen = Seen(
            KeptSessions({"aaaaaa": TURNS, "bbbbbb": 20}, lambda sid: None if sid == "bbbbbb" else cast("None", is_opened.wait(60)))
        )
        first = asyncio.create_task(seen.session.open("aaaaaa"))
        assert await until_async(lambda: bool(seen.shown))
        await seen.session.open("bbbbbb")
        is_opened.set()
        await first
        assert [each[0] for each in seen.shown] == ["aaaaaa", "bbbbbb"]
        seen.session.close()

    asyncio.run(story())


def test_the_end_of_a_session_is_followed_when_the_daemon_cannot_send_the_rest() -> None:
    def refuse(_: str) -> None:
        raise Unavailable("The store does not answer.")

    async def story() -> None:
        seen = Seen(KeptSessions({"aaaaaa": TURNS}, refuse))
        with pytest.raises(OptaError, match="store"):
            await seen.session.open("aaaaaa")
        assert seen.session.sid == "aaaaaa" and seen.session.is_whole
        assert seen.shown[-1][2] == f"question {TURNS}"
        seen.session.close()

    asyncio.run(story())


def test_a_session_that_cannot_be_opened_leaves_the_one_that_is_being_opened() -> None:
    async def story() -> None:
        may_end = threading.Event()
        seen = Seen(KeptSessions({"aaaaaa": TURNS}, lambda sid: cast("None", may_end.wait(60))))
        first = asyncio.create_task(seen.session.open("aaaaaa"))
        assert await until_async(lambda: bool(seen.shown))
        with pytest.raises(KeyError):
            await seen.session.open("cccccc")
        may_end.set()
        await first
        assert seen.shown[-1] == ("aaaaaa", TURNS, f"question {TURNS}", True)
        seen.session.close()

    asyncio.run(story())
