"""Telemetry in a real browser: figures of now, none of a dead daemon, one line where there is no room for more."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from support.browser import chromium, opened, shoot, violations
from support.daemon import Daemon
from support.limits import limit_s
from support.model_server import Action, ModelServer, Say

pytestmark = [pytest.mark.system, pytest.mark.page]

# A page that says so within two seconds of its own is waited for a little longer on a busy machine.
SAID_MS = limit_s(15_000)


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    return [Say("word " * 100_000, rate=100, size=5)] if "long" in str(messages[-1]["content"]) else [Say("It is done.")]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with ModelServer(reply) as model, Daemon(tmp_path_factory.mktemp("telemetry"), model_url=model.url) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


def value(panel: Locator, name: str) -> Locator:
    """The value beside a name."""
    return panel.get_by_text(name, exact=True).locator("xpath=following-sibling::*[1]")


def ask(daemon: Daemon, page: Page, text: str) -> str:
    """A turn of a session that the page shows; returns the session. A long answer ends when it is stopped."""
    sid = daemon.session(title=text)
    page.evaluate("sid => { location.hash = '/s/' + sid }", sid)
    daemon.submit(sid, text)
    return sid


def test_the_figures_are_those_of_the_running_turn_and_each_service_says_how_it_is(browser: Browser, daemon: Daemon) -> None:
    with opened(browser, daemon) as page:
        panel = page.get_by_role("complementary", name="Telemetry")
        sid = ask(daemon, page, "a long answer")
        expect(value(panel, "Tokens per second")).to_have_text(re.compile(r"^[1-9]\d*\.\d$"), timeout=SAID_MS)
        expect(panel.get_by_role("heading", name="Active turn")).to_be_visible()
        expect(value(panel, "First token")).to_have_text(re.compile(r"^(\d\.\d\d s|[\d.]+ ms)$"))
        expect(value(panel, "Status")).to_have_text("● Running")
        expect(value(panel, "Round trip")).to_have_text(re.compile(r"^[\d.]+ m?s$"))
        for service in ("gateway", "sessions", "agent", "tools"):
            expect(value(panel, service)).to_have_text("● ready")
        # This daemon uses no LMX, so nothing is said about its memory.
        expect(panel.get_by_text("Memory of the model host")).to_have_count(0)
        shoot(page, "telemetry")
        assert violations(page) == []
        daemon.client.post(f"/v3/sessions/{sid}/stop", {})
        expect(panel.get_by_role("heading", name="Last turn")).to_be_visible(timeout=limit_s(30_000))


def test_no_figure_of_a_dead_daemon_is_shown(browser: Browser, daemon: Daemon) -> None:
    with opened(browser, daemon) as page:
        panel = page.get_by_role("complementary", name="Telemetry")
        expect(value(panel, "Status")).to_have_text("● Running", timeout=SAID_MS)
        daemon.supervisor().stop("gateway")
        expect(value(panel, "Status")).to_have_text("✕ Not answering", timeout=SAID_MS)
        for name in ("Tokens per second", "Uptime", "Port", "Sessions", "Round trip", "agent", "Sandbox"):
            expect(value(panel, name)).to_have_text("–")
        shoot(page, "telemetry-dead")
        assert violations(page) == []
        daemon.supervisor().start("gateway")
        expect(value(panel, "Status")).to_have_text("● Running", timeout=30_000)


def test_below_1100_px_one_line_opens_the_rest_as_a_sheet(browser: Browser, daemon: Daemon) -> None:
    with opened(browser, daemon, viewport={"width": 1024, "height": 768}) as page:
        ask(daemon, page, "a short answer")
        line = page.get_by_role("button", name=re.compile("^Telemetry .* tok.s .*ctx .*Running"))
        expect(line).to_be_visible(timeout=SAID_MS)
        expect(page.get_by_role("complementary", name="Telemetry")).to_have_count(0)
        for width in (1024, 720, 390):
            page.set_viewport_size({"width": width, "height": 768})
            expect(line).to_be_in_viewport()
        line.click()
        sheet = page.get_by_role("dialog", name="Telemetry")
        expect(value(sheet, "Status")).to_have_text("● Running")
        expect(value(sheet, "Round trip")).to_have_text(re.compile("ms$"), timeout=SAID_MS)
        shoot(page, "telemetry-sheet", sizes=((1024, 768), (720, 900), (390, 844)))
        assert violations(page) == []
        page.keyboard.press("Escape")
        expect(sheet).to_have_count(0)
        expect(line).to_be_focused()


def test_the_column_stays_put_away_through_a_reload(browser: Browser, daemon: Daemon) -> None:
    with opened(browser, daemon) as page:
        panel = page.get_by_role("complementary", name="Telemetry")
        button = page.get_by_role("button", name="Telemetry", exact=True)
        expect(panel).to_be_visible(timeout=SAID_MS)
        button.click()
        expect(panel).to_have_count(0)
        line = page.get_by_role("button", name=re.compile("^Telemetry .* tok.s"))
        expect(line).to_be_visible()
        page.reload()
        expect(line).to_be_visible(timeout=SAID_MS)
        expect(panel).to_have_count(0)
        shoot(page, "telemetry-away", sizes=((1440, 900),))
        line.click()
        expect(panel).to_be_visible()
