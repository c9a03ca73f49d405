"""Whole turns that use tools: a scripted model, the real daemon, real commands, edits, servers and a real browser."""

import http.server
import json
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.daemon import Daemon
from support.limits import limit_s
from support.model_server import Action, ModelServer, Say, Use
from support.oracles import until
from support.promises import check_journal
from support.reference_server import TARGET, everything

pytestmark = pytest.mark.system

FORM = '<title>Form</title><form action="/thanks"><label>Name <input name=name></label><label>Colour <select name=c><option>red<option>blue</select></label><button>Send</button></form>'


class Script:
    """What the model does next: one action a step, set by each test."""

    def __init__(self) -> None:
        self.actions: list[Action] = []
        self.seen: list[list[dict[str, Any]]] = []
        self.model: ModelServer | None = None

    def __call__(self, messages: list[dict[str, Any]]) -> list[Action]:
        self.seen.append(messages)
        return [self.actions.pop(0)] if self.actions else [Say("done")]


@pytest.fixture(scope="module")
def script() -> Script:
    return Script()


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, script: Script) -> Iterator[Daemon]:
    command = everything()
    servers = f'[sandbox]\nread = ["{TARGET}"]\n[mcp]\npeekaboo = true\nbrowser-local = true\n[mcp.servers.everything]\ncommand = "{command[0]}"\nargs = ["{command[1]}"]\n'
    folder = tmp_path_factory.mktemp("tools")
    with ModelServer(script) as model:
        script.model = model
        running = Daemon(folder, model_url=model.url, config=servers)
        # Git refuses to commit without a name and an address.
        running.environment["HOME"] = str(folder)
        (folder / ".gitconfig").write_text("[user]\n\tname = Ada\n\temail = ada@example.test\n")
        with running:
            running.start_servers()
            yield running


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    class Site(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = FORM if self.path == "/" else f"<h1>Thank you</h1><p>{self.path}</p>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


def play(daemon: Daemon, script: Script, sid: str, *actions: Action, answer: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """One turn; questions get `answer`. Its events, every promise checked."""
    script.actions = list(actions)
    turn = daemon.submit(sid, "go")
    for line in daemon.client.events(sid, 0):
        event = json.loads(line)
        if event["event"] == "permission.request" and event["turn"] == turn and answer is not None:
            daemon.client.post(f"/v3/sessions/{sid}/permissions/{event['requestId']}", answer)
        if event.get("turn") == turn and event["event"] in ("turn.done", "turn.error", "session.cancelled"):
            break
    return [event for event in check_journal(daemon.journal(sid)) if event.get("turn") == turn]


def results(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] == "tool.result"]


def test_a_page_is_filled_sent_and_read_in_one_turn(daemon: Daemon, script: Script, site: str) -> None:
    sid = daemon.session(mode="do", policy="unrestricted")
    fields = [{"selector": "input[name=name]", "value": "Ada"}, {"selector": "select", "value": "blue"}]
    events = play(
        daemon, script, sid,
        Use("browser_navigate", {"url": site}), Use("browser_fill_form", {"fields": fields}), Use("browser_click", {"selector": "text=Send"}),
        Use("browser_screenshot", {}), Say("It says thank you."),
    )  # fmt: skip
    outcomes = results(events)
    assert [result.get("ok") for result in outcomes] == [True] * 4, outcomes
    assert "Thank you" in outcomes[2]["content"]
    assert "name=Ada" in outcomes[2]["content"]
    name = outcomes[3]["content"].split()[1]
    picture = daemon.home / "browser-snapshots" / name
    assert (picture.read_bytes()[:4], picture.stat().st_mode & 0o777) == (b"\x89PNG", 0o600)
    assert events[-1]["event"] == "turn.done"
    again = results(play(daemon, script, sid, Use("browser_snapshot", {})))
    assert "no page is open" in again[0]["content"]


def test_opening_a_page_asks_and_its_origin_can_be_granted(daemon: Daemon, script: Script, site: str) -> None:
    sid = daemon.session(mode="do")
    events = play(daemon, script, sid, Use("browser_navigate", {"url": site}), answer={"decision": "session", "offer": "session"})
    (asked,) = [event for event in events if event["event"] == "permission.request"]
    assert asked["scope"] == f"origin {site.rstrip('/')}"
    events = play(daemon, script, sid, Use("browser_navigate", {"url": f"{site}other"}))
    assert not [event for event in events if event["event"] == "permission.request"]
    assert "/other" in results(events)[0]["content"]


def test_the_reference_server_works_in_a_turn_with_progress(daemon: Daemon, script: Script) -> None:
    sid = daemon.session(mode="do", policy="unrestricted")
    events = play(
        daemon, script, sid,
        Use("mcp__everything__echo", {"message": "hi"}), Use("mcp__everything__trigger-long-running-operation", {"duration": 1, "steps": 2}),
        Use("mcp__everything__read_resource", {"uri": "demo://resource/static/document/features.md"}),
    )  # fmt: skip
    outcomes = results(events)
    assert [result["ok"] for result in outcomes] == [True] * 3, outcomes
    assert outcomes[0]["content"] == "Echo: hi"
    assert "".join(event["delta"] for event in events if event["event"] == "tool.output").startswith("1/2")


def test_a_server_that_is_asked_for_always_is_granted_by_its_description(daemon: Daemon, script: Script) -> None:
    sid = daemon.session(mode="do")
    events = play(daemon, script, sid, Use("mcp__everything__echo", {"message": "a"}), answer={"decision": "always", "offer": "always"})
    assert results(events)[0]["ok"]
    events = play(daemon, script, sid, Use("mcp__everything__echo", {"message": "b"}))
    (decided,) = [event for event in events if event["event"] == "permission.decision"]
    assert decided["rule"].startswith("always allowed: mcp__everything__echo")
    (grant,) = daemon.client.get("/v3/grants")["grants"]
    assert daemon.opta("policy", "revoke", grant["id"]).returncode == 0
    assert daemon.client.get("/v3/grants")["grants"] == []


def test_a_write_shows_its_diff_and_is_void_when_the_file_changes(daemon: Daemon, script: Script) -> None:
    file = daemon.workspace / "a.txt"
    file.write_text("one\n")
    sid = daemon.session(mode="do")
    script.actions = [Use("read_file", {"path": "a.txt"}), Use("write_file", {"path": "a.txt", "content": "two\n"})]
    turn = daemon.submit(sid, "go")
    for line in daemon.client.events(sid, 0):
        event = json.loads(line)
        if event["event"] == "permission.request":
            assert "-one\n+two" in event["diff"]
            file.write_text("changed by a person\n")
            daemon.client.post(f"/v3/sessions/{sid}/permissions/{event['requestId']}", {"decision": "allow"})
        if event.get("turn") == turn and event["event"] == "turn.done":
            break
    _, result = [json.loads(line) for line in daemon.journal(sid) if b'"tool.result"' in line]
    assert (result.get("ok", False), result["code"]) == (False, "changed")
    assert file.read_text() == "changed by a person\n"


def test_a_turn_is_undone_and_the_model_hears_of_it(daemon: Daemon, script: Script) -> None:
    kept, new = daemon.workspace / "kept.txt", daemon.workspace / "sub/new.txt"
    kept.write_text("before\n")
    sid = daemon.session(mode="do", policy="unrestricted")
    play(
        daemon, script, sid,
        Use("read_file", {"path": "kept.txt"}), Use("write_file", {"path": "kept.txt", "content": "after\n"}),
        Use("edit_file", {"path": "kept.txt", "old": "after", "new": "after all"}), Use("write_file", {"path": "sub/new.txt", "content": "x"}),
    )  # fmt: skip
    assert (kept.read_text(), new.exists()) == ("after all\n", True)
    kept.write_text("a person was here\n")
    refused = daemon.opta("sessions", "undo", sid)
    assert refused.returncode == 1
    assert "kept.txt was changed since" in refused.stderr
    assert new.exists()
    kept.write_text("after all\n")
    assert daemon.opta("sessions", "undo", sid).returncode == 0
    assert (kept.read_text(), new.exists()) == ("before\n", False)
    assert daemon.opta("sessions", "undo", sid).returncode == 1
    play(daemon, script, sid)
    assert "The user undid what turn t1 changed in kept.txt, sub, sub/new.txt." in script.seen[-1][-1]["content"]


def test_a_background_command_is_started_polled_and_stopped(daemon: Daemon, script: Script) -> None:
    sid = daemon.session(mode="do", policy="unrestricted")
    serve = "i=0; while true; do i=$((i+1)); echo tick $i; sleep 0.05; done"
    events = play(
        daemon, script, sid,
        Use("run_command", {"command": serve, "background": True}), Use("command_output", {"id": "bg1", "wait_s": 0.2}), Use("command_stop", {"id": "bg1"}),
        Use("command_output", {"id": "bg1"}), Use("command_output", {}),
    )  # fmt: skip
    contents = [result["content"] for result in results(events)]
    assert contents[0].startswith("bg1 runs in the background.")
    assert "tick 1" in contents[0]
    assert "bg1 has been running for" in contents[1]
    assert "tick" in contents[1]
    assert contents[2].startswith("bg1 is stopped")
    assert "was stopped" in contents[3]
    assert len(contents) == 5


@pytest.mark.parametrize("to", ["trash", "archive"])
def test_a_background_command_ends_with_its_session(daemon: Daemon, script: Script, to: str) -> None:
    sid = daemon.session(mode="do", policy="unrestricted")
    play(
        daemon,
        script,
        sid,
        Use("run_command", {"command": f"while true; do date +%s.%N > beat-{to}; sleep 0.05; done", "background": True}),
    )
    beat = daemon.workspace / f"beat-{to}"
    assert until(beat.exists)
    daemon.client.raw("DELETE", f"/v3/sessions/{sid}?to={to}")

    last, changed_at = b"", 0.0

    def is_silent() -> bool:
        nonlocal last, changed_at
        if (now := beat.read_bytes()) != last:
            last, changed_at = now, time.monotonic()
        return time.monotonic() - changed_at > 0.5

    assert until(is_silent)


def test_a_day_of_ordinary_work_asks_at_most_three_times(daemon: Daemon, script: Script, tmp_path: Path) -> None:
    sid = daemon.session(mode="do", cwd=str(tmp_path))
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "origin")], check=True)
    answers = {"write": {"decision": "session", "offer": "session"}, "contained": {"decision": "session", "offer": "session-network"}}
    asked: list[str] = []
    commands = [
        "git clone -q ./origin mine", "ls -la mine", "cd mine && git status", "cd mine && python3 -m pytest --version", "cd mine && git add -A",
        "cd mine && git commit -m 'A test'", "cd mine && git log --oneline", "pip install --help", "npm --version",
    ]  # fmt: skip
    work: list[Action] = [Use("run_command", {"command": command}) for command in commands]
    edits = [
        Use("write_file", {"path": "mine/a.py", "content": "def test_a():\n    assert 1\n"}),
        Use("edit_file", {"path": "mine/a.py", "old": "assert 1", "new": "assert True"}), Use("grep", {"pattern": "assert"}), Use("read_file", {"path": "mine/a.py"}),
    ]  # fmt: skip
    script.actions = [work[0], *edits, *work[1:]]
    turn = daemon.submit(sid, "a day")
    for line in daemon.client.events(sid, 0):
        event = json.loads(line)
        if event["event"] == "permission.request":
            asked.append(event["scope"])
            daemon.client.post(f"/v3/sessions/{sid}/permissions/{event['requestId']}", answers[event["scope"]])
        if event.get("turn") == turn and event["event"] == "turn.done":
            break
    assert sorted(asked) == ["contained", "write"]
    outcomes = results([json.loads(line) for line in daemon.journal(sid)])
    assert len(outcomes) == len(commands) + len(edits)
    assert "A test" in outcomes[-3]["content"]


