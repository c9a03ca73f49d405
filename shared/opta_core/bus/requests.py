"""Requests over a bus that delivers at most once: matches each reply with the caller that waits for it."""

import asyncio
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Reply = TypeVar("Reply")


class Requests(Generic[Reply]):
    """The unanswered requests of one kind that a process has sent."""

    def __init__(self) -> None:
        self._waiting: dict[Hashable, asyncio.Future[Reply]] = {}
        self._last_id = 0

    def next_id(self) -> int:
        """A number that is unique among the requests of this object."""
        self._last_id += 1
        return self._last_id

    async def ask(self, key: Hashable, send: Callable[[], None], timeout_s: float, again_s: float | None = None) -> Reply:
        """Call `send` and wait for `resolve(key, reply)`. With `again_s`, `send` is called again each time that interval passes.

        Raises TimeoutError when no reply comes within `timeout_s`. A later reply is dropped.
        """
        waiting: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[key] = waiting
        try:
            async with asyncio.timeout(timeout_s):
                while not waiting.done():
                    send()
                    await asyncio.wait([waiting], timeout=again_s)
        finally:
            del self._waiting[key]
        return waiting.result()

    def resolve(self, key: Hashable, reply: Reply) -> bool:
        """Pass a reply to its caller. Returns False when no caller waits for it."""
        waiting = self._waiting.get(key)
        if waiting is None or waiting.done():
            return False
        waiting.set_result(reply)
        return True
