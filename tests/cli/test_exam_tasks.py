"""The exam without a daemon: its tasks, their checks, how questions are answered, records, scores and tables."""

import csv
import io
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.exam_solutions import SOLUTIONS
from support.model_server import Say

from opta_cli.exam import exam_tables as tables
from opta_cli.exam.evidence import Evidence, TakenCall, read_folder
from opta_cli.exam.exam_catalog import KINDS, TASKS, choose
from opta_cli.exam.exam_checks import json_answer_is, labelled, says
from opta_cli.exam.exam_records import EXAM_VERSION, ExamRecords, ExamRun, TaskResult
from opta_cli.exam.exam_run import exam_lock
from opta_cli.exam.exam_task import ExamTask, QuestionRule
from opta_cli.exam.examiner import answer_question
from opta_cli.exam.progress_bar import ProgressBar
from opta_cli.exam.scoring import best_known, compare, scores
from opta_core.errors import Refused
from opta_core.paths import Paths
from opta_core.policy.path_names import is_secret
from opta_protocol.event_parts import Execution
from opta_protocol.events import PermissionRequest


def pristine(task: ExamTask, answer: str) -> Evidence:
    """A task of which nothing was done."""
    files = {name: content.encode() for name, content in task.files.items()}
    return Evidence(before=files, after=files, answers=(answer,) * len(task.prompts))


def test_there_are_enough_tasks_of_every_kind_and_each_has_a_solution() -> None:
    assert len(TASKS) >= 40
    assert len({task.id for task in TASKS}) == len(TASKS)
    assert SOLUTIONS.keys() == {task.id for task in TASKS}
    assert all(task.id.startswith(f"{task.kind}-") and len(task.prompts) == len(SOLUTIONS[task.id]) for task in TASKS)
    assert min(sum(task.kind == kind for task in TASKS) for kind in KINDS) >= 3


def test_no_prompt_is_a_command_or_a_reference_and_no_file_is_private_by_accident() -> None:
    assert [task.id for task in TASKS for prompt in task.prompts if prompt.startswith("/") or "@" in prompt] == []
    assert [name for task in TASKS for name in task.files if is_secret(name)] == [".env"]


ANSWERS: list[Callable[[ExamTask], str]] = [
    lambda task: "",
    lambda task: "Everything is done.",
    lambda task: "\n".join(task.prompts),
    lambda task: "\n".join(f"{label}: {value}" for label in labels(task) for value in [*"0123456789"]),
    lambda task: "\n".join(f"{label}: none" for label in labels(task)),
    lambda task: "\n".join(f"{label}: yes" for label in labels(task)),
    lambda task: "\n".join(f"{label}: {', '.join(task.files)}" for label in labels(task)),
]


def labels(task: ExamTask) -> list[str]:
    return re.findall(r"[A-Z]{4,}(?= ?:)", " ".join(task.prompts)) or ["ANSWER"]


@pytest.mark.parametrize("answer", ANSWERS)
def test_no_task_is_solved_by_words_alone(answer: Callable[[ExamTask], str]) -> None:
    assert [task.id for task in TASKS if not task.problem(pristine(task, answer(task)))] == []


def test_no_prompt_holds_the_value_that_its_answer_must_give() -> None:
    """The values of a solution's last lines may be part of a prompt only where the prompt offers a choice of them."""
    leaking: list[str] = []
    for task in TASKS:
        (last,) = (action for action in SOLUTIONS[task.id][-1][-1] if isinstance(action, Say))
        values = re.findall(r"^[A-Z ]+: (.+)$", last.text, re.MULTILINE)
        leaking += [f"{task.id}: {value}" for value in values if re.search(rf"\b{re.escape(value)}\b", task.prompts[-1])]
    named = {"refusal-to-read: refused", "honesty-missing-value: none"}
    files = {line for line in leaking if line.startswith("refusal-") and line.endswith((".cfg", ".txt"))}
    assert set(leaking) - named - files == set()


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ("I think so.\nANSWER: a.py:3", "a.py:3"),
        ("**ANSWER:** `a.py:3`.", "a.py:3"),
        ("**ANSWER**: a.py:3", "a.py:3"),
        ("> answer: 'x'\nANSWER: a.py:3\nThat is all.", "a.py:3"),
        ("- ANSWER :  a.py:3  ", "a.py:3"),
        ("# ANSWER: a.py:3", "a.py:3"),
        ("***ANSWER: a.py:3***", "a.py:3"),
        ("ANSWER: <a.py:3>", "a.py:3"),
        ("NOT ANSWER: a.py:3", None),
        ("THE ANSWERS: a.py:3", None),
        ("", None),
    ],
)
def test_the_last_labelled_line_counts_whatever_its_emphasis(answer: str, value: str | None) -> None:
    assert labelled(answer, "ANSWER") == value


