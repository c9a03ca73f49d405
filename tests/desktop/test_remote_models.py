"""The models of an LMX on another machine, in a browser on this one: paired by a code, they are loaded, measured and unloaded from here."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from support.browser import chromium, opened, shoot, violations
from support.daemon import Daemon
from support.limits import limit_s
from support.lmx import port_of
from support.oracles import until
from support.pairing import shown_code

pytestmark = [pytest.mark.system, pytest.mark.page]

SOON_MS = limit_s(60) * 1_000


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """The machine that serves. Bound to all addresses; the test calls it by loopback alone."""
    daemon = Daemon(tmp_path_factory.mktemp("studio"), only="lmx", config='[lmx]\nbind = "0.0.0.0"\nother-models = false\n')
    with daemon:
        assert until(lambda: "loaded" in daemon.opta("lmx", "status").stdout, 60), daemon.logs()
        yield daemon


def paired(folder: Path, studio: Daemon, *scope: str) -> Daemon:
    """A daemon whose LMX is the one of `studio`."""
    laptop = Daemon(folder, only="gateway,agent,tools,sessions,desktop", config='vault-file = true\ndefault-model = "lmx/probe"\n')
    laptop.environment |= {"OPTA_VAULT_PASSPHRASE": "a passphrase of tests"}
    showing, code = shown_code(studio, *scope)
    try:
        done = laptop.opta("lmx", "pair", f"127.0.0.1:{port_of(studio)}", "--code-stdin", stdin=f"{code}\n")
        assert done.returncode == 0, done.stderr
    finally:
        showing.kill()
        showing.communicate()
    return laptop


def sheet(page: Page) -> None:
    page.keyboard.press("Alt+Shift+L")
    expect(page.get_by_role("dialog", name="Models")).to_be_visible()


def states(daemon: Daemon) -> dict[str, str]:
    return {model["id"]: model["state"] for model in daemon.client.get("/v3/lmx/models")["models"]}


def test_models_of_another_machine_are_changed_from_here(studio: Daemon, tmp_path: Path) -> None:
    with paired(tmp_path, studio, "--admin") as laptop, chromium() as browser, opened(browser, laptop) as page:
        sheet(page)
        dialog = page.get_by_role("dialog", name="Models")
        expect(dialog).to_contain_text(f"LMX on 127.0.0.1:{port_of(studio)}", timeout=SOON_MS)
        row = page.get_by_role("region", name="In LMX").get_by_role("listitem").filter(has_text="probe")
        expect(row).to_contain_text("loaded", timeout=SOON_MS)
        row.get_by_role("button", name="Unload probe").click()
        expect(row).to_contain_text("on the disk", timeout=SOON_MS)
        assert states(laptop)["probe"] == "on disk"
        row.get_by_role("button", name="Load probe").click()
        expect(row).to_contain_text("loaded", timeout=SOON_MS)
        row.get_by_role("button", name="Measure the speed of probe").click()
        result = page.get_by_role("article", name="Speed of probe")
        expect(result).to_contain_text("on 127.0.0.1", timeout=SOON_MS)
        expect(result.get_by_role("img").first).to_be_visible(timeout=SOON_MS)
        assert violations(page) == []
        shoot(page, "models_of_another_machine")


def test_who_may_only_ask_learns_so_and_how_to_be_allowed_more(studio: Daemon, tmp_path: Path) -> None:
    with paired(tmp_path, studio) as laptop, chromium() as browser, opened(browser, laptop) as page:
        sheet(page)
        said = page.get_by_role("dialog", name="Models").get_by_role("alert")
        expect(said).to_contain_text("may ask for answers, but not change models", timeout=SOON_MS)
        expect(said).to_contain_text("opta lmx pair --admin")
        # It does answer.
        expect(said).not_to_contain_text("does not answer")
        assert violations(page) == []
        shoot(page, "models_of_another_machine_refused")


def test_another_machine_that_is_gone_is_said_and_cannot_be_started_from_here(studio: Daemon, tmp_path: Path) -> None:
    with paired(tmp_path, studio, "--admin") as laptop, chromium() as browser, opened(browser, laptop) as page:
        expect(page.get_by_role("status", name="Connection: Connected")).to_be_visible(timeout=SOON_MS)
        studio.down()
        try:
            sheet(page)
            dialog = page.get_by_role("dialog", name="Models")
            expect(dialog.get_by_role("alert")).to_contain_text("does not answer", timeout=SOON_MS)
            assert not dialog.get_by_role("button", name="Start LMX").count()
            shoot(page, "models_of_a_machine_that_is_gone")
        finally:
            studio.up()
        expect(page.get_by_role("region", name="In LMX")).to_be_visible(timeout=SOON_MS)
