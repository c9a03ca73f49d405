"""The composer of the real page against a real daemon: completion, menus, files, waiting words, the context, keys, and every width."""

import contextlib
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from support.browser import chromium, opened, shoot, violations
from support.daemon import Daemon
from support.limits import limit_s
from support.model_server import Action, ModelServer, Say, Wait
from support.oracles import until

pytestmark = [pytest.mark.system, pytest.mark.page]

TIMELINE_PX_MIN = 120
# A key may take so long on the main thread, with any message.
KEY_MS_MAX = 16
# A picture of one pixel.
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
_PASTE = """([kind, content]) => {
    const data = new DataTransfer();
    if (kind === 'text') data.setData('text/plain', content);
    else {
        const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
        data.items.add(new File([bytes], kind, { type: kind.endsWith('.png') ? 'image/png' : 'application/pdf' }));
    }
    const field = document.querySelector('[data-focus="composer"]');
    field.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
}"""


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    last = str(messages[-1]["content"])
    if "slowly" in last:
        return [Say("word " * 40, rate=20, size=5), Wait(30)]
    if "a plan" in last:
        return [Say("1. Read it.\n2. Change it.")]
    return [Say("It is done.")]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("composer")
    with contextlib.ExitStack() as stack:
        model = stack.enter_context(ModelServer(reply, {"max_model_len": 12_000}))
        other = f'[providers.other]\ntype = "openai"\nbase-url = "{model.url}"\nmodel = "scripted"\n'
        running = stack.enter_context(Daemon(folder, model_url=model.url, config=other))
        for name, text in {
            "README.md": "# Readme\n",
            "src/app.py": "print('hi')\n",
            "src/deep/apple.py": "",
            "my notes.txt": "the notes\n",
            ".gitignore": "build/\n",
            "build/app.js": "",
            ".env": "KEY=1\n",
        }.items():
            (running.workspace / name).parent.mkdir(parents=True, exist_ok=True)
            (running.workspace / name).write_text(text)
        home = running.loaded.paths.home
        (home / "commands").mkdir(exist_ok=True)
        (home / "commands/review.md").write_text("---\ndescription: Review a file\narguments: FILE\n---\nReview @$1.\n")
        (home / "skills/release").mkdir(parents=True, exist_ok=True)
        (home / "skills/release/SKILL.md").write_text("---\nname: release\ndescription: Publish a version\n---\nRun it.\n")
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture
def page(browser: Browser, daemon: Daemon) -> Iterator[Page]:
    with opened(browser, daemon) as made:
        yield made


def begin(daemon: Daemon, page: Page, title: str, **fields: Any) -> str:
    """Open a new session in the page."""
    sid = daemon.session(title=title, cwd=str(daemon.workspace), **fields)
    page.get_by_role("button", name=re.compile(title)).click()
    expect(page.get_by_role("heading", name=title)).to_be_visible()
    return sid


