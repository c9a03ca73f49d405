"""A session is replayed from its journal, on the page and in the file that is exported to share; and what sessions used is shown."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from support.browser import chromium, new_context, opened, shoot, violations
from support.daemon import Daemon
from support.model_server import Action, ModelServer, Say, Think, Use

pytestmark = [pytest.mark.system, pytest.mark.page]

SECRET = "sk-abcdefgh12345678"
FIRST = "The **first** answer is here.\n\n- one item\n- another item\n"
LAST = "The last answer is here."


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    last = messages[-1]
    if last["role"] == "tool":
        return [Say(FIRST)]
    return [Think("Look first."), Use("run_command", {"command": "echo made > made.txt"})] if "make" in last["content"] else [Say(LAST)]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with ModelServer(reply) as model, Daemon(tmp_path_factory.mktemp("playback"), model_url=model.url) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def sid(daemon: Daemon) -> str:
    """A session of two turns; a secret is in its first prompt."""
    found = daemon.session(mode="do", policy="unrestricted", title="to be replayed")
    daemon.follow(found, daemon.submit(found, f"make it with {SECRET}"))
    daemon.follow(found, daemon.submit(found, "and say it"))
    return found


@pytest.fixture(scope="module")
def page(browser: Browser, daemon: Daemon, sid: str) -> Iterator[Page]:
    with opened(browser, daemon, accept_downloads=True) as made:
        expect(made.get_by_role("status", name="Connection: Connected")).to_be_visible()
        made.evaluate(f"location.hash = '#/s/{sid}'")
        expect(made.get_by_text(LAST)).to_be_visible()
        yield made


def test_a_session_is_replayed_scrubbed_and_left_as_it_was(page: Page, daemon: Daemon, sid: str) -> None:
    before = daemon.client.get(f"/v3/sessions/{sid}")["lastSeq"]
    page.get_by_role("button", name="Replay this session as it happened").click()
    bar = page.get_by_role("region", name="Replay")
    log = page.get_by_role("log", name="Timeline")
    pause = bar.get_by_role("button", name="Pause")
    expect(pause).to_be_focused()
    pause.click()
    expect(page.get_by_role("textbox", name="Message")).to_have_count(0)

    slider = bar.get_by_role("slider", name="Position in the replay")
    slider.press("Home")
    expect(bar.get_by_text("Before the first turn")).to_be_visible()
    expect(log.get_by_role("article")).to_have_count(0)
    page.keyboard.press("]")
    expect(bar.get_by_text("Turn 1 of 2")).to_be_visible()
    expect(log.get_by_text("make it with")).to_be_visible()
    expect(log.get_by_text("answer is here")).to_have_count(0)
    position = bar.get_by_text(re.compile(r"event \d+ of"))
    at = position.inner_text()
    page.keyboard.press(".")
    expect(position).not_to_have_text(at)
    page.keyboard.press(",")
    expect(position).to_have_text(at)
    shoot(page, "replay-begun")
    assert violations(page) == []

    page.keyboard.press("]")
    expect(log.get_by_text("another item")).to_be_visible()
    expect(log.get_by_text(LAST)).to_have_count(0)
    bar.get_by_role("combobox", name="Speed").click()
    page.get_by_role("option", name="20×").click()
    bar.get_by_role("button", name="Play", exact=True).click()
    expect(bar.get_by_role("button", name="Play again")).to_be_visible()
    expect(log.get_by_text(LAST)).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Fork|Ask again|Undo"))).to_have_count(0)
    shoot(page, "replay-ended")
    assert violations(page) == []

    page.keyboard.press("r")
    expect(bar).to_have_count(0)
    expect(page.get_by_role("textbox", name="Message")).to_be_focused()
    expect(log.get_by_text(LAST)).to_be_visible()
    assert daemon.client.get(f"/v3/sessions/{sid}")["lastSeq"] == before


def test_the_exported_file_plays_itself_back_offline_and_is_readable_without_a_script(
    page: Page, browser: Browser, daemon: Daemon, sid: str, tmp_path: Path
) -> None:
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    palette = page.get_by_role("dialog", name="Search")
    palette.get_by_role("combobox").fill("one HTML")
    with page.expect_download() as given:
        palette.get_by_role("option", name="Export the session as one HTML", exact=False).click()
    file, printed = tmp_path / "page.html", tmp_path / "cli.html"
    given.value.save_as(file)
    exported = daemon.opta("sessions", "export", sid, "--format", "html", "--output", str(printed))
    assert exported.returncode == 0, exported.stderr
    assert file.read_bytes() == printed.read_bytes()
    assert SECRET not in file.read_text()

    made = new_context(browser, viewport={"width": 1024, "height": 768}, color_scheme="dark", offline=True)
    problems: list[str] = []
    shown = made.new_page()
    shown.on("pageerror", lambda error: problems.append(str(error)))
    shown.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    shown.on("request", lambda request: problems.append(request.url) if not request.url.startswith("file:") else None)
    shown.goto(file.as_uri())
    expect(shown.get_by_text(LAST)).to_be_visible()
    player = shown.get_by_role("group", name="Replay")
    shoot(shown, "export-whole", sizes=((1024, 768), (390, 844)))
    player.get_by_role("button", name="Play", exact=True).click()
    player.get_by_role("button", name="Pause").click()
    shown.keyboard.press("[")
    shown.keyboard.press("[")
    expect(shown.get_by_text("Before the first turn")).to_be_visible()
    expect(shown.get_by_text("make it with")).to_be_hidden()
    shown.keyboard.press("]")
    expect(shown.get_by_text("make it with")).to_be_visible()
    expect(shown.get_by_text("another item")).to_be_hidden()
    shown.keyboard.press("]")
    expect(shown.get_by_text("another item")).to_be_visible()
    expect(shown.get_by_text(LAST)).to_be_hidden()
    shoot(shown, "export-played", sizes=((1024, 768), (390, 844)))
    assert violations(shown) == []
    player.get_by_label("Speed").select_option("20")
    player.get_by_role("button", name="Play", exact=True).click()
    expect(player.get_by_role("button", name="Play again")).to_be_visible()
    expect(shown.get_by_text(LAST)).to_be_visible()
    player.get_by_role("button", name="Show the whole session").click()
    expect(shown.get_by_text("make it with")).to_be_visible()
    made.close()
    assert problems == []

    plain = new_context(browser, java_script_enabled=False)
    read = plain.new_page()
    read.goto(file.as_uri())
    for words in ("make it with", "another item", "and say it", LAST):
        expect(read.get_by_text(words)).to_be_visible()
    expect(read.get_by_role("group", name="Replay")).to_have_count(0)
    plain.close()


def test_what_sessions_used_is_shown_by_day_folder_and_model(page: Page, daemon: Daemon, sid: str) -> None:
    page.get_by_role("log", name="Timeline").focus()
    page.keyboard.press("u")
    sheet = page.get_by_role("dialog", name="Usage")
    expect(sheet.get_by_role("img", name=re.compile("^Tokens written by day: "))).to_be_visible()
    sheet.get_by_role("button", name="7 days").click()
    expect(sheet.get_by_role("button", name="7 days")).to_have_attribute("aria-pressed", "true")
    printed = json.loads(daemon.opta("usage", "--days", "7", "--by", "folder", "--json").stdout)
    figures = printed["groups"][str(daemon.workspace)]
    row = sheet.get_by_role("row").filter(has=page.get_by_role("rowheader", name=str(daemon.workspace)))
    expect(row.get_by_role("cell").last).to_have_text(str(figures["turns"]))
    expect(row.get_by_role("cell").nth(1)).to_contain_text(f"{figures['tokens']:,}")
    expect(sheet.get_by_role("rowheader", name="run_command")).to_be_visible()
    sheet.get_by_text("The days as a table").click()
    shoot(page, "usage")
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)


def test_a_session_is_replayed_in_a_terminal(daemon: Daemon, sid: str) -> None:
    replayed = daemon.opta("sessions", "replay", sid, "--speed", "20")
    assert replayed.returncode == 0, replayed.stderr
    assert LAST in replayed.stdout
    assert "and say it" in replayed.stderr and "The replay has ended." in replayed.stderr
    wrong = daemon.opta("sessions", "replay", sid, "--speed", "21")
    assert wrong.returncode == 2 and "from 1 to 20" in wrong.stderr
