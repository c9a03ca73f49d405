"""The agent is killed at random moments of a turn: each request must be byte-identical to one of a turn without kills. `./opta dev kills [N]`.

The turn reads files in a window of 8192 tokens, so that it is folded several times. Ids of calls are random and therefore numbered in the
order in which they appear.
"""

import contextlib
import json
import random
import re
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opta_core.errors import OptaError

from .daemon import Daemon
from .model_server import Action, ModelServer, Say, Use

KILLS = 200
STEPS, WINDOW = 40, 8192
# How long the agent runs between two kills, in seconds after it is ready.
UPTIME_S = (0.0, 1.2)
_CALL_ID = re.compile(r'"id": "([^"]+)", "type": "function"')


@dataclass
class Found:
    """What a run showed. `different`: requests that no undisturbed turn sends; `unfinished`: turns that did not end as asked.

    `first`: where the first of the different requests and the undisturbed one part.
    """

    kills: int = 0
    turns: int = 0
    requests: int = 0
    repeated: int = 0
    different: int = 0
    unfinished: int = 0
    first: str = ""
    seconds: float = 0.0


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    """Each step says something and reads two parts of a file; after STEPS steps the turn ends."""
    done = sum(message["role"] == "assistant" for message in messages)
    said = [message for message in messages if message["role"] == "assistant"]
    step = int(re.findall(r"Step (\d+)", said[-1]["content"])[0]) + 1 if done and said[-1].get("content") else 0
    if step >= STEPS:
        return [Say("All is read.")]
    return [
        Say(f"Step {step}: the next part. ", rate=400),
        Use("read_file", {"path": f"part{step % 7}.txt", "start_line": step + 1, "end_line": step + 30}),
        Use("list_dir", {"path": "."}),
    ]


def run(folder: Path, kills: int = KILLS, seed: int = 0) -> Found:
    """Kill the agent of a daemon in `folder` until it was killed `kills` times and the last turn has ended."""
    chance, found, started = random.Random(seed), Found(), time.monotonic()
    with (
        ModelServer(reply, {"context_length": WINDOW}) as model,
        Daemon(folder, model_url=model.url) as daemon,
    ):
        for number in range(7):
            (daemon.workspace / f"part{number}.txt").write_text("".join(f"{number}: line {line} of a file\n" for line in range(100)))

        def turn() -> tuple[str, list[str]]:
            model.requests.clear()
            sid = daemon.session(mode="do")
            events = daemon.follow(sid, daemon.submit(sid, "Read all parts."))
            return events[-1]["event"], [_normalised(request.body) for request in model.requests]

        ending, expected = turn()
        assert ending == "turn.done" and len(expected) > STEPS, (ending, len(expected))
        stop = threading.Event()

        def kill() -> None:
            while found.kills < kills and not stop.is_set():
                stop.wait(chance.uniform(*UPTIME_S))
                with contextlib.suppress(OptaError, OSError, KeyError):
                    pid = daemon.kill("agent")
                    found.kills += 1
                    while daemon.pids().get("agent", pid) == pid and not stop.wait(0.02):
                        pass

        killer = threading.Thread(target=kill, name="killer")
        killer.start()
        try:
            while found.kills < kills:
                ending, requests = turn()
                found.turns += 1
                found.unfinished += ending != "turn.done"
                found.requests += len(requests)
                _compare(requests, expected, found)
        finally:
            stop.set()
            killer.join()
    found.seconds = time.monotonic() - started
    return found


def _compare(requests: list[str], expected: list[str], found: Found) -> None:
    at = 0
    for request in requests:
        # A request that was cut off is sent again; every other one is the next.
        if at and request == expected[at - 1]:
            found.repeated += 1
        elif at < len(expected) and request == expected[at]:
            at += 1
        else:
            found.different += 1
            found.first = found.first or _difference(request, expected[min(at, len(expected) - 1)])
    found.unfinished += at != len(expected)


def _difference(one: str, other: str) -> str:
    at = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return f"{one[max(0, at - 60) : at + 100]!r}\nin place of\n{other[max(0, at - 60) : at + 100]!r}"


def _normalised(body: dict[str, Any]) -> str:
    text = json.dumps(body)
    numbers: dict[str, str] = {}
    for found in _CALL_ID.finditer(text):
        numbers.setdefault(found[1], f"call{len(numbers)}")
    for id_, number in numbers.items():
        text = text.replace(id_, number)
    return text


def main() -> int:
    """Run it and say what was found; 1 when a request differed or a turn did not end."""
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else KILLS
    with tempfile.TemporaryDirectory() as folder:
        found = run(Path(folder), kills, seed=random.randrange(1 << 32))
    print(
        f"{found.kills} kills in {found.turns} turns, {found.requests} requests, of them {found.repeated} sent again; "
        f"different: {found.different}, unfinished turns: {found.unfinished}, {found.seconds:.0f} s"
    )
    if found.first:
        print(found.first)
    return 1 if found.different or found.unfinished else 0


if __name__ == "__main__":
    sys.exit(main())
