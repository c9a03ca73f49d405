"""Ends what a dead worker left behind, however it died: `python -m opta_tools.commands.reaper MARK`.

A worker's child dies with it, but what that child started in the background does not. So each worker has a
warden: a shell that sleeps on a pipe from it. When the pipe closes, the warden becomes a sweep by the mark
that every process of that worker carries in its environment, and ends.
"""

import contextlib
import os
import signal
import subprocess
import sys

from opta_core.inheritance import python

from ..sandbox.bare import kill_marked

_SLEEP = 'read -r _; exec "$@"'


class Warden:
    """Started by a worker before it runs anything."""

    def __init__(self, mark: str):
        watched, self._held = os.pipe()
        try:
            # In a session of its own: what ends the worker's group does not end its warden.
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _SLEEP, "opta-warden", *python("opta_tools.commands.reaper"), mark],
                stdin=watched,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
            )
        finally:
            os.close(watched)

    def dismiss(self) -> None:
        """The worker has ended its calls itself."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGKILL)
        self._process.wait(2)
        os.close(self._held)


if __name__ == "__main__":
    kill_marked(sys.argv[1])
