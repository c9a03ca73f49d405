"""Which models fit this machine: those that are here, and a few that can be fetched. Memory counts weights and a useful context."""

from pathlib import Path

import msgspec

from opta_protocol.lmx import LmxAdvice, LmxCatalog, LmxFound, LmxOffer

from ..cache_estimate import conversation_bytes, text_config
from ..memory_plan import MemoryPlan, Need
from .model_files import read_config

# Tokens that the instructions, the tools and the files of an agent's task take.
USEFUL_TOKENS = 32_768
OFFERS_MAX = 3


class _Known(msgspec.Struct, frozen=True):
    """A model of the hub. Sizes in bytes as its repository and its configuration state them, rounded; `context`: the longest, in tokens."""

    repo: str
    weights: int
    token_bytes: int
    context: int
    licence: str
    words: str


# From the smallest to the largest; of two that fit, the later one does an agent's work better.
_KNOWN = (
    _Known("mlx-community/Qwen3-0.6B-4bit", 340_000_000, 114_688, 40_960, "apache-2.0", "answers and small edits"),
    _Known("mlx-community/Qwen3-1.7B-4bit", 970_000_000, 114_688, 40_960, "apache-2.0", "answers and small edits"),
    _Known("mlx-community/Qwen3-4B-Instruct-2507-4bit", 2_270_000_000, 147_456, 262_144, "apache-2.0", "tools, single files"),
    _Known("mlx-community/Qwen3-8B-4bit", 4_620_000_000, 147_456, 40_960, "apache-2.0", "tools, thinking"),
    _Known("mlx-community/Qwen3-14B-4bit", 8_320_000_000, 163_840, 40_960, "apache-2.0", "tools, thinking, several files"),
    _Known(
        "mlx-community/Qwen3-30B-A3B-Instruct-2507-4bit",
        17_200_000_000,
        98_304,
        262_144,
        "apache-2.0",
        "tools, several files, fast for its size",
    ),
    _Known(
        "mlx-community/Qwen3-Coder-30B-A3B-Instruct-4bit",
        17_200_000_000,
        98_304,
        262_144,
        "apache-2.0",
        "code and tools, fast for its size",
    ),
    _Known("mlx-community/Qwen3-235B-A22B-Instruct-2507-4bit", 132_300_000_000, 192_512, 262_144, "apache-2.0", "long tasks"),
)


def advise(catalog: LmxCatalog, tokens: int = USEFUL_TOKENS) -> LmxAdvice:
    """What LMX would admit alone, each with a conversation of `tokens`: by the plan that the engines are admitted with."""
    plan = MemoryPlan(catalog.limit)
    here = [_of_model(plan, model, tokens) for model in catalog.models if model.runnable and model.capability not in ("probe", "embedding")]
    names = {model.id for model in catalog.models}
    known = [_of_known(plan, known, tokens) for known in _KNOWN if known.repo not in names and known.repo.rpartition("/")[2] not in names]
    fitting = [offer for offer in known if offer.fits]
    return LmxAdvice(
        available=plan.available,
        tokens=tokens,
        here=sorted(here, key=lambda offer: (not offer.fits, -offer.bytes)),
        offers=list(reversed(fitting[-OFFERS_MAX:])),
    )


def _of_model(plan: MemoryPlan, model: LmxFound, tokens: int) -> LmxOffer:
    context = min(tokens, model.context_length or tokens)
    config = text_config(read_config(Path(model.path)))
    cache = conversation_bytes(config, context) if config else model.token_bytes * context
    return _offer(
        plan, LmxOffer(id=model.id, bytes=model.bytes, cache_bytes=cache, needed=0, tokens=context, licence=model.licence, fits=False)
    )


def _of_known(plan: MemoryPlan, known: _Known, tokens: int) -> LmxOffer:
    context = min(tokens, known.context)
    cache = known.token_bytes * context
    offer = LmxOffer(id=known.repo, bytes=known.weights, cache_bytes=cache, needed=0, tokens=context, fits=False)
    return _offer(plan, msgspec.structs.replace(offer, licence=known.licence, words=known.words))


def _offer(plan: MemoryPlan, offer: LmxOffer) -> LmxOffer:
    needed = plan.needed(Need(weights=offer.bytes, conversation=offer.cache_bytes))
    return msgspec.structs.replace(offer, needed=needed, fits=needed <= plan.available)
