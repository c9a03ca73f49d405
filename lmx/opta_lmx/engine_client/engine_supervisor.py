"""Runs one model's engine as a child process: starts it, watches it, and starts it again.

Loading a model is starting the process, unloading is ending it. A model whose process dies, or cannot be started, three times
in five minutes is quarantined: it is left alone for five minutes, or until `start` is called.
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable

import msgspec

from opta_core.errors import Unavailable
from opta_core.inheritance import python
from opta_core.logs import Log
from opta_core.process.process import memory_bytes
from opta_protocol.error_info import ErrorCode

from ..ipc.framing import EngineConnection
from ..ipc.messages import EngineConfig, FromEngine, Ping, ToEngine
from .blas import blas_environment
from .client import EngineClient, Report

DEATHS_MAX, DEATHS_WINDOW_S = 3, 300.0
RESTART_S = 0.05
# A long prompt delays the engine's replies, but not for this long.
WATCHDOG_S = 60.0
STOP_S = 2.0

_decoder = msgspec.json.Decoder(FromEngine)
_encode = msgspec.json.Encoder().encode
log = Log("engines")


def engine_command(config: EngineConfig) -> list[str]:
    """The command line of an engine process."""
    return python("opta_lmx.engine", [_encode(config).decode()])


class EngineSupervisor(EngineClient):
    """The client of an engine in a child process. `command` makes the command line from the configuration."""

    def __init__(self, config: EngineConfig, report: Report, command: Callable[[EngineConfig], list[str]] = engine_command):
        super().__init__(config.name, report)
        self._config, self._command = config, command
        self._connection: EngineConnection | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._heard_at = 0.0
        self._deaths: list[float] = []
        self._last_reason = ""
        self._quarantined_until = 0.0

    @property
    def pid(self) -> int:
        return self._process.pid if self._process and self._process.poll() is None else 0

    @property
    def memory(self) -> int:
        return memory_bytes(self.pid) if self.pid else 0

    @property
    def problem(self) -> str:
        if self.failure:
            return self.failure
        left_s = self._quarantined_until - time.monotonic()
        if left_s <= 0:
            return ""
        return (
            f"{self.name} is quarantined for {left_s:.0f} s more: its engine died {len(self._deaths)} times in five minutes "
            f"(last: {self._last_reason}). To try at once: opta models load {self.name}"
        )

    def start(self) -> None:
        was_quarantined = self._quarantined_until > time.monotonic()
        self.failure, self._quarantined_until, self._deaths = "", 0.0, []
        if was_quarantined and self._watch is not None:
            self._watch.cancel()
        if self._watch is None or self._watch.done() or was_quarantined:
            self._watch = asyncio.create_task(self._keep_running(), name=f"engine {self.name}")
            self._watch.add_done_callback(self._on_watch_end)

    async def stop(self) -> None:
        self.is_stopped = True
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(self._process.wait, STOP_S)
            if self._process.poll() is None:
                self._process.kill()
                await asyncio.to_thread(self._process.wait)
        self._hang_up()
        self.lose(Unavailable(f"{self.name} was unloaded.", code=ErrorCode.engine_lost, retry_after_s=1))
        self.refuse_waiting()

    def check(self) -> None:
        if self.loaded is None or self._process is None:
            return
        if time.monotonic() - self._heard_at > WATCHDOG_S:
            log.error("engine is silent", model=self.name, pid=self.pid, seconds=WATCHDOG_S)
            self._process.kill()
        else:
            self.send(Ping())

    def send(self, message: ToEngine) -> None:
        if self._connection is not None:
            self._connection.send(_encode(message))

    async def _keep_running(self) -> None:
        while not self.failure:
            try:
                process = await self._spawn()
            except OSError as error:  # no descriptor, no memory, no program: treated like an engine that ended at once
                self._on_death(f"the process cannot be started: {error}")
            else:
                await _exited(process)
                self._on_death(_reason(process.returncode))
            if len(self._deaths) >= DEATHS_MAX and not self.failure:
                await self._quarantine()
            await asyncio.sleep(RESTART_S)

    async def _spawn(self) -> "subprocess.Popen[bytes]":
        # Finding it runs a program: not on the event loop.
        environment = {**os.environ, **await asyncio.to_thread(blas_environment)}
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = self._start_process(theirs.fileno(), environment)
            ours.setblocking(False)
            loop = asyncio.get_running_loop()
            _, self._connection = await loop.connect_accepted_socket(lambda: EngineConnection(self._on_message), ours)
        except BaseException:
            ours.close()
            raise
        log.info("engine started", model=self.name, pid=self._process.pid)
        return self._process

    def _start_process(self, descriptor: int, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
        # In the loop's thread: the child dies with the thread that started it.
        command = self._command(msgspec.structs.replace(self._config, descriptor=descriptor))
        return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, pass_fds=[descriptor])

    def _on_message(self, content: bytes) -> None:
        self._heard_at = time.monotonic()
        self.receive(_decoder.decode(content))

    def _on_death(self, reason: str) -> None:
        now = time.monotonic()
        self._deaths = [at for at in self._deaths if now - at < DEATHS_WINDOW_S] + [now]
        self._last_reason = reason
        self._hang_up()
        self.restarts += 1
        running = self.running - self.waiting
        log.warning("engine ended", model=self.name, reason=reason, requests=running)
        self.report("died", model=self.name, reason=reason, requests=running)
        self.lose(
            Unavailable(
                f"The engine of {self.name} was lost ({reason}). It is starting again.", code=ErrorCode.engine_lost, retry_after_s=1
            )
        )

    async def _quarantine(self) -> None:
        self._quarantined_until = time.monotonic() + DEATHS_WINDOW_S
        log.error("engine quarantined", model=self.name, deaths=len(self._deaths), seconds=DEATHS_WINDOW_S)
        self.report("quarantined", model=self.name, reason=self.problem)
        self.refuse_waiting()
        await asyncio.sleep(DEATHS_WINDOW_S)
        self._deaths = []

    def _on_watch_end(self, watch: "asyncio.Task[None]") -> None:
        """Handle a bug in the watching task, which would otherwise leave the model "loading" for ever."""
        if watch.cancelled() or (error := watch.exception()) is None:
            return
        log.error("engine is no longer watched", model=self.name, reason=error)
        self.failure = f"LMX failed to run {self.name}: {error}. To try again: opta models load {self.name}"
        self.lose(Unavailable(self.failure, code=ErrorCode.engine_lost))
        self.refuse_waiting()

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _reason(code: int | None) -> str:
    return signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"


async def _exited(process: "subprocess.Popen[bytes]") -> None:
    """Wait for the end of a process without polling where the system can tell it."""
    if hasattr(os, "pidfd_open"):
        with contextlib.suppress(OSError):
            watch = os.pidfd_open(process.pid)
            ended = asyncio.Event()
            asyncio.get_running_loop().add_reader(watch, ended.set)
            try:
                await ended.wait()
            finally:
                asyncio.get_running_loop().remove_reader(watch)
                os.close(watch)
    while process.poll() is None:  # noqa: ASYNC110 - where the system gives no descriptor of a process
        await asyncio.sleep(0.02)
