"""The real page in a real browser: a window on a daemon, its screenshots at every width and theme, and its accessibility."""

import contextlib
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from support.daemon import Daemon
from support.limits import limit_s

ROOT = Path(__file__).parents[2]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run"]
# Kept after a run, to be looked at; not committed.
SCREENS = Path(os.environ.get("OPTA_TEST_SCREENS", ROOT / "build/screens"))
SIZES = ((1440, 900), (1024, 768), (720, 900), (390, 844))
THEMES = ("dark", "light")
# Rules of WCAG 2.0, 2.1 and 2.2, levels A and AA.
# Focus guards of Base UI are hidden and take the focus for a moment: they pass it on when it leaves a menu, and never hold it.
_AXE = "axe.run({exclude: ['[data-base-ui-focus-guard]']}, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})"


@contextlib.contextmanager
def chromium(*more: str) -> Generator[Browser]:
    """A browser without a window. `more`: further flags."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=[*FLAGS, *more])
        yield browser
        browser.close()


def new_context(browser: Browser, **settings: Any) -> BrowserContext:
    """A context whose actions may take as long as this machine needs."""
    made = browser.new_context(**settings)
    made.set_default_timeout(limit_s(30_000))
    return made


@contextlib.contextmanager
def opened(browser: Browser, daemon: Daemon, **context: Any) -> Generator[Page]:
    """The page in a window of its own. Fails when the page had an error, or asked for something that its policy forbids."""
    settings: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark"}
    made = new_context(browser, **settings | context)
    page = made.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if "Content Security Policy" in message.text else None)
    page.goto(daemon.page_url)
    yield page
    made.close()
    assert not errors, errors


def shoot(page: Page, name: str, *, sizes: tuple[tuple[int, int], ...] = SIZES) -> list[Path]:
    """A screenshot of what is shown now, at every size in both themes; the window is as before afterwards."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    before, files = page.viewport_size, list[Path]()
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        for width, height in sizes:
            page.set_viewport_size({"width": width, "height": height})
            file = SCREENS / f"{name}-{width}-{theme}.png"
            page.screenshot(path=file, animations="disabled")
            files.append(file)
    page.emulate_media(color_scheme="dark")
    if before is not None:
        page.set_viewport_size(before)
    return files


def violations(page: Page) -> list[str]:
    """What axe finds wrong with the page as it is shown: rule, element and reason, one line each."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate((ROOT / "desktop/web/node_modules/axe-core/axe.min.js").read_text() + "; undefined")
    found: dict[str, Any] = page.evaluate(_AXE)
    return [
        f"{rule['id']}: {node['html'][:200]} ({node['failureSummary']})".replace("\n", " ")
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
