# pyright: basic, reportMissingImports=false
# See qt_page.py: Qt is not installed for every check.
"""Notices of the page as those of the desktop, and the number of waiting sessions on the dock and in the tray."""

from PySide6.QtCore import QObject
from PySide6.QtGui import QColor, QFont, QGuiApplication, QIcon, QPainter, QPixmap
from PySide6.QtWebEngineCore import QWebEngineNotification
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from . import notice_program
from .page_title import waiting_of
from .qt_window import MainWindow

SHOWN_MS = 10_000
ICON_PIXELS = 64


class Notices(QObject):
    """Presents what the page reports. The page reports nothing while its window has the focus."""

    def __init__(self, window: MainWindow, icon: QIcon):
        super().__init__(window)
        self._window, self._icon = window, icon
        self._last: QWebEngineNotification | None = None
        self._waiting = 0
        self._tray = self._in_tray() if QSystemTrayIcon.isSystemTrayAvailable() else None
        window.page.titleChanged.connect(lambda title: self.count(waiting_of(title)))

    def present(self, notification: QWebEngineNotification) -> None:
        """Show one notice; a click on it shows its session."""
        self._last = notification
        notification.show()
        if self._tray is not None and QSystemTrayIcon.supportsMessages():
            self._tray.showMessage(notification.title(), notification.message(), self._icon, SHOWN_MS)
        else:
            notice_program.show(notification.title(), notification.message())

    def count(self, waiting: int) -> None:
        """Show how many sessions wait."""
        if waiting == self._waiting:
            return
        self._waiting = waiting
        # The dock of macOS, and docks of Linux that take numbers.
        application = QGuiApplication.instance()
        if isinstance(application, QGuiApplication):
            application.setBadgeNumber(waiting)
        if self._tray is not None:
            self._tray.setIcon(_marked(self._icon, waiting))
            self._tray.setToolTip(f"Opta: {waiting} waiting" if waiting else "Opta")

    def _in_tray(self) -> QSystemTrayIcon:
        tray = QSystemTrayIcon(self._icon, self)
        menu = QMenu(self._window)
        menu.addAction("Show Opta", self._window.come_to_front)
        menu.addAction("Close the window", self._window.close)
        tray.setContextMenu(menu)
        tray.setToolTip("Opta")
        tray.activated.connect(lambda _: self._window.come_to_front())
        tray.messageClicked.connect(self._on_click)
        tray.show()
        return tray

    def _on_click(self) -> None:
        self._window.come_to_front()
        if self._last is not None:
            self._last.click()


def _marked(icon: QIcon, waiting: int) -> QIcon:
    """The icon with the number in its corner."""
    picture = QPixmap(icon.pixmap(ICON_PIXELS, ICON_PIXELS))
    if not waiting:
        return QIcon(picture)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(QColor("#fbbf24"))
    painter.setPen(QColor("#08070d"))
    painter.drawEllipse(28, 28, 36, 36)
    painter.setFont(QFont("sans-serif", 18, QFont.Weight.Bold))
    painter.drawText(28, 28, 36, 36, 0x84, str(min(waiting, 99)))
    painter.end()
    return QIcon(picture)
