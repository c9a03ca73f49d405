"""The record of a guard: the known control files, stored while commands run, so that the next worker can check after a crash."""

import contextlib
import json
import os
from pathlib import Path
from typing import Any

# For how long after the last update of its record a worker may have been running.
ALIVE_NS = 4_000_000_000


class GuardRecord:
    """A JSON file that is replaced as a whole. `file` is None for a guard without a record. Failing to write is not an error."""

    def __init__(self, file: Path | None):
        self._file = file
        # The content of the file; '' if there is none.
        self._written = ""

    @property
    def is_enabled(self) -> bool:
        """Whether states are stored."""
        return self._file is not None

    @property
    def exists(self) -> bool:
        """Whether a state is stored."""
        return self._file is not None and self._file.exists()

    def write(self, state: dict[str, Any]) -> None:
        """Store a state, unless it is stored already."""
        content = json.dumps(state)
        if self._file is not None and content != self._written:
            with contextlib.suppress(OSError):
                self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                part = self._file.with_suffix(".part")
                part.write_text(content)
                part.rename(self._file)
                self._written = content

    def touch(self) -> None:
        """Record that the worker is running now."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.utime(self._file)

    def read(self) -> tuple[Any, int]:
        """(the stored state, the time in ns until which its worker may have been running). Raises OSError, ValueError."""
        assert self._file is not None
        # A file that was made later belongs to a person: a running worker touches the record every two seconds.
        return json.loads(self._file.read_text()), self._file.stat().st_mtime_ns + ALIVE_NS

    def remove(self) -> None:
        """Remove the file."""
        self._written = ""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.unlink(missing_ok=True)
