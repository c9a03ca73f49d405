"""What users of other agents' pages reported, tried in this one. docs/page_reports.md names each report."""

import json
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from support.asked_page import asked, decisions, deny_rest
from support.browser import chromium, opened
from support.daemon import Daemon
from support.limits import limit_s
from support.model_server import Action, Hold, ModelServer, Say, Use, Wait
from support.oracles import until

pytestmark = [pytest.mark.system, pytest.mark.page]

SOON_MS = limit_s(20_000)
WORDS = 300
# Each holds an answer that is cut often, until the test has seen what it waits for.
GATES = [threading.Event() for _ in range(6)]
# Messages whose answer goes on after its first words when the test says so.
HELD = {"hold for a reload": threading.Event(), "hold for a file": threading.Event()}
CODE = "def first():\n    return 1\n\n\ndef second():\n\n    return 2\n"
ANSWER = f"# Header\n\n## Sub header\n\n- one\n- two\n\n| A | B |\n|---|---|\n| 1 | 2 |\n\n```python\n{CODE}```\n\nThe end."
LONG_COMMAND = "git log --pretty=format:'%h %an %s' --since='two weeks ago' -- services/opta_gateway"
# Keeps every socket of the page, so that a test can cut them.
_SOCKETS = """() => {
  window.cut = [];
  const Real = window.WebSocket;
  window.WebSocket = class extends Real { constructor(...args) { super(...args); window.cut.push(this); } };
}"""
_CUT = "() => { for (const socket of window.cut.splice(0)) socket.close(); }"
# Selects the first words of the answer.
_SELECT = """() => {
  const text = document.createTreeWalker(document.querySelector('article .markdown'), NodeFilter.SHOW_TEXT).nextNode();
  getSelection().setBaseAndExtent(text, 0, text, 20);
}"""
_IS_WHOLE = "each => [each, ...each.children].every(part => part.scrollWidth <= part.clientWidth + 1 && part.scrollHeight <= part.clientHeight + 1 || !part.clientWidth)"
_AT_END = "log => log.scrollHeight - log.scrollTop - log.clientHeight <= 2"


def numbered(begin: int, end: int) -> str:
    return "".join(f"w{number} " for number in range(begin, end))


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    last = messages[-1]
    if last["role"] == "tool":
        return [Say("It is over.")]
    text = last["content"] if isinstance(last["content"], str) else " ".join(part.get("text", "") for part in last["content"])
    if "cut often" in text:
        parts = [" ".join(f"w{number}" for number in range(at, at + 50)) + " " for at in range(0, WORDS, 50)]
        return [action for part, gate in zip(parts, GATES, strict=True) for action in (Say(part, rate=60, size=5), Hold(gate))]
    for words, gate in HELD.items():
        if words in text:
            return [Say(numbered(0, 60), rate=60, size=5), Hold(gate), Say(numbered(60, WORDS), rate=60, size=5)]
    if "counted" in text:
        return [Say(numbered(0, WORDS), rate=60, size=5)]
    if "answer me" in text:
        return [Say(ANSWER)]
    if "look first" in text:
        return [Say("Reading the file:"), Use("run_command", {"command": "sleep 3"})]
    if "long command" in text:
        return [Use("run_command", {"command": LONG_COMMAND})]
    if "tricky" in text:
        return [Use("run_command", {"command": "echo 'first  line' \necho second > made"})]
    if "wait" in text:
        return [Say("word " * 20, rate=50, size=5), Wait(30)]
    return [Say("It is done.")]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("reports")
    with ModelServer(reply) as model:
        other = f'[providers.other]\ntype = "openai"\nbase-url = "{model.url}"\nmodel = "scripted"\n'
        with Daemon(folder, model_url=model.url, config=other) as running:
            yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture
