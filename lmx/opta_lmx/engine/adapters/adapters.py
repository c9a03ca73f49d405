"""The adapters of one model: loaded once, and switched on while a step computes for the requests that name them."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..mlx_adapter import mx, trees
from .adapted_layers import AdaptedLayer, AdapterSwitch, adapted, check_shape
from .adapter_files import AdapterError, LayerChange, read_adapter

# More are loaded only while all of them are in use.
KEPT_MAX = 8


class Adapters:
    """`model`: its layers are replaced where an adapter changes them; without an adapter it computes what it computed before."""

    def __init__(self, model: Any, *, is_sharded: bool = False):
        self._model, self._is_sharded = model, is_sharded
        self._switch = AdapterSwitch()
        # Key -> changes by path, the least recently used first.
        self._known: dict[str, dict[str, LayerChange]] = {}

    @property
    def bytes(self) -> int:
        """Bytes of the loaded adapters."""
        changes = [change for known in self._known.values() for change in known.values()]
        return sum(int(change.a.nbytes) + int(change.b.nbytes) for change in changes)

    def load(self, folder: Path, in_use: set[str]) -> str:
        """The key of an adapter, loaded now or before; files that changed are another adapter. Raises AdapterError, OSError.

        `in_use`: keys that must stay loaded.
        """
        if self._is_sharded:
            raise AdapterError("a model that is spread over several machines takes none")
        key = f"{folder} {[(file.name, file.stat().st_mtime_ns) for file in sorted(folder.glob('adapter*'))]}"
        if key in self._known:
            self._known[key] = self._known.pop(key)
            return key
        changes = {change.path: change for change in map(self._placed, read_adapter(folder))}
        if not changes:
            raise AdapterError("it changes nothing")
        mx.eval([(change.a, change.b) for change in changes.values()])
        self._known[key] = changes
        for old in [old for old in self._known if old != key and old not in in_use][: max(0, len(self._known) - KEPT_MAX)]:
            del self._known[old]
        return key

    @contextmanager
    def on(self, key: str) -> Generator[None, None, None]:
        """Compute with this adapter ('': with none) inside the block."""
        self._switch.changes = self._known[key] if key else {}
        try:
            yield
        finally:
            self._switch.changes = {}

    def _placed(self, change: LayerChange) -> LayerChange:
        """The change with the path of its layer in this model, and that layer able to take it."""
        layers = dict(self._model.named_modules())
        # The text part of a model for pictures is trained under its own name.
        path = next((path for path in (change.path, f"language_model.{change.path}") if path in layers), "")
        if not path:
            raise AdapterError(f"it changes {change.path[:100]}, which this model does not have")
        layer = layers[path]
        if not isinstance(layer, AdaptedLayer):
            layer = adapted(layer, path, self._switch)
            check_shape(layer, change)
            self._model.update_modules(trees.tree_unflatten([(path, layer)]))
        else:
            check_shape(layer, change)
        return LayerChange(path, change.a, change.b, change.scale)
