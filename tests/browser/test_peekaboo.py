"""Peekaboo with a real browser: what it can do, and row A80: where it cannot be led."""

import asyncio
import contextlib
import http.server
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.limits import limit_s

from opta_browser import chromium, page
from opta_browser.page import Browser, BrowserProblem
from opta_core.net.proxy import Proxy

PAGES = {
    "/": "<title>Home</title><h1>Hello</h1><a href='/next'>Next</a><script>console.log('loaded')</script>",
    "/next": "<h1>Second</h1><input aria-label=Word oninput=\"document.title=this.value\"><input type=checkbox aria-label=Agree>",
    "/loop": "<h1>Loop</h1><script>setTimeout(() => { for (let i = 0; i < 30; i++) alert(i) }, 0)</script>",
    "/popups": "<h1>Popups</h1><script>for (let i = 0; i < 20; i++) window.open('/next')</script>",
    "/download": "<h1>File</h1><a href='/file' download=x>Get</a>",
    "/large": "<h1>Large</h1><script>document.body.append('x'.repeat(5e6)); for (let i = 0; i < 20000; i++) document.body.append(document.createElement('p'))</script>",
    "/fetch": "<h1>Fetch</h1><script>fetch('http://127.0.0.1:{secret}/').then(r => r.text()).then(t => document.title = t, e => document.title = 'blocked')</script>",
}  # fmt: skip


class Site:
    """A public name for a local server, as the proxy resolves it; `secret` is a server of the machine that must not be reached."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.secret_asked: list[str] = []
        self.secret = self._serve(self.secret_asked)
        self.public = self._serve(self.asked)

    def _serve(self, asked: list[str]) -> http.server.ThreadingHTTPServer:
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                if self.path.startswith("/to/"):
                    self.send_response(302)
                    self.send_header("Location", self.path[4:])
                    self.end_headers()
                    return
                body = PAGES.get(self.path, "<h1>Else</h1>").replace("{secret}", str(site.secret.server_address[1])).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/octet-stream" if self.path == "/file" else "text/html")
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                return

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def proxy(self, allowed: Any, *, allows_local: bool = False) -> Proxy:
        async def resolve(host: str, port: int) -> list[str]:
            return {"good.test": ["93.184.216.34"], "rebound.test": ["127.0.0.1"]}.get(host, [host])

        async def connect(address: str, port: int) -> Any:
            assert address == "93.184.216.34", address
            return await asyncio.open_connection("127.0.0.1", self.public.server_address[1])

        return Proxy(allowed, resolve, connect, allows_local=allows_local)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    made = Site()
    yield made
    for server in (made.public, made.secret):
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def _through_our_proxy(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "Proxy", site.proxy)
    for name in ("ACT_S", "LOAD_S"):
        monkeypatch.setattr(page, name, limit_s(getattr(page, name)))


def browse(tmp_path: Path, story: Callable[[Browser], Awaitable[Any]]) -> Any:
    async def whole() -> Any:
        browser = Browser(tmp_path / "browser-snapshots")
        try:
            async with asyncio.timeout(limit_s(60)):
                return await story(browser)
        finally:
            await browser.close()

    return asyncio.run(whole())


def test_a_page_is_seen_acted_on_and_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(browser: Browser) -> None:
        seen = await browser.navigate("http://good.test/")
        assert "Home" in seen
        reference = seen.split('link "Next" [ref=')[1].split("]")[0]
        assert "Second" in await browser.click(reference)
        assert "textbox" in await browser.type_text("input[aria-label=Word]", "abc", submit=False)
        assert await browser.evaluate("document.title") == '"abc"'
        await browser.fill([("input[aria-label=Agree]", "true"), ("input[aria-label=Word]", "new")])
        assert await browser.evaluate("document.querySelector('[type=checkbox]').checked") == "true"
        assert "Hello" in await browser.back()
        assert await browser.extract("h1") == "Hello"
        assert "loaded" in browser.console()
        assert "GET http://good.test/next" in browser.network()
        with pytest.raises(BrowserProblem, match="browser_snapshot"), monkeypatch.context() as patched:
            patched.setattr(page, "ACT_S", 1.0)
            await browser.click("e999")
        assert (await browser.screenshot(full=True)).startswith("Saved ")

    browse(tmp_path, story)
    (picture,) = (tmp_path / "browser-snapshots").iterdir()
    assert picture.stat().st_mode & 0o777 == 0o600


ADDRESSES = [
    "file:///etc/passwd", "javascript:alert(1)", "chrome://version", "data:text/html,<h1>x", "view-source:http://good.test/", "about:blank", "ftp://good.test/", "http://127.0.0.1:{secret}/",
    "http://localhost:{secret}/", "http://[::1]:{secret}/", "http://169.254.169.254/latest", "http://rebound.test:{secret}/", "http://0x7f000001:{secret}/", "http://good.test/to/http://127.0.0.1:{secret}/",
    "http://good.test/to/http://good.test/to/http://169.254.169.254/", "http://good.test/to/file:///etc/passwd",
]  # fmt: skip


@pytest.mark.attack("A80")
def test_no_address_and_no_redirect_leads_into_the_machine(tmp_path: Path, site: Site) -> None:
    async def story(browser: Browser) -> list[str]:
        opened: list[str] = []
        for url in ADDRESSES:
            with contextlib.suppress(BrowserProblem):
                await browser.navigate(url.replace("{secret}", str(site.secret.server_address[1])))
                opened.append(url)
        return opened

    assert browse(tmp_path, story) == []
    assert site.secret_asked == []


@pytest.mark.attack("A80")
def test_a_page_cannot_fetch_from_the_machine_either(tmp_path: Path, site: Site) -> None:
    async def story(browser: Browser) -> str:
        await browser.navigate("http://good.test/fetch")
        await browser.wait("", 0.5)
        return await browser.evaluate("document.title")

    assert "Else" not in browse(tmp_path, story)
    assert site.secret_asked == []


@pytest.mark.attack("A80")
@pytest.mark.parametrize("name", ["loop", "popups", "download", "large"])
def test_a_page_that_takes_over_is_still_answered_with_caps(tmp_path: Path, name: str) -> None:
    async def story(browser: Browser) -> str:
        seen = await browser.navigate(f"http://good.test/{name}")
        if name == "download":
            seen = await browser.click("text=Get")
        await browser.wait("", 0.5)
        return seen + await browser.snapshot()

    seen = browse(tmp_path, story)
    assert len(seen) < 2 * page.TEXT_CHARS_MAX + 500
    assert [file.name for file in tmp_path.rglob("*")] == []


@pytest.mark.attack("A80")
def test_nothing_of_one_loop_is_there_in_the_next(tmp_path: Path) -> None:
    async def leaves(browser: Browser) -> None:
        await browser.navigate("http://good.test/")
        await browser.evaluate("document.cookie = 'a=1; max-age=9999'; localStorage.x = 1; 1")

    async def looks(browser: Browser) -> str:
        await browser.navigate("http://good.test/")
        return await browser.evaluate("document.cookie + (localStorage.x || '')")

    browse(tmp_path, leaves)
    assert browse(tmp_path, looks) == '""'


def test_without_a_browser_it_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chromium, "find", lambda: None)

    async def story(browser: Browser) -> None:
        with pytest.raises(BrowserProblem, match="there is no Chromium or Chrome"):
            await browser.navigate("http://good.test/")

    browse(tmp_path, story)
