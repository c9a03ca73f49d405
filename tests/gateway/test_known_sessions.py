"""What the gateway knows of a session without asking: always what the session is set to, through changes at any moment."""

import asyncio

import pytest

from opta_core.errors import Unavailable
from opta_gateway.known_sessions import SESSIONS_MAX, KnownSessions
from opta_protocol.http import Session
from opta_protocol.permissions import Mode, default_level

LEVEL = default_level(Mode.do)


class Store:
    """Answers when `may_answer` is set, with the model as it was when it was asked."""

    def __init__(self) -> None:
        self.model, self.asked = "first", 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def session(self, name: str) -> Session:
        self.asked += 1
        model = self.model
        await self.may_answer.wait()
        return Session(
            id=name[:6], title="", cwd="/work", mode=Mode.do, level=LEVEL, model=model, state="idle", turns=0, createdAt="",
            lastActivityAt="", lastSeq=0, pinned=False, archived=False, pending=0,
        )  # fmt: skip


def test_a_session_is_asked_for_once_until_it_changes() -> None:
    async def scenario() -> None:
        store = Store()
        known = KnownSessions(store.session)
        assert [(await known.settings("abcdef")).model for _ in range(3)] == ["first"] * 3
        assert store.asked == 1
        with known.changing("abcdef"):
            store.model = "second"
        assert (await known.settings("abcdef")).model == "second"
        assert store.asked == 2

    asyncio.run(scenario())


def test_an_answer_from_before_a_change_is_not_kept() -> None:
    async def scenario() -> None:
        store = Store()
        known = KnownSessions(store.session)
        store.may_answer.clear()
        early = asyncio.create_task(known.settings("abcdef"))
        await asyncio.sleep(0)
        with known.changing("abcdef"):
            store.model = "second"
        store.may_answer.set()
        assert (await early).model == "first"
        assert (await known.settings("abcdef")).model == "second"

    asyncio.run(scenario())


def test_after_a_change_that_was_not_confirmed_the_store_is_asked_each_time() -> None:
    async def scenario() -> None:
        store = Store()
        known = KnownSessions(store.session)
        with pytest.raises(Unavailable), known.changing("abcdef"):
            raise Unavailable("The session store does not answer.")
        assert (await known.settings("abcdef")).model == "first"
        # The store writes the change now.
        store.model = "second"
        assert (await known.settings("abcdef")).model == "second"

    asyncio.run(scenario())


def test_a_prefix_is_asked_for_and_the_number_of_known_sessions_is_bounded() -> None:
    async def scenario() -> None:
        store = Store()
        known = KnownSessions(store.session)
        for number in range(SESSIONS_MAX + 1):
            await known.settings(f"{number:06}")
        asked = store.asked
        await known.settings(f"{SESSIONS_MAX:06}")
        assert store.asked == asked
        await known.settings("000000")
        assert store.asked == asked + 1

    asyncio.run(scenario())
