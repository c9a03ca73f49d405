"""Requests over a bus that delivers at most once: matches each reply with the caller that waits for it."""

import asyncio
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Reply = TypeVar("Reply")


class Requests(Generic[Reply]):
    """The requests of one kind that a process has sent and not got an answer to."""

    def __init__(self) -> None:
        self._waiting: dict[Hashable, asyncio.Future[Reply]] = {}
        self._last_id = 0

    def next_id(self) -> int:
        """A number that no earlier request of this object has."""
        self._last_id += 1
        return self._last_id

    async def ask(self, key: Hashable, send: Callable[[], None], timeout_s: float, again_s: float | None = None) -> Reply:
        """Call `send`, and wait for `resolve(key, reply)`. With `again_s`, `send` is called again whenever that time has passed.

        Raises TimeoutError when no reply comes within `timeout_s`. A reply that comes later is dropped.
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
        """Hand a reply to its caller. False: nobody waits for it (any more)."""
        waiting = self._waiting.get(key)
        if waiting is None or waiting.done():
            return False
        waiting.set_result(reply)
        return True
