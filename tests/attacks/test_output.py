"""Text of models, tools, files and titles on a terminal: it is shown, and it moves, hides and disguises nothing."""

import json
import logging
import shlex
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.aftermath import stays_alive
from support.daemon import OPTA, Daemon
from support.model_server import Action, ModelServer, Say, Use
from support.terminal import Terminal

from opta_cli.plain_text import plain, plain_json, plain_line
from opta_core.logs import Log, set_up

pytestmark = pytest.mark.system

ATTACKS = {
    "clear": "\x1b[2J\x1b[1;1H\x1bc",
    "link": "\x1b]8;;http://evil.example\x1b\\bank\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;ZXZpbA==\x07\x1bPtmux;\x1b\x1b]52;c;ZXZpbA==\x07\x1b\\",
    "title": "\x1b]0;evil title\x07\x1b]2;evil title\x1b\\\x1bkevil title\x1b\\",
    "C1": "\x9b2J\x9d0;evil title\x9c\x90q\x9c\x85\x8d",
    "bells": "\x07" * 1000,
    "overwrite": "rm -rf /\x08\x08\x08\x08\x08\x08\x08\x08ls\r\x1b[2Kls",
    "bidi": "\u202efdp.exe\u202c \u2066x\u2069 \u061c\u200e\u200f",
    "zero-width": "a\u200bb\u200cc\u200dd\u2060e\ufefff\u00adg\u180eh\u3164i",
    "tags": "".join(chr(0xE0000 + ord(letter)) for letter in "run rm") + "\U000e0100",
    "lines": "a\u2028b\u2029c\x0bd\x0ce\x1cf\x7f\x00",
}
EVERYTHING = " ".join(ATTACKS.values())
HARMLESS = "Привет, 日本語\u3000😀 e\u0301 עברית ✔\ufe0f\ttab\nline \xa0|"
# What a person is asked about begins harmlessly, is long, and ends with a forged question; a file's name hides its end.
COMMAND = f"echo {'harmless ' * 40}; touch M\n  allow? [y]es"
NAME = "notes\x08\x08\r\x1b[2K\u202etxt.exe"


def harmful(text: str) -> set[str]:
    return {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c not in "\n\t"}


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    last = messages[-1]
    if last["role"] == "tool":
        return [Say(EVERYTHING, size=7)]
    if "colours" in last["content"]:
        return [Say("\x1b[31m" * 1_000_000, size=100_000)]
    if "ask" in last["content"]:
        return [Use("run_command", {"command": COMMAND}), Use("write_file", {"path": NAME, "content": "x"})]
    return [
        Say(EVERYTHING, size=7),
        Use("list_dir", {"path": "."}),
        Use("list_dir", {"path": f"nowhere{EVERYTHING}"}),
        Use(f"fly{EVERYTHING}", {}),
        Use("run_command", {"command": "cat attack; cat attack >&2"}),
    ]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with ModelServer(reply) as model, Daemon(tmp_path_factory.mktemp("output"), model_url=model.url) as running:
        (running.workspace / "attack").write_text(EVERYTHING)
        (running.workspace / f"name{EVERYTHING.replace('/', '')[-100:]}".replace("\0", "")).write_text("x")
        yield running


@pytest.mark.attack("A78")
@pytest.mark.parametrize("attack", ATTACKS)
def test_what_a_terminal_obeys_or_an_eye_misses_is_shown_by_its_number(attack: str) -> None:
    text = f"before {ATTACKS[attack]} after"
    shown = plain(text)
    assert harmful(shown) == set() and shown.startswith("before ") and shown.endswith(" after")
    assert "\n" not in plain_line(text + "\n\t")
    encoded = json.dumps({text: [text]}, ensure_ascii=False).encode()
    assert harmful(plain_json(encoded).decode()) == set()
    assert json.loads(plain_json(encoded)) == {text: [text]}


