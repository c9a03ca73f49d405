"""A browser can install the page as an application, and keeps nothing of the daemon for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from support.browser import FLAGS, chromium, opened
from support.daemon import Daemon

pytestmark = [pytest.mark.system, pytest.mark.page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with Daemon(tmp_path_factory.mktemp("installable")) as running:
        yield running


def test_a_browser_finds_a_manifest_whose_icons_it_can_draw(daemon: Daemon, browser: Browser):
    with opened(browser, daemon) as page:
        devtools = page.context.new_cdp_session(page)
        found = devtools.send("Page.getAppManifest")
        assert found["errors"] == []
        manifest = page.evaluate("async () => (await fetch(document.querySelector('link[rel=manifest]').href)).json()")
        kind = page.evaluate("async () => (await fetch('/manifest.webmanifest')).headers.get('content-type')")
        assert kind == "application/manifest+json"
        assert (manifest["display"], manifest["start_url"], manifest["scope"]) == ("standalone", "/", "/")
        for icon in manifest["icons"]:
            # An icon that the policy of the page blocks, or that is no picture, has no width.
            assert (
                page.evaluate("async (src) => { const i = new Image(); i.src = src; await i.decode(); return i.naturalWidth }", icon["src"])
                == 512
            )


def test_a_browser_with_a_profile_offers_to_install_the_page(daemon: Daemon, browser: Browser, tmp_path: Path):
    # The contexts of the other tests are private windows, which install nothing.
    with browser.browser_type.launch_persistent_context(tmp_path, executable_path="/usr/bin/chromium", args=FLAGS) as context:
        page = context.pages[0]
        page.goto(daemon.page_url)
        found = context.new_cdp_session(page).send("Page.getInstallabilityErrors")
        assert found["installabilityErrors"] == []


def test_no_worker_and_no_cache_keep_data_of_the_daemon(daemon: Daemon, browser: Browser):
    with opened(browser, daemon) as page:
        assert page.evaluate("async () => (await navigator.serviceWorker.getRegistrations()).length") == 0
        assert page.evaluate("async () => (await caches.keys()).length") == 0
