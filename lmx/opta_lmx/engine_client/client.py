"""One model's engine as the server sees it: its state, its queue, and the requests that it works on.

An engine that is lost costs its running requests at most: those of which no event has arrived are sent once more to the next
engine process, the others end with a typed error. `EngineSupervisor` runs the engine as a child process, `InProcessEngine`
in this process.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Literal, Protocol

import msgspec

from opta_core.errors import OptaError, Refused, Unavailable
from opta_protocol.error_info import ErrorCode

from ..ipc.messages import (
    Cancel,
    Delta,
    Embed,
    Failed,
    Finished,
    FromEngine,
    Generate,
    Loaded,
    LoadFailed,
    Loading,
    Share,
    ToEngine,
    Tokenize,
    Tokens,
    Trim,
    Vectors,
)  # fmt: skip
from .engine_stream import EngineEvent, EngineStream, Meter
from .fair_queue import FairQueue, Slot

# Deadlines of a request: for a slot, for the model to load, for the first event, and for the rest.
QUEUE_S, LOAD_S, FIRST_EVENT_S, ANSWER_S = 60.0, 300.0, 300.0, 1800.0

Order = Generate | Embed | Tokenize
State = Literal["loading", "loaded", "failed", "quarantined", "stopped"]

_ERROR_CODES = {"context_length_exceeded": ErrorCode.context_overflow, "bad_prompt": ErrorCode.invalid, "invalid": ErrorCode.invalid}


class Report(Protocol):
    """Receives an engine's events: the kind of event and its fields."""

    def __call__(self, kind: str, **fields: object) -> None: ...


