"""The models and adapters that are on this machine now, and which of them a request means."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from opta_core.errors import Refused
from opta_core.lmx_settings import LmxSettings
from opta_core.logs import Log
from opta_protocol.error_info import ErrorCode

from . import model_adapter, model_catalog, model_names
from .found.everything import find_all
from .found.sources import Source
from .model_adapter import Adapter
from .model_catalog import Model

# The folders are read again for an unknown name when what is known is older than this.
READ_S = 2.0
# Without any request, less often: people may have hundreds of models.
READ_IDLE_S = 10.0
_LIST = "List the models: opta models list"

log = Log("models")


class Wanted(msgspec.Struct, frozen=True):
    """What a request means: a model, and the adapter that it names with it."""

    model: Model
    adapter: Adapter | None = None

    @property
    def name(self) -> str:
        """`MODEL` or `MODEL+ADAPTER`."""
        return f"{self.model.name}+{self.adapter.name}" if self.adapter else self.model.name


class KnownModels:
    """`folder`: LMX's own models; `sources`: see `found`; `extra`: a model that lies elsewhere, which is then the default one."""

    def __init__(self, folder: Path, settings: LmxSettings, sources: Sequence[Source] = (), extra: Model | None = None):
        self._folder, self._sources, self._extra = folder, list(sources), extra
        self._aliases = dict(pair.split("=", 1) for pair in settings.aliases)
        # Read here once, before anything is served; from then on by `refresh`, off the event loop.
        self.models: dict[str, Model] = {}
        self.adapters: dict[str, Adapter] = {}
        # Why the other models of this machine are not served, by name.
        self.unusable: dict[str, str] = {}
        self._read()
        self._read_at = time.monotonic()
        self.default = extra.name if extra else self._default(settings.model)
        self._default_model = self.models[self.default]

    async def refresh(self, *, older_than_s: float = 0.0) -> dict[str, Model]:
        """Read the model folders again, in a thread: they may be many, and on a slow disk."""
        if time.monotonic() - self._read_at >= older_than_s:
            self._read_at = time.monotonic()
            try:
                await asyncio.to_thread(self._read)
            except OSError as error:
                log.warning("model folders cannot be read", folder=self._folder, reason=error)
        return self.models

    async def resolve(self, wanted: str, *, for_vectors: bool = False) -> Wanted:
        """What a request names; an unknown name gets the default model. Raises Refused: it is not a name, or names an unknown adapter."""
        model_catalog.check_name(wanted)
        found = self._find(wanted)
        if wanted and found is None:
            await self.refresh(older_than_s=READ_S)
            found = self._find(wanted)
        if found is not None:
            return found
        if refusal := self._about_adapter(wanted):
            raise refusal
        if for_vectors and (vectors := next((model for model in self.models.values() if model.capability == "embedding"), None)):
            return Wanted(vectors)
        # Its folder may have been removed after it was loaded.
        self._default_model = self.models.get(self.default, self._default_model)
        return Wanted(self._default_model)

    def named(self, wanted: str) -> Wanted:
        """What is here under this name, as of the last refresh. Raises Refused: nothing is."""
        if (found := self._find(wanted)) is None:
            raise self._about_adapter(wanted) or Refused(f"There is no model {wanted[:80]!r} here. {_LIST}", code=ErrorCode.model_not_found)
        return found

    def adapted(self) -> list[Wanted]:
        """Every adapter with the models for which its folder says that it was made."""
        return [
            Wanted(model, adapter) for adapter in self.adapters.values() for model in self.models.values() if adapter.is_for(model.name)
        ]

    def _find(self, wanted: str) -> Wanted | None:
        if (name := model_names.find(wanted, self.models, self._aliases)) is not None:
            return Wanted(self.models[name])
        for model, adapter in self._splits(wanted):
            if model and adapter:
                return Wanted(self.models[model], adapter)
        return None

    def _splits(self, wanted: str) -> list[tuple[str | None, Adapter | None]]:
        """What each way to read `MODEL+ADAPTER` names."""
        return [
            (model_names.find(model, self.models, self._aliases), model_adapter.find(adapter, self.adapters))
            for model, adapter in model_adapter.splits(wanted)
        ]

    def _about_adapter(self, wanted: str) -> Refused | None:
        """Why a name cannot be served that has an adapter in it: the model alone would be another answer."""
        if not any(model or adapter for model, adapter in self._splits(wanted)):
            return None
        names = ", ".join(sorted(self.adapters)) or "none"
        return Refused(
            f"There is no model with adapter {wanted[:80]!r} here. The name is MODEL+ADAPTER; the adapters here: {names[:300]}. {_LIST}",
            code=ErrorCode.model_not_found,
        )

    def _read(self) -> None:
        found = find_all(self._folder, self._sources)
        self.unusable = {entry.id: entry.problem for entry in found.entries.values() if entry.problem and entry.id not in found.models}
        self.adapters = found.adapters
        self.models = found.models | ({self._extra.name: self._extra} if self._extra else {})

    def _default(self, wanted: str) -> str:
        name = self._aliases.get(wanted, wanted)
        if name not in self.models:
            log.error("configured model not found, serving the probe", model=wanted, folder=self._folder)
            return "probe"
        return name
