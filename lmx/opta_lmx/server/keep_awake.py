"""Keeps a Mac awake while it answers: by `caffeinate`, which ends with us. Nothing on other systems."""

import os
import subprocess
import sys
import time

# A pause between two questions is no reason to fall asleep.
AFTER_S = 60.0


class Awake:
    """Told twice a second whether something is under way."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._busy_at = 0.0

    def note(self, *, is_busy: bool) -> None:
        """What is so now."""
        if sys.platform != "darwin":
            return
        now = time.monotonic()
        if is_busy:
            self._busy_at = now
            if self._process is None:
                self._process = subprocess.Popen(["/usr/bin/caffeinate", "-i", "-w", str(os.getpid())], stdin=subprocess.DEVNULL)
        elif self._process is not None and now - self._busy_at > AFTER_S:
            self._process.terminate()
            self._process.wait()
            self._process = None
