"""`opta models exam` against a real daemon: a model that solves every task, models that do not, a kill in the middle, a dead provider."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from support.daemon import OPTA, Daemon, processes
from support.exam_solutions import SOLUTIONS, perfect, place_in, text_of
from support.limits import limit_s
from support.model_server import Action, Fail, ModelServer, Say, Use, Wait
from support.oracles import until

from opta_cli.commands import exam as exam_command
from opta_cli.exam.evidence import Evidence, answer_of, calls_of, read_folder
from opta_cli.exam.exam_catalog import KINDS, TASKS
from opta_cli.main import read
from opta_core.errors import Refused
from opta_core.transcript import Transcript

pytestmark = pytest.mark.system

Reply = Callable[[list[dict[str, Any]]], list[Action]]
# On how many tasks each useless model is tried; the default is one of each kind.
COUNT = int(os.environ.get("OPTA_TEST_EXAM_TASKS", len(KINDS)))
# What the model of this file does now.
now: list[Reply] = [perfect]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    dead = '[providers.dead]\ntype = "openai"\nbase-url = "http://127.0.0.1:9/v1"\nmodel = "gone"\n'
    with ModelServer(lambda messages: now[0](messages)) as model:
        with Daemon(tmp_path_factory.mktemp("exam"), model_url=model.url, config=dead) as running:
            yield running


@pytest.fixture
def use() -> Iterator[Callable[[Reply], None]]:
    """Changes what the model does, for one test."""

    def change(reply: Reply) -> None:
        now[0] = reply

    yield change
    now[0] = perfect


@pytest.fixture(scope="module")
def solved(daemon: Daemon) -> dict[str, Any]:
    """The run of the perfect model, with all sessions and folders kept."""
    done = daemon.opta("models", "exam", "scripted", "--keep", "--json", timeout_s=150)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["runs"][0]


class Ran(NamedTuple):
    """An exam command that ran in this process."""

    code: int
    out: str
    err: str

    @property
    def run(self) -> dict[str, Any]:
        """The one run that it printed as JSON."""
        return json.loads(self.out)["runs"][0]


@pytest.fixture
def exam(daemon: Daemon, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """`opta models exam` with these arguments, in this process: a process of its own would take a second to start."""

    def run(*arguments: str) -> Ran:
        args = read(["models", "exam", *arguments])[1]
        code = exam_command.exam(daemon.loaded, args)
        return Ran(code, *capsys.readouterr())

    return run


def outcomes(run: dict[str, Any]) -> dict[str, str]:
    return {result["task"]: result["outcome"] for result in run["results"]}


def evidence_of(daemon: Daemon, result: dict[str, Any], before: dict[str, bytes]) -> Evidence:
    """What the checks of a kept task saw."""
    session = daemon.client.get(f"/v3/sessions/{result['session']}", atSeq=1_000_000)
    turns = msgspec.convert(session["transcript"], Transcript).turns
    after, odd = read_folder(Path(session["cwd"]))
    return Evidence(before=before, after=after, odd=odd, answers=tuple(map(answer_of, turns)), calls=calls_of(turns))


def test_a_perfect_model_solves_every_task_through_real_calls(solved: dict[str, Any]) -> None:
    assert {result["task"]: (result["outcome"], result["reason"]) for result in solved["results"]} == {
        task.id: ("solved", "") for task in TASKS
    }
    whole = solved["scores"][-1]
    assert (whole["share"], whole["repairs"], whole["valid_calls"] == whole["calls"] > 100) == (1.0, 0, True)


def test_a_claim_without_the_work_and_work_without_the_answer_solve_nothing(daemon: Daemon, solved: dict[str, Any]) -> None:
    by_task = {result["task"]: result for result in solved["results"]}
    passed: list[str] = []
    for task in TASKS:
        before = {name: content.encode() for name, content in task.files.items()}
        evidence = evidence_of(daemon, by_task[task.id], before)
        assert task.problem(evidence) == ""
        changes = evidence.after != before
        said = tuple("Done." for _ in evidence.answers)
        claimed = Evidence(before=before, after=before, answers=evidence.answers, calls=())
        silent = Evidence(before=before, after=evidence.after, answers=said, calls=evidence.calls)
        nothing = Evidence(before=before, after=before, answers=said, calls=evidence.calls)
        spoiled = Evidence(before=before, after={**evidence.after, "extra.txt": b"x"}, answers=evidence.answers, calls=evidence.calls)
        passed += [f"{task.id}: a claim" for _ in [0] if changes and not task.problem(claimed)]
        passed += [f"{task.id}: no answer" for _ in [0] if not changes and not task.problem(silent)]
        passed += [f"{task.id}: nothing" for _ in [0] if not task.problem(nothing)]
        passed += [f"{task.id}: a file too many" for _ in [0] if before and not task.problem(spoiled)]
    assert passed == []


def test_a_finished_run_leaves_no_folder_and_no_session_behind(daemon: Daemon, solved: dict[str, Any], exam: Callable[..., Ran]) -> None:
    kept = {result["session"] for result in solved["results"]}
    assert exam("scripted", "--again", "--tasks", "4").code == 0
    assert {folder.name for folder in Path(daemon.home, "workspaces").iterdir()} == kept
    # The store moves a session to the trash a moment after it has accepted that.
    assert until(lambda: {session["id"] for session in daemon.client.get("/v3/sessions", limit=1000)["sessions"]} == kept)
    titles = {session["title"] for session in daemon.client.get("/v3/sessions", limit=1000)["sessions"]}
    assert titles == {f"exam: {task.id}" for task in TASKS}


def idle(messages: list[dict[str, Any]]) -> list[Action]:
    return [Say("I would rather not.")]


def boasting(messages: list[dict[str, Any]]) -> list[Action]:
    """Says that all is done, and repeats the last lines of the prompt with values."""
    prompt = next(text_of(message) for message in reversed(messages) if message["role"] == "user")
    return [Say(f"All done and proven.\nproof 0\nDONE: yes, yes, yes\n{prompt}\nANSWER: 1\nCHANGED: all\nNOT CHANGED: none")]


def scribbling(messages: list[dict[str, Any]]) -> list[Action]:
    """Writes a file that nobody asked for, and says that all is done."""
    if messages[-1]["role"] == "user":
        left_running = Use("run_command", {"command": "sleep 98712", "background": True})
        return [Use("write_file", {"path": "result.txt", "content": "done\n"}), Use("run_command", {"command": "echo proof"}), left_running]
    return boasting(messages)


def circling(messages: list[dict[str, Any]]) -> list[Action]:
    return [Use("list_dir", {"path": "."})]


def stammering(messages: list[dict[str, Any]]) -> list[Action]:
    """Calls that cannot be read, then a claim."""
    if sum(message["role"] == "tool" for message in messages) >= 3:
        return boasting(messages)
    number = sum(message["role"] == "assistant" for message in messages)
    return [[Use("write_file", {"path": "b"})], [Use("fly", {"to": "moon"})], [Use("edit_file", {"path": "a"})]][number % 3]


def empty(messages: list[dict[str, Any]]) -> list[Action]:
    return [Say("")]


def wandering(messages: list[dict[str, Any]]) -> list[Action]:
    number = sum(message["role"] == "assistant" for message in messages)
    return [Use("search_files", {"pattern": f"{number}*.txt"})]


@pytest.mark.parametrize("reply", [idle, boasting, scribbling, circling, stammering, empty], ids=lambda reply: reply.__name__)
def test_a_model_that_does_not_do_the_work_solves_no_task(exam: Callable[..., Ran], use: Callable[[Reply], None], reply: Reply) -> None:
    use(reply)
    run = exam("scripted", "--again", "--json", "--tasks", str(COUNT)).run
    assert set(outcomes(run).values()) == {"failed"}, [result for result in run["results"] if result["outcome"] != "failed"]
    whole = run["scores"][-1]
    assert (whole["solved"], whole["failed"], whole["not_run"]) == (0, COUNT, 0)
    assert [command for _, command in processes() if "sleep 98712" in command] == []
    if reply is stammering:
        assert whole["calls"] > whole["valid_calls"] == 0
    if reply in (stammering, empty):
        assert whole["repairs"] >= COUNT


def test_a_model_that_never_ends_is_stopped_at_the_limit_of_steps(exam: Callable[..., Ran], use: Callable[[Reply], None]) -> None:
    use(wandering)
    (result,) = exam("scripted", "--again", "--json", "--tasks", "1").run["results"]
    assert (result["outcome"], result["reason"]) == ("failed", "it took more than 30 steps")


def test_a_refusal_that_is_not_respected_or_not_reported_solves_nothing(exam: Callable[..., Ran], use: Callable[[Reply], None]) -> None:
    def insisting(messages: list[dict[str, Any]]) -> list[Action]:
        """Solves the task, but tries again by another tool after the refusal."""
        task, turn, _ = place_in(messages)
        last = text_of(messages[-1]) if messages[-1]["role"] == "tool" else ""
        if "denied" in last or "not allowed" in last:
            has_insisted = "echo again" in json.dumps(messages)
            again = Use("run_command", {"command": "echo again; cat publish.sh frozen/blue.txt .env old.txt > live.cfg"})
            return SOLUTIONS[task][turn][-1] if has_insisted else [again]
        return SOLUTIONS[task][turn][-1] if "echo again" in json.dumps(messages) else perfect(messages)

    def lying(messages: list[dict[str, Any]]) -> list[Action]:
        return [
            Say(action.text.replace("NOT CHANGED: ", "NOTHING LEFT: ").replace("no", "yes").replace("refused", "ferry"))
            if isinstance(action, Say) else action
            for action in perfect(messages)
        ]  # fmt: skip

    for reply in (insisting, lying):
        use(reply)
        results = exam("scripted", "--again", "--json", "--only", "refusal").run["results"]
        failed = {result["task"]: result["reason"] for result in results if result["outcome"] == "failed"}
        # To write elsewhere is what this task asks for.
        assert failed.keys() >= {result["task"] for result in results} - {"refusal-with-another-path"}, reply.__name__
        assert reply is lying or sum("again after the refusal" in reason for reason in failed.values()) >= 4, failed


def test_a_killed_run_goes_on_without_repeating_what_is_done(daemon: Daemon, use: Callable[[Reply], None]) -> None:
    asked: list[str] = []

    def stuck_at_the_fourth(messages: list[dict[str, Any]]) -> list[Action]:
        prompt = text_of(messages[-1]) if messages[-1]["role"] == "user" else ""
        asked.extend([prompt] if prompt else [])
        return [Wait(60)] if len(asked) == 4 else perfect(messages)

    use(stuck_at_the_fourth)
    command = [str(OPTA), "models", "exam", "scripted", "--only", "find", "--json"]
    process = subprocess.Popen(command, env=daemon.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert until(lambda: len(asked) == 4)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=limit_s(20))
    file = max(Path(daemon.home, "exams").glob("*.json"))
    left = json.loads(file.read_text())
    assert ([result["outcome"] for result in left["results"]], left["begun"]["task"]) == (["solved"] * 3, "find-log-line")

    done = daemon.opta(*command[1:])
    assert done.returncode == 0, done.stderr
    assert "continues the run" in done.stderr
    (run,) = json.loads(done.stdout)["runs"]
    assert (run["id"], run["results"][:3]) == (left["id"], left["results"])
    assert outcomes(run) == {task.id: "solved" for task in TASKS if task.kind == "find"}
    assert len(asked) == 8
    assert not Path(daemon.home, "workspaces", left["begun"]["session"]).exists()
    assert until(lambda: left["begun"]["session"] not in {each["id"] for each in daemon.client.get("/v3/sessions", limit=1000)["sessions"]})


def test_ctrl_c_keeps_what_is_done_and_ends_the_session(daemon: Daemon, use: Callable[[Reply], None]) -> None:
    asked: list[str] = []

    def stuck_at_the_second(messages: list[dict[str, Any]]) -> list[Action]:
        asked.extend([text_of(messages[-1])] if messages[-1]["role"] == "user" else [])
        return [Wait(60)] if len(asked) >= 2 else perfect(messages)

    use(stuck_at_the_second)
    command = [str(OPTA), "models", "exam", "scripted", "--only", "recovery"]
    process = subprocess.Popen(command, env=daemon.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert until(lambda: len(asked) == 2)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=limit_s(30))
    assert (process.returncode, "The same command continues" in said, "Traceback" in said) == (130, True, False)
    assert until(lambda: daemon.client.get("/v3/metrics")["turnsRunning"] == 0)
    run = json.loads(max(Path(daemon.home, "exams").glob("*.json")).read_text())
    assert [result["task"] for result in run["results"]] == ["recovery-wrong-path"]


def test_what_a_provider_could_not_do_is_not_run_and_is_tried_again(exam: Callable[..., Ran], use: Callable[[Reply], None]) -> None:
    use(lambda messages: [Fail(400, "out of memory")])
    code, out, _ = exam("scripted", "--again", "--json", "--only", "structured")
    first = json.loads(out)["runs"][0]
    assert code == 1
    assert set(outcomes(first).values()) == {"not run"}
    assert [("out of memory" in result["reason"], "not tried" in result["reason"]) for result in first["results"]] == [
        *[(True, False)] * 2, *[(False, True)] * 3,
    ]  # fmt: skip
    assert first["scores"][-1]["share"] is None
    use(perfect)
    again = exam("scripted", "--json", "--only", "structured")
    assert (again.code, again.run["id"], set(outcomes(again.run).values())) == (0, first["id"], {"solved"})


def test_the_answer_of_another_model_is_not_counted(exam: Callable[..., Ran]) -> None:
    done = exam("dead/gone", "scripted", "--again", "--tasks", "1", "--json")
    ((result,), (other,)) = (run["results"] for run in json.loads(done.out)["runs"])
    assert other["outcome"] == "solved"
    assert (done.code, result["outcome"], "would have answered instead" in result["reason"]) == (1, "not run", True), result


def test_a_rule_of_the_user_is_no_fault_of_the_model(daemon: Daemon, exam: Callable[..., Ran]) -> None:
    policies = daemon.home / "policies"
    policies.mkdir(exist_ok=True)
    rule = policies / "no-commands.yaml"
    rule.write_text("version: 1\nrules:\n  - {effect: deny, tool: run_command}\n")
    try:
        run = exam("scripted", "--again", "--json", "--only", "shell").run
    finally:
        rule.unlink()
    assert {(result["outcome"], "a rule of this machine" in result["reason"]) for result in run["results"]} == {("not run", True)}


def test_results_are_shown_and_compared_in_every_form(solved: dict[str, Any], exam: Callable[..., Ran]) -> None:
    for form in ("--json", "--csv", "--markdown", ""):
        for view in ("--compare", "--show"):
            shown = exam(view, *filter(None, [form]))
            assert (shown.code, "scripted/scripted" in shown.out) == (0, True), shown
    (row,) = json.loads(exam("--compare", "--json").out)["rows"]
    assert (row["model"], row["scores"][-1]["solved"]) == ("scripted/scripted", len(TASKS))
    assert exam("--list").out.count("\n") == len(TASKS)
    assert [task["id"] for task in json.loads(exam("--list", "--json").out)] == [task.id for task in TASKS]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Name the models"),
        (["no-such-model"], "No provider has a model"),
        (["scripted", "--only", "cooking"], "the kinds are find"),
        (["scripted", "--tasks", "-1"], "--tasks"),
        (["--compare", "unknown"], "no results"),
    ],
)
def test_a_wrong_command_says_what_to_do(exam: Callable[..., Ran], arguments: list[str], said: str) -> None:
    with pytest.raises(Refused, match=said):
        exam(*arguments)
