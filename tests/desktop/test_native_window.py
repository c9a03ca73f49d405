"""The native window under Xvfb: start, links, second start, placement, a daemon that comes and goes, notices, other addresses, downloads.

Qt is large (250 MB), so these tests run where it is installed: `OPTA_TEST_WINDOW=1 ./opta test`.
"""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.daemon import OPTA, Daemon
from support.model_server import Action, ModelServer, Say, Use
from support.oracles import until

HAS_QT = importlib.util.find_spec("PySide6") is not None and importlib.util.find_spec("PySide6.QtWebEngineCore") is not None
if HAS_QT:
    from support.native_window import Display, NativeWindow

pytestmark = [
    pytest.mark.system,
    pytest.mark.page,
    pytest.mark.skipif(not HAS_QT or not shutil.which("Xvfb"), reason="Qt is large: OPTA_TEST_WINDOW=1 ./opta test installs it"),
]


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    asks = "make a file" in str(messages[-1])
    return [Use("write_file", {"path": "made.txt", "content": "one\n"})] if asks else [Say("Hello from the model.")]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with ModelServer(reply) as model, Daemon(tmp_path_factory.mktemp("window"), model_url=model.url) as running:
        yield running


@pytest.fixture(scope="module")
def display() -> "Iterator[Display]":
    with Display() as made:
        yield made


