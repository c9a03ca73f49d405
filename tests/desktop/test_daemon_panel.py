"""The daemon's panel in a browser: processes and logs of a real daemon, while it runs and while it is down."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from support.browser import chromium, opened, shoot, violations
from support.daemon import Daemon
from support.model_server import ModelServer, Say
from support.oracles import until

pytestmark = [pytest.mark.system, pytest.mark.page]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with (
        ModelServer(lambda _: [Say("A slow answer. " * 40, rate=5)]) as model,
        Daemon(tmp_path_factory.mktemp("panel"), model_url=model.url) as running,
    ):
        yield running


@pytest.fixture
def page(daemon: Daemon) -> Iterator[Page]:
    with chromium() as browser, opened(browser, daemon) as shown:
        shown.keyboard.press("Control+d")
        expect(shown.get_by_role("dialog", name="Daemon")).to_be_visible()
        yield shown


def state_of(page: Page, service: str) -> str:
    return page.get_by_role("row", name=service).get_by_role("cell").first.inner_text()


def test_every_process_is_shown_and_one_that_is_stopped_is_started_again(page: Page, daemon: Daemon) -> None:
    for service in ("gateway", "sessions", "agent", "tools", "desktop"):
        assert until(lambda service=service: state_of(page, service) == "ready"), service
    expect(page.get_by_role("log", name="Log lines")).to_contain_text("[gateway] ready")
    shoot(page, "daemon-panel")
    assert violations(page) == []
    page.get_by_role("button", name="Stop tools").click()
    card = page.get_by_role("alertdialog", name="Stop tools?")
    expect(card).to_contain_text("opta daemon stop tools")
    shoot(page, "daemon-panel-asks")
    assert violations(page) == []
    card.get_by_role("button", name="Stop", exact=True).click()
    assert until(lambda: state_of(page, "tools") == "stopped")
    assert "tools" not in daemon.pids()
    page.get_by_role("button", name="Start tools").click()
    assert until(lambda: state_of(page, "tools") == "ready")


def test_a_killed_process_is_seen_in_the_table_and_in_the_logs(page: Page, daemon: Daemon) -> None:
    before = daemon.kill("agent")
    assert until(lambda: state_of(page, "agent") == "ready" and daemon.pids().get("agent") not in (None, before))
    expect(page.get_by_role("row", name="agent")).to_contain_text(str(daemon.pids()["agent"]))
    expect(page.get_by_role("log", name="Log lines")).to_contain_text(f"[agent] ready pid={daemon.pids()['agent']}")
    page.get_by_role("searchbox", name="Search in the logs").fill(f"pid={daemon.pids()['agent']}")
    expect(page.get_by_role("log", name="Log lines").locator("pre")).to_have_count(1)


def test_the_whole_daemon_is_stopped_and_started_from_the_panel(page: Page, daemon: Daemon) -> None:
    sid = daemon.session()
    turn = daemon.submit(sid, "Work.")
    page.get_by_role("button", name="Stop the daemon").click()
    card = page.get_by_role("alertdialog", name="Stop the daemon?")
    expect(card).to_contain_text("1 turn runs. It is interrupted now")
    card.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_role("dialog", name="Daemon")).to_contain_text("Not connected")
    assert until(lambda: set(daemon.pids()) == {"desktop"})
    shoot(page, "daemon-panel-down")
    assert violations(page) == []
    page.get_by_role("button", name="Start all").click()
    expect(page.get_by_role("dialog", name="Daemon").get_by_text("Connected", exact=False).first).to_be_visible()
    assert until(lambda: state_of(page, "gateway") == "ready" and state_of(page, "agent") == "ready")
    # What was interrupted went on.
    assert until(lambda: any(turn in line.decode() and "turn.done" in line.decode() for line in daemon.journal(sid)), 60)
