"""Families of models by their caches: every way to serve an answer gives the tokens that mlx-lm gives in one process, alone."""

import shutil
from functools import cache
from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest
from mlx_lm import utils
from mlx_lm.generate import generate_step
from support.random_model import FAMILIES, make_random_of
from support.served import Served

# Longer than every window, and shorter than every window.
LONG = [{"role": "system", "content": "A long instruction that every conversation begins with. " * 4}]
SHORT: list[dict[str, Any]] = []
ANSWER_TOKENS = 24


class Family:
    """A model of one family, and what mlx-lm says with it."""

    def __init__(self, name: str, folder: Path):
        self.folder = folder / name
        make_random_of(name, self.folder)
        make_random_of(name, folder / f"{name}-stranger", seed=2)
        shutil.copytree(self.folder, folder / f"{name}-twin")
        self.twin, self.stranger = folder / f"{name}-twin", folder / f"{name}-stranger"
        library: Any = utils
        loaded = library.load(str(self.folder))
        self._model, self._tokenizer = loaded[:2]
        self.expected = cache(self._expected)

    def _expected(self, prompt: tuple[int, ...], tokens: int = ANSWER_TOKENS) -> list[list[int]]:
        """The bytes of each token."""
        step: Any = generate_step
        answer = [int(token) for token, _ in step(mx.array(prompt), self._model, max_tokens=tokens)]
        end = next((at for at, token in enumerate(answer) if token in self._tokenizer.eos_token_ids), len(answer))
        return [[token] if token < 256 else list(self._tokenizer.decode([token]).encode()) for token in answer[:end]]


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Family:
    return Family(request.param, tmp_path_factory.mktemp("families"))


def talk(begin: list[dict[str, Any]], *texts: str) -> list[dict[str, Any]]:
    roles = ["user", "assistant"]
    return [*begin, *({"role": roles[at % 2], "content": text} for at, text in enumerate(texts))]


def check(family: Family, served: Served, *conversations: list[dict[str, Any]]) -> list[Any]:
    """The answers are the expected ones; returns the last messages."""
    found = served.ask(*({"messages": messages, "max_tokens": ANSWER_TOKENS, "logprobs": 0} for messages in conversations))
    compare(family, served, found, list(conversations))
    return [end for _, _, end in found]


def compare(family: Family, served: Served, found: list[Any], conversations: list[list[dict[str, Any]]]) -> None:
    for messages, (_, pieces, end) in zip(conversations, found, strict=True):
        tokens = [token.bytes for piece in pieces for token in piece.logprobs]
        expected = family.expected(tuple(served.prompt(messages)), ANSWER_TOKENS)
        assert tokens == expected, (messages, end)


def test_alone_and_again_and_continued(family: Family) -> None:
    for begin in (LONG, SHORT):
        served = Served(family.folder)
        first, second = (check(family, served, talk(begin, "one"))[0] for _ in range(2))
        assert first.cached_tokens == 0 or begin is SHORT
        check(family, served, talk(begin, "one", "an answer", "and more"))
        check(family, served, talk(begin, "one", "an answer", "and something else", "another", "end"))
        (third,) = check(family, served, talk(begin, "two"))
        if begin is LONG:
            # The instructions are computed once, in every family.
            assert min(second.cached_tokens, third.cached_tokens) > 200


def test_each_step_of_a_tool_loop_computes_only_what_is_new(family: Family) -> None:
    served = Served(family.folder)
    messages, known = talk(LONG, "look it up"), 0
    for step in range(3):
        (end,) = check(family, served, messages)
        assert end.cached_tokens >= known - 2
        known = end.prompt_tokens
        # Not what the model said: the client shows a call in its own way.
        messages = [*messages, {"role": "assistant", "content": f"call {step}"}, {"role": "tool", "content": f"result {step} " * 5}]


def test_together_with_others_of_every_length(family: Family) -> None:
    served = Served(family.folder)
    conversations = [talk(LONG if at % 2 else SHORT, f"question {at} " * (at + 1)) for at in range(10)]
    check(family, served, *conversations)
    check(family, served, *reversed(conversations))


def test_when_others_come_and_go_meanwhile(family: Family) -> None:
    served = Served(family.folder)
    conversations = [talk(LONG if at % 2 else SHORT, f"question {at} " * (at + 1)) for at in range(6)]
    served.said.clear()
    for at, messages in enumerate(conversations):
        served.start({"messages": messages, "max_tokens": ANSWER_TOKENS, "logprobs": 0})
        gone = served.start({"messages": talk(LONG, f"gone {at}"), "max_tokens": 99})
        for _ in range(4):
            served.engine.step()
        served.cancel(gone)
    compare(family, served, served.finish(), conversations)


@pytest.mark.parametrize("draft", ["twin", "stranger"])
def test_with_a_draft_model(family: Family, draft: str) -> None:
    served = Served(family.folder, draft=str(getattr(family, draft)))
    for begin in (SHORT, LONG):
        for texts in (["one"], ["one", "an answer", "more"], ["two"], ["one"]):
            check(family, served, talk(begin, *texts))
    if family.folder.name in ("falcon_h1", "qwen3", "gemma3_text", "gpt_oss"):
        assert served.engine.loaded().drafted > 0
    # What the drafted answers left in the prefix cache is right for a batch, too.
    check(family, served, *(talk(begin, "one", "an answer", text) for begin in (SHORT, LONG) for text in ("more", "less")))


def test_with_a_draft_model_until_others_come(family: Family) -> None:
    served = Served(family.folder, draft=str(family.twin))
    conversations = [talk(LONG, "one"), talk(SHORT, "two"), talk(LONG, "three")]
    served.said.clear()
    for messages in conversations:
        served.start({"messages": messages, "max_tokens": ANSWER_TOKENS, "logprobs": 0})
        for _ in range(3):
            served.engine.step()
    compare(family, served, served.finish(), conversations)


def test_after_a_restart_from_disk(family: Family, tmp_path: Path) -> None:
    disk = {"disk": str(tmp_path), "disk_bytes": 50 * 2**20}
    begin = [{"role": "system", "content": "word " * 300}]
    before = Served(family.folder, **disk)
    check(family, before, talk(begin, "one"))
    before.engine.save()
    for texts in (["one"], ["two"], ["one", "an answer", "more"]):
        check(family, Served(family.folder, **disk), talk(begin, *texts))
    # Too large for the memory that it may take: nothing is kept, and nothing is wrong.
    check(family, Served(family.folder, prefix_bytes=1, **disk), talk(begin, "one"))
