"""The browser of one turn: a fresh context, a limited number of pages, and limited texts from them."""

import asyncio
import contextlib
import os
import re
import secrets
import socket
import time
from collections import deque
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import ConsoleMessage, Dialog, Error, Locator, Page, Request, async_playwright

from opta_core.background import Background
from opta_core.errors import Refused
from opta_core.net.proxy import Proxy

from . import chromium

ACT_S, LOAD_S = 10.0, 30.0
TEXT_CHARS_MAX = 48 * 1024
PAGES_MAX = 4
KEPT_LINES = 200
SCREENSHOT_BYTES_MAX = 8 * 1024 * 1024
_REF = re.compile(r"(?:ref=)?((?:f\d+)?e\d+)\Z")


class BrowserProblem(Refused):
    """A browser tool failed. The message is for the model."""


class Browser:
    """Starts the browser with the first page. `allows_local`: pages of this machine and its network may be opened.

    `snapshots`: the folder for screenshots. Every method returns text for the model and raises BrowserProblem.
    """

    def __init__(self, snapshots: Path, *, allows_local: bool = False):
        self._snapshots, self._allows_local = snapshots, allows_local
        self._stack = contextlib.AsyncExitStack()
        self._page: Page | None = None
        self._console: deque[str] = deque(maxlen=KEPT_LINES)
        self._requests: deque[str] = deque(maxlen=KEPT_LINES)
        self._notes: list[str] = []
        # Dialogs that are being dismissed and pages that are being closed.
        self._background = Background()

    async def close(self) -> None:
        """End the browser. Its context is not kept."""
        await self._background.close()
        await self._stack.aclose()

    async def navigate(self, url: str) -> str:
        """Open a URL; the snapshot of the page."""
        scheme = urlsplit(url).scheme.lower()
        if scheme not in ("http", "https"):
            raise BrowserProblem(f"only http and https addresses can be opened, not {scheme or 'this'}")
        page = await self._open()
        with _explained(url):
            response = await page.goto(url, timeout=LOAD_S * 1000, wait_until="domcontentloaded")
        if response is not None and response.status == 403 and (await response.text()).startswith("opta: "):
            raise BrowserProblem((await response.text()).removeprefix("opta: ").strip())
        return await self.snapshot()

    async def back(self) -> str:
        """Go back in the history; the snapshot of the page."""
        page = self._current()
        with _explained("back"):
            await page.go_back(timeout=LOAD_S * 1000, wait_until="domcontentloaded")
        return await self.snapshot()

    async def wait(self, text: str, seconds: float) -> str:
        """Wait until a text appears, or without a text for some seconds; the snapshot of the page."""
        page = self._current()
        if text:
            with _explained(text):
                await page.get_by_text(text).first.wait_for(timeout=min(max(seconds, 1.0), LOAD_S) * 1000)
        else:
            await asyncio.sleep(min(max(seconds, 0.0), LOAD_S))
        return await self.snapshot()

    async def snapshot(self) -> str:
        """The page as an accessibility tree: roles, names and texts, with refs for the other tools."""
        page = self._current()
        with _explained("the page"):
            tree = await page.aria_snapshot(mode="ai", timeout=ACT_S * 1000)
            head = f"{page.url}\n{(await page.title())[:200]}"
        notes, self._notes = self._notes, []
        return _cut("\n".join([head, *notes, tree]))

    async def click(self, target: str) -> str:
        """Click on an element; the snapshot of the page."""
        with _explained(target):
            await self._find(target).click(timeout=ACT_S * 1000)
        return await self._settled()

    async def type_text(self, target: str, text: str, *, submit: bool) -> str:
        """Type into a field, key by key. `submit`: press Enter after it."""
        field = self._find(target)
        with _explained(target):
            await field.press_sequentially(text, timeout=LOAD_S * 1000)
            if submit:
                await field.press("Enter", timeout=ACT_S * 1000)
        return await self._settled()

    async def fill(self, fields: list[tuple[str, str]]) -> str:
        """Set several fields: texts, options of lists, and checkboxes ("true" or "false")."""
        for target, value in fields:
            field = self._find(target)
            with _explained(target):
                kind = await field.evaluate("e => e.tagName + ':' + (e.type || '')", timeout=ACT_S * 1000)
                if kind.lower().startswith("select"):
                    await field.select_option(value, timeout=ACT_S * 1000)
                elif kind.lower() in ("input:checkbox", "input:radio"):
                    await field.set_checked(value.lower() in ("true", "on", "yes", "1"), timeout=ACT_S * 1000)
                else:
                    await field.fill(value, timeout=ACT_S * 1000)
        return await self._settled()

    async def select(self, target: str, values: list[str]) -> str:
        """Select options of a list, by value or by label."""
        with _explained(target):
            await self._find(target).select_option(values, timeout=ACT_S * 1000)
        return await self._settled()

    async def press(self, key: str) -> str:
        """Press a key or a key combination such as Control+A."""
        with _explained(key):
            await self._current().keyboard.press(key)
        return await self._settled()

    async def screenshot(self, *, full: bool) -> str:
        """Save a PNG in the folder for snapshots (mode 0600); a sentence with its name. `full`: the whole page, if it is not too high."""
        page = self._current()
        with _explained("the screenshot"):
            if full:
                height = await page.evaluate("() => document.documentElement.scrollHeight")
                full = height <= 10_000
            content = await page.screenshot(full_page=full, timeout=ACT_S * 1000, animations="disabled")
        if len(content) > SCREENSHOT_BYTES_MAX:
            raise BrowserProblem(f"the screenshot has {len(content)} bytes, which is too much; take one without full")
        self._snapshots.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}.png"
        descriptor = os.open(self._snapshots / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0), 0o600)
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(content)
        return f"Saved {name} ({len(content)} bytes) in browser-snapshots."

    async def extract(self, selector: str) -> str:
        """The text of the page, or of the first element that matches a selector."""
        with _explained(selector):
            return _cut(await self._find(selector or "body").inner_text(timeout=ACT_S * 1000))

    def console(self) -> str:
        """The last lines that the page wrote to its console."""
        return "\n".join(self._console) or "(nothing)"

    def network(self) -> str:
        """The last requests of the page."""
        return "\n".join(self._requests) or "(nothing)"

    async def evaluate(self, script: str) -> str:
        """The value of a JavaScript expression in the page."""
        import json

        with _explained("the script"):
            async with asyncio.timeout(ACT_S):
                return _cut(json.dumps(await self._current().evaluate(script), ensure_ascii=False, default=str))

    async def _settled(self) -> str:
        with contextlib.suppress(Error):
            await self._current().wait_for_load_state("domcontentloaded", timeout=ACT_S * 1000)
        return await self.snapshot()

    def _current(self) -> Page:
        if self._page is None or self._page.is_closed():
            raise BrowserProblem("no page is open; use browser_navigate first")
        return self._page

    def _find(self, target: str) -> Locator:
        """The element for a ref of the last snapshot, or for a selector (CSS, or Playwright's text=…)."""
        page = self._current()
        reference = _REF.match(target.strip("[]"))
        return page.locator(f"aria-ref={reference.group(1)}" if reference else target).first

    async def _open(self) -> Page:
        if self._page is not None and not self._page.is_closed():
            return self._page
        program = chromium.find()
        if program is None:
            raise BrowserProblem(chromium.missing())
        port = await self._stack.enter_async_context(_proxy(allows_local=self._allows_local))
        playwright = await self._stack.enter_async_context(async_playwright())
        try:
            browser = await playwright.chromium.launch(executable_path=program, args=chromium.arguments(port), timeout=LOAD_S * 1000)
        except Error as error:
            raise BrowserProblem(f"{program} did not start: {error.message.splitlines()[0][:300]}") from error
        self._stack.push_async_callback(browser.close)
        context = await browser.new_context(accept_downloads=False, service_workers="block", viewport={"width": 1280, "height": 800})
        context.on("page", self._on_page)
        self._page = await context.new_page()
        return self._page

    def _on_page(self, page: Page) -> None:
        if len(page.context.pages) > PAGES_MAX:
            self._later(page.close())
            return
        if self._page is not None:
            self._notes.append(f"(A new page opened: {page.url[:200]})")
            self._page = page
        page.on("dialog", self._on_dialog)
        page.on("console", self._on_console)
        page.on("request", self._on_request)
        page.on("download", lambda download: self._notes.append(f"(A download was refused: {download.url[:200]})"))
        page.on("crash", lambda _: self._notes.append("(The page crashed.)"))

    def _on_dialog(self, dialog: Dialog) -> None:
        if len(self._notes) < 20:
            self._notes.append(f"(The page said: {dialog.message[:500]})")
        self._later(dialog.dismiss())

    def _on_console(self, message: ConsoleMessage) -> None:
        self._console.append(f"{message.type}: {message.text[:500]}")

    def _on_request(self, request: Request) -> None:
        self._requests.append(f"{request.method} {request.url[:300]}")

    def _later(self, work: Any) -> None:
        async def quietly() -> None:
            with contextlib.suppress(Error):
                await work

        self._background.start(quietly(), "page event")


@asynccontextmanager
async def _proxy(*, allows_local: bool) -> AsyncGenerator[int, None]:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    proxy = Proxy(None, allows_local=allows_local)
    await proxy.serve(listener)
    try:
        yield listener.getsockname()[1]
    finally:
        proxy.close()


@contextlib.contextmanager
def _explained(what: str) -> Generator[None, None, None]:
    """Turn Playwright's errors into messages that a model can act on."""
    try:
        yield
    except TimeoutError:
        raise BrowserProblem(f"{what[:200]}: it took too long") from None
    except Error as error:
        reason = error.message.splitlines()[0][:300]
        hint = "; take a browser_snapshot for the current refs" if "aria-ref" in error.message or "Timeout" in reason else ""
        raise BrowserProblem(f"{what[:200]}: {reason}{hint}") from error


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_CHARS_MAX else f"{text[:TEXT_CHARS_MAX]}\n… {len(text) - TEXT_CHARS_MAX} more characters"
