"""The records of the exam: one JSON file for each run in `exams` of Opta's home, written whole after each task."""

from typing import Literal

import msgspec

from opta_core.errors import Refused
from opta_core.paths import Paths
from opta_core.records import RecordFile

# Raised with every change of a task or of how it is judged: results of different versions are not compared.
EXAM_VERSION = 1

Outcome = Literal["solved", "failed", "not run"]
SUFFIX = ".json"


class TaskResult(msgspec.Struct, frozen=True, kw_only=True):
    """How one task ended. `reason`: why it was not solved, or not run. `seconds` is wall-clock time, `tokens` are those of the answers.

    `valid_calls`: calls that could be read. `repairs`: how often the model had to be corrected (unreadable calls, empty or cut answers).
    """

    task: str
    kind: str
    outcome: Outcome
    reason: str = ""
    calls: int = 0
    valid_calls: int = 0
    repairs: int = 0
    denied: int = 0
    steps: int = 0
    tokens: int = 0
    prompt_tokens: int = 0
    seconds: float = 0.0
    session: str = ""


class Begun(msgspec.Struct, frozen=True, kw_only=True):
    """A task that is being worked on: its session, which a later run ends when this one was killed."""

    task: str
    session: str


class ExamRun(msgspec.Struct, frozen=True, kw_only=True):
    """One model's run. `tasks` are the ids of all tasks that it covers, in order; a result of "not run" is tried again.

    `memory`: the most bytes that LMX reported for the model; 0 when it is not known. `names`: what the servers called the model.
    """

    id: str
    exam: int
    opta: str
    model: str
    tasks: list[str]
    started: str
    updated: str = ""
    sandbox: str = ""
    context: int = 0
    memory: int = 0
    names: list[str] = []
    results: list[TaskResult] = []
    begun: Begun | None = None

    def result(self, task: str) -> TaskResult | None:
        """The result of a task; None when it has none."""
        return next((result for result in self.results if result.task == task), None)

    def with_result(self, result: TaskResult) -> "ExamRun":
        """The run with a result in the place of an older one of the same task."""
        others = [known for known in self.results if known.task != result.task]
        return msgspec.structs.replace(self, results=[*others, result], begun=None)

    @property
    def left(self) -> list[str]:
        """The tasks that still have to be done."""
        done = {result.task for result in self.results if result.outcome != "not run"}
        return [task for task in self.tasks if task not in done]


class ExamRecords:
    """The runs of one home."""

    def __init__(self, paths: Paths):
        self.folder = paths.exams

    def save(self, run: ExamRun) -> None:
        """Replace the file of a run. Raises OSError."""
        self._file(run.id).write(run)

    def all(self) -> tuple[list[ExamRun], list[str]]:
        """(every run, oldest first; one sentence for each file that cannot be read)."""
        runs: list[ExamRun] = []
        problems: list[str] = []
        for file in sorted(self.folder.glob(f"*{SUFFIX}")) if self.folder.is_dir() else []:
            try:
                runs.append(self._file(file.name.removesuffix(SUFFIX)).read())
            except Refused as problem:
                problems.append(problem.message)
        return sorted(runs, key=lambda run: (run.started, run.id)), problems

    def unfinished(self, model: str, tasks: list[str], opta: str) -> ExamRun | None:
        """The newest run of a model over the same tasks, when something of it is left to do."""
        same = [run for run in self.all()[0] if run.model == model and run.tasks == tasks and (run.exam, run.opta) == (EXAM_VERSION, opta)]
        return same[-1] if same and same[-1].left else None

    def _file(self, run_id: str) -> RecordFile[ExamRun]:
        return RecordFile(self.folder / f"{run_id}{SUFFIX}", _DECODER, _missing, damaged=_damaged)


_DECODER = msgspec.json.Decoder(ExamRun)


def _missing() -> ExamRun:
    raise Refused("This exam run was removed meanwhile.")


def _damaged(file: object, reason: Exception) -> Refused:
    return Refused(f"{file} cannot be read as a run of the exam ({reason}); it is left out. Remove it, or restore it from a copy.")
