"""The models of LMX on another machine: a second LMX on loopback that wants a key, paired, and used from the page of the first."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from support.browser import chromium, opened, shoot, violations
from support.daemon import Daemon
from support.limits import limit_s
from support.lmx import port_of
from support.paired import paired, serving
from support.random_model import make_random_qwen3

pytestmark = [pytest.mark.system, pytest.mark.page]

SOON_MS = limit_s(30) * 1_000


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with serving(tmp_path_factory.mktemp("studio")) as running:
        make_random_qwen3(running.home / "models/tiny", context=1024)
        yield running


@pytest.fixture(scope="module")
def laptop(studio: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with paired(studio, tmp_path_factory.mktemp("laptop"), 'default-model = "lmx/probe"\n') as running:
        yield running


@pytest.fixture
def page(laptop: Daemon) -> Iterator[Page]:
    with chromium() as browser, opened(browser, laptop) as shown:
        expect(shown.get_by_role("status", name="Connection: Connected")).to_be_visible(timeout=SOON_MS)
        yield shown


def test_models_of_another_machine_are_loaded_measured_and_unloaded_with_its_key(page: Page, studio: Daemon, laptop: Daemon) -> None:
    page.keyboard.press("Alt+Shift+L")
    sheet = page.get_by_role("dialog", name="Models")
    expect(sheet).to_contain_text(f"LMX on 127.0.0.1:{port_of(studio)}", timeout=SOON_MS)
    row = sheet.get_by_role("region", name="In LMX").get_by_role("listitem").filter(has_text="tiny")
    expect(row).to_contain_text("on the disk", timeout=SOON_MS)
    row.get_by_role("button", name="Load tiny").click()
    expect(row).to_contain_text("loaded", timeout=SOON_MS)
    assert {each["id"]: each["state"] for each in laptop.client.get("/v3/lmx/models")["models"]}["tiny"] == "loaded"
    row.get_by_role("button", name="Measure the speed of tiny").click()
    result = sheet.get_by_role("article", name="Speed of tiny")
    expect(result).to_contain_text("on 127.0.0.1", timeout=2 * SOON_MS)
    expect(result.get_by_role("img", name="Reading a prompt")).to_be_visible()
    shoot(page, "models-remote")
    assert violations(page) == []
    row.get_by_role("button", name="Unload tiny").click()
    expect(row).to_contain_text("on the disk", timeout=SOON_MS)


def test_a_key_that_the_other_machine_took_back_is_named(page: Page, studio: Daemon, laptop: Daemon, tmp_path: Path) -> None:
    name = next(line.split()[0] for line in studio.opta("lmx", "keys", "list").stdout.splitlines() if line.strip())
    assert studio.opta("lmx", "keys", "remove", name).returncode == 0
    page.keyboard.press("Alt+Shift+D")
    verdict = page.get_by_role("region", name="What is wrong")
    verdict.get_by_role("button", name="Diagnose").click()
    expect(verdict.get_by_role("status")).to_contain_text("Inference", timeout=SOON_MS)
    expect(verdict.get_by_label("Key of lmx")).to_be_visible()
