"""The timeline in a real browser: every event has its place, long sessions stay steady, and each way through them leads there."""

import re
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from support import past_sessions
from support.browser import chromium, opened, shoot, violations
from support.daemon import Daemon
from support.model_server import Action, ModelServer, Say, Think, Use, Wait
from support.oracles import until

pytestmark = [pytest.mark.system, pytest.mark.page]

LONG, SHORT, HUGE, STEPS = "longer", "shorty", "hugest", "stepsy"
# Whether the end of the timeline is in view, within two pixels.
_AT_END = "log => log.scrollHeight - log.scrollTop - log.clientHeight <= 2"
# Where an element stands in the timeline's window.
_TOP = "element => element.getBoundingClientRect().top - element.closest('[role=log]').getBoundingClientRect().top"


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    last = messages[-1]
    if last["role"] == "tool":
        return [Say("Both were read.")]
    if "slowly" in last["content"]:
        return [Think("Slowly, then. "), Say("word " * 300, rate=80, size=5)]
    if "silent" in last["content"]:
        return [Wait(30), Say("late")]
    if "parallel" in last["content"]:
        return [Use("read_file", {"path": "a.txt"}), Use("read_file", {"path": "b.txt"})]
    return [Say(f"You said: {last['content']}")]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with ModelServer(reply) as model:
        made = Daemon(tmp_path_factory.mktemp("timeline"), model_url=model.url)
        made.loaded.paths.make()
        sessions = made.loaded.paths.sessions
        past_sessions.write(sessions, past_sessions.EVERYTHING, past_sessions.everything(made.workspace))
        for sid, turns in ((SHORT, 40), (LONG, 2_000), (HUGE, 10_000)):
            past_sessions.write(sessions, sid, past_sessions.long_session(sid, made.workspace, turns))
        past_sessions.write(sessions, STEPS, past_sessions.long_turns(STEPS, made.workspace, 4, 200))
        for name in ("a.txt", "b.txt"):
            (made.workspace / name).write_text(f"text of {name}\n")
        with made:
            yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture
def page(browser: Browser, daemon: Daemon) -> Generator[Page]:
    with opened(browser, daemon) as made:
        made.context.grant_permissions(["clipboard-read", "clipboard-write"])
        # The newest session is open.
        until(lambda: str(made.evaluate("location.hash")).startswith("#/s/"))
        yield made


def show(page: Page, sid: str, target: str = "") -> Locator:
    page.evaluate(f"location.hash = '#/s/{sid}{target and '/' + target}'")
    log = page.get_by_role("log", name="Timeline")
    expect(log.get_by_role("article").first).to_be_visible()
    return log


def send(page: Page, text: str) -> None:
    box = page.get_by_role("textbox", name="Message")
    box.fill(text)
    box.press("Control+Enter")


def turn(log: Locator, number: int) -> Locator:
    return log.locator(f'[data-turn="t{number}"]')


def still(log: Locator) -> None:
    """Wait until nothing has moved for ten frames."""
    log.evaluate(
        """log => new Promise(done => {
            let [before, frames] = ['', 0];
            const look = () => {
                const now = `${log.scrollTop} ${log.scrollHeight}`;
                frames = now === before ? frames + 1 : 0;
                before = now;
                if (frames < 10) requestAnimationFrame(look);
                else done();
            };
            look();
        })"""
    )


def at_end(log: Locator) -> None:
    until(lambda: log.evaluate(_AT_END))


def test_every_event_stands_where_it_happened(page: Page) -> None:
    page.set_viewport_size({"width": 1440, "height": 2600})
    log = show(page, past_sessions.EVERYTHING)
    expect(turn(log, 1)).to_be_visible()
    text = log.inner_text()
    order = [
        "Refactor the auth middleware",
        "Added to the prompt: AGENTS.md (412 tokens), memory (90 tokens)",
        "lmx/large → lmx/qwen3-coder-30b: large does not answer",
        "Thinking · 312 tokens",
        "I'll refactor",
        "8 reads",
        "0 of 2 done · Change auth.ts",
        "Only in src, please.",
        "tools was lost: silent for 5 s",
        "tools is back after 1240 ms",
        "The disk has less than 1 GB left.",
        "src/auth.ts",
        "npm test",
        "hook lint lint found two unused imports",
        "Paused before step 3",
        "Resumed",
        "steps up to 1 gave way to a list: 2900 → 900 tokens",
        "The middleware is rotated",
        "79 % of the prompt cached",
        "Trigger: the tool worker was suspended",
        "Run the whole suite",
        "Stopped by the user.",
        "Model: lmx/qwen3-coder · Permission level: L3",
        "The model server does not answer.",
        "Context cleared",
        "14 characters of an attempt that was cut off",
        "A whole answer",
        "Stopped at a limit",
    ]
    places = [text.find(words) for words in order]
    assert -1 not in places, [words for words, place in zip(order, places, strict=True) if place < 0]
    assert places == sorted(places)
    shoot(page, "timeline-events", sizes=((1440, 2600),))
    assert violations(page) == []


