"""Random kills and stops of every process of a daemon while turns are asked for and watched; then the books are checked.

`Soak(folder, kills, seed).run()` is one home. The figures add up over homes.
"""

import contextlib
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from opta_core.errors import OptaError
from support.daemon import Daemon, carries, processes
from support.model_server import Action, ModelServer, Say, Use
from support.oracles import until
from support.promises import ENDINGS, check_journal

SERVICES = ("gateway", "agent", "tools", "sessions", "desktop")
SESSIONS = 2
PAUSE_S = (0.15, 1.1)
AWAY_S_MAX = 4.0
STOP_SHARE, SUPERVISORD_SHARE = 0.2, 0.01


def reply(messages: list[dict[str, Any]]) -> list[Action]:
    """Words, a tool that reads, words, a command that says once that it ran and leaves a process behind, words."""
    asked = next(message["content"] for message in reversed(messages) if message["role"] == "user")
    at = max(number for number, message in enumerate(messages) if message["role"] == "user")
    results = sum(message["role"] == "tool" for message in messages[at:])
    words = Say("some words and then some more of them. " * 3, rate=100)
    if results == 0:
        return [words, Use("list_dir", {"path": "."})]
    if results == 1:
        return [words, Use("run_command", {"command": f"echo '{asked}' >> ran.txt; (sleep 300 &) ; sleep 0.2"})]
    return [words]


class Soak:
    """One home. `figures` counts; `problems` says what was broken."""

    def __init__(self, folder: Path, kills: int, seed: int):
        self._folder, self._kills = folder, kills
        self._random = random.Random(seed)
        self.figures: Counter[str] = Counter()
        self.longest_stall_s = 0.0
        self.problems: list[str] = []
        self._stop = threading.Event()
        self._ready_at = time.monotonic()
        self._accepted: dict[str, list[str]] = {}
        self._seen: dict[str, list[bytes]] = {}

    def run(self) -> "Soak":
        """Start, hurt, heal, check."""
        with ModelServer(reply) as model, Daemon(self._folder, model_url=model.url) as daemon:
            sids = [daemon.session(mode="do", policy="unrestricted") for _ in range(SESSIONS)]
            workers = [threading.Thread(target=self._work, args=(daemon, sid)) for sid in sids]
            for worker in workers:
                worker.start()
            while self.figures["kills"] < self._kills and all(worker.is_alive() for worker in workers):
                time.sleep(self._random.uniform(*PAUSE_S))
                self._let_it_come_back(daemon)
                self._hurt(daemon)
            self._stop.set()
            for worker in workers:
                worker.join(120)
            if any(worker.is_alive() for worker in workers):
                self.problems.append(f"a client still waits for its turn\n{daemon.logs()}")
            for sid in sids:
                self._check(daemon, sid)
            self._check_world(daemon)
        return self

    def _work(self, daemon: Daemon, sid: str) -> None:
        client = daemon.client
        self._accepted[sid], self._seen[sid] = [], []
        number = 0
        try:
            while not self._stop.is_set():
                number += 1
                turn = str(client.post(f"/v3/sessions/{sid}/turns", {"text": f"{sid} {number}"}, f"{sid}-{number}")["turnId"])
                self._accepted[sid].append(turn)
                self._watch(client, sid, turn)
        except Exception as error:
            self.problems.append(f"{sid}: {type(error).__name__}: {error}\n{daemon.logs()}")

    def _watch(self, client: Any, sid: str, turn: str) -> None:
        seen = self._seen[sid]
        last_at = time.monotonic()
        for line in client.events(sid, len(seen)):
            now = time.monotonic()
            self.longest_stall_s = max(self.longest_stall_s, now - last_at)
            last_at = now
            seen.append(line)
            event = json.loads(line)
            if event.get("turn") == turn and event["event"] in ENDINGS:
                return

    def _let_it_come_back(self, daemon: Daemon) -> None:
        """Hold the next kill back where a start takes longer than the kills leave it: a client gives up after 20 s without a daemon."""
        if daemon.client.is_ready()[0]:
            self._ready_at = time.monotonic()
        elif time.monotonic() - self._ready_at > AWAY_S_MAX:
            if not until(lambda: daemon.client.is_ready()[0], 20):
                self.problems.append(f"the daemon did not come back\n{daemon.logs()}")
            self._ready_at = time.monotonic()

    def _hurt(self, daemon: Daemon) -> None:
        chance = self._random.random()
        try:
            if chance < SUPERVISORD_SHARE:
                os.kill(daemon.supervisor().pid(), signal.SIGKILL)
                self.figures["supervisord"] += 1
                if left := daemon.leftovers():
                    self.problems.append(f"left over after the death of supervisord: {left}")
                daemon.up()
            else:
                service = self._random.choice(SERVICES)
                if chance < STOP_SHARE:
                    pid = daemon.kill(service, signal.SIGSTOP)
                    time.sleep(self._random.uniform(0.1, 1.5))
                    os.kill(pid, signal.SIGCONT)
                    self.figures["stops"] += 1
                else:
                    daemon.kill(service)
            self.figures["kills"] += 1
        except (KeyError, ProcessLookupError, OptaError):
            pass

    def _check(self, daemon: Daemon, sid: str) -> None:
        lines = daemon.journal(sid)
        seen = self._seen[sid]
        try:
            events = check_journal(lines)
        except AssertionError as error:
            self.problems.append(f"{sid}: {error}")
            return
        if lines[: len(seen)] != seen:
            self.problems.append(f"{sid}: the client saw something else than the journal holds")
        if [event["turn"] for event in events if event["event"] == "turn.start"] != self._accepted[sid]:
            self.problems.append(f"{sid}: accepted turns and journal differ")
        self.figures["turns"] += len(self._accepted[sid])
        self.figures["events"] += len(events)
        self.figures["tools"] += sum(event["event"] == "tool.start" for event in events)
        for name in ("turn.done", "turn.error"):
            self.figures[name] += sum(event["event"] == name for event in events)

    def _check_world(self, daemon: Daemon) -> None:
        ran = Counter((daemon.workspace / "ran.txt").read_text().splitlines())
        self.figures["commands"] += len(ran)
        self.problems += [f"command of turn {name!r} ran {count} times" for name, count in ran.items() if count > 1]
        time.sleep(0.5)
        orphans = [command for pid, command in processes() if command.startswith("sleep 300") and _carries_mark(pid, daemon)]
        self.problems += [f"orphan: {command}" for command in orphans]


def _carries_mark(pid: int, daemon: Daemon) -> bool:
    with contextlib.suppress(OSError):
        if os.readlink(f"/proc/{pid}/cwd") == str(daemon.workspace):
            return True
    return carries(pid, f"OPTA_HOME={daemon.home}".encode())


def run_side_by_side(folder: Path, kills: int, homes: int, seed: int) -> tuple[Counter[str], float, list[str]]:
    """(figures, longest stall in seconds, problems) of several homes at once."""
    soaks = [Soak(folder / f"home{number}", kills // homes, seed + number) for number in range(homes)]
    problems: list[str] = []

    def run(soak: Soak) -> None:
        try:
            soak.run()
        except BaseException as error:
            problems.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=run, args=(soak,)) for soak in soaks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    figures: Counter[str] = Counter()
    for soak in soaks:
        figures += soak.figures
        problems += soak.problems
    return figures, max(soak.longest_stall_s for soak in soaks), problems
