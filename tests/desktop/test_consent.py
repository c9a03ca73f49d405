"""Consent in a real browser: nothing outside the card decides, nothing early, nothing held; the card holds the whole call."""

import contextlib
import json
import random
import re
from collections.abc import Generator, Iterator
from contextlib import suppress
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
from support.daemon import Daemon
from support.limits import limit_s
from support.model_server import Action, ModelServer, Say, Use
from support.oracles import until
from support.reference_server import TARGET, everything

from opta_cli.plain_text import visible
from opta_core.errors import OptaError

pytestmark = [pytest.mark.system, pytest.mark.page]

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run"]
KEYS = [
    "Enter", "Space", "Escape", "Tab", "Shift+Tab", "a", "A", "y", "n", "d", "p", "s", "w", "e", "1", "2", "Backspace", "Delete", "ArrowUp",
    "ArrowDown", "ArrowLeft", "ArrowRight", "Home", "End", "PageUp", "PageDown", "Control+Enter", "Meta+Enter", "Alt+Enter", "Shift+Enter",
    "Control+y", "Alt+a", "Control+Space", "F2", "F10", "Insert", "NumpadEnter", "/", "?", "Alt+y",
]  # fmt: skip
TRICKY = "echo first # harmless\necho 'second  --line'  \nprintf '%s' " + "w" * 300
OLD = "".join(f"-- query {number}\n++ counter {number}\n" for number in range(400))
CALLS: dict[str, list[Action]] = {
    "tricky": [Use("run_command", {"command": TRICKY, "timeout_s": 33, "cwd": "sub"})],
    "queue": [Use("run_command", {"command": f"echo {number} > made-{number}"}) for number in range(4)],
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
  if (location.hash !== '#' + sid || !allow || allow.disabled) return false;
  document.activeElement?.blur();
  [...document.querySelectorAll('a, button, input, select, textarea, [tabindex]')].find(each => ({_NAME})(each) === name)?.focus();
  return true;
}}"""


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
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield chromium
        chromium.close()


@contextlib.contextmanager
def unopened(browser: Browser) -> Generator[Page]:
    """A browser window of its own, with nothing in it: `asked` opens the page."""
    context = browser.new_context(viewport={"width": 1200, "height": 860}, color_scheme="dark")
    made = context.new_page()
    errors: list[str] = []
    made.on("pageerror", lambda error: errors.append(str(error)))
    yield made
    context.close()
    assert not errors


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


def asked(daemon: Daemon, page: Page, name: str) -> tuple[str, str, Locator]:
    """(session, turn, card) of a question that is open and may be answered."""
    sid = daemon.session(mode="do", title=f"about {name}")
    show(daemon, page, sid)
    expect(page.get_by_role("status", name="Connection: Connected")).to_be_visible()
    turn = daemon.submit(sid, name)
    card = page.get_by_role("region", name="Permission")
    # The first turn of a daemon waits for its servers to say which tools they have.
    expect(card.get_by_role("button", name="Allow once")).to_be_enabled(timeout=limit_s(30_000))
    return sid, turn, card


def show(daemon: Daemon, page: Page, sid: str) -> None:
    """Open the page at a session; a page that is open goes there without being loaded again."""
    if page.url == "about:blank":
        page.goto(f"{daemon.page_url}#{sid}")
    else:
        page.evaluate("sid => { location.hash = sid }", sid)


def until_ready(daemon: Daemon, page: Page, sid: str) -> None:
    """The session is on the screen again, whatever a key did, and its card can be answered."""
    if page.evaluate("location.hash") != f"#{sid}":
        show(daemon, page, sid)
    expect(page.get_by_role("region", name="Permission").get_by_role("button", name="Allow once")).to_be_enabled()


def decisions(daemon: Daemon, sid: str) -> list[dict[str, Any]]:
    events = map(json.loads, daemon.journal(sid))
    return [event for event in events if event["event"] == "permission.decision" and event.get("requestId")]


def deny_rest(daemon: Daemon, sid: str, turn: str) -> None:
    for event in map(json.loads, daemon.journal(sid)):
        if event["event"] == "permission.request" and event["requestId"] not in {each["requestId"] for each in decisions(daemon, sid)}:
            # Behind a change that was denied, the questions of its step close by themselves.
            with suppress(OptaError):
                daemon.client.post(f"/v3/sessions/{sid}/permissions/{event['requestId']}", {"decision": "deny"})
    daemon.follow(sid, turn)


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
    card.get_by_role("button", name="Allow once").click()
    for _ in range(12):
        page.keyboard.press("Enter")
        page.keyboard.press("Escape")
        page.wait_for_timeout(30)
    assert len(decisions(daemon, sid)) == 2
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
    card.get_by_role("button", name="Deny").focus()
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


@pytest.mark.parametrize("seed", range(5))
def test_every_non_blank_character_of_a_random_call_is_in_the_card(daemon: Daemon, page: Page, seed: int) -> None:
    chance = random.Random(seed)
    text = "".join(chance.choice(ALPHABET) for _ in range(400))
    tool = chance.choice(["write_file", "mcp__everything__echo"])
    CALLS["random"] = [Use(tool, {"message": text} if tool.startswith("mcp") else {"path": f"random-{seed}", "content": text})]
    sid, turn, card = asked(daemon, page, "random")
    (shown,) = [code.inner_text() for code in card.locator("dd code").all() if len(code.inner_text()) > 300]
    assert re.sub(r"[\s↵→·]", "", shown) == re.sub(r"[\s→·]", "", "".join("".join(visible(line)) for line in text.split("\n")))
    deny_rest(daemon, sid, turn)


@pytest.mark.parametrize("name", ["wrong", "fields", "misuse"])
def test_a_call_that_cannot_run_is_answered_to_the_model_and_asks_nobody(daemon: Daemon, name: str) -> None:
    sid = daemon.session(mode="do", level="L1")
    events = daemon.follow(sid, daemon.submit(sid, name))
    assert not [event for event in events if event["event"] == "permission.request"]
    results = [event for event in events if event["event"] == "tool.result"]
    assert len(results) == len(CALLS[name])
    assert not any(result["ok"] for result in results)
    assert all(result["code"] != "denied" for result in results)


def test_an_answer_given_elsewhere_closes_the_card_and_says_where(daemon: Daemon, page: Page) -> None:
    sid, turn, card = asked(daemon, page, "one")
    request = next(json.loads(line)["requestId"] for line in daemon.journal(sid) if b'"permission.request"' in line)
    path = f"/v3/sessions/{sid}/permissions/{request}"
    daemon.client.post(path, {"decision": "deny", "client": "the terminal"})
    expect(card).to_have_count(0)
    expect(page.get_by_text("run_command: Answered in the terminal: denied.")).to_be_visible()
    with pytest.raises(Exception, match="answered already in the terminal: denied"):
        daemon.client.post(path, {"decision": "allow"})
    daemon.follow(sid, turn)


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
