"""Rows A67 and A68 in the engine itself: what is kept of prompts, and where stop strings cut."""

import random
from pathlib import Path

import mlx.core
import pytest
from support.oracles import MIB
from support.random_model import make_random_qwen3
from support.served import Served


@pytest.mark.attack("A68")
def test_what_is_kept_of_prompts_takes_as_much_as_is_said(tmp_path: Path) -> None:
    make_random_qwen3(tmp_path / "tiny", context=4096, eos_token_id=99_999)
    served = Served(tmp_path / "tiny")
    before = mlx.core.get_active_memory()
    for number in range(10):
        # Of one batch; what is kept of one answer must not hold the others, nor the room that it had to grow.
        served.ask(*({"temperature": 1.0, "seed": number * 16 + at, "max_tokens": 20 + 10 * at} for at in range(16)))
        assert mlx.core.get_active_memory() - before < served.engine.loaded().prefix_bytes + MIB
    # Of answers that nothing has built upon, only some stay.
    assert served.engine.loaded().prefix_bytes > MIB // 2
    served.engine.trim(0)
    assert mlx.core.get_active_memory() - before < MIB


@pytest.mark.attack("A67")
def test_stop_strings_across_tokens_cut_the_text_where_they_stand_and_nowhere_else(tmp_path: Path) -> None:
    make_random_qwen3(tmp_path / "tiny")
    served, chance = Served(tmp_path / "tiny"), random.Random(7)
    cases = 0
    for seed in range(12):
        order = {"temperature": 1.0, "seed": seed, "max_tokens": 150}
        ((text, _, end),) = served.ask(order)
        if end.thinking_tokens:
            continue
        stops: list[list[str]] = []
        for _ in range(16):
            places = [chance.randrange(max(1, len(text) - 12)) for _ in range(chance.randint(1, 4))]
            found = [text[at : at + chance.randint(1, 10)] for at in places]
            # Some that never come, and beginnings of what does.
            stops.append([stop for stop in (*found, found[0] + "\u2603", "\u2603") if stop])
        for stop, (cut, pieces, ended) in zip(stops, served.ask(*({**order, "stop": stop} for stop in stops)), strict=True):
            assert text.startswith(cut + ended.stopped_by), (text, stop)
            assert (ended.finish, ended.stopped_by in stop) == ("stop", True)
            assert not [other for other in stop if other in cut]
            assert all(piece.text for piece in pieces)
            cases += 1
    assert cases > 100
