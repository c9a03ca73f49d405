"""`./opta dev bench`: measures every figure of the daemon against its bar, in about three minutes.

`--write` also writes the table to docs/benchmarks.md and leaves the rest of that page as it is. Arguments select parts. `--lmx` also measures LMX, which takes eight
more minutes. All traffic stays on loopback, and every started process is ended.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import checked_edits  # noqa: E402
import command_starts  # noqa: E402
import crowd  # noqa: E402
import floods  # noqa: E402
import large  # noqa: E402
import library  # noqa: E402
import lists  # noqa: E402
import machine  # noqa: E402
import memory  # noqa: E402
import page  # noqa: E402
import prompts  # noqa: E402
import respawn  # noqa: E402
import starts  # noqa: E402
import tokens  # noqa: E402
import tool_execution  # noqa: E402
import tools  # noqa: E402
import turns  # noqa: E402
import undo_cost  # noqa: E402
from figure import Figure, table  # noqa: E402
from scripted import Scripted  # noqa: E402
from support.daemon import Daemon  # noqa: E402

import lmx  # noqa: E402

PAGE = ROOT / "docs" / "benchmarks.md"
Part = Callable[[Daemon, Scripted], list[Figure]]
PARTS: dict[str, Part] = {
    "start": lambda daemon, _: starts.repeated(daemon),
    "commands": lambda daemon, _: command_starts.figures(daemon),
    "rest": lambda daemon, _: memory.at_rest(daemon),
    "first": lambda daemon, server: asyncio.run(prompts.first_request(daemon, server)),
    "prompt": lambda daemon, server: [asyncio.run(prompts.warm(daemon, server))],
    "paced": lambda daemon, server: asyncio.run(tokens.paced(daemon, server)),
    "tools": lambda daemon, server: asyncio.run(tools.round_trips(daemon, server)),
    "execution": lambda *_: tool_execution.figures(),
    "undo": lambda *_: undo_cost.figures(),
    "checks": lambda *_: checked_edits.figures(),
    "flood": lambda daemon, server: asyncio.run(tokens.flat_out(daemon, server)),
    "floods": lambda daemon, server: asyncio.run(floods.figures(daemon, server)),
    "turns": lambda *_: turns.figures(),
    "crowd": lambda daemon, server: asyncio.run(crowd.figures(daemon, server)),
    "respawn": lambda daemon, _: respawn.figures(daemon),
    "silence": lambda daemon, server: asyncio.run(respawn.silences(daemon, server)),
    "use": lambda daemon, _: asyncio.run(memory.after_use(daemon)),
    "past": lambda _, server: _past(server),
    "large": lambda _, server: large.figures(server),
    "sessions": lambda *_: large.crowd(),
}


def main() -> int:
    """Measure and print; write the page with `--write`. Returns 1 when a part could not be measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"some of: {', '.join(PARTS)} (default: all)")
    parser.add_argument("--lmx", action="store_true", help="also measure LMX; without it, the page keeps the last LMX figures")
    parser.add_argument("--write", action="store_true", help=f"also write {PAGE.relative_to(ROOT)}")
    chosen = parser.parse_args()
    if unknown := set(chosen.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; they are {', '.join(PARTS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends the started processes
    about = machine.describe()
    figures, failed = _measure(chosen.parts or list(PARTS))
    text = f"{about}\n\n{table(figures)}\n"
    print(text)
    section = lmx.section() if chosen.lmx else ""
    print(section)
    if chosen.write and not failed:
        PAGE.write_text(page.renewed(PAGE.read_text(), text, section))
    return 1 if failed else 0


def _measure(parts: list[str]) -> tuple[list[Figure], list[str]]:
    figures: list[Figure] = []
    failed: list[str] = []
    with (
        tempfile.TemporaryDirectory(prefix="opta-bench-") as folder,
        Scripted() as server,
        Daemon(Path(folder), model_url=server.url) as daemon,
    ):
        for name in parts:
            started = time.perf_counter()
            try:
                figures += PARTS[name](daemon, server)
            except Exception as error:  # a failed part must not prevent the others
                failed.append(name)
                what = "".join(traceback.format_exception(error))
                print(f"✕ {name}: {what}\n{daemon.logs()}", file=sys.stderr)
            print(f"  {name}: {time.perf_counter() - started:.1f} s", file=sys.stderr, flush=True)
    return figures, failed


def _past(server: Scripted) -> list[Figure]:
    """A separate home with 1,000 sessions."""
    with tempfile.TemporaryDirectory(prefix="opta-bench-") as folder:
        daemon = Daemon(Path(folder), model_url=server.url)
        paths = daemon.loaded.paths
        paths.make()
        sid, last = library.fill(paths.sessions, daemon.workspace)
        with daemon:
            figures = asyncio.run(lists.figures(daemon, sid, last))
            figures += asyncio.run(prompts.long_session(daemon, server, sid, library.LONG_TURNS, last))
            figures.append(asyncio.run(starts.once(daemon, "1,000 sessions, with the index")))
    return figures


if __name__ == "__main__":
    sys.exit(main())
