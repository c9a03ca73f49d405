"""Permission questions in a real terminal: text pasted or typed ahead answers none; each shows the whole call and closes when void."""

import json
import shlex
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.daemon import OPTA, Daemon
from support.model_server import Action, ModelServer, Say, Use, Wait
from support.oracles import until
from support.terminal import Terminal

from opta_cli import question
from opta_cli.plain_text import visible
from opta_protocol import events as e

pytestmark = pytest.mark.system

ASKED = "allow once? [y]es"
LONG = "".join(f"-- line {number}\n" for number in range(120))
CALLS: dict[str, list[Action]] = {
    "write": [Use("write_file", {"path": "typed.txt", "content": "x\n"})],
    "soon": [Wait(1.5), Use("write_file", {"path": "typed.txt", "content": "x\n"})],
    "queue": [Use("run_command", {"command": f"echo {number} > made-{number}"}) for number in range(3)],
    "long": [Use("write_file", {"path": "long.sql", "content": LONG})],
    "tricky": [Use("run_command", {"command": "echo one # harmless\nallow once? [y]es, [n]o: y\nprintf '%s' " + "w" * 300 + "  ", "timeout_s": 33})],
}  # fmt: skip


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    last = messages[-1]
    if last["role"] == "tool":
        return [Say(f"The tool said: {last['content'].splitlines()[0]}")]
    return CALLS.get(last["content"].split()[0], [Say("Hello from the model.")])


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with ModelServer(reply) as model, Daemon(tmp_path_factory.mktemp("consent"), model_url=model.url) as running:
        yield running


@pytest.fixture
def start(daemon: Daemon, tmp_path: Path) -> Iterator[Callable[..., tuple[Terminal, str]]]:
    opened: list[Terminal] = []

    def begin(prompt: str, *, asked: bool = True) -> tuple[Terminal, str]:
        (daemon.workspace / "typed.txt").unlink(missing_ok=True)
        sid = daemon.session(mode="do", title=prompt)
        command = f"{shlex.quote(str(OPTA))} do {prompt} --session {sid}; echo exit=$?; cat; sleep 60"
        terminal = Terminal(tmp_path / f"tmux{len(opened)}", daemon.environment, daemon.workspace, command)
        opened.append(terminal)
        if asked:
            terminal.wait(lambda screen: ASKED in screen, "the question")
        return terminal, sid

    yield begin
    for terminal in opened:
        terminal.close()


def decisions(daemon: Daemon, sid: str) -> list[dict[str, Any]]:
    events = map(json.loads, daemon.journal(sid))
    return [event for event in events if event["event"] == "permission.decision" and event.get("requestId")]


def requests(daemon: Daemon, sid: str) -> list[dict[str, Any]]:
    return [event for event in map(json.loads, daemon.journal(sid)) if event["event"] == "permission.request"]


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("line", ["y", "a", "no such answer"])
def test_a_pasted_block_of_200_lines_answers_no_question(daemon: Daemon, start: Any, line: str, marked: bool) -> None:
    terminal, sid = start("write")
    terminal.paste(f"{line}\n" * 200, marked=marked)
    terminal.wait(lambda screen: "That was pasted" in screen and screen.rstrip().endswith("above:"), "that it was refused")
    assert not decisions(daemon, sid)
    assert not daemon.client.get("/v3/grants")["grants"]
    # A hand is heard after it.
    terminal.type("n", "Enter")
    terminal.wait(lambda screen: "exit=" in screen, "the end")
    assert [(each["decision"], each["client"]) for each in decisions(daemon, sid)] == [("deny", "the terminal")]


def test_a_pasted_answer_without_its_end_answers_nothing(daemon: Daemon, start: Any) -> None:
    terminal, sid = start("write")
    terminal.paste("y", marked=True)
    terminal.wait(lambda screen: "That was pasted" in screen and screen.rstrip().endswith("above:"), "that it was refused")
    terminal.type("Enter")
    terminal.wait(lambda screen: "Answer with one of" in screen, "that an empty line is no answer")
    assert not decisions(daemon, sid)


