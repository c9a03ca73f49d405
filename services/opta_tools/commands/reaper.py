"""Kills the processes that a dead worker left behind: `python -m opta_tools.commands.reaper MARK`.

A worker's child dies with it, but processes that the child started in the background do not. So each worker starts a
reaper: a shell that waits on a pipe from the worker. When the worker dies, the pipe closes, and the shell executes this
module. It kills every process that carries the worker's mark in its environment.
"""

import contextlib
import os
import signal
import subprocess
import sys

from opta_core.inheritance import python

from ..sandbox.bare import kill_marked

_WAIT_FOR_WORKER = 'read -r _; exec "$@"'


class Reaper:
    """The reaper process of one worker. The worker starts it before it runs any command."""

    def __init__(self, mark: str):
        watched, self._held = os.pipe()
        try:
            # In a separate session, so that a signal to the worker's process group does not end the reaper.
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _WAIT_FOR_WORKER, "opta-reaper", *python("opta_tools.commands.reaper"), mark],
                stdin=watched,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
            )
        finally:
            os.close(watched)

    def stop(self) -> None:
        """End the reaper, when the worker has ended its calls itself."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGKILL)
        self._process.wait(2)
        os.close(self._held)


if __name__ == "__main__":
    kill_marked(sys.argv[1])
