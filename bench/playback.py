"""`python bench/playback.py`: measures the replay of a session of 2,000 turns in a real Chromium on a real daemon, in about a minute.

`--write` also replaces the section of docs/benchmarks.md. All traffic stays on loopback, and every started process is ended.
"""

import argparse
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import machine  # noqa: E402
from figure import Figure, table  # noqa: E402
from playwright.sync_api import expect  # noqa: E402
from support import past_sessions  # noqa: E402
from support.browser import chromium, opened  # noqa: E402
from support.daemon import Daemon  # noqa: E402

DOCUMENT = ROOT / "docs" / "benchmarks.md"
HEAD = "## The replay of a session\n"
INTRODUCTION = """
Written by `python bench/playback.py --write`: the built page in headless Chromium without a GPU. A position is reached when the frame with it
is drawn.
"""
TURNS, TOKENS_A_TURN, JUMPS = 2_000, 100, 40
SID = "kaaaab"
# Runs in the page: moves the slider to a share of the replay, and waits for the frame in which the turn of that moment is drawn.
JUMP = """(share) => new Promise(done => {
    const slider = document.querySelector('input[type=range]');
    const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
    const before = slider.getAttribute('aria-valuetext');
    const started = performance.now();
    set.call(slider, String(Math.round(share * Number(slider.max))));
    slider.dispatchEvent(new Event('input', {bubbles: true}));
    const look = () => {
        if (slider.getAttribute('aria-valuetext') === before) requestAnimationFrame(look);
        else requestAnimationFrame(() => done(performance.now() - started));
    };
    requestAnimationFrame(look);
})"""


def figures() -> list[Figure]:
    """How long the journal is read, and how long a jump takes."""
    with tempfile.TemporaryDirectory(prefix="opta-bench-") as folder, chromium() as browser:
        daemon = Daemon(Path(folder))
        daemon.loaded.paths.make()
        events = past_sessions.long_session(SID, daemon.workspace, TURNS, TOKENS_A_TURN, title="long")
        past_sessions.write(daemon.loaded.paths.sessions, SID, events)
        with daemon, opened(browser, daemon) as page:
            page.evaluate(f"location.hash = '#/s/{SID}'")
            log = page.get_by_role("log", name="Timeline")
            expect(log.get_by_role("article").first).to_be_visible(timeout=60_000)
            expect(log.get_by_text(re.compile("earlier turn"))).to_have_count(0, timeout=60_000)
            started = time.perf_counter()
            page.get_by_role("button", name="Replay this session as it happened").click()
            page.get_by_role("slider").wait_for(timeout=120_000)
            read_s = time.perf_counter() - started
            page.keyboard.press("k")
            jumps = [page.evaluate(JUMP, (number * 0.381966) % 1) for number in range(1, JUMPS + 1)]
            nodes = page.evaluate("document.querySelectorAll('*').length")
    jumps.sort()
    return [
        Figure(f"from the button to the first frame of {TURNS:,} turns, {len(events):,} events", read_s, "s", 10),
        Figure("a jump to anywhere in it, median", statistics.median(jumps), "ms", 100, note=f"{JUMPS} jumps, {nodes:,} elements"),
        Figure("the slowest of them", jumps[-1], "ms", 400),
    ]


def main() -> int:
    """Measure, print, and write the section with `--write`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"also write {DOCUMENT.relative_to(ROOT)}")
    chosen = parser.parse_args()
    text = f"{HEAD}{INTRODUCTION}\n{machine.describe()}\n\n{table(figures())}\n"
    print(text)
    if chosen.write:
        first, *rest = re.split(r"^(?=## )", DOCUMENT.read_text(), flags=re.MULTILINE)
        kept = [section for section in rest if not section.startswith(HEAD)]
        DOCUMENT.write_text("".join([first, *kept, "\n" + text]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
