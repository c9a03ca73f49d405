"""The user's hooks in the real processes: what they may do, that they are contained, and that a killed process runs none twice unsaid."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.daemon import Daemon
from support.model_server import Action, ModelServer, Say, Use
from support.oracles import until

pytestmark = pytest.mark.system

CONFIG = r"""
[diagnostics]
commands = ["*.note: awk '/bad/{print FILENAME \":\" FNR \":1: bad word\"}' {path}"]
[[hooks]]
on = "before-tool"
command = ["guard"]
tools = ["run_command"]
timeout-s = 60
[[hooks]]
on = "after-tool"
name = "format"
command = ["tidy.sh", "{path}"]
tools = ["write_file"]
[[hooks]]
on = "turn-end"
command = ["ending"]
"""
# Each notes that it ran, in the only folder that it can write.
GUARD = r"""#!/bin/sh
read -r given
echo "guard" >> runs.txt
case $given in
*forbidden*) echo "Not on this machine." >&2; exit 2 ;;
*crash*) exit 3 ;;
*look*) cat "$HOME_OF_OPTA/daemon/token" "$0" > seen.txt 2>&1; echo x > "$0.new"; echo x > /etc/opta-test; exit 0 ;;
*wait*) while [ ! -e go ]; do sleep 0.05; done ;;
esac
"""
TIDY = r"""#!/bin/sh
case $1 in
*.note) sed -i -e '1i # head' -e 's/bad, which the hook corrects/good/' "$1" ;;
*) echo "# tidied" >> "$1" ;;
esac
echo "format" >> runs.txt
"""
ENDING = r"""#!/bin/sh
read -r given
case $given in
*unfinished*) [ -e proof.txt ] || { echo "Write proof.txt first." >&2; exit 2; } ;;
esac
"""


class Script:
    """What the model does, one action a step."""

    def __init__(self) -> None:
        self.actions: list[Action] = []
        self.seen: list[dict[str, Any]] = []

    def __call__(self, messages: list[dict[str, Any]]) -> list[Action]:
        self.seen = messages
        return [self.actions.pop(0)] if self.actions else [Say("done")]


@pytest.fixture(scope="module")
def script() -> Script:
    return Script()


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, script: Script) -> Iterator[Daemon]:
    with ModelServer(script) as model:
        made = Daemon(tmp_path_factory.mktemp("hooks"), model_url=model.url, config=CONFIG)
        folder = made.home / "hooks"
        folder.mkdir()
        for name, text in (("guard", GUARD.replace("$HOME_OF_OPTA", str(made.home))), ("tidy.sh", TIDY), ("ending", ENDING)):
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
        with made:
            yield made


def play(daemon: Daemon, script: Script, *actions: Action, text: str = "go") -> tuple[str, list[dict[str, Any]]]:
    """A turn in a new session in which everything that the sandbox holds is allowed; its id and its events."""
    (daemon.workspace / "runs.txt").write_text("")
    script.actions = list(actions)
    sid = session(daemon)
    return sid, daemon.follow(sid, daemon.submit(sid, text))


def session(daemon: Daemon) -> str:
    sid = daemon.session(mode="do")
    daemon.client.ask("PATCH", f"/v3/sessions/{sid}", {"level": "L3"})
    return sid


def of(events: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] == name]


def runs(daemon: Daemon) -> list[str]:
    return (daemon.workspace / "runs.txt").read_text().split()


def command(text: str) -> Use:
    return Use("run_command", {"command": text})


def test_a_refused_call_never_runs_and_everybody_reads_why(daemon: Daemon, script: Script) -> None:
    sid, events = play(daemon, script, command("touch forbidden.txt"), command("touch crash.txt"), command("touch fine.txt"))
    assert [(event["outcome"], event.get("reason", "")) for event in of(events, "hook.result") if event.get("callId")] == [
        ("refused", "Not on this machine."),
        ("failed", "it ended with exit code 3"),
        ("ok", ""),
    ]
    assert [event.get("code", "") for event in of(events, "tool.result")] == ["hook_refused", "hook_refused", ""]
    assert len(of(events, "tool.start")) == len(of(events, "permission.decision")) == 1
    assert [(daemon.workspace / f"{name}.txt").exists() for name in ("forbidden", "crash", "fine")] == [False, False, True]
    assert "Not on this machine." in str(script.seen) and {event["sandbox"] for event in of(events, "hook.result")} == {"full"}
    shown = daemon.opta("sessions", "export", f"s-{sid}", "--format", "markdown")
    assert "Not on this machine." in shown.stdout


def test_a_hook_is_contained_as_commands_are(daemon: Daemon, script: Script) -> None:
    play(daemon, script, command("echo look"))
    seen = (daemon.workspace / "seen.txt").read_text()
    assert daemon.token not in seen and "No such file" in seen and "#!/bin/sh" in seen
    assert not (daemon.home / "hooks/guard.new").exists() and not Path("/etc/opta-test").exists()


def test_what_a_formatter_made_of_a_file_is_read_and_undone_with_the_call(daemon: Daemon, script: Script) -> None:
    again = Use("write_file", {"path": "a.txt", "content": "two\n"})
    sid, events = play(daemon, script, Use("write_file", {"path": "a.txt", "content": "one\n"}), again)
    assert [event.get("code", "") for event in of(events, "tool.result")] == ["", ""]
    said = [event for event in of(events, "hook.result") if event.get("changes")]
    assert [event["outcome"] for event in said] == ["said", "said"] and "+# tidied" in said[0]["text"]
    assert "+# tidied" in str(script.seen)
    assert (daemon.workspace / "a.txt").read_text() == "two\n# tidied\n"
    daemon.client.post(f"/v3/sessions/{sid}/undo", {})
    assert not (daemon.workspace / "a.txt").exists()


def test_problems_of_an_edit_are_read_where_a_formatter_moved_them(daemon: Daemon, script: Script) -> None:
    again = Use("write_file", {"path": "b.note", "content": "bad, which the hook corrects\n"})
    sid, events = play(daemon, script, Use("write_file", {"path": "a.note", "content": "good\nbad\n"}), again)
    assert [event["content"].split("\n")[1:] for event in of(events, "tool.result")] == [
        ["Opta: new problems in a.note after this edit:", "2:1 bad word (awk)"],
        ["Opta: new problems in b.note after this edit:", "1:1 bad word (awk)"],
    ]
    moved, gone = [event["text"].split("\n") for event in of(events, "hook.result") if event.get("changes")]
    assert moved[-2:] == ["Opta: new problems in a.note after a hook of the user:", "3:1 bad word (awk)"]
    assert gone[-1] == "Opta: the new problems in b.note are gone after a hook of the user."
    assert "3:1 bad word (awk)" in str(script.seen) and gone[-1] in str(script.seen)
    daemon.client.post(f"/v3/sessions/{sid}/undo", {})


def test_the_end_of_a_turn_waits_for_what_a_hook_asks(daemon: Daemon, script: Script) -> None:
    _, events = play(
        daemon, script, Say("unfinished"), Use("write_file", {"path": "proof.txt", "content": "x\n"}), Say("unfinished, but proven")
    )
    (asked,) = [event for event in of(events, "hook.result") if event["outcome"] == "continued"]
    assert asked["text"].endswith("the hook ending of the user asks: Write proof.txt first.")
    assert of(events, "turn.done")[0]["steps"] == 3
    assert asked["text"] in str(script.seen)


@pytest.mark.parametrize("victim", ["agent", "tools", "sessions", "gateway"])
def test_a_process_is_killed_while_a_judge_thinks(daemon: Daemon, script: Script, victim: str) -> None:
    work = daemon.workspace
    for name in ("go", "done.txt"):
        (work / name).unlink(missing_ok=True)
    (work / "runs.txt").write_text("")
    script.actions = [command("echo wait >> done.txt")]
    sid = session(daemon)
    turn = daemon.submit(sid, "go")
    assert until(lambda: runs(daemon) == ["guard"])
    daemon.kill(victim)
    if victim == "tools":
        assert until(lambda: runs(daemon) == ["guard", "guard"])
    (work / "go").touch()
    events = daemon.follow(sid, turn)
    starts = [event for event in of(events, "hook.start") if event.get("callId")]
    results = [event["outcome"] for event in of(events, "hook.result") if event.get("callId")]
    # Every run that may have happened is an event of its own, and the call ran once, after a judgement.
    assert len(runs(daemon)) == len(starts)
    assert [event.get("attempt", 1) for event in starts] == ([1, 2] if victim == "tools" else [1])
    assert results == (["interrupted", "ok"] if victim == "tools" else ["ok"])
    assert (work / "done.txt").read_text() == "wait\n" and of(events, "turn.done")


def test_a_stopped_turn_ends_its_hook(daemon: Daemon, script: Script) -> None:
    (daemon.workspace / "go").unlink(missing_ok=True)
    (daemon.workspace / "runs.txt").write_text("")
    script.actions = [command("echo wait")]
    sid = session(daemon)
    turn = daemon.submit(sid, "go")
    assert until(lambda: runs(daemon) == ["guard"])
    daemon.client.post(f"/v3/sessions/{sid}/stop", {})
    events = daemon.follow(sid, turn)
    assert of(events, "session.cancelled") and not of(events, "tool.start")


def test_hooks_change_without_a_restart_and_a_project_adds_none(daemon: Daemon, script: Script) -> None:
    project = daemon.workspace / ".opta"
    project.mkdir()
    (project / "config.toml").write_text('[[hooks]]\non = "before-tool"\ncommand = ["sh", "-c", "touch owned"]\n')
    file = daemon.home / "config.toml"
    before = file.read_text()
    listed = daemon.opta("hooks", "list")
    assert listed.returncode == 0 and "guard" in listed.stdout and "before-tool" in listed.stdout
    file.write_text(before.replace('command = ["guard"]', 'command = ["no-such-program"]'))
    _, events = play(daemon, script, command("touch other.txt"))
    assert [(event["code"], event["outcome"]) for event in of(events, "hook.result") if event.get("callId")] == [("no_program", "failed")]
    assert "no-such-program" in of(events, "hook.result")[0]["reason"] and not (daemon.workspace / "owned").exists()
    assert "no-such-program" in daemon.opta("hooks", "list").stdout
    file.write_text(before)
