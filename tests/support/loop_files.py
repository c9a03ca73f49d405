"""Which files are opened, listed or changed by the thread of a running event loop: there, every other client waits for the disk."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Generator
from typing import Any

_EVENTS = {"open", "os.listdir", "os.scandir", "os.mkdir", "os.remove", "os.rename"}
# Modules that are imported on the way.
_CODE = (".py", ".pyc", ".so", ".pth")
_watching: list[list[str]] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watching or event not in _EVENTS or not arguments or isinstance(arguments[0], int):
        return
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    path = os.fsdecode(arguments[0]) if arguments[0] is not None else "."
    if not path.endswith(_CODE):
        _watching[-1].append(f"{event} {path}")


# Cannot be taken away again, so there is one for all tests.
sys.addaudithook(_hook)


@contextlib.contextmanager
def files_on_the_loop() -> Generator[list[str]]:
    """What was opened on a loop meanwhile, as `event path`."""
    found: list[str] = []
    _watching.append(found)
    try:
        yield found
    finally:
        _watching.remove(found)