def page(browser: Browser, daemon: Daemon) -> Iterator[Page]:
    with opened(browser, daemon) as made:
        made.context.grant_permissions(["clipboard-read", "clipboard-write"])
        made.add_init_script(f"({_SOCKETS})()")
        expect(made.get_by_role("status", name="Connection: Connected")).to_be_visible(timeout=SOON_MS)
        # The list is read, and the newest session is open.
        expect(made.get_by_text(re.compile("Welcome to Opta|A new session|^You$")).first).to_be_visible(timeout=SOON_MS)
        yield made


def events(daemon: Daemon, sid: str, kind: str) -> list[dict[str, Any]]:
    return [event for event in map(json.loads, daemon.journal(sid)) if event["event"] == kind]


def begin(daemon: Daemon, page: Page, title: str, **fields: Any) -> str:
    sid = daemon.session(title=title, **fields)
    go(page, sid)
    expect(page.get_by_role("heading", name=title, level=1)).to_be_visible(timeout=SOON_MS)
    return sid


def go(page: Page, sid: str) -> None:
    page.evaluate("sid => { location.hash = '/s/' + sid }", sid)


def message(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Message", exact=True)


def send(page: Page, text: str) -> None:
    message(page).fill(text)
    message(page).press("Control+Enter")


def counted(page: Page) -> list[str]:
    """The words of the last answer, once it is whole."""
    expect(page.get_by_text(f"w{WORDS - 1}").first).to_be_visible(timeout=SOON_MS)
    return page.locator("article").last.locator(".markdown").inner_text().split()


def copied(page: Page, selector: str) -> str:
    """What the clipboard holds after a person has selected an element and copied it."""
    page.evaluate("selector => getSelection().selectAllChildren(document.querySelector(selector))", selector)
    page.keyboard.press("Control+c")
    return page.evaluate("navigator.clipboard.readText()")


def test_blank_lines_and_angle_brackets_of_a_message_stay(daemon: Daemon, page: Page) -> None:
    sid = begin(daemon, page, "blank lines")
    text = f'Keep <exact lines> visible. \\<tags\\> &lt; <div class="a">this</div>\n\n```python\n{CODE}```\n\n  indented\n\n\n<unfinished'
    send(page, text)
    expect(page.get_by_text("It is done.")).to_be_visible(timeout=SOON_MS)
    assert events(daemon, sid, "turn.start")[0]["text"] == text
    prompt = page.locator('[data-part="prompt"]').last
    assert prompt.evaluate("each => each.innerText") == text
    assert copied(page, '[data-part="prompt"]') == text


def test_an_answer_is_copied_as_it_was_written(daemon: Daemon, page: Page) -> None:
    begin(daemon, page, "copied")
    send(page, "answer me")
    expect(page.get_by_text("The end.")).to_be_visible(timeout=SOON_MS)
    page.get_by_role("button", name="More about turn 1").click()
    page.get_by_role("menuitem", name="Copy the answer").click()
    assert until(lambda: page.evaluate("navigator.clipboard.readText()").strip() == ANSWER, 10)
    page.get_by_role("button", name=re.compile("Copy.*python")).click()
    assert until(lambda: page.evaluate("navigator.clipboard.readText()").rstrip("\n") == CODE.rstrip("\n"), 10)
    # By hand, too.
    assert copied(page, "figure pre").rstrip("\n") == CODE.rstrip("\n")


def test_a_command_of_a_question_is_copied_as_it_would_run(daemon: Daemon, page: Page) -> None:
    sid, turn, card = asked(daemon, page, "tricky")
    expect(card.locator("code", has_text="first")).to_contain_text("↵")
    copy = copied(page, '[aria-label="Permission"] dd code')
    assert copy.rstrip("\n") == "echo 'first  line' \necho second > made"
    deny_rest(daemon, sid, turn)


def test_a_stream_that_is_cut_again_and_again_is_shown_once(daemon: Daemon, page: Page) -> None:
    page.reload()
    begin(daemon, page, "cut")
    addresses: list[str] = []
    page.on("websocket", lambda socket: addresses.append(socket.url))
    send(page, "cut often, please")

    def again() -> list[int]:
        """Where each stream goes on that began behind the first events."""
        found = [re.search(r"/stream\?.*afterSeq=(\d+)", address) for address in addresses]
        return [int(each[1]) for each in found if each and each[1] != "0"]

    for number, gate in enumerate(GATES):
        # One is cut in the middle of words, the next between them.
        at = 50 * number + (20 if number % 2 else 49)
        expect(page.get_by_text(re.compile(rf"\bw{at}\b")).first).to_be_visible(timeout=SOON_MS)
        before = len(again())
        page.evaluate(_CUT)
        gate.set()
        assert until(lambda before=before: page.evaluate("true") and len(again()) > before, 20)
    assert counted(page) == [f"w{number}" for number in range(WORDS)]
    # Each goes on where the one before was cut, and reads nothing twice.
    assert again() == sorted(again())


def test_a_reload_in_mid_stream_goes_on(daemon: Daemon, page: Page) -> None:
    begin(daemon, page, "reloaded")
    send(page, "hold for a reload")
    expect(page.get_by_text(re.compile(r"\bw40\b")).first).to_be_visible(timeout=SOON_MS)
    page.reload()
    expect(page.get_by_role("button", name=re.compile("^Stop"))).to_be_visible(timeout=SOON_MS)
    HELD["hold for a reload"].set()
    assert counted(page) == [f"w{number}" for number in range(WORDS)]


def test_what_is_written_chosen_and_attached_while_a_turn_runs_outlives_a_reload(daemon: Daemon, page: Page) -> None:
    sid = begin(daemon, page, "kept while it runs")
    send(page, "wait for me")
    expect(page.get_by_text("word word").first).to_be_visible(timeout=SOON_MS)
    message(page).fill("the next words")
    page.get_by_label("Attach files").set_input_files([{"name": "log.txt", "mimeType": "text/plain", "buffer": b"a line\n"}])
    expect(page.get_by_role("list", name="Attachments").get_by_role("listitem")).to_have_count(1)
    page.get_by_role("button", name=re.compile("^Permission level")).click()
    page.get_by_role("menuitemradio", name=re.compile("^L3")).click()
    expect(page.get_by_role("button", name=re.compile("Permission level: L3.*next message"))).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name=re.compile("^Stop"))).to_be_visible(timeout=SOON_MS)
    expect(message(page)).to_have_value("the next words")
    expect(page.get_by_role("list", name="Attachments").get_by_role("listitem")).to_have_count(1)
    expect(page.get_by_role("button", name=re.compile("Permission level: L3.*next message"))).to_be_visible()
    daemon.client.post(f"/v3/sessions/{sid}/stop", {})


