"""Shows a run while it goes on: a line for each task, and on a terminal a bar below them."""

import os
import shutil
import sys
import time
from typing import TextIO

from ..plain_text import plain_line
from .exam_records import ExamRun, TaskResult
from .exam_task import ExamTask

MARKS = {"solved": "✓", "failed": "✕", "not run": "–"}
# Green, red, yellow.
COLOURS = {"solved": "32", "failed": "31", "not run": "33"}
BAR_CELLS = 20
# How often the bar is drawn again at most.
DRAW_EVERY_S = 0.1


class ProgressBar:
    """A `RunView` on standard error."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._has_bar = self._stream.isatty()
        self._task, self._head = "", ""
        self._drawn_at = 0.0

    def began(self, task: ExamTask, run: ExamRun) -> None:
        """A task begins."""
        done = len(run.tasks) - len(run.left)
        solved = sum(result.outcome == "solved" for result in run.results)
        cells = BAR_CELLS * done // max(1, len(run.tasks))
        self._head = f"{run.model} {'█' * cells}{'░' * (BAR_CELLS - cells)} {done}/{len(run.tasks)} · {solved} solved"
        self._task = task.id
        self.moved(0, 0.0, is_forced=True)

    def moved(self, step: int, seconds: float, *, is_forced: bool = False) -> None:
        """The task goes on."""
        now = time.monotonic()
        if not self._has_bar or (now - self._drawn_at < DRAW_EVERY_S and not is_forced):
            return
        self._drawn_at = now
        text = f"{self._head} · {self._task} · " + (
            f"step {step} · {seconds:.0f} s" if step else f"waiting for the model · {seconds:.0f} s"
        )
        columns = shutil.get_terminal_size().columns
        self._write(f"\r\x1b[2K{plain_line(text)[: max(10, columns - 1)]}")

    def ended(self, result: TaskResult, run: ExamRun) -> None:
        """A task has ended."""
        self.clear()
        number = run.tasks.index(result.task) + 1
        mark = f"{MARKS[result.outcome]} {result.outcome:7}"
        if self._has_bar and not os.environ.get("NO_COLOR"):
            mark = f"\x1b[{COLOURS[result.outcome]}m{mark}\x1b[0m"
        words = f"{number:>2}/{len(run.tasks)} {result.task:30} {result.steps:>3} steps {result.seconds:>7.1f} s  {result.reason}"
        self._write(f"{mark} {plain_line(words[:240].rstrip())}\n")

    def clear(self) -> None:
        """Remove the bar, so that other text can be printed."""
        if self._has_bar:
            self._write("\r\x1b[2K")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
