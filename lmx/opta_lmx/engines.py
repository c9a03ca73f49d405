"""The front's side of an engine child: starts it, sends requests, hears the answers, starts it again.

Loading is spawning, unloading is ending; a crash costs one model's running requests, which end with
a typed error, and nothing else.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from opta_core.bus import Bus, Frames
from opta_core.errors import OptaError, Unavailable
from opta_core.logs import Log
from opta_protocol.errors import ErrorCode

from .blas import blas_environment
from .engine_messages import Cancel, Delta, Failed, Finished, FromEngine, Generate, Loaded, LoadFailed, Ping
from .line import Line, Place

LOAD_S = 120.0
DEATHS_MAX, DEATHS_WINDOW_S = 3, 300.0
RESTART_S = 0.05
# A long prompt keeps the child from answering for a while, but not for this long.
WATCHDOG_S = 60.0
# An order that the child does not list by then never reached it.
FORGOTTEN_S = 1.5

_decoder = msgspec.json.Decoder(FromEngine)
_encode = msgspec.json.Encoder().encode
log = Log("engines")

Answer = Delta | Finished


class Engine:
    """One model's child and its requests."""

    def __init__(self, bus: Bus, run: Path, name: str, folder: Path):
        self.name, self.folder = name, folder
        self._run = run
        self._socket = f"lmx.{name}"
        self._router = bus.router(self._socket, self._on_message)
        self._peer = b""
        self._process: subprocess.Popen[bytes] | None = None
        self._line = Line()
        self._requests: dict[int, tuple[Place, asyncio.Queue[Answer | OptaError]]] = {}
        self._sent_at: dict[int, float] = {}
        self._heard_at = 0.0
        self._next_id = 0
        self._deaths: list[float] = []
        self._watch: asyncio.Task[None] | None = None
        self._is_loaded = asyncio.Event()
        self.loaded: Loaded | None = None
        self.problem = ""
        self.tokens = 0

    @property
    def pid(self) -> int:
        """Of the child; 0 when there is none."""
        return self._process.pid if self._process and self._process.poll() is None else 0

    @property
    def running(self) -> int:
        """Requests in the child, and those that wait for it."""
        return len(self._line)

    def start(self) -> None:
        """Keep a child running from now on."""
        self._watch = asyncio.create_task(self._keep_running(), name=f"engine {self.name}")

    async def stop(self) -> None:
        """End the child."""
        if self._watch is not None:
            self._watch.cancel()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(self._process.wait, 2)
            if self._process.poll() is None:
                self._process.kill()
        self._router.close()

    async def generate(self, order: Generate, client: str = "") -> AsyncIterator[list[Answer]]:
        """The answer's pieces as they come, Finished last. Raises OptaError: too_many_requests, engine_lost, …"""
        place = await self._line.enter(client)
        self._next_id += 1
        id_ = self._next_id
        queue: asyncio.Queue[Answer | OptaError] = asyncio.Queue()
        try:
            await self._until_loaded()
            self._requests[id_] = place, queue
            self._sent_at[id_] = time.monotonic()
            self._router.send(self._peer, [_encode(msgspec.structs.replace(order, id=id_))])
            while True:
                parts: list[Answer] = []
                part = await queue.get()
                while True:
                    if isinstance(part, OptaError):
                        raise part
                    parts.append(part)
                    if queue.empty():
                        break
                    part = queue.get_nowait()
                yield parts
                if isinstance(parts[-1], Finished):
                    return
        finally:
            self._sent_at.pop(id_, None)
            if self._end(id_) is not None:
                self._router.send(self._peer, [_encode(Cancel(id=id_))])
            place.leave()

    def _end(self, id_: int) -> "asyncio.Queue[Answer | OptaError] | None":
        """The child is done with a request, so the next one may go to it; whoever reads the answer may be slow."""
        place, queue = self._requests.pop(id_, (None, None))
        if place is not None:
            place.leave()
        return queue

    async def _until_loaded(self) -> None:
        try:
            async with asyncio.timeout(LOAD_S):
                while self.loaded is None:
                    if self.problem:
                        raise Unavailable(self.problem, code=ErrorCode.unavailable, retryable=False)
                    self._is_loaded.clear()
                    await self._is_loaded.wait()
        except TimeoutError:
            raise Unavailable(f"{self.name} is not loaded after {LOAD_S:g} s.") from None

    async def _keep_running(self) -> None:
        while True:
            self._spawn()
            assert self._process is not None
            await _exited(self._process)
            self._on_death(self._process.returncode)
            now = time.monotonic()
            self._deaths = [at for at in self._deaths if now - at < DEATHS_WINDOW_S] + [now]
            if self.problem or len(self._deaths) > DEATHS_MAX * 4:
                self.problem = (
                    self.problem
                    or f"{self.name} died {len(self._deaths)} times in five minutes and is not started again. Restart LMX: opta daemon restart lmx"
                )
                log.error("engine given up", model=self.name, reason=self.problem)
                self._is_loaded.set()
                return
            await asyncio.sleep(RESTART_S if len(self._deaths) <= DEATHS_MAX else 0.5)

    def _spawn(self) -> None:
        # From the loop's thread: the child dies with the thread that started it.
        environment = {**os.environ, **blas_environment()}
        command = [sys.executable, "-m", "opta_lmx.mlx_engine", str(self.folder), str(self._run), self._socket]
        self._process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL)
        log.info("engine started", model=self.name, pid=self._process.pid)

    def _on_death(self, code: int | None) -> None:
        self.loaded = None
        self._peer = b""
        reason = signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"
        log.warning("engine ended", model=self.name, reason=reason, requests=len(self._requests))
        lost = Unavailable(
            f"The engine of {self.name} was lost ({reason}). It is starting again.", code=ErrorCode.engine_lost, retry_after_s=1
        )
        requests, self._requests = self._requests, {}
        for place, queue in requests.values():
            queue.put_nowait(lost)
            place.leave()

    def _on_message(self, peer: bytes, frames: Frames) -> None:
        for message in _decoder.decode(frames[0]):
            match message:
                case Loaded():
                    if message.pid == self.pid:  # not the last words of a dead child
                        self._peer, self.loaded, self._heard_at = peer, message, time.monotonic()
                        self._is_loaded.set()
                        self._fail_forgotten(message.running)
                case LoadFailed():
                    self.problem = message.message
                    self._is_loaded.set()
                case Delta() | Finished():
                    self.tokens += isinstance(message, Delta)
                    if known := self._requests.get(message.id):
                        known[1].put_nowait(message)
                        if isinstance(message, Finished):
                            self._end(message.id)
                case Failed():
                    code = {
                        "context_length_exceeded": ErrorCode.context_overflow,
                        "bad_prompt": ErrorCode.invalid,
                        "invalid": ErrorCode.invalid,
                    }.get(message.code, ErrorCode.broken)
                    if queue := self._end(message.id):
                        queue.put_nowait(OptaError(message.message, code=code))

    def _fail_forgotten(self, running: list[int]) -> None:
        """Requests that the child does not know: their order was lost on the way."""
        now = time.monotonic()
        for id_ in [id_ for id_, at in self._sent_at.items() if now - at > FORGOTTEN_S and id_ not in running]:
            self._sent_at.pop(id_)
            if queue := self._end(id_):
                queue.put_nowait(
                    Unavailable(f"The engine of {self.name} lost this request.", code=ErrorCode.engine_lost, retry_after_s=0.2)
                )

    def ask(self) -> None:
        """Have the child say how it is; one that has said nothing for too long is killed and started again."""
        if self._peer and self._process is not None and time.monotonic() - self._heard_at > WATCHDOG_S:
            log.error("engine is silent", model=self.name, pid=self.pid, seconds=WATCHDOG_S)
            self._process.kill()
        elif self._peer:
            self._router.send(self._peer, [_encode(Ping(front=self.name))])


async def _exited(process: "subprocess.Popen[bytes]") -> None:
    if hasattr(os, "pidfd_open"):
        # Woken by its end, and not fifty times a second to ask for it.
        watch = os.pidfd_open(process.pid)
        ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(watch, ended.set)
        try:
            await ended.wait()
        finally:
            asyncio.get_running_loop().remove_reader(watch)
            os.close(watch)
    while process.poll() is None:
        await asyncio.sleep(0.02)
