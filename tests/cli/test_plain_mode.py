"""`opta chat` and `opta do` as a person uses them in a terminal: messages are edited, answers are drawn, and nothing is lost."""

import os
import re
import shlex
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from support.daemon import OPTA, Daemon
from support.markdown_answer import ANSWER, WORDS
from support.model_server import Action, ModelServer, Say, Think, Use
from support.oracles import until
from support.terminal import Terminal

pytestmark = pytest.mark.system

COUNTED = [f"word{number}." for number in range(300)]
# A paragraph and a block of code that are higher than the window.
LONG = [f"long{number}," for number in range(700)]
FAILS = "for i in $(seq 20); do echo line $i; done; echo 'Error: no such thing' >&2; exit 3"


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    last = messages[-1]
    text = str(last["content"])
    if last["role"] == "tool":
        return [Say(f"The tool said: {text.splitlines()[0]}")]
    if "markdown" in text:
        return [Think("Let me think. " * 20), Say(ANSWER, rate=100, size=9)]
    if "count" in text:
        # Paragraphs, so that some are final and one is open.
        lines = [" ".join(COUNTED[at : at + 30]) for at in range(0, len(COUNTED), 30)]
        return [Say("\n\n".join(lines), rate=50, size=7)]
    if "lengthy" in text:
        code = "".join(f"code {number};\n" for number in range(120))
        return [Say(f"```\n{code}```\n{' '.join(LONG)}\n", rate=200, size=17)]
    if "edit" in text:
        return [Use("edit_file", {"path": "notes.txt", "old": "one", "new": "three\nfour"})]
    if "fail" in text:
        return [Use("run_command", {"command": FAILS})]
    return [Say("Hello from the model.")]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with ModelServer(reply) as model, Daemon(tmp_path_factory.mktemp("plain"), model_url=model.url) as running:
        (running.workspace / "notes.txt").write_text("one\ntwo\n")
        (running.home / "commands").mkdir()
        (running.home / "commands/greet.md").write_text("---\ndescription: say hello\n---\nSay hello to $ARGUMENTS.\n")
        yield running


Opened = Callable[..., Terminal]


@pytest.fixture
def start(daemon: Daemon, tmp_path: Path) -> Iterator[Opened]:
    opened: list[Terminal] = []

    def begin(words: str = "chat", *, columns: int = 100, prompt: bool = True, before: str = "", **variables: str) -> Terminal:
        command = f"{before}{shlex.quote(str(OPTA))} {words}; echo exit=$?; stty -a; sleep 60"
        terminal = Terminal(tmp_path / f"tmux{len(opened)}", daemon.environment | variables, daemon.workspace, command, columns=columns)
        opened.append(terminal)
        if prompt:
            terminal.wait(lambda screen: "you ▸" in screen, "the prompt")
        return terminal

    yield begin
    for terminal in opened:
        terminal.close()


def turns(daemon: Daemon) -> list[dict[str, Any]]:
    """The turns of the newest session."""
    newest = daemon.client.get("/v3/sessions", limit=1)["sessions"][0]
    return daemon.client.get(f"/v3/sessions/{newest['id']}", atSeq=10**15)["transcript"]["turns"]


def answered(terminal: Terminal) -> str:
    return terminal.wait(lambda screen: "tok/s" in screen and screen.rstrip().endswith("you ▸"), "the end of the answer")


# answers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [40, 80, 160])
def test_markdown_has_its_look_at_every_width_and_each_word_once(start: Opened, columns: int) -> None:
    terminal = start(columns=columns)
    terminal.type("show markdown", "Enter")
    answered(terminal)
    text = terminal.text()
    assert all(cell_len(line) < columns for line in text[text.index("✻ thought") :].splitlines())
    flat = re.sub(r"\s+", " ", text)
    assert {word: flat.count(word) for word in WORDS if flat.count(word) != 1 and word not in ("first", "python")} == {}
    assert "╭─ python ─" in text and "▌ A quote" in text and re.search(r"✻ thought · about 70 tokens · \d+\.\d s", text)
    assert text.count("╭") == text.count("╰") == 2


