"""LMX's status page in a real browser, off loopback: it asks for a key, and then shows the figures."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from support.browser import chromium, new_context
from support.daemon import Daemon
from support.limits import limit_s
from support.lmx import port_of
from support.oracles import until

pytestmark = pytest.mark.system


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Daemon]:
    """Bound to all addresses; the browser calls it by loopback alone."""
    with Daemon(tmp_path, only="lmx", config='[lmx]\nbind = "0.0.0.0"\n') as daemon:
        assert until(lambda: "loaded" in daemon.opta("lmx", "status").stdout, 60), daemon.logs()
        yield daemon


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as browser:
        made = new_context(browser, ignore_https_errors=True).new_page()
        errors: list[str] = []
        made.on("pageerror", lambda error: errors.append(str(error)))
        made.on("console", lambda message: errors.append(message.text) if "Content Security Policy" in message.text else None)
        yield made
        assert not errors


def test_the_page_asks_for_a_key_and_then_shows_models_and_clients(studio: Daemon, page: Page) -> None:
    key = studio.opta("lmx", "keys", "add", "laptop").stdout.split()[0]
    page.goto(f"https://127.0.0.1:{port_of(studio)}/")
    state, timeout = page.get_by_role("status"), limit_s(10_000)
    expect(state).to_have_text("Locked", timeout=timeout)
    expect(page.locator("#figures")).to_be_hidden()
    asked = page.get_by_label("This LMX needs a key")
    asked.fill("lmx-wrong")
    page.get_by_role("button", name="Show").click()
    expect(state).to_have_text("This key is not known", timeout=timeout)
    asked.fill(key)
    asked.press("Enter")
    expect(state).to_have_text("Ready", timeout=timeout)
    expect(asked).to_be_hidden()
    expect(page.get_by_role("row", name="probe (default) loaded")).to_be_visible()
    ask = "async key => { const answer = await fetch('/v1/completions', {method: 'GET', headers: {authorization: `Bearer ${key}`}}); return answer.status; }"
    assert page.evaluate(ask, key) == 405
