"""The results of the exam as text, Markdown, CSV or JSON."""

import csv
import io
from collections.abc import Callable
from typing import Any

import msgspec

from .exam_records import EXAM_VERSION, ExamRun
from .scoring import Comparison, KindScore, scores

Row = list[str]
_HEAD = ["kind", "solved", "share", "valid calls", "repairs", "steps", "tokens", "seconds", "not run"]
REASON_CHARS_MAX = 160


def run_text(run: ExamRun) -> str:
    """A run for the terminal: its table, what was not solved, and what the figures are."""
    found = scores(run)
    lines = [_title(run), "", *_aligned([_HEAD, *(_cells(score) for score in found)]), "", _memory_line(run)]
    for outcome in ("failed", "not run"):
        named = [result for result in run.results if result.outcome == outcome]
        lines += ["", f"{outcome}:"] if named else []
        lines += [f"  {result.task}: {_short(result.reason)}" for result in sorted(named, key=lambda each: run.tasks.index(each.task))]
    return "\n".join([*lines, "", *_meaning(run.left)])


def run_markdown(run: ExamRun) -> str:
    """A run as Markdown."""
    lines = [f"## {_title(run)}", "", *_markdown([_HEAD, *map(_cells, scores(run))]), "", _memory_line(run), ""]
    rows = [[result.task, result.outcome, _short(result.reason)] for result in run.results]
    return "\n".join([*lines, *_markdown([["task", "outcome", "reason"], *rows])])


def runs_csv(runs: list[ExamRun]) -> str:
    """One line for each task of each run."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [
        "task",
        "kind",
        "outcome",
        "reason",
        "calls",
        "valid_calls",
        "repairs",
        "denied",
        "steps",
        "tokens",
        "prompt_tokens",
        "seconds",
    ]
    writer.writerow(["exam", "model", "run", *names, "memory"])
    for run in runs:
        for result in run.results:
            writer.writerow([run.exam, run.model, run.id, *(_harmless(getattr(result, name)) for name in names), run.memory or ""])
    return text.getvalue()


def runs_json(runs: list[ExamRun]) -> bytes:
    """Every run as it is kept, with its scores."""
    return msgspec.json.encode({"exam": EXAM_VERSION, "runs": [{**msgspec.to_builtins(run), "scores": _scores_of(run)} for run in runs]})


def comparison_text(found: Comparison) -> str:
    """Runs side by side for the terminal."""
    # A column for each model: a row for each would be wider than most terminals.
    columns = [list(row) for row in zip(*_comparison_rows(found), strict=True)]
    return "\n".join([_compared(found), "", *_aligned(columns), "", *_meaning([])])


def comparison_markdown(found: Comparison) -> str:
    """Runs side by side as Markdown."""
    return "\n".join([f"## {_compared(found)}", "", *_markdown(_comparison_rows(found))])


def comparison_csv(found: Comparison) -> str:
    """Runs side by side as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([[_harmless(cell) for cell in row] for row in _comparison_rows(found)])
    return text.getvalue()


def comparison_json(found: Comparison) -> bytes:
    """Runs side by side as JSON."""
    rows = [
        {"model": run.model, "run": run.id, "memory": run.memory, "scores": [_score_of(score) for score in row]} for run, row in found.rows
    ]
    return msgspec.json.encode({"exam": EXAM_VERSION, "tasks": found.tasks, "rows": rows})


def size(count: int) -> str:
    """Bytes for people; a dash when they are not known."""
    if not count:
        return "–"
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def percent(share: float | None) -> str:
    """A share for people; a dash when there is none."""
    return "–" if share is None else f"{100 * share:.0f} %"


def _title(run: ExamRun) -> str:
    done = len(run.tasks) - len(run.left)
    whole = f"{len(run.tasks)} tasks" if not run.left else f"{done} of {len(run.tasks)} tasks done"
    return f"{run.model} · exam {run.exam} · {whole} · {run.started[:10]}"


def _memory_line(run: ExamRun) -> str:
    memory = f"memory of the engine: {size(run.memory)}" if run.memory else "memory of the engine: not known (only LMX reports it)"
    # A server may answer under another name than it was asked for.
    names = f" · answered as {', '.join(run.names)}" if run.names and run.names != [run.model] else ""
    return f"{memory} · context: {run.context or 'not known'} tokens · sandbox: {run.sandbox or 'not known'}{names}"


def _meaning(left: list[str]) -> list[str]:
    lines = [
        "Solved: the files, the calls in the journal and the answer passed every check of the task; what a model says about its work is",
        "not believed. The tasks are small: they show which models cannot do agent work here, and not how well one does larger work.",
    ]
    if left:
        lines.append(f"{len(left)} tasks are not done; they count neither as solved nor as failed. The same command tries them again.")
    return lines


def _cells(score: KindScore) -> Row:
    return [
        score.kind,
        f"{score.solved}/{score.done}",
        percent(score.share),
        f"{score.valid_calls}/{score.calls}",
        str(score.repairs),
        str(score.steps),
        f"{score.tokens:,}",
        f"{score.seconds:,.1f}",
        str(score.not_run or ""),
    ]


def _comparison_rows(found: Comparison) -> list[Row]:
    head = ["model", "solved", *found.kinds, "valid calls", "repairs", "steps", "tokens", "seconds", "memory"]
    return [head, *(_comparison_row(run, row) for run, row in found.rows)]


def _comparison_row(run: ExamRun, row: list[KindScore]) -> Row:
    *kinds, whole = row
    cells = _cells(whole)
    return [run.model, f"{cells[1]} {cells[2]}", *(f"{score.solved}/{score.done}" for score in kinds), *cells[3:8], size(run.memory)]


def _compared(found: Comparison) -> str:
    return f"exam {EXAM_VERSION} · {len(found.rows)} models over the {len(found.tasks)} tasks that all of them have done · best first"


def _scores_of(run: ExamRun) -> list[dict[str, Any]]:
    return [_score_of(score) for score in scores(run)]


def _score_of(score: KindScore) -> dict[str, Any]:
    return {**msgspec.to_builtins(score), "share": score.share}


def _aligned(rows: list[Row]) -> list[str]:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    places: list[Callable[[str, int], str]] = [str.ljust, *[str.rjust] * (len(widths) - 1)]
    return ["  ".join(put(cell, width) for put, cell, width in zip(places, row, widths, strict=True)).rstrip() for row in rows]


def _markdown(rows: list[Row]) -> list[str]:
    lines = ["| " + " | ".join(cell.replace("\\", "\\\\").replace("|", "\\|") for cell in row) + " |" for row in rows]
    return [lines[0], "|" + "---|" * len(rows[0]), *lines[1:]]


def _short(reason: str) -> str:
    text = " ".join(reason.split())
    return text if len(text) <= REASON_CHARS_MAX else f"{text[: REASON_CHARS_MAX - 1]}…"


def _harmless(cell: object) -> object:
    """A cell that no spreadsheet reads as a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@") else cell