def test_colours_are_those_of_the_look_and_no_color_turns_them_off(start: Opened) -> None:
    terminal, plain = start(), start(NO_COLOR="1")
    for each in (terminal, plain):
        each.type("show markdown", "Enter")
        answered(each)
    shown = terminal.coloured()
    assert (
        re.search(r"\x1b\[36m(\x1b\[49m)?╭─ python", shown) and re.search(r"38;5;141m▌ ", shown) and re.search(r"with \x1b\[36mcode", shown)
    )
    assert "\x1b[" not in plain.coloured()
    assert "╭─ python ─" in plain.screen()


def test_a_dumb_terminal_gets_text(start: Opened) -> None:
    terminal = start(before="TERM=dumb ")
    terminal.type("show markdown", "Enter")
    screen = answered(terminal)
    assert "```python" in screen and "**one line**" in screen and "╭" not in screen and "\x1b" not in terminal.coloured()


def test_a_pipe_gets_the_source_of_the_answer(daemon: Daemon) -> None:
    done = daemon.opta("chat", "--once", "show markdown")
    assert done.stdout.strip() == ANSWER.strip() and "\x1b" not in done.stderr


def counted(text: str) -> list[str]:
    return re.findall(r"word\d+\.", text)


def test_a_window_that_is_resized_shows_every_word_once(start: Opened) -> None:
    terminal = start()
    terminal.type("count", "Enter")
    for words, columns in ((40, 60), (90, 131), (140, 45), (200, 100)):
        terminal.wait(lambda _, least=words: len(set(counted(terminal.text()))) > least, f"{words} words")
        terminal.resize(columns)
    answered(terminal)
    assert counted(terminal.text()) == COUNTED


def test_an_answer_that_is_higher_than_the_window_is_whole_above_it(start: Opened) -> None:
    terminal = start(columns=70)
    terminal.type("lengthy", "Enter")
    answered(terminal)
    text = terminal.text()
    assert re.findall(r"code (\d+);", text) == [str(number) for number in range(120)]
    assert re.findall(r"long\d+,", text) == LONG


def test_a_killed_gateway_leaves_no_word_twice_and_none_out(daemon: Daemon, start: Opened) -> None:
    terminal = start()
    terminal.type("count", "Enter")
    terminal.wait(lambda _: len(set(counted(terminal.text()))) > 60, "some words")
    daemon.kill("gateway")
    answered(terminal)
    assert counted(terminal.text()) == COUNTED


def test_thinking_is_whole_where_it_is_turned_on(daemon: Daemon, start: Opened) -> None:
    assert daemon.opta("config", "set", "thinking", "true").returncode == 0
    try:
        terminal = start()
        terminal.type("show markdown", "Enter")
        answered(terminal)
    finally:
        daemon.opta("config", "unset", "thinking")
    assert terminal.text().count("Let me think.") == 20


# work ------------------------------------------------------------------------------------------------


def test_steps_are_numbered_and_calls_say_what_they_did(start: Opened) -> None:
    terminal = start('do --level L3 "fail now"', prompt=False)
    screen = terminal.wait(lambda screen: "exit=" in screen, "the end")
    assert "── step 1 ──" in screen and "── step 2 ──" in screen and "… 15 earlier lines" in screen and "│ line 16" in screen
    assert re.search(r"✕ run_command · exit code 3: Error: no such thing · \d+ ms", screen) and " -echo " not in screen


def test_a_question_about_an_edit_shows_its_diff_in_colours(daemon: Daemon, start: Opened) -> None:
    terminal = start()
    terminal.type("edit", "Enter")
    terminal.wait(lambda screen: "allow once? [y]es" in screen, "the question")
    shown = terminal.coloured()
    assert re.search(r"\x1b\[31m[^\n]*-one", shown) and re.search(r"\x1b\[32m[^\n]*\+three", shown)
    terminal.type_until(lambda screen: "✓ edit_file · +2 −1" in screen, "what it did", "y", "Enter")
    assert (daemon.workspace / "notes.txt").read_text() == "three\nfour\ntwo\n"
    (daemon.workspace / "notes.txt").write_text("one\ntwo\n")


def test_pipes_and_files_load_no_library_of_terminals(daemon: Daemon) -> None:
    program = "import runpy, sys; sys.argv = ['opta', 'chat', '--once', 'hi']\ntry: runpy.run_module('opta_cli', run_name='__main__')\n"
    program += "finally: print([name for name in ('rich', 'prompt_toolkit', 'textual', 'markdown_it') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], env=daemon.environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "Hello from the model.\n[]\n" or done.stdout == "Hello from the model.[]\n", done


