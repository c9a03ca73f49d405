"""Surfaces that open over the page, in every theme and width: menus, dialogs and lists that other tests only use."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from support.asked_page import asked, deny_rest
from support.browser import SIZES, THEMES, chromium, opened, shoot, violations
from support.daemon import Daemon
from support.limits import limit_s
from support.model_server import Action, ModelServer, Say, Use
from support.oracles import until

pytestmark = [pytest.mark.system, pytest.mark.page]

SOON_MS = limit_s(20_000)
TIMELINE_PX_MIN = 120
OPTIONS = [
    "sqlite, one file beside the program, nothing to install",
    "postgres, a server that others share",
    "neither: keep the JSON files as they are now",
]
PLAN = [
    {"text": f"Step {number}: " + "words about what is done in it " * 2, "state": "doing" if number == 2 else "open"}
    for number in range(12)
]
CALLS: dict[str, list[Action]] = {
    "one": [Use("run_command", {"command": "echo yes > made"})],
    "queue": [Use("run_command", {"command": f"echo {number} > made-{number}"}) for number in range(6)],
    "plain": [Use("run_command", {"command": "sort long.sql"})],
    "write": [Use("write_file", {"path": "notes.txt", "content": "".join(f"line {number}\n" for number in range(200))})],
    "choose": [Use("ask_user", {"question": "Which database should the service use from now on? " * 3, "options": OPTIONS})],
    "plan": [Use("todo", {"items": PLAN}), Use("run_command", {"command": "echo yes > made"})],
}
_BEYOND = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Elements whose words leave their box, or the window, without a scroll bar that leads there.
_CUT = """() => [...document.querySelectorAll('button, h1, h2, h3, p, summary, label, a')]
  .filter(each => each.checkVisibility({visibilityProperty: true}) && !each.closest('.sr-only'))
  .filter(each => { const box = each.getBoundingClientRect(); return box.width > 1 && box.right > innerWidth + 1 && !each.closest('pre, table, .diff'); })
  .map(each => each.tagName + ' ' + each.innerText.slice(0, 60))"""


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    last = messages[-1]
    if last["role"] == "tool":
        return [Say("It is over.")]
    return CALLS.get(last["content"].splitlines()[-1].split()[0], [Say("It is **done**.")])


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with ModelServer(reply) as model, Daemon(tmp_path_factory.mktemp("surfaces"), model_url=model.url) as running:
        (running.workspace / "long.sql").write_text("b\na\n")
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


def answered(daemon: Daemon, page: Page, title: str, text: str = "hello", **fields: Any) -> str:
    """A session with one answer, on the screen."""
    sid = daemon.session(title=title, **fields)
    daemon.follow(sid, daemon.submit(sid, text))
    page.evaluate("sid => { location.hash = '/s/' + sid }", sid)
    expect(page.get_by_role("article")).to_have_count(1, timeout=SOON_MS)
    return sid


def check(page: Page, name: str, *, sizes: tuple[tuple[int, int], ...] = SIZES) -> None:
    """A screenshot at every width, nothing for axe to find in either theme, nothing that leaves the window."""
    before = page.viewport_size
    shoot(page, name, sizes=sizes)
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        assert violations(page) == [], f"{name}, {theme}"
    page.emulate_media(color_scheme="dark")
    for width, height in sizes:
        page.set_viewport_size({"width": width, "height": height})
        # What opens over the page moves a moment after the window has changed.
        assert until(lambda: page.evaluate(_BEYOND) <= 0 and page.evaluate(_CUT) == [], 5), (name, width, page.evaluate(_CUT))
    if before:
        page.set_viewport_size(before)


def test_menus_of_the_list_of_sessions(page: Page, daemon: Daemon) -> None:
    answered(daemon, page, "refactor the auth layer, rotate the refresh tokens and say so in the documentation")
    row = page.get_by_role("listitem").filter(has_text="refactor the auth layer")
    row.hover()
    row.get_by_role("button", name="Session menu").click()
    expect(page.get_by_role("menuitem", name="Rename")).to_be_visible()
    check(page, "surface-session-menu", sizes=SIZES[:2])
    page.get_by_role("menuitem", name="Rename").click()
    expect(page.get_by_role("textbox", name="Title")).to_be_focused()
    check(page, "surface-rename", sizes=SIZES[:2])
    page.keyboard.press("Escape")
    page.get_by_role("button", name="What is listed, and how").click()
    expect(page.get_by_role("menuitemradio", name="Trash")).to_be_visible()
    check(page, "surface-list-menu", sizes=SIZES[:2])
    page.get_by_role("menuitemradio", name="Archive").click()
    expect(page.get_by_text("Nothing is archived.")).to_be_visible(timeout=SOON_MS)
    check(page, "surface-archive-empty", sizes=SIZES[:2])


def test_menus_of_a_turn_a_folder_and_the_composer(page: Page, daemon: Daemon) -> None:
    answered(daemon, page, "menus")
    page.get_by_role("button", name="More about turn 1").click()
    expect(page.get_by_role("menuitem", name="Copy the link")).to_be_visible()
    check(page, "surface-turn-menu")
    page.keyboard.press("Escape")
    page.get_by_role("button", name=re.compile("^Mode:")).click()
    expect(page.get_by_role("menuitemradio", name=re.compile("^Plan"))).to_be_visible()
    check(page, "surface-mode-menu")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="How the message is sent").click()
    check(page, "surface-send-menu")
    page.keyboard.press("Escape")
    page.get_by_role("button", name=re.compile("^Folder: ")).click()
    expect(page.get_by_role("menuitem", name="Copy the path")).to_be_visible()
    check(page, "surface-folder-menu", sizes=SIZES[:3])
    page.get_by_role("menuitem", name=re.compile("New session in another folder")).click()
    expect(page.get_by_role("textbox", name="Path of the folder")).to_be_visible()
    check(page, "surface-folder-dialog")


def test_another_try_with_other_words_and_a_problem(page: Page, daemon: Daemon) -> None:
    answered(daemon, page, "other words")
    page.get_by_role("button", name="Edit", exact=True).click()
    expect(page.get_by_role("textbox", name=re.compile("Changed|words", re.IGNORECASE)).first).to_be_visible()
    check(page, "surface-edit-turn")
    page.evaluate("location.hash = '/s/zzzzzz'")
    expect(page.get_by_role("alert")).to_be_visible(timeout=SOON_MS)
    check(page, "surface-no-such-session")


@pytest.mark.parametrize("size", [(640, 400), (360, 640), (390, 844)], ids=["200 % zoom", "360 px", "a phone"])
@pytest.mark.parametrize("name", ["queue", "write", "plan", "choose", "plain, wider", "one, denied with a note"])
def test_every_card_leaves_a_part_of_the_timeline_and_can_be_scrolled_through(
    browser: Browser, daemon: Daemon, name: str, size: tuple[int, int]
) -> None:
    with opened(browser, daemon, viewport={"width": size[0], "height": size[1]}) as page:
        sid, turn, card = waiting(daemon, page, name)
        if name == "plan":
            page.get_by_role("group", name="Plan").get_by_text(re.compile("of 12 done")).click()
        shoot(page, f"small-{name.split(',')[0]}-{size[0]}x{size[1]}", sizes=(size,))
        timeline = page.get_by_role("log", name="Timeline").bounding_box()
        assert timeline
        assert timeline["height"] >= TIMELINE_PX_MIN
        assert page.evaluate(_BEYOND) <= 0
        assert page.evaluate(_CUT) == []
        for part in [*card.get_by_role("button").all(), page.get_by_role("textbox", name="Message", exact=True)]:
            part.scroll_into_view_if_needed()
            expect(part).to_be_in_viewport(ratio=0.9)
        assert violations(page) == []
        daemon.client.post(f"/v3/sessions/{sid}/stop", {})
        daemon.follow(sid, turn)


def waiting(daemon: Daemon, page: Page, name: str) -> tuple[str, str, Locator]:
    """(session, turn, card): a question in one of its states."""
    if name == "choose":
        sid = daemon.session(mode="do", title="about a choice")
        page.evaluate("sid => { location.hash = '/s/' + sid }", sid)
        turn = daemon.submit(sid, name)
        card = page.get_by_role("region", name="Question of the model")
        expect(card.get_by_role("button", name=re.compile("^sqlite"))).to_be_enabled(timeout=SOON_MS)
        return sid, turn, card
    sid, turn, card = asked(daemon, page, name.split(",")[0])
    if name.endswith("wider"):
        card.get_by_role("button", name=re.compile("^Always|^Allow commands")).click()
    if name.endswith("note"):
        card.get_by_role("button", name="Deny with a note").click()
    return sid, turn, card


def test_reduced_motion_and_forced_colours_reach_menus_and_dialogs(browser: Browser, daemon: Daemon) -> None:
    with opened(browser, daemon, reduced_motion="reduce", forced_colors="active") as page:
        moving = "document.getAnimations().filter(each => each.playState === 'running').length"
        sid, turn, _card = asked(daemon, page, "one")
        for name in (re.compile("^Mode:"), "What is listed, and how", "How the message is sent"):
            page.get_by_role("button", name=name).click()
            popup = page.get_by_role("menu")
            expect(popup).to_be_visible()
            assert page.evaluate(moving) == 0
            assert popup.evaluate("each => getComputedStyle(each).borderTopWidth") != "0px"
            page.keyboard.press("ArrowDown")
            assert page.evaluate(
                "['outlineStyle', 'borderTopStyle', 'backgroundColor'].some(name => getComputedStyle(document.activeElement)[name] !== getComputedStyle(document.querySelector('[role=menu] [role^=menuitem]:not([data-highlighted])'))[name])"
            )
            page.keyboard.press("Escape")
        page.keyboard.press("Alt+l")
        page.evaluate("document.activeElement.blur()")
        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
        assert page.evaluate(moving) == 0
        page.keyboard.press("Escape")
        deny_rest(daemon, sid, turn)
