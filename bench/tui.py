"""`python bench/tui.py`: measures the full-screen terminal in a pseudo-terminal, on a real daemon, in about two minutes.

`--write` also replaces the section of docs/benchmarks.md. Processor time is of the terminal's process alone. A key is painted when its
character comes back from the pseudo-terminal; the characters are such as no answer has.
"""

import argparse
import fcntl
import os
import pty
import random
import re
import select
import signal
import struct
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import machine  # noqa: E402
from figure import Figure, percentile, table  # noqa: E402
from support import past_sessions  # noqa: E402
from support.daemon import OPTA, Daemon  # noqa: E402
from support.model_server import Action, ModelServer, Say  # noqa: E402

DOCUMENT = ROOT / "docs" / "benchmarks.md"
HEAD = "## The full-screen terminal\n"
INTRODUCTION = """
Written by `python bench/tui.py --write`: `opta tui` in a pseudo-terminal of 160 × 48, on a daemon with a scripted model.
"""
RATE, MEASURED_S, KEYS, KEY_EVERY_S = 200, 10.0, 60, 0.15
TURNS, OPENINGS = 2_000, 5
TOKENS, TOKENS_A_TURN, SETTLE_S, TYPED_S = 20_000, 4_000, 1.0, 0.5
CPU_MAX, KEY_MS_MAX, OPEN_MS_MAX, MORE_MIB_MAX = 35.0, 60.0, 500.0, 8.0
WORDS = "time river window light number garden letter answer stone paper circle market winter signal copper island".split()
# Letters that no answer and no frame of the screen has.
LETTERS = "абвгдежзийклмнопрстуфхцчшщыэюя"
COLUMNS, ROWS = 160, 48


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    """Prose and code, at the rate that people meet or as fast as a daemon passes it on."""
    asked = messages[-1]["content"]
    text = _answer(40 * RATE * 4)
    if "fast" in asked:
        return [Say(text[: TOKENS_A_TURN * 4], rate=1_000, size=4)]
    return [Say(text[: int((MEASURED_S + KEYS * KEY_EVERY_S + 8) * RATE) * 4], rate=RATE, size=4)]


def _answer(characters: int) -> str:
    """Prose, lists and code that never repeat: an answer that goes in circles is ended by the agent."""
    chance, parts, length = random.Random(7), ["Some words of an answer.\n\n"], 0
    while length < characters:
        words = " ".join(chance.choice(WORDS) for _ in range(chance.randrange(20, 60)))
        items = "\n".join(f"- {chance.choice(WORDS)} **{chance.choice(WORDS)}** {chance.random():.6f}" for _ in range(3))
        lines = "\n".join(f"    {chance.choice(WORDS)} = {chance.choice(WORDS)} * {chance.random():.6f}  # note" for _ in range(8))
        parts.append(f"{words} `{chance.choice(WORDS)}` {length}.\n\n{items}\n\n```python\ndef f{length}():\n{lines}\n```\n\n")
        length += len(parts[-1])
    return "".join(parts)


class Screen:
    """`opta tui` in a pseudo-terminal. What it paints is read by a thread and kept as bytes."""

    def __init__(self, daemon: Daemon, *words: str):
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
            os.chdir(daemon.workspace)
            os.execve(OPTA, [str(OPTA), "tui", *words], {**daemon.environment, "TERM": "xterm-256color", "COLORTERM": "truecolor"})
        self._painted = bytearray()
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                if not select.select([self._fd], [], [], 1)[0]:
                    continue
                found = os.read(self._fd, 65536)
            except OSError:
                return
            if not found:
                return
            with self._changed:
                self._painted += found
                self._changed.notify_all()

    def press(self, text: str) -> None:
        """Press keys."""
        os.write(self._fd, text.encode())

    def mark(self) -> int:
        """A point in what was painted."""
        with self._changed:
            return len(self._painted)

    def wait(self, text: str, after: int = 0, timeout_s: float = 30.0) -> float:
        """Seconds until a text is painted behind a point."""
        began, wanted = time.perf_counter(), text.encode()
        with self._changed:
            while self._painted.find(wanted, after) < 0:
                if not self._changed.wait(max(0.0, began + timeout_s - time.perf_counter())):
                    raise AssertionError(f"{text!r} was not painted: {self._plain()}")
        return time.perf_counter() - began

    def _plain(self) -> str:
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", bytes(self._painted).decode(errors="replace"))[-1500:]

    def cpu_s(self) -> float:
        """Processor seconds so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mib(self) -> float:
        """Resident memory."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    def __enter__(self) -> "Screen":
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        # Before the number of the descriptor is used again.
        self._reader.join(5)
        os.close(self._fd)