def test_lists_in_answers_are_compared_item_by_item() -> None:
    check = says("ANSWER", "a.txt, b.txt")
    for answer, is_right in (("`a.txt`,`b.txt`", True), ("a.txt; b.txt.", True), ("b.txt, a.txt", False), ("a.txt, b.txt, c.txt", False)):
        assert (check(Evidence(before={}, after={}, answers=(f"ANSWER: {answer}",))) == "") is is_right, answer


@pytest.mark.parametrize(
    ("answer", "is_right"),
    [
        ('{"a": 1.0, "b": [true]}', True),
        ('\n {"b": [true], "a": 1} \n', True),
        ('{"a": true, "b": [true]}', False),
        ('{"a": 1, "b": [1]}', False),
        ('{"a": 1, "b": [true], "c": null}', False),
        ('```json\n{"a": 1, "b": [true]}\n```', False),
        ("[" * 100_000, False),
        ("NaN", False),
    ],
)
def test_json_answers_are_compared_by_value_and_type(answer: str, is_right: bool) -> None:
    found = json_answer_is({"a": 1, "b": [True]})(Evidence(before={}, after={}, answers=(answer,)))
    assert (found == "") is is_right


def test_a_folder_is_read_without_following_what_a_model_left_in_it(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "private.txt").write_text("private")
    folder = tmp_path / "folder"
    (folder / "sub/__pycache__").mkdir(parents=True)
    (folder / "sub/a.txt").write_text("a")
    (folder / "sub/__pycache__/a.pyc").write_text("x")
    (folder / "link.txt").symlink_to(outside / "private.txt")
    (folder / "links").symlink_to(outside)
    os.mkfifo(folder / "pipe")
    with open(folder / "large", "wb") as large:
        large.truncate(3_000_000)
    files, odd = read_folder(folder)
    assert (files, sorted(odd)) == ({"sub/a.txt": b"a"}, ["large", "link.txt", "links", "pipe"])


def asked(
    name: str,
    layer: str = "level",
    rule: str = "",
    *,
    sandbox: str = "full",
    network: Any = "off",
    background: bool = False,
    **args: Any,
) -> PermissionRequest:
    execution = (
        Execution(folder="/w", timeoutS=1, sandbox=sandbox, background=background, network=network) if name == "run_command" else None
    )
    return PermissionRequest(
        sid="s", requestId="r", callId="c", name=name, args=args, reason=rule, rule=rule, layer=layer, expiresAt="", execution=execution
    )


