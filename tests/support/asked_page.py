"""The page with an open question: shown in a window, and what became of it in the journal."""

import contextlib
import json
from collections.abc import Generator
from contextlib import suppress
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect

from opta_core.errors import OptaError
from support.browser import new_context
from support.daemon import Daemon
from support.limits import limit_s

# Whatever a hand may rest on: keys that press buttons, move, type, delete, or start something elsewhere.
KEYS = [
    "Enter", "Space", "Escape", "Tab", "Shift+Tab", "a", "A", "y", "n", "d", "p", "s", "w", "e", "1", "2", "Backspace", "Delete", "ArrowUp",
    "ArrowDown", "ArrowLeft", "ArrowRight", "Home", "End", "PageUp", "PageDown", "Control+Enter", "Meta+Enter", "Alt+Enter", "Shift+Enter",
    "Control+y", "Alt+a", "Control+Space", "F2", "F10", "Insert", "NumpadEnter", "/", "?", "Alt+y",
]  # fmt: skip


@contextlib.contextmanager
def unopened(browser: Browser) -> Generator[Page]:
    """A browser window of its own, with nothing in it: `asked` opens the page."""
    context = new_context(browser, viewport={"width": 1200, "height": 860}, color_scheme="dark")
    made = context.new_page()
    errors: list[str] = []
    made.on("pageerror", lambda error: errors.append(str(error)))
    yield made
    context.close()
    assert not errors


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
        page.goto(f"{daemon.page_url}#/s/{sid}")
    else:
        page.evaluate("sid => { location.hash = '/s/' + sid }", sid)


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
