"""Whether proposals are checked depends on what a pass has taken, on any kind of machine."""

import pytest

from opta_lmx.engine.pass_costs import PassCosts

SURE, UNSURE = [0.95, 0.9, 0.86], [0.5, 0.25, 0.12]


class Machine:
    """Passes of `first_s` + `token_s` a token, one behind the other."""

    def __init__(self, first_s: float, token_s: float):
        self.costs = PassCosts()
        self._first_s, self._token_s, self._now = first_s, token_s, 100.0

    def run(self, rows: int, further: int, *, times: int = 10, gap_s: float = 0.0) -> None:
        for _ in range(times):
            began_at = self._now + gap_s
            self._now = began_at + self._first_s + self._token_s * rows * (1 + further)
            self.costs.note(rows, further, began_at, self._now)


@pytest.mark.parametrize("rows", [1, 4, 16])
def test_where_further_tokens_cost_nothing_all_are_checked(rows: int) -> None:
    machine = Machine(0.05, 0.0)
    machine.run(rows, 0)
    machine.run(rows, 3)
    assert machine.costs.best([UNSURE] * rows) == 3


def test_where_each_token_costs_sure_ones_are_checked_and_unsure_ones_are_not() -> None:
    machine = Machine(0.075, 0.0047)
    for rows in (16, 1):
        machine.run(rows, 0)
        machine.run(rows, 3)
    assert machine.costs.best([SURE] * 16) == 3
    assert machine.costs.best([UNSURE] * 16) == 0
    assert machine.costs.best([SURE] * 4 + [[]] * 12) == 0
    # A single sequence waits for the weights, whatever is computed with them.
    assert machine.costs.best([UNSURE]) >= 2


def test_before_anything_is_known_proposals_are_tried() -> None:
    assert PassCosts().best([UNSURE] * 16) == 3
    assert PassCosts().best([[]] * 16) == PassCosts().best([]) == 0


def test_a_number_of_sequences_that_was_not_seen_is_judged_by_the_nearest() -> None:
    machine = Machine(0.0, 0.005)
    machine.run(16, 0)
    machine.run(16, 3)
    assert machine.costs.best([UNSURE] * 15) == 0


def test_a_prompt_between_two_passes_and_the_first_of_a_kind_are_no_measurement() -> None:
    machine = Machine(0.05, 0.0)
    machine.run(4, 0)
    # The first one compiles, and then prompts are computed between the passes.
    machine.costs.note(4, 3, 200.0, 260.0)
    machine.run(4, 3, gap_s=5.0)
    machine.run(4, 3)
    assert machine.costs.best([UNSURE] * 4) == 3


def test_a_cost_is_believed_less_with_the_time() -> None:
    machine = Machine(0.0, 0.01)
    machine.run(8, 0)
    machine.run(8, 3)
    asked = next(number for number in range(5000) if machine.costs.best([UNSURE] * 8))
    assert asked > 100