def processes(word: str) -> list[str]:
    """The command lines of this machine that contain a word, as every user of it can read them."""
    lines: list[str] = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(each.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return [line for line in lines if word in line]


def test_the_window_opens_signed_in_and_a_second_start_passes_its_link_on(daemon: Daemon, display: "Display"):
    first = daemon.session(title="First talk")
    daemon.session(title="Second talk")
    with NativeWindow(daemon, display) as window:
        # The title is the session's, which only a window with a key can read.
        assert window.shows("Second talk · Opta"), window.log()
        display.shoot("start")
        assert not processes("launch=") and not processes(daemon.token)
        assert "launch=" not in window.log() and daemon.token not in window.log()

        second = window.opta("window", f"opta://session/{first}")
        assert (second.returncode, second.stdout, second.stderr) == (0, f"The open window shows session {first}.\n", "")
        assert window.shows("First talk · Opta")
        display.shoot("link")
        assert len(processes("opta_desktop.window")) == 1

        wrong = window.opta("window", "opta://session/../first")
        assert wrong.returncode == 2 and "is not a link to a session" in wrong.stderr
        again = window.opta("window")
        assert (again.returncode, again.stdout) == (0, "The window is open already, and comes to the front.\n")
        assert window.shows("First talk · Opta")
        assert window.end() == 0
    assert not (daemon.loaded.paths.run / "window.sock").exists()
    # Turns and the daemon have nothing to do with the window's end.
    assert daemon.client.get("/v3/health")["version"]


def test_a_window_that_is_started_by_a_link_shows_its_session(daemon: Daemon, display: "Display"):
    linked = daemon.session(title="Linked talk")
    daemon.session(title="Newest talk")
    with NativeWindow(daemon, display, f"opta://session/{linked}") as window:
        assert window.shows("Linked talk · Opta"), window.log()
        # A killed window leaves its socket behind, and is no obstacle for the next one.
        window.end(signal.SIGKILL)
    assert (daemon.loaded.paths.run / "window.sock").exists()
    with NativeWindow(daemon, display) as window:
        assert window.shows("Newest talk · Opta"), window.log()


def test_the_window_comes_back_where_it_was(daemon: Daemon, display: "Display"):
    kept = daemon.loaded.paths.daemon / "window.json"
    daemon.session(title="Placed talk")
    with NativeWindow(daemon, display) as window:
        assert window.shows("Placed talk · Opta"), window.log()
        display.move((120, 90, 900, 640))
        assert until(lambda: '"width": 900' in kept.read_text())
        assert window.end() == 0
    assert kept.stat().st_mode & 0o777 == 0o600
    with NativeWindow(daemon, display) as window:
        assert window.shows("Placed talk · Opta"), window.log()
        seen = display.seen()
        assert seen is not None and seen.area == (120, 90, 900, 640)
        display.shoot("restored")
    # A screen that is gone, as a file that is damaged, leads to the middle of this one.
    kept.write_text('{"x": 5000, "y": 90, "width": 900, "height": 640}')
    with NativeWindow(daemon, display) as window:
        assert window.shows("Placed talk · Opta"), window.log()
        seen = display.seen()
        assert seen is not None and seen.area == (250, 180, 900, 640)


def test_the_window_outlives_the_daemon_and_connects_again(daemon: Daemon, display: "Display"):
    daemon.session(title="Patient talk")
    with NativeWindow(daemon, display) as window:
        assert window.shows("Patient talk · Opta"), window.log()
        daemon.down()
        missing = window.opta("--no-daemon-start", "window")
        assert missing.returncode == 0, missing.stderr
        assert window.process.poll() is None
        display.shoot("daemon-down")
        daemon.up()
        new = daemon.session(title="Talk after the return")
        window.opta("window", f"opta://session/{new}")
        assert window.shows("Talk after the return · Opta"), window.log()
        assert window.process.poll() is None
        display.shoot("daemon-back")


def test_other_addresses_never_open_inside_and_an_export_is_saved(daemon: Daemon, display: "Display"):
    sid = daemon.session(title="Leading talk")
    with NativeWindow(daemon, display, sid, debug_port=_free_port()) as window:
        assert window.shows("Leading talk · Opta"), window.log()
        link = "(() => {{ const a = document.createElement('a'); a.href = {!r}; a.target = {!r}; document.body.append(a); a.click() }})()"
        window.script(link.format("https://example.test/new", "_blank"))
        assert until(lambda: window.called("xdg-open") == ["https://example.test/new"])
        # The page's links ask for a new window; whatever else would lead away is no link of the page.
        window.script(link.format("https://example.test/same", "_self"))
        window.script("location.href = 'https://example.test/script'")
        window.script(link.format("file:///etc/passwd", "_blank"))
        window.script(link.format("https://example.test/last", "_blank"))
        assert until(lambda: window.called("xdg-open") == ["https://example.test/new", "https://example.test/last"])
        assert window.shows("Leading talk · Opta")
        assert window.script("location.origin").startswith("http://127.0.0.1:")
        # What no page may do here: the camera, the place of the person.
        assert window.script("navigator.permissions.query({name: 'geolocation'}).then((p) => p.state)") != "granted"

        window.script("window.dispatchEvent(new KeyboardEvent('keydown', {key: 'e', code: 'KeyE', altKey: true, bubbles: true}))")
        saved = window.folder / "Downloads" / f"opta-{sid}.md"
        assert until(saved.exists), window.log()
        assert until(lambda: "Leading talk" in saved.read_text())
        display.shoot("saved")


def test_a_variable_of_the_shell_opens_no_debugger_of_the_window(daemon: Daemon, display: "Display"):
    """A folder's environment file could set it, and then every program of this machine could read the page's key."""
    port = _free_port()
    daemon.session(title="Closed talk")
    before = dict(daemon.environment)
    daemon.environment |= {"QTWEBENGINE_REMOTE_DEBUGGING": str(port), "QTWEBENGINE_CHROMIUM_FLAGS": f"--remote-debugging-port={port}"}
    try:
        with NativeWindow(daemon, display) as window:
            assert window.shows("Closed talk · Opta"), window.log()
            with socket.socket() as client:
                assert client.connect_ex(("127.0.0.1", port)) != 0
    finally:
        daemon.environment = before


def test_without_a_desktop_or_as_root_the_command_says_what_works(daemon: Daemon):
    without = {name: value for name, value in daemon.environment.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    program = [str(OPTA), "window"]
    done = subprocess.run(program, env=without, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0 and "opta open --no-open" in done.stderr
    if os.geteuid() == 0:
        done = subprocess.run(program, env={**without, "DISPLAY": ":99"}, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode != 0 and "does not run as root" in done.stderr


def test_a_question_in_the_background_is_a_notice_and_a_number_in_the_title(daemon: Daemon, display: "Display"):
    sid = daemon.session(title="Asking talk")
    with NativeWindow(daemon, display, debug_port=_free_port()) as window:
        assert window.shows("Asking talk · Opta"), window.log()
        # No window manager gives a window the focus here.
        assert window.script("document.hasFocus()") is False
        assert window.script("Notification.permission") == "granted"
        daemon.submit(sid, "make a file", mode="do", level="L1")
        assert window.shows("(1) Asking talk · Opta"), window.log()
        assert until(lambda: any("Opta: Asking talk" in call for call in window.called("notify-send")))
        assert until(lambda: window.script("document.body.innerText.includes('made.txt')"))
        display.shoot("asking")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
