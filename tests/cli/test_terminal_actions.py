"""Actions of the full-screen terminal with scripted answers: undo and redo, trash and its way back, questions of sub-agents, the mouse."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support import screen_story as story
from support.oracles import until_async
from support.piloted import app_of, opened, quiet_home, screen_of, shows
from support.scripted_client import SESSION, SID, ScriptedClient
from textual.pilot import Pilot

from opta_cli.tui import key_guard
from opta_protocol import events as e
from opta_protocol import wire
from opta_protocol.child_events import ChildStart, ChildState
from opta_protocol.permissions import Risk

PATH = f"/v3/sessions/{SID}"
CHILD = "c0ffee"
Deed = Callable[[Pilot[Any], ScriptedClient], Awaitable[None]]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # The dead time of keys has tests with a clock in test_terminal_pilot.py.
    monkeypatch.setattr(key_guard, "SETTLE_S", 0)
    with quiet_home(tmp_path, monkeypatch):
        yield


def played(deed: Deed, answers: dict[str, Any], events: list[e.Event] | None = None) -> list[tuple[str, str, Any]]:
    """What the terminal asked of the daemon, without what it only read."""
    client = ScriptedClient(story.PAST[:-4] if events is None else events, answers)

    async def run() -> None:
        async with opened(client).run_test(size=(100, 40), notifications=True) as pilot:
            await shows(pilot, "Connected")
            await deed(pilot, client)

    asyncio.run(run())
    return [(method, path.removeprefix(PATH), body) for method, path, body in client.requests if method != "GET"]


async def act(pilot: Pilot[Any], name: str) -> None:
    """Run an action from the palette."""
    await pilot.press("ctrl+p")
    await shows(pilot, "Enter takes")
    await pilot.press(*name)
    await shows(pilot, name)
    await pilot.press("enter")


def _undone(did: str, why: str = "", *, also: bool = False) -> Callable[[Any], Any]:
    """The answer to an undo: one file with this outcome, and with `also` a second one that is restored."""

    def answer(body: dict[str, Any]) -> dict[str, Any]:
        files = [{"path": "src/auth.py", "did": did, "why": why}]
        files += [{"path": "README.md", "did": "restored", "why": ""}] if also else []
        is_done = not body.get("dryRun") and (did != "refused" or body.get("partly", False))
        return {"turnId": body["turnId"], "isDone": is_done, "files": files}

    return answer


@pytest.mark.parametrize(("action", "did"), [("undo", "undone"), ("redo", "made again")])
def test_undo_and_redo_show_each_file_before_they_are_done(action: str, did: str) -> None:
    async def deed(pilot: Pilot[Any], client: ScriptedClient) -> None:
        await act(pilot, "Undo what a turn" if action == "undo" else "Make the changes of a turn")
        await shows(pilot, "t1  Refactor")
        await pilot.press("enter")
        screen = await shows(pilot, f"y {action} it")
        assert "src/auth.py is as" in screen
        await pilot.press("y")
        await shows(pilot, f"t1: {did}.")

    asked = played(deed, {f"POST {PATH}/{action}": _undone("restored")})
    assert [body for _, _, body in asked] == [{"turnId": "t1", "partly": False, "dryRun": True}, {"turnId": "t1", "partly": False}]


def test_an_undo_that_is_left_changes_nothing() -> None:
    async def deed(pilot: Pilot[Any], client: ScriptedClient) -> None:
        await act(pilot, "Undo what a turn")
        await shows(pilot, "t1  Refactor")
        await pilot.press("enter")
        await shows(pilot, "y undo it")
        await pilot.press("n")
        assert await until_async(lambda: "y undo it" not in screen_of(pilot))

    assert [body["dryRun"] for _, _, body in played(deed, {f"POST {PATH}/undo": _undone("restored")})] == [True]


def test_an_undo_that_cannot_be_whole_says_which_file_and_why_and_offers_the_others() -> None:
    async def deed(pilot: Pilot[Any], client: ScriptedClient) -> None:
        await act(pilot, "Undo what a turn")
        await shows(pilot, "t1  Refactor")
        await pilot.press("enter")
        screen = await shows(pilot, "y undo the others")
        assert "1 of 2 files cannot be." in screen and "src/auth.py was left as it is: it was changed since" in screen
        await pilot.press("y")
        await shows(pilot, "t1: undone, except 1 file.")

    asked = played(deed, {f"POST {PATH}/undo": _undone("refused", "it was changed since", also=True)})
    assert asked[-1][2] == {"turnId": "t1", "partly": True}


def test_an_undo_of_which_nothing_can_be_done_is_refused_with_the_reason() -> None:
    async def deed(pilot: Pilot[Any], client: ScriptedClient) -> None:
        await act(pilot, "Undo what a turn")
        await shows(pilot, "t1  Refactor")
        await pilot.press("enter")
        assert await until_async(lambda: "Nothing of t1 can" in screen_of(pilot), 10)

    assert [body["dryRun"] for _, _, body in played(deed, {f"POST {PATH}/undo": _undone("refused", "the disk is full")})] == [True]


def test_a_session_goes_to_the_trash_after_a_question_and_comes_back() -> None:
    restored = {"sessions": [{**SESSION, "id": SID}]}

    async def deed(pilot: Pilot[Any], client: ScriptedClient) -> None:
        await act(pilot, "Move the session to the trash")
        screen = await shows(pilot, "y move it")
        assert "Refactor the auth layer" in screen
        await pilot.press("y")
        assert await until_async(lambda: f"s-{SID} is in the trash" in screen_of(pilot), 10)
        await shows(pilot, "Message")
        await act(pilot, "Bring a session back")
        await shows(pilot, f"s-{SID} · trash")
        await pilot.press("enter")
        await shows(pilot, "One test fails")

    answers = {
        f"DELETE {PATH}": {},
        "GET /v3/put-away": lambda query: restored if query.get("where") == "trash" else {"sessions": []},
        f"POST /v3/put-away/{SID}/restore": {},
    }
    assert [(method, path) for method, path, _ in played(deed, answers)] == [("DELETE", ""), ("POST", f"/v3/put-away/{SID}/restore")]


def test_a_question_of_a_sub_agent_is_shown_whole_and_answered_in_its_session() -> None:
    asks = msgspec.structs.replace(story.REQUEST, sid=CHILD, turn="t1")
    line = msgspec.json.decode(wire.stamp(wire.encode_body(asks), 7, "2026-01-02T03:04:05.000007Z", "test.boot", 7))

    async def deed(pilot: Pilot[Any], client: ScriptedClient) -> None:
        client.add(
            e.ToolCall(**story.TWO, callId="c6", name="agent", args={"title": "Look for callers", "task": "x"}, risk=Risk.read, step=1),
            ChildStart(**story.TWO, callId="c6", childSid=CHILD, title="Look for callers"),
            ChildState(**story.TWO, callId="c6", childSid=CHILD, state="waiting", asks="Run pytest?", askSeq=7),
        )
        screen = await shows(pilot, "allow once")
        assert "Look for callers" in screen and "pytest -q -k login" in screen
        await pilot.press("n")
        assert await until_async(lambda: any("permissions" in path for _, path, _ in client.requests))

    answers = {f"GET /v3/sessions/{CHILD}/events": {"events": [line]}, f"POST /v3/sessions/{CHILD}/permissions/r1": {}}
    asked = played(deed, answers, story.PAST[:-1])
    assert asked == [("POST", f"/v3/sessions/{CHILD}/permissions/r1", {"decision": "deny", "client": "the terminal"})]


def test_a_click_opens_a_tool_call_and_takes_a_choice() -> None:
    async def deed(pilot: Pilot[Any], client: ScriptedClient) -> None:
        rows = (await shows(pilot, "One test fails")).splitlines()
        y = next(number for number, row in enumerate(rows) if "exit 1" in row or "pytest -q" in row)
        await pilot.click(offset=(10, y))
        await shows(pilot, "assert 401 == 200")
        await pilot.press("escape")
        await pilot.press("ctrl+o")
        rows = (await shows(pilot, "Add pagination")).splitlines()
        y = next(number for number, row in enumerate(rows) if "Add pagination" in row)
        await pilot.click(offset=(rows[y].index("Add"), y))
        assert await until_async(lambda: any("b4c3d2" in path for _, path, _ in client.requests))

    assert played(deed, {"GET /v3/sessions": story.SESSIONS}) == []


def test_a_click_never_answers_a_question() -> None:
    async def deed(pilot: Pilot[Any], client: ScriptedClient) -> None:
        client.add(story.REQUEST)
        screen = await shows(pilot, "allow once")
        rows = screen.splitlines()
        for y, row in enumerate(rows):
            if "allow once" in row:
                await pilot.click(offset=(row.index("allow once"), y))
        await pilot.pause(0.3)
        assert "allow once" in screen_of(pilot)
        assert app_of(pilot).main.session.asked

    assert played(deed, {}, story.PAST) == []