@pytest.mark.parametrize(
    ("question", "decision"),
    [
        (asked("write_file", path="a"), "allow"),
        (asked("run_command", command="ls"), "allow"),
        (asked("run_command", command="ls", sandbox="landlock"), "deny"),
        (asked("run_command", command="ls", network="on"), "deny"),
        (asked("run_command", command="sleep 900", background=True), "deny"),
        (asked("run_command", "hard", "rm deletes, overwrites or publishes", command="rm -r x"), "allow"),
        (asked("run_command", "hard", "sed rewrites files in place", command="sed -i s/a/b/ x.txt"), "allow"),
        (asked("run_command", "hard", "it replaces a.txt", command="echo x > a.txt"), "allow"),
        (asked("run_command", "hard", "rm deletes, overwrites or publishes", command="rm x", sandbox="landlock"), "deny"),
        (asked("run_command", "hard", "rm deletes, overwrites or publishes", command="rm ~/x"), "deny"),
        (asked("run_command", "hard", "sed rewrites files in place", command="sed -i s/a/b/ x; cat .env"), "deny"),
        (asked("run_command", "hard", "it names a file that may hold credentials", command="cat .env"), "deny"),
        (asked("run_command", "hard", "it writes a control file", command="echo x > .git/hooks/pre-commit"), "deny"),
        (asked("write_file", "hard", "AGENTS.md is read by agents", path="AGENTS.md"), "deny"),
        (asked("read_file", path=".env", layer="hard"), "deny"),
        (asked("browser_navigate", url="http://x"), "deny"),
        (asked("mcp__files__write", path="a"), "deny"),
        (asked("write_file", path="sealed.txt"), "deny"),
        (asked("run_command", command="rm old.txt", layer="hard"), "allow"),
        (asked("run_command", command="rm old.txt", layer="hard", sandbox="none"), "deny"),
    ],
)
def test_questions_are_answered_as_the_task_says_and_otherwise_by_what_the_sandbox_holds(
    question: PermissionRequest, decision: str
) -> None:
    rules = (
        QuestionRule(decision="deny", text="sealed.txt", note="It is sealed."),
        QuestionRule(decision="allow", tools=("run_command",), text="old.txt"),
    )
    answer = answer_question(rules, question)
    assert (answer.decision, bool(answer.note)) == (decision, decision == "deny")


def test_tasks_are_chosen_in_turn_from_each_kind() -> None:
    assert [task.kind for task in choose(count=len(KINDS))] == list(KINDS)
    assert choose() == list(TASKS) == choose(count=1000)
    assert {task.kind for task in choose(["fix", "find"], 3)} == {"fix", "find"}
    assert choose(count=7) == choose(count=7)


def a_run(model: str, started: str = "2030-01-01T00:00:00", **outcome: str) -> ExamRun:
    """A run whose results are `task=outcome`."""
    kinds = {task.id.replace("-", "_"): task for task in TASKS}
    results = [
        TaskResult(
            task=kinds[name].id, kind=kinds[name].kind, outcome=word, calls=2, valid_calls=1, steps=3, tokens=5, seconds=1.5, reason="=1+1"
        )  # pyright: ignore[reportArgumentType]
        for name, word in outcome.items()
    ]
    ids = [result.task for result in results]
    return ExamRun(
        id=f"{started[:4]}-{model}", exam=EXAM_VERSION, opta="1", model=model, tasks=ids, started=started, results=results, memory=2 * 10**9
    )


def test_what_was_not_run_is_neither_solved_nor_failed() -> None:
    run = a_run("m", find_definition="solved", find_importers="failed", edit_unicode="not run")
    find, edit, whole = scores(run)
    assert (find.share, edit.share, edit.done, whole.share, whole.not_run, whole.calls) == (0.5, None, 0, 0.5, 1, 4)
    assert run.left == ["edit-unicode"]
    assert "1 tasks are not done" in tables.run_text(run)
    assert "answered as m-4bit" in tables.run_text(msgspec.structs.replace(run, names=["m-4bit"]))


def test_runs_are_compared_over_the_tasks_that_all_of_them_have_done() -> None:
    one = a_run("a/one", find_definition="failed", edit_unicode="solved", find_importers="not run")
    two = a_run("b/two", edit_unicode="solved", find_definition="solved", find_importers="solved")
    found = compare([one, two])
    assert (sorted(found.tasks), [(run.model, row[-1].solved) for run, row in found.rows]) == (
        ["edit-unicode", "find-definition"],
        [("b/two", 2), ("a/one", 1)],
    )
    assert [[score.kind for score in row] for _, row in found.rows] == [["edit", "find", "all"]] * 2
    assert compare([one, two], ["edit"]).tasks == ["edit-unicode"]
    assert compare([]).rows == []


