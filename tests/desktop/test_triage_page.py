"""Triage in a browser, on a real daemon: injected faults are named right, and the offered button leads to the repair."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from support.browser import chromium, opened, shoot, violations
from support.daemon import Daemon
from support.model_server import Action, Fail, ModelServer, Say, Use
from support.oracles import until

pytestmark = [pytest.mark.system, pytest.mark.page]

ANSWER_MS = 30_000
# What the model does now; set by a test, and set back.
FAULT: list[Action] = []


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    """The probe reads its file."""
    if FAULT:
        return list(FAULT)
    return [Say("The file begins with: 2+2 = 4")] if messages[-1]["role"] == "tool" else [Use("read_file", {"path": "sum.txt"})]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with (
        ModelServer(reply) as model,
        Daemon(tmp_path_factory.mktemp("triage"), model_url=model.url, config="vault-file = true\n") as running,
    ):
        yield running


@pytest.fixture
def page(daemon: Daemon) -> Iterator[Page]:
    with chromium() as browser, opened(browser, daemon) as shown:
        yield shown


def diagnose(page: Page, says: str) -> None:
    page.get_by_role("region", name="Diagnosis").get_by_role("button", name="Diagnose", exact=True).click()
    expect(page.get_by_role("region", name="Diagnosis").get_by_role("status").first).to_contain_text(says, timeout=ANSWER_MS)


def test_a_refused_key_is_named_and_its_button_opens_the_keys(page: Page, daemon: Daemon) -> None:
    triage = page.get_by_role("region", name="Diagnosis")
    FAULT.append(Fail(401, "Incorrect API key provided"))
    try:
        diagnose(page, "inference")
        shoot(page, "triage-wrong-key")
        assert violations(page) == []
        triage.get_by_role("button", name="Set the key").click()
        keys = page.get_by_role("dialog", name="Settings").get_by_role("region", name="Keys of providers")
        keys.get_by_label("Name of the account").fill("scripted")
        keys.get_by_label("Key", exact=True).fill("sk-right-key")
        keys.get_by_role("button", name="Store the key").click()
        expect(keys.get_by_role("listitem").filter(has_text="scripted")).to_be_visible()
    finally:
        FAULT.clear()
    page.keyboard.press("Escape")
    diagnose(page, "Nothing is broken")


def test_a_server_that_is_down_is_named_and_its_button_opens_the_models(page: Page, daemon: Daemon) -> None:
    daemon.client.post("/v3/providers", {"name": "gone", "type": "openai", "baseUrl": "http://127.0.0.1:9/v1", "model": "none"})
    before = daemon.client.get("/v3/models")["default"]
    daemon.opta("config", "set", "default-model", "gone/none")
    try:
        diagnose(page, "gone cannot be used")
        page.get_by_role("region", name="Diagnosis").get_by_role("button", name="Choose another model").click()
        models = page.get_by_role("dialog").filter(has=page.get_by_role("listbox", name="Model"))
        models.get_by_role("radio", name="Everything new").click()
        models.get_by_role("option", name="scripted").click()
        assert until(lambda: daemon.client.get("/v3/models")["default"] == "scripted/scripted")
        diagnose(page, "Nothing is broken")
    finally:
        daemon.opta("config", "set", "default-model", before)
        daemon.opta("config", "remove-provider", "gone")


def test_a_stopped_worker_is_named_and_started_by_its_button(page: Page, daemon: Daemon) -> None:
    daemon.supervisor().stop("tools")
    diagnose(page, "The tool worker")
    page.get_by_role("region", name="Diagnosis").get_by_role("button", name="Start tools").click()
    expect(page.get_by_role("region", name="Diagnosis").get_by_role("status").first).to_contain_text("Nothing is broken", timeout=ANSWER_MS)


def test_the_theme_and_the_size_of_the_text_are_what_a_person_chose_and_outlast_a_reload(page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(background)
    page.keyboard.press("Alt+,")
    page.get_by_role("combobox", name="Theme").click()
    page.get_by_role("option", name="Light").click()
    page.get_by_role("combobox", name="Size of the text").click()
    page.get_by_role("option", name="125%").click()
    page.wait_for_function(f"{background} !== '{dark}'")
    assert violations(page) == []
    page.wait_for_function("localStorage.getItem('opta.choices')?.includes('125')")
    page.reload()
    page.wait_for_function(f"{background} !== '{dark}'")
    assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "17.5px"
