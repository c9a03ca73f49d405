"""Proposals copied from the prompt and the answer: fewer passes, and the same tokens in every case."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.random_model import FAMILIES, make_random_lfm2, make_random_of
from support.served import Served

from opta_lmx.engine.pass_costs import PassCosts
from opta_lmx.engine.prompt_lookup import PROPOSALS_MAX, PromptLookup

TEXT = Path(__file__).read_text()


def passes(prompt: list[int], answer: list[int]) -> tuple[int, int]:
    """(forward passes, proposals) of a model that gives this answer."""
    lookup, at, count, proposed = PromptLookup(prompt), 0, 0, 0
    while at < len(answer):
        proposals = lookup.propose(len(answer) - at - 1) if lookup.expects() == answer[at] else []
        following = answer[at + 1 :]
        accepted = next((place for place, token in enumerate(proposals) if token != following[place]), len(proposals))
        if proposals:
            lookup.judge(len(proposals), accepted)
        for token in answer[at : at + accepted + 1]:
            lookup.take(token)
        at, count, proposed = at + accepted + 1, count + 1, proposed + len(proposals)
    return count, proposed


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        lambda text: text.replace("lookup", "search"),
        lambda text: text.replace("\n\n\n", "\n\n\n# A comment that was not there.\n"),
        lambda text: "\n".join(line for at, line in enumerate(text.split("\n")) if at % 9),
        lambda text: text.replace("def ", "async def ").replace("    ", "  "),
    ],
)  # fmt: skip
def test_a_file_written_again_with_changes_takes_a_fraction_of_the_passes(change: Any) -> None:
    prompt, answer = list(f"Change this file:\n{TEXT}\n".encode()), list(change(TEXT).encode())
    count, _ = passes(prompt, answer)
    assert len(answer) / count >= 2.5


@pytest.mark.parametrize(("left_out", "put_in"), [(0, 1), (1, 0), (1, 1), (2, 5), (6, 2), (20, 0)])
def test_a_copy_goes_on_behind_a_small_edit_after_one_token(left_out: int, put_in: int) -> None:
    text = list(range(100, 200))
    # One edit in the middle; no token of it has been said.
    answer = [*text[:50], *range(900, 900 + put_in), *text[50 + left_out :]]
    count, _ = passes(text, answer)
    same, _ = passes(text, text)
    assert count <= same + put_in + 3


@given(prompt=st.lists(st.integers(0, 3), max_size=60), answer=st.lists(st.integers(0, 3), max_size=300))
def test_what_is_proposed_has_been_said_and_wrong_proposals_come_to_an_end(prompt: list[int], answer: list[int]) -> None:
    count, proposed = passes(prompt, answer)
    assert count <= len(answer)
    assert proposed <= (PROPOSALS_MAX + 1) * max(1, count)
    lookup, said = PromptLookup(prompt), list(prompt)
    for token in answer:
        if (expected := lookup.expects()) is not None:
            copied = [expected, *lookup.propose(9)]
            assert any(said[at : at + len(copied)] == copied for at in range(len(said)))
        lookup.take(token)
        said.append(token)


def test_an_answer_that_copies_nothing_costs_hardly_a_proposal() -> None:
    # Each pair of bytes leads to another one every time that it comes.
    chance = 12345
    answer: list[int] = []
    for _ in range(4000):
        chance = (chance * 1103515245 + 12345) % 2**31
        answer.append(chance >> 28)
    count, proposed = passes(answer[:2000], answer[2000:])
    assert count <= 2000
    assert proposed < 0.25 * 2000


# in the engine --------------------------------------------------------------------------------------------

SCHEMA = {"type": "array", "items": {"enum": ["the sea and the ships", "the sea and the sky"]}, "minItems": 6, "maxItems": 8}
PROMPT = [{"role": "user", "content": "the sea and the ships, the sea and the sky, the sea and the ships " * 3}]
# Nearly nothing but these may be said, so that much comes again, and often goes on in another way.
FEW = {str(ord(letter)): 60.0 for letter in "abc"}
ORDERS: list[dict[str, Any]] = [
    {"max_tokens": 60},
    {"max_tokens": 60, "logit_bias": FEW, "logprobs": 2},
    {"max_tokens": 60, "logit_bias": FEW, "temperature": 1.0, "seed": 5},
    {"max_tokens": 160, "schema": SCHEMA, "temperature": 1.0, "seed": 7},
    {"max_tokens": 60, "logit_bias": FEW, "frequency_penalty": 0.5},
    {"max_tokens": 60, "logit_bias": FEW, "stop": ["abc", "cab", "aab"]},
    {"max_tokens": 17, "temperature": 0.7, "seed": 1},
]


@pytest.fixture(scope="module", params=[*FAMILIES, "lfm2"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lookup") / request.param
    if request.param == "lfm2":
        make_random_lfm2(folder)
    else:
        make_random_of(request.param, folder)
    return folder


@pytest.fixture(autouse=True)
def free_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is proposed does not depend on this machine's speed."""

    def unmeasured(_: PassCosts, rows: int, further: int, began_at: float, ended_at: float) -> None:
        pass

    monkeypatch.setattr(PassCosts, "note", unmeasured)


