"""Tokenizes prompts: short ones at once, long ones in a thread, so that running requests do not wait for them.

A tokenizer uses no mlx and releases the interpreter lock. The continuation runs on the engine's thread, in `finish`.
"""

import contextlib
import ctypes
import sys
from collections.abc import Callable
from concurrent.futures import Future, wait
from concurrent.futures.thread import ThreadPoolExecutor
from typing import Any

# About two milliseconds of work.
LONG_BYTES = 16 * 1024

Work = Callable[[], Any]
Then = Callable[[Any], None]
Failed = Callable[[Exception], None]


class TokenizerThread:
    """`is_synchronous`: tokenize everything at once, for a ring, whose ranks must take each prompt in the same step."""

    def __init__(self, *, is_synchronous: bool):
        self._pool = None if is_synchronous else ThreadPoolExecutor(1, "tokenizer")
        self._pending: dict[int, tuple[Future[Any], Then, Failed]] = {}

    def __len__(self) -> int:
        return len(self._pending)

    def submit(self, id_: int, size: int, work: Work, then: Then, failed: Failed) -> None:
        """Run `work` on about `size` bytes, then `then` or `failed` with its result, now or in a later `finish`."""
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
        """Run the continuations of finished work; wait at most `wait_s` for the first one."""
        if wait_s and self._pending:
            wait([future for future, _, _ in self._pending.values()], wait_s, "FIRST_COMPLETED")
        for id_ in [id_ for id_, (future, _, _) in self._pending.items() if future.done()]:
            future, then, failed = self._pending.pop(id_)
            if error := future.exception():
                failed(error if isinstance(error, Exception) else RuntimeError(str(error)))
            else:
                then(future.result())
            del future, then, failed
            _release_memory()

    def drop(self, id_: int) -> None:
        """Forget a request that was cancelled."""
        with contextlib.suppress(KeyError):
            self._pending.pop(id_)[0].cancel()


def _release_memory() -> None:
    """Return the memory of a long text: the C library keeps it for the thread, which seldom needs it again."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library than GNU's
            ctypes.CDLL(None).malloc_trim(0)
