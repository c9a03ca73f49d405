"""Blocking work in a thread that its caller always awaits."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """Run `work` in a thread; its result. A thread cannot be stopped, so a cancelled call still waits until the work has ended.

    Therefore the caller may close descriptors and files that the work uses as soon as this returns or raises.
    """
    task = asyncio.create_task(asyncio.to_thread(work, *args, **named))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled():
            # Retrieve the exception, so that asyncio does not log it; a cancelled caller has no use for it.
            task.exception()
        raise
