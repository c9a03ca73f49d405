"""`python bench/timeline.py`: measures the page's timeline in a real Chromium on a real daemon, in about three minutes.

`--write` also replaces the section of docs/benchmarks.md. Figures are of the page: from a click to the drawn answer, elements of the
document, tasks of the main thread. All traffic stays on loopback, and every started process is ended.
"""

import argparse
import json
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import machine  # noqa: E402
from figure import Figure, table  # noqa: E402
from playwright.sync_api import Browser, CDPSession, Page, expect  # noqa: E402
from support import past_sessions  # noqa: E402
from support.browser import chromium, opened  # noqa: E402
from support.daemon import Daemon  # noqa: E402
from support.model_server import Action, ModelServer, Say  # noqa: E402

DOCUMENT = ROOT / "docs" / "benchmarks.md"
HEAD = "## The page's timeline\n"
INTRODUCTION = """
Written by `python bench/timeline.py --write`: the built page in headless Chromium without a GPU, on a daemon with a scripted model. A task of
the main thread that takes longer than 50 ms is a long task.
"""
TOKENS_A_TURN, LONG, SHORT, HUGE = 100, 2_000, 20, 10_000
TOKENS, CODE_TOKENS = 10_000, 5_600
ROUNDS = 5
LONG_MS = 50
PROSE = "Some words of an answer, **bold** and `code`, in a paragraph of several lines.\n\n- one item\n- another one\n\n"
LINE = "    result[index] = compute(value, index, 12.5)  # line\n"
EVENTS_A_TURN = 50_000
# Runs in the page: from the click on a session to the frame in which the answer stands there.
OPEN = """([title, words]) => new Promise(done => {
    const row = [...document.querySelectorAll('nav button, .rail button')].find(each => each.textContent.includes(title));
    const started = performance.now();
    row.click();
    const look = () => {
        const log = document.querySelector('[role=log]');
        const isThere = log && document.querySelector('h1').textContent.includes(title) && log.textContent.includes(words) && log.scrollHeight - log.scrollTop - log.clientHeight <= 60;
        if (isThere) requestAnimationFrame(() => done(performance.now() - started));
        else requestAnimationFrame(look);
    };
    look();
})"""


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    """Prose or code at 2,000 pieces a second, or as many pieces as there are at once."""
    asked = messages[-1]["content"]
    if "code" in asked:
        return [Say("```python\n" + (LINE * (CODE_TOKENS * 4 // len(LINE))) + "```\n", rate=2_000, size=4)]
    if "events" in asked:
        return [Say("w " * EVENTS_A_TURN, size=2)]
    return [Say((PROSE * (TOKENS * 4 // len(PROSE) + 1))[: TOKENS * 4], rate=2_000, size=4)]


def figures(events: int) -> list[Figure]:
    """All figures; `events`: how many events the heap is measured over, 0 to leave it out."""
    with tempfile.TemporaryDirectory(prefix="opta-bench-") as folder, ModelServer(reply) as model, chromium() as browser:
        daemon = Daemon(Path(folder), model_url=model.url)
        daemon.loaded.paths.make()
        _fill(daemon)
        with daemon:
            made = _openings(browser, daemon)
            made += _streaming(browser, daemon)
            made += _code(browser, daemon)
            return made + (_heap(browser, daemon, events) if events else [])


def _fill(daemon: Daemon) -> None:
    """Sessions for each round: the first opening of a session is the one that has nothing cached."""
    sessions = daemon.loaded.paths.sessions
    for turns, letter in ((LONG, "k"), (SHORT, "m")):
        for number in range(ROUNDS):
            sid = f"{letter}aaaa{'bcdfg'[number]}"
            events = past_sessions.long_session(sid, daemon.workspace, turns, TOKENS_A_TURN, title=f"{turns} turns, {number}")
            past_sessions.write(sessions, sid, events)
    past_sessions.write(sessions, "warmup", past_sessions.long_session("warmup", daemon.workspace, 5, 3, title="warm up"))
    past_sessions.write(sessions, "hugest", past_sessions.long_session("hugest", daemon.workspace, HUGE, 3, title="10000 turns"))


def _openings(browser: Browser, daemon: Daemon) -> list[Figure]:
    with opened(browser, daemon) as page:
        expect(page.get_by_text("10000 turns").first).to_be_visible(timeout=60_000)
        # The first session that a page opens also loads what drawing needs.
        page.evaluate(OPEN, ["warm up", "answer 5."])
        short = [page.evaluate(OPEN, [f"{SHORT} turns, {number}", f"answer {SHORT}."]) for number in range(ROUNDS)]
        long = [page.evaluate(OPEN, [f"{LONG} turns, {number}", f"answer {LONG}."]) for number in range(ROUNDS)]
        page.evaluate(OPEN, ["10000 turns", "answer 10000."])
        log = page.get_by_role("log", name="Timeline")
        expect(log.get_by_text(re.compile("earlier turn"))).to_have_count(0, timeout=120_000)
        nodes = [_nodes(page)]
        for share in (0, 0.3, 0.6, 1):
            log.evaluate(f"log => {{ log.scrollTop = {share} * log.scrollHeight; }}")
            page.wait_for_timeout(200)
            nodes.append(_nodes(page))
    cost, base = statistics.median(long), statistics.median(short)
    each = ", ".join(f"{value:.0f}" for value in long)
    return [
        Figure(
            f"click -> the last of {LONG:,} turns of {TOKENS_A_TURN} tokens is drawn", cost, "ms", 300, note=f"first opening each: {each}"
        ),
        Figure(f"the same, to a session of {SHORT} turns", cost / base, "times", 3, note=f"{base:.0f} ms"),
        Figure(f"elements of the page with {HUGE:,} turns", max(nodes), "", 3_000, note="the most while scrolling from end to end"),
    ]


def _streaming(browser: Browser, daemon: Daemon) -> list[Figure]:
    with _session(browser, daemon, "kaaaab") as (page, _):
        trace = _traced(browser, page, "prose, please")
        gap = page.get_by_role("log", name="Timeline").evaluate("log => log.scrollHeight - log.scrollTop - log.clientHeight")
    tasks, wall = trace.cpu_ms("RunTask"), trace.wall_ms("RunTask")
    long = sum(each > LONG_MS for each in tasks)
    note = f"{long} of {len(tasks):,} over 50 ms; with the time in which others had the core {max(wall):.0f} ms"
    return [
        Figure(f"{TOKENS:,} tokens at 2,000 tok/s in a session of {LONG:,} turns, longest task", max(tasks), "ms CPU", 100, note=note),
        Figure("main thread per 5,000 of these tokens", sum(tasks) / 1_000 * 5_000 / TOKENS, "s CPU", 2.5),
        Figure("distance from the end afterwards", gap, "px", 2),
    ]


def _code(browser: Browser, daemon: Daemon) -> list[Figure]:
    """What a layout costs in the first and in the last third of a code block that grows."""
    with _session(browser, daemon, "maaaab") as (page, _):
        trace = _traced(browser, page, "code, please")
    layouts, tasks = trace.cpu_ms("Layout"), trace.cpu_ms("RunTask")
    third = len(layouts) // 3
    first, last = statistics.mean(layouts[:third]), statistics.mean(layouts[-third:])
    name = f"a layout in the last third of a code block of {CODE_TOKENS:,} tokens, to the first third"
    note = f"{first:.2f} and {last:.2f} ms CPU, {len(layouts):,} layouts; longest task {max(tasks):.0f} ms CPU"
    return [Figure(name, last / first, "times", 2, note=note)]


class _Trace:
    """What the page's main thread did, as Chromium recorded it. Processor time, which other programs on the machine do not change."""

    def __init__(self, recorded: bytes):
        events: list[dict[str, Any]] = json.loads(recorded)["traceEvents"]
        main = {(each["pid"], each["tid"]) for each in events if each["name"] == "thread_name" and each["args"]["name"] == "CrRendererMain"}
        done = [each for each in events if each.get("ph") == "X" and (each["pid"], each["tid"]) in main]
        self._done = sorted(done, key=lambda each: each["ts"])

    def cpu_ms(self, name: str) -> list[float]:
        """Processor time of each task of a kind, in order."""
        return [each.get("tdur", 0) / 1_000 for each in self._done if each["name"] == name]

    def wall_ms(self, name: str) -> list[float]:
        """Time of each task of a kind, in order."""
        return [each["dur"] / 1_000 for each in self._done if each["name"] == name]


def _traced(browser: Browser, page: Page, text: str) -> _Trace:
    """Send a message, and record until its turn has ended."""
    _send(page, text)
    browser.start_tracing(page=page, categories=["devtools.timeline", "disabled-by-default-devtools.timeline"])
    _ended(page, 120)
    return _Trace(browser.stop_tracing())


def _heap(browser: Browser, daemon: Daemon, events: int) -> list[Figure]:
    """Memory of the page after a tenth of the events and after all: what grows beyond the text that came."""
    sizes: list[float] = []
    turns = max(2, events // EVENTS_A_TURN)
    started = time.perf_counter()
    with _session(browser, daemon, "maaaac") as (page, cdp):
        for number in range(1, turns + 1):
            _send(page, f"events {number}")
            _ended(page, 300)
            if number in (max(1, turns // 10), turns):
                sizes.append(_heap_mb(cdp))
        nodes = _nodes(page)
    text = 2 * EVENTS_A_TURN * (turns - max(1, turns // 10)) / 1e6
    took = time.perf_counter() - started
    note = f"{sizes[0]:.1f} and {sizes[-1]:.1f} MB, of which {text:.1f} MB is the text that came; {nodes:,} elements; {took:.0f} s"
    return [
        Figure(
            f"heap after {turns * EVENTS_A_TURN:,} events, beyond a tenth of them and the text",
            sizes[-1] - sizes[0] - text,
            "MB",
            10,
            note=note,
        )
    ]


def _heap_mb(cdp: CDPSession) -> float:
    """What the page holds once garbage is collected."""
    asked: Any = cdp
    asked.send("HeapProfiler.collectGarbage")
    return asked.send("Runtime.getHeapUsage")["usedSize"] / 1e6


class _session:
    """A window on a session."""

    def __init__(self, browser: Browser, daemon: Daemon, sid: str):
        self._opened, self._sid = opened(browser, daemon), sid

    def __enter__(self) -> tuple[Page, CDPSession]:
        page = self._opened.__enter__()
        page.evaluate(f"location.hash = '#/s/{self._sid}'")
        log = page.get_by_role("log", name="Timeline")
        expect(log.get_by_role("article").first).to_be_visible(timeout=60_000)
        expect(log.get_by_text(re.compile("earlier turn"))).to_have_count(0, timeout=60_000)
        cdp = page.context.new_cdp_session(page)
        page.wait_for_timeout(500)
        return page, cdp

    def __exit__(self, *error: object) -> None:
        self._opened.__exit__(None, None, None)


def _send(page: Page, text: str) -> None:
    box = page.get_by_role("textbox", name="Message")
    box.fill(text)
    box.press("Control+Enter")
    page.get_by_role("button", name=re.compile("^Stop( |$)")).wait_for(timeout=30_000)


def _ended(page: Page, timeout_s: int) -> None:
    page.get_by_role("button", name=re.compile("^Stop( |$)")).wait_for(state="detached", timeout=1_000 * timeout_s)


def _nodes(page: Page) -> int:
    return page.evaluate("document.querySelectorAll('*').length")


def main() -> int:
    """Measure, print, and write the section with `--write`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="events over which the heap is measured (0: leave it out)")
    parser.add_argument("--write", action="store_true", help=f"also write {DOCUMENT.relative_to(ROOT)}")
    chosen = parser.parse_args()
    text = f"{HEAD}{INTRODUCTION}\n{machine.describe()}\n\n{table(figures(chosen.events))}\n"
    print(text)
    if chosen.write:
        first, *rest = re.split(r"^(?=## )", DOCUMENT.read_text(), flags=re.MULTILINE)
        kept = [section for section in rest if not section.startswith(HEAD)]
        DOCUMENT.write_text("".join([first, text + "\n", *kept]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