@pytest.mark.parametrize("begun", [70, 200], ids=["little beyond the window", "much beyond the window"])
def test_the_window_and_a_selection_stay_where_they_are_while_a_turn_grows_and_when_it_ends(daemon: Daemon, page: Page, begun: int) -> None:
    begin(daemon, page, "read while it grows")
    page.set_viewport_size({"width": 900, "height": 460})
    send(page, "counted, please")
    expect(page.get_by_text(re.compile(rf"\bw{begun}\b")).first).to_be_visible(timeout=SOON_MS)
    log = page.get_by_role("log", name="Timeline")
    assert log.evaluate("log => log.scrollTop") > 0
    log.hover()
    page.mouse.wheel(0, -2_000)
    assert until(lambda: log.evaluate("log => log.scrollTop") <= 1, 10), log.evaluate(
        "log => [log.scrollTop, log.scrollHeight, log.clientHeight]"
    )
    page.evaluate(_SELECT)
    selected = page.evaluate("String(getSelection())")
    assert selected.startswith("w0 w1")
    expect(page.get_by_text(re.compile(r"^\d+ tokens$"))).to_be_attached(timeout=SOON_MS)
    assert page.evaluate("String(getSelection())") == selected
    assert log.evaluate("log => log.scrollTop") <= 1
    page.keyboard.press("Control+c")
    assert page.evaluate("navigator.clipboard.readText()") == selected


