"""An event loop whose time jumps to the next scheduled callback, and a wall clock beside it that may step."""

import asyncio
import selectors
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

EPOCH = 1_790_000_000.0

# Which simulated process the running code belongs to.
owner: ContextVar["Any"] = ContextVar("owner", default=None)


class Deadlock(AssertionError):
    """Nothing will ever happen again, and somebody still waits."""


class _Jump(selectors.BaseSelector):
    """Waits for nothing: moves the clock."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, 0, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, 0, 0, None)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return {}

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Deadlock("nothing is scheduled")
        self.now_s += max(timeout, 0.0)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Deterministic: no threads, no sockets, no real time."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)
        self.wall_step_s = 0.0
        self.set_task_factory(_owned)

    def time(self) -> float:
        return self._jump.now_s

    def wall(self) -> float:
        """The time of day in the simulated world."""
        return EPOCH + self._jump.now_s + self.wall_step_s

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> "asyncio.Future[Any]":  # type: ignore[override]
        future: asyncio.Future[Any] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future


def _owned(loop: asyncio.AbstractEventLoop, coroutine: Any, **kwargs: Any) -> "asyncio.Task[Any]":
    task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, **kwargs)
    process = owner.get()
    if process is not None:
        process.tasks[task] = None
        task.add_done_callback(lambda done: process.tasks.pop(done, None))
    return task
