"""Consent in a real browser: nothing outside the card decides, nothing early, nothing held; the card holds the whole call."""

import json
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from support.asked_page import KEYS, asked, decisions, deny_rest, show, unopened
from support.browser import chromium, shoot, violations
from support.daemon import Daemon
from support.model_server import Action, ModelServer, Say, Use
from support.oracles import until
from support.reference_server import TARGET, everything

from opta_cli.plain_text import visible

pytestmark = [pytest.mark.system, pytest.mark.page]

TRICKY = "echo first # harmless\necho 'second  --line'  \nprintf '%s' " + "w" * 300
OLD = "".join(f"-- query {number}\n++ counter {number}\n" for number in range(400))
CALLS: dict[str, list[Action]] = {
    "choose": [Use("ask_user", {"question": "Which database?", "options": ["sqlite", "postgres"]})],
    "tricky": [Use("run_command", {"command": TRICKY, "timeout_s": 33, "cwd": "sub"})],
    "queue": [Use("run_command", {"command": f"echo {number} > made-{number}"}) for number in range(4)],
    "plain": [Use("run_command", {"command": "sort long.sql"})],
    "one": [Use("run_command", {"command": "echo yes > made"})],
    "long": [
        Use("read_file", {"path": "long.sql"}),
        Use("write_file", {"path": "long.sql", "content": "".join(f"line {number}\n" for number in range(1500))}),
    ],
    "server": [Use("mcp__everything__echo", {"message": "first # line\nsecond  line "})],
    "browse": [Use("browser_navigate", {"url": "http://127.0.0.1:9/a?b=" + "c" * 400})],
    "misuse": [
        Use("mcp__everything__echo", {"message": {"a": 3}}),
        Use("mcp__everything__echo", {"text": "a"}),
        Use("browser_navigate", {"address": "x"}),
    ],
    "wrong": [Use("run_command", {"command": "echo", "shell": "zsh"}), Use("edit_file", {"path": "long.sql", "old": "absent", "new": "x"})],
    "fields": [
        Use("run_command", {"line": "echo"}),
        Use("write_file", {"path": {"a": 3}, "content": "x"}),
        Use("run_command", {"command": " "}),
    ],
}
# An element by what it is, so that it is found again when the page has drawn it anew.
_NAME = "each => each.tagName + ' ' + (each.getAttribute('aria-label') || each.innerText || '').split('\\n')[0].slice(0, 30)"
# Focus the element with a name. False, and nothing is focused, when the page shows another session or its card cannot be answered.
_FOCUS = f"""([name, sid]) => {{
  const card = document.querySelector('[aria-label="Permission"]');
  const allow = [...(card?.querySelectorAll('button') ?? [])].find(each => each.innerText.trim() === 'Allow once');
  if (document.querySelector('[role="dialog"]') || location.hash !== '#/s/' + sid || !allow || allow.disabled) return false;
  document.activeElement?.blur();
  [...document.querySelectorAll('a, button, input, select, textarea, [tabindex]')].find(each => ({_NAME})(each) === name)?.focus();
  return true;
}}"""

# When the page heard keys and clicks, and how often no further one came for as long as a card waits before it takes one.
_NOTE_KEYS = """() => {
  window.pressed = [];
  for (const kind of ['keydown', 'pointerdown']) addEventListener(kind, () => window.pressed.push(performance.now()), true);
}"""
_QUIET_TIMES = "window.pressed.filter((at, number, all) => number > 0 && at - all[number - 1] >= 450).length"

ALPHABET = [
    *"aZ09-+#|&;<>\"'\\`$ \n\t",
    "\r",
    "--",
    "&amp;",
    "<b>",
    "\u202e",
    "\u200b",
    "\u00a0",
    "\u001b[8m",
    "\ufeff",
    "é",
    "日本",
    "שלום",
    "🙂",
    "w" * 90,
]


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    last = messages[-1]
    if last["role"] == "tool":
        return [Say("It is over.")]
    return CALLS.get(last["content"].split()[0], [Say("Nothing to do.")])


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    command = everything()
    servers = f'[sandbox]\nread = ["{TARGET}"]\n[mcp]\npeekaboo = true\n[mcp.servers.everything]\ncommand = "{command[0]}"\nargs = ["{command[1]}"]\n'
    with ModelServer(reply) as model, Daemon(tmp_path_factory.mktemp("consent"), model_url=model.url, config=servers) as running:
        running.start_servers()
        (running.workspace / "sub").mkdir()
        (running.workspace / "long.sql").write_text(OLD)
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """One page for all tests: each asks in a session of its own, and loading the page takes longer than most of them."""
    with unopened(browser) as made:
        yield made


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Page]:
    """For a test that presses keys everywhere, or changes the size of the window."""
    with unopened(browser) as made:
        yield made


