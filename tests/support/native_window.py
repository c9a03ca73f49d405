"""Opta's real window on a display without a screen (Xvfb): its title, its area, pictures of it, and scripts in its page."""

import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from PIL import ImageGrab
from websockets.sync.client import connect

from support.browser import SCREENS
from support.daemon import OPTA, Daemon
from support.limits import limit_s
from support.oracles import until

WIDTH, HEIGHT = 1400, 1000
_LINE = re.compile(r'^\s+(0x[0-9a-f]+) "(.*)": \("opta" "Opta"\)\s+(\d+)x(\d+)\+-?\d+\+-?\d+\s+\+(-?\d+)\+(-?\d+)$', re.MULTILINE)
_PROGRAM = """#!{python}
import sys
with open({file!r}, "a") as handle:
    handle.write("\\t".join(sys.argv[1:]) + "\\n")
"""


class Seen(NamedTuple):
    """What the display knows of the window."""

    id: int
    title: str
    area: tuple[int, int, int, int]


class Display:
    """`with Display() as display:` runs Xvfb on a free number."""

    def __enter__(self) -> "Display":
        reads, writes = os.pipe()
        self._server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(writes), "-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-nolisten", "tcp"],
            pass_fds=[writes],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(writes)
        with os.fdopen(reads) as handle:
            self.name = f":{handle.readline().strip()}"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.terminate()
        self._server.wait(limit_s(10))

    def seen(self) -> Seen | None:
        """The window of Opta; None while there is none."""
        shown = subprocess.run(
            ["xwininfo", "-root", "-tree", "-display", self.name], capture_output=True, text=True, timeout=30, check=False
        )
        windows = [
            Seen(int(number, 16), title, (int(x), int(y), int(w), int(h))) for number, title, w, h, x, y in _LINE.findall(shown.stdout)
        ]
        assert len(windows) <= 1, windows
        return windows[0] if windows else None

    def move(self, area: tuple[int, int, int, int]) -> None:
        """Move and resize the window, as a person does with the mouse."""
        window = self.seen()
        assert window is not None
        x11 = ctypes.CDLL("libX11.so.6")
        x11.XOpenDisplay.restype = ctypes.c_void_p
        connection = ctypes.c_void_p(x11.XOpenDisplay(self.name.encode()))
        x11.XMoveResizeWindow(connection, ctypes.c_ulong(window.id), *area)
        x11.XCloseDisplay(connection)

    def shoot(self, name: str) -> Path:
        """A picture of the whole display, kept to be looked at."""
        SCREENS.mkdir(parents=True, exist_ok=True)
        file = SCREENS / f"window-{name}.png"
        ImageGrab.grab(xdisplay=self.name).save(file)
        return file


class NativeWindow:
    """A window of a daemon's home. `with_scripts` starts its process directly, so that tests can run scripts in its page."""

    def __init__(self, daemon: Daemon, display: Display, *words: str, debug_port: int = 0):
        self._daemon, self._display, self._debug_port = daemon, display, debug_port
        self.folder = daemon.home.parent / "user"
        self._make_programs()
        variables = self.variables | ({"QTWEBENGINE_REMOTE_DEBUGGING": str(debug_port)} if debug_port else {})
        command = [sys.executable, "-I", "-u", "-m", "opta_desktop.window"] if debug_port else [str(OPTA), "window"]
        self._log = (self.folder / "window.log").open("ab")
        self.process = subprocess.Popen([*command, *words], env=variables, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)

    def __enter__(self) -> "NativeWindow":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.end()
        self._log.close()

    @property
    def variables(self) -> dict[str, str]:
        """The environment of a desktop. A test as root needs the browser engine without its sandbox."""
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        without = {"XDG_CURRENT_DESKTOP", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS", "XDG_DATA_HOME", "XDG_CONFIG_HOME"}
        known = {name: value for name, value in self._daemon.environment.items() if name not in without}
        root = {"QTWEBENGINE_DISABLE_SANDBOX": "1"} if os.geteuid() == 0 else {}
        return {**known, "DISPLAY": self._display.name, "HOME": str(self.folder), "PATH": path, **root}

    def opta(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Another `opta` on the same desktop."""
        return subprocess.run(
            [str(OPTA), *words],
            env=self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=limit_s(60),
            check=False,
        )

    def shows(self, title: str, timeout_s: float = 40) -> bool:
        """Whether the window gets this title in time."""
        return until(
            lambda: self.process.poll() is not None or ((seen := self._display.seen()) is not None and seen.title == title), timeout_s
        ) and (self.process.poll() is None)

    def called(self, program: str) -> list[str]:
        """The arguments of each call of a program of the desktop (xdg-open, notify-send)."""
        file = self.folder / f"{program}.calls"
        return file.read_text().splitlines() if file.exists() else []

    def script(self, expression: str) -> Any:
        """Run a script in the page as if a person had clicked; its value."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._debug_port}/json/list", timeout=limit_s(10)) as answer:
            pages = [each for each in json.load(answer) if each["type"] == "page" and each["url"].startswith("http://127.0.0.1")]
        call = {"expression": expression, "userGesture": True, "awaitPromise": True, "returnByValue": True}
        with connect(pages[0]["webSocketDebuggerUrl"], open_timeout=limit_s(10)) as page:
            page.send(json.dumps({"id": 1, "method": "Runtime.evaluate", "params": call}))
            result = json.loads(page.recv(timeout=limit_s(20)))["result"]
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def log(self) -> str:
        """What the process printed."""
        return (self.folder / "window.log").read_text(errors="replace")

    def end(self, number: int = signal.SIGTERM) -> int:
        """Close the window; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(limit_s(20))

    def _make_programs(self) -> None:
        (self.folder / "bin").mkdir(parents=True, exist_ok=True)
        for name in ("xdg-open", "notify-send"):
            program = self.folder / "bin" / name
            program.write_text(_PROGRAM.format(python=sys.executable, file=str(self.folder / f"{name}.calls")))
            program.chmod(0o700)
