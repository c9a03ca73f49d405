"""Several questions in a real browser: a list, answered one by one, from any window, with notes; and the way to them by key."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from support.asked_page import KEYS, asked, decisions, deny_rest, show, unopened
from support.browser import chromium, shoot, violations
from support.daemon import Daemon
from support.limits import limit_s
from support.model_server import Action, ModelServer, Say, Use

pytestmark = [pytest.mark.system, pytest.mark.page]

CALLS: dict[str, list[Action]] = {
    "choose": [Use("ask_user", {"question": "Which database?", "options": ["sqlite", "postgres"]})],
    "queue": [Use("run_command", {"command": f"echo {number} > made-{number}"}) for number in range(4)],
    "one": [Use("run_command", {"command": "echo yes > made"})],
}


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    last = messages[-1]
    if last["role"] == "tool":
        return [Say("It is over.")]
    return CALLS.get(last["content"].split()[0], [Say("Nothing to do.")])


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with ModelServer(reply) as model, Daemon(tmp_path_factory.mktemp("questions"), model_url=model.url) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with unopened(browser) as made:
        yield made


def test_several_questions_are_a_list_and_each_is_answered_by_itself(daemon: Daemon, page: Page) -> None:
    sid, turn, card = asked(daemon, page, "queue")
    entries = page.get_by_role("region", name="4 questions").get_by_role("list").get_by_role("button")
    expect(entries).to_have_text([re.compile(f"Run echo {number} > made-{number}") for number in range(4)])
    expect(card.get_by_text("1 of 4")).to_be_visible()
    entries.nth(2).click()
    expect(card.get_by_text("echo 2 > made-2", exact=True)).to_be_visible()
    shoot(page, "questions")
    assert violations(page) == []
    card.get_by_role("button", name="Allow once").click()
    expect(page.get_by_role("region", name="3 questions")).to_be_visible()
    # The one that came to its place, and no other, is shown.
    expect(card.get_by_text("echo 3 > made-3", exact=True)).to_be_visible()
    requests = [json.loads(line) for line in daemon.journal(sid) if b'"permission.request"' in line]
    assert [(each["requestId"], each["decision"]) for each in decisions(daemon, sid)] == [(requests[2]["requestId"], "allow")]
    deny_rest(daemon, sid, turn)
    (daemon.workspace / "made-2").unlink(missing_ok=True)


def test_a_denial_takes_a_note_that_the_model_reads(daemon: Daemon, page: Page) -> None:
    sid, turn, card = asked(daemon, page, "one")
    card.get_by_role("button", name="Deny with a note").click()
    note = card.get_by_role("textbox", name="Note to the model")
    expect(note).to_be_focused()
    note.fill("Ask me tomorrow.")
    shoot(page, "deny-note")
    assert violations(page) == []
    expect(card.get_by_role("button", name="Deny", exact=True)).to_be_enabled()
    page.keyboard.press("Enter")
    events = daemon.follow(sid, turn)
    assert [(each["decision"], each["note"]) for each in decisions(daemon, sid)] == [("deny", "Ask me tomorrow.")]
    assert any("Ask me tomorrow." in each.get("content", "") for each in events if each["event"] == "tool.result")


def test_what_the_model_asks_is_in_the_list_and_is_answered_there(daemon: Daemon, page: Page) -> None:
    sid = daemon.session(mode="do", title="asks")
    show(daemon, page, sid)
    turn = daemon.submit(sid, "choose one")
    card = page.get_by_role("region", name="Question of the model")
    expect(card.get_by_role("button", name="sqlite")).to_be_enabled(timeout=limit_s(30_000))
    shoot(page, "question-of-the-model")
    assert violations(page) == []
    card.get_by_role("button", name="postgres").click()
    events = daemon.follow(sid, turn)
    assert [(each["text"], each["client"]) for each in events if each["event"] == "question.answered"] == [("postgres", "the page")]
    expect(card).to_have_count(0)


def test_an_answer_in_another_window_closes_the_card_and_says_so(daemon: Daemon, page: Page, browser: Browser) -> None:
    sid, turn, card = asked(daemon, page, "one")
    with unopened(browser) as other:
        show(daemon, other, sid)
        button = other.get_by_role("region", name="Permission").get_by_role("button", name="Deny", exact=True)
        expect(button).to_be_enabled()
        button.click()
        expect(card).to_have_count(0)
        expect(page.get_by_text("Run echo yes > made: Answered in another window: denied.")).to_be_visible()
        # The window in which it was answered does not say what the person knows.
        expect(other.get_by_text("Answered in another window")).to_have_count(0)
    daemon.follow(sid, turn)


def test_one_key_leads_to_the_question_and_to_the_next_session_that_needs_the_person(daemon: Daemon, page: Page) -> None:
    first, first_turn, card = asked(daemon, page, "one")
    calm = daemon.session(mode="do", title="calm")
    show(daemon, page, calm)
    expect(page.get_by_role("button", name="1 needs you")).to_be_visible()
    expect(page).to_have_title(re.compile("1 needs you"))
    page.get_by_role("textbox", name="Message").focus()
    page.keyboard.press("Alt+j")
    expect(card).to_be_focused()
    assert page.evaluate("location.hash") == f"#/s/{first}"
    page.get_by_role("textbox", name="Message").focus()
    page.keyboard.press("Alt+j")
    expect(card).to_be_focused()
    for width in (1440, 1024, 720, 360):
        page.set_viewport_size({"width": width, "height": 800})
        expect(page.get_by_role("button", name="1 needs you")).to_be_in_viewport()
    deny_rest(daemon, first, first_turn)
    expect(page.get_by_role("button", name="needs you")).to_have_count(0)


def test_an_answer_given_elsewhere_closes_the_card_and_says_where(daemon: Daemon, page: Page) -> None:
    sid, turn, card = asked(daemon, page, "one")
    request = next(json.loads(line)["requestId"] for line in daemon.journal(sid) if b'"permission.request"' in line)
    path = f"/v3/sessions/{sid}/permissions/{request}"
    daemon.client.post(path, {"decision": "deny", "client": "the terminal"})
    expect(card).to_have_count(0)
    expect(page.get_by_text("Run echo yes > made: Answered in the terminal: denied.")).to_be_visible()
    with pytest.raises(Exception, match="answered already in the terminal: denied"):
        daemon.client.post(path, {"decision": "allow"})
    daemon.follow(sid, turn)


def test_no_key_on_the_list_of_questions_decides(daemon: Daemon, page: Page) -> None:
    sid, turn, card = asked(daemon, page, "queue")
    entries = page.get_by_role("region", name="4 questions").get_by_role("list").get_by_role("button")
    expect(entries).to_have_count(4)
    for at in range(4):
        for key in KEYS:
            if page.get_by_role("dialog").count():
                page.keyboard.press("Escape")
                expect(page.get_by_role("dialog")).to_have_count(0)
            entries.nth(at).focus()
            page.keyboard.press(key)
    # The key that answers would have counted by now.
    expect(card.get_by_role("button", name="Allow once")).to_be_enabled()
    assert not decisions(daemon, sid)
    deny_rest(daemon, sid, turn)