def test_the_best_known_run_of_a_model_is_the_one_with_most_tasks() -> None:
    full = a_run("m", "2030", find_definition="solved", edit_unicode="failed")
    part = a_run("m", "2031", find_definition="failed")
    again = a_run("m", "2032", find_definition="failed", edit_unicode="failed")
    void = a_run("n", "2033", find_definition="not run")
    assert best_known([full, part, void]) == [full]
    assert best_known([full, part, again]) == [again]


def test_every_form_of_the_results_can_be_read_back_and_no_cell_is_a_formula() -> None:
    run = a_run("m|x", find_definition="solved", edit_unicode="failed")
    rows = list(csv.DictReader(io.StringIO(tables.runs_csv([run]))))
    assert [(row["task"], row["outcome"], row["reason"]) for row in rows] == [
        ("find-definition", "solved", "'=1+1"), ("edit-unicode", "failed", "'=1+1"),
    ]  # fmt: skip
    assert json.loads(tables.runs_json([run]))["runs"][0]["scores"][-1]["share"] == 0.5
    assert "m\\|x" in tables.comparison_markdown(compare([run]))
    head, line = csv.reader(io.StringIO(tables.comparison_csv(compare([run]))))
    assert dict(zip(head, line, strict=True))["memory"] == "2.0 GB"
    assert "2.0 GB" in tables.run_text(run)


def test_records_survive_damage_and_only_the_same_unfinished_run_is_continued(tmp_path: Path) -> None:
    records = ExamRecords(Paths(tmp_path))
    assert records.all() == ([], [])
    run = a_run("m", "2030", find_definition="solved", edit_unicode="not run")
    records.save(run)
    done = a_run("n", "2031", find_definition="solved")
    records.save(done)
    records.save(msgspec.structs.replace(run, id="old", exam=EXAM_VERSION + 1, started="2029"))
    (records.folder / "broken.json").write_text('{"id": ')
    runs, problems = records.all()
    assert ([each.id for each in runs], len(problems), "broken.json" in problems[0]) == (["old", run.id, done.id], 1, True)
    assert records.unfinished("m", run.tasks, "1") == run
    assert records.unfinished("m", run.tasks, "2") is None
    assert records.unfinished("m", run.tasks[:1], "1") is None
    assert records.unfinished("n", done.tasks, "1") is None


def test_one_exam_of_a_model_runs_at_a_time(tmp_path: Path) -> None:
    with exam_lock(tmp_path, "a/b"):
        with pytest.raises(Refused, match="Another exam of a/b"), exam_lock(tmp_path, "a/b"):
            pass
        with exam_lock(tmp_path, "a/c"):
            pass
    with exam_lock(tmp_path, "a/b"):
        pass


def test_a_proof_of_other_files_or_other_results_proves_nothing() -> None:
    task = next(task for task in TASKS if task.id == "fix-off-by-one")
    before = {name: content.encode() for name, content in task.files.items()}
    after = {**before, "pages.py": b"def page(items, number, size):\n    return []\n"}
    for command, content in (("python3 check.py", "all 4 checks passed, proof 0"), ("echo check.py passed", "check.py passed")):
        call = TakenCall(name="run_command", args={"command": command}, ok=True, code="", content=content, step=1, turn=0)
        assert task.problem(Evidence(before=before, after=after, answers=("It passes.",), calls=(call,))).startswith("no run of check.py")


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_a_bar_a_pipe_sees_lines_and_neither_is_given_a_control_character() -> None:
    run = a_run("m\x1b]0;x", find_definition="solved", edit_unicode="failed")
    task = next(task for task in TASKS if task.id == "edit-unicode")
    failed = msgspec.structs.replace(run.results[1], reason="\x1b[35mred")
    shown: list[str] = []
    for stream in (Screen(), io.StringIO()):
        bar = ProgressBar(stream)
        bar.began(task, run)
        bar.moved(3, 2.0)
        bar.ended(failed, run)
        shown.append(stream.getvalue())
    assert "\r" in shown[0]
    assert "█" in shown[0]
    assert shown[1].count("\n") == 1
    assert "\r" not in shown[1]
    for text in shown:
        assert "edit-unicode" in text
        assert "\x1b]" not in text
        assert "\x1b[35m" not in text
