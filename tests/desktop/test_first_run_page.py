"""The first visit in the real page: from nothing to a useful answer in at most four clicks, with a model server that was found by itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from support.browser import chromium, opened, shoot, violations
from support.first_visit import first_visit, free_known_port
from support.limits import limit_s
from support.model_server import Action, ModelServer, Say, Use
from support.random_model import make_random_qwen3

pytestmark = [pytest.mark.system, pytest.mark.page]

SOON_MS = limit_s(30_000)
CLICKS_MAX = 4


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    """A model that looks before it answers."""
    last = messages[-1]
    if last["role"] == "tool":
        names = " and ".join(name for name in ("invoice.py", "README.md") if name in last["content"])
        return [Say(f"This folder holds {names}.")]
    return [Use("list_dir", {"path": "."})]


class Clicks:
    """Counts what a person clicks."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, target: Locator) -> None:
        target.click(timeout=SOON_MS)
        self.count += 1


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer(reply, port=free_known_port()) as model:
        yield model


def test_a_server_that_runs_answers_about_a_project_after_three_clicks(tmp_path: Path, browser: Browser, server: ModelServer) -> None:
    with first_visit(tmp_path) as daemon, opened(browser, daemon) as page:
        click = Clicks()
        expect(page.get_by_role("heading", name="Welcome to Opta")).to_be_visible(timeout=SOON_MS)
        expect(page.get_by_text("a self-test that comes with Opta")).to_be_visible(timeout=SOON_MS)
        servers = page.get_by_role("region", name="Model servers on this machine")
        expect(servers.get_by_text(f"127.0.0.1:{server.port}")).to_be_visible(timeout=SOON_MS)
        expect(page.get_by_role("region", name="Models to fetch").get_by_role("button").first).to_be_visible(timeout=SOON_MS)
        shoot(page, "first-run-1-model")
        assert violations(page) == []
        row = servers.get_by_role("listitem").filter(has_text=f"127.0.0.1:{server.port}")
        click(row.get_by_role("button", name="Use it"))
        expect(page.get_by_text("scripted answers.")).to_be_visible(timeout=SOON_MS)
        shoot(page, "first-run-2-folder")
        assert violations(page) == []
        click(page.get_by_role("button", name="~/code/shop"))
        shoot(page, "first-run-3-question")
        assert violations(page) == []
        click(page.get_by_role("button", name="What is in this folder"))
        expect(page.get_by_text("This folder holds invoice.py and README.md.")).to_be_visible(timeout=SOON_MS)
        shoot(page, "first-run-4-answer")
        assert violations(page) == []
        assert click.count <= CLICKS_MAX
        (session,) = daemon.client.get("/v3/sessions")["sessions"]
        assert session["cwd"] == str(tmp_path / "person/code/shop")
        # A new session needs one click: it has the folder and the model of this one.
        page.get_by_role("button", name="New session").click()
        expect(page.get_by_role("heading", name="A new session")).to_be_visible(timeout=SOON_MS)
        shoot(page, "empty-session")
        assert violations(page) == []


def test_another_folder_takes_four_clicks(tmp_path: Path, browser: Browser, server: ModelServer) -> None:
    with first_visit(tmp_path, only="gateway,agent,tools,sessions,desktop") as daemon, opened(browser, daemon) as page:
        click = Clicks()
        servers = page.get_by_role("region", name="Model servers on this machine")
        row = servers.get_by_role("listitem").filter(has_text=f"127.0.0.1:{server.port}")
        click(row.get_by_role("button", name="Use it"))
        click(page.get_by_role("button", name="Another folder"))
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("button", name="Use plain")).to_be_visible(timeout=SOON_MS)
        shoot(page, "folder-dialog")
        assert violations(page) == []
        click(dialog.get_by_role("button", name="Use plain"))
        click(page.get_by_role("button", name="What is in this folder"))
        expect(page.get_by_text("This folder holds")).to_be_visible(timeout=SOON_MS)
        assert click.count == CLICKS_MAX
        (session,) = daemon.client.get("/v3/sessions")["sessions"]
        assert session["cwd"] == str(tmp_path / "person/plain")


def test_a_message_without_a_folder_asks_for_one_with_keys_alone(tmp_path: Path, browser: Browser) -> None:
    with ModelServer(reply) as model, first_visit(tmp_path, model_url=model.url) as daemon, opened(browser, daemon) as page:
        box = page.get_by_role("textbox", name="Message")
        expect(box).to_be_visible(timeout=SOON_MS)
        box.fill("what is here?")
        box.press("Control+Enter")
        field = page.get_by_role("textbox", name="Path of the folder")
        expect(field).to_be_visible(timeout=SOON_MS)
        assert daemon.client.get("/v3/sessions")["sessions"] == []
        field.fill("~/code/sh")
        expect(page.get_by_role("button", name="Open shop")).to_be_visible(timeout=SOON_MS)
        field.press("Tab")
        field.press("Enter")
        # In Chat mode each call asks.
        expect(page.get_by_role("region", name="Permission")).to_be_visible(timeout=SOON_MS)
        expect(page.get_by_role("button", name="Folder:")).to_have_text("~/code/shop ▾")


def test_a_folder_that_brings_settings_for_opta_is_explained(tmp_path: Path, browser: Browser) -> None:
    with ModelServer(reply) as model, first_visit(tmp_path, model_url=model.url) as daemon:
        clone = tmp_path / "person/code/notes"
        (clone / ".opta").mkdir()
        (clone / ".opta/policy.yaml").write_text("version: 1\nrules:\n  - {effect: allow, tool: run_command, command: npm test}\n")
        daemon.session(mode="do", cwd=str(clone), title="a clone")
        with opened(browser, daemon) as page:
            panel = page.get_by_role("region", name="Trust")
            expect(panel.get_by_text("Allow without asking: the command `npm test`.")).to_be_visible(timeout=SOON_MS)
            shoot(page, "trust")
            assert violations(page) == []
            check_timeline_height(page)


def check_timeline_height(page: Page) -> None:
    """Beside the question, at least 120 px of the timeline stay, also at 360 px."""
    page.set_viewport_size({"width": 360, "height": 740})
    box = page.get_by_role("log", name="Timeline").bounding_box()
    assert box is not None and box["height"] >= 120


def test_a_model_on_the_disk_is_loaded_and_answers_after_one_click(tmp_path: Path, browser: Browser) -> None:
    with first_visit(tmp_path) as daemon:
        make_random_qwen3(daemon.home / "models/tiny")
        with opened(browser, daemon) as page:
            disk = page.get_by_role("region", name="Models on this disk")
            row = disk.get_by_role("listitem").filter(has_text="tiny")
            expect(row.get_by_text("needs")).to_be_visible(timeout=SOON_MS)
            row.get_by_role("button", name="Use it").click()
            expect(page.get_by_text("tiny answers.")).to_be_visible(timeout=SOON_MS)
        assert daemon.client.get("/v3/models")["default"] == "lmx/tiny"
        assert [model["state"] for model in daemon.client.get("/v3/lmx/models")["models"] if model["id"] == "tiny"] == ["loaded"]
