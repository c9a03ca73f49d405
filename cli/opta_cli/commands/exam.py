"""opta models exam: which models can do agent work here. Runs the exam, shows and compares its results."""

import argparse
import shutil
import sys
import time
from typing import Any

import msgspec

from opta_core.errors import OptaError, Refused
from opta_core.settings import LoadedSettings
from opta_protocol.error_info import ErrorCode

from ..client import Client, new_key
from ..connection import connect
from ..exam import exam_tables as tables
from ..exam.exam_catalog import choose
from ..exam.exam_records import EXAM_VERSION, ExamRecords, ExamRun
from ..exam.exam_run import Examination, exam_lock
from ..exam.exam_task import ExamTask
from ..exam.progress_bar import ProgressBar
from ..exam.scoring import best_known, compare
from ..local_time import local
from ..plain_text import plain, plain_json, print_plain

LOAD_S, LOOK_EVERY_S = 900.0, 0.5
NAMED_MAX = 20


def exam(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta models exam [MODEL...]"""
    if args.list:
        return _list(args)
    if args.compare or args.show:
        return _show(loaded, args)
    tasks = choose(args.only, args.tasks)
    client = connect(loaded, args)
    models = _models(client, args.models)
    runs: list[ExamRun] = []
    problems: list[str] = []
    for model, context in models.items():
        try:
            runs.append(_examine(loaded, client, args, model, context, tasks))
        except OptaError as error:
            # One model that cannot be examined does not keep the others from it.
            problems.append(f"{model}: {error.message}")
    _print_runs(args, runs)
    for problem in problems:
        print_plain(f"opta: {problem}", sys.stderr)
    return 1 if problems or any(run.left for run in runs) else 0


def _examine(
    loaded: LoadedSettings, client: Client, args: argparse.Namespace, model: str, context: int, tasks: list[ExamTask]
) -> ExamRun:  # fmt: skip
    records, view = ExamRecords(loaded.paths), ProgressBar()
    with exam_lock(records.folder, model):
        _load(client, model)
        sandbox = str(client.get("/v3/health").get("sandbox") or "none")
        examination = Examination(client, records, view, new_key, keep=args.keep)
        run = examination.open(model, tasks, again=args.again, sandbox=sandbox, context=context)
        if run.results:
            done = len(run.tasks) - len(run.left)
            print_plain(f"{model}: continues the run of {local(run.started)}: {done} of {len(run.tasks)} are done", sys.stderr)
        try:
            run = examination.go_on(run, tasks, lambda task: _why_not(task, sandbox))
        except KeyboardInterrupt:
            view.clear()
            print_plain("stopped; what is done is kept. The same command continues.", sys.stderr)
            raise
        finally:
            view.clear()
    return run


def _why_not(task: ExamTask, sandbox: str) -> str:
    """Why this machine cannot run a task."""
    if not task.programs:
        return ""
    if sandbox != "full":
        return f"it runs commands, which need the full sandbox; here it is {sandbox} (opta doctor)"
    missing = next((program for program in task.programs if shutil.which(program) is None), "")
    return f"this machine has no {missing}" if missing else ""


def _models(client: Client, wanted: list[str]) -> dict[str, int]:
    """Each model by its full name, with its context. Raises Refused for one that no provider has."""
    found = client.get("/v3/models")
    known: list[dict[str, Any]] = found["models"]
    names = ", ".join(model["id"] for model in known[:NAMED_MAX]) or "none yet (opta models pull, opta config add-provider)"
    if not wanted:
        raise Refused(f"Name the models to examine: opta models exam MODEL... There are: {names}")
    chosen: dict[str, int] = {}
    for name in wanted:
        meant = found["aliases"].get(name, name)
        same = [model for model in known if meant in (model["id"], model["name"])]
        exact = [model for model in same if model["id"] == meant] or same
        if len({model["id"] for model in exact}) > 1:
            raise Refused(f"{name} is the name of several models: {', '.join(model['id'] for model in exact)}. Name one of them in full.")
        if exact:
            chosen[exact[0]["id"]] = int(exact[0].get("contextLimit") or 0)
        elif meant.partition("/")[0] in {model["provider"] for model in known} and "/" in meant and not meant.startswith("lmx/"):
            # A server may answer for models that it does not list.
            chosen[meant] = 0
        else:
            raise Refused(f"No provider has a model {name!r}. There are: {names}. All of them: opta models list")
    return chosen


def _load(client: Client, model: str) -> None:
    """Have LMX load its model first, so that the first task does not count the time. Raises OptaError when it cannot be loaded."""
    if not model.startswith("lmx/"):
        return
    name = model.removeprefix("lmx/")
    try:
        client.post("/v3/lmx/models/load", {"model": name, "wait": False})
    except OptaError as error:
        # Another machine's LMX may not let us load; it loads by itself when it is asked.
        if error.code in (ErrorCode.provider_auth, ErrorCode.unauthorized):
            return
        raise
    deadline = time.monotonic() + LOAD_S
    while time.monotonic() < deadline:
        states = {entry["id"]: entry for entry in client.get("/v3/lmx/models")["models"]}
        entry = states.get(name)
        if entry is None or entry["state"] == "loaded":
            return
        if entry["state"] in ("failed", "quarantined"):
            raise Refused(f"LMX cannot load it: {entry.get('problem') or entry['state']}")
        time.sleep(LOOK_EVERY_S)
    raise Refused(f"LMX did not load it within {LOAD_S:.0f} s. See its log: opta daemon logs lmx")


def _show(loaded: LoadedSettings, args: argparse.Namespace) -> int:
    """opta models exam --show, --compare: results that are kept, without running anything."""
    choose(args.only)
    if args.show and args.only:
        raise Refused("--show shows whole runs. For some kinds: opta models exam --compare --only KIND")
    runs, damaged = ExamRecords(loaded.paths).all()
    for problem in damaged:
        print_plain(f"opta: {problem}", sys.stderr)
    known = [run for run in runs if run.exam == EXAM_VERSION]
    chosen = [run for run in best_known(known) if not args.models or _is_named(run, args.models)]
    if not chosen:
        raise Refused("There are no results of this version of the exam yet. Run it: opta models exam MODEL...")
    older = sorted({run.model for run in runs if run.exam != EXAM_VERSION} - {run.model for run in chosen})
    if older:
        print_plain(f"Not comparable, because they took another version of the exam: {', '.join(older)}", sys.stderr)
    if args.show:
        _print_runs(args, chosen)
        return 0
    found = compare(chosen, args.only)
    if not found.tasks:
        raise Refused("These models have no task in common. Run the same tasks with each: opta models exam MODEL MODEL")
    if args.json:
        print(plain_json(tables.comparison_json(found)).decode())
    elif args.csv:
        print(plain(tables.comparison_csv(found)), end="")
    else:
        print_plain(tables.comparison_markdown(found) if args.markdown else tables.comparison_text(found))
    return 0


def _print_runs(args: argparse.Namespace, runs: list[ExamRun]) -> None:
    if args.json:
        print(plain_json(tables.runs_json(runs)).decode())
    elif args.csv:
        print(plain(tables.runs_csv(runs)), end="")
    else:
        write = tables.run_markdown if args.markdown else tables.run_text
        print_plain("\n\n".join(map(write, runs)))
        if len(runs) > 1 and (found := compare(runs)).tasks:
            print_plain("\n" + (tables.comparison_markdown(found) if args.markdown else tables.comparison_text(found)))


def _is_named(run: ExamRun, names: list[str]) -> bool:
    return any(name in (run.model, run.model.partition("/")[2]) for name in names)


def _list(args: argparse.Namespace) -> int:
    """opta models exam --list"""
    tasks = choose(args.only, args.tasks)
    if args.json:
        print(msgspec.json.encode([{"id": task.id, "kind": task.kind, "prompts": task.prompts} for task in tasks]).decode())
        return 0
    for task in tasks:
        print(f"{task.kind:11} {task.id:28} {' '.join(task.prompts[0].split())[:90]}")
    return 0
