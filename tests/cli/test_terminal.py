"""`opta chat` in a real terminal: typed into, asked, answered."""

import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.daemon import OPTA, Daemon
from support.model_server import Action, ModelServer, Say, Use

pytestmark = pytest.mark.system


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    last = messages[-1]
    if last["role"] == "tool":
        return [Say(f"The tool said: {last['content'].splitlines()[0]}")]
    if "write" in last["content"]:
        return [Use("write_file", {"path": "typed.txt", "content": "x\n"})]
    if "slowly" in last["content"]:
        return [Say("tick " * 600, rate=60, size=5)]
    return [Say("Hello from the model.")]


class Terminal:
    """A tmux window."""

    def __init__(self, socket: Path, environment: dict[str, str], cwd: Path, command: str):
        self._base = ["tmux", "-S", str(socket)]
        variables = [
            word
            for name, value in environment.items()
            if name.startswith(("OPTA_", "PATH", "HOME", "LANG"))
            for word in ("-e", f"{name}={value}")
        ]
        subprocess.run(
            [*self._base, "-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "40", "-c", str(cwd), *variables, command],
            check=True,
            timeout=10,
        )

    def type(self, *keys: str) -> None:
        subprocess.run([*self._base, "send-keys", *keys], check=True, timeout=10)

    def screen(self) -> str:
        return subprocess.run(
            [*self._base, "capture-pane", "-p", "-S", "-200"], capture_output=True, text=True, timeout=10, check=False
        ).stdout

    def wait(self, is_there: Callable[[str], bool], what: str) -> str:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if is_there(screen := self.screen()):
                return screen
            time.sleep(0.05)
        raise AssertionError(f"not on the screen: {what}\n{self.screen()}")

    def close(self) -> None:
        subprocess.run([*self._base, "kill-server"], capture_output=True, timeout=10, check=False)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with ModelServer(reply) as model, Daemon(tmp_path_factory.mktemp("terminal"), model_url=model.url) as running:
        yield running


@pytest.fixture
def terminal(daemon: Daemon, tmp_path: Path) -> Iterator[Terminal]:
    opened = Terminal(tmp_path / "tmux", daemon.environment, daemon.workspace, f"{shlex.quote(str(OPTA))} chat; echo exit=$?; sleep 60")
    opened.wait(lambda screen: "you ▸" in screen, "the prompt")
    yield opened
    opened.close()


def test_a_conversation_with_a_question(daemon: Daemon, terminal: Terminal) -> None:
    terminal.type("hi there", "Enter")
    terminal.wait(lambda screen: "Hello from the model." in screen, "the answer")
    terminal.type("please write it", "Enter")
    terminal.wait(lambda screen: "allow? [y]es" in screen, "the question")
    assert not (daemon.workspace / "typed.txt").exists()
    terminal.type("what", "Enter")
    terminal.type("y", "Enter")
    terminal.wait(lambda screen: "The tool said: Created typed.txt (1 lines)" in screen, "the result")
    assert (daemon.workspace / "typed.txt").read_text() == "x\n"
    terminal.type("C-d")
    terminal.wait(lambda screen: "exit=0" in screen, "the end")


def test_ctrl_c_stops_the_answer_and_the_conversation_goes_on(terminal: Terminal) -> None:
    terminal.type("slowly", "Enter")
    terminal.wait(lambda screen: "tick tick tick" in screen, "the start of the answer")
    terminal.type("C-c")
    terminal.wait(lambda screen: "Stopped by the user." in screen, "that it stopped")
    terminal.type("hi", "Enter")
    terminal.wait(lambda screen: "Hello from the model." in screen, "the next answer")
