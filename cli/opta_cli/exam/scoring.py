"""The figures of runs: shares by kind, sums, and runs compared over the tasks that all of them did."""

from collections.abc import Collection, Iterable

import msgspec

from .exam_records import ExamRun, TaskResult


class KindScore(msgspec.Struct, frozen=True, kw_only=True):
    """The sums over some tasks. `not_run` are in none of the other figures. `seconds` are of all tasks together."""

    kind: str
    solved: int
    failed: int
    not_run: int
    calls: int
    valid_calls: int
    repairs: int
    steps: int
    tokens: int
    prompt_tokens: int
    seconds: float

    @property
    def done(self) -> int:
        """The tasks that were done, solved or not."""
        return self.solved + self.failed

    @property
    def share(self) -> float | None:
        """The share of the done tasks that was solved; None when none was done."""
        return self.solved / self.done if self.done else None


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Runs over the same `tasks`. `rows`: for each run its scores by kind, and last that of all tasks together."""

    tasks: list[str]
    kinds: list[str]
    rows: list[tuple[ExamRun, list[KindScore]]]


def scores(run: ExamRun, tasks: Iterable[str] | None = None) -> list[KindScore]:
    """The score of each kind in the order of the run, and last that of all together (kind "all")."""
    wanted = set(run.tasks if tasks is None else tasks)
    results = [result for task in run.tasks if task in wanted and (result := run.result(task)) is not None]
    kinds = dict.fromkeys(result.kind for result in results)
    return [*(_score(kind, [result for result in results if result.kind == kind]) for kind in kinds), _score("all", results)]


def compare(runs: list[ExamRun], kinds_wanted: Collection[str] = ()) -> Comparison:
    """Compare runs over the tasks (of some kinds) that every one of them has done; best first."""
    done = [
        {result.task for result in run.results if result.outcome != "not run" and (not kinds_wanted or result.kind in kinds_wanted)}
        for run in runs
    ]
    common = [task for task in (runs[0].tasks if runs else []) if all(task in each for each in done)]
    rows = [(run, scores(run, common)) for run in runs]
    rows.sort(key=lambda row: (-row[1][-1].solved, row[1][-1].seconds))
    kinds = [score.kind for score in rows[0][1][:-1]] if rows else []
    # Every run has the kinds of the common tasks, in an order of its own.
    rows = [(run, sorted(found[:-1], key=lambda score: kinds.index(score.kind)) + found[-1:]) for run, found in rows]
    return Comparison(tasks=common, kinds=kinds, rows=rows)


def best_known(runs: list[ExamRun]) -> list[ExamRun]:
    """For each model the run in which most tasks were done, of several the newest; models without a result are left out."""
    best: dict[str, ExamRun] = {}
    for run in runs:
        if _count(run) and _count(run) >= _count(best.get(run.model)):
            best[run.model] = run
    return list(best.values())


def _count(run: ExamRun | None) -> int:
    return sum(result.outcome != "not run" for result in run.results) if run is not None else 0


def _score(kind: str, results: list[TaskResult]) -> KindScore:
    done = [result for result in results if result.outcome != "not run"]
    return KindScore(
        kind=kind,
        solved=sum(result.outcome == "solved" for result in done),
        failed=sum(result.outcome == "failed" for result in done),
        not_run=len(results) - len(done),
        calls=sum(result.calls for result in done),
        valid_calls=sum(result.valid_calls for result in done),
        repairs=sum(result.repairs for result in done),
        steps=sum(result.steps for result in done),
        tokens=sum(result.tokens for result in done),
        prompt_tokens=sum(result.prompt_tokens for result in done),
        seconds=round(sum(result.seconds for result in done), 2),
    )