class EngineClient(ABC):
    """Requests to one engine. Abstract: where the engine runs."""

    def __init__(self, name: str, report: Report):
        self.name, self.report = name, report
        self.pinned = False
        self.used_at = time.monotonic()
        # The engine's last status message; None while no model is loaded.
        self.loaded: Loaded | None = None
        # Bytes of the weights in memory, and of all of them, while the model is loaded; (0, 0) before the engine has said it.
        self.loading = (0, 0)
        self.started_at = time.monotonic()
        # Why the model cannot be loaded; '' when it can, or when it is not known yet.
        self.failure = ""
        self.restarts = 0
        self.is_stopped = False
        self._queue = FairQueue()
        self._calls: dict[int, _Call] = {}
        # Calls that have a slot and wait for the model.
        self._unsent: list[_Call] = []
        self._next_id = 0
        self._share: Share | None = None
        self._changed = asyncio.Event()

    @abstractmethod
    def start(self) -> None:
        """Keep an engine running from now on; after a failure or in quarantine, try again at once."""

    @abstractmethod
    async def stop(self) -> None:
        """End the engine; running requests end with an error."""

    @abstractmethod
    def check(self) -> None:
        """Ask the engine for its state, and replace one that is silent. Called twice a second."""

    @abstractmethod
    def send(self, message: ToEngine) -> None:
        """Send a message to the engine. It is dropped when there is none."""

    @property
    @abstractmethod
    def pid(self) -> int:
        """The engine's process; 0 when there is none."""

    @property
    @abstractmethod
    def memory(self) -> int:
        """Bytes that the engine holds now."""

    @property
    def problem(self) -> str:
        """Why the engine cannot answer requests; '' when it can, or is loading."""
        return self.failure

    @property
    def state(self) -> State:
        """The engine's current state."""
        if self.is_stopped:
            return "stopped"
        if self.failure:
            return "failed"
        if self.problem:
            return "quarantined"
        return "loading" if self.loaded is None else "loaded"

    @property
    def loading_s(self) -> float:
        """For how long the model has been loading; 0 when it is not."""
        return round(time.monotonic() - self.started_at, 1) if self.state == "loading" else 0.0

    @property
    def running(self) -> int:
        """Requests, running and waiting."""
        return len(self._queue)

    @property
    def waiting(self) -> int:
        """Requests that wait for a slot."""
        return self._queue.waiting

    async def until_loaded(self) -> Loaded:
        """Wait for the model. Raises Unavailable: it failed, is quarantined, was unloaded, or takes longer than `LOAD_S`."""
        try:
            async with asyncio.timeout(LOAD_S):
                while self.loaded is None:
                    if error := self._refusal():
                        raise error
                    self._changed.clear()
                    await self._changed.wait()
                return self.loaded
        except TimeoutError:
            raise self._late_load() from None

    def generate(self, orders: list[Generate], caller: str = "", meter: Meter | None = None, *, is_batch: bool = False) -> EngineStream:
        """Start one request of one or more choices. Raises OptaError (too_many_requests)."""
        return self._open(orders, caller, meter, is_batch=is_batch)

    async def once(self, order: Embed | Tokenize, caller: str = "") -> Vectors | Tokens:
        """The result of an order that has exactly one. Raises OptaError."""
        with self._open([order], caller) as stream:
            async for events in stream:
                for _, event in events:
                    if isinstance(event, Vectors | Tokens):
                        return event
        raise Unavailable(f"The engine of {self.name} gave no result.", code=ErrorCode.engine_lost)

    def trim(self, size: int) -> None:
        """Reduce the prefix cache to `size` bytes."""
        self.send(Trim(bytes=size))

    def share(self, prefix_bytes: int, cache_bytes: int) -> None:
        """Limit the prefix cache and the KV caches of running requests from now on, also in the next engine process."""
        share = Share(prefix_bytes=prefix_bytes, cache_bytes=cache_bytes)
        if share != self._share:
            self._share = share
            if self.loaded is not None:
                self.send(share)

    def _open(
        self, orders: list[Generate] | list[Embed | Tokenize], caller: str, meter: Meter | None = None, *, is_batch: bool = False
    ) -> EngineStream:
        calls: list[_Call] = []

        def close() -> None:
            for call in calls:
                self._drop(call)

        stream = EngineStream(len(orders), close, meter)
        try:
            for at, order in enumerate(orders):
                call = _Call(stream, at, order, caller, self._begin, is_batch=is_batch)
                calls.append(call)
                call.set_deadline(QUEUE_S, self._late_slot)
                self._queue.enter(call.slot)
        except BaseException:
            stream.close()
            raise
        return stream

    def _begin(self, call: "_Call") -> None:
        """The call has a slot: send it, or wait for the model."""
        if self.loaded is not None:
            self._dispatch(call)
        elif error := self._refusal():
            self._fail(call, error)
        else:
            self._unsent.append(call)
            call.set_deadline(LOAD_S, self._late_load)

    def _dispatch(self, call: "_Call") -> None:
        self._next_id += 1
        call.id = self._next_id
        self._calls[call.id] = call
        call.set_deadline(FIRST_EVENT_S, lambda: self._late_answer(FIRST_EVENT_S))
        try:
            self.send(msgspec.structs.replace(call.order, id=call.id))
        except RecursionError:
            # A request that could be decoded may be too deep to be encoded. Only this call fails, not the one whose end freed the slot.
            self._fail(call, Refused("The request is nested too deeply.", code=ErrorCode.bad_request))

    def _drop(self, call: "_Call") -> None:
        """End a call whose client has gone, and cancel it in the engine."""
        if self._calls.get(call.id) is call:
            self.send(Cancel(id=call.id))
        self._end(call)

    def _end(self, call: "_Call") -> None:
        """Free what the call holds. The next request runs at once, however slowly this one is read."""
        call.cancel_deadline()
        self._calls.pop(call.id, None)
        if call in self._unsent:
            self._unsent.remove(call)
        self.used_at = time.monotonic()
        self._queue.leave(call.slot)

    def _fail(self, call: "_Call", error: OptaError) -> None:
        self._end(call)
        call.stream.fail(error)

    # from the engine ----------------------------------------------------------------------------------------

    def receive(self, messages: FromEngine) -> None:
        """Messages of the engine, in order."""
        for message in messages:
            match message:
                case Delta() | Finished() | Vectors() | Tokens():
                    if call := self._calls.get(message.id):
                        self._take(call, message)
                case Failed():
                    if call := self._calls.get(message.id):
                        self._fail(call, OptaError(message.message, code=_ERROR_CODES.get(message.code, ErrorCode.broken)))
                case Loaded():
                    self._on_loaded(message)
                case Loading():
                    self.loading = (message.done, message.total)
                case LoadFailed():
                    self.failure = message.message
                    self.report("failed", model=self.name, reason=message.message)
                    self.refuse_waiting()

    def _take(self, call: "_Call", event: EngineEvent) -> None:
        if not call.has_event:
            call.has_event = True
            call.set_deadline(ANSWER_S, lambda: self._late_answer(ANSWER_S))
        if not isinstance(event, Delta):
            self._end(call)
        call.stream.put(call.choice, event)

    def _on_loaded(self, message: Loaded) -> None:
        is_new, self.loaded = self.loaded is None, message
        self._changed.set()
        if is_new:
            self.report("loaded", model=self.name, seconds=message.seconds, memory=message.memory)
            if self._share is not None:
                self.send(self._share)
            unsent, self._unsent = self._unsent, []
            for call in unsent:
                self._dispatch(call)

    def lose(self, error: OptaError) -> None:
        """The engine is gone. Calls without an event go to the next engine, once: a prompt that kills would kill that one too."""
        self.loaded, self.loading, self.started_at = None, (0, 0), time.monotonic()
        calls, self._calls = list(self._calls.values()), {}
        for call in calls:
            if call.has_event or call.is_second or self.is_stopped:
                self._fail(call, error)
            else:
                call.is_second = True
                self._queue.leave(call.slot)
                self._queue.enter_again(call.slot)

    def refuse_waiting(self) -> None:
        """No engine will start for now: end every call that waits for the model, and wake `until_loaded`."""
        self._changed.set()
        if error := self._refusal():
            while self._unsent:
                self._fail(self._unsent[0], error)

    def _refusal(self) -> OptaError | None:
        if self.is_stopped:
            return Unavailable(f"{self.name} was unloaded.", code=ErrorCode.engine_lost, retry_after_s=1)
        if self.problem:
            return Unavailable(self.problem, retryable=not self.failure, retry_after_s=10)
        return None

    def _late_slot(self) -> OptaError:
        message = f"The request waited {QUEUE_S:g} s for {self.name}; {self.running} requests are running or waiting."
        return OptaError(message, code=ErrorCode.too_many_requests, retryable=True, retry_after_s=10)

    def _late_load(self) -> OptaError:
        return Unavailable(f"{self.name} is not loaded after {LOAD_S:g} s.")

    def _late_answer(self, seconds: float) -> OptaError:
        return OptaError(f"{self.name} did not answer within {seconds:g} s.", code=ErrorCode.timeout, retryable=True, retry_after_s=5)


class _Call:
    """One choice of a request: where its events go, its slot, and its deadline."""

    def __init__(self, stream: EngineStream, choice: int, order: Order, caller: str, on_turn: Callable[["_Call"], None], *, is_batch: bool):
        self.stream, self.choice, self.order = stream, choice, order
        self.slot = Slot(caller, lambda: on_turn(self), is_batch=is_batch)
        # The id in the engine; 0 while the call is not in the engine.
        self.id = 0
        self.has_event = self.is_second = False
        self._timer: asyncio.TimerHandle | None = None

    def set_deadline(self, seconds: float, error: Callable[[], OptaError]) -> None:
        """Fail the stream after `seconds`; replaces the previous deadline. The reader then leaves, which frees the call."""
        self.cancel_deadline()
        self._timer = asyncio.get_running_loop().call_later(seconds, lambda: self.stream.fail(error()))

    def cancel_deadline(self) -> None:
        """Remove the deadline."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