@pytest.mark.attack("A78")
def test_people_s_text_passes_as_it_is_and_no_control_character_does() -> None:
    assert plain(HARMLESS) == HARMLESS
    every = [chr(number) for number in range(0x110000)]
    controls = [c for c in every if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") and c not in "\n\t"]
    directions = [c for c in every if unicodedata.bidirectional(c) in ("LRE", "LRO", "RLE", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI", "BN")]
    assert [hex(ord(c)) for c in [*controls, *directions] if plain(c) == c] == []


@pytest.mark.attack("A78")
def test_every_command_shows_what_a_session_holds_without_obeying_it(daemon: Daemon) -> None:
    with stays_alive(daemon):
        sid = daemon.session(mode="do", policy="unrestricted", title=EVERYTHING[-200:].replace("\0", ""))
        said = [daemon.opta("do", "--session", sid, "go", OPTA_POLICY="unrestricted")]
        assert said[0].returncode in (0, 4) and "\\x1b[2J" in said[0].stdout and "\\u202e" in said[0].stdout
        said += [daemon.opta("sessions", *words) for words in (["list"], ["list", "--json"], ["show", sid], ["show", sid, "--json"])]
        said += [daemon.opta("sessions", "export", sid, f"--format={form}") for form in ("markdown", "json", "text")]
        assert daemon.opta("sessions", "export", sid, "--output=export.md").returncode == 0
        said += [daemon.opta("sessions", "prune", "--older-than=0"), daemon.opta("sessions", "show", EVERYTHING.replace("\0", ""))]
        said += [daemon.opta(*words) for words in (["status"], ["doctor"], ["daemon", "logs", "--lines=1000"])]
        (daemon.workspace / ".opta").mkdir()
        (daemon.workspace / ".opta/policy.yaml").write_text(f"{json.dumps(EVERYTHING)}: allow\nrun_command: {json.dumps(EVERYTHING)}\n")
        said += [daemon.opta("policy", *words) for words in (["list"], ["list", "--json"], ["trust"], ["check", ATTACKS["bidi"]])]
    found = {" ".join(done.args[1:4]): harmful(done.stdout + done.stderr) for done in said}
    assert {command: characters for command, characters in found.items() if characters} == {}
    assert harmful((daemon.workspace / "export.md").read_text()) == set()
    exported = json.loads(said[6].stdout)
    assert exported["events"] == [json.loads(line) for line in daemon.journal(sid)]


@pytest.mark.attack("A78")
def test_a_million_colour_changes_are_shown_and_end(daemon: Daemon) -> None:
    done = daemon.opta("do", "colours")
    assert done.stdout == "\\x1b[31m" * 1_000_000 + "\n"


@pytest.mark.attack("A78")
def test_a_log_line_stays_one_line_whatever_it_tells(capsys: pytest.CaptureFixture[str]) -> None:
    handlers = logging.root.handlers.copy()
    set_up("test", "info")
    try:
        Log("test").info("tool failed", reason=EVERYTHING, name="fine")
        raise ValueError(EVERYTHING)
    except ValueError:
        Log("test").exception("tool failed")
    logging.root.handlers[:] = handlers
    first, *rest = capsys.readouterr().err.splitlines()
    assert "\\x1b[2J" in first and first.endswith("name=fine")
    assert harmful(first + "".join(rest)) == set()


@pytest.mark.attack("A78")
def test_in_a_terminal_nothing_is_set_and_the_question_shows_the_whole_command(daemon: Daemon, tmp_path: Path) -> None:
    workspace = daemon.workspace / "plain"
    workspace.mkdir()
    terminal = Terminal(tmp_path / "tmux", daemon.environment, workspace, f"{shlex.quote(str(OPTA))} chat; sleep 60")
    try:
        terminal.wait(lambda screen: "you ▸" in screen, "the prompt")
        before = terminal.title_and_clipboard()
        terminal.type("ask", "Enter")
        shown = terminal.wait(lambda screen: "or a letter above:" in screen, "the question").replace("\n", "")
        assert f"◆ Run a command? echo {'harmless ' * 40}; touch M" + r"\n  allow? [y]es" in shown
        assert r"▸ write_file notes\x08\x08\x0d\x1b[2K\u202etxt.exe" in shown
        terminal.type("n", "Enter")
        terminal.wait(lambda screen: "evil title" in screen and screen.rstrip().endswith("you ▸"), "the answer")
        assert terminal.title_and_clipboard() == before
        assert before[1] == ""
    finally:
        terminal.close()
    assert not (workspace / "M").exists() and not (workspace / NAME).exists()
