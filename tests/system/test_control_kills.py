"""What a person and a model do beside plain turns, while gateway, agent, tools and store are killed at random moments.

Nothing is lost, nothing is done twice, and each turn has one ending. test_control.py does the same for steering and pausing, and
test_children.py for sub-agents. `OPTA_TEST_KILL_ROUNDS` asks for more rounds than one.
"""

import http.server
import json
import os
import shutil
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.control_work import ControlWork
from support.daemon import Daemon
from support.git import file, git
from support.model_server import ModelServer
from support.oracles import until
from support.promises import check_journal
from support.random_kills import RandomKills, insist

from opta_cli.client import new_key
from opta_core.errors import OptaError
from opta_protocol.error_info import ErrorCode

pytestmark = pytest.mark.system

ROUNDS = range(int(os.environ.get("OPTA_TEST_KILL_ROUNDS", "1")))
# What a call says whose process was killed: it did not run, or may have.
LOST = {"worker_lost", "outcome_unknown"}
HOOKS = """
[[hooks]]
on = "before-tool"
command = ["judge"]
tools = ["run_command"]
timeout-s = 60
[[hooks]]
on = "turn-end"
command = ["ending"]
[notify]
command = ["{notifier}", "{{text}}"]
min-s = 0
"""
JUDGE = "#!/bin/sh\nread -r given\ncase $given in *hooked*) echo judged >> hooked.runs; sleep 0.1 ;; esac\n"
ENDING = '#!/bin/sh\nread -r given\ncase $given in *"The hooked work is done"*) echo ended >> hooked.ends ;; esac\n'
NOTIFIER = '#!/bin/sh\ncat >> "{notes}"\necho >> "{notes}"\n'
SKILL = "---\nname: greet\ndescription: Greet somebody properly.\n---\nRun scripts/greet.sh with the name.\n"