def until_ready(daemon: Daemon, page: Page, sid: str) -> None:
    """The session is on the screen again, whatever a key did, and its card can be answered."""
    # A key may have opened a dialog, or begun a replay of the session, which covers its question.
    if page.get_by_role("dialog").count():
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
    back = page.get_by_role("button", name="Back to the session")
    if back.is_visible():
        back.click()
    if page.evaluate("location.hash") != f"#/s/{sid}":
        show(daemon, page, sid)
    expect(page.get_by_role("region", name="Permission").get_by_role("button", name="Allow once")).to_be_enabled()


def test_no_key_outside_the_card_decides(daemon: Daemon, new_page: Page) -> None:
    page = new_page
    sid, turn, _card = asked(daemon, page, "one")
    outside = page.locator("a, button, input, select, textarea, [tabindex]").and_(page.locator(':not([aria-label="Permission"] *)'))
    names = [element.evaluate(_NAME) for element in outside.all() if element.is_enabled() and element.is_visible()]
    # Stop ends the turn, and Pause holds it, and both say so.
    names = [name for name in dict.fromkeys(names) if not name.startswith(("SECTION Permission", "BUTTON Stop", "BUTTON Pause"))]
    assert len(names) >= 8
    for name in ["body", *names]:
        for key in KEYS:
            # The card may be answered now: only where the keys go keeps them from it.
            if not page.evaluate(_FOCUS, [name, sid]):
                until_ready(daemon, page, sid)
                assert page.evaluate(_FOCUS, [name, sid])
            page.keyboard.press(key)
            if "New session" in name or key in ("Alt+Enter", "F10"):
                page.wait_for_timeout(100)  # a new session comes on the screen when the daemon has made it
        assert not decisions(daemon, sid), f"a key decided at {name}"
    assert not daemon.client.get("/v3/grants")["grants"]
    assert not (daemon.workspace / "made").exists()
    deny_rest(daemon, sid, turn)


def test_a_held_key_answers_one_question_of_a_queue_at_most(daemon: Daemon, page: Page) -> None:
    sid, turn, card = asked(daemon, page, "queue")
    card.get_by_role("button", name="Allow once").focus()
    for _ in range(60):
        page.keyboard.down("Enter")  # further ones count as repeats
        page.wait_for_timeout(40)
    page.keyboard.up("Enter")
    assert len(decisions(daemon, sid)) == 1
    # A key that is pressed while the first half second of the next one runs decides nothing either.
    expect(card.get_by_role("button", name="Allow once")).to_be_enabled()
    page.evaluate(_NOTE_KEYS)
    card.get_by_role("button", name="Allow once").click()
    for _ in range(12):
        page.keyboard.press("Enter")
        page.keyboard.press("Escape")
        page.wait_for_timeout(30)
    # On a machine that is slow enough to press no key for half a second, the next key is an answer.
    assert 2 <= len(decisions(daemon, sid)) <= 2 + int(page.evaluate(_QUIET_TIMES))
    deny_rest(daemon, sid, turn)


def test_a_double_click_answers_one_question(daemon: Daemon, page: Page) -> None:
    sid, turn, card = asked(daemon, page, "queue")
    box = card.get_by_role("button", name="Allow once").bounding_box()
    assert box
    for _ in range(8):
        page.mouse.click(box["x"] + 10, box["y"] + 10)
    assert until(lambda: bool(decisions(daemon, sid)), 10)
    assert len(decisions(daemon, sid)) == 1
    deny_rest(daemon, sid, turn)


def test_keys_in_the_card_answer(daemon: Daemon, page: Page) -> None:
    sid, turn, card = asked(daemon, page, "one")
    card.get_by_role("button", name="Deny", exact=True).focus()
    page.keyboard.press("Escape")
    daemon.follow(sid, turn)
    assert [each["decision"] for each in decisions(daemon, sid)] == ["deny"]
    sid, turn, card = asked(daemon, page, "one")
    card.get_by_role("button", name="Allow once").focus()
    page.keyboard.press("Enter")
    daemon.follow(sid, turn)
    assert [(each["decision"], each["client"]) for each in decisions(daemon, sid)] == [("allow", "the page")]
    (daemon.workspace / "made").unlink()


