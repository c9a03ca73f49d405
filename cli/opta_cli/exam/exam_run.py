"""A whole run: the tasks in their order, each result on the disk before the next task begins, continued where an earlier run ended."""

import contextlib
import fcntl
import re
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec

from opta_core.clock import utc_in
from opta_core.errors import OptaError, Refused
from opta_core.version import VERSION

from .exam_records import EXAM_VERSION, Begun, ExamRecords, ExamRun, TaskResult
from .exam_task import ExamTask
from .sitting import DaemonApi, Sitting, SittingHooks, remove

# After so many tasks in a row that could not be run for a general reason, the others are not tried.
CUT_OFF_AFTER = 2


class ExamClient(DaemonApi, Protocol):
    """What a run needs of the daemon's client."""

    def get(self, path: str, **query: Any) -> Any: ...


class RunView(Protocol):
    """Whoever shows a run."""

    def began(self, task: ExamTask, run: ExamRun) -> None: ...

    def moved(self, step: int, seconds: float) -> None: ...

    def ended(self, result: TaskResult, run: ExamRun) -> None: ...


@dataclass(frozen=True)
class Examination:
    """Runs tasks with models, one after another. `new_key` makes idempotency keys."""

    client: ExamClient
    records: ExamRecords
    view: RunView
    new_key: Callable[[], str]
    keep: bool = False

    def open(self, model: str, tasks: list[ExamTask], *, again: bool, sandbox: str, context: int) -> ExamRun:
        """The run to continue, or a new one. `again`: always a new one."""
        ids = [task.id for task in tasks]
        if not again and (known := self.records.unfinished(model, ids, VERSION)) is not None:
            return known
        now = utc_in(0)
        return ExamRun(
            id=f"{re.sub(r'[^0-9]', '', now)[:20]}-{_slug(model)}",
            exam=EXAM_VERSION,
            opta=VERSION,
            model=model,
            tasks=ids,
            started=now,
            sandbox=sandbox,
            context=context,
        )

    def go_on(self, run: ExamRun, tasks: list[ExamTask], why_not: Callable[[ExamTask], str]) -> ExamRun:
        """Run what is left of a run. `why_not`: why this machine cannot run a task, '' when it can.

        Raises OptaError, OSError and KeyboardInterrupt; everything that was done is on the disk then.
        """
        self._clear_leftovers(run.model)
        run = msgspec.structs.replace(run, begun=None)
        cut_off = 0
        for task in tasks:
            if task.id not in run.left:
                continue
            self.view.began(task, run)
            if (reason := why_not(task)) or cut_off >= CUT_OFF_AFTER:
                reason = reason or "not tried, because the tasks before could not be run"
                result = TaskResult(task=task.id, kind=task.kind, outcome="not run", reason=reason)
            else:
                sitting = self._sitting(run, task)
                result = sitting.run(task)
                cut_off = cut_off + 1 if sitting.is_cut_off else 0
                run = msgspec.structs.replace(run, names=list(dict.fromkeys([*run.names, *sitting.names])), memory=self._memory(run))
            run = msgspec.structs.replace(run.with_result(result), updated=utc_in(0))
            self.records.save(run)
            self.view.ended(result, run)
        return run

    def _sitting(self, run: ExamRun, task: ExamTask) -> Sitting:
        def began(session: str) -> None:
            self.records.save(msgspec.structs.replace(run, begun=Begun(task=task.id, session=session), updated=utc_in(0)))

        return Sitting(self.client, run.model, self.new_key, keep=self.keep, hooks=SittingHooks(self.view.moved, began))

    def _clear_leftovers(self, model: str) -> None:
        """End the sessions that killed runs of a model left behind."""
        for run in self.records.all()[0]:
            if run.model == model and run.begun is not None:
                with contextlib.suppress(OptaError):
                    session = self.client.get(f"/v3/sessions/{run.begun.session}")
                    remove(self.client, str(session["id"]), Path(session["cwd"]))
                self.records.save(msgspec.structs.replace(run, begun=None))

    def _memory(self, run: ExamRun) -> int:
        """The most memory of LMX's engine so far, in bytes; 0 when LMX does not serve the model or does not say."""
        if not run.model.startswith("lmx/"):
            return run.memory
        try:
            found = self.client.get("/v3/lmx/models")["models"]
        except OptaError:
            return run.memory
        return max([run.memory, *(int(model.get("memory", 0)) for model in found if f"lmx/{model['id']}" == run.model)])


@contextlib.contextmanager
def exam_lock(folder: Path, model: str) -> Generator[None]:
    """One run of a model at a time in a home. Raises Refused while another one is running."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(folder / f".{_slug(model)}.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(f"Another exam of {model} is running in this home. Wait for its end, or stop it with Ctrl-C.") from None
        yield


def _slug(model: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", model).strip("-.")[:60] or "model"
