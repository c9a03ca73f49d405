"""Turns texts into tokens: short ones at once, long ones on a thread of its own, so that who is being answered does not wait for them.

A tokenizer touches no mlx and lets other threads run. What is made of the tokens happens on the engine's thread, in `finish`.
"""

import contextlib
import ctypes
import sys
from collections.abc import Callable
from concurrent.futures import Future, wait
from concurrent.futures.thread import ThreadPoolExecutor
from typing import Any

# A millisecond or two of work.
LONG_BYTES = 16 * 1024

Work = Callable[[], Any]
Then = Callable[[Any], None]
Failed = Callable[[Exception], None]


class Reader:
    """`is_alone`: every text at once, for a ring, whose ranks have to come to each in the same step."""

    def __init__(self, *, is_alone: bool):
        self._pool = None if is_alone else ThreadPoolExecutor(1, "reader")
        self._pending: dict[int, tuple[Future[Any], Then, Failed]] = {}

    def __len__(self) -> int:
        return len(self._pending)

    def read(self, id_: int, size: int, work: Work, then: Then, failed: Failed) -> None:
        """Do `work` of about so many bytes, and `then` or `failed` with what came of it, now or in a later `finish`."""
        if self._pool is not None and size > LONG_BYTES:
            self._pending[id_] = self._pool.submit(work), then, failed
            return
        try:
            found = work()
        except Exception as error:  # chat templates raise what they like
            failed(error)
            return
        then(found)

    def finish(self, *, wait_s: float = 0.0) -> None:
        """Go on with what has been read; waits so long for some of it."""
        if wait_s and self._pending:
            wait([future for future, _, _ in self._pending.values()], wait_s, "FIRST_COMPLETED")
        for id_ in [id_ for id_, (future, _, _) in self._pending.items() if future.done()]:
            future, then, failed = self._pending.pop(id_)
            if error := future.exception():
                failed(error if isinstance(error, Exception) else RuntimeError(str(error)))
            else:
                then(future.result())
            del future, then, failed
            _give_back()

    def drop(self, id_: int) -> None:
        """Nobody waits for that one any more."""
        with contextlib.suppress(KeyError):
            self._pending.pop(id_)[0].cancel()


def _give_back() -> None:
    """What a long text took: the C library keeps the memory of other threads for them, and this one seldom needs it."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library than GNU's
            ctypes.CDLL(None).malloc_trim(0)
