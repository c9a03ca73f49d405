"""The real page in a real browser against a real daemon: a person types, is asked, allows, and sees the file."""

import contextlib
import json
import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from support.browser import chromium, new_context
from support.daemon import Daemon
from support.limits import limit_s
from support.model_server import Action, ModelServer, Say, Think, Use

pytestmark = [pytest.mark.system, pytest.mark.page]

ANSWER = "# Plan\n\nI will write **the file**.\n\n```python\nprint('hi')\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    last = messages[-1]
    if last["role"] == "tool":
        return [Say("The file is there: `notes.txt`.")]
    if "slowly" in last["content"]:
        return [Say("word " * 400, rate=100, size=5)]
    if "write" in last["content"]:
        # What exists is read before it is overwritten.
        reads = [Use("read_file", {"path": "notes.txt"})] if "again" in last["content"] else []
        return [
            Think("A file is wanted."),
            Say(ANSWER),
            *reads,
            Use("write_file", {"path": "notes.txt", "content": "first line\nsecond line\n"}),
        ]
    return [Say(f"You said: {last['content']}")]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with ModelServer(reply) as model, Daemon(tmp_path_factory.mktemp("page"), model_url=model.url) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@contextlib.contextmanager
def opened(browser: Browser, daemon: Daemon) -> Generator[tuple[Page, list[str]]]:
    """The page in a window of its own, and the errors that it has had."""
    context = new_context(browser, viewport={"width": 1360, "height": 860}, color_scheme="dark")
    made = context.new_page()
    errors: list[str] = []
    made.on("pageerror", lambda error: errors.append(str(error)))
    made.on("console", lambda message: errors.append(message.text) if "Content Security Policy" in message.text else None)
    made.goto(daemon.page_url)
    yield made, errors
    context.close()


@pytest.fixture(scope="module")
def shared(browser: Browser, daemon: Daemon) -> Iterator[tuple[Page, list[str]]]:
    """For tests that go to a session first: loading the page takes longer than most of them."""
    with opened(browser, daemon) as made:
        yield made


@pytest.fixture
def page(shared: tuple[Page, list[str]]) -> Iterator[Page]:
    page, errors = shared
    errors.clear()
    yield page
    assert not errors


@pytest.fixture
def new_page(browser: Browser, daemon: Daemon) -> Iterator[Page]:
    """For tests of how the page begins, and of another size of the window."""
    with opened(browser, daemon) as (page, errors):
        yield page
        assert not errors


def send(page: Page, text: str) -> None:
    box = page.get_by_role("textbox", name="Message")
    box.fill(text)
    box.press("Control+Enter")


def choose(page: Page, pill: str, choice: str) -> None:
    page.get_by_role("button", name=re.compile(f"^{pill}:")).click()
    page.get_by_role("menuitemradio", name=re.compile(f"^{choice}")).click()


def test_a_prompt_asks_writes_the_file_and_shows_it(daemon: Daemon, page: Page) -> None:
    sid = daemon.session(mode="do", title="write notes")
    page.get_by_role("button", name=re.compile("write notes")).click()
    expect(page.get_by_role("status", name="Connection: Connected")).to_be_visible()
    send(page, "Please write the notes")
    card = page.get_by_role("region", name="Permission")
    expect(card.get_by_text("notes.txt", exact=True)).to_be_visible()
    expect(card.get_by_role("button", name="Always allow write_file notes.txt")).to_be_visible()
    assert not (daemon.workspace / "notes.txt").exists()
    card.get_by_role("button", name="Allow once").click()
    expect(page.get_by_text("The file is there:")).to_be_visible()
    assert (daemon.workspace / "notes.txt").read_text() == "first line\nsecond line\n"
    log = page.get_by_role("log", name="Timeline")
    expect(log.get_by_role("article")).to_have_count(1)
    expect(log.get_by_role("heading", name="Plan")).to_be_visible()
    expect(log.get_by_role("region", name=re.compile("Write notes.txt, done"))).to_be_visible()
    expect(log.get_by_text("+first line")).to_be_visible()
    expect(card).to_have_count(0)
    assert json.loads(daemon.journal(sid)[-1])["event"] == "turn.done"


def test_a_session_of_the_command_line_appears_and_streams(daemon: Daemon, page: Page) -> None:
    done = daemon.opta("do", "hello from the terminal")
    assert done.stdout == "You said: hello from the terminal\n"
    page.get_by_role("button", name=re.compile("hello from the terminal")).click()
    expect(page.get_by_text("You said: hello from the terminal")).to_be_visible()


def test_the_stream_goes_on_after_the_gateway_was_killed(daemon: Daemon, page: Page) -> None:
    sid = daemon.session(mode="do", title="survives")
    page.get_by_role("button", name=re.compile("survives")).click()
    send(page, "slowly please")
    expect(page.get_by_text("word word word").first).to_be_visible()
    daemon.kill("gateway")
    expect(page.get_by_text("400 tokens", exact=True)).to_be_visible(timeout=limit_s(20_000))
    expect(page.get_by_role("status", name="Connection: Connected")).to_be_visible()
    shown = page.locator("article .markdown").inner_text()
    assert shown.split() == ["word"] * 400
    assert json.loads(daemon.journal(sid)[-1])["event"] == "turn.done"


