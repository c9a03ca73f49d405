"""Opta in the menu of a Linux desktop: the entry that starts the window and opens `opta://` links, and its icon."""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from opta_core.errors import Refused
from opta_core.session_link import SCHEME

NAME = "opta.desktop"
_ICON = Path(__file__).parents[1] / "opta_desktop" / "static" / "icon.svg"
_OTHERS = {
    "darwin": "On macOS the window is an application: ops/packaging/macos_app.sh makes it, see docs/window.md.",
    "win32": "On Windows Opta runs in WSL2: ops/packaging/windows_shortcut.ps1 makes a shortcut, see docs/window.md.",
}


def entry_files(home: Path, variables: Mapping[str, str], platform: str) -> dict[Path, str]:
    """Path -> content of every file that belongs to the entry. Raises Refused on other platforms than Linux."""
    if platform != "linux":
        raise Refused(_OTHERS.get(platform, f"There is no menu entry for {platform}. Start the window yourself: opta window"))
    data = data_folder(home, variables)
    return {
        data / "applications" / NAME: _entry(Path(sys.executable).parent / "opta"),
        data / "icons/hicolor/scalable/apps/opta.svg": _icon(),
    }


def data_folder(home: Path, variables: Mapping[str, str]) -> Path:
    """The folder of this user's desktop files."""
    named = variables.get("XDG_DATA_HOME", "")
    return Path(named) if named.startswith("/") else home / ".local/share"


def refresh_commands(home: Path, variables: Mapping[str, str], *, is_installed: bool) -> list[list[str]]:
    """The commands after which the desktop knows the entry, or its end; only those that this system has."""
    folder = str(data_folder(home, variables) / "applications")
    wanted = [["update-desktop-database", folder]]
    if is_installed:
        wanted.append(["xdg-mime", "default", NAME, f"x-scheme-handler/{SCHEME}"])
    return [command for command in wanted if shutil.which(command[0])]


def _entry(program: Path) -> str:
    return "\n".join(
        (
            "[Desktop Entry]",
            "Type=Application",
            "Name=Opta",
            "Comment=A coding agent on your machines",
            f"Exec={_quoted(str(program))} window %u",
            "Icon=opta",
            "Terminal=false",
            "Categories=Development;",
            f"MimeType=x-scheme-handler/{SCHEME};",
            "StartupWMClass=opta",
            "StartupNotify=true",
            "",
        )
    )


def _quoted(program: str) -> str:
    """A program's path as the Desktop Entry Specification wants it: quoted, and with % doubled."""
    if any(character < " " for character in program):
        raise Refused(f"The path of this installation contains a control character: {program!r}")
    escaped = "".join(f"\\{character}" if character in '"`$\\' else character for character in program)
    # The value of a key is unescaped once before its quotes are read.
    return '"' + escaped.replace("\\", "\\\\").replace("%", "%%") + '"'


def _icon() -> str:
    checkout = Path(__file__).parents[2] / "desktop/opta_desktop/static/icon.svg"
    for file in (_ICON, checkout):
        if file.is_file():
            return file.read_text()
    raise Refused("The page is not built, so there is no icon. Run: python desktop/build_page.py")
