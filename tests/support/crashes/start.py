"""Starts a process of a test's daemon that dies at one named point, once: `python start.py -I -u -m opta_sessions`.

OPTA_TEST_CRASH names a folder with one file a point: `<process>.<point>` holds how often the point is passed first. The
file is gone when the process died, so that its next life goes on. Nothing of this is in the product: `up.py` puts it before the module.
"""

import os
import runpy
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_folder = os.environ.get("OPTA_TEST_CRASH", "")
_process = sys.argv[-1]


def _reached(point: str) -> bool:
    """Whether to die here and now."""
    file = Path(_folder) / f"{_process}.{point}"
    try:
        left = int(file.read_text())
    except (OSError, ValueError):
        return False
    if left > 0:
        file.write_text(str(left - 1))
        return False
    file.unlink()
    return True


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    while True:
        pass


def _at(owner: Any, name: str, *, before: str = "", after: str = "", middle: Callable[..., None] | None = None) -> None:
    """Pass through the points around a method."""
    original = getattr(owner, name)

    def wrapped(*arguments: Any, **named: Any) -> Any:
        if middle is not None and _reached("mid_line"):
            middle(*arguments)
            _die()
        if before and _reached(before):
            _die()
        result = original(*arguments, **named)
        if after and _reached(after):
            _die()
        return result

    setattr(owner, name, wrapped)


def _sessions() -> None:
    from opta_core.bus import zmq_bus
    from opta_sessions.files import FileSystem

    def half(files: Any, descriptor: int, content: bytes) -> None:
        os.write(descriptor, content[: len(content) // 2])

    _at(FileSystem, "write", before="before_write", after="after_write_before_fsync", middle=half)
    _at(FileSystem, "sync", before="before_fsync", after="after_fsync_before_ack")
    _at(zmq_bus.ZmqPublisher, "publish", before="before_publish", after="after_publish")
    _at(FileSystem, "rename", before="before_rename", after="after_rename")


def _tools() -> None:
    from opta_tools.commands import command as shell

    _at(shell.RunningCommand, "_outcome", before="after_the_command")
    _at(shell.RunningCommand, "_open_pipe", before="before_the_command")
    _at(shell.RunningCommand, "_take", before="command_waits")


def _agent() -> None:
    from opta_agent import compact, gate, history

    _at(gate, "PermissionRequest", before="before_asking", after="asked")
    _at(compact, "ContextCompacted", before="summary_is_there")
    _at(compact, "_summary", before="before_the_summary")
    _at(history.History, "_summarise", before="before_the_fold", after="after_the_fold")


if _folder and _process in ("opta_sessions", "opta_tools", "opta_agent"):
    {"opta_sessions": _sessions, "opta_tools": _tools, "opta_agent": _agent}[_process]()
sys.argv = [_process]
runpy.run_module(_process, run_name="__main__", alter_sys=True)
