"""Layers of a model that an adapter changes: each computes with the change that is switched on for it, if there is one."""

from typing import Any, cast

from ..mlx_adapter import mx, nn
from .adapter_files import AdapterError, LayerChange


class AdapterSwitch:
    """`changes`: those of the adapter that is on, by the path of their layer."""

    def __init__(self) -> None:
        self.changes: dict[str, LayerChange] = {}


class AdaptedLayer(nn.Module):  # type: ignore[misc]
    """A layer at `path` of its model. Other attributes are those of the layer itself."""

    def __init__(self, layer: Any, path: str, switch: AdapterSwitch):
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        self.layer = layer
        self._path, self._switch = path, switch

    def __getattr__(self, name: str) -> Any:
        # A module of mlx is a dictionary of its parameters and layers.
        known = cast("dict[str, Any]", self)
        if name in known:
            return known[name]
        if "layer" not in known:
            raise AttributeError(name)
        return getattr(known["layer"], name)

    def change(self) -> LayerChange | None:
        """The change of this layer by the adapter that is on."""
        return self._switch.changes.get(self._path)


class AdaptedLinear(AdaptedLayer):
    """A layer that multiplies with a matrix."""

    def __call__(self, x: Any) -> Any:
        y, change = self.layer(x), self.change()
        return y if change is None else y + (change.scale * ((x @ change.a) @ change.b)).astype(x.dtype)


class AdaptedExperts(AdaptedLayer):
    """A layer with a matrix per expert; `indices` are the experts of each row."""

    def __call__(self, x: Any, indices: Any, sorted_indices: bool = False) -> Any:
        y, change = self.layer(x, indices, sorted_indices=sorted_indices), self.change()
        if change is None:
            return y
        z = x
        for matrix in (change.a, change.b):
            z = mx.gather_mm(z, matrix.swapaxes(-1, -2), rhs_indices=indices, sorted_indices=sorted_indices)
        return y + (change.scale * z).astype(x.dtype)


class AdaptedEmbedding(AdaptedLayer):
    """The table of the tokens' vectors, with which some models also compute the probabilities."""

    def __call__(self, ids: Any) -> Any:
        y, change = self.layer(ids), self.change()
        return y if change is None else y + (change.scale * (change.a[ids] @ change.b)).astype(y.dtype)

    def as_linear(self, x: Any) -> Any:
        """The product of each row with every token's vector."""
        y, change = self.layer.as_linear(x), self.change()
        return y if change is None else y + (change.scale * ((x @ change.b.T) @ change.a.T)).astype(x.dtype)


def adapted(layer: Any, path: str, switch: AdapterSwitch) -> AdaptedLayer:
    """The layer, able to take changes. Raises AdapterError: LoRA does not change layers of this kind."""
    kinds = {
        "Linear": AdaptedLinear, "QuantizedLinear": AdaptedLinear, "SwitchLinear": AdaptedExperts, "QuantizedSwitchLinear": AdaptedExperts,
        "Embedding": AdaptedEmbedding, "QuantizedEmbedding": AdaptedEmbedding,
    }  # fmt: skip
    kind = kinds.get(type(layer).__name__)
    if kind is None:
        raise AdapterError(f"LoRA does not change layers of the kind {type(layer).__name__}")
    return kind(layer, path, switch)


def check_shape(layer: AdaptedLayer, change: LayerChange) -> None:
    """Raise AdapterError when a change is not one of this layer: it was trained for another model."""
    base = layer.layer
    sizes = tuple(base.weight.shape)
    # A quantised row holds 32 / bits numbers in each element.
    bits = getattr(base, "bits", None)
    sizes = (*sizes[:-1], sizes[-1] * 32 // bits) if bits else sizes
    a, b = tuple(change.a.shape), tuple(change.b.shape)
    if isinstance(layer, AdaptedLinear):
        is_fit = len(a) == len(b) == 2 and (a[0], b[1], a[1]) == (sizes[1], sizes[0], b[0])
    elif isinstance(layer, AdaptedEmbedding):
        is_fit = len(a) == len(b) == 2 and (a[0], b[1], a[1]) == (sizes[0], sizes[1], b[0])
    else:
        is_fit = len(a) == len(b) == 3 and (a[0], a[2], b[0], b[1], a[1]) == (sizes[0], sizes[2], sizes[0], sizes[1], b[2])
    if not is_fit:
        raise AdapterError(f"{change.path} has the shape {sizes} here and {a} x {b} in the adapter: it was trained for another model")
