"""Which models are loaded: found by name, loaded when asked for, put away when unused or when memory is short.

Promise: memory is never used up. A model that does not fit is refused with the figures; above the marks below LMX says so,
puts away what is idle, and at last takes no new requests. What is in use or pinned stays until an admin says otherwise.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from opta_core.errors import Refused, Unavailable
from opta_core.logs import Log
from opta_core.process.process import memory_bytes, memory_total
from opta_core.settings import LmxSettings
from opta_protocol.errors import ErrorCode

from ..engine_client.client import Engine
from ..ipc.messages import EngineConfig
from ..server.keep_awake import Awake
from ..server.model_events import ModelEvents
from . import catalog
from .catalog import Model

# Shares of the limit: told to watchers, idle models put away, new requests refused.
WARN, EVICT, SHED = 0.85, 0.90, 0.95
# Of the machine's memory, when no limit is set; the rest is for whoever works on it.
LIMIT_SHARE = 0.75
# Of the limit, for what is kept of earlier prompts, in all engines together.
PREFIX_SHARE = 0.15
MIB = 1024**2
KNOWN_S = 2.0
# Conversations may take at least this much, however large the model.
CACHE_BYTES_MIN = 256 * MIB

log = Log("shelf")


class EnginePool:
    """The engines, by their models' names."""

    def __init__(self, models: Path, settings: LmxSettings, news: ModelEvents, extra: Model | None = None):
        self._folder, self._settings, self._news = models, settings, news
        self._extra = extra
        self._known: dict[str, Model] = {}
        self._stamp: object = None
        self.engines: dict[str, Engine] = {}
        self.limit = settings.memory_limit_mb * MIB or int(memory_total() * LIMIT_SHARE)
        self.used = 0
        self._mark = 0.0
        self._loading = asyncio.Lock()
        self._awake = Awake()
        self._aliases = dict(pair.split("=", 1) for pair in settings.aliases)
        self._drafts = dict(pair.split("=", 1) for pair in settings.drafts)
        self.default = extra.name if extra else self._default()

    def models(self) -> dict[str, Model]:
        """Every model that could be loaded, by name. Looked at anew when one comes or goes, and every other second."""
        stamp = (self._folder.stat().st_mtime_ns if self._folder.exists() else 0, time.monotonic() // KNOWN_S)
        if stamp != self._stamp:
            self._stamp = stamp
            self._known = catalog.models(self._folder) | ({self._extra.name: self._extra} if self._extra else {})
        return self._known

    def resolve(self, wanted: str, *, for_vectors: bool = False) -> Model:
        """The model that answers to a name; a name nobody knows gets the default one. Raises Refused: no name."""
        catalog.check_name(wanted)
        known = self.models()
        name = self._aliases.get(wanted, wanted)
        if name in known:
            return known[name]
        if for_vectors and (found := next((model for model in known.values() if model.capability == "embedding"), None)):
            return found
        return known[self.default]

    async def engine(self, wanted: str, *, for_vectors: bool = False) -> Engine:
        """The engine that answers to a name, loaded or about to be. Raises Refused, Unavailable: there is no room for it."""
        model = self.resolve(wanted, for_vectors=for_vectors)
        engine = self.engines.get(model.name)
        if engine is None:
            engine = await self.load(model.name)
        if self.used > self.limit * SHED:
            raise Unavailable(f"Memory is short: {self._figures()}. No new requests are taken.", retry_after_s=10)
        engine.used_at = time.monotonic()
        return engine

    async def load(self, name: str, *, pin: bool = False) -> Engine:
        """Start an engine for a model, or try again with one that failed. Raises Refused: unknown, or no room for it."""
        async with self._loading:
            model = self.models().get(name)
            if model is None:
                raise Refused(f"There is no model {name[:80]!r} here. `opta models list` shows them.", code=ErrorCode.model_not_found)
            engine = self.engines.get(name)
            if engine is None:
                await self._make_room(model)
                engine = self.engines[name] = Engine(self._config(model), model, self._news)
                self._news.tell("loading", model=name, needed=model.needed_bytes)
                engine.start()
            else:
                # Whoever asks for it by name gives it another chance: earlier deaths count no more.
                engine.start()
            engine.pinned |= pin
            return engine

    async def unload(self, name: str, reason: str = "asked for") -> bool:
        """End a model's engine, whatever it does; False when it is not loaded."""
        engine = self.engines.pop(name, None)
        if engine is None:
            return False
        await engine.stop()
        log.info("model unloaded", model=name, reason=reason)
        self._news.tell("unloaded", model=name, reason=reason)
        return True

    async def stop(self) -> None:
        """End every engine."""
        await asyncio.gather(*(self.unload(name, "LMX stops") for name in list(self.engines)))

    @property
    def running(self) -> int:
        """Requests at work and waiting, of all models."""
        return sum(engine.running for engine in self.engines.values())

    async def tick(self) -> None:
        """Look after the engines; twice a second."""
        for engine in self.engines.values():
            engine.ask()
        self.used = memory_bytes() + sum(engine.memory for engine in self.engines.values())
        self._awake.note(is_busy=bool(self.running))
        await self._put_away_unused()
        await self._guard_memory()

    def entry(self, model: Model) -> dict[str, Any]:
        """A model as `/v1/models` and `/admin/models` tell of it."""
        engine = self.engines.get(model.name)
        loaded = engine.loaded if engine else None
        entry: dict[str, Any] = {
            "id": model.name,
            "object": "model",
            "created": 0,
            "owned_by": "lmx",
            "state": engine.state if engine else "on disk",
            "default": model.name == self.default,
            "context_length": loaded.context_length if loaded else model.context_length,
            "bytes": model.weight_bytes,
        }
        if model.capability:
            entry["capability"] = model.capability
        if model.tools is not None:
            entry["tools"] = list(model.tools)
        if engine is not None and engine.problem:
            entry["problem"] = engine.problem
        return entry

    def details(self, model: Model) -> dict[str, Any]:
        """The same, with what an admin wants to know."""
        entry = self.entry(model) | {"needed": model.needed_bytes, "repo": model.repo, "revision": model.revision, "licence": model.licence}
        if engine := self.engines.get(model.name):
            idle_s = 0.0 if engine.running else round(time.monotonic() - engine.used_at, 1)
            entry |= {
                "pinned": self._is_pinned(engine), "memory": engine.memory, "pid": engine.pid, "running": engine.running, "idle_s": idle_s, "restarts": engine.restarts,
            }  # fmt: skip
        return entry

    def memory(self) -> dict[str, Any]:
        """Bytes used by LMX and its limit."""
        return {"used": self.used, "limit": self.limit, "level": self._level()}

    def _default(self) -> str:
        known, wanted = self.models(), self._settings.model
        name = self._aliases.get(wanted, wanted)
        if name not in known:
            log.error("configured model not found, serving the probe", model=wanted, folder=self._folder)
            return "probe"
        return name

    def _config(self, model: Model) -> EngineConfig:
        draft = self.models().get(self._drafts.get(model.name, ""))
        disk = self._folder.parent / "lmx" / "prefixes"
        return EngineConfig(
            name=model.name,
            folder=str(model.folder),
            draft=str(draft.folder) if draft else "",
            prefix_bytes=int(self.limit * PREFIX_SHARE),
            token_bytes=model.token_bytes,
            cache_bytes=max(int(self.limit * (EVICT - PREFIX_SHARE)) - model.weight_bytes, CACHE_BYTES_MIN),
            disk=str(disk) if self._settings.prefix_disk_gb else "",
            disk_bytes=int(self._settings.prefix_disk_gb * 1024**3),
            # One model at a time is spread: the default one.
            ring=self._settings.ring if model.name == self.default else "",
        )

    async def _make_room(self, model: Model) -> None:
        """Put idle models away until a new one fits. Raises Unavailable with the figures when it does not."""
        room = self.limit * EVICT
        while self._committed() + model.needed_bytes > room:
            if not await self._put_away_one(f"{model.name} needs room"):
                raise Unavailable(
                    f"{model.name} needs {_size(model.needed_bytes)}, but {_size(self._committed())} of the {_size(room)} that LMX may use are taken"
                    f" by {', '.join(self.engines) or 'nothing'}. Unload a model (opta models unload NAME), or raise lmx.memory-limit-mb.",
                    retryable=False,
                )

    def _committed(self) -> int:
        """What the loaded models have, or will have when they are at work."""
        return sum(max(engine.memory, engine.model.needed_bytes) for engine in self.engines.values())

    async def _put_away_unused(self) -> None:
        after_s = self._settings.idle_s
        for name, engine in list(self.engines.items()):
            unused_s = time.monotonic() - engine.used_at
            if after_s and name != self.default and not self._is_pinned(engine) and not engine.running and unused_s > after_s:
                await self.unload(name, f"unused for {unused_s:.0f} s")

    async def _put_away_one(self, reason: str) -> bool:
        """The model that was unused the longest; False when all are in use or pinned."""
        idle = [engine for engine in self.engines.values() if not engine.running and not self._is_pinned(engine)]
        if not idle:
            return False
        # The default one goes last: it is asked for most.
        oldest = min(idle, key=lambda engine: (engine.name == self.default, engine.used_at))
        return await self.unload(oldest.name, reason)

    async def _guard_memory(self) -> None:
        mark = next((mark for mark in (SHED, EVICT, WARN) if self.used > self.limit * mark), 0.0)
        if mark > self._mark:
            log.warning("memory is short", level=self._level(), figures=self._figures())
            self._news.tell("memory", level=self._level(), used=self.used, limit=self.limit)
        self._mark = mark
        if mark >= EVICT:
            for engine in self.engines.values():
                engine.trim(0)
            busy: Callable[[Engine], bool] = lambda engine: bool(engine.running) or engine.name == self.default  # noqa: E731
            if any(not busy(engine) and not self._is_pinned(engine) for engine in self.engines.values()):
                await self._put_away_one(f"memory is short: {self._figures()}")

    def _level(self) -> str:
        marks = ((SHED, "shed"), (EVICT, "evict"), (WARN, "warn"))
        return next((name for mark, name in marks if self.used > self.limit * mark), "ok")

    def _is_pinned(self, engine: Engine) -> bool:
        return engine.pinned or engine.name in self._settings.pinned

    def _figures(self) -> str:
        return f"LMX uses {_size(self.used)} of {_size(self.limit)} ({100 * self.used / self.limit:.0f} %)"


def _size(size: float) -> str:
    return f"{size / 1024**3:.1f} GiB" if size >= 1024**3 else f"{size / MIB:.0f} MiB"
