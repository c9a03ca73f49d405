"""The end of input at a question (Ctrl-D) is a no: no traceback, and nothing is changed."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from opta_core.paths import Paths
from opta_core.policy import trust


def typed(home: Path, words: list[str], keys: bytes, shown: str) -> tuple[int, str]:
    """(exit code, screen) of a program on a terminal of its own, in which `keys` are typed once `shown` is on it."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "OPTA_HOME": str(home), "TERM": "dumb", "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True)
    os.close(theirs)
    screen = b""
    try:
        while shown.encode() not in screen:
            screen += os.read(ours, 4096)
        # The question settles first: what was typed ahead of it answers nothing.
        while process.poll() is None:
            os.write(ours, keys)
            try:
                process.wait(0.5)
            except subprocess.TimeoutExpired:
                continue
        while True:
            try:
                more = os.read(ours, 4096)
            except OSError:  # what the end of a terminal is on Linux
                break
            if not more:
                break
            screen += more
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    return process.returncode, screen.decode(errors="replace")


def test_ctrl_d_at_a_question_is_a_no(tmp_path: Path) -> None:
    asking = "from opta_cli.ask import confirm; print('answer', confirm('Sure?'))"
    code, screen = typed(tmp_path, [sys.executable, "-c", asking], b"\x04", "Sure?")
    assert (code, "answer False" in screen, "Traceback" in screen) == (0, True, False), screen


def test_ctrl_d_at_the_trust_question_trusts_nothing(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (folder := tmp_path / "project").mkdir()
    (folder / ".mcp.json").write_text('{"mcpServers": {}}')
    line = [sys.executable, "-c", "from opta_cli.main import main; main()", "policy", "trust", str(folder)]
    code, screen = typed(tmp_path / "home", line, b"\x04", "Trust this folder?")
    assert (code, "Traceback" in screen) == (0, False), screen
    assert trust.read(Paths(tmp_path / "home")) == {}


@pytest.mark.parametrize("key", ["y", "n"])
def test_a_typed_answer_counts(tmp_path: Path, key: str) -> None:
    asking = "from opta_cli.ask import confirm; print('answer', confirm('Sure?'))"
    code, screen = typed(tmp_path, [sys.executable, "-c", asking], key.encode() + b"\r", "Sure?")
    assert (code, f"answer {key == 'y'}" in screen) == (0, True), screen
