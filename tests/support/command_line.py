"""`opta WORDS` in this process, by the same code as the program."""

import contextlib
import io
import os
import sys
from pathlib import Path

import pytest

from opta_cli import main, piped_text, standard_streams


class _Typed(io.StringIO):
    """Standard output that also takes bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.buffer = _Bytes(self)  # pyright: ignore[reportAttributeAccessIssue]


class _Bytes:
    def __init__(self, text: io.StringIO):
        self._text = text

    def write(self, content: bytes) -> int:
        return self._text.write(content.decode())

    def flush(self) -> None:
        pass


def run_in_process(words: list[str], variables: dict[str, str], folder: Path, patch: pytest.MonkeyPatch) -> tuple[int, str]:
    """(exit code, what was printed) of a command in a folder. Of `variables`, those of Opta count. Nothing is piped in."""
    for name in [name for name in os.environ if name.startswith("OPTA_")]:
        patch.delenv(name)
    for name, value in variables.items():
        if name.startswith("OPTA_"):
            patch.setenv(name, value)
    patch.chdir(folder)
    patch.setattr(sys, "argv", ["opta", *words])
    patch.setattr(standard_streams, "repair", lambda: None)
    patch.setattr(piped_text, "is_piped", lambda: False)
    patch.setattr(sys, "stdin", io.StringIO(""))
    said = _Typed()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), pytest.raises(SystemExit) as end:
        main.main()
    return int(end.value.code or 0), said.getvalue()
