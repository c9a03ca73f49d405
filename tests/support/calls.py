"""Counts work instead of measuring time: how many functions were called, which is the same on a busy machine."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")


def calls_of(work: Callable[[], T]) -> tuple[T, int]:
    """What `work` returns, and the number of functions that this thread called for it, of Python and of C. Threads are not counted."""
    count = 0

    def note(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        value = work()
    finally:
        sys.setprofile(before)
    return value, count
