# pyright: basic, reportMissingImports=false
# See qt_page.py: Qt is not installed for every check.
"""The main window: the page, the kept placement, and a few words while the page's server does not answer."""

import html
from collections.abc import Callable

from PySide6.QtCore import QTimer, QUrl, Signal
from PySide6.QtGui import QCloseEvent, QGuiApplication, QKeySequence, QMoveEvent, QResizeEvent, QShortcut
from PySide6.QtWebEngineCore import QWebEngineLoadingInfo, QWebEnginePage, QWebEngineProfile
from PySide6.QtWebEngineWidgets import QWebEngineView
from PySide6.QtWidgets import QMainWindow

from opta_core.records import RecordFile

from .page_address import PageAddress
from .page_title import window_title
from .placement import HEIGHT_MIN, WIDTH_MIN, Area, Placement, fitted
from .qt_page import WindowPage

SAVE_AFTER_MS = 400
WORDS_MS = 12_000
# Crashes of the process that draws the page, after which it is loaded again by itself.
RENDERER_CRASHES_MAX = 3
RENDERER_CALM_MS = 60_000


class MainWindow(QMainWindow):
    """`wanted` asks for the page's address; `show_page` is given it."""

    wanted = Signal()

    def __init__(self, profile: QWebEngineProfile, kept: RecordFile[Placement], said: Callable[[str], None]):
        super().__init__()
        self._kept, self._said = kept, said
        self._crashes = 0
        # The session that is shown when the page is loaded; None: what it showed before, else the newest.
        self._sid: str | None = None
        self._is_loaded = self._is_loading = False
        self.view = QWebEngineView(self)
        self.page = WindowPage(profile, self.view)
        self.view.setPage(self.page)
        self.setCentralWidget(self.view)
        self.setMinimumSize(WIDTH_MIN, HEIGHT_MIN)
        self.setWindowTitle("Opta")
        self.statusBar().hide()
        self.page.titleChanged.connect(lambda title: self.setWindowTitle(window_title(title) if self._is_loaded else "Opta"))
        self.page.refused.connect(self.say)
        self.page.loadingChanged.connect(self._on_loading)
        self.page.renderProcessTerminated.connect(self._on_crash)
        for keys in (QKeySequence.StandardKey.Refresh, QKeySequence("Ctrl+R")):
            QShortcut(keys, self).activated.connect(self.wanted)
        QShortcut(QKeySequence.StandardKey.Quit, self).activated.connect(self.close)
        self._saving = QTimer(self, singleShot=True, interval=SAVE_AFTER_MS)
        self._saving.timeout.connect(self._save)
        self._calm = QTimer(self, singleShot=True, interval=RENDERER_CALM_MS)
        self._calm.timeout.connect(self._forget_crashes)
        self._restore()

    # the page ---------------------------------------------------------------------------------------

    def show_page(self, address: PageAddress) -> None:
        """Load the page, signed in, at the session that was asked for."""
        known = self.page.url().fragment().removeprefix("/s/") if self._is_loaded else ""
        sid = self._sid if self._sid is not None else known if known.isalnum() else ""
        self._is_loading = True
        self.page.belong_to(address.origin)
        self.page.load(QUrl(address.url(sid)))

    def open_session(self, sid: str) -> None:
        """Show a session now, or as soon as the page is loaded."""
        self._sid = sid
        if self._is_loaded:
            # Another fragment only: the page is not loaded again.
            self.page.setUrl(QUrl(f"{self.page.origin}/#/s/{sid}"))

    def come_to_front(self) -> None:
        """Show the window before others, as far as the desktop allows it."""
        if self.isMinimized():
            self.showMaximized() if self.isMaximized() else self.showNormal()
        self.show()
        self.raise_()
        self.activateWindow()

    def show_words(self, sentence: str) -> None:
        """Say what is missing in place of the page. The page itself says it once it is loaded."""
        if self._is_loaded:
            return
        self.page.setHtml(
            "<body style='background:#08070d;color:#e8e6f3;font:16px sans-serif;display:grid;place-content:center;height:90vh;text-align:center'>"
            f"<h1 style='font-size:20px'>Opta is not connected</h1><p>{html.escape(sentence)}</p>"
            "<p>This window connects by itself as soon as the daemon answers. Start it: <code>opta up</code></p>"
        )

    def say(self, sentence: str) -> None:
        """Show one sentence below the page for a while."""
        self.statusBar().show()
        self.statusBar().showMessage(sentence, WORDS_MS)
        QTimer.singleShot(WORDS_MS, self.statusBar().hide)
        self._said(sentence)

    def _on_loading(self, info: QWebEngineLoadingInfo) -> None:
        if info.url().scheme() != "http":
            return
        self._is_loading = info.status() == QWebEngineLoadingInfo.LoadStatus.LoadStartedStatus
        match info.status():
            case QWebEngineLoadingInfo.LoadStatus.LoadSucceededStatus:
                self._is_loaded = True
                if self._sid:
                    self.open_session(self._sid)
                self._sid = None
            case QWebEngineLoadingInfo.LoadStatus.LoadFailedStatus:
                self._is_loaded = False
                self.show_words("The server of the page does not answer.")
            case _:
                pass

    @property
    def needs_page(self) -> bool:
        """Whether the page is to be loaded: it is not, nobody is at it, and it did not crash again and again. A loaded page names what is missing itself."""
        return not self._is_loaded and not self._is_loading and self._crashes <= RENDERER_CRASHES_MAX

    def _on_crash(self, status: QWebEnginePage.RenderProcessTerminationStatus, code: int) -> None:
        if status == QWebEnginePage.RenderProcessTerminationStatus.NormalTerminationStatus:
            return
        self._crashes += 1
        self._calm.start()
        self._is_loaded = self._is_loading = False
        self._said(f"The process that draws the page ended (code {code}).")
        if self._crashes <= RENDERER_CRASHES_MAX:
            self.wanted.emit()
        else:
            self.show_words("The process that draws the page ended several times. Press Ctrl+R to try again, or use: opta open")

    def _forget_crashes(self) -> None:
        self._crashes = 0

    # the placement ----------------------------------------------------------------------------------

    def _restore(self) -> None:
        kept = self._kept.read()
        main = QGuiApplication.primaryScreen()
        screens = [main, *(screen for screen in QGuiApplication.screens() if screen is not main)] if main else []
        areas = [Area(of.x(), of.y(), of.width(), of.height()) for of in (screen.availableGeometry() for screen in screens)]
        area = fitted(kept, areas)
        self.setGeometry(*area)
        if kept.maximised:
            self.showMaximized()
        else:
            self.show()

    def _save(self) -> None:
        if self.isMinimized():
            return
        area = self.normalGeometry() if self.isMaximized() else self.geometry()
        known = self._kept.read()
        now = Placement(x=area.x(), y=area.y(), width=area.width(), height=area.height(), maximised=self.isMaximized())
        if now != known:
            try:
                self._kept.write(now)
            except OSError as error:
                self._said(f"The position of the window was not kept: {error}")

    def moveEvent(self, event: QMoveEvent) -> None:
        """Keep the position when the window rests."""
        super().moveEvent(event)
        self._saving.start()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the size when the window rests."""
        super().resizeEvent(event)
        self._saving.start()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Keep the placement; the daemon and its turns go on."""
        self._saving.stop()
        self._save()
        super().closeEvent(event)
