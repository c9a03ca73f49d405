"""Runs of checkers within the time that an edit may take: one that takes longer goes on beside the session's work, or is ended."""

import asyncio
from collections.abc import Awaitable, Callable

from opta_core.background import Background
from opta_core.errors import OptaError

from .check_run import CheckFailed, CheckRuns
from .checked_edit import CheckedEdit
from .checker_output import FoundProblem
from .known_checkers import Checker

# What the checks may add to an edit, before and after the write together.
CHECK_S = 2.0
# Of that, how long an edit waits for the end of a run that is killed.
KILL_S = 0.1
AT_ONCE_MAX = 4


class TimedRuns:
    """Runs the checkers of all sessions. `limit_s`: see CHECK_S."""

    def __init__(self, runs: CheckRuns, limit_s: float = CHECK_S):
        self.runs, self.limit_s = runs, limit_s
        self._background = Background()
        self._slots = asyncio.Semaphore(AT_ONCE_MAX)

    @property
    def running(self) -> int:
        """How many runs go on beside their sessions' work."""
        return len(self._background)

    def deadline(self) -> float:
        """The time of the loop until which an edit that begins now waits for its checks."""
        return asyncio.get_running_loop().time() + self.limit_s - KILL_S

    async def close(self) -> None:
        """End every run."""
        await self._background.close()

    async def within(
        self, edit: CheckedEdit, checker: Checker, late: Callable[[list[FoundProblem]], Awaitable[None]] | None
    ) -> list[FoundProblem] | None:
        """Run a checker until the edit's deadline; None when there is no answer by then. `late` gets one that comes afterwards."""
        loop = asyncio.get_running_loop()
        edit.began.pop(checker.key, None)
        work = asyncio.create_task(self._run(edit, checker), name=f"check {checker.name}")
        try:
            await asyncio.wait({work}, timeout=max(0.0, edit.deadline - loop.time()))
        except asyncio.CancelledError:
            work.cancel()
            self._go_on(edit, checker, work, None)
            raise
        if work.done():
            return self._result(edit, checker, work)
        self._overrun(edit, checker, loop.time() - edit.began.get(checker.key, loop.time()), is_late=late is not None)
        if late is None and not checker.warms:
            work.cancel()
            await asyncio.wait({work}, timeout=KILL_S)
        if not work.done():
            self._go_on(edit, checker, work, late)
        return None

    async def _run(self, edit: CheckedEdit, checker: Checker) -> list[FoundProblem]:
        async with self._slots:
            edit.began[checker.key] = asyncio.get_running_loop().time()
            return await self.runs.run(edit.call, checker, edit.touches(checker))

    def _go_on(
        self,
        edit: CheckedEdit,
        checker: Checker,
        work: "asyncio.Task[list[FoundProblem]]",
        late: Callable[[list[FoundProblem]], Awaitable[None]] | None,
    ) -> None:
        """Let a run end beside the work of the session. Until then the checker is not run again."""

        async def to_end() -> None:
            try:
                await asyncio.wait({work})
                if late is not None and not work.cancelled() and work.exception() is None:
                    await late(work.result())
            finally:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
                edit.session.running.discard(checker.key)

        edit.session.running.add(checker.key)
        self._background.start(to_end(), f"check {checker.name}")

    def _result(self, edit: CheckedEdit, checker: Checker, work: "asyncio.Task[list[FoundProblem]]") -> list[FoundProblem] | None:
        try:
            return work.result()
        except (CheckFailed, OptaError, OSError) as error:
            edit.words.append(edit.session.count_failed(checker.key, checker.name, str(error)))
            return None

    def _overrun(self, edit: CheckedEdit, checker: Checker, took_s: float, *, is_late: bool) -> None:
        """Note that a checker has no answer yet. One that took all of the time by itself is counted as slow."""
        if took_s >= (self.limit_s - KILL_S) * 0.9:
            edit.words.append(edit.session.count_slow(checker.key, checker.name, self.limit_s))
            return
        rest = "what it finds comes with the result of a later edit" if is_late else "it is left out this time"
        edit.words.append(f"{checker.name} is still checking; {rest}")