class Site(http.server.ThreadingHTTPServer):
    """A web server of this machine that counts what is asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Pages)
        self.asked: Counter[str] = Counter()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def host(self) -> str:
        """Its address without the scheme."""
        return f"127.0.0.1:{self.server_address[1]}"


class _Pages(http.server.BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.server.asked[self.path] += 1
        body = f"<title>Page</title><p>This is {self.path}.".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        return


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notes") / "notes"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, site: Site, notes: Path) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("control-kills")
    programs = folder / ".local/bin"
    programs.mkdir(parents=True)
    shutil.copy(Path(sys.executable).parent / "ruff", programs / "ruff")
    notifier = notes.with_name("notifier")
    _program(notifier, NOTIFIER.format(notes=notes))
    work = ControlWork(site.host)
    config = HOOKS.format(notifier=notifier) + f'[sandbox]\nallow-hosts = ["{site.host}"]\n'
    with ModelServer(work) as model:
        running = Daemon(folder, model_url=model.url, config=config)
        running.environment |= {"HOME": str(folder), "PATH": f"{programs}:{os.environ['PATH']}"}
        _program(running.home / "hooks/judge", JUDGE)
        _program(running.home / "hooks/ending", ENDING)
        (running.home / "skills/greet/scripts").mkdir(parents=True)
        (running.home / "skills/greet/SKILL.md").write_text(SKILL)
        with running:
            yield running


def _program(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def new_session(daemon: Daemon, **fields: Any) -> str:
    """One session, made once however often the request is sent."""
    key = new_key()
    body = {"cwd": str(daemon.workspace), "mode": "do", "policy": "unrestricted", **fields}
    return str(insist(lambda: daemon.client.post("/v3/sessions", body, key))["id"])


def submit(daemon: Daemon, sid: str, text: str, **fields: Any) -> str:
    key = new_key()
    return str(insist(lambda: daemon.client.post(f"/v3/sessions/{sid}/turns", {"text": text, **fields}, key))["turnId"])


def post(daemon: Daemon, path: str, body: dict[str, Any]) -> Any:
    key = new_key()
    return insist(lambda: daemon.client.post(path, body, key))


def events_of(daemon: Daemon, sid: str, turn: str) -> list[dict[str, Any]]:
    """Of a turn, once it has ended; every promise of the journal is checked."""
    daemon.follow(sid, turn)
    return [event for event in check_journal(daemon.journal(sid)) if event.get("turn") == turn]


def of(events: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] == name]


def is_done(events: list[dict[str, Any]]) -> bool:
    return [event["event"] for event in events if event["event"] in ("turn.done", "turn.error", "session.cancelled")] == ["turn.done"]


def runs(daemon: Daemon, name: str) -> int:
    path = daemon.workspace / name
    return len(path.read_text().split()) if path.exists() else 0


def check_runs(daemon: Daemon, events: list[dict[str, Any]], name: str, before: int = 0) -> None:
    """Each call of `_append` ran once when its result says so, and never twice."""
    calls = {event["callId"] for event in of(events, "tool.call") if name in str(event["args"])}
    results = [event for event in of(events, "tool.result") if event["callId"] in calls]
    assert {event["callId"] for event in results} == calls
    assert {event["code"] for event in results if not event["ok"]} <= LOST
    assert sum(event["ok"] for event in results) <= runs(daemon, name) - before <= len(results)


def files(folder: Path) -> dict[str, str]:
    """Every file but those of git."""
    found = [path for path in sorted(folder.rglob("*")) if path.is_file() and ".git" not in path.parts]
    return {str(path.relative_to(folder)): path.read_text() for path in found}


@pytest.mark.parametrize("seed", ROUNDS)
def test_undo_and_redo(daemon: Daemon, seed: int, tmp_path: Path) -> None:
    for number in range(3):
        work = tmp_path / str(number)
        file(work / "kept.txt", "kept\n")
        file(work / "gone.txt", "was\n")
        before = files(work)
        with RandomKills(daemon, 10 * seed + number, (0.05, 0.5)) as kills:
            sid = new_session(daemon, cwd=str(work))
            turn = submit(daemon, sid, "Change files.")
            daemon.follow(sid, turn)
            after = files(work)
            for direction, wanted in (("undo", before), ("redo", after), ("undo", before)):
                _move(daemon, sid, turn, direction)
                assert files(work) == wanted, (direction, kills.ended)
        events = events_of(daemon, sid, turn)
        assert is_done(events)
        # Each move is an event, once; nothing else is left in the folder.
        assert [event["event"] for event in events if event["event"] in ("turn.undone", "turn.redone")] == [
            "turn.undone",
            "turn.redone",
            "turn.undone",
        ]


def _move(daemon: Daemon, sid: str, turn: str, direction: str) -> None:
    """Undo or redo, until it is known to be done."""
    try:
        insist(lambda: daemon.client.post(f"/v3/sessions/{sid}/{direction}", {"turnId": turn}))
    except OptaError as error:
        # The answer to one that was made was lost with its process.
        assert error.code == ErrorCode.conflict and ("Nothing" in error.message or "undone already" in error.message), error.message


@pytest.mark.parametrize("seed", ROUNDS)
def test_a_question_of_the_model_is_answered_once(daemon: Daemon, seed: int) -> None:
    before = runs(daemon, "asked.log")
    with RandomKills(daemon, 20 + seed):
        sid = new_session(daemon)
        turn = submit(daemon, sid, "Ask me.")
        found: list[dict[str, Any]] = []

        def is_asked() -> bool:
            found[:] = [each for each in insist(lambda: daemon.client.get("/v3/questions"))["questions"] if each["sid"] == sid]
            return bool(found)

        assert until(is_asked, 60)
        try:
            post(daemon, f"/v3/sessions/{sid}/questions/{found[0]['questionId']}", {"text": "blue"})
        except OptaError as error:
            # The reply to the answer was lost with its process.
            assert error.code == ErrorCode.conflict and "answered already" in error.message, error.message
        daemon.follow(sid, turn)
    events = events_of(daemon, sid, turn)
    assert is_done(events) and len(of(events, "question.asked")) == len(of(events, "question.answered")) == 1
    assert "blue" in of(events, "tool.result")[0]["content"]
    check_runs(daemon, events, "asked.log", before)


@pytest.mark.parametrize("seed", ROUNDS)
def test_a_plan_is_accepted_once(daemon: Daemon, seed: int) -> None:
    before = runs(daemon, "planned.log")
    with RandomKills(daemon, 30 + seed):
        sid = new_session(daemon)
        plan = submit(daemon, sid, "Make a plan.", mode="plan")
        daemon.follow(sid, plan)
        turn = submit(daemon, sid, "", fromPlan=plan)
        daemon.follow(sid, turn)
    events = events_of(daemon, sid, turn)
    assert is_done(events) and is_done(events_of(daemon, sid, plan))
    assert of(events, "turn.start")[0]["fromPlan"] == plan
    check_runs(daemon, events, "planned.log", before)


@pytest.mark.parametrize("seed", ROUNDS)
def test_a_fork_and_a_turn_that_is_asked_again_are_made_once(daemon: Daemon, seed: int) -> None:
    with RandomKills(daemon, 40 + seed):
        sid = new_session(daemon)
        first = submit(daemon, sid, "Work.")
        daemon.follow(sid, first)
        fork = post(daemon, f"/v3/sessions/{sid}/fork", {"turnId": first})["session"]["id"]
        further = submit(daemon, fork, "Work on.")
        again = post(daemon, f"/v3/sessions/{sid}/fork", {"turnId": first, "again": True})
        daemon.follow(fork, further)
        daemon.follow(again["session"]["id"], again["turnId"])
    assert is_done(events_of(daemon, fork, further)) and is_done(events_of(daemon, again["session"]["id"], again["turnId"]))
    children = [each["id"] for each in daemon.client.get("/v3/sessions", limit=500)["sessions"] if each.get("parent") == sid]
    assert sorted(children) == sorted([fork, again["session"]["id"]])


@pytest.mark.parametrize("seed", ROUNDS)
def test_hooks_run_and_are_written_down(daemon: Daemon, seed: int, notes: Path) -> None:
    before = {name: runs(daemon, name) for name in ("hooked.log", "hooked.runs", "hooked.ends")}
    with RandomKills(daemon, 50 + seed):
        sid = new_session(daemon)
        turn = submit(daemon, sid, "Hooked work.")
        daemon.follow(sid, turn)
    events = events_of(daemon, sid, turn)
    assert is_done(events)
    check_runs(daemon, events, "hooked.log", before["hooked.log"])
    starts, results = of(events, "hook.start"), of(events, "hook.result")
    assert len(starts) == len(results) and {event["outcome"] for event in results} <= {"ok", "interrupted"}
    # A run that may have happened has a start; each call ran behind a judgement that was made.
    assert runs(daemon, "hooked.runs") - before["hooked.runs"] <= len([event for event in starts if event.get("callId")])
    judged = {event["callId"] for event in results if event.get("callId") and event["outcome"] == "ok"}
    assert {event["callId"] for event in of(events, "tool.start")} <= judged
    ends = [event for event in results if not event.get("callId")]
    # One that follows a turn is not run again when its worker was killed, for it may have run.
    assert ends and sum(event["outcome"] == "ok" for event in ends) <= runs(daemon, "hooked.ends") - before["hooked.ends"] <= len(ends)
    # A person hears of the end, not twice; the process that tells may be the one that was killed.
    heard = [
        line
        for line in (notes.read_text().splitlines() if notes.exists() else [])
        if line and json.loads(line)["turn"] == turn and json.loads(line)["sid"] == sid
    ]
    assert len(heard) <= 1


@pytest.mark.parametrize("seed", ROUNDS)
def test_addresses_are_read_and_edits_checked(daemon: Daemon, site: Site, seed: int) -> None:
    work = daemon.workspace
    file(work / "ruff.toml", '[lint]\nselect = ["F"]\n')
    file(work / "checked.py", "".join(f"x{number} = 1\n" for number in range(4)))
    site.asked.clear()
    with RandomKills(daemon, 60 + seed):
        sid = new_session(daemon)
        turn = submit(daemon, sid, "Look outside.")
        daemon.follow(sid, turn)
    events = events_of(daemon, sid, turn)
    assert is_done(events) and max(site.asked.values()) == 1
    calls = {event["callId"]: event for event in of(events, "tool.call")}
    text = (work / "checked.py").read_text()
    for result in of(events, "tool.result"):
        call = calls[result["callId"]]
        assert result["ok"] or result["code"] in LOST, result
        if call["name"] == "web_fetch" and result["ok"]:
            assert f"This is /{call['args']['url'].rpartition('/')[2]}." in result["content"]
        if call["name"] == "edit_file" and result["ok"]:
            assert call["args"]["new"] in text and "F821" in result["content"]


@pytest.mark.parametrize("seed", ROUNDS)
def test_a_skill_is_read_and_followed(daemon: Daemon, seed: int) -> None:
    before = runs(daemon, "greeted.log")
    with RandomKills(daemon, 70 + seed):
        sid = new_session(daemon)
        turn = submit(daemon, sid, "Use the skill.")
        daemon.follow(sid, turn)
    events = events_of(daemon, sid, turn)
    assert is_done(events)
    check_runs(daemon, events, "greeted.log", before)


@pytest.mark.parametrize("seed", ROUNDS)
def test_a_worktree_is_made_and_merged_once(daemon: Daemon, seed: int, tmp_path: Path) -> None:
    work = tmp_path / "repository"
    file(work / "a.txt", "one\n")
    git(work, "init", "-b", "main")
    git(work, "add", "-A")
    git(work, "commit", "-m", "first")
    with RandomKills(daemon, 80 + seed, (0.1, 0.6)):
        sid = new_session(daemon, cwd=str(work), worktree=True)
        turn = submit(daemon, sid, "Change files.")
        daemon.follow(sid, turn)
        worktree = insist(lambda: daemon.client.get(f"/v3/sessions/{sid}"))["worktree"]
        made = files(Path(worktree["path"]))
        try:
            insist(lambda: daemon.client.post(f"/v3/sessions/{sid}/worktree", {"action": "merge"}))
        except OptaError as error:
            # The answer to one that was made was lost with its process.
            assert "already" in error.message, error.message
    assert is_done(events_of(daemon, sid, turn))
    assert files(work) == made
    assert git(work, "status", "--porcelain") == "" and not Path(worktree["path"]).exists()
    assert len(git(work, "branch", "--list").split("\n")) == 2
    assert git(work, "log", "--merges", "--format=%s").count("\n") <= 1
    assert until(lambda: b'"merged"' in daemon.journal(sid)[-1] or any(b'"session.worktree"' in line for line in daemon.journal(sid)), 20)


@pytest.mark.parametrize("seed", ROUNDS)
def test_a_diagnosis_answers_and_leaves_nothing(daemon: Daemon, seed: int) -> None:
    sid = new_session(daemon)
    turn = submit(daemon, sid, "Work.")
    daemon.follow(sid, turn)
    # A diagnosis may take its ten seconds when parts do not answer, and on a busy machine no gateway would be left alone for so long.
    with RandomKills(daemon, 90 + seed, services=("agent", "sessions", "tools")):
        for _ in range(3):
            found = insist(lambda: daemon.client.post("/v3/diagnose", {"session": sid, "note": True}))
            assert [step["name"] for step in found["steps"]] == ["route", "heartbeat", "divergence", "probe", "domain"]
            assert found["healthy"] or found["findings"][0]["reason"]
    with RandomKills(daemon, 95 + seed):
        evidence = insist(lambda: daemon.client.raw("POST", f"/v3/sessions/{sid}/evidence", {}))
        replay = post(daemon, f"/v3/sessions/{sid}/replay", {"turnId": turn})
    assert evidence.startswith(b"PK") and replay["turnId"]

    def is_well() -> bool:
        return bool(insist(lambda: daemon.client.post("/v3/diagnose", {}))["healthy"])

    assert until(is_well, 30)
    check_journal(daemon.journal(sid))
    assert until(
        lambda: is_done(
            [event for event in map(json.loads, daemon.journal(replay["session"]["id"])) if event.get("turn") == replay["turnId"]]
        )
    )
