"""Finds Chromium or Chrome on this machine, and the arguments with which all its traffic goes through Opta's proxy."""

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
    """The path of an installed Chromium or Chrome; None when none is installed."""
    for name in _NAMES:
        if found := system_programs.find(name):
            return found
    candidates = _MAC if sys.platform == "darwin" else ()
    return next((path for path in candidates if Path(path).exists()), None)


def missing() -> str:
    """The error message when no browser is installed, with the way to install one."""
    how = {
        "darwin": "install Google Chrome or Chromium (brew install --cask chromium)",
        "linux": "install Chromium (Debian: apt install chromium)",
    }
    return f"there is no Chromium or Chrome on this machine; {how.get(sys.platform, 'install Chromium or Chrome')}"


def arguments(proxy_port: int) -> list[str]:
    """The command line arguments. Every request goes through the proxy, loopback addresses too, and the browser resolves no names."""
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
    # Chromium's sandbox does not work as root. Only containers and CI run this as root.
    return [*words, "--no-sandbox"] if hasattr(os, "getuid") and os.getuid() == 0 else words
