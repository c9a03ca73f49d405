"""The browser program: found on this machine, started so that nothing leaves but through our proxy."""

import os
import sys
from pathlib import Path

from opta_core.process import system_programs

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge", "brave-browser")
_MAC = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    "/Applications/Brave Browser.app/Contents/MacOS/Brave Browser",
)


def find() -> str | None:
    """The path of an installed Chromium or Chrome; None when there is none."""
    for name in _NAMES:
        if found := system_programs.find(name):
            return found
    candidates = _MAC if sys.platform == "darwin" else ()
    return next((path for path in candidates if Path(path).exists()), None)


def missing() -> str:
    """How to get one."""
    how = {
        "darwin": "install Google Chrome or Chromium (brew install --cask chromium)",
        "linux": "install Chromium (Debian: apt install chromium)",
    }
    return f"there is no Chromium or Chrome on this machine; {how.get(sys.platform, 'install Chromium or Chrome')}"


def arguments(proxy_port: int) -> list[str]:
    """Every address goes through the proxy, loopback too, and no name is resolved here."""
    words = [
        f"--proxy-server=http://127.0.0.1:{proxy_port}",
        "--proxy-bypass-list=<-loopback>",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "--disable-quic",
        "--dns-prefetch-disable",
        "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--js-flags=--max-old-space-size=1024",
    ]
    # Chromium refuses to run as root with its own sandbox (containers, CI); people do not run this as root.
    return [*words, "--no-sandbox"] if hasattr(os, "getuid") and os.getuid() == 0 else words