def figures() -> list[Figure]:
    """All figures."""
    with tempfile.TemporaryDirectory(prefix="opta-bench-") as folder, ModelServer(reply) as model:
        daemon = Daemon(Path(folder), model_url=model.url, only="gateway,agent,tools,sessions")
        daemon.loaded.paths.make()
        for number in range(OPENINGS):
            sid = f"long{'abcde'[number] * 2}"
            events = past_sessions.long_session(sid, daemon.workspace, TURNS, title=f"long session {'abcde'[number]}")
            past_sessions.write(daemon.loaded.paths.sessions, sid, events)
        with daemon:
            found: list[Figure] = []
            for measure in (_start, _streaming, _openings, _memory):
                found += measure(daemon)
                print(table(found).splitlines()[-1], file=sys.stderr, flush=True)
            return found


def _start(daemon: Daemon) -> list[Figure]:
    began = time.perf_counter()
    with Screen(daemon) as screen:
        screen.wait("Connected")
        took_ms = (time.perf_counter() - began) * 1000
    return [Figure("start of the program to its first screen", took_ms, "ms", note="with the import of Textual")]


def _streaming(daemon: Daemon) -> list[Figure]:
    with Screen(daemon) as screen:
        screen.wait("Connected")
        screen.press("go\r")
        screen.wait("Some words")
        before, began = screen.cpu_s(), time.perf_counter()
        time.sleep(MEASURED_S)
        share = (screen.cpu_s() - before) / (time.perf_counter() - began) * 100
        times: list[float] = []
        for number in range(KEYS):
            letter, at = LETTERS[number % len(LETTERS)], screen.mark()
            screen.press(letter)
            times.append(screen.wait(letter, at) * 1000)
            time.sleep(KEY_EVERY_S)
            if number % len(LETTERS) == len(LETTERS) - 1:
                # An empty line again, so that each letter is painted once.
                screen.press("\x15\x1b[H")
    return [
        Figure(f"processor share at {RATE} tokens/s", share, "%", CPU_MAX, note=f"of one core, over {MEASURED_S:g} s"),
        Figure("key to paint meanwhile, p95", percentile(times, 0.95), "ms", KEY_MS_MAX, note=f"p50 {percentile(times, 0.5):.0f} ms"),
    ]


def _openings(daemon: Daemon) -> list[Figure]:
    times: list[float] = []
    for letter in "abcde"[:OPENINGS]:
        with Screen(daemon) as screen:
            screen.wait("Connected")
            screen.press("\x0f")
            screen.wait("Sessions")
            screen.press(f"session {letter}")
            time.sleep(1)
            at = screen.mark()
            screen.press("\r")
            times.append(screen.wait(f"question {TURNS}", at) * 1000)
    note = f"first opening, worst {max(times):.0f} ms"
    return [Figure(f"a session of {TURNS:,} turns opens", percentile(times, 0.5), "ms", OPEN_MS_MAX, note=note)]


def _memory(daemon: Daemon) -> list[Figure]:
    with Screen(daemon) as screen:
        screen.wait("Connected")
        sizes: list[float] = []
        for number in range(TOKENS // TOKENS_A_TURN):
            screen.mark()
            screen.press("fast")
            # Words and Enter in one piece are a paste, which is not sent.
            time.sleep(TYPED_S)
            screen.press("\r")
            _until_ended(daemon, number + 1)
            time.sleep(SETTLE_S)
            sizes.append(screen.memory_mib())
            print(f"{(number + 1) * TOKENS_A_TURN:,} tokens: {sizes[-1]:.1f} MiB", file=sys.stderr)
    name = f"more memory after {TOKENS:,} tokens than after {TOKENS_A_TURN:,}"
    return [Figure(name, sizes[-1] - sizes[0], "MiB", MORE_MIB_MAX, note=f"{sizes[-1]:.0f} MiB then")]


def _until_ended(daemon: Daemon, turns: int) -> None:
    """Wait until the session of the fast answers has so many turns, and none runs. What other measurements left behind is older or newer."""
    deadline = time.monotonic() + 60
    while True:
        found = [each for each in daemon.client.get("/v3/sessions", limit=10)["sessions"] if each["title"] == "fast"]
        if found and found[0]["turns"] == turns and found[0]["state"] == "idle":
            return
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def main() -> int:
    """Measure, print, and write on request. Returns 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="replace the section of docs/benchmarks.md")
    args = parser.parse_args()
    measured = figures()
    text = f"{INTRODUCTION}\n{machine.describe()}\n\n{table(measured)}\n"
    print(text)
    if args.write:
        before = DOCUMENT.read_text()
        section = re.compile(re.escape(HEAD) + r".*?(?=\n## |\Z)", re.DOTALL)
        DOCUMENT.write_text(section.sub(lambda _: HEAD + text, before) if HEAD in before else f"{before.rstrip()}\n\n{HEAD}{text}")
    return 0 if all(figure.holds is not False for figure in measured) else 1


if __name__ == "__main__":
    sys.exit(main())
