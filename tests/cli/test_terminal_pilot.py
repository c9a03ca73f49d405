"""The full-screen terminal with scripted events: questions, messages while a turn runs, interruptions, older turns, thinking."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import screen_story as story
from support.oracles import until_async
from support.piloted import app_of, opened, quiet_home, screen_of, shows
from support.scripted_client import SID, ScriptedClient
from textual.events import Paste
from textual.pilot import Pilot

from opta_cli.tui import key_guard
from opta_cli.tui.key_guard import SETTLE_S
from opta_core.errors import OptaError
from opta_core.fold import fold
from opta_protocol import events as e
from opta_protocol import wire
from opta_protocol.error_info import ErrorCode
from opta_protocol.permissions import Level, Mode

PATH = f"/v3/sessions/{SID}"
ANSWERS: dict[str, Any] = {
    **{f"POST {PATH}/{action}": {} for action in ("steer", "pause", "stop", "permissions/r1", "questions/q1")},
    f"POST {PATH}/turns": {"turnId": "t3", "seq": 99, "queued": True},
}
Deed = Callable[[Pilot[Any], ScriptedClient], Awaitable[None]]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with quiet_home(tmp_path, monkeypatch):
        yield


def played(deed: Deed, events: list[e.Event] | None = None, width: int = 90, rows: int = 40) -> ScriptedClient:
    client = ScriptedClient(story.PAST if events is None else events, ANSWERS)

    async def run() -> None:
        async with opened(client).run_test(size=(width, rows), notifications=True) as pilot:
            await shows(pilot, "Connected")
            await deed(pilot, client)

    asyncio.run(run())
    return client


def posted(client: ScriptedClient) -> list[tuple[str, Any]]:
    """What the terminal asked of the daemon, without what it only read."""
    return [(path.removeprefix(PATH), body) for method, path, body in client.requests if method == "POST"]


async def settled(pilot: Pilot[Any]) -> None:
    await pilot.pause(SETTLE_S + 0.1)


def test_a_key_after_the_dead_time_answers_once(monkeypatch: pytest.MonkeyPatch) -> None:
    # However slow the machine is, the first key comes within the time and the second behind it.
    monkeypatch.setattr(key_guard, "SETTLE_S", 600)

    async def deed(pilot: Pilot[Any], client: ScriptedClient) -> None:
        client.add(story.REQUEST)
        await shows(pilot, "allow once")
        await pilot.press("y")
        await shows(pilot, "half a second")
        monkeypatch.setattr(key_guard, "SETTLE_S", 0)
        await pilot.press("y")
        assert await until_async(lambda: "allow once" not in screen_of(pilot))

    client = played(deed)
    assert posted(client) == [("/permissions/r1", {"decision": "allow", "client": "the terminal"})]


def test_a_held_key_and_a_paste_answer_nothing() -> None:
    async def deed(pilot: Pilot[Any], client: ScriptedClient) -> None:
        client.add(story.REQUEST)
        await shows(pilot, "allow once")
        await settled(pilot)
        await pilot.press("y", "y", "y")
        await shows(pilot, "held down")
        pilot.app.screen.post_message(Paste("y\ny\n"))
        await shows(pilot, "no answer")
        await pilot.pause(0.3)

    assert posted(played(deed)) == []


def test_a_broader_answer_shows_its_exact_rules_and_is_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def deed(pilot: Pilot[Any], client: ScriptedClient) -> None:
        client.add(story.REQUEST)
        await shows(pilot, "allow once")
        await settled(pilot)
        await pilot.press("s")
        screen = await shows(pilot, "From now on")
        assert "│ pytest *" in screen and "/work/api" in screen
        # However slow the machine is, the first key comes within the time and the second behind it.
        monkeypatch.setattr(key_guard, "SETTLE_S", 600)
        await pilot.press("y")
        await pilot.pause(0.3)
        assert posted(client) == []
        monkeypatch.setattr(key_guard, "SETTLE_S", 0)
        await pilot.press("y")
        assert await until_async(lambda: bool(posted(client)))

    client = played(deed)
    assert posted(client) == [("/permissions/r1", {"decision": "session", "offer": "session", "client": "the terminal"})]


def test_nothing_is_allowed_before_all_of_it_was_on_the_screen() -> None:
    lines = "\n".join(f"+line {number}" for number in range(200))
    request = e.PermissionRequest(**{**_fields(story.REQUEST), "diff": lines, "args": {"command": "x"}})

    async def deed(pilot: Pilot[Any], client: ScriptedClient) -> None:
        client.add(request)
        await shows(pilot, "allow once")
        await settled(pilot)
        await pilot.press("y")
        await shows(pilot, "There is more below")
        await settled(pilot)
        await pilot.press("end")
        await shows(pilot, "+line 199")
        await pilot.press("y")
        assert await until_async(lambda: bool(posted(client)))

    assert posted(played(deed)) == [("/permissions/r1", {"decision": "allow", "client": "the terminal"})]


def _fields(event: e.PermissionRequest) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__struct_fields__}


def test_a_question_waits_while_a_message_is_written_and_opens_on_request() -> None:
    async def deed(pilot: Pilot[Any], client: ScriptedClient) -> None:
        await pilot.press("h", "i")
        client.add(story.REQUEST)
        screen = await shows(pilot, "Needs you: run_command")
        assert "allow once" not in screen and "hi" in screen
        await pilot.press("f4")
        await shows(pilot, "allow once")

    played(deed)


def test_an_answer_given_elsewhere_closes_the_card_and_says_by_whom() -> None:
    async def deed(pilot: Pilot[Any], client: ScriptedClient) -> None:
        client.add(story.REQUEST)
        await shows(pilot, "allow once")
        client.add(e.PermissionDecision(**story.TWO, callId="c4", requestId="r1", decision="deny", by="client", client="the page"))
        screen = await shows(pilot, "Answered in the page: denied.")
        assert "allow once" not in screen

    assert posted(played(deed)) == []


def test_the_models_question_takes_an_option_or_words() -> None:
    for typed, body in (("2", {"option": 1}), ("maybe", {"text": "maybe"})):

        async def deed(pilot: Pilot[Any], client: ScriptedClient, typed: str = typed) -> None:
            client.add(*story.QUESTION)
            await shows(pilot, "The model asks")
            await settled(pilot)
            await pilot.press(*typed)
            await settled(pilot)
            await pilot.press("enter")
            assert await until_async(lambda: bool(posted(client)))

        assert posted(played(deed)) == [("/questions/q1", {**body, "client": "the terminal"})]


def test_a_message_steers_the_running_turn_and_ctrl_t_queues_one() -> None:
    async def deed(pilot: Pilot[Any], client: ScriptedClient) -> None:
        await pilot.press(*"quick", "enter")
        assert await until_async(lambda: len(posted(client)) == 1)
        await pilot.press(*"next", "ctrl+t")
        assert await until_async(lambda: len(posted(client)) == 2)

    assert posted(played(deed)) == [("/steer", {"text": "quick"}), ("/turns", {"text": "next"})]


def test_words_for_a_turn_that_has_just_ended_become_a_turn() -> None:
    def refuse(body: Any) -> None:
        raise OptaError("There is no running turn.", code=ErrorCode.conflict)

    async def deed(pilot: Pilot[Any], client: ScriptedClient) -> None:
        client.answers[f"POST {PATH}/steer"] = refuse
        await pilot.press(*"late", "enter")
        assert await until_async(lambda: len(posted(client)) == 2)

    assert posted(played(deed)) == [("/steer", {"text": "late"}), ("/turns", {"text": "late"})]


def test_ctrl_c_pauses_a_task_and_stops_it_the_second_time() -> None:
    async def deed(pilot: Pilot[Any], client: ScriptedClient) -> None:
        await pilot.press("ctrl+c")
        assert await until_async(lambda: len(posted(client)) == 1)
        await pilot.press("ctrl+c")
        assert await until_async(lambda: len(posted(client)) == 2)

    assert [path for path, _ in posted(played(deed))] == ["/pause", "/stop"]


def test_ctrl_c_clears_a_draft_and_then_quits_the_second_time() -> None:
    async def deed(pilot: Pilot[Any], client: ScriptedClient) -> None:
        await pilot.press("h", "i", "ctrl+c")
        assert app_of(pilot).main.composer.text == ""
        await pilot.press("ctrl+c")
        await shows(pilot, "again to quit")
        await pilot.press("ctrl+c")
        await pilot.pause()
        assert app_of(pilot).return_value == 0

    played(deed, story.PAST[: len(story.PAST) - 4])


def test_the_last_40_turns_are_laid_out_and_older_ones_on_request() -> None:
    events: list[e.Event] = [story.PAST[0]]
    for number in range(1, 101):
        of = story.Of(sid=SID, turn=f"t{number}")
        events.append(e.TurnStart(**of, role="user", text=f"question {number}.", mode=Mode.chat, level=Level.L1))
        events.append(e.StepStart(**of, step=1, provider="p", model="m", attempt=1))
        events.append(e.TurnToken(**of, delta=f"answer {number}."))
        events.append(e.TurnDone(**of, tokens=1, elapsed=1, tokensPerSec=1, tools=0, steps=1, finish="stop"))

    async def deed(pilot: Pilot[Any], client: ScriptedClient) -> None:
        await shows(pilot, "answer 100.")
        timeline = app_of(pilot).main.timeline
        timeline.scroll_home(animate=False)
        screen = await shows(pilot, "60 earlier turns")
        assert "question 61." in screen
        await pilot.press("ctrl+home")
        await shows(pilot, "20 earlier turns")
        await pilot.press("ctrl+end")
        await shows(pilot, "answer 100.")

    played(deed, events)


def test_thinking_is_folded_with_its_size_and_unfolds() -> None:
    events = [
        *story.PAST[:4],
        e.StepDone(**story.ONE, step=1, tokens=9, promptTokens=1, cachedTokens=0, finish="stop", thinkingTokens=48),
    ]

    async def deed(pilot: Pilot[Any], client: ScriptedClient) -> None:
        screen = await shows(pilot, "Thinking · 48 tokens")
        assert "leaks" not in screen
        await pilot.press("f3", "space")
        await shows(pilot, "leaks")

    played(deed, events)


def test_every_event_is_folded_once_whatever_its_batches() -> None:
    async def deed(pilot: Pilot[Any], client: ScriptedClient) -> None:
        await shows(pilot, "Refactor the auth middleware")
        for event in story.PAST[3:]:
            client.add(event)
        await shows(pilot, "Fix the test")
        live = app_of(pilot).main.session.transcript
        assert await until_async(lambda: live.lastSeq == len(client.lines))
        assert app_of(pilot).main.session.transcript == fold(map(wire.decode, client.lines))

    played(deed, story.PAST[:3])


def test_many_pieces_of_an_answer_are_drawn_together() -> None:
    async def deed(pilot: Pilot[Any], client: ScriptedClient) -> None:
        timeline = app_of(pilot).main.timeline
        before = timeline.layouts
        client.add(*(e.TurnToken(**story.TWO, delta=f"w{number} ") for number in range(2000)))
        await shows(pilot, "w1999")
        assert timeline.layouts - before < 20

    played(deed)