def test_an_idle_page_gets_its_figures_and_asks_for_nothing_but_the_round_trip(new_page: Page) -> None:
    page = new_page
    expect(page.get_by_role("status", name="Connection: Connected")).to_be_visible()
    with page.expect_websocket(lambda socket: "/v3/events" in socket.url) as opened:
        page.reload()
    expect(page.get_by_role("complementary", name="Telemetry").get_by_text("● Running")).to_be_visible()
    requests: list[str] = []
    page.on("request", lambda request: None if request.url.endswith("/healthz") else requests.append(request.url))
    # What a page asks once, when it opens its session or offers folders, is asked before three figures came without another request.
    socket = opened.value
    for _ in range(20):
        before = len(requests)
        for _ in range(3):
            socket.wait_for_event("framereceived", _has_figures)
        if len(requests) == before:
            break
    requests.clear()
    for _ in range(3):
        socket.wait_for_event("framereceived", _has_figures)
    assert requests == []


def _has_figures(frame: str | bytes) -> bool:
    return '"control":"metrics"' in str(frame)


def test_mode_and_level_chosen_before_the_first_message_of_a_new_session_hold_for_it(daemon: Daemon, new_page: Page) -> None:
    page = new_page
    daemon.session(title="left behind")
    page.get_by_role("button", name="left behind").click()
    expect(page.get_by_role("heading", name="left behind")).to_be_visible()
    page.evaluate("location.hash = ''")
    expect(page.get_by_role("heading", name="left behind")).to_have_count(0)
    expect(page.get_by_role("heading", name="A new session")).to_be_visible()
    choose(page, "Mode", "Do")
    choose(page, "Permission level", "L3")
    send(page, "the very first message")
    expect(page.get_by_text("You said: the very first message")).to_be_visible()
    (start,) = [
        event for event in map(json.loads, daemon.journal(page.evaluate("location.hash.split('/')[2]"))) if event["event"] == "turn.start"
    ]
    assert (start["text"], start["mode"], start["level"]) == ("the very first message", "do", "L3")


def test_stop_ends_the_turn_and_the_pills_override_one_turn(daemon: Daemon, page: Page) -> None:
    sid = daemon.session(mode="chat", title="pills")
    page.get_by_role("button", name=re.compile("pills")).click()
    choose(page, "Mode", "Do")
    choose(page, "Permission level", "L3")
    send(page, "slowly")
    page.get_by_role("button", name=re.compile("Stop")).click()
    expect(page.get_by_text("Stopped by the user.")).to_be_visible()
    start = json.loads(daemon.journal(sid)[1])
    assert (start["mode"], start["level"]) == ("do", "L3")
    expect(page.get_by_role("button", name="Mode: Chat", exact=True)).to_be_visible()


def test_an_address_without_a_launch_code_gets_nothing_until_a_person_brings_one(daemon: Daemon, browser: Browser) -> None:
    context = new_context(browser)
    page = context.new_page()
    address = daemon.page_url
    page.goto(address.split("?")[0])
    expect(page.get_by_role("heading", name="This window is not connected")).to_be_visible()
    field = page.get_by_role("textbox", name="Address or code")
    field.fill("guessed")
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_role("alert")).to_contain_text("opta open")
    field.fill(address)
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_role("status", name="Connection: Connected")).to_be_visible()
    context.close()


def test_a_narrow_window_keeps_everything_reachable(new_page: Page) -> None:
    page = new_page
    # The session that the page opens at its start closes the list of sessions.
    expect(page.get_by_role("status", name="Connection: Connected")).to_be_visible()
    page.set_viewport_size({"width": 420, "height": 800})
    page.get_by_role("button", name="Sessions").click()
    expect(page.get_by_role("navigation", name="Sessions")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("textbox", name="Message")).to_be_visible()
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0


def test_a_folder_is_trusted_after_its_wishes_were_shown(page: Page, daemon: Daemon, tmp_path: Path) -> None:
    folder = tmp_path / "clone"
    (folder / ".opta").mkdir(parents=True)
    (folder / ".opta/policy.yaml").write_text("version: 1\nrules:\n  - {effect: allow, tool: run_command, command: npm test}\n")
    sid = daemon.session(mode="do", cwd=str(folder), title="a clone")
    page.get_by_text("a clone").first.click()
    panel = page.get_by_role("region", name="Trust")
    expect(panel.get_by_text("Allow without asking: the command `npm test`.")).to_be_visible()
    panel.get_by_role("button", name="Trust this folder").click()
    expect(panel).not_to_be_visible()
    trusted = daemon.client.get("/v3/trust", cwd=str(folder))
    assert (trusted["state"], trusted["needed"]) == ("trusted", False)
    assert daemon.client.get(f"/v3/sessions/{sid}")["id"] == sid


def test_an_edit_shows_its_diff_before_it_is_allowed_and_can_be_undone(page: Page, daemon: Daemon) -> None:
    file = daemon.workspace / "notes.txt"
    file.write_text("an older line\n")
    daemon.session(mode="do", title="to be undone")
    page.get_by_text("to be undone").first.click()
    send(page, "write it again")
    question = page.get_by_role("region", name="Permission")
    expect(question.get_by_text("-an older line")).to_be_visible()
    expect(question.get_by_text("+first line")).to_be_visible()
    page.keyboard.press("Tab")
    question.get_by_role("button", name="Allow once").click()
    page.get_by_role("button", name="Undo", exact=True).last.click()
    redo = page.get_by_role("button", name="Redo notes.txt")
    expect(redo).to_be_visible()
    assert file.read_text() == "an older line\n"
    redo.click()
    expect(redo).to_be_hidden()
    assert file.read_text().startswith("first line\n")