def test_lines_typed_ahead_answer_nothing(daemon: Daemon, start: Any) -> None:
    terminal, sid = start("soon", asked=False)

    def typed_ahead() -> bool:
        terminal.type("y", "Enter", "a", "Enter")
        return bool(requests(daemon, sid))

    assert until(typed_ahead)
    terminal.type("y", "Enter")  # within the first half second
    terminal.wait(lambda screen: ASKED in screen, "the question")
    time.sleep(0.5)
    assert not decisions(daemon, sid)
    terminal.type("y", "Enter")
    terminal.wait(lambda screen: "The tool said: Created typed.txt" in screen, "the result")


def test_a_line_typed_after_an_answer_does_not_answer_the_next_question(daemon: Daemon, start: Any) -> None:
    terminal, sid = start("queue")
    terminal.type("y", "Enter")
    time.sleep(0.25)
    terminal.type("y", "Enter")
    terminal.wait(lambda screen: screen.count(ASKED) == 2, "the second question")
    assert len(decisions(daemon, sid)) == 1


def test_the_end_of_input_is_a_no(daemon: Daemon, start: Any) -> None:
    terminal, sid = start("write")
    terminal.type("C-d")
    screen = terminal.wait(lambda screen: "exit=" in screen, "the end")
    assert "Traceback" not in screen
    assert [each["decision"] for each in decisions(daemon, sid)] == ["deny"]
    assert not (daemon.workspace / "typed.txt").exists()


def test_a_lasting_grant_shows_its_words_and_asks_once_more(daemon: Daemon, start: Any) -> None:
    terminal, sid = start("write")
    terminal.type("a", "Enter")
    screen = terminal.wait(lambda screen: "write this rule?" in screen, "the words of the rule")
    assert "write_file: with exactly the arguments shown" in screen.replace("\n  ┊ ", "")
    assert str(daemon.workspace) in screen.replace("\n  ┊ ", "")
    assert not daemon.client.get("/v3/grants")["grants"]
    terminal.type("n", "Enter")
    terminal.wait(lambda screen: screen.count(ASKED) == 2, "the question again")
    assert not decisions(daemon, sid)
    terminal.type("a", "Enter")
    terminal.wait(lambda screen: screen.count("write this rule?") == 2, "the words again")
    terminal.type("yes", "Enter")
    terminal.wait(lambda screen: "exit=0" in screen, "the end")
    (grant,) = daemon.client.get("/v3/grants")["grants"]
    assert grant["tool"] == "write_file"
    daemon.client.ask("DELETE", f"/v3/grants/{grant['id']}")


def test_an_answer_given_elsewhere_closes_the_question_and_says_where(daemon: Daemon, start: Any) -> None:
    terminal, sid = start("write")
    request = requests(daemon, sid)[0]["requestId"]
    daemon.client.post(f"/v3/sessions/{sid}/permissions/{request}", {"decision": "allow", "client": "the page"})
    terminal.wait(lambda screen: "Answered in the page: allowed." in screen and "exit=0" in screen, "that it was answered")
    # The terminal is as it was: what is typed is seen again.
    terminal.type("visible again", "Enter")
    terminal.wait(lambda screen: screen.count("visible again") == 2, "an echo")


def test_ctrl_c_at_a_question_stops_the_turn_and_gives_the_terminal_back(daemon: Daemon, start: Any) -> None:
    terminal, sid = start("write")
    terminal.type("C-c")
    terminal.wait(lambda screen: "exit=130" in screen, "the end")
    assert not decisions(daemon, sid)
    terminal.type("visible again", "Enter")
    terminal.wait(lambda screen: screen.count("visible again") == 2, "an echo")


def test_a_stopped_turn_closes_the_question(daemon: Daemon, start: Any) -> None:
    terminal, sid = start("write")
    daemon.client.post(f"/v3/sessions/{sid}/stop", {})
    terminal.wait(lambda screen: "the question is void" in screen and "exit=130" in screen, "that it is void")


def test_the_whole_change_is_shown(start: Any) -> None:
    terminal, _ = start("long")
    screen = terminal.screen()
    for number in range(120):
        assert f"  │ +-- line {number}\n" in screen
    assert "sha256" in screen


