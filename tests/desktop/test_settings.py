"""The settings in a browser, on a real daemon: a key goes into the vault, what is always allowed is revoked, and nothing is shown twice."""

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
    with ModelServer(lambda _: [Say("Fine.")]) as model, Daemon(tmp_path_factory.mktemp("settings"), model_url=model.url) as running:
        yield running


@pytest.fixture
def page(daemon: Daemon) -> Iterator[Page]:
    with chromium() as browser, opened(browser, daemon) as shown:
        shown.keyboard.press("Alt+,")
        expect(shown.get_by_role("dialog", name="Settings")).to_be_visible()
        yield shown


def test_the_settings_show_what_holds_and_what_they_change(page: Page) -> None:
    servers = page.get_by_role("region", name="Model servers")
    expect(servers.get_by_role("listitem").filter(has_text="scripted")).to_contain_text("answers")
    expect(page.get_by_role("region", name="What is always allowed")).to_contain_text("Nothing is always allowed")
    shoot(page, "settings")
    assert violations(page) == []


def test_a_server_that_is_removed_is_gone_for_everybody(page: Page, daemon: Daemon) -> None:
    daemon.client.post("/v3/providers", {"name": "spare", "type": "openai", "baseUrl": "http://127.0.0.1:9/v1", "model": "none"})
    page.reload()
    page.keyboard.press("Alt+,")
    servers = page.get_by_role("region", name="Model servers")
    expect(servers.get_by_role("listitem").filter(has_text="spare")).to_contain_text("does not answer")
    servers.get_by_role("button", name="Remove the server spare").click()
    expect(servers.get_by_role("listitem").filter(has_text="spare")).to_have_count(0)
    assert until(lambda: "spare" not in [each["name"] for each in daemon.client.get("/v3/providers")["providers"]])