def test_a_lasting_grant_shows_its_words_before_it_is_written(daemon: Daemon, page: Page) -> None:
    sid, turn, card = asked(daemon, page, "tricky")
    assert card.get_by_role("button", name=re.compile("Always")).count() == 0
    deny_rest(daemon, sid, turn)
    sid, turn, card = asked(daemon, page, "long")
    card.get_by_role("button", name="Always allow write_file long.sql").click()
    expect(card.get_by_text("write_file: with exactly the arguments shown")).to_be_visible()
    expect(card.get_by_text(str(daemon.workspace), exact=True)).to_be_visible()
    assert not decisions(daemon, sid)
    assert not daemon.client.get("/v3/grants")["grants"]
    page.keyboard.press("Escape")  # goes back, too early to be taken or not
    page.wait_for_timeout(700)
    page.keyboard.press("Escape")
    expect(card.get_by_role("button", name="Allow once")).to_be_enabled()
    assert not decisions(daemon, sid)
    card.get_by_role("button", name="Always allow write_file long.sql").click()
    card.get_by_role("button", name="Write this rule and allow").click()
    daemon.follow(sid, turn)
    (grant,) = daemon.client.get("/v3/grants")["grants"]
    assert grant["tool"] == "write_file"
    daemon.client.ask("DELETE", f"/v3/grants/{grant['id']}")
    (daemon.workspace / "long.sql").write_text(OLD)


def test_the_card_shows_the_command_that_runs(daemon: Daemon, page: Page) -> None:
    sid, turn, card = asked(daemon, page, "tricky")
    text = re.sub(r"\s", "", re.sub("[↵→·]", "", card.inner_text()))
    for part in ("echofirst#harmless", "echo'second--line'", "w" * 300, "33s", str(daemon.workspace / "sub"), "left"):
        assert part in text
    command = card.locator("code", has_text="harmless")
    box, frame = command.bounding_box(), card.bounding_box()
    assert box and frame and box["x"] + box["width"] <= frame["x"] + frame["width"]
    assert command.evaluate("each => [getComputedStyle(each).whiteSpaceCollapse, getComputedStyle(each).fontVariantLigatures]") == [
        "break-spaces",
        "none",
    ]
    assert command.evaluate("each => each.getClientRects().length + each.offsetHeight") > 60
    deny_rest(daemon, sid, turn)


def test_the_card_shows_the_whole_diff(daemon: Daemon, page: Page) -> None:
    sid, turn, card = asked(daemon, page, "long")
    lines = card.locator(".diff > span").all_inner_texts()
    shown = [re.sub("[↵→·]", "", line) for line in lines]
    assert [line for line in shown if line.startswith("-")][1:] == [f"-{line}" for line in OLD.splitlines()]
    assert [line for line in shown if line.startswith("+")][1:] == [f"+line {number}" for number in range(1500)]
    deny_rest(daemon, sid, turn)


def test_the_card_of_a_server_names_it_and_every_argument(daemon: Daemon, page: Page) -> None:
    sid, turn, card = asked(daemon, page, "server")
    request = next(json.loads(line) for line in daemon.journal(sid) if b'"permission.request"' in line)
    assert (request["server"], len(request["schema"])) == ("everything", 64)
    for part in ("everything", "mcp__everything__echo", request["schema"]):
        expect(card.get_by_text(part, exact=True)).to_be_visible()
    assert "first # line↵\nsecond  line·" in card.locator("code", has_text="first").inner_text()
    deny_rest(daemon, sid, turn)
    sid, turn, card = asked(daemon, page, "browse")
    expect(card.get_by_text("http://127.0.0.1:9/a?b=" + "c" * 400, exact=True)).to_be_visible()
    deny_rest(daemon, sid, turn)


