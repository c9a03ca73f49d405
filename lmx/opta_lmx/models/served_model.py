"""What serves one request: the engine of a model, and the adapter that the request names with it."""

import msgspec

from opta_core.errors import Refused

from ..engine_client.client import EngineClient
from ..engine_client.engine_stream import EngineStream, Meter
from ..ipc.messages import Embed, Generate, Loaded, Tokenize, Tokens, Vectors
from .model_adapter import Adapter


class ServedModel:
    """`model`: its name. `name`: as answers state it, `MODEL` or `MODEL+ADAPTER`."""

    def __init__(self, engine: EngineClient, model: str, adapter: Adapter | None = None):
        self.engine, self._model, self._adapter = engine, model, adapter
        self.name = f"{model}+{adapter.name}" if adapter else model

    @property
    def loaded(self) -> Loaded | None:
        """The engine's last status message; None while no model is loaded."""
        return self.engine.loaded

    def generate(self, orders: list[Generate], caller: str = "", meter: Meter | None = None, *, is_batch: bool = False) -> EngineStream:
        """Start one request of one or more choices. Raises OptaError (too_many_requests)."""
        if (adapter := self._adapter) is not None:
            orders = [msgspec.structs.replace(order, adapter=str(adapter.folder), adapter_name=adapter.name) for order in orders]
        return self.engine.generate(orders, caller, meter, is_batch=is_batch)

    async def once(self, order: Embed | Tokenize, caller: str = "") -> Vectors | Tokens:
        """The result of an order that has exactly one. Raises OptaError."""
        if self._adapter is not None and isinstance(order, Embed):
            raise Refused(f"{self.name} names an adapter, with which LMX computes no embeddings. Name the model alone: {self._model}")
        return await self.engine.once(order, caller)