def test_a_first_message_on_a_slow_connection_makes_one_session(daemon: Daemon, page: Page) -> None:
    begin(daemon, page, "left")
    known = {session["id"] for session in daemon.client.get("/v3/sessions")["sessions"]}
    page.evaluate("cwd => { location.hash = '/new?cwd=' + encodeURIComponent(cwd) }", str(daemon.workspace))
    expect(page.get_by_role("heading", name="A new session")).to_be_visible(timeout=SOON_MS)
    devtools: Any = page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 400, "downloadThroughput": -1, "uploadThroughput": -1}
    devtools.send("Network.enable")
    devtools.send("Network.emulateNetworkConditions", slow)
    message(page).fill("only once")
    button = page.get_by_role("button", name="Send", exact=True)
    box = button.bounding_box()
    assert box
    for _ in range(6):
        page.keyboard.press("Control+Enter")
        page.mouse.click(box["x"] + 8, box["y"] + 8)
    expect(page.get_by_text("It is done.").first).to_be_visible(timeout=SOON_MS)
    devtools.send("Network.emulateNetworkConditions", {**slow, "latency": 0})
    made = [session for session in daemon.client.get("/v3/sessions")["sessions"] if session["id"] not in known]
    assert len(made) == 1
    assert [event["text"] for event in events(daemon, made[0]["id"], "turn.start")] == ["only once"]


def test_an_enter_that_is_held_or_has_no_words_stops_nothing_and_sends_nothing(daemon: Daemon, page: Page) -> None:
    sid = begin(daemon, page, "held enter")
    page.get_by_role("button", name="How the message is sent").click()
    page.get_by_role("menuitemradio", name=re.compile("^Enter")).click()
    message(page).fill("wait for me")
    message(page).focus()
    for _ in range(15):
        page.keyboard.down("Enter")
        page.wait_for_timeout(30)
    page.keyboard.up("Enter")
    expect(page.get_by_text("word word").first).to_be_visible(timeout=SOON_MS)
    for key in ("Enter", "Enter", "Control+Enter", "Control+Shift+Enter"):
        message(page).press(key)
    page.wait_for_timeout(500)
    assert len(events(daemon, sid, "turn.start")) == 1
    assert not events(daemon, sid, "turn.cancelled")
    daemon.client.post(f"/v3/sessions/{sid}/stop", {})


def test_a_session_that_goes_away_elsewhere_says_so_and_is_no_ghost(daemon: Daemon, page: Page) -> None:
    stays = daemon.session(title="stays")
    daemon.follow(stays, daemon.submit(stays, "hello"))
    sid = begin(daemon, page, "goes away")
    send(page, "hello")
    expect(page.get_by_text("It is done.")).to_be_visible(timeout=SOON_MS)
    daemon.client.ask("DELETE", f"/v3/sessions/{sid}")
    rail = page.get_by_role("navigation", name="Sessions")
    expect(rail.get_by_role("button", name=re.compile("^goes away"))).to_have_count(0, timeout=SOON_MS)
    expect(page.get_by_role("alert")).to_contain_text("trash", timeout=SOON_MS)
    page.reload()
    expect(page.get_by_role("status", name="Connection: Connected")).to_be_visible(timeout=SOON_MS)
    expect(page.get_by_role("alert")).to_contain_text(re.compile("trash|no session", re.IGNORECASE), timeout=SOON_MS)
    expect(rail.get_by_role("button", name=re.compile("^stays"))).to_be_visible()
    expect(rail.get_by_role("button", name=re.compile("^goes away"))).to_have_count(0)


