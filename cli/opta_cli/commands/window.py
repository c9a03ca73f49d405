"""opta window: the native window, links to sessions, and the entry in the system's menu."""

import argparse
import importlib.util
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from opta_core.errors import OptaError, Refused, Unavailable
from opta_core.inheritance import inherited, python
from opta_core.session_link import session_of
from opta_core.settings import LoadedSettings
from opta_core.window_instance import Show, hand_over

from ..desktop_notice import notify
from ..exit_codes import ExitCode
from ..menu_entry import entry_files, refresh_commands
from ..plain_text import print_plain
from ..supervise import ensure_daemon

REFRESH_S = 30
# What the window alone needs of the environment, beside what every process of Opta inherits.
_DESKTOP = (
    "XAUTHORITY",
    "XDG_CURRENT_DESKTOP",
    "XDG_SESSION_TYPE",
    "XDG_DATA_DIRS",
    "XDG_ACTIVATION_TOKEN",
    "DESKTOP_STARTUP_ID",
    "QT_SCALE_FACTOR",
)
# Chromium does not start as root with its sandbox. Tests in containers set this; a user who is not root cannot.
_NO_SANDBOX = "QTWEBENGINE_DISABLE_SANDBOX"


def window(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta window [LINK] [--install | --uninstall] [--print]"""
    try:
        return _run(loaded, args)
    except OptaError as error:
        if not sys.stderr.isatty():
            # From a menu or a link there is no terminal that shows what is printed.
            notify("Opta", error.message)
        raise


def _run(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    if sum(map(bool, (args.link, args.install, args.uninstall))) > 1:
        raise Refused("Give a link, --install or --uninstall, and only one of them.")
    if args.print and not args.install:
        raise Refused("--print shows what --install writes: opta window --install --print")
    if args.install:
        return _install(only_print=args.print)
    if args.uninstall:
        return _uninstall()
    sid = session_of(args.link) if args.link else ""
    if hand_over(loaded.paths, Show(sid=sid)):
        print_plain(f"The open window shows session {sid}." if sid else "The window is open already, and comes to the front.")
        return ExitCode.done
    _check_desktop(os.environ, sys.platform)
    ensure_daemon(loaded, may_start=not args.no_daemon_start)
    return _become_window(loaded, sid)


def _check_desktop(variables: Mapping[str, str], platform: str) -> None:
    """Raise when no window can be shown here, with what works instead."""
    if platform == "linux" and not (variables.get("DISPLAY") or variables.get("WAYLAND_DISPLAY")):
        raise Unavailable(
            "There is no desktop here to show a window on. The address for a browser: opta open --no-open. In the terminal: opta tui"
        )
    if platform == "linux" and os.geteuid() == 0 and variables.get(_NO_SANDBOX) != "1":
        raise Refused(
            "The window does not run as root, because its browser engine has no sandbox there. Run Opta as another user, or: opta open"
        )
    if importlib.util.find_spec("PySide6") is None or importlib.util.find_spec("PySide6.QtWebEngineCore") is None:
        raise Unavailable(
            "The window needs Qt, which is not installed (250 MB). In a checkout: ./opta window. Elsewhere: pip install 'opta[desktop]'. Without it: opta open"
        )


def _become_window(loaded: LoadedSettings, sid: str) -> NoReturn:
    """Replace this process by the window's: Ctrl-C closes the window, and nothing is left behind."""
    variables = {**inherited(os.environ), "OPTA_HOME": str(loaded.paths.home)}
    variables |= {name: os.environ[name] for name in _DESKTOP if name in os.environ}
    if os.geteuid() == 0:
        variables[_NO_SANDBOX] = "1"
    sys.stdout.flush()
    sys.stderr.flush()
    # Python would import modules from its working directory, which may be a repository.
    os.chdir("/")
    command = python("opta_desktop.window", [sid] if sid else [])
    os.execve(command[0], command, variables)


def _install(*, only_print: bool) -> int:
    files = entry_files(Path.home(), os.environ, sys.platform)
    for file, content in files.items():
        print_plain(f"{file}:")
        print_plain(
            "  " + "\n  ".join(content.rstrip().splitlines()) if file.suffix == ".desktop" else f"  the icon ({len(content)} bytes)"
        )
    if only_print:
        return ExitCode.done
    for file, content in files.items():
        if file.is_symlink():
            raise Refused(f"{file} is a symbolic link, and Opta does not write through links. Remove it, and try again.")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    _refresh(Path.home(), is_installed=True)
    print_plain(
        "Written. Opta is in the menu of this desktop, and opens links to sessions (opta://session/ID). Undo it: opta window --uninstall"
    )
    return ExitCode.done


def _uninstall() -> int:
    files = [file for file in entry_files(Path.home(), os.environ, sys.platform) if file.exists() or file.is_symlink()]
    if not files:
        raise Refused("The window is not installed for this user; nothing was removed.")
    for file in files:
        file.unlink()
        print_plain(f"Removed {file}")
    _refresh(Path.home(), is_installed=False)
    return ExitCode.done


def _refresh(home: Path, *, is_installed: bool) -> None:
    """Have the desktop read its entries again, where it has the programs for it; many notice by themselves."""
    for command in refresh_commands(home, os.environ, is_installed=is_installed):
        try:
            subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=REFRESH_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            print_plain(f"opta: {command[0]} failed: {error}. Log out and in, so that the desktop reads its entries again.", sys.stderr)
