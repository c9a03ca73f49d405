"""The draft model of a large model: loaded beside it, when its proposals can be checked and taken back."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from opta_core.logs import Log

from .cache.rewind import can_mark
from .mlx_adapter import load_model, mx

log = Log("engine")


@dataclass
class DraftPair:
    """The two models, and the function that makes their KV caches."""

    large: Any
    small: Any
    make_cache: Callable[[Any], list[Any]]


def _no_report(done: int, total: int) -> None:
    """A draft model is small: nobody waits for it."""


def load_draft(folder: str, large: Any, vocabulary: dict[str, int], make_cache: Callable[[Any], list[Any]]) -> DraftPair | None:
    """The model of a folder as the draft model of a loaded one; None, with a warning, when it cannot be that."""
    try:
        small, tokenizer = load_model(folder, _no_report)[:2]
    except Exception as error:  # the engine works without it, only slower
        log.warning("draft model cannot be loaded", draft=folder, reason=error)
        return None
    if tokenizer.get_vocab() != vocabulary:
        log.warning("draft model does not fit", draft=folder, reason="another vocabulary")
        return None
    if not (can_mark(make_cache(large)) and can_mark(make_cache(small))):
        log.warning("draft model does not fit", draft=folder, reason="a KV cache of an unknown kind")
        return None
    mx.eval(small.parameters())
    return DraftPair(large, small, make_cache)