def answers(served: Served, *orders: dict[str, Any]) -> list[Any]:
    return [
        (text, end, [token.token for piece in pieces for token in piece.logprobs])
        for text, pieces, end in served.ask(*({"messages": PROMPT, **order} for order in orders))
    ]


def test_the_answers_are_the_same_alone_and_together(model: Path) -> None:
    plain, copying = (Served(model, lookup=lookup, prefix_bytes=0) for lookup in (False, True))
    for order in ORDERS:
        assert answers(copying, order) == answers(plain, order), order
    alone = copying.engine.loaded()
    # A state beside a window can be neither cut nor restored in a batch: there, nothing is proposed.
    assert bool(alone.found) is (model.name != "recurrent_gemma")
    assert alone.passes_tokens >= alone.passes
    expected = answers(plain, *ORDERS, *ORDERS)
    assert answers(copying, *ORDERS, *ORDERS) == expected
    together = copying.engine.loaded()
    assert together.passes_tokens >= together.passes
    assert plain.engine.loaded().looked_up == 0
    if model.name in ("qwen3", "gemma3_text", "gpt_oss", "deepseek_v3"):
        assert together.found - alone.found > 20


def test_what_is_kept_of_such_an_answer_serves_the_next(model: Path) -> None:
    plain, copying = (Served(model, lookup=lookup) for lookup in (False, True))
    talk = PROMPT
    for text in ("one", "two", "three"):
        ((said, _, _),) = answers(copying, {"messages": talk, "max_tokens": 50, "logit_bias": FEW})
        assert said == answers(plain, {"messages": talk, "max_tokens": 50, "logit_bias": FEW})[0][0]
        talk = [*talk, {"role": "assistant", "content": said}, {"role": "user", "content": text}]


def test_a_short_prompt_among_long_ones_keeps_its_beginning_in_every_window(model: Path) -> None:
    short = [{"role": "user", "content": "two"}]
    orders = [{"messages": messages, "max_tokens": 70, **more} for more in ({}, {"logit_bias": FEW}) for messages in (PROMPT, short)]
    expected = [answers(Served(model, lookup=False), order)[0] for order in orders]
    found = answers(Served(model, lookup=True), *orders)
    assert [text for text, _, _ in found] == [text for text, _, _ in expected]


def test_others_come_and_go_while_proposals_are_checked(model: Path) -> None:
    expected = [answers(Served(model, lookup=False), order)[0][0] for order in ORDERS]
    served = Served(model, lookup=True)
    served.said.clear()
    for order in ORDERS:
        served.start({"messages": PROMPT, **order})
        gone = served.start({"messages": PROMPT, "max_tokens": 200, "logit_bias": FEW})
        for _ in range(5):
            served.engine.step()
        served.cancel(gone)
    assert [text for text, _, _ in served.finish()] == expected
