"""How many prompts are computed at once, by what is left of each and how fast the machine is."""

import pytest

from opta_lmx.engine.prefill_pacing import PROMPTS_MAX, PrefillPacer


def measured(tokens_a_s: int) -> PrefillPacer:
    pacer = PrefillPacer()
    pacer.note(tokens_a_s, 1.0)
    return pacer


@pytest.mark.parametrize(
    ("speed", "left", "at_once"),
    [
        # A step's worth: one prompt on a slow machine, more on a faster one, all on a fast one.
        (400, [200] * 8, 1),
        (1_500, [300] * 8, 2),
        (2_000, [200] * 8, 4),
        (100_000, [200] * 20, PROMPTS_MAX),
        (1_500, [200], 1),
        # A long prompt keeps none behind it waiting, and several long ones do not either.
        (1_500, [20_000, 300, 300, 300], 3),
        (1_500, [20_000, 20_000, 20_000, 10], 4),
        (1_500, [20_000] * 20, PROMPTS_MAX),
        # What is left counts, not what there was.
        (1_500, [590, 10, 200], 2),
    ],
)
def test_as_many_prompts_as_keep_the_machine_busy(speed: int, left: list[int], at_once: int) -> None:
    assert measured(speed).prompts(left) == at_once


def test_before_the_first_measurement_and_on_several_machines_the_number_is_fixed() -> None:
    assert PrefillPacer().prompts([200] * 8) == PROMPTS_MAX
    ring = PrefillPacer(is_fixed=True)
    ring.note(1_000, 1.0)
    assert ring.prompts([200] * 8) == PROMPTS_MAX


def test_with_nobody_who_waits_for_tokens_a_second_of_prompts_is_computed_at_once() -> None:
    assert measured(400).prompts([200] * 8, is_decoding=False) == 2
    assert measured(1_500).prompts([300] * 8, is_decoding=False) == 5


@pytest.mark.parametrize("speed", [200, 1_500, 20_000])
@pytest.mark.parametrize("is_decoding", [True, False])
@pytest.mark.parametrize("left", [[170], [170, 169, 168], [700], [5_000, 10]])
def test_the_last_chunk_of_prompts_is_as_large_as_the_others(speed: int, is_decoding: bool, left: list[int]) -> None:
    chunk = measured(speed).chunk(left, is_decoding=is_decoding)
    assert 64 <= chunk <= 2048
    steps = -(-left[0] // chunk)
    assert left[0] > chunk * (steps - 1)
    assert chunk <= 64 or chunk * steps - left[0] < steps


def test_answers_wait_for_the_prompts_that_came_with_them_and_for_no_others() -> None:
    pacer = measured(400)
    assert pacer.holds([], 10.0, 0.0)
    assert pacer.holds([10.0, 10.4], 10.5, 1.0)
    # Not for long, not for a request that came later, and not where clocks differ.
    assert not pacer.holds([10.0, 10.4], 10.5, 3.0)
    assert not pacer.holds([5.0, 10.4], 10.5, 1.0)
    assert not PrefillPacer(is_fixed=True).holds([10.0], 10.0, 0.0)
