"""Blocking work beside the loop, with an owner."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """The result of `work`, run in a thread. A thread cannot be stopped: when this is cancelled, it ends after the work has.

    So descriptors and files that the work uses may be closed as soon as this returns or raises.
    """
    task = asyncio.create_task(asyncio.to_thread(work, *args, **named))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled():
            # Retrieved: what it raised is of no interest to whoever cancelled.
            task.exception()
        raise