# messages --------------------------------------------------------------------------------------------


def test_messages_of_several_lines_come_back_from_the_history(daemon: Daemon, start: Opened) -> None:
    terminal = start()
    terminal.type("first line", "C-j", "second", "M-Enter", "third", "Enter")
    answered(terminal)
    assert [turn["text"] for turn in turns(daemon)] == ["first line\nsecond\nthird"]
    history = daemon.home / "prompt_history"
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    again = start()
    again.type("Up")
    again.wait(lambda screen: "third" in screen, "the last message")
    again.type("C-c")
    again.wait(lambda screen: "third" not in screen, "an empty line")
    again.type("C-r")
    again.wait(lambda screen: "search" in screen, "the search")
    again.type("rst li")
    again.wait(lambda screen: "first line" in screen, "the message that was searched")
    again.type("Enter", "Enter")
    answered(again)
    assert [turn["text"] for turn in turns(daemon)] == ["first line\nsecond\nthird"]


def test_commands_and_files_are_completed(daemon: Daemon, start: Opened) -> None:
    terminal = start()
    terminal.type("/")
    terminal.wait(lambda screen: "/compact" in screen and "summarise the context" in screen, "the commands")
    terminal.type("gr")
    terminal.wait(lambda screen: "say hello" in screen and "/compact" not in screen, "the custom command")
    terminal.type("Tab")
    terminal.type("Bob", "Enter")
    answered(terminal)
    terminal.type("what is in @not")
    terminal.wait(lambda screen: screen.count("@notes.txt") == 1, "the file")
    terminal.type("Tab", "?")
    terminal.wait(lambda screen: "what is in @notes.txt ?" in screen, "its name in the message")
    terminal.type("Enter")
    assert until(lambda: len(turns(daemon)) == 2 and turns(daemon)[1]["state"] == "done", 20)
    assert [turn["command"] or turn["text"] for turn in turns(daemon)] == ["/greet Bob", "what is in @notes.txt ?"]
    sid = daemon.client.get("/v3/sessions", limit=1)["sessions"][0]["id"]
    assert any(b'"context.injected"' in line and b"notes.txt" in line for line in daemon.journal(sid))


def test_built_in_commands_act_and_say_what_they_did(daemon: Daemon, start: Opened) -> None:
    terminal = start()
    for typed, said in (
        ("/help", "begin the context anew"),
        ("/level L3", "The level of this session is L3."),
        ("/mode dance", "There is no mode 'dance'. Choose chat, do or plan."),
        ("/mode do", "The mode of this session is do."),
        ("/clear", "The context begins anew."),
        ("/nosuch", "nosuch"),
        ("/export out.md", "The session is in out.md."),
    ):
        terminal.type(typed, "Enter")
        terminal.wait(lambda screen, said=said: said in screen and screen.rstrip().endswith("you ▸"), said)
    newest = daemon.client.get("/v3/sessions", limit=1)["sessions"][0]
    assert (newest["level"], newest["mode"]) == ("L3", "do")
    assert stat.S_IMODE((daemon.workspace / "out.md").stat().st_mode) == 0o600
    terminal.type("/quit", "Enter")
    terminal.wait(lambda screen: "exit=0" in screen, "the end")


def test_a_long_paste_is_a_file_of_one_message(daemon: Daemon, start: Opened) -> None:
    terminal = start()
    text = "\n".join(f"line {number} {'x' * 100}" for number in range(400))
    terminal.paste(text, marked=True)
    terminal.wait(lambda screen: "[pasted-1.txt: 400 lines]" in screen, "the name of the file")
    terminal.type(" what is it", "Enter")
    answered(terminal)
    (turn,) = turns(daemon)
    assert turn["text"] == "[pasted-1.txt: 400 lines] what is it" and len(turn["attachments"]) == 1


@pytest.mark.parametrize("marked", [True, False])
def test_what_is_pasted_while_a_turn_runs_is_the_draft_of_one_message(daemon: Daemon, start: Opened, marked: bool) -> None:
    terminal = start()
    lines = [f"pasted line {number}" for number in range(200)]
    terminal.type("count", "Enter")
    terminal.wait(lambda screen: "word20." in screen, "the answer")
    terminal.paste("\n".join(lines) + "\n", marked=marked)
    terminal.wait(lambda screen: "next message (200 lines) ▸ pasted line 199" in screen, "that it is kept")
    terminal.wait(lambda screen: "tok/s" in screen and "next message" not in screen and "pasted line 199" in screen, "the draft")
    assert counted(terminal.text()) == COUNTED and len(turns(daemon)) == 1
    terminal.type("Enter")
    assert until(lambda: len(turns(daemon)) == 2, 20)
    assert turns(daemon)[1]["text"].split("\n") == lines