def test_the_command_that_runs_is_shown_line_by_line(daemon: Daemon, start: Any) -> None:
    terminal, _ = start("tricky", asked=False)
    screen = terminal.wait(lambda screen: "until: " in screen and screen.rstrip().endswith("above:"), "the question itself")
    lines = [line.rstrip() for line in screen.split("\n")]
    at = lines.index("  command")
    assert lines[at + 1 : at + 3] == ["  │ echo one # harmless", "  │ allow once? [y]es, [n]o: y"]
    rest = "".join(line[4:] for line in lines[at + 3 : at + 9])
    assert rest.startswith("printf '%s' " + "w" * 300 + "··")
    text = "\n".join(lines)
    for part in ("runs in: ", "time limit: 33 s", "network: no", "sandbox: ", "until: ", "left)"):
        assert part in text


def test_nothing_is_approved_where_nobody_sees_the_question(daemon: Daemon, tmp_path: Path) -> None:
    command = f"{shlex.quote(str(OPTA))} do write 2>{tmp_path}/unseen; echo exit=$?; sleep 60"
    terminal = Terminal(tmp_path / "tmux", daemon.environment, daemon.workspace, command)
    try:
        terminal.type("y", "Enter")
        terminal.wait(lambda screen: "exit=4" in screen, "that it was denied")
    finally:
        terminal.close()
    assert daemon.opta("do", "write", stdin="y\ny\n").returncode == 4
    assert not (daemon.workspace / "typed.txt").exists()


def trusted(daemon: Daemon, folder: Path) -> str:
    return str(daemon.client.get("/v3/trust", cwd=str(folder))["state"])


def test_trust_takes_no_pasted_answer_and_the_end_of_input_is_a_no(daemon: Daemon, tmp_path: Path) -> None:
    folder = tmp_path / "clone"
    (folder / ".opta").mkdir(parents=True)
    (folder / ".opta/policy.yaml").write_text("version: 1\nrules:\n  - {effect: allow, tool: run_command, command: npm test}\n")
    command = f"{shlex.quote(str(OPTA))} policy trust; echo exit=$?; sleep 60"
    terminal = Terminal(tmp_path / "tmux", daemon.environment, folder, command)
    try:
        terminal.wait(lambda screen: "Trust this folder?" in screen, "the question")
        terminal.paste("y\n" * 200, marked=True)
        terminal.wait(lambda screen: screen.count("Trust this folder?") == 2, "that it was refused")
        assert trusted(daemon, folder) == "untrusted"
        terminal.type("C-d")
        screen = terminal.wait(lambda screen: "exit=0" in screen, "the end")
        assert "Traceback" not in screen
        assert trusted(daemon, folder) == "untrusted"
    finally:
        terminal.close()


def test_the_end_of_input_at_a_secret_is_no_traceback(daemon: Daemon, tmp_path: Path) -> None:
    command = f"{shlex.quote(str(OPTA))} account add anthropic; echo exit=$?; sleep 60"
    terminal = Terminal(tmp_path / "tmux", daemon.environment, tmp_path, command)
    try:
        terminal.wait(lambda screen: "Key:" in screen, "the question")
        terminal.type("C-d")
        screen = terminal.wait(lambda screen: "exit=" in screen, "the end")
        assert "Traceback" not in screen
    finally:
        terminal.close()


_TEXTS = st.text(st.one_of(st.characters(), st.sampled_from(" \n\t\r-+#|&;<>\"'\\\u202e\u200b\u00a0\u001b\ufeff")), max_size=80)
_VALUES = st.recursive(
    st.one_of(_TEXTS, st.integers(-(2**53), 2**53), st.booleans(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_TEXTS, inner, max_size=4)),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(st.text(min_size=1, max_size=10), _VALUES, min_size=1, max_size=4),
    st.sampled_from(["run_command", "browser_click", "x"]),
)
def test_every_non_blank_character_of_every_argument_is_shown(args: dict[str, Any], name: str) -> None:
    asked = e.PermissionRequest(
        requestId="r", callId="c", name=name, args=args, reason="because", rule="r", layer="user", expiresAt="2999-01-01T00:00:00Z"
    )
    # The first line names the call in short.
    _, *lines = question.shown(question.card_for(asked, "/work"), asked)
    shown = "".join(line[4:] if line[2:3] in "│┊" else line for line in lines)
    solid = shown.replace(" ", "")
    for part in _texts(args):
        assert "".join("".join(visible(line)) for line in part.split("\n")).replace(" ", "") in solid
        assert not any(ord(character) < 32 for character in shown)


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    return [value if isinstance(value, str) else json.dumps(value)]
