# Qt is installed by `./opta window` alone, so its types are not known to every check.
# pyright: basic, reportMissingImports=false
"""The web page of the window: it shows the page's own address, and nothing else."""

from typing import Any

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWebEngineCore import QWebEnginePage, QWebEnginePermission, QWebEngineProfile, QWebEngineSettings

from .destinations import destination

_TYPED = QWebEnginePage.NavigationType.NavigationTypeTyped


class WindowPage(QWebEnginePage):
    """Navigation, new windows and permissions of the page. `refused` says what was not opened."""

    refused = Signal(str)

    def __init__(self, profile: QWebEngineProfile, parent: Any):
        super().__init__(profile, parent)
        # The page's, as in http://127.0.0.1:5173; '' before it is known.
        self.origin = ""
        settings = self.settings()
        for attribute, is_on in (
            (QWebEngineSettings.WebAttribute.JavascriptCanAccessClipboard, True),
            (QWebEngineSettings.WebAttribute.JavascriptCanOpenWindows, False),
            (QWebEngineSettings.WebAttribute.JavascriptCanPaste, False),
            (QWebEngineSettings.WebAttribute.LocalContentCanAccessFileUrls, False),
            (QWebEngineSettings.WebAttribute.LocalContentCanAccessRemoteUrls, False),
            (QWebEngineSettings.WebAttribute.PluginsEnabled, False),
            (QWebEngineSettings.WebAttribute.FullScreenSupportEnabled, False),
        ):
            settings.setAttribute(attribute, is_on)
        for action in (QWebEnginePage.WebAction.ViewSource, QWebEnginePage.WebAction.SavePage, QWebEnginePage.WebAction.Reload):
            self.action(action).setVisible(False)
        self.permissionRequested.connect(self._on_permission)

    def belong_to(self, origin: str) -> None:
        """Take the page's origin, whose notifications a person who opens the window wants as those of any program."""
        self.origin = origin
        self.profile().queryPermission(QUrl(origin), QWebEnginePermission.PermissionType.Notifications).grant()

    def acceptNavigationRequest(self, url: QUrl | str, type: QWebEnginePage.NavigationType, isMainFrame: bool) -> bool:
        """Whether the window goes to an address: never to one that is not the page's."""
        target = QUrl(url)
        if target.scheme() == "data" and type == _TYPED and isMainFrame:
            # The words of the window itself, while the page's server does not answer. Chromium refuses such addresses of a page.
            return True
        # Qt does not tell a click from a script that sets `location`. The links of the page to other sites ask for a new window.
        return isMainFrame and self.open_outside(target, is_click=False)

    def open_outside(self, url: QUrl, *, is_click: bool) -> bool:
        """Open an address that is not the page's. Returns True for one that is."""
        address = url.toString(QUrl.ComponentFormattingOption.FullyEncoded)
        where = destination(address, self.origin, is_click=is_click)
        if where == "browser" and not QDesktopServices.openUrl(url):
            self.refused.emit(f"No browser opened {address[:200]}")
        if where == "refused":
            self.refused.emit(f"Not opened: {address[:200]}")
        return where == "page"

    def createWindow(self, type: QWebEnginePage.WebWindowType) -> QWebEnginePage:
        """A link to a new window: Chromium asks for one only after a click."""
        return _NewWindow(self)

    def _on_permission(self, permission: QWebEnginePermission) -> None:
        is_ours = permission.origin().toString().rstrip("/") == self.origin
        if is_ours and permission.permissionType() == QWebEnginePermission.PermissionType.Notifications:
            permission.grant()
        else:
            permission.deny()


class _NewWindow(QWebEnginePage):
    """Takes the address of one new window, and is gone."""

    def __init__(self, page: WindowPage):
        super().__init__(page.profile(), page)
        self._page = page

    def acceptNavigationRequest(self, url: QUrl | str, type: QWebEnginePage.NavigationType, isMainFrame: bool) -> bool:
        """Never shown: the address goes to the browser, or into the one window."""
        target = QUrl(url)
        if self._page.open_outside(target, is_click=True):
            self._page.setUrl(target)
        self.deleteLater()
        return False