def test_what_was_added_to_the_prompt_and_reads_open(page: Page) -> None:
    log = show(page, past_sessions.EVERYTHING, "t1")
    log.get_by_role("button", name=re.compile("Added to the prompt")).click()
    expect(log.get_by_text("The user prefers small commits.")).to_be_visible()
    reads = log.get_by_role("region", name=re.compile("8 reads: file1.ts, file2.ts"))
    expect(log.get_by_role("region", name="Read src/middleware/file3.ts")).to_have_count(0)
    reads.get_by_role("button").first.click()
    expect(log.get_by_role("region", name="Read src/middleware/file3.ts")).to_be_visible()
    # They stay open while the session is away.
    show(page, SHORT)
    show(page, past_sessions.EVERYTHING, "t1")
    expect(log.get_by_role("region", name="Read src/middleware/file3.ts")).to_be_visible()


def test_reads_of_one_step_of_a_real_turn_are_one_row(page: Page, daemon: Daemon) -> None:
    sid = daemon.session(mode="do", title="parallel")
    page.evaluate(f"location.hash = '#/s/{sid}'")
    send(page, "parallel reads, please")
    log = page.get_by_role("log", name="Timeline")
    expect(log.get_by_text("Both were read.")).to_be_visible()
    expect(log.get_by_role("region", name="2 reads: a.txt, b.txt")).to_be_visible()


def test_a_stopped_turn_pulses_nowhere(page: Page, daemon: Daemon) -> None:
    sid = daemon.session(mode="chat", title="to be stopped")
    page.evaluate(f"location.hash = '#/s/{sid}'")
    send(page, "slowly")
    log = page.get_by_role("log", name="Timeline")
    expect(log.get_by_text("word word").first).to_be_visible()
    page.get_by_role("button", name=re.compile("^Stop( |$)")).click()
    expect(log.get_by_text("Stopped by the user.")).to_be_visible()
    expect(log.locator(".pulse")).to_have_count(0)
    expect(log.get_by_role("button", name=re.compile(r"Thinking · .*token"))).to_be_visible()


def test_a_silent_model_is_waited_for_with_seconds(page: Page, daemon: Daemon) -> None:
    sid = daemon.session(mode="chat", title="silent")
    page.evaluate(f"location.hash = '#/s/{sid}'")
    send(page, "silent")
    expect(page.get_by_text(re.compile(r"Waiting for the first token · [2-9] s"))).to_be_visible(timeout=15_000)
    page.get_by_role("button", name=re.compile("^Stop( |$)")).click()


def test_a_long_session_opens_at_its_end_with_few_elements(page: Page) -> None:
    log = show(page, HUGE)
    expect(log.get_by_text("answer 10000.")).to_be_visible()
    expect(turn(log, 10_000)).to_have_attribute("aria-posinset", "10000")
    at_end(log)
    # When the daemon has folded all of it, the end has not moved, and the first turn can be reached.
    expect(log.get_by_text(re.compile("earlier turn"))).to_have_count(0, timeout=60_000)
    at_end(log)
    log.evaluate("log => { log.scrollTop = 0; }")
    expect(log.get_by_text("question 1", exact=True)).to_be_visible()
    for share in (0.25, 0.5, 0.75):
        log.evaluate(f"log => {{ log.scrollTop = {share} * log.scrollHeight; }}")
        expect(log.get_by_role("article").nth(1)).to_be_visible()
        assert page.evaluate("document.querySelectorAll('*').length") <= 3_000


