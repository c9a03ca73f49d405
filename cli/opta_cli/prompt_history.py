"""The messages that a person has written, for the arrow keys and Ctrl-R: one file in the home that only this user can read."""

import contextlib
import os
from pathlib import Path

from prompt_toolkit.history import FileHistory, History, InMemoryHistory

# A longer message is remembered in this conversation only. A larger file loses its older half.
ENTRY_CHARS_MAX, FILE_BYTES_MAX = 20_000, 2_000_000


def history_of(home: Path) -> History:
    """The history of a home; one that is forgotten where the home cannot be written."""
    file = home / "prompt_history"
    try:
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0), 0o600)
    except OSError:
        return InMemoryHistory()
    try:
        os.fchmod(handle, 0o600)
        if os.fstat(handle).st_size > FILE_BYTES_MAX:
            _shorten(handle)
    finally:
        os.close(handle)
    return _PromptHistory(str(file))


class _PromptHistory(FileHistory):
    def store_string(self, string: str) -> None:
        if len(string) <= ENTRY_CHARS_MAX:
            # What cannot be remembered is sent all the same.
            with contextlib.suppress(OSError):
                super().store_string(string)


def _shorten(handle: int) -> None:
    """Keep the newer half, from the beginning of an entry on."""
    content = os.pread(handle, os.fstat(handle).st_size, 0)
    begins = content.find(b"\n# ", len(content) // 2)
    os.ftruncate(handle, 0)
    os.pwrite(handle, content[begins:] if begins >= 0 else b"", 0)