def message(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Message", exact=True)


def events(daemon: Daemon, sid: str, kind: str) -> list[dict[str, Any]]:
    return [event for event in map(json.loads, daemon.journal(sid)) if event["event"] == kind]


def started(daemon: Daemon, sid: str, count: int = 1) -> list[dict[str, Any]]:
    assert until(lambda: len(events(daemon, sid, "turn.start")) >= count)
    return events(daemon, sid, "turn.start")


def timeline_px(page: Page) -> float:
    box = page.get_by_role("log", name="Timeline").bounding_box()
    assert box is not None
    return box["height"]


def test_commands_skills_actions_and_files_are_completed_with_the_keyboard(daemon: Daemon, page: Page) -> None:
    sid = begin(daemon, page, "completion", mode="do")
    message(page).press_sequentially("/")
    options = page.get_by_role("option")
    expect(options.filter(has_text="/review FILE")).to_be_visible()
    expect(options.filter(has_text="Publish a version")).to_be_visible()
    expect(options.filter(has_text="/new-session")).to_be_visible()
    shoot(page, "composer-commands")
    assert violations(page) == []
    message(page).press_sequentially("rev")
    message(page).press("Tab")
    expect(message(page)).to_have_value("/review ")
    message(page).press_sequentially("@app")
    expect(options.first).to_have_text("src/app.py")
    # Neither what git ignores, nor credentials.
    assert not [text for text in options.all_inner_texts() if "build" in text or ".env" in text]
    shoot(page, "composer-files")
    assert violations(page) == []
    message(page).press("Escape")
    message(page).press("Control+a")
    message(page).press_sequentially("Read @note")
    expect(options.first).to_contain_text("my notes.txt")
    message(page).press("Enter")
    expect(message(page)).to_have_value('Read @"my notes.txt" ')
    message(page).press("Control+Enter")
    (start,) = started(daemon, sid)
    assert start["text"] == 'Read @"my notes.txt" '

    def added() -> list[str]:
        return [event["text"] for event in events(daemon, sid, "context.injected") if event["source"] == "my notes.txt"]

    assert until(lambda: added() != [])
    assert "the notes" in added()[0]


def test_a_word_behind_a_slash_that_is_no_command_is_sent_as_text_only_when_a_person_says_so(daemon: Daemon, page: Page) -> None:
    sid = begin(daemon, page, "no command")
    message(page).fill("/nonsense please")
    message(page).press("Control+Enter")
    expect(page.get_by_role("alert")).to_contain_text("There is no command /nonsense.")
    shoot(page, "composer-unknown-command")
    assert violations(page) == []
    assert events(daemon, sid, "turn.start") == []
    page.get_by_role("button", name="Send as text").click()
    expect(page.get_by_text("It is done.")).to_be_visible()
    assert [start["text"] for start in started(daemon, sid)] == [" /nonsense please"]


def test_the_menus_choose_for_a_message_a_session_and_everything_new(daemon: Daemon, page: Page) -> None:
    sid = begin(daemon, page, "menus", mode="do", level="L2")
    page.get_by_role("button", name="Permission level: L2 · Safe").click()
    expect(page.get_by_role("menuitemradio", name=re.compile("Risky"))).to_be_visible()
    shoot(page, "composer-levels")
    assert violations(page) == []
    page.get_by_role("menuitemradio", name="This session").click()
    page.get_by_role("menuitemradio", name=re.compile("^L3")).click()
    expect(page.get_by_role("button", name="Permission level: L3 · Auto", exact=True)).to_be_visible()
    assert events(daemon, sid, "session.updated")[-1]["changes"] == {"level": "L3"}
    page.get_by_role("button", name="Mode: Do", exact=True).click()
    shoot(page, "composer-modes")
    page.get_by_role("menuitemradio", name=re.compile("^Plan")).click()
    expect(page.get_by_role("button", name="Mode: Plan, for the next message only")).to_be_visible()
    message(page).focus()
    page.keyboard.press("Alt+Shift+M")
    other = page.get_by_role("group", name="other").get_by_role("option", name=re.compile("^scripted"))
    expect(other).to_be_visible()
    shoot(page, "composer-models")
    assert violations(page) == []
    page.get_by_role("radio", name="Default").click()
    other.click()
    expect(page.get_by_role("combobox", name="Model: other · scripted", exact=True)).to_be_visible()
    assert daemon.loaded.settings.default_model == "other/scripted"


def test_pictures_and_files_are_pasted_and_refused_by_name(daemon: Daemon, page: Page) -> None:
    sid = begin(daemon, page, "pictures")
    page.evaluate(_PASTE, ["shot.png", PNG])
    chips = page.get_by_role("list", name="Attachments").get_by_role("listitem")
    expect(chips.first.locator("img")).to_be_visible()
    page.evaluate(_PASTE, ["paper.pdf", "JVBERi0xLjQK"])
    expect(page.get_by_role("alert")).to_contain_text("paper.pdf was not attached")
    message(page).fill("What is it?")
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_disabled()
    shoot(page, "composer-attachments")
    assert violations(page) == []
    page.get_by_role("button", name="Remove paper.pdf").click()
    # What the daemon has outlives a reload, with the text.
    page.reload()
    expect(message(page)).to_have_value("What is it?")
    expect(chips).to_have_count(1)
    message(page).press("Control+Enter")
    (start,) = started(daemon, sid)
    assert len(start["attachments"]) == 1
    expect(chips).to_have_count(0)


def test_half_a_megabyte_that_is_pasted_becomes_a_file_and_no_key_takes_long(daemon: Daemon, page: Page) -> None:
    begin(daemon, page, "long paste")
    text = "a line of a long log file\n" * 20_000
    message(page).focus()
    # On a machine that others use, a key takes long anyway.
    usual = longest_key_ms(page)
    message(page).fill("")
    page.evaluate(_PASTE, ["text", text])
    chip = page.get_by_role("list", name="Attachments").get_by_role("listitem")
    expect(chip).to_contain_text("pasted-1.txt")
    with_file = longest_key_ms(page)
    assert with_file < max(limit_s(KEY_MS_MAX), 3 * usual)
    page.get_by_role("button", name="Paste as text: pasted-1.txt").click()
    expect(page.get_by_text("Attach the text as a file.")).to_be_visible()
    as_text = longest_key_ms(page)
    print(f"longest key: {with_file:.1f} ms beside a file, {as_text:.1f} ms in 500 kB of text")
    shoot(page, "composer-too-long")
    assert violations(page) == []


def longest_key_ms(page: Page) -> float:
    """Main-thread time of the longest key of forty, from its arrival until its listeners have returned."""
    page.evaluate(
        """() => {
            globalThis.took = [];
            globalThis.watch?.disconnect();
            globalThis.watch = new PerformanceObserver((list) => {
                for (const entry of list.getEntries()) if (entry.name === 'keydown' || entry.name === 'input') took.push(entry.processingEnd - entry.processingStart);
            });
            watch.observe({ type: 'event', durationThreshold: 16 });
        }"""
    )
    message(page).press_sequentially("forty keys are typed in this long text ..", delay=5)
    return max(page.evaluate("new Promise((resolve) => requestAnimationFrame(() => setTimeout(() => resolve(took), 50)))"), default=0.0)


def test_words_for_a_running_turn_are_steered_or_queued_and_wait_as_chips(daemon: Daemon, page: Page) -> None:
    sid = begin(daemon, page, "waiting", mode="do")
    message(page).fill("slowly")
    message(page).press("Control+Enter")
    expect(page.get_by_role("button", name=re.compile("^Stop"))).to_be_visible()
    expect(page.get_by_text("word word").first).to_be_visible()
    message(page).fill("only in src")
    page.get_by_role("button", name=re.compile("^Steer")).click()
    message(page).fill("then the tests")
    page.get_by_role("button", name=re.compile("^Queue")).click()
    chips = page.get_by_role("list", name="Waiting").get_by_role("listitem")
    expect(chips).to_have_count(2)
    page.get_by_role("button", name="Edit “then the tests”").click()
    page.get_by_role("textbox", name="Changed words").fill("then all tests")
    shoot(page, "composer-waiting")
    assert violations(page) == []
    page.get_by_role("button", name="Save", exact=True).click()
    expect(chips.last).to_contain_text("then all tests")
    page.get_by_role("button", name="Remove “only in src”").click()
    expect(chips).to_have_count(1)
    page.get_by_role("button", name="Remove “then all tests”").click()
    expect(chips).to_have_count(0)
    page.get_by_role("button", name=re.compile("^Stop")).click()
    expect(page.get_by_text("Stopped by the user.")).to_be_visible()
    assert len(events(daemon, sid, "turn.start")) == 2


def test_a_plan_is_answered_in_the_composer(daemon: Daemon, page: Page) -> None:
    sid = begin(daemon, page, "planning", mode="plan")
    message(page).fill("Make a plan")
    message(page).press("Control+Enter")
    answer = page.get_by_role("group", name="Answer to the plan")
    expect(answer).to_be_visible()
    shoot(page, "composer-plan")
    assert violations(page) == []
    answer.get_by_role("button", name="Change").click()
    expect(message(page)).to_be_focused()
    answer.get_by_role("button", name="Accept and do").click()
    assert until(lambda: any(start.get("fromPlan") for start in events(daemon, sid, "turn.start")))
    expect(answer).to_have_count(0)


def test_the_context_meter_warns_before_the_context_is_full(daemon: Daemon, page: Page) -> None:
    begin(daemon, page, "context")
    meter = page.get_by_role("meter", name="Context")
    expect(meter).to_have_attribute("aria-valuemax", "12000")
    message(page).fill("word " * 8_500)
    message(page).press("Control+Enter")
    expect(page.get_by_text("It is done.")).to_be_visible()
    expect(meter).not_to_have_attribute("aria-valuenow", "0")
    shoot(page, "composer-context")
    assert violations(page) == []


def test_an_input_method_sends_nothing_and_history_comes_back(daemon: Daemon, page: Page) -> None:
    sid = begin(daemon, page, "input method")
    message(page).fill("the first prompt")
    message(page).press("Control+Enter")
    expect(page.get_by_text("It is done.")).to_be_visible()
    message(page).focus()
    devtools: Any = page.context.new_cdp_session(page)
    devtools.send("Input.imeSetComposition", {"text": "にほ", "selectionStart": 2, "selectionEnd": 2})
    for modifiers in (0, 2):
        key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 229, "modifiers": modifiers}
        devtools.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **key})
        devtools.send("Input.dispatchKeyEvent", {"type": "keyUp", **key})
    devtools.send("Input.insertText", {"text": "日本"})
    expect(message(page)).to_have_value("日本")
    assert len(events(daemon, sid, "turn.start")) == 1
    message(page).fill("")
    message(page).press("ArrowUp")
    expect(message(page)).to_have_value("the first prompt")
    message(page).press("ArrowDown")
    expect(message(page)).to_have_value("")


