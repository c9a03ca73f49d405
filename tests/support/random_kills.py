"""Services of a real daemon that are killed at random moments, and requests that are sent until one of them is answered."""

import contextlib
import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from opta_core.errors import OptaError
from support.daemon import Daemon
from support.oracles import until

T = TypeVar("T")
SERVICES = ("agent", "gateway", "sessions", "tools")
# How long a service that was killed takes to be there again on a machine with nothing else to do.
USUAL_START_S = 1.0


class RandomKills:
    """`with RandomKills(daemon, seed) as kills:` ends one service after another with SIGKILL; `kills.ended` names them in order.

    `services`: those that are killed. `pauses_s`: the least and the most seconds between the moment at which the daemon is whole again and the
    next kill, longer as far as the machine is slower. One in four comes without waiting for that, and so two are dead at once.
    """

    def __init__(self, daemon: Daemon, seed: int, pauses_s: tuple[float, float] = (0.2, 0.9), services: tuple[str, ...] = SERVICES):
        self._daemon, self._chance, self._pauses_s, self._services = daemon, random.Random(seed), pauses_s, services
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._kill, name="killer")
        self.ended: list[str] = []

    def __enter__(self) -> "RandomKills":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _kill(self) -> None:
        # Each is ended as often as the others, in an order that chance gives.
        left: list[str] = []
        run = self._daemon.loaded.paths.run
        slowness = 1.0
        while not self._stop.wait(self._chance.uniform(*self._pauses_s) * slowness):
            left = left or self._chance.sample(self._services, len(self._services))
            service = left.pop()
            # One that is just starting again is not there to be killed.
            with contextlib.suppress(OptaError, OSError, KeyError):
                # What is killed from outside is no crash loop, which would slow its starts down.
                (run / f"{service}.starts").unlink(missing_ok=True)
                self._daemon.kill(service)
                self.ended.append(service)
            # A machine that is busy takes longer to start a process, and would never be whole.
            if self._chance.random() > 0.25:
                killed = time.monotonic()
                until(lambda: self._stop.is_set() or self._daemon.client.is_ready()[0], 20)
                # It takes longer for a request, too, and none would ever be answered.
                slowness = max(1.0, (time.monotonic() - killed) / USUAL_START_S)


def insist(ask: Callable[[], T], timeout_s: float = 60) -> T:
    """The answer to a request that is sent until it is answered. Raises OptaError: it is refused, and would be again."""
    answers: list[T] = []

    def is_answered() -> bool:
        try:
            answers.append(ask())
        except OptaError as error:
            if not error.retryable:
                raise
        except OSError:
            pass
        return bool(answers)

    assert until(is_answered, timeout_s), "no request was answered"
    return answers[0]
