"""Which models are loaded: loaded on demand, unloaded when unused or when memory is short.

Memory is never exhausted: a model that does not fit is refused with the figures. Above `WARN` of the limit LMX reports it, above
`EVICT` it unloads idle models and drops prefix caches, above `SHED` it refuses new requests. Running and pinned models stay until
an admin unloads them.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from opta_core.errors import Refused, Unavailable
from opta_core.lmx_settings import LmxSettings
from opta_core.logs import Log
from opta_core.process.process import memory_bytes, memory_total
from opta_core.provider_settings import ModelSettings
from opta_protocol.error_info import ErrorCode
from opta_protocol.lmx import LmxMemory, LmxModel, LmxModelDetails

from ..engine_client.client import EngineClient, Report
from ..engine_client.engine_supervisor import EngineSupervisor
from ..ipc.messages import EngineConfig
from . import sight
from .found.sources import Source
from .keep_awake import KeepAwake
from .known_models import READ_IDLE_S, KnownModels, Wanted
from .memory_plan import MIB, USABLE_SHARE, MemoryPlan, Need, Shares
from .model_catalog import ADMITTED_TOKENS, Model
from .model_events import ModelEvents
from .presets import preset_of
from .served_model import ServedModel

# Shares of the limit: reported, idle models unloaded, new requests refused.
WARN, EVICT, SHED = 0.85, USABLE_SHARE, 0.95
# Of the machine's memory, when no limit is set; the rest is for the person who works on it.
LIMIT_SHARE = 0.75

log = Log("models")


# A model that sees pictures may have two engines: one of its name for texts, and one of its name and this for requests with pictures.
WITH_PICTURES = " (pictures)"


class EnginePool:
    """The engines, by the names of their models, with `WITH_PICTURES` for a second one. `make_client` makes the client of one engine; `sources`: see `found`;
    `presets`: the settings `models.NAME.…`.
    """

    def __init__(
        self,
        folder: Path,
        settings: LmxSettings,
        events: ModelEvents,
        extra: Model | None = None,
        make_client: Callable[[EngineConfig, Report], EngineClient] = EngineSupervisor,
        sources: Sequence[Source] = (),
        presets: Mapping[str, ModelSettings] | None = None,
    ):
        self.catalog = KnownModels(folder, settings, sources, extra)
        self._folder, self._settings, self._events = folder, settings, events
        self._make_client, self._presets = make_client, presets or {}
        self.engines: dict[str, EngineClient] = {}
        self._loaded: dict[str, Model] = {}
        self.limit = settings.memory_limit_mb * MIB or int(memory_total() * LIMIT_SHARE)
        self._plan = MemoryPlan(self.limit)
        # What the engines measured, by model; more exact than the estimate from config.json.
        self._measured: dict[str, Need] = {}
        self.used = 0
        self._mark = 0.0
        self._loading = asyncio.Lock()
        self._keep_awake = KeepAwake()
        self._drafts = dict(pair.split("=", 1) for pair in settings.drafts)

    @property
    def default(self) -> str:
        """The model of a request that names none."""
        return self.catalog.default

    @property
    def idle_s(self) -> float:
        """Seconds after which an unused model is unloaded; 0: never."""
        return self._settings.idle_s

    async def blindness(self, wanted: str) -> str:
        """Why what a request names does not see pictures; '' when it does. Raises Refused."""
        found = await self.catalog.resolve(wanted)
        if found.model.sees and found.adapter is not None:
            return f"{found.name} names an adapter, with which LMX sees no pictures. Name the model alone: {found.model.name}"
        if found.model.has_vision and not sight.is_installed():
            return f"{found.model.name} sees pictures, but mlx-vlm is not installed. {sight.INSTALL}"
        return "" if found.model.sees else f"{found.model.name} does not see pictures, it reads only text parts"

    async def engine(self, wanted: str, *, for_vectors: bool = False, with_pictures: bool = False) -> ServedModel:
        """What serves a request, loaded or loading. Raises Refused, Unavailable: there is no memory for it."""
        found = await self.catalog.resolve(wanted, for_vectors=for_vectors)
        if with_pictures and (blindness := await self.blindness(wanted)):
            raise Refused(f"{blindness}.")
        if found.adapter is not None and found.model.sees_only:
            raise Refused(f"{found.model.name} is computed by mlx-vlm, with which LMX uses no adapters. Name the model alone.")
        name = found.model.name + (WITH_PICTURES if with_pictures and not found.model.sees_only else "")
        engine = self.engines.get(name)
        if engine is None:
            engine = await self.load(name)
        if self.used > self.limit * SHED:
            raise Unavailable(f"Memory is short: {self._figures()}. LMX takes no new requests until some is free.", retry_after_s=10)
        engine.used_at = time.monotonic()
        return ServedModel(engine, found.model.name, found.adapter)

    async def load(self, name: str, *, pin: bool = False) -> EngineClient:
        """Start an engine for a model, or restart one that failed. Raises Refused: the model is unknown. Unavailable: it does not fit."""
        async with self._loading:
            if (model := self._model_of(name)) is None:
                await self.catalog.refresh()
                model = self._model_of(name)
            if model is None:
                reason = (
                    f"{name[:80]} cannot be loaded: {problem}."
                    if (problem := self.catalog.unusable.get(name))
                    else f"There is no model {name[:80]!r} here."
                )
                raise Refused(f"{reason} List the models: opta models list", code=ErrorCode.model_not_found)
            engine = self.engines.get(name)
            if engine is None:
                await self._free_memory(name, model)
                self._loaded[name] = model
                engine = self.engines[name] = self._make_client(self._config(name, model), self._events.publish)
                self._share()
                self._events.publish("loading", model=name, needed=self._needed(name, model))
            # A person who asks for a quarantined model by name ends its quarantine.
            engine.start()
            engine.pinned |= pin
            return engine

    async def unload(self, name: str, reason: str = "asked for") -> bool:
        """End a model's engines, whatever they do; False when it is not loaded."""
        return bool([True for each in (name + WITH_PICTURES, name) if await self._unload(each, reason)])

    async def _unload(self, name: str, reason: str) -> bool:
        engine = self.engines.pop(name, None)
        if engine is None:
            return False
        del self._loaded[name]
        await engine.stop()
        self._share()
        log.info("model unloaded", model=name, reason=reason)
        self._events.publish("unloaded", model=name, reason=reason)
        return True

    async def stop(self) -> None:
        """End every engine."""
        await asyncio.gather(*(self._unload(name, "LMX stops") for name in list(self.engines)))

    @property
    def running(self) -> int:
        """Requests of all models, running and waiting."""
        return sum(engine.running for engine in self.engines.values())

    async def tick(self) -> None:
        """Check the engines, the memory and the catalog; twice a second."""
        for engine in self.engines.values():
            engine.check()
        self._note_measured()
        self.used = memory_bytes() + sum(engine.memory for engine in self.engines.values())
        self._keep_awake.note(is_busy=bool(self.running))
        await self.catalog.refresh(older_than_s=READ_IDLE_S)
        await self._unload_unused()
        await self._guard_memory()

    def entry(self, wanted: Wanted) -> LmxModel:
        """A model, or a model with an adapter, as `/v1/models` shows it."""
        details = msgspec.structs.replace(self.details(wanted.model), id=wanted.name)
        if wanted.adapter:
            details = msgspec.structs.replace(details, default=False, adapter=wanted.adapter.name, base=wanted.model.name)
        return LmxModel(**{field: getattr(details, field) for field in LmxModel.__struct_fields__})

    def entries(self) -> list[LmxModel]:
        """Every model, and every adapter with the models that it is for."""
        return [self.entry(wanted) for wanted in [*map(Wanted, self.catalog.models.values()), *self.catalog.adapted()]]

    def details(self, model: Model) -> LmxModelDetails:
        """A model with its figures, as `/admin/models` shows it."""
        engines = [self.engines[name] for name in (model.name, model.name + WITH_PICTURES) if name in self.engines]
        engine = next(iter(engines), None)
        loaded = engine.loaded if engine else None
        plain = LmxModelDetails(
            id=model.name,
            state=engine.state if engine else "on disk",
            default=model.name == self.default,
            context_length=loaded.context_length if loaded else model.context_length,
            bytes=model.weight_bytes,
            capability=model.capability,
            vision=model.sees,
            problem=next((engine.problem for engine in engines if engine.problem), ""),
            tools=None if model.tools is None else list(model.tools),
            needed=self._needed(model.name, model),
            repo=model.repo,
            revision=model.revision,
            licence=model.licence,
            origin=model.origin,
            architecture=model.architecture,
            quantisation=model.quantisation,
        )
        if engine is None:
            return plain
        return msgspec.structs.replace(
            plain,
            pinned=self._is_pinned(engine),
            memory=sum(engine.memory for engine in engines),
            pid=engine.pid,
            running=sum(engine.running for engine in engines),
            idle_s=min(0.0 if engine.running else round(time.monotonic() - engine.used_at, 1) for engine in engines),
            restarts=sum(engine.restarts for engine in engines),
            load_done=engine.loading[0] if engine.state == "loading" else 0,
            load_total=engine.loading[1] if engine.state == "loading" else 0,
            loading_s=engine.loading_s,
        )

    def details_of(self, engine: EngineClient) -> LmxModelDetails:
        """The same of a loaded engine. Raises Refused: it was unloaded meanwhile."""
        model = self._loaded.get(engine.name)
        if model is None:
            raise Refused(f"{engine.name!r} was unloaded meanwhile.", code=ErrorCode.not_found)
        return self.details(model)

    def shares(self) -> dict[str, Shares]:
        """What each engine may use for prompts and conversations."""
        return self._plan.shares({name: self._need(name, model) for name, model in self._loaded.items()})

    def memory(self) -> LmxMemory:
        """Bytes used by LMX, its limit, and how that is divided."""
        return LmxMemory(
            used=self.used,
            limit=self.limit,
            level=self._level(),
            models=self._plan.available,
            committed=self._committed(),
            prefixes=self._plan.prefix,
            total=memory_total(),
        )

    def _model_of(self, name: str) -> Model | None:
        """The model of an engine's name."""
        if (model := self.catalog.models.get(name)) is not None:
            return model
        model = self.catalog.models.get(name.removesuffix(WITH_PICTURES)) if name.endswith(WITH_PICTURES) else None
        return model if model is not None and model.sees and not model.sees_only else None

    def _draft_of(self, name: str) -> Model | None:
        return self.catalog.models.get(self._drafts.get(name, ""))

    def _config(self, name: str, model: Model) -> EngineConfig:
        draft = self._draft_of(name)
        disk = self._folder.parent / "lmx" / "prefixes"
        shares = self.shares()[name]
        return EngineConfig(
            name=name,
            folder=str(model.folder),
            kind="vision" if model.sees_only or name != model.name else "text",
            draft=str(draft.folder) if draft else "",
            lookup=self._settings.prompt_lookup,
            prefix_bytes=shares.prefix,
            cache_bytes=shares.conversations,
            conversation_tokens=ADMITTED_TOKENS,
            reserve_bytes=self._plan.reserve,
            disk=str(disk) if self._settings.prefix_disk_gb else "",
            disk_bytes=int(self._settings.prefix_disk_gb * 1024**3),
            preset=preset_of(self._presets, model.name),
            # Only one model at a time is distributed: the default one.
            ring=self._settings.ring if name == self.default and not model.sees_only else "",
        )

    async def _free_memory(self, name: str, model: Model) -> None:
        """Unload idle models until a new one fits. Raises Unavailable with the figures when it does not."""
        available, needed = self._plan.available, self._needed(name, model)
        while self._committed() + needed > available:
            if not await self._unload_one(f"{name} needs its memory"):
                raise Unavailable(
                    f"{name} needs {_size(needed)}, but {_size(self._committed())} of the {_size(available)} that models may use are taken"
                    f" by {', '.join(self.engines) or 'nothing'}. Unload a model (opta models unload NAME), or raise lmx.memory-limit-mb.",
                    retryable=False,
                )

    def _committed(self) -> int:
        """Bytes of the loaded models, now or once they run. The prefix caches have a share of their own."""
        return sum(
            max(engine.memory - _prefix_bytes(engine), self._needed(name, self._loaded[name])) for name, engine in self.engines.items()
        )

    def _needed(self, name: str, model: Model) -> int:
        return self._plan.needed(self._need(name, model))

    def _need(self, name: str, model: Model) -> Need:
        """What the engine of this name needs for the model."""
        if name in self._measured:
            return self._measured[name]
        draft = self._draft_of(name)
        models = [model, draft] if draft else [model]
        return Need(weights=sum(each.weight_bytes for each in models), conversation=sum(each.conversation_bytes for each in models))

    def _note_measured(self) -> None:
        found = {
            name: Need(weights=engine.loaded.weight_bytes, conversation=engine.loaded.conversation_bytes)
            for name, engine in self.engines.items()
            if engine.loaded is not None and engine.loaded.weight_bytes
        }
        if found.items() - self._measured.items():
            self._measured |= found
            self._share()

    def _share(self) -> None:
        """Tell each engine its shares: they change with the number of engines, and with what these measure."""
        for name, shares in self.shares().items():
            if (engine := self.engines.get(name)) is not None:
                engine.share(shares.prefix, shares.conversations)

    async def _unload_unused(self) -> None:
        after_s = self._settings.idle_s
        for name, engine in list(self.engines.items()):
            unused_s = time.monotonic() - engine.used_at
            if after_s and name != self.default and not self._is_pinned(engine) and not engine.running and unused_s > after_s:
                await self._unload(name, f"unused for {unused_s:.0f} s")

    async def _unload_one(self, reason: str) -> bool:
        """Unload the model that was unused the longest; False when all are running or pinned."""
        idle = [engine for engine in self.engines.values() if not engine.running and not self._is_pinned(engine)]
        if not idle:
            return False
        # The default one goes last: most requests are for it.
        oldest = min(idle, key=lambda engine: (engine.name == self.default, engine.used_at))
        return await self._unload(oldest.name, reason)

    async def _guard_memory(self) -> None:
        mark = next((mark for mark in (SHED, EVICT, WARN) if self.used > self.limit * mark), 0.0)
        if mark > self._mark:
            log.warning("memory is short", level=self._level(), figures=self._figures())
            self._events.publish("memory", level=self._level(), used=self.used, limit=self.limit)
        self._mark = mark
        if mark >= EVICT:
            for engine in self.engines.values():
                engine.trim(0)
            if any(self._is_dispensable(engine) for engine in self.engines.values()):
                await self._unload_one(f"memory is short: {self._figures()}")

    def _is_dispensable(self, engine: EngineClient) -> bool:
        return not engine.running and engine.name != self.default and not self._is_pinned(engine)

    def _level(self) -> Literal["ok", "warn", "evict", "shed"]:
        if self.used > self.limit * SHED:
            return "shed"
        if self.used > self.limit * EVICT:
            return "evict"
        return "warn" if self.used > self.limit * WARN else "ok"

    def _is_pinned(self, engine: EngineClient) -> bool:
        return engine.pinned or engine.name in self._settings.pinned

    def _figures(self) -> str:
        return f"LMX uses {_size(self.used)} of {_size(self.limit)} ({100 * self.used / self.limit:.0f} %)"


def _prefix_bytes(engine: EngineClient) -> int:
    return engine.loaded.prefix_bytes if engine.loaded else 0


def _size(size: float) -> str:
    return f"{size / 1024**3:.1f} GiB" if size >= 1024**3 else f"{size / MIB:.0f} MiB"