def test_a_turn_of_many_steps_shows_its_last_ones_and_an_address_shows_the_others(page: Page) -> None:
    log = show(page, STEPS)
    expect(log.get_by_text("This is step 200 of turn 4.")).to_be_visible()
    still(log)
    log.evaluate("log => { log.scrollTop = 0.5 * log.scrollHeight; }")
    still(log)
    assert page.evaluate("document.querySelectorAll('*').length") <= 3_000
    expect(log.get_by_text("This is step 175 of turn 3.")).to_have_count(0)
    log.get_by_role("button", name="Show 20 of 180 earlier steps").first.click()
    # 1 line for the session, 802 a turn, 4 a step: where step 101 of turn 2 begins.
    show(page, STEPS, str(1 + 802 + 1 + 4 * 100 + 1))
    step = log.get_by_text("This is step 101 of turn 2.", exact=True)
    expect(step).to_be_in_viewport()
    expect(log.locator("[data-revealed]")).to_contain_text("This is step 101 of turn 2.")


def test_scrolling_up_and_back_does_not_move_what_is_read(page: Page) -> None:
    log = show(page, LONG)
    expect(log.get_by_text("answer 2000.")).to_be_visible()
    log.hover()
    for _ in range(12):
        page.mouse.wheel(0, -700)
    still(log)
    read = log.get_by_role("article").nth(2)
    number = read.get_attribute("data-turn")
    until(lambda: log.locator(f'[data-turn="{number}"]').count() == 1)
    still(log)
    one = log.locator(f'[data-turn="{number}"]')
    before = one.evaluate(_TOP)
    # Turns above are measured when they come into view; this one stays where it is.
    still(log)
    assert abs(one.evaluate(_TOP) - before) <= 1


def test_the_end_is_followed_until_the_person_scrolls_and_again_after_a_jump(page: Page, daemon: Daemon) -> None:
    log = show(page, SHORT)
    at_end(log)
    send(page, "slowly, and follow")
    expect(log.get_by_text("slowly, and follow")).to_be_visible()
    expect(log.get_by_text("word word").first).to_be_visible()
    at_end(log)
    log.hover()
    page.mouse.wheel(0, -900)
    jump = page.get_by_role("button", name=re.compile("Jump to end$"))
    expect(jump).to_be_visible()
    top = log.evaluate("log => log.scrollTop")
    length = log.evaluate("log => log.scrollHeight")
    until(lambda: log.evaluate("log => log.scrollHeight") > length, timeout_s=20)
    assert abs(log.evaluate("log => log.scrollTop") - top) <= 1
    log.press("End")
    expect(jump).to_have_count(0)
    at_end(log)
    length = log.evaluate("log => log.scrollHeight")
    until(lambda: log.evaluate("log => log.scrollHeight") > length, timeout_s=20)
    at_end(log)
    # What the person says is in view, wherever they had scrolled to.
    log.hover()
    page.mouse.wheel(0, -900)
    expect(jump).to_be_visible()
    send(page, "and this one waits")
    expect(log.get_by_text("and this one waits", exact=True)).to_be_in_viewport()


def test_each_session_keeps_where_it_was_left(page: Page) -> None:
    log = show(page, LONG)
    expect(log.get_by_text("answer 2000.")).to_be_visible()
    expect(log.get_by_text(re.compile("earlier turn"))).to_have_count(0, timeout=60_000)
    log.evaluate("log => { log.scrollTop = 0.4 * log.scrollHeight; }")
    still(log)
    left = log.locator("article").nth(2)
    name, top = left.get_attribute("data-turn"), left.evaluate(_TOP)
    show(page, past_sessions.EVERYTHING)
    at_end(log)
    show(page, LONG)
    expect(log.locator(f'[data-turn="{name}"]')).to_be_visible(timeout=15_000)
    until(lambda: abs(log.locator(f'[data-turn="{name}"]').evaluate(_TOP) - top) <= 2, timeout_s=10)


def test_the_turn_with_the_focus_and_the_last_answer_stay_drawn(page: Page) -> None:
    log = show(page, LONG, "t700")
    expect(turn(log, 700)).to_be_visible()
    turn(log, 700).focus()
    still(log)
    log.evaluate("log => { log.scrollTop = 0; }")
    expect(log.get_by_text("question 1", exact=True)).to_be_visible()
    assert page.evaluate("document.activeElement.dataset.turn") == "t700"
    expect(turn(log, 2_000)).to_have_count(1)
    # So does what is selected.
    page.evaluate("document.getSelection().selectAllChildren(document.querySelector('[data-turn=t3]'))")
    log.evaluate("log => { log.scrollTop = 0.5 * log.scrollHeight; }")
    expect(log.get_by_text("question 1", exact=True)).to_have_count(0)
    assert "question 3" in page.evaluate("String(document.getSelection())")


