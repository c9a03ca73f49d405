"""Keeps a Mac awake while LMX answers, with `caffeinate`, which ends when LMX does. Does nothing on other systems."""

import os
import subprocess
import sys
import time

from opta_core.logs import Log

# Stay awake during pauses between requests.
AFTER_S = 60.0
CAFFEINATE = "/usr/bin/caffeinate"

log = Log("awake")


class KeepAwake:
    """Holds at most one `caffeinate` process."""

    def __init__(self, program: str = CAFFEINATE, *, is_needed: bool = sys.platform == "darwin") -> None:
        self._program, self._is_needed = program, is_needed
        self._process: subprocess.Popen[bytes] | None = None
        self._busy_at = 0.0

    def note(self, *, is_busy: bool) -> None:
        """Note whether requests are running. Called twice a second; never waits and never raises."""
        if not self._is_needed:
            return
        now = time.monotonic()
        # Reap a process that has ended, for any reason.
        if self._process is not None and self._process.poll() is not None:
            self._process = None
        if is_busy:
            self._busy_at = now
            if self._process is None:
                self._start()
        elif self._process is not None and now - self._busy_at > AFTER_S:
            self._process.terminate()

    def _start(self) -> None:
        try:
            self._process = subprocess.Popen([self._program, "-i", "-w", str(os.getpid())], stdin=subprocess.DEVNULL)
        except OSError as error:  # tried again with the next note
            log.warning("this Mac may fall asleep while LMX answers", reason=error)
