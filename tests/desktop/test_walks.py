"""Every task of the page without a mouse and without a screen: keys only, and each stop by what the accessibility tree says of it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from support.asked_page import decisions
from support.browser import chromium, opened
from support.daemon import Daemon
from support.first_visit import first_visit, free_known_port
from support.limits import limit_s
from support.model_server import Action, ModelServer, Say, Use, Wait
from support.oracles import until
from support.screen_reader import ScreenReader

pytestmark = [pytest.mark.system, pytest.mark.page]

SOON_MS = limit_s(20_000)


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    last = messages[-1]
    if last["role"] == "tool":
        return [Say("It is written.")]
    text = last["content"] if isinstance(last["content"], str) else " ".join(part.get("text", "") for part in last["content"])
    if "slowly" in text:
        return [Say("word " * 30, rate=30, size=5), Wait(20)]
    if "write" in text:
        return [Use("write_file", {"path": "notes.txt", "content": "first\nsecond\n"})]
    return [Say(f"You said: {text.splitlines()[-1]}")]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("walks")
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
        expect(made.get_by_role("status", name="Connection: Connected")).to_be_visible(timeout=SOON_MS)
        yield made


@pytest.fixture
def reader(page: Page) -> Iterator[ScreenReader]:
    made = ScreenReader(page)
    yield made
    assert made.unnamed() == []


def events(daemon: Daemon, sid: str, kind: str) -> list[dict[str, Any]]:
    return [event for event in map(json.loads, daemon.journal(sid)) if event["event"] == kind]


def begin(daemon: Daemon, page: Page, title: str, **fields: Any) -> str:
    """A session on the screen, with the focus in its message."""
    sid = daemon.session(title=title, **fields)
    page.evaluate("sid => { location.hash = '/s/' + sid }", sid)
    expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()
    expect(page.get_by_role("navigation", name="Sessions").get_by_role("button", name=re.compile(f"^{title}"))).to_be_visible(
        timeout=SOON_MS
    )
    page.keyboard.press("Alt+l")
    return sid


def said(page: Page, reader: ScreenReader, text: str) -> None:
    """Write a message and send it."""
    page.keyboard.press("Alt+l")
    assert until(lambda: reader.focused().startswith("textbox Message"), 10)
    page.keyboard.type(text)
    page.keyboard.press("Control+Enter")


def test_a_session_in_a_folder(page: Page, reader: ScreenReader, daemon: Daemon, tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    page.keyboard.press("Tab")
    reader.press("^button Folder: |^button Choose a folder")
    if page.get_by_role("menu").count():
        reader.press("^menuitem New session in another folder", key="ArrowDown")
    field = reader.reach("^textbox Path of the folder") if not reader.focused().startswith("textbox Path") else reader.focused()
    assert field.startswith("textbox Path of the folder")
    page.keyboard.press("Control+a")
    page.keyboard.type(str(tmp_path / "project"))
    expect(page.get_by_role("dialog").get_by_role("button", name="Use project")).to_be_visible(timeout=SOON_MS)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    said(page, reader, "hello there")
    expect(page.get_by_text("You said: hello there")).to_be_visible(timeout=SOON_MS)
    newest = daemon.client.get("/v3/sessions")["sessions"][0]
    assert newest["cwd"] == str(tmp_path / "project")


def test_a_question_is_allowed_and_another_one_denied(page: Page, reader: ScreenReader, daemon: Daemon) -> None:
    (daemon.workspace / "notes.txt").unlink(missing_ok=True)
    sid = begin(daemon, page, "asked", mode="do")
    said(page, reader, "write it")
    expect(page.get_by_role("region", name="Permission").get_by_role("button", name="Deny", exact=True)).to_be_enabled(timeout=SOON_MS)
    assert any(re.search("^RootWebArea.*needs? you", node) for node in reader.tree())
    page.keyboard.press("Alt+j")
    assert reader.focused() == "region Permission"
    # All that would be written is read on the way to the buttons.
    assert reader.reach("The call|^group") and "notes.txt" in page.get_by_role("region", name="Permission").inner_text()
    reader.press("^button Deny Esc|^button Deny$")
    expect(page.get_by_text("It is written.")).to_be_visible(timeout=SOON_MS)
    said(page, reader, "write it again")
    expect(page.get_by_role("region", name="Permission").get_by_role("button", name="Allow once")).to_be_enabled(timeout=SOON_MS)
    page.keyboard.press("Alt+j")
    reader.press("^button Allow once")
    assert until(lambda: [each["decision"] for each in decisions(daemon, sid)] == ["deny", "allow"], 20)
    assert until((daemon.workspace / "notes.txt").exists, 20)


def test_a_file_is_undone_and_made_again(page: Page, reader: ScreenReader, daemon: Daemon) -> None:
    notes = daemon.workspace / "notes.txt"
    notes.unlink(missing_ok=True)
    sid = begin(daemon, page, "undone", mode="do", policy="unrestricted")
    daemon.follow(sid, daemon.submit(sid, "write it"))
    expect(page.get_by_text("It is written.")).to_be_visible(timeout=SOON_MS)
    reader.press("^button 1 file changed", key="Shift+Tab")
    reader.press("^button Undo")
    assert until(lambda: not notes.exists(), 20)
    reader.press("^button Redo", key="Tab" if "Undo" in reader.focused() else "Shift+Tab")
    assert until(notes.exists, 20)


def test_words_for_a_running_turn_are_steered_and_queued_and_taken_back(page: Page, reader: ScreenReader, daemon: Daemon) -> None:
    sid = begin(daemon, page, "running", mode="do")
    said(page, reader, "slowly please")
    expect(page.get_by_text("word word").first).to_be_visible(timeout=SOON_MS)
    page.keyboard.type("only in src")
    reader.press("^button Steer")
    assert until(lambda: len(events(daemon, sid, "turn.steer")) == 1, 20)
    page.keyboard.press("Alt+l")
    page.keyboard.type("then the tests")
    reader.press("^button Queue")
    assert until(lambda: len(events(daemon, sid, "turn.start")) == 2, 20)
    expect(page.get_by_role("list", name="Waiting").get_by_role("listitem")).to_have_count(2)
    page.keyboard.press("Alt+l")
    reader.press("^button Remove “then the tests”", key="Shift+Tab")
    expect(page.get_by_role("list", name="Waiting").get_by_role("listitem")).to_have_count(1)
    page.keyboard.press("Alt+l")
    reader.press("^button Pause")
    assert until(lambda: bool(events(daemon, sid, "turn.pausing") or events(daemon, sid, "turn.paused")), 20)
    page.keyboard.press("Alt+l")
    reader.press("^button Stop")
    expect(page.get_by_text("Stopped by the user.")).to_be_visible(timeout=SOON_MS)


def test_a_session_is_renamed_pinned_archived_and_comes_back(page: Page, reader: ScreenReader, daemon: Daemon) -> None:
    sid = begin(daemon, page, "by hand")
    about = lambda: daemon.client.get(f"/v3/sessions/{sid}")  # noqa: E731
    page.keyboard.press("Control+Shift+k")
    reader.reach("^button by hand")
    page.keyboard.press("F2")
    assert reader.focused().startswith("textbox Title: by hand")
    page.keyboard.type("by key")
    page.keyboard.press("Enter")
    assert until(lambda: about()["title"] == "by key", 20)
    assert until(lambda: reader.focused().startswith("button by key"), 10), reader.focused()
    reader.press("^button Session menu")
    reader.press("^menuitem Pin", key="ArrowDown")
    assert until(lambda: about()["pinned"], 20)
    assert until(lambda: reader.focused().startswith("button Session menu"), 10), reader.focused()
    page.keyboard.press("Enter")
    reader.press("^menuitem Archive", key="ArrowDown")
    assert until(lambda: about()["archived"], 20)
    page.keyboard.press("Control+Shift+k")
    reader.press("^button What is listed, and how")
    reader.press("^menuitemradio Archive", key="ArrowDown")
    expect(page.get_by_role("button", name="Restore: by key")).to_be_visible(timeout=SOON_MS)
    reader.press("^button Restore: by key")
    assert until(lambda: not about()["archived"], 20)
    assert reader.has_focus(), "the focus is lost"


def test_a_session_goes_to_the_trash_and_comes_back_from_there(page: Page, reader: ScreenReader, daemon: Daemon) -> None:
    sid = begin(daemon, page, "put away")
    trash = daemon.home / "daemon/trash" / f"{sid}.jsonl"
    page.keyboard.press("Control+Shift+k")
    reader.reach("^button put away")
    reader.press("^button Session menu")
    reader.press("^menuitem Move to trash", key="ArrowDown")
    assert until(trash.exists, 20)
    page.keyboard.press("Control+Shift+k")
    reader.press("^button Undo")
    assert until(lambda: not trash.exists(), 20)
    page.keyboard.press("Control+Shift+k")
    expect(page.get_by_role("navigation", name="Sessions").get_by_role("button", name=re.compile("^put away"))).to_be_visible(
        timeout=SOON_MS
    )
    reader.reach("^button .*turns?$")
    page.keyboard.press("Home")
    if not reader.focused().startswith("button put away"):
        reader.reach("^button put away", key="ArrowDown")
    reader.press("^button Session menu")
    reader.press("^menuitem Move to trash", key="ArrowDown")
    assert until(trash.exists, 20)
    page.keyboard.press("Control+Shift+k")
    reader.press("^button What is listed, and how")
    reader.press("^menuitemradio Trash", key="ArrowDown")
    expect(page.get_by_role("button", name="Restore: put away")).to_be_visible(timeout=SOON_MS)
    reader.press("^button Restore: put away")
    assert until(lambda: not trash.exists(), 20)
    reader.press("^button .*Back", key="Shift+Tab")
    expect(page.get_by_role("searchbox", name="Search sessions")).to_be_visible()


def test_words_and_turns_are_found(page: Page, reader: ScreenReader, daemon: Daemon) -> None:
    sid = begin(daemon, page, "found")
    for text in ("the needle is here", "the second", "the third"):
        daemon.follow(sid, daemon.submit(sid, text))
    page.keyboard.press("Control+f")
    assert until(lambda: reader.focused().startswith("textbox Find in prompts"), 10)
    page.keyboard.type("needle")
    expect(page.get_by_role("search", name="Find in this session").get_by_text("2 of 2")).to_be_visible(timeout=SOON_MS)
    page.keyboard.press("Enter")
    expect(page.get_by_role("search", name="Find in this session").get_by_text("1 of 2")).to_be_visible()
    page.keyboard.press("Escape")
    assert reader.has_focus(), "the focus is lost"
    reader.press("^button Outline of the session", key="Shift+Tab")
    assert until(lambda: reader.focused().startswith("textbox Find a turn"), 10), reader.focused()
    page.keyboard.type("second")
    reader.press("^button 2.*the second")
    assert until(lambda: page.evaluate("location.hash") == f"#/s/{sid}/t2", 10)


def test_a_model_is_chosen_for_the_session(page: Page, reader: ScreenReader, daemon: Daemon) -> None:
    sid = begin(daemon, page, "model")
    page.keyboard.press("Alt+Shift+M")
    expect(page.get_by_role("option").first).to_be_visible(timeout=SOON_MS)
    reader.reach("^radio This session|^radio This turn")
    while "This session" not in reader.focused():
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    reader.reach("^combobox|^searchbox|^textbox|^option|^listbox", key="Shift+Tab")
    reader.press("^option .*scripted", key="ArrowDown")
    assert until(lambda: bool(events(daemon, sid, "session.updated")), 20)
    assert until(lambda: not page.get_by_role("listbox").count(), 10)
    assert reader.has_focus(), "the focus is lost"


def test_a_file_is_attached_and_taken_off(page: Page, reader: ScreenReader, daemon: Daemon, tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text("line\n")
    # Playwright takes a chooser over only from some moment on after it was asked to; the dialog of before is the system's.
    page.on("filechooser", lambda _: None)
    sid = begin(daemon, page, "attached")
    for name in ("first", "second"):
        (tmp_path / f"{name}.txt").write_text(f"{name}\n")
        page.keyboard.press("Alt+l")
        reader.reach("Attach files")
        with page.expect_file_chooser() as chooser:
            page.keyboard.press("Space")
        chooser.value.set_files(tmp_path / f"{name}.txt")
        expect(page.get_by_role("list", name="Attachments").get_by_text(f"{name}.txt")).to_be_visible(timeout=SOON_MS)
    page.keyboard.press("Alt+l")
    reader.press("^button Remove first.txt", key="Shift+Tab")
    expect(page.get_by_role("list", name="Attachments").get_by_role("listitem")).to_have_count(1)
    assert reader.has_focus(), "the focus is lost"
    said(page, reader, "read it")
    assert until(lambda: bool(events(daemon, sid, "turn.start")), 20)
    assert len(events(daemon, sid, "turn.start")[0]["attachments"]) == 1


def test_the_first_visit(tmp_path: Path, browser: Browser) -> None:
    with ModelServer(reply, port=free_known_port()) as server, first_visit(tmp_path) as daemon, opened(browser, daemon) as page:
        reader = ScreenReader(page)
        expect(page.get_by_role("region", name="Model servers on this machine").get_by_text(f"127.0.0.1:{server.port}")).to_be_visible(
            timeout=SOON_MS
        )
        reader.press("^button .*(Let scripted answer|Use it)")
        expect(page.get_by_text("scripted answers.")).to_be_visible(timeout=SOON_MS)
        reader.press("^button ~/code/shop")
        expect(page.get_by_text("Sessions work in")).to_be_visible(timeout=SOON_MS)
        reader.press("^button What is in this folder")
        expect(page.get_by_text("You said: What is in this folder")).to_be_visible(timeout=SOON_MS)
        assert reader.unnamed() == []


def test_the_tree_of_a_session_has_its_landmarks_and_a_heading_for_each_turn(page: Page, reader: ScreenReader, daemon: Daemon) -> None:
    sid = begin(daemon, page, "landmarks", mode="do", policy="unrestricted")
    for text in ("write it", "hello"):
        daemon.follow(sid, daemon.submit(sid, text))
    expect(page.get_by_text("You said: hello")).to_be_visible(timeout=SOON_MS)
    tree = reader.tree()
    for part in (
        "banner",
        "main",
        "navigation Sessions",
        "log Timeline",
        "complementary Telemetry",
        "group Composer",
        "textbox Message",
        "heading landmarks",
    ):
        assert any(node.startswith(part) for node in tree), part
    assert sum(bool(re.match("heading ◈ Assistant turn [12]", node)) for node in tree) == 2
    assert sum(node.startswith("article") for node in tree) == 2
    nameless = [node for node in tree if node in ("button", "link", "textbox", "combobox", "checkbox", "img", "image", "dialog")]
    assert nameless == []
