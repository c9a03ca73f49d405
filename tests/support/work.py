"""How much work our code does, counted in bytecode instructions: the same on every machine, however busy."""

import sys
from types import FrameType
from typing import Any

# Files of ours, whichever process they belong to.
_OURS = "/opta_"


class Work:
    """`with Work() as work: …; work.count` counts what this thread executes of our code."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> "Work":
        self._former = sys.gettrace()
        sys.settrace(self._enter)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._former)

    def _enter(self, frame: FrameType, event: str, argument: Any) -> Any:
        if _OURS not in frame.f_code.co_filename:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self._count

    def _count(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "opcode":
            self.count += 1
        return self._count
