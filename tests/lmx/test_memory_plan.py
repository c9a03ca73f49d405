"""What models take: estimated before loading, measured after it, and divided between the engines."""

import gc
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.in_process_lmx import in_process_lmx
from support.random_model import FAMILIES, make_random_lfm2, make_random_of
from support.served import Served

from opta_core.lmx_settings import LmxSettings
from opta_lmx.engine.mlx_engine import MlxEngine
from opta_lmx.models.cache_estimate import conversation_bytes
from opta_lmx.models.memory_plan import ENGINE_BYTES, MIB, MemoryPlan, Need

TOKENS = 4096


@pytest.mark.parametrize("family", [*FAMILIES, "lfm2"])
def test_the_estimate_of_a_conversation_is_what_the_engine_measures(family: str, tmp_path: Path) -> None:
    if family == "lfm2":
        make_random_lfm2(tmp_path / family, context=TOKENS)
    else:
        make_random_of(family, tmp_path / family, dtype="float32")
    config: dict[str, Any] = json.loads((tmp_path / family / "config.json").read_text())
    measured = Served(tmp_path / family, conversation_tokens=TOKENS).engine.loaded().conversation_bytes
    estimated = conversation_bytes({**config, "dtype": "float32"}, TOKENS)
    # The estimate counts a state with a few MiB, of which these small models have little, and never too little.
    states = 2 * MIB * FAMILIES.get(family, {"num_hidden_layers": 4})["num_hidden_layers"]
    assert measured <= estimated <= measured + states


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        # Windows of 1,024 in five of six layers: one chunk of a prompt more is held.
        ({"model_type": "gemma3_text", "num_hidden_layers": 6, "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256,
          "sliding_window": 1024}, 4096 * (5 * 3072 + 8192)),
        # A window in the configuration that mlx-lm does not use.
        ({"model_type": "qwen2", "num_hidden_layers": 2, "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 64,
          "sliding_window": 1024, "layer_types": ["sliding_attention", "full_attention"]}, 1024 * 2 * 8192),
        ({}, 0),
        ({"num_hidden_layers": -1, "num_attention_heads": "8", "layer_types": [7, None]}, 0),
    ],
)  # fmt: skip
def test_the_estimate_reads_the_configuration_as_mlx_lm_does(config: dict[str, Any], expected: int) -> None:
    assert conversation_bytes(config, 8192) == expected


@given(
    limit=st.integers(600 * MIB, 512 * 1024 * MIB),
    needs=st.lists(st.tuples(st.integers(0, 40_000 * MIB), st.integers(1, 4_000 * MIB)), max_size=6),
)
def test_the_shares_of_all_engines_fit_into_the_limit(limit: int, needs: list[tuple[int, int]]) -> None:
    plan = MemoryPlan(limit)
    admitted: dict[str, Need] = {}
    for at, (weights, conversation) in enumerate(needs):
        need = Need(weights=weights, conversation=conversation)
        if sum(map(plan.needed, [*admitted.values(), need])) <= plan.available:
            admitted[str(at)] = need
    shares = plan.shares(admitted)
    assert sum(share.prefix for share in shares.values()) <= plan.prefix
    fixed = sum(ENGINE_BYTES + need.weights + plan.reserve for need in admitted.values())
    held = fixed + sum(share.prefix + share.conversations for share in shares.values())
    assert held <= limit * 0.9 + MIB * len(admitted)
    assert all(shares[name].conversations >= need.conversation for name, need in admitted.items())


@pytest.fixture
def collected() -> Iterator[None]:
    """Garbage is collected as in an engine's process: workers of the tests do so seldom, and arrays are part of it."""
    kept = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    gc.collect()
    yield
    gc.set_threshold(*kept)


@pytest.mark.usefixtures("collected")
@pytest.mark.parametrize("family", ["qwen3", "gemma3_text", "falcon_h1"])
def test_an_engine_holds_no_more_than_its_shares(family: str, tmp_path: Path) -> None:
    make_random_of(family, tmp_path / family, num_hidden_layers=6)
    mx.clear_cache()
    before = mx.get_active_memory()
    shares = {"prefix_bytes": MIB, "cache_bytes": 3 * MIB, "reserve_bytes": MIB // 2}
    served = Served(tmp_path / family, **shares)
    weights = served.engine.loaded().weight_bytes
    largest = 0
    for at in range(16):
        served.start({"messages": [{"role": "user", "content": f"{at} " * (20 + 37 * at % 300)}], "max_tokens": 30})
        if at % 8 == 7:
            while served.engine.is_busy:
                served.engine.step()
                largest = max(largest, mx.get_active_memory() - before)
    # Of a step itself: a mask, the keys and values that a batch of another length, or with one more sequence, copies.
    assert weights < largest <= weights + sum(shares.values()) + shares["reserve_bytes"]
    mx.set_cache_limit(1024 * MIB)


def test_the_shares_are_of_all_engines_together(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_random_of("qwen3", tmp_path / f"models/{name}")
    with in_process_lmx(tmp_path, MlxEngine, LmxSettings(model="one", memory_limit_mb=6000)) as lmx:

        def ask(name: str, number: int) -> None:
            asked = {"model": name, "messages": [{"role": "user", "content": f"{number} " * 100}], "max_tokens": 1}
            assert lmx.client().post("/v1/chat/completions", json=asked).status_code == 200

        ask("one", 0)
        lmx.call(lmx.pool.tick())
        alone = lmx.pool.shares()
        assert (set(alone), alone["one"].prefix) == ({"one"}, int(6000 * MIB * 0.15))
        ask("two", 0)
        lmx.call(lmx.pool.tick())
        both = lmx.pool.shares()
        assert both["one"].prefix == both["two"].prefix == alone["one"].prefix // 2
        assert both["one"].conversations < alone["one"].conversations
        lmx.call(lmx.pool.unload("two"))
        assert lmx.pool.shares() == alone
