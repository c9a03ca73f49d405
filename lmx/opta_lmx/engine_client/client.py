"""The front's side of an engine child: starts it, sends requests, hears the answers, starts it again.

Loading is spawning, unloading is ending; a crash costs one model's running requests, which are asked once
more when nothing of their answer was told yet and else end with a typed error, and nothing else.
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Literal, cast

import msgspec

from opta_core.errors import OptaError, Unavailable
from opta_core.inheritance import python
from opta_core.logs import Log
from opta_core.process.process import memory_bytes
from opta_protocol.errors import ErrorCode

from ..ipc.framing import Wire
from ..ipc.messages import (
    Cancel,
    Delta,
    Embed,
    EngineConfig,
    Failed,
    Finished,
    FromEngine,
    Generate,
    Loaded,
    LoadFailed,
    Ping,
    Tokenize,
    Tokens,
    Trim,
    Vectors,
)  # fmt: skip
from ..models.catalog import Model
from ..server.model_events import ModelEvents
from .blas import blas_environment
from .fair_queue import FairQueue, Slot

LOAD_S = 300.0
# A model that dies so often is left alone for that long, or until somebody asks to load it.
DEATHS_MAX, DEATHS_WINDOW_S = 3, 300.0
RESTART_S = 0.05
# A long prompt keeps the child from answering for a while, but not for this long.
WATCHDOG_S = 60.0
# A request waits so long for its turn, for its first token, and for its last one.
QUEUE_S, FIRST_TOKEN_S, ANSWER_S = 60.0, 300.0, 1800.0
STOP_S = 2.0

_decoder = msgspec.json.Decoder(FromEngine)
_encode = msgspec.json.Encoder().encode
log = Log("engines")

EngineEvent = Delta | Finished
Order = Generate | Embed | Tokenize
Piece = Delta | Finished | Vectors | Tokens
State = Literal["loading", "loaded", "failed", "quarantined", "stopped"]


class Engine:
    """One model's child and its requests."""

    def __init__(self, config: EngineConfig, model: Model, news: ModelEvents):
        self.name, self.model, self.pinned = model.name, model, False
        self._config, self._news = config, news
        self._wire: Wire | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._fair_queue = FairQueue()
        self._requests: dict[int, tuple[Slot, asyncio.Queue[Piece | OptaError]]] = {}
        self._heard_at = 0.0
        self._next_id = 0
        self._deaths: list[float] = []
        self._watch: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._is_stopped = False
        self.loaded: Loaded | None = None
        # Why it cannot be loaded, and until when it is left alone.
        self.failure = ""
        self.quarantined_until = 0.0
        self.used_at = self.started_at = time.monotonic()
        self.restarts = 0

    @property
    def pid(self) -> int:
        """Of the child; 0 when there is none."""
        return self._process.pid if self._process and self._process.poll() is None else 0

    @property
    def running(self) -> int:
        """Requests in the child, and those that wait for it."""
        return len(self._fair_queue)

    @property
    def waiting(self) -> int:
        """Requests that wait for a slot."""
        return self._fair_queue.waiting

    @property
    def memory(self) -> int:
        """Bytes that the child holds now."""
        return memory_bytes(self.pid) if self.pid else 0

    @property
    def state(self) -> State:
        """What it does now."""
        if self._is_stopped:
            return "stopped"
        if self.failure:
            return "failed"
        if self.quarantined_until > time.monotonic():
            return "quarantined"
        return "loaded" if self.loaded is not None else "loading"

    @property
    def problem(self) -> str:
        """Why it does not answer and will not soon; '' when it does, or is about to."""
        if self.failure:
            return self.failure
        left_s = self.quarantined_until - time.monotonic()
        if left_s > 0:
            return (
                f"{self.name} died {len(self._deaths)} times in five minutes and is left alone for {left_s:.0f} s more. "
                f"To try at once: opta models load {self.name}"
            )
        return ""

    def start(self) -> None:
        """Keep a child running from now on; one that failed, or was left alone, is tried again."""
        is_waiting_out = self.quarantined_until > time.monotonic()
        self.failure, self.quarantined_until, self._deaths = "", 0.0, []
        self.started_at = time.monotonic()
        if is_waiting_out and self._watch is not None:
            self._watch.cancel()
        if self._watch is None or self._watch.done() or is_waiting_out:
            self._watch = asyncio.create_task(self._keep_running(), name=f"engine {self.name}")

    async def stop(self) -> None:
        """End the child; what it was answering ends with an error."""
        self._is_stopped = True
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
        self._fail_all(Unavailable(f"{self.name} was unloaded.", code=ErrorCode.engine_lost, retry_after_s=1))
        self.loaded = None
        self._changed.set()
        self._hang_up()

    async def until_loaded(self) -> Loaded:
        """Wait for the model. Raises Unavailable: it failed, is left alone, was stopped, or takes too long."""
        try:
            async with asyncio.timeout(LOAD_S):
                while self.loaded is None:
                    if self._is_stopped:
                        raise Unavailable(f"{self.name} was unloaded.", code=ErrorCode.engine_lost, retry_after_s=1)
                    if self.problem:
                        raise Unavailable(self.problem, retryable=not self.failure, retry_after_s=10)
                    self._changed.clear()
                    await self._changed.wait()
                return self.loaded
        except TimeoutError:
            raise Unavailable(f"{self.name} is not loaded after {LOAD_S:g} s.") from None

    def generate(self, order: Generate, client: str = "", *, is_batch: bool = False) -> AsyncIterator[list[EngineEvent]]:
        """The answer's pieces as they come, Finished last. Raises OptaError: too_many_requests, engine_lost, timeout, …"""
        return cast("AsyncIterator[list[EngineEvent]]", self._ask(order, client, is_batch=is_batch))

    async def once(self, order: Embed | Tokenize, client: str = "") -> Vectors | Tokens:
        """The one answer of an order that has just one. Raises OptaError."""
        async with contextlib.aclosing(self._ask(order, client)) as answer:
            async for pieces in answer:
                for piece in pieces:
                    if isinstance(piece, Vectors | Tokens):
                        return piece
        raise Unavailable(f"The engine of {self.name} gave no answer.", code=ErrorCode.engine_lost)

    async def _ask(self, order: Order, client: str, *, is_batch: bool = False) -> AsyncGenerator[list[Piece], None]:
        try:
            async with asyncio.timeout(QUEUE_S):
                slot = await self._fair_queue.enter(client, is_batch=is_batch)
        except TimeoutError:
            message = f"This request waited {QUEUE_S:g} s for {self.name}; {self.running} are before it or at work."
            raise OptaError(message, code=ErrorCode.too_many_requests, retryable=True, retry_after_s=10) from None
        try:
            is_told, is_second = False, False
            while True:
                try:
                    async with contextlib.aclosing(self._attempt(order, slot)) as attempt:
                        async for pieces in attempt:
                            is_told = True
                            yield pieces
                    return
                except OptaError as error:
                    # Nothing of the answer was told: the next child may give it, once; a prompt that kills would do so again.
                    if error.code != ErrorCode.engine_lost or is_told or is_second or self._is_stopped:
                        raise
                    is_second = True
                    await self._fair_queue.again(slot)
        finally:
            slot.leave()
            self.used_at = time.monotonic()

    async def _attempt(self, order: Order, slot: Slot) -> AsyncGenerator[list[Piece], None]:
        await self.until_loaded()
        self._next_id += 1
        id_ = self._next_id
        queue: asyncio.Queue[Piece | OptaError] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        late = loop.call_later(FIRST_TOKEN_S, queue.put_nowait, _too_late(self.name, FIRST_TOKEN_S))
        end = loop.call_later(ANSWER_S, queue.put_nowait, _too_late(self.name, ANSWER_S))
        self._requests[id_] = slot, queue
        try:
            self._send(msgspec.structs.replace(order, id=id_))
            while True:
                pieces: list[Piece] = []
                piece = await queue.get()
                late.cancel()
                while True:
                    if isinstance(piece, OptaError):
                        raise piece
                    pieces.append(piece)
                    if queue.empty():
                        break
                    piece = queue.get_nowait()
                yield pieces
                if not isinstance(pieces[-1], Delta):
                    return
        finally:
            late.cancel()
            end.cancel()
            if self._end(id_) is not None:
                self._send(Cancel(id=id_))

    def _end(self, id_: int) -> "asyncio.Queue[Piece | OptaError] | None":
        """The child is done with a request, so the next one may go to it; whoever reads the answer may be slow."""
        slot, queue = self._requests.pop(id_, (None, None))
        if slot is not None:
            slot.leave()
        return queue

    def _fail_all(self, error: OptaError) -> None:
        requests, self._requests = self._requests, {}
        for slot, queue in requests.values():
            queue.put_nowait(error)
            slot.leave()

    async def _keep_running(self) -> None:
        while True:
            await self._spawn()
            assert self._process is not None
            await _exited(self._process)
            self._on_death(self._process.returncode)
            if self.failure:
                return
            now = time.monotonic()
            self._deaths = [at for at in self._deaths if now - at < DEATHS_WINDOW_S] + [now]
            if len(self._deaths) >= DEATHS_MAX:
                self.quarantined_until = now + DEATHS_WINDOW_S
                log.error("engine left alone", model=self.name, deaths=len(self._deaths), seconds=DEATHS_WINDOW_S)
                self._news.tell("quarantined", model=self.name, reason=self.problem)
                self._changed.set()
                await asyncio.sleep(DEATHS_WINDOW_S)
                self._deaths = []
            await asyncio.sleep(RESTART_S)

    async def _spawn(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = self._start_child(theirs.fileno())
        ours.setblocking(False)
        self._hang_up()
        _, self._wire = await asyncio.get_running_loop().connect_accepted_socket(lambda: Wire(self._on_message), ours)
        log.info("engine started", model=self.name, pid=self._process.pid)

    def _start_child(self, descriptor: int) -> "subprocess.Popen[bytes]":
        # From the loop's thread: the child dies with the thread that started it.
        config = msgspec.structs.replace(self._config, descriptor=descriptor)
        command = python("opta_lmx.engine", [_encode(config).decode()])
        environment = {**os.environ, **blas_environment()}
        return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, pass_fds=[descriptor])

    def _on_death(self, code: int | None) -> None:
        self.loaded = None
        self._hang_up()
        self.restarts += 1
        reason = signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"
        log.warning("engine ended", model=self.name, reason=reason, requests=len(self._requests))
        self._news.tell("died", model=self.name, reason=reason, requests=len(self._requests))
        message = f"The engine of {self.name} was lost ({reason}). It is starting again."
        self._fail_all(Unavailable(message, code=ErrorCode.engine_lost, retry_after_s=1))

    def _on_message(self, content: bytes) -> None:
        for message in _decoder.decode(content):
            match message:
                case Loaded():
                    self._on_loaded(message)
                case LoadFailed():
                    self.failure = message.message
                    self._news.tell("failed", model=self.name, reason=message.message)
                    self._changed.set()
                case Delta() | Finished() | Vectors() | Tokens():
                    if known := self._requests.get(message.id):
                        known[1].put_nowait(message)
                        if not isinstance(message, Delta):
                            self._end(message.id)
                case Failed():
                    if queue := self._end(message.id):
                        queue.put_nowait(_failure(message))

    def _on_loaded(self, message: Loaded) -> None:
        if self.loaded is None:
            self._news.tell("loaded", model=self.name, seconds=message.seconds, memory=message.memory)
        self.loaded, self._heard_at = message, time.monotonic()
        self._changed.set()

    def ask(self) -> None:
        """Have the child say how it is; one that has said nothing for too long is killed and started again."""
        if self.loaded is None or self._process is None:
            return
        if time.monotonic() - self._heard_at > WATCHDOG_S:
            log.error("engine is silent", model=self.name, pid=self.pid, seconds=WATCHDOG_S)
            self._process.kill()
        else:
            self._send(Ping())

    def trim(self, size: int) -> None:
        """Have the child keep no more than `size` bytes of earlier prompts."""
        self._send(Trim(bytes=size))

    def _send(self, message: Order | Cancel | Ping | Trim) -> None:
        if self._wire is not None:
            self._wire.send(_encode(message))

    def _hang_up(self) -> None:
        if self._wire is not None:
            self._wire.close()
            self._wire = None


def _failure(message: Failed) -> OptaError:
    codes = {"context_length_exceeded": ErrorCode.context_overflow, "bad_prompt": ErrorCode.invalid, "invalid": ErrorCode.invalid}
    return OptaError(message.message, code=codes.get(message.code, ErrorCode.broken))


def _too_late(name: str, seconds: float) -> OptaError:
    return OptaError(f"{name} did not answer within {seconds:g} s.", code=ErrorCode.timeout, retryable=True, retry_after_s=5)


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
    while process.poll() is None:  # noqa: ASYNC110 - where the system gives no descriptor of a process
        await asyncio.sleep(0.02)
