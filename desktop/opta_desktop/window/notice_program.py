"""A notice of the desktop by the program that the system has for it, where there is no tray that shows notices."""

import contextlib
import shutil
import subprocess
import threading

WAIT_S = 5
AT_ONCE_MAX = 4
TITLE_CHARS_MAX, TEXT_CHARS_MAX = 100, 200
# The words are arguments, so that none of them is read as script.
_SCRIPT = "on run argv\ndisplay notification (item 2 of argv) with title (item 1 of argv)\nend run"
_running = threading.BoundedSemaphore(AT_ONCE_MAX)


def command_of(title: str, text: str) -> list[str] | None:
    """The command that shows a notice here; None when the system has no program for it."""
    title, text = _one_line(title)[:TITLE_CHARS_MAX], _one_line(text)[:TEXT_CHARS_MAX]
    if shutil.which("notify-send"):
        return ["notify-send", "--app-name=Opta", "--icon=opta", "--", title, text]
    return ["osascript", "-e", _SCRIPT, title, text] if shutil.which("osascript") else None


def show(title: str, text: str) -> None:
    """Show a notice without waiting for it. When many are being shown already, it is left out."""
    command = command_of(title, text)
    if command is None or not _running.acquire(blocking=False):
        return
    threading.Thread(target=_run, args=(command,), daemon=True).start()


def _run(command: list[str]) -> None:
    try:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=WAIT_S, check=False)
    finally:
        _running.release()


def _one_line(text: str) -> str:
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())
