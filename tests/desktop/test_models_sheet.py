"""The models of LMX in a browser, on a real daemon with a real LMX and a hub on this machine: load, unload, look, fetch, pause, go on."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from support.browser import chromium, opened, shoot, violations
from support.daemon import Daemon
from support.hub_server import HubServer
from support.limits import limit_s
from support.random_model import make_random_qwen3

pytestmark = [pytest.mark.system, pytest.mark.page]

SOON_MS = limit_s(30) * 1_000


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    folder = tmp_path_factory.mktemp("hub") / "repo"
    make_random_qwen3(folder, seed=4)
    with HubServer(folder) as server:
        yield server


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, hub: HubServer) -> Iterator[Daemon]:
    with Daemon(tmp_path_factory.mktemp("models"), config=f'[lmx]\nhub = "{hub.url}"\nother-models = false\n') as running:
        make_random_qwen3(running.home / "models/tiny", context=1024)
        yield running


@pytest.fixture
def page(daemon: Daemon) -> Iterator[Page]:
    with chromium() as browser, opened(browser, daemon) as shown:
        shown.keyboard.press("Alt+Shift+L")
        expect(shown.get_by_role("dialog", name="Models")).to_be_visible()
        yield shown


def test_a_model_is_loaded_pinned_and_unloaded(page: Page, daemon: Daemon) -> None:
    row = page.get_by_role("region", name="In LMX").get_by_role("listitem").filter(has_text="tiny")
    expect(row).to_contain_text("on the disk", timeout=SOON_MS)
    row.get_by_role("button", name="Pin tiny").click()
    expect(row).to_contain_text("loaded · pinned", timeout=SOON_MS)
    row.get_by_role("button", name="Unload tiny").click()
    expect(row).to_contain_text("on the disk", timeout=SOON_MS)
    assert [model["state"] for model in daemon.client.get("/v3/lmx/models")["models"] if model["id"] == "tiny"] == ["on disk"]


def test_a_download_is_seen_before_it_begins_paused_and_continued(page: Page, daemon: Daemon, hub: HubServer) -> None:
    field = page.get_by_role("textbox", name="Words, or OWNER/NAME of a model")
    expect(field).to_be_visible(timeout=SOON_MS)
    field.fill("tiny/model")
    field.press("Enter")
    facts = page.get_by_role("region", name="Fetch tiny/model?")
    expect(facts).to_contain_text("apache-2.0", timeout=SOON_MS)
    expect(facts).to_contain_text("afterwards")
    shoot(page, "models_before_a_download")
    assert violations(page) == []
    assert not (daemon.home / "models/model").exists() and not hub.served
    hub.pause_s = 1.0
    facts.get_by_role("button", name="Fetch", exact=False).last.click()
    row = page.get_by_role("region", name="Downloads").get_by_role("listitem")
    row.get_by_role("button", name="Pause").click(timeout=SOON_MS)
    expect(row).to_contain_text("paused", timeout=SOON_MS)
    shoot(page, "models_download_paused")
    assert violations(page) == []
    hub.pause_s = 0.0
    row.get_by_role("button", name="Go on").click()
    expect(row).to_contain_text("complete", timeout=SOON_MS)
    expect(page.get_by_role("region", name="In LMX").get_by_role("button", name="Load model", exact=True)).to_be_visible(timeout=SOON_MS)
