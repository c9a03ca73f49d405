"""Background tasks with an owner: the owner keeps them until they end, and cancels them when it closes."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from .logs import Log

log = Log("background")


class Background:
    """Owns tasks. The event loop keeps only weak references, so a task without an owner can be collected before it ends."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        """The number of running tasks."""
        return len(self._tasks)

    def start(self, work: Coroutine[Any, Any, Any], name: str) -> None:
        """Run `work` as a task. An exception is logged."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._on_done)

    def cancel(self) -> None:
        """Cancel all running tasks without waiting for them."""
        for task in list(self._tasks):
            task.cancel()

    async def finish(self) -> None:
        """Wait until all running tasks have ended by themselves."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self) -> None:
        """Cancel all running tasks and wait until they have ended."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _on_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("background task failed", task=task.get_name(), reason=repr(error))