@pytest.mark.parametrize("seed", range(8))
def test_every_non_blank_character_of_a_random_call_is_in_the_card(daemon: Daemon, page: Page, seed: int) -> None:
    chance = random.Random(seed)
    # Every other call has 500 lines; the rest is short enough for a word of the page's width to matter.
    text = "\n".join("".join(chance.choices(ALPHABET, k=6)) for _ in range(500)) if seed % 2 else "".join(chance.choices(ALPHABET, k=400))
    calls = [
        Use("write_file", {"path": f"random-{seed}", "content": text}),
        Use("mcp__everything__echo", {"message": text}),
        # A command with characters that hide or reorder text is denied before anybody is asked.
        Use("run_command", {"command": "true # " + "".join(character for character in text if character.isprintable()), "cwd": "sub"}),
    ]
    CALLS["random"] = [calls[seed % len(calls)]]
    sid, turn, card = asked(daemon, page, "random")
    request = next(json.loads(line) for line in daemon.journal(sid) if b'"permission.request"' in line)
    shown = [solid(code) for code in card.locator("dd code").all_inner_texts()]
    assert request["args"]
    for value in request["args"].values():
        assert solid("".join("".join(visible(line)) for line in str(value).split("\n"))) in shown
    assert card.evaluate("each => each.scrollWidth <= each.clientWidth")
    deny_rest(daemon, sid, turn)


def solid(text: str) -> str:
    """Without blanks, and without the marks that are drawn for them."""
    return re.sub(r"[\s↵→·]", "", text)


@pytest.mark.parametrize("name", ["wrong", "fields", "misuse"])
def test_a_call_that_cannot_run_is_answered_to_the_model_and_asks_nobody(daemon: Daemon, name: str) -> None:
    sid = daemon.session(mode="do", level="L1")
    events = daemon.follow(sid, daemon.submit(sid, name))
    assert not [event for event in events if event["event"] == "permission.request"]
    results = [event for event in events if event["event"] == "tool.result"]
    assert len(results) == len(CALLS[name])
    assert not any(result["ok"] for result in results)
    assert all(result["code"] != "denied" for result in results)


def test_the_card_fits_a_phone_and_a_desk(daemon: Daemon, new_page: Page) -> None:
    page = new_page
    for name in ("tricky", "long", "one", "server", "browse"):
        sid, turn, card = asked(daemon, page, name)
        for width in (360, 1200):
            page.set_viewport_size({"width": width, "height": 720})
            assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
            for button in card.get_by_role("button").all():
                box = button.bounding_box()
                assert box
                assert box["x"] >= 0
                assert box["x"] + box["width"] <= width
                assert box["y"] + box["height"] <= 720
        deny_rest(daemon, sid, turn)


# (width, height) in CSS pixels: a phone, a small phone, a laptop at 200 % zoom, and a desk.
@pytest.mark.parametrize("size", [(390, 844), (360, 640), (640, 360), (1200, 720)])
def test_a_card_leaves_a_part_of_the_timeline_and_each_of_its_buttons_can_be_reached(
    daemon: Daemon, new_page: Page, size: tuple[int, int]
) -> None:
    page = new_page
    for name in ("queue", "long", "tricky"):
        page.set_viewport_size({"width": 1200, "height": 860})
        sid, turn, card = asked(daemon, page, name)
        page.set_viewport_size({"width": size[0], "height": size[1]})
        timeline = page.get_by_role("log", name="Timeline").bounding_box()
        assert timeline
        assert timeline["height"] >= 120, f"{timeline['height']} px are left beside {name}"
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
        for button in [*card.get_by_role("button").all(), page.get_by_role("textbox", name="Message")]:
            button.scroll_into_view_if_needed()
            expect(button).to_be_in_viewport(ratio=0.9)
        if name == "long" and size[1] <= 640:
            card.get_by_role("button", name="Allow once").scroll_into_view_if_needed()
            shoot(page, f"card-{size[0]}x{size[1]}", sizes=(size,))
        deny_rest(daemon, sid, turn)


def test_the_wider_answers_show_what_each_would_cover(daemon: Daemon, page: Page) -> None:
    sid, turn, card = asked(daemon, page, "one")
    assert card.get_by_role("button", name=re.compile("Always")).count() == 0  # a redirection is not plain, so no rule fits it
    deny_rest(daemon, sid, turn)
    sid, turn, card = asked(daemon, page, "plain")
    card.get_by_role("button", name=re.compile("^Always allow")).click()
    expect(card.get_by_role("radio").first).to_be_checked()
    assert card.get_by_role("radio").count() >= 2
    expect(card.get_by_text("exactly this, in this folder").first).to_be_visible()
    shoot(page, "scope")
    assert violations(page) == []
    assert not decisions(daemon, sid)
    deny_rest(daemon, sid, turn)
    assert not daemon.client.get("/v3/grants")["grants"]
