"""The settings in a browser, on a real daemon: every section at every size, and what is changed there holds for the terminal, too."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from support.browser import chromium, opened, shoot, violations
from support.contained import PYTHON
from support.daemon import Daemon
from support.model_server import ModelServer, Say
from support.oracles import until

pytestmark = [pytest.mark.system, pytest.mark.page]

SERVER = Path(__file__).parent.parent / "support/manners_server.py"
SIZES = ((1440, 900), (1024, 768), (768, 1024), (390, 844))
SECTIONS = {
    "appearance": "Appearance",
    "language": "Language",
    "notifications": "Command of the daemon",
    "permissions": "Rules by layer",
    "providers": "Model servers",
    "accounts": "Keys of providers",
    "mcp": "MCP servers",
    "lmx": "LMX hosts",
    "extensions": "Hooks",
    "values": "All values of config.toml",
}
SLOW_MS = 60_000


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with ModelServer(lambda _: [Say("Fine.")]) as model:
        made = Daemon(
            tmp_path_factory.mktemp("settings"), model_url=model.url, config='vault-file = true\nnotify.command = ["true", "{title}"]\n'
        )
        made.environment |= {"OPTA_VAULT_PASSPHRASE": "a passphrase of tests"}
        (made.home / "policies").mkdir(mode=0o700)
        (made.home / "policies/mine.yaml").write_text("version: 1\nrules:\n  - {effect: allow, tool: run_command, command: npm test}\n")
        (made.workspace / ".opta").mkdir()
        (made.workspace / ".opta/policy.yaml").write_text("version: 1\nrules:\n  - {effect: never, tool: x}\n")
        shutil.copy(SERVER, made.workspace)
        with made as running:
            running.session()
            running.client.post("/v3/providers", {"name": "spare", "type": "openai", "baseUrl": "http://127.0.0.1:9/v1", "model": "none"})
            assert running.opta("policy", "trust", "--yes").returncode == 0
            yield running


@pytest.fixture(scope="module")
def page(daemon: Daemon) -> Iterator[Page]:
    with chromium() as browser, opened(browser, daemon) as shown:
        expect(shown.get_by_role("textbox", name="Message")).to_be_visible(timeout=SLOW_MS)
        yield shown


def show(page: Page, section: str) -> Locator:
    """The dialog with a section, by its address."""
    page.evaluate("section => { location.hash = `#/settings/${section}`; }", section)
    expect(page.get_by_role("region", name=SECTIONS[section], exact=True)).to_be_visible()
    return page.get_by_role("dialog", name="Settings")


def changed(page: Page, text: str) -> None:
    """What was changed is said."""
    expect(page.get_by_role("status").filter(has_text="Changed").first).to_contain_text(text, timeout=SLOW_MS)


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_is_readable_at_every_size_in_both_themes(page: Page, section: str) -> None:
    dialog = show(page, section)
    expect(dialog.get_by_text("Reading …")).to_have_count(0, timeout=SLOW_MS)
    assert violations(page) == []
    shoot(page, f"settings-{section}", sizes=SIZES)
    panel = dialog.get_by_role("group").first
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        # The page draws a narrow window anew, which takes a moment.
        assert until(lambda: page.evaluate("document.documentElement.scrollWidth <= innerWidth"), 5), width
        assert until(lambda: panel.evaluate("panel => panel.scrollWidth <= panel.clientWidth + 1"), 5), width
    page.set_viewport_size({"width": 1440, "height": 900})


def test_the_address_leads_back_and_the_palette_finds_a_section(page: Page) -> None:
    show(page, "mcp")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Settings")).to_have_count(0)
    page.go_back()
    expect(page.get_by_role("region", name="MCP servers", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Settings")).to_have_count(0)
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Search for actions and sessions").fill("settings keys")
    page.get_by_role("option").filter(has_text="keys of providers").first.click()
    expect(page.get_by_role("region", name="Keys of providers")).to_be_visible()


def test_a_value_is_the_same_in_page_and_terminal_wherever_it_is_set(page: Page, daemon: Daemon) -> None:
    show(page, "notifications")
    field = page.get_by_role("textbox", name="Turns that took less than so many seconds are not reported")
    field.fill("30")
    field.press("Enter")
    changed(page, "notify.min-s")
    changed(page, "10.0 → 30.0")
    assert daemon.opta("config", "get", "notify.min-s").stdout.strip() == "30.0"
    done = daemon.opta("config", "set", "notify.min-s", "5")
    assert done.stdout.strip() == "notify.min-s = 5.0. It holds from now on."
    show(page, "values")
    expect(page.get_by_role("textbox", name="notify.min-s")).to_have_value("5.0")
    field = page.get_by_role("textbox", name="max-steps", exact=True)
    field.fill("0")
    field.press("Enter")
    said = page.get_by_role("alert").filter(has_text="That did not work")
    expect(said).to_contain_text("a turn needs at least 1 step")
    said.get_by_role("button", name="Dismiss").click()


def test_a_server_is_tested_with_a_real_turn_moved_and_removed(page: Page, daemon: Daemon) -> None:
    show(page, "providers")
    servers = page.get_by_role("region", name="Model servers", exact=True)
    row = servers.get_by_role("listitem").filter(has_text="scripted ")
    page.get_by_role("button", name="Test scripted").click()
    expect(row.get_by_role("status")).to_contain_text("A turn with scripted ended", timeout=SLOW_MS)
    expect(row.get_by_role("status")).to_contain_text("It did not call the tool")
    page.get_by_role("button", name="Move spare up").click()
    changed(page, '["spare","scripted"]')
    assert until(lambda: [each["name"] for each in daemon.client.get("/v3/providers")["providers"]] == ["lmx", "spare", "scripted"])
    page.get_by_role("button", name="Remove the server spare").click()
    page.get_by_role("button", name="Remove it: turns that name it fail from then on").click()
    changed(page, "providers.spare")
    assert until(lambda: "spare" not in [each["name"] for each in daemon.client.get("/v3/providers")["providers"]])


def test_an_mcp_server_is_added_started_and_removed(page: Page, daemon: Daemon) -> None:
    show(page, "mcp")
    form = page.get_by_role("region", name="Add an MCP server")
    form.get_by_label("Name", exact=True).fill("manners")
    form.get_by_label("Program, by name or whole path").fill(PYTHON)
    form.get_by_label("Arguments, one a line").fill(f"-I\n{SERVER.name}\nplain")
    expect(form.get_by_text("Will run exactly")).to_be_visible()
    form.get_by_role("button", name="Add the server").click()
    changed(page, "mcp.servers.manners")
    assert "manners" in daemon.opta("mcp", "list").stdout
    page.get_by_role("button", name="Start them and list their tools").click()
    servers = page.get_by_role("region", name="MCP servers", exact=True)
    expect(servers.get_by_text("1 tool")).to_be_visible(timeout=SLOW_MS)
    servers.get_by_text("Tools of manners").click()
    expect(servers.get_by_text("mcp__manners__do")).to_be_visible()
    shoot(page, "settings-mcp-started", sizes=SIZES)
    assert violations(page) == []
    page.get_by_role("button", name="Remove the MCP server manners").click()
    page.get_by_role("button", name="Remove it: its tools are gone with the next turn").click()
    changed(page, "removed, it was")
    assert "manners" not in daemon.opta("mcp", "list").stdout


def test_a_key_goes_to_the_vault_and_trust_is_withdrawn(page: Page, daemon: Daemon) -> None:
    show(page, "accounts")
    page.get_by_role("textbox", name="Name of the account").fill("box")
    page.get_by_label("Key", exact=True).fill("sk-0123456789")
    page.get_by_role("button", name="Store the key").click()
    changed(page, "box")
    assert "sk-0123456789" not in page.content()
    assert "box" in daemon.opta("account", "list").stdout
    show(page, "permissions")
    trusted = page.get_by_role("region", name="Trusted folders")
    expect(trusted).to_contain_text(str(daemon.workspace))
    trusted.get_by_role("button", name="Stop trusting").first.click()
    trusted.get_by_role("button", name="Stop trusting: its rules and servers no longer count").click()
    changed(page, "trusted")
    assert "No folder is trusted" in daemon.opta("policy", "trusted").stderr
    rules = page.get_by_role("region", name="Rules by layer")
    expect(rules.get_by_role("alert")).to_contain_text("policy.yaml:3")
