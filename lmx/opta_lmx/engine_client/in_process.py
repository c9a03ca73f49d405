"""An engine in this process: replaces `EngineSupervisor` in tests, without a child process.

Messages cross as JSON, as they do between processes. Each step of the engine is one turn of the event loop.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from opta_core.errors import OptaError, Unavailable
from opta_protocol.error_info import ErrorCode

from ..ipc.messages import EngineMessage, FromEngine, Loaded, LoadFailed, Ping, ToEngine
from .client import EngineClient, Report

SendMessages = Callable[[list[EngineMessage]], None]


class LocalEngine(Protocol):
    """What the twin drives: `opta_lmx.engine.mlx_engine.MlxEngine`, or a scripted engine of a test."""

    @property
    def is_busy(self) -> bool: ...

    def loaded(self) -> Loaded: ...

    def take(self, order: Any, size: int) -> None: ...

    def step(self) -> None: ...


class InProcessEngine(EngineClient):
    """The client of an engine in this process. `make` loads the engine, which sends its messages to the function that it gets."""

    def __init__(self, name: str, report: Report, make: Callable[[SendMessages], LocalEngine]):
        super().__init__(name, report)
        self._make = make
        self._engine: LocalEngine | None = None
        self._is_stepping = False
        self._to_engine = msgspec.json.Decoder(ToEngine)
        self._from_engine = msgspec.json.Decoder(FromEngine)

    @property
    def pid(self) -> int:
        return self.loaded.pid if self.loaded else 0

    @property
    def memory(self) -> int:
        return self.loaded.memory if self.loaded else 0

    def start(self) -> None:
        self.failure = ""
        if self._engine is not None:
            return
        try:
            self._engine = self._make(self._on_messages)
        except Exception as error:  # as the engine process reports it
            self._on_messages([LoadFailed(message=f"{self.name} cannot be loaded: {error}")])
            return
        self._on_messages([self._engine.loaded()])

    async def stop(self) -> None:
        self.is_stopped = True
        self._engine = None
        self.lose(Unavailable(f"{self.name} was unloaded.", code=ErrorCode.engine_lost, retry_after_s=1))
        self.refuse_waiting()

    def check(self) -> None:
        self.send(Ping())

    def send(self, message: ToEngine) -> None:
        if self._engine is None:
            return
        content = msgspec.json.encode(message)
        self._engine.take(self._to_engine.decode(content), len(content))
        self._step_soon()

    def kill(self, error: OptaError) -> None:
        """Lose the engine, as if its process had died; `start` makes the next one."""
        self._engine = None
        self.restarts += 1
        self.lose(error)

    def _step_soon(self) -> None:
        if not self._is_stepping and self._engine is not None and self._engine.is_busy:
            self._is_stepping = True
            asyncio.get_running_loop().call_soon(self._step)

    def _step(self) -> None:
        self._is_stepping = False
        if self._engine is not None:
            self._engine.step()
            self._step_soon()

    def _on_messages(self, messages: list[EngineMessage]) -> None:
        self.receive(self._from_engine.decode(msgspec.json.encode(messages)))
