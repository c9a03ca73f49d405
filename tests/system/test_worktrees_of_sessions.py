"""Sessions in git worktrees, with real processes: from a task on the command line to the merge, and across kills."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.daemon import Daemon
from support.git import file, git
from support.model_server import Action, ModelServer, Say, Use
from support.oracles import until

from opta_core.errors import OptaError
from opta_protocol.error_info import ErrorCode

pytestmark = pytest.mark.system


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    """Writes a file, looks with git at it, and commits it where it is asked to."""
    said = sum(message["role"] == "assistant" for message in messages)
    wants_commit = any("commit" in str(message["content"]) for message in messages if message["role"] == "user")
    steps: list[Action] = [
        Use("write_file", {"path": "made.txt", "content": "made by a session\n"}),
        Use("run_command", {"command": "git add -A && git commit -q -m made && git status --short && git branch --show-current"})
        if wants_commit
        else Use("run_command", {"command": "git status --short; git branch --show-current; echo 2 > two.txt"}),
    ]
    return [steps[said]] if said < len(steps) else [Say("Done.")]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with ModelServer(reply) as model, Daemon(tmp_path_factory.mktemp("worktrees"), model_url=model.url) as daemon:
        git(daemon.workspace, "init", "-b", "main")
        file(daemon.workspace / "a.txt", "one\n")
        git(daemon.workspace, "add", "-A")
        git(daemon.workspace, "commit", "-m", "first")
        yield daemon


def newest(daemon: Daemon) -> dict[str, Any]:
    return daemon.client.get("/v3/sessions", limit=1)["sessions"][0]


def worktree(daemon: Daemon, sid: str, action: str, **more: Any) -> dict[str, Any]:
    return daemon.client.post(f"/v3/sessions/{sid}/worktree", {"action": action, **more})


def refused(work: Any) -> OptaError:
    with pytest.raises(OptaError) as caught:
        work()
    return caught.value


def states(daemon: Daemon, sid: str) -> list[str]:
    events = daemon.client.get(f"/v3/sessions/{sid}/events", limit=5000)["events"]
    return [event["state"] for event in events if event["event"] == "session.worktree"]


def test_a_task_works_beside_the_repository_and_is_merged(daemon: Daemon) -> None:
    file(daemon.workspace / "unsaved.txt", "of a person\n")
    done = daemon.opta("do", "--worktree", "--level", "L3", "Make a file")
    session = newest(daemon)
    path = Path(session["worktree"]["path"])
    assert done.returncode == 0, done.stderr
    assert path.parent == Path(f"{daemon.workspace}.worktrees") and path.name.startswith("make-a-file-") and session["cwd"] == str(path)
    assert f"Worktree {path}" in done.stderr and "unsaved.txt" in done.stderr
    assert f"opta sessions worktree s-{session['id']} merge" in done.stderr
    assert (path / "made.txt").exists() and (path / "two.txt").read_text() == "2\n" and not (daemon.workspace / "made.txt").exists()
    calls = daemon.client.get(f"/v3/sessions/{session['id']}/tools")["tools"]
    assert session["worktree"]["branch"] in calls[1]["content"] and "made.txt" in calls[1]["content"]
    shown = daemon.opta("sessions", "worktree", session["id"])
    assert "made.txt" in shown.stdout and "not committed" in shown.stdout
    assert refused(lambda: daemon.client.ask("DELETE", f"/v3/sessions/{session['id']}")).code == ErrorCode.conflict
    merged = daemon.opta("sessions", "worktree", session["id"], "merge")
    assert merged.returncode == 0 and "merged into main: 2 files" in merged.stdout, merged.stderr
    assert (daemon.workspace / "made.txt").read_text() == "made by a session\n" and not path.exists()
    assert git(daemon.workspace, "status", "--porcelain") == "?? unsaved.txt\n"
    assert states(daemon, session["id"]) == ["merged"] and newest(daemon)["worktree"]["state"] == "merged"
    error = refused(lambda: daemon.client.post(f"/v3/sessions/{session['id']}/turns", {"text": "more"}))
    assert error.code == ErrorCode.conflict and "merged" in error.message
    assert "merged already" in daemon.opta("sessions", "worktree", session["id"], "drop").stderr
    daemon.client.ask("DELETE", f"/v3/sessions/{session['id']}")
    (daemon.workspace / "unsaved.txt").unlink()
    git(daemon.workspace, "reset", "--hard", "HEAD~1")


def test_git_in_the_sandbox_commits_in_the_worktree(daemon: Daemon) -> None:
    done = daemon.opta("do", "--worktree", "--level", "L3", "Make and commit it")
    session = newest(daemon)
    path = Path(session["worktree"]["path"])
    assert done.returncode == 0, done.stderr
    assert git(path, "log", "-1", "--format=%s").strip() == "made" and git(path, "status", "--porcelain") == ""
    # Nothing of the sandbox is left in the repository.
    assert git(daemon.workspace, "status", "--porcelain") == "" and git(daemon.workspace, "fsck", "--no-dangling", "--no-progress") == ""
    error = refused(lambda: worktree(daemon, session["id"], "drop"))
    assert error.code == ErrorCode.conflict and error.details["needsForce"] and "1 commit" in error.message
    assert "--force" in daemon.opta("sessions", "worktree", session["id"], "drop").stderr and path.exists()
    kept = daemon.opta("sessions", "worktree", session["id"], "keep")
    assert kept.returncode == 0 and "stays" in kept.stdout
    # A kept worktree outlives its session.
    daemon.client.ask("DELETE", f"/v3/sessions/{session['id']}")
    assert (path / "made.txt").exists()


def test_a_fork_works_in_the_same_worktree_and_ends_with_it(daemon: Daemon) -> None:
    daemon.opta("do", "--worktree", "--level", "L3", "Make a file")
    session = newest(daemon)
    fork = daemon.client.post(f"/v3/sessions/{session['id']}/fork", {})["session"]
    assert fork["worktree"] == session["worktree"] and fork["cwd"] == session["cwd"]
    # One of the two may go; the worktree stays for the other one.
    daemon.client.ask("DELETE", f"/v3/sessions/{fork['id']}")
    other = daemon.client.post(f"/v3/sessions/{session['id']}/fork", {})["session"]
    worktree(daemon, session["id"], "drop", force=True)
    assert states(daemon, other["id"]) == states(daemon, session["id"]) == ["dropped"]
    late = daemon.client.post(f"/v3/sessions/{session['id']}/fork", {"turnId": "t1"})["session"]
    assert late["worktree"]["state"] == "dropped"


def test_a_session_without_work_takes_its_worktree_along(daemon: Daemon) -> None:
    body = {"cwd": str(daemon.workspace), "mode": "do", "worktree": True, "title": "Nothing yet"}
    session = daemon.client.post("/v3/sessions", body)
    path = Path(session["worktree"]["path"])
    assert path.name.startswith("nothing-yet-") and daemon.client.get(f"/v3/sessions/{session['id']}/worktree")["files"] == []
    daemon.client.ask("DELETE", f"/v3/sessions/{session['id']}")
    assert not path.exists() and session["worktree"]["branch"] not in git(daemon.workspace, "branch", "--list")


def test_what_is_no_repository_makes_no_session(daemon: Daemon, tmp_path: Path) -> None:
    before = {session["id"] for session in daemon.client.get("/v3/sessions", limit=50)["sessions"]}
    done = daemon.opta("do", "--worktree", "Make a file", cwd=tmp_path)
    assert done.returncode != 0 and "not in a git repository" in done.stderr
    assert "cwd" in refused(lambda: daemon.client.post("/v3/sessions", {"worktree": True})).message
    assert daemon.opta("do", "--carry", "x").returncode == 2
    assert daemon.opta("do", "--worktree", "--session", "abc", "x").returncode == 2
    assert {session["id"] for session in daemon.client.get("/v3/sessions", limit=50)["sessions"]} <= before
    plain = daemon.client.post("/v3/sessions", {"cwd": str(tmp_path)})
    assert "not in a worktree" in refused(lambda: daemon.client.get(f"/v3/sessions/{plain['id']}/worktree")).message


def test_trust_of_the_repository_holds_in_its_worktree(daemon: Daemon) -> None:
    file(daemon.workspace / ".opta/policy.yaml", "rules:\n  - allow: run\n    command: make *\n")
    git(daemon.workspace, "add", "-A")
    git(daemon.workspace, "commit", "-m", "policy")
    session = daemon.client.post("/v3/sessions", {"cwd": str(daemon.workspace), "worktree": True})
    cwd = session["cwd"]
    assert not session["trusted"] and daemon.client.get("/v3/trust", cwd=cwd)["state"] == "untrusted"
    shown = daemon.client.get("/v3/trust", cwd=str(daemon.workspace))
    daemon.client.post("/v3/trust", {"cwd": str(daemon.workspace), "sha256": shown["sha256"]})
    assert daemon.client.get("/v3/trust", cwd=cwd)["state"] == "trusted"
    assert daemon.client.get("/v3/policy", cwd=cwd)["trust"] == "trusted"
    file(Path(cwd) / ".opta/policy.yaml", "rules:\n  - allow: run\n    command: rm *\n")
    assert daemon.client.get("/v3/trust", cwd=cwd)["state"] == "changed"
    git(Path(cwd), "checkout", ".opta")
    daemon.client.ask("DELETE", f"/v3/trust?cwd={daemon.workspace}")
    assert daemon.client.get("/v3/trust", cwd=cwd)["state"] == "untrusted"
    worktree(daemon, session["id"], "drop")


@pytest.mark.parametrize("service", ["tools", "gateway", "sessions"])
def test_a_merge_survives_the_kill_of_a_service(daemon: Daemon, service: str) -> None:
    session = daemon.client.post("/v3/sessions", {"cwd": str(daemon.workspace), "mode": "do", "worktree": True})
    path = Path(session["worktree"]["path"])
    name = f"by-{service}.txt"
    for number in range(200):
        file(path / f"{service}/{number}.txt", f"{number}\n")
    file(path / name, "new\n")

    def is_merged() -> bool:
        try:
            worktree(daemon, session["id"], "merge")
        except OptaError as error:
            # An interrupted merge may be finished before this request comes again.
            return "already" in error.message
        except OSError:
            return False
        return True

    asking = threading.Thread(target=is_merged)
    asking.start()
    records = daemon.home / "daemon/worktrees.json"
    assert until(lambda: "merging" in records.read_text() or not asking.is_alive(), 20)
    daemon.kill(service)
    asking.join()
    assert until(is_merged, 40)
    assert (daemon.workspace / name).exists() and (daemon.workspace / f"{service}/199.txt").exists()
    assert git(daemon.workspace, "status", "--porcelain") == "" and not path.exists()
    assert until(lambda: states(daemon, session["id"]) == ["merged"], 20)