def test_a_draft_stays_one_when_the_window_is_resized(start: Opened) -> None:
    terminal = start()
    terminal.type("-l", "a draft that is longer than the window is wide, " * 4)
    terminal.wait(lambda screen: screen.count("a draft that") == 4, "the draft")
    for columns in (60, 90):
        terminal.resize(columns)
        terminal.wait(lambda screen, columns=columns: is_one_draft(screen, columns), f"one draft of {columns} columns")


def is_one_draft(screen: str, columns: int) -> bool:
    """Whether the prompt is there once, and drawn for this width."""
    if "you ▸" not in screen:
        return False
    first, *rest = screen[screen.index("you ▸") :].rstrip().split("\n")
    is_drawn = cell_len(first) > columns - 8 and all(row.startswith(" " * 6) for row in rest)
    return is_drawn and screen.count("you ▸") == 1 and "".join(screen.split()).count("adraftthat") == 4


def test_enter_sends_on_a_machine_that_lags(daemon: Daemon, start: Opened) -> None:
    terminal = start(before="sh -c 'echo $$ > pid; exec \"$@\"' - ")
    pid = int((daemon.workspace / "pid").read_text())
    os.kill(pid, signal.SIGSTOP)
    try:
        for key in ("h", "i", "Enter"):
            terminal.type(key)
    finally:
        os.kill(pid, signal.SIGCONT)
    answered(terminal)
    assert [turn["text"] for turn in turns(daemon)] == ["hi"]


def test_the_terminal_is_not_asked_for_its_cursor(start: Opened, tmp_path: Path) -> None:
    terminal = start()
    terminal.record(tmp_path / "sent")
    for typed in ("hi", "markdown"):
        terminal.type(typed, "Enter")
        terminal.wait(lambda screen, typed=typed: screen.count("tok/s") == (1 if typed == "hi" else 2), "the answer")
    sent = (tmp_path / "sent").read_bytes()
    assert b"The end of the answer." in sent and b"\x1b[6n" not in sent and b"\x1b[?25l" not in sent.rsplit(b"\x1b[?25h", 1)[-1]


# ending ----------------------------------------------------------------------------------------------


def test_ctrl_c_clears_the_draft_then_offers_to_end(start: Opened) -> None:
    terminal = start()
    terminal.type("half a thought", "C-c")
    terminal.wait(lambda screen: "half a thought" not in screen, "an empty line")
    terminal.type("C-c")
    terminal.wait(lambda screen: "(Ctrl-C again or Ctrl-D ends)" in screen and screen.rstrip().endswith("you ▸"), "the offer")
    terminal.type_until(lambda screen: "exit=0" in screen, "the end", "C-c")


def test_ctrl_c_pauses_work_and_says_how_to_resume(daemon: Daemon, start: Opened) -> None:
    terminal = start('do "count"', prompt=False)
    terminal.wait(lambda screen: "word20." in screen, "the answer")
    terminal.type("C-c")
    # What says how the terminal is comes line by line.
    screen = terminal.wait(
        lambda screen: "exit=" in screen and " echo " in screen and " icanon " in screen, "the end, and a terminal as it was"
    )
    # The answer ends before there is a next step.
    assert "pausing before the next step" in screen and counted(terminal.text()) == COUNTED


def test_a_signal_leaves_the_terminal_as_it_was(daemon: Daemon, start: Opened) -> None:
    for text in ("", "count"):
        terminal = start(before="sh -c 'echo $$ > pid; exec \"$@\"' - ")
        if text:
            terminal.type(text, "Enter")
            terminal.wait(lambda screen: "word20." in screen, "the answer")
        pid = int((daemon.workspace / "pid").read_text())
        os.kill(pid, signal.SIGTERM)
        screen = terminal.wait(lambda screen: "exit=143" in screen and "icanon" in screen, "the end")
        assert " -icanon" not in screen and " -echo " not in screen
