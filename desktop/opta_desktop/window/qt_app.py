# pyright: basic, reportMissingImports=false
# See qt_page.py: Qt is not installed for every check.
"""The application around the window: signals, later `opta window`s, downloads, and the daemon's comings and goings."""

import os
import signal
import socket
import threading
from pathlib import Path

from PySide6.QtCore import QObject, QSocketNotifier, QStandardPaths, QTimer, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWebEngineCore import QWebEngineDownloadRequest, QWebEngineProfile
from PySide6.QtWidgets import QApplication

from opta_core.errors import OptaError
from opta_core.logs import Log
from opta_core.paths import Paths
from opta_core.process import state
from opta_core.secrets.vault import Vault
from opta_core.window_instance import WindowInstance

from . import page_address, placement
from .page_address import PageAddress
from .qt_notices import Notices
from .qt_window import MainWindow
from .saved_file import free_name

RETRY_MS = 1_000
LOOK_MS = 2_000
STATIC = Path(__file__).parents[1] / "static"
log = Log("window")


class WindowApp(QObject):
    """Wires the window with everything around it."""

    _found = Signal(object)
    _missing = Signal(str)

    def __init__(self, paths: Paths, vault: Vault, instance: WindowInstance, sid: str):
        super().__init__()
        self._paths, self._vault, self._instance = paths, vault, instance
        self._is_asking = False
        self._port = 0
        icon = QIcon(str(STATIC / "icon.svg"))
        QApplication.setWindowIcon(icon)
        self._profile = _profile(paths)
        self._profile.downloadRequested.connect(self._on_download)
        self.window = MainWindow(self._profile, placement.record(paths), lambda sentence: log.info("said", text=sentence))
        self.window.setWindowIcon(icon)
        self._notices = Notices(self.window, icon)
        self._profile.setNotificationPresenter(self._notices.present)
        if sid:
            self.window.open_session(sid)
        self._found.connect(self._on_found)
        self._missing.connect(self._on_missing)
        self.window.wanted.connect(self.ask)
        self._clients = QSocketNotifier(instance.listen().fileno(), QSocketNotifier.Type.Read, self)
        self._clients.activated.connect(self._on_client)
        self._look = QTimer(self, interval=LOOK_MS)
        self._look.timeout.connect(self._on_look)
        self._look.start()
        self.ask()

    def ask(self) -> None:
        """Ask the desktop process for the page's address, outside of this thread."""
        if not self._is_asking:
            self._is_asking = True
            threading.Thread(target=self._ask, daemon=True).start()

    def _ask(self) -> None:
        try:
            self._found.emit(page_address.find(self._paths, self._vault))
        except OptaError as error:
            self._missing.emit(error.message)

    def _on_found(self, address: PageAddress) -> None:
        self._is_asking = False
        known = state.read(self._paths)
        self._port = known.uiPort if known else 0
        self.window.show_page(address)

    def _on_missing(self, sentence: str) -> None:
        self._is_asking = False
        self.window.show_words(sentence)

    def _on_look(self) -> None:
        """Load the page when it is not shown, or when its server is at another port now."""
        known = state.read(self._paths)
        if self.window.needs_page or (known is not None and known.uiPort not in (0, self._port)):
            self.ask()

    def _on_client(self) -> None:
        request = self._instance.take()
        if request is None:
            return
        if request.sid:
            self.window.open_session(request.sid)
        self.window.come_to_front()

    def _on_download(self, download: QWebEngineDownloadRequest) -> None:
        folder = Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DownloadLocation))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            name = free_name(folder, download.downloadFileName())
        except OSError as error:
            download.cancel()
            self.window.say(f"Not saved: {error}")
            return
        download.setDownloadDirectory(str(folder))
        download.setDownloadFileName(name)
        download.isFinishedChanged.connect(lambda: self._on_saved(download, folder / name))
        download.accept()

    def _on_saved(self, download: QWebEngineDownloadRequest, file: Path) -> None:
        if download.state() == QWebEngineDownloadRequest.DownloadState.DownloadCompleted:
            self.window.say(f"Saved: {file}")
        else:
            self.window.say(f"Not saved: {file}: {download.interruptReasonString()}")


def run(paths: Paths, vault: Vault, instance: WindowInstance, sid: str) -> int:
    """Show the window until it is closed; its exit code."""
    application = QApplication(["opta"])
    application.setApplicationName("Opta")
    application.setDesktopFileName("opta")
    made = WindowApp(paths, vault, instance, sid)
    signals = _ends_on_signals(application, made)
    code = application.exec()
    signals.setEnabled(False)
    # Pages are gone before their profile is, which Qt requires.
    made.window.page.deleteLater()
    return code


def _profile(paths: Paths) -> QWebEngineProfile:
    """What the page keeps (its choices, the keys of this window) is in the home, apart from every browser."""
    folder = paths.daemon / "window"
    folder.mkdir(mode=0o700, exist_ok=True)
    profile = QWebEngineProfile("opta")
    profile.setPersistentStoragePath(str(folder))
    profile.setCachePath(str(folder / "cache"))
    profile.setHttpCacheType(QWebEngineProfile.HttpCacheType.MemoryHttpCache)
    profile.setPersistentCookiesPolicy(QWebEngineProfile.PersistentCookiesPolicy.NoPersistentCookies)
    profile.setPersistentPermissionsPolicy(QWebEngineProfile.PersistentPermissionsPolicy.StoreInMemory)
    profile.setSpellCheckEnabled(False)
    return profile


def _ends_on_signals(application: QApplication, made: WindowApp) -> QSocketNotifier:
    """Close the window at SIGINT and SIGTERM. Python's handlers do not run while Qt waits, so the signal's byte wakes Qt up."""
    reads, writes = socket.socketpair()
    reads.setblocking(False)
    writes.setblocking(False)
    signal.set_wakeup_fd(writes.detach())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    descriptor = reads.detach()
    notifier = QSocketNotifier(descriptor, QSocketNotifier.Type.Read, made)

    def on_signal() -> None:
        os.read(descriptor, 64)
        made.window.close()
        application.quit()

    notifier.activated.connect(on_signal)
    return notifier