def test_a_message_with_a_file_for_a_running_turn_is_seen_before_and_after_it_is_read(daemon: Daemon, page: Page) -> None:
    sid = begin(daemon, page, "with a file")
    send(page, "hold for a file")
    expect(page.get_by_text(re.compile(r"\bw20\b")).first).to_be_visible(timeout=SOON_MS)
    page.get_by_label("Attach files").set_input_files([{"name": "log.txt", "mimeType": "text/plain", "buffer": b"a line\n"}])
    expect(page.get_by_role("list", name="Attachments").get_by_role("listitem")).to_have_count(1)
    send(page, "and then this file")
    expect(page.get_by_role("list", name="Waiting")).to_contain_text("and then this file", timeout=SOON_MS)
    HELD["hold for a file"].set()
    expect(page.get_by_text("It is done.")).to_be_visible(timeout=SOON_MS)
    last = page.locator("article").last
    expect(last.locator('[data-part="prompt"]')).to_have_text("and then this file")
    expect(last.get_by_text("with log.txt")).to_be_visible()
    assert len(events(daemon, sid, "turn.start")[1]["attachments"]) == 1


def test_words_before_a_call_are_there_after_another_session_was_looked_at(daemon: Daemon, page: Page) -> None:
    other = daemon.session(title="looked at")
    sid = begin(daemon, page, "words before a call", mode="do", policy="unrestricted")
    send(page, "look first")
    expect(page.get_by_text("Reading the file:")).to_be_visible(timeout=SOON_MS)
    go(page, other)
    expect(page.get_by_role("heading", name="looked at", level=1)).to_be_visible()
    go(page, sid)
    expect(page.get_by_text("Reading the file:")).to_be_visible(timeout=SOON_MS)
    expect(page.get_by_text("It is over.")).to_be_visible(timeout=SOON_MS)
    expect(page.get_by_text("Reading the file:")).to_have_count(1)


def test_after_a_turn_of_the_outline_the_wheel_scrolls_on(daemon: Daemon, page: Page) -> None:
    sid = begin(daemon, page, "outlined")
    for number in range(25):
        daemon.follow(sid, daemon.submit(sid, f"answer me {number}"))
    page.get_by_role("button", name="Outline of the session").click()
    page.get_by_role("navigation", name="Turns of this session").get_by_text("answer me 7", exact=True).click()
    expect(page.locator('[data-turn="t8"]')).to_be_in_viewport(timeout=SOON_MS)
    log = page.get_by_role("log", name="Timeline")
    log.hover()
    for _ in range(6):
        before = log.evaluate("log => log.scrollTop")
        page.mouse.wheel(0, -300)
        assert until(lambda before=before: log.evaluate("log => log.scrollTop") < before - 200, 5)
    for _ in range(80):
        page.mouse.wheel(0, 900)
    assert until(lambda: log.evaluate(_AT_END), 20)


@pytest.mark.parametrize("width", [390, 1440])
def test_what_an_answer_allows_is_read_whole_on_its_button(daemon: Daemon, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    sid, turn, card = asked(daemon, page, "long command")
    for button in card.get_by_role("button").all():
        assert button.evaluate(_IS_WHOLE), button.inner_text()
    deny_rest(daemon, sid, turn)


def test_a_click_beside_a_question_answers_nothing(daemon: Daemon, page: Page) -> None:
    sid, turn, card = asked(daemon, page, "long command")
    for at in ((720, 200), (720, 440), (1_300, 700), (250, 600)):
        page.mouse.click(*at)
    frame = card.bounding_box()
    assert frame
    page.mouse.click(frame["x"] + frame["width"] - 4, frame["y"] + frame["height"] - 4)
    expect(card).to_be_visible()
    assert not decisions(daemon, sid)
    # The answer that stands out is the narrowest one.
    assert card.locator("button.primary, button[class*=primary]").all_inner_texts() == ["Allow once"]
    deny_rest(daemon, sid, turn)