def test_every_part_is_reached_with_tab_and_the_message_grows_to_its_limit(daemon: Daemon, page: Page) -> None:
    begin(daemon, page, "keyboard")
    message(page).fill("line\n" * 200)
    box = message(page).bounding_box()
    assert box is not None
    assert 300 < box["height"] <= 0.41 * 900
    message(page).focus()
    reached: list[str] = []
    for _ in range(9):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.textContent"))
    wanted = ["Mode:", "Model:", "Permission level:", "Attach files", "Send", "How the message is sent"]
    assert [next((name for name in reached if name.startswith(part)), "") for part in wanted] == [
        name for part in wanted for name in reached if name.startswith(part)
    ], reached


@pytest.mark.parametrize(("width", "height"), [(360, 640), (720, 450), (390, 844), (640, 400)])
def test_a_small_window_keeps_the_timeline_above_the_composer(daemon: Daemon, browser: Browser, width: int, height: int) -> None:
    sid = daemon.session(title=f"small {width}", cwd=str(daemon.workspace))
    daemon.follow(sid, daemon.submit(sid, "hello"))
    with opened(browser, daemon, viewport={"width": width, "height": height}) as page:
        page.evaluate("(sid) => { location.hash = `#/s/${sid}`; }", sid)
        expect(page.get_by_text("It is done.")).to_be_visible()
        message(page).fill("line\n" * 50)
        assert timeline_px(page) >= TIMELINE_PX_MIN
        shoot(page, "composer-small", sizes=((width, height),))
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        send = page.get_by_role("button", name="Send", exact=True)
        expect(send).to_be_in_viewport(ratio=1)
        assert violations(page) == []


def test_a_message_is_kept_while_the_daemon_is_away(daemon: Daemon, page: Page) -> None:
    begin(daemon, page, "away")
    message(page).fill("not lost")
    daemon.supervisor().stop("gateway")
    expect(page.get_by_text("Your message is kept here")).to_be_visible(timeout=20_000)
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_disabled()
    shoot(page, "composer-offline")
    assert violations(page) == []
    daemon.supervisor().start("gateway")
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_enabled(timeout=30_000)
    expect(message(page)).to_have_value("not lost")
