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


def test_a_model_is_measured_and_its_figures_are_drawn(page: Page, daemon: Daemon) -> None:
    row = page.get_by_role("region", name="In LMX").get_by_role("listitem").filter(has_text="tiny")
    row.get_by_role("button", name="Measure the speed of tiny").click(timeout=SOON_MS)
    result = page.get_by_role("article", name="Speed of tiny")
    # Its context holds the shortest prompt alone.
    expect(result).to_contain_text("tokens per second, by tokens of the prompt", timeout=4 * SOON_MS)
    (bench,) = daemon.client.get("/v3/lmx/bench")["results"]
    (point,) = [point for point in bench["points"] if point.get("tokens")]
    for title, rate in (("Reading a prompt", point["promptPerS"]), ("Writing an answer", point["tokensPerS"])):
        chart = result.get_by_role("img", name=f"{title}: ")
        expect(chart).to_have_accessible_name(f"{title}: {rate:,.{1 if rate < 100 else 0}f} tok/s at {point['tokens']:,} tokens")
        assert chart.locator("rect").count() == 1
    assert violations(page) == []
    shoot(page, "models_measured")


def test_one_figure_says_what_models_may_take_and_where_the_rest_of_the_memory_goes(page: Page, daemon: Daemon) -> None:
    memory = daemon.client.get("/v3/lmx/models")["memory"]
    dialog = page.get_by_role("dialog", name="Models")
    expect(dialog).to_contain_text("loaded models take", timeout=SOON_MS)
    shown = dialog.get_by_text("loaded models take").inner_text().partition("loaded models take")[2].partition(" of ")[2].split(" · ")[0]
    page.get_by_text("What the memory is for").click()
    words = dialog.locator("details").inner_text()
    # What “fits” is counted with is the figure above.
    assert f"{shown} for models" in words and f"counted with the {shown} for models" in words
    assert memory["models"] + memory["prefixes"] <= memory["limit"] <= memory["total"]
    assert "opta config set lmx.memory-limit-mb MB" in words
    assert violations(page) == []
    shoot(page, "models_memory")