def test_an_address_shows_its_turn_or_event_and_marks_it(page: Page) -> None:
    log = show(page, LONG, "t1234")
    expect(turn(log, 1234)).to_be_in_viewport()
    assert turn(log, 1234).evaluate(_TOP) < 60
    log = show(page, past_sessions.EVERYTHING, "t1")
    page.get_by_role("button", name="6 marks where it may have changed course").click()
    log.get_by_role("link", name="event 4", exact=True).click()
    marked = log.locator("[data-revealed]")
    expect(marked).to_contain_text("Added to the prompt: AGENTS.md")
    expect(marked).to_be_in_viewport()


def test_keys_go_from_turn_to_turn_with_the_focus(page: Page) -> None:
    log = show(page, SHORT, "t20")
    expect(turn(log, 20)).to_be_in_viewport()
    log.focus()
    for key, number in (("[", 19), ("[", 18), ("]", 19), ("Alt+ArrowDown", 20), ("Alt+ArrowUp", 19)):
        page.keyboard.press(key)
        expect(turn(log, number)).to_be_focused()
        expect(turn(log, number)).to_be_in_viewport()
    # In the composer they are text.
    page.get_by_role("textbox", name="Message").press("[")
    expect(page.get_by_role("textbox", name="Message")).to_have_value("[")
    page.get_by_role("textbox", name="Message").fill("")


def test_the_outline_goes_to_a_turn(page: Page) -> None:
    log = show(page, LONG)
    expect(log.get_by_text(re.compile("earlier turn"))).to_have_count(0, timeout=60_000)
    page.get_by_role("button", name="Outline of the session").click()
    page.get_by_role("textbox", name="Find a turn").fill("question 77")
    shoot(page, "timeline-outline", sizes=((1440, 900), (390, 844)))
    assert violations(page) == []
    page.get_by_role("navigation", name="Turns of this session").get_by_text("question 777", exact=True).click()
    expect(turn(log, 777)).to_be_in_viewport()
    assert page.evaluate("location.hash") == f"#/s/{LONG}/t777"


def test_the_menu_of_a_turn_copies_its_link_and_its_words(page: Page) -> None:
    log = show(page, past_sessions.EVERYTHING, "t1")
    menu = log.get_by_role("button", name="More about turn 1")
    menu.click()
    page.get_by_role("menuitem", name="Copy the link").click()
    until(lambda: str(page.evaluate("navigator.clipboard.readText()")).endswith(f"#/s/{past_sessions.EVERYTHING}/t1"))
    menu.click()
    page.get_by_role("menuitem", name="Copy the turn").click()
    until(lambda: "> Edit `src/auth.ts`" in page.evaluate("navigator.clipboard.readText()"))
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("**You:** Refactor the auth middleware") and "```diff" in copied


def test_find_searches_all_turns_and_shows_each_hit(page: Page) -> None:
    log = show(page, LONG)
    expect(log.get_by_text(re.compile("earlier turn"))).to_have_count(0, timeout=60_000)
    page.keyboard.press("Control+f")
    field = page.get_by_role("textbox", name="Find in prompts")
    field.fill("QUESTION 42")
    bar = page.get_by_role("search", name="Find in this session")
    expect(bar.get_by_text("11 of 11")).to_be_visible()
    expect(log.get_by_text("question 429", exact=True)).to_be_in_viewport()
    field.press("Enter")
    expect(bar.get_by_text("1 of 11")).to_be_visible()
    expect(log.get_by_text("question 42", exact=True)).to_be_in_viewport()
    until(lambda: page.evaluate("[...CSS.highlights.get('found-current') ?? []].map(String).join()") == "question 42")
    field.press("Shift+Enter")
    expect(bar.get_by_text("11 of 11")).to_be_visible()
    field.fill("no such words")
    expect(bar.get_by_text("Nothing found")).to_be_visible()
    field.press("Escape")
    expect(bar).to_have_count(0)
    assert page.evaluate("CSS.highlights.size") == 0


def test_find_opens_the_card_that_holds_the_hit(page: Page) -> None:
    log = show(page, past_sessions.EVERYTHING)
    at_end(log)
    page.keyboard.press("Control+f")
    field = page.get_by_role("textbox", name="Find in prompts")
    field.fill("needle of src/middleware/file5")
    expect(log.get_by_text("the needle of src/middleware/file5.ts")).to_be_in_viewport()
    until(lambda: page.evaluate("[...CSS.highlights.get('found-current') ?? []].map(String).join()") == "needle of src/middleware/file5")
    shoot(page, "timeline-find")
    assert violations(page) == []
    field.fill("Then the tests")
    expect(log.get_by_text("Then the tests.")).to_be_in_viewport()
