"""Reasoning ends when the tokens that a request gives to it are spent, and the answer follows; nothing else changes."""

from pathlib import Path
from typing import Any

import pytest
from support.random_model import TEMPLATE
from support.random_thinker import END, START, thinker
from support.served import Served

# The model neither begins reasoning again nor ends it by itself.
THINKS_ON = {str(START): -100.0, str(END): -100.0}
OPENED = TEMPLATE.replace("<|assistant|>{%- endif", "<|assistant|><think>{%- endif")


@pytest.fixture(scope="module")
def may_think(tmp_path_factory: pytest.TempPathFactory) -> Served:
    return thinker(tmp_path_factory.mktemp("may") / "thinker", TEMPLATE)


@pytest.fixture(scope="module")
def begins_thinking(tmp_path_factory: pytest.TempPathFactory) -> Served:
    return thinker(tmp_path_factory.mktemp("begins") / "thinker", OPENED)


def order(**more: Any) -> dict[str, Any]:
    return {"temperature": 1.0, "seed": 5, "max_tokens": 60, "logprobs": 0, "logit_bias": THINKS_ON, **more}


def tokens(answer: Any) -> list[str]:
    """All tokens of an answer that has a text."""
    _, pieces, _ = answer
    return [known.token for piece in pieces for known in piece.logprobs]


@pytest.mark.parametrize("budget", [1, 7, 20])
def test_reasoning_has_as_many_tokens_as_the_request_gives_it(begins_thinking: Served, budget: int) -> None:
    (answer,) = begins_thinking.ask(order(thinking_budget=budget))
    assert tokens(answer).index("</think>") == budget
    assert answer[2].thinking_tokens > 0 and answer[0] and "think>" not in answer[0]


def test_without_a_budget_a_model_thinks_on(begins_thinking: Served) -> None:
    (answer,) = begins_thinking.ask(order())
    assert answer[0] == "" and answer[2].thinking_tokens > 20


def test_reasoning_that_ends_earlier_and_answers_without_any_stay_as_they_are(may_think: Served, begins_thinking: Served) -> None:
    for served, bias in ((begins_thinking, {str(START): -100.0, str(END): 8.0}), (may_think, {str(START): -100.0})):
        plain, limited = (served.ask(order(logit_bias=bias, **more))[0] for more in ({}, {"thinking_budget": 50}))
        assert plain[0] and (tokens(plain), plain[0]) == (tokens(limited), limited[0])


def test_reasoning_that_begins_again_has_no_tokens_left(may_think: Served) -> None:
    bias = {str(START): 6.0, str(END): -100.0}
    free, limited = (may_think.ask(order(logit_bias=bias, max_tokens=200, **more))[0] for more in ({}, {"thinking_budget": 5}))
    assert free[2].thinking_tokens > 5 >= limited[2].thinking_tokens > 0
    said = tokens(limited)
    said = said[said.index("</think>") :]
    again = [at for at, token in enumerate(said[:-1]) if token == "<think>"]
    assert again and all(said[at + 1] == "</think>" for at in again)


def test_neighbours_in_a_batch_are_not_touched(begins_thinking: Served) -> None:
    other = order(seed=9, logit_bias={str(END): 8.0})
    (alone,) = begins_thinking.ask(other)
    limited, beside, again = begins_thinking.ask(order(thinking_budget=6), other, order(thinking_budget=11))
    assert (beside[0], tokens(beside)) == (alone[0], tokens(alone))
    assert (tokens(limited).index("</think>"), tokens(again).index("</think>")) == (6, 11)
    assert tokens(begins_thinking.ask(order(thinking_budget=6))[0]) == tokens(limited)


def test_it_is_the_same_with_proposed_tokens(tmp_path: Path) -> None:
    words = {"messages": [{"role": "user", "content": "ab ab ab ab ab ab ab ab"}], "temperature": 0.0, "logprobs": 0, "max_tokens": 50}
    plain, looking = (thinker(tmp_path / name, OPENED, lookup=is_looking) for name, is_looking in (("plain", False), ("looking", True)))
    one, two = (served.ask({**words, "thinking_budget": 9, "logit_bias": THINKS_ON})[0] for served in (plain, looking))
    assert (tokens(one), one[0]) == (tokens(two), two[0]) and tokens(one).index("</think>") == 9