def offered(daemon: Daemon, script: Script) -> set[str]:
    """The tools that a new turn offers to the model."""
    play(daemon, script, daemon.session(mode="do"))
    assert script.model is not None
    return {tool["function"]["name"] for tool in script.model.requests[-1].body["tools"]}


def test_the_browser_is_there_with_one_setting_and_gone_with_another(daemon: Daemon, script: Script) -> None:
    assert {"read_file", "multi_edit", "browser_navigate", "mcp__everything__echo"} <= offered(daemon, script)
    assert daemon.opta("config", "set", "mcp.peekaboo", "false").returncode == 0
    assert "browser_navigate" not in offered(daemon, script)
    assert daemon.opta("config", "set", "mcp.peekaboo", "true").returncode == 0
    assert "browser_navigate" in offered(daemon, script)


def test_a_long_output_and_a_screenshot_are_artifacts_of_their_session(daemon: Daemon, script: Script, site: str) -> None:
    sid = daemon.session(mode="do", policy="unrestricted")
    events = play(
        daemon,
        script,
        sid,
        Use("run_command", {"command": "seq 1 20000"}),
        Use("browser_navigate", {"url": site}),
        Use("browser_screenshot", {}),
    )
    long, _, picture = results(events)
    assert (long["truncated"], len(long["content"]) < 20_000) == (True, True)
    other = daemon.session(mode="do")
    for name, begin in ((long["spill"], b"1\n2\n"), (picture["content"].split()[1], b"\x89PNG")):
        got = get(daemon, f"/v3/sessions/{sid}/artifacts/{name}")
        assert (got[0], got[1][: len(begin)]) == (200, begin)
        assert get(daemon, f"/v3/sessions/{other}/artifacts/{name}")[0] == 404
    for name in ("..%2f..%2ftoken", "token", "c1.txt", "x.png"):
        assert get(daemon, f"/v3/sessions/{sid}/artifacts/{name}")[0] == 404


def get(daemon: Daemon, path: str) -> tuple[int, bytes]:
    request = urllib.request.Request(f"http://127.0.0.1:{daemon.port}{path}", headers={"Authorization": f"Bearer {daemon.token}"})
    try:
        with urllib.request.urlopen(request, timeout=limit_s(10)) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, b""


def test_cancelling_kills_a_command_within_a_second(daemon: Daemon, script: Script) -> None:
    sid = daemon.session(mode="do", policy="unrestricted")
    script.actions = [Use("run_command", {"command": "(trap '' TERM; sleep 60) & trap '' TERM; sleep 60"})]
    turn = daemon.submit(sid, "go")
    for line in daemon.client.events(sid, 0):
        if b'"tool.start"' in line:
            break
    started = time.monotonic()
    daemon.client.post(f"/v3/sessions/{sid}/stop", {})
    assert daemon.follow(sid, turn)[-1]["event"] == "session.cancelled"
    assert time.monotonic() - started < limit_s(1.5)
