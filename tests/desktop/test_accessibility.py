"""The page for people who see little, use no mouse, or hear it: every surface in both themes, walks by key, and what is announced."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from support.asked_page import asked, deny_rest, show
from support.browser import SCREENS, THEMES, chromium, opened, shoot, violations
from support.daemon import Daemon
from support.limits import limit_s
from support.model_server import Action, ModelServer, Say, Think, Use
from support.oracles import until

pytestmark = [pytest.mark.system, pytest.mark.page]

ANSWER = "# Done\n\nSee `notes.txt`.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- [x] one\n- [ ] two\n"
CALLS: dict[str, list[Action]] = {
    "one": [Use("run_command", {"command": "echo yes > made"})],
    "queue": [Use("run_command", {"command": f"echo {number} > made-{number}"}) for number in range(3)],
    "plain": [Use("run_command", {"command": "sort long.sql"})],
    "write": [Think("A file is wanted."), Use("write_file", {"path": "notes.txt", "content": "first\nsecond\n"})],
    "choose": [Use("ask_user", {"question": "Which database?", "options": ["sqlite", "postgres"]})],
    "plan": [
        Use(
            "todo",
            {"items": [{"text": "Look", "state": "done"}, {"text": "Change it", "state": "doing"}, {"text": "Test it", "state": "open"}]},
        ),
        Use("run_command", {"command": "echo yes > made"}),
    ],
    "slowly": [Say("word " * 200, rate=80, size=5)],
}
# Whatever takes the focus by a key: its role, name and text, and whether the ring around it can be seen.
_FOCUSED = """() => {
  const each = document.activeElement;
  const name = each.getAttribute('aria-label') || each.innerText || each.getAttribute('placeholder') || '';
  return [each.tagName, name.replace(/\\s+/g, ' ').trim().slice(0, 60)];
}"""
# Records every change of what assistive programs read out by themselves, and every move of the focus.
_WATCH = """() => {
  window.heard = [];
  window.moved = [];
  const live = [...document.querySelectorAll('[aria-live="polite"], [role="status"], [role="alert"]')];
  const watch = new MutationObserver(() => window.heard.push(document.querySelector('[data-live]').textContent));
  watch.observe(document.querySelector('[data-live]'), {childList: true, characterData: true, subtree: true});
  document.addEventListener('focusin', (event) => window.moved.push(event.target.tagName));
}"""


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    last = messages[-1]
    if last["role"] == "tool":
        return [Say(ANSWER)]
    # Above the words of the person stands what Opta adds, such as that something was undone.
    return CALLS.get(last["content"].splitlines()[-1].split()[0], [Say(ANSWER)])


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with ModelServer(reply) as model, Daemon(tmp_path_factory.mktemp("access"), model_url=model.url) as running:
        (running.workspace / "long.sql").write_text("b\na\n")
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture
def page(browser: Browser, daemon: Daemon) -> Iterator[Page]:
    with opened(browser, daemon) as made:
        expect(made.get_by_role("status", name="Connection: Connected")).to_be_visible(timeout=30_000)
        yield made


def check(page: Page, name: str) -> None:
    """Nothing that axe finds, in both themes."""
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        assert violations(page) == [], f"{name}, {theme}"
    page.emulate_media(color_scheme="dark")


def test_every_surface_has_no_violations_in_dark_and_light(page: Page, daemon: Daemon) -> None:
    page.evaluate("location.hash = '/new'")
    expect(page.get_by_role("textbox", name="Message")).to_be_visible()
    check(page, "a new session")
    sid, turn, card = asked(daemon, page, "queue")
    check(page, "a list of questions")
    card.get_by_role("button", name="Deny with a note").click()
    check(page, "a denial with a note")
    deny_rest(daemon, sid, turn)
    expect(page.get_by_role("heading", name="Done")).to_be_visible()
    check(page, "an answer with denied calls")
    sid, turn, card = asked(daemon, page, "plain")
    card.get_by_role("button", name=re.compile("^Always")).click()
    check(page, "wider answers")
    deny_rest(daemon, sid, turn)
    sid, turn, card = asked(daemon, page, "write")
    check(page, "a question with a diff")
    card.get_by_role("button", name="Allow once").click()
    expect(page.get_by_role("heading", name="Done")).to_be_visible()
    check(page, "an answer with a table, tasks and an edit")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog", name="Search")).to_be_visible()
    shoot(page, "palette")
    check(page, "the palette")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+Shift+k")
    check(page, "the search")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    shoot(page, "keys")
    check(page, "the list of keys")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.set_viewport_size({"width": 390, "height": 844})
    # The search has opened the drawer already.
    if not page.get_by_role("navigation", name="Sessions").is_visible():
        page.get_by_role("button", name="Sessions").click()
    expect(page.get_by_role("navigation", name="Sessions")).to_be_visible()
    check(page, "the drawer of sessions")
    shoot(page, "drawer", sizes=((390, 844),))


def test_panels_beside_the_timeline_have_no_violations_in_dark_and_light(page: Page, daemon: Daemon, tmp_path: Path) -> None:
    sid, turn, _card = asked(daemon, page, "plan")
    page.get_by_role("group", name="Plan").get_by_text("1 of 3 done").click()
    expect(page.get_by_role("group", name="Plan").get_by_text("Test it")).to_be_visible()
    check(page, "the plan")
    shoot(page, "plan", sizes=((1440, 900), (390, 844)))
    deny_rest(daemon, sid, turn)
    page.get_by_role("button", name="Diagnose", exact=True).click()
    expect(page.get_by_role("region", name="The five steps").get_by_role("listitem")).to_have_count(5, timeout=limit_s(30_000))
    check(page, "a diagnosis")
    page.get_by_role("dialog", name="Triage").get_by_role("button", name="Close").click()
    repository = tmp_path / "repository"
    repository.mkdir()
    for words in (["init", "-q"], ["-c", "user.name=a", "-c", "user.email=a@b.example", "commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run(["git", *words], cwd=repository, check=True)
    show(daemon, page, daemon.session(mode="do", cwd=str(repository), worktree=True, title="in a worktree"))
    expect(page.get_by_role("region", name="Worktree").get_by_role("button", name="Merge")).to_be_visible(timeout=limit_s(20_000))
    check(page, "a worktree")
    shoot(page, "worktree", sizes=((1440, 900), (390, 844)))
    clone = tmp_path / "clone"
    (clone / ".opta").mkdir(parents=True)
    (clone / ".opta/policy.yaml").write_text("version: 1\nrules:\n  - {effect: allow, tool: run_command, command: npm test}\n")
    show(daemon, page, daemon.session(mode="do", cwd=str(clone), title="a clone"))
    expect(page.get_by_role("region", name="Trust").get_by_role("button", name="Trust this folder")).to_be_visible()
    check(page, "a question of trust")


def test_a_task_is_done_with_the_keyboard_alone(page: Page, daemon: Daemon) -> None:
    (daemon.workspace / "notes.txt").unlink(missing_ok=True)
    # Where a browser's first session works would be asked once.
    page.evaluate("cwd => { location.hash = '/new?cwd=' + encodeURIComponent(cwd) }", str(daemon.workspace))
    expect(page.get_by_role("button", name=f"Folder: {daemon.workspace}")).to_be_visible()
    page.keyboard.press("Alt+n")
    box = page.get_by_role("textbox", name="Message")
    expect(box).to_be_focused()
    page.keyboard.type("Hello.")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", name="Done")).to_be_visible(timeout=limit_s(20_000))
    card = page.get_by_role("region", name="Permission")
    sid = daemon.session(mode="do", title="by key")
    page.evaluate("sid => { location.hash = '/s/' + sid }", sid)
    expect(page.get_by_role("heading", name="by key", level=1)).to_be_visible()
    page.keyboard.press("Alt+l")
    expect(box).to_be_focused()
    page.keyboard.type("write the notes")
    page.keyboard.press("Control+Enter")
    expect(card.get_by_role("button", name="Allow once")).to_be_enabled(timeout=limit_s(30_000))
    # Nothing has taken the focus from the message.
    expect(box).to_be_focused()
    page.keyboard.press("Alt+j")
    expect(card).to_be_focused()
    reach(page, "Allow once")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Done")).to_be_visible()
    assert (daemon.workspace / "notes.txt").read_text() == "first\nsecond\n"
    expect(box).to_be_focused()
    # The diff of the file, and the way back.
    reach(page, re.compile("Write|notes.txt"), back=True)
    page.keyboard.press("Enter")
    reach(page, re.compile("^Undo"))
    page.keyboard.press("Enter")
    assert until(lambda: not (daemon.workspace / "notes.txt").exists(), limit_s(20))
    page.keyboard.press("Alt+l")
    page.keyboard.type("slowly")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("word word").first).to_be_visible(timeout=limit_s(20_000))
    page.keyboard.press("Control+.")
    expect(page.get_by_text("Stopped by the user.")).to_be_visible()


def reach(page: Page, name: str | re.Pattern[str], *, back: bool = False) -> None:
    """Press Tab until something of this name has the focus."""
    seen: list[Any] = []
    for _ in range(60):
        page.keyboard.press("Shift+Tab" if back else "Tab")
        seen.append(page.evaluate(_FOCUSED))
        if re.search(name, seen[-1][1]):
            return
    raise AssertionError(f"{name} is not reached: {seen}")


def test_tokens_are_not_announced_and_the_focus_does_not_move(page: Page, daemon: Daemon) -> None:
    sid = daemon.session(mode="do", title="heard")
    show(daemon, page, sid)
    box = page.get_by_role("textbox", name="Message")
    box.click()
    box.press_sequentially("a draft")
    page.evaluate(_WATCH)
    turn = daemon.submit(sid, "slowly")
    daemon.follow(sid, turn)
    expect(page.get_by_text("200 tokens", exact=True).first).to_be_visible()
    heard = [text for at, text in enumerate(page.evaluate("window.heard")) if at == 0 or text != page.evaluate("window.heard")[at - 1]]
    assert heard[0] == "Assistant answering"
    assert re.fullmatch(r"Done, [\d,]+ tokens, 0 tools", heard[-1])
    assert len(heard) == 2, heard
    turn = daemon.submit(sid, "one")
    expect(page.get_by_role("region", name="Permission").get_by_role("button", name="Allow once")).to_be_enabled(timeout=limit_s(30_000))
    assert page.evaluate("window.heard").count("Run echo yes > made needs permission") >= 1
    assert page.evaluate("window.moved") == []
    expect(box).to_be_focused()
    expect(box).to_have_value("a draft")
    deny_rest(daemon, sid, turn)
    # The timeline is silent by itself; each turn is an article with a heading.
    log = page.get_by_role("log", name="Timeline")
    assert log.get_attribute("aria-live") == "off"
    assert log.get_by_role("article").count() == log.get_by_role("heading", level=2).filter(has_text="Assistant").count()


def test_forced_colours_show_the_open_session_the_focus_and_the_states(browser: Browser, daemon: Daemon) -> None:
    with opened(browser, daemon, forced_colors="active") as page:
        sid, turn, card = asked(daemon, page, "queue")
        current = page.get_by_role("navigation", name="Sessions").locator('[aria-current="true"], [aria-current="page"]').first
        other = page.get_by_role("navigation", name="Sessions").get_by_role("button", name=re.compile("Done|New")).first
        look = "each => { const style = getComputedStyle(each); return [style.borderInlineStartColor, style.outlineStyle, style.outlineWidth].join() }"
        assert current.evaluate(look) != other.evaluate(look), "the open session looks like the others"
        card.get_by_role("button", name="Allow once").focus()
        page.keyboard.press("Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        # A glyph and a word say what a colour says elsewhere.
        expect(page.get_by_role("navigation", name="Sessions").get_by_text("Needs you").first).to_be_visible()
        SCREENS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENS / "forced-colours.png")
        assert violations(page) == []
        deny_rest(daemon, sid, turn)


def test_nothing_moves_for_who_wants_that(browser: Browser, daemon: Daemon) -> None:
    with opened(browser, daemon, reduced_motion="reduce") as page:
        sid, turn, _card = asked(daemon, page, "one")
        moving = "document.getAnimations().filter(each => each.playState === 'running').length"
        assert page.evaluate(moving) == 0
        deny_rest(daemon, sid, turn)


@pytest.mark.parametrize("size", [(640, 400), (360, 640)], ids=["200 % zoom", "360 px"])
def test_everything_can_be_reached_in_a_small_window(browser: Browser, daemon: Daemon, size: tuple[int, int]) -> None:
    with opened(browser, daemon, viewport={"width": size[0], "height": size[1]}) as page:
        sid, turn, card = asked(daemon, page, "queue")
        timeline = page.get_by_role("log", name="Timeline").bounding_box()
        assert timeline
        assert timeline["height"] >= 120
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
        for name in (re.compile("needs? you"), "Sessions"):
            expect(page.get_by_role("banner").get_by_role("button", name=name)).to_be_in_viewport()
        small = page.evaluate(
            "[...document.querySelectorAll('button, a, input, select, textarea, summary')].filter(each => each.checkVisibility({visibilityProperty: true}))"
            ".map(each => [each.innerText || each.ariaLabel, each.getBoundingClientRect()])"
            ".filter(([, box]) => box.width > 1 && (box.height < 24 || box.width < 24)).map(([name]) => name)"
        )
        assert small == []
        card.get_by_role("button", name="Deny", exact=True).click()
        assert violations(page) == []
        deny_rest(daemon, sid, turn)
