"""More of the engine: draft models, hybrid models, embeddings, prefixes on disk, tool calls held to their schema."""

import base64
import json
import re
import shutil
import struct
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from support.random_model import TEMPLATE, make_random_lfm2, make_random_qwen3
from support.served import Served

from opta_lmx.ipc.messages import Embed, Failed, Tokenize, Tokens, Vectors

SYSTEM = {"role": "system", "content": "A long instruction that every conversation begins with. " * 8}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    # Tied to its input, a model of random weights says the last token again and again.
    make_random_qwen3(folder / "large", seed=1, context=4096, tie_word_embeddings=False)
    make_random_qwen3(folder / "stranger", seed=2, context=4096, tie_word_embeddings=False)
    shutil.copytree(folder / "large", folder / "twin")
    make_random_lfm2(folder / "hybrid")
    return folder


def talk(*texts: str) -> list[dict[str, Any]]:
    roles = ["user", "assistant"]
    return [SYSTEM, *({"role": roles[at % 2], "content": text} for at, text in enumerate(texts))]


# drafts -------------------------------------------------------------------------------------------------


def test_a_draft_changes_how_fast_an_answer_comes_and_not_the_answer(models: Path) -> None:
    plain = Served(models / "large")
    orders: list[dict[str, Any]] = [{"messages": talk(f"question {number}"), "max_tokens": 60} for number in range(3)]
    wanted = [plain.ask(order)[0][0] for order in orders]
    for draft, least, most in (("twin", 0.95, 1.0), ("stranger", 0.0, 0.6)):
        helped = Served(models / "large", draft=str(models / draft))
        found = [helped.ask(order)[0] for order in orders]
        assert [text for text, _, _ in found] == wanted
        assert [end.completion_tokens for _, _, end in found] == [plain.ask(order)[0][2].completion_tokens for order in orders]
        said = helped.engine.loaded()
        assert said.drafted > 0
        assert least <= said.accepted / said.drafted <= most
    # A good draft saves steps: each gives several tokens.
    assert Served(models / "large", draft=str(models / "twin")).ask({**orders[0], "max_tokens": 61})[0][2].completion_tokens <= 61


def test_who_ran_with_a_draft_goes_on_in_the_batch_when_others_come(models: Path) -> None:
    plain = Served(models / "large")
    wanted = [plain.ask({"messages": talk("one"), "max_tokens": 80})[0][0], plain.ask({"messages": talk("two"), "max_tokens": 30})[0][0]]
    helped = Served(models / "large", draft=str(models / "twin"))
    helped.start({"messages": talk("one"), "max_tokens": 80})
    for _ in range(4):
        helped.engine.step()
    assert helped.engine.loaded().accepted > 0
    helped.start({"messages": talk("two"), "max_tokens": 30})
    assert [text for text, _, _ in helped.finish()] == wanted


def test_a_request_with_a_draft_is_cancelled_and_the_next_is_served(models: Path) -> None:
    helped = Served(models / "large", draft=str(models / "twin"))
    number = helped.start({"messages": talk("one"), "max_tokens": 500})
    helped.engine.step()
    helped.cancel(number)
    assert not helped.engine.is_busy
    assert helped.ask({"max_tokens": 5})[0][2].completion_tokens <= 5


def test_a_draft_that_does_not_fit_is_left_out(models: Path, tmp_path: Path) -> None:
    make_random_qwen3(tmp_path / "other", vocab_size=277)
    tokenizer = json.loads((tmp_path / "other/tokenizer.json").read_text())
    tokenizer["model"]["vocab"]["another"] = 276
    (tmp_path / "other/tokenizer.json").write_text(json.dumps(tokenizer))
    for draft in (tmp_path / "other", models / "absent"):
        helped = Served(models / "large", draft=str(draft))
        assert helped.ask({"max_tokens": 5})[0][2].completion_tokens <= 5
        assert helped.engine.loaded().drafted == 0


def test_a_draft_of_another_architecture_changes_nothing_in_the_answer(models: Path) -> None:
    order: dict[str, Any] = {"messages": talk("one"), "max_tokens": 40}
    for large, draft in (("large", "hybrid"), ("hybrid", "large")):
        helped = Served(models / large, draft=str(models / draft))
        assert helped.ask(order)[0][0] == Served(models / large).ask(order)[0][0]
        assert helped.engine.loaded().drafted > 0


# prefixes -----------------------------------------------------------------------------------------------


def test_a_hybrid_model_finds_its_instructions_and_its_conversation_again(models: Path) -> None:
    served = Served(models / "hybrid")
    ((_, _, first),) = served.ask({"messages": talk("one"), "max_tokens": 8})
    assert first.cached_tokens == 0
    ((fresh, _, other),) = served.ask({"messages": talk("another question"), "max_tokens": 8})
    assert 400 < other.cached_tokens < other.prompt_tokens
    # The same without anything kept gives the same.
    assert Served(models / "hybrid").ask({"messages": talk("another question"), "max_tokens": 8})[0][0] == fresh
    ((_, _, later),) = served.ask({"messages": talk("one", "answer", "two"), "max_tokens": 8})
    ((_, _, again),) = served.ask({"messages": talk("one", "answer", "three"), "max_tokens": 8})
    assert again.cached_tokens > later.cached_tokens


def test_kept_prefixes_have_a_limit_in_bytes_and_can_be_given_up(models: Path) -> None:
    size = 3 * 2**20
    served = Served(models / "large", prefix_bytes=size)
    for number in range(8):
        served.ask({"messages": [{"role": "user", "content": f"{number} " * 400}], "max_tokens": 2})
        assert served.engine.loaded().prefix_bytes <= size
    assert served.engine.loaded().prefix_bytes > 0
    served.engine.trim(0)
    assert served.engine.loaded().prefix_bytes == 0
    nothing = Served(models / "large", prefix_bytes=0)
    assert [nothing.ask({"max_tokens": 2})[0][2].cached_tokens for _ in range(2)] == [0, 0]


def test_long_prefixes_are_there_again_after_a_restart(models: Path, tmp_path: Path) -> None:
    order = {"messages": [{"role": "user", "content": "word " * 300}], "max_tokens": 6}
    disk = {"disk": str(tmp_path), "disk_bytes": 50 * 2**20}
    before = Served(models / "large", **disk)
    ((text, _, _),) = before.ask(order)
    before.ask({"messages": [{"role": "user", "content": "short"}], "max_tokens": 2})
    before.engine.save()
    assert len(list(tmp_path.glob("*/*.safetensors"))) == 1  # what is short is computed as fast
    ((again, _, end),) = Served(models / "large", **disk).ask(order)
    assert (again, end.cached_tokens) == (text, end.prompt_tokens - 1)
    # Another model finds nothing of it, and a damaged file is no harm.
    assert Served(models / "stranger", **disk).ask(order)[0][2].cached_tokens == 0
    (file,) = tmp_path.glob("*/*.safetensors")
    file.write_bytes(file.read_bytes()[:1000])
    ((again, _, end),) = Served(models / "large", **disk).ask(order)
    assert (again, end.cached_tokens) == (text, 0)
    assert not file.exists()


def test_the_disk_takes_no_more_than_it_may(models: Path, tmp_path: Path) -> None:
    served = Served(models / "large", prefix_bytes=2**20, disk=str(tmp_path), disk_bytes=2 * 2**20)
    for number in range(8):
        served.ask({"messages": [{"role": "user", "content": f"{number} word " * 200}], "max_tokens": 2})
    served.engine.save()
    sizes = [file.stat().st_size for file in tmp_path.glob("*/*.safetensors")]
    assert sizes
    assert sum(sizes) <= 2 * 2**20


# memory -------------------------------------------------------------------------------------------------


def test_requests_wait_for_memory_that_others_have_and_all_are_answered(models: Path) -> None:
    orders: list[dict[str, Any]] = [{"messages": talk(f"question {number}"), "max_tokens": 40} for number in range(6)]
    free = Served(models / "large")
    wanted = [text for text, _, _ in free.ask(*orders)]
    # Keys and values of two layers of two heads of 16 numbers of 4 bytes; each request takes 512 tokens.
    size = 2 * 2 * 2 * 16 * 4
    tight = Served(models / "large", cache_bytes=1200 * size)
    numbers = [tight.start(order) for order in orders]
    while not tight.said:
        tight.engine.step()
    tight.engine.step()
    # Two fit at once; the others wait.
    assert {message.id for message in tight.said} == set(numbers[:2])
    assert tight.engine.loaded().running == 6
    tight.cancel(numbers[-1])
    assert [text for text, _, _ in tight.finish()] == wanted[:5]
    ((_, _, refused),) = tight.ask({"messages": [{"role": "user", "content": "word " * 700}]})
    assert isinstance(refused, Failed)
    assert (refused.code, "GB are available for conversations" in refused.message) == ("context_length_exceeded", True)


# vectors and tokens -------------------------------------------------------------------------------------


def vectors(served: Served, texts: list[str]) -> list[list[float]]:
    served.said.clear()
    served.engine.embed(Embed(id=900, texts=texts))
    while served.engine.is_busy:
        served.engine.step()
    (found,) = served.said
    assert isinstance(found, Vectors), found
    return [list(struct.unpack(f"<{len(content) // 4}f", content)) for content in map(base64.b64decode, found.vectors)]


def test_a_text_has_the_same_vector_alone_and_among_others(models: Path) -> None:
    served = Served(models / "large")
    texts = ["a", "the sea and the ships on it " * 20, "b", *(f"text {number}" for number in range(40))]
    together = vectors(served, texts)
    assert all(sum(number * number for number in vector) == pytest.approx(1, abs=1e-4) for vector in together)
    for at in (0, 1, 2, 20):
        assert vectors(served, [texts[at]])[0] == pytest.approx(together[at], abs=1e-4)
    assert together[0] != pytest.approx(together[2], abs=1e-3)


def test_pooling_is_as_the_model_says(models: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mean"
    shutil.copytree(models / "large", folder)
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling/config.json").write_text(json.dumps({"pooling_mode_mean_tokens": True}))
    texts = ["the sea and the ships on it", "x"]
    last, mean = vectors(Served(models / "large"), texts), vectors(Served(folder), texts)
    assert mean[0] != pytest.approx(last[0], abs=1e-2)
    assert mean[1] == pytest.approx(last[1], abs=1e-4)  # of one token both are the same


def test_vectors_come_while_others_are_answered(models: Path) -> None:
    served = Served(models / "large")
    served.start({"max_tokens": 200})
    served.engine.step()
    served.engine.embed(Embed(id=900, texts=["x" * 100] * 60))
    steps = 0
    while not any(isinstance(message, Vectors) for message in served.said):
        served.engine.step()
        steps += 1
    assert steps >= 3
    assert served.finish()[0][2].completion_tokens <= 200
    served.engine.embed(Embed(id=901, texts=["x" * 5000]))
    assert isinstance(served.said[-1], Failed)


def test_texts_and_conversations_are_counted_in_tokens(models: Path) -> None:
    served = Served(models / "large")
    served.said.clear()
    served.engine.tokenize(Tokenize(id=1, text="hello"))
    served.engine.tokenize(Tokenize(id=2, messages=[{"role": "user", "content": "hello"}]))
    one, two = served.said
    assert isinstance(one, Tokens)
    assert isinstance(two, Tokens)
    assert len(one.ids) < len(two.ids)


# tools --------------------------------------------------------------------------------------------------


def test_calls_of_strict_tools_have_arguments_of_their_schema(models: Path) -> None:
    served = Served(models / "large")
    schema = {"type": "object", "properties": {"count": {"type": "integer", "minimum": 0, "maximum": 99}, "kind": {"enum": ["a", "b"]}},
              "required": ["count", "kind"], "additionalProperties": False}  # fmt: skip
    tools = [{"type": "function", "function": {"name": name, "parameters": schema}} for name in ("one", "two")]
    start = served.tokens("<tool_call>")
    assert len(start) == 1
    calls = 0
    for seed in range(8):
        # Random weights would hardly ever begin a call: they are made to like it.
        order = {
            "tools": tools,
            "strict": ["one", "two"],
            "temperature": 1.0,
            "seed": seed,
            "max_tokens": 120,
            "logit_bias": {str(start[0]): 6.0},
        }
        ((_, pieces, _),) = served.ask(order)
        for piece in pieces:
            if piece.name:
                calls += 1
                assert piece.name in ("one", "two")
                jsonschema.validate(json.loads(piece.arguments), schema)
            # At most one that the length cut off; a word of the vocabulary may look like the beginning of one.
            begun = re.findall(r'\{"name": "\w+", "arguments": \{', piece.text)
            assert piece.text.startswith("<tool_call>") or all(len(served.tokens(text)) == 1 for text in begun)
    assert calls >= 8


# reasoning ----------------------------------------------------------------------------------------------


def test_reasoning_is_separate_from_the_answer(models: Path, tmp_path: Path) -> None:
    folder = tmp_path / "thinker"
    make_random_qwen3(folder, context=1024, tie_word_embeddings=False, vocab_size=278)
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    for number, word in ((276, "<think>"), (277, "</think>")):
        tokenizer["added_tokens"].append(
            {"id": number, "content": word, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
        )
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    (folder / "chat_template.jinja").write_text(TEMPLATE.replace("<|assistant|>{%- endif", "<|assistant|><think>{%- endif"))
    served = Served(folder)
    # Random weights hardly ever end their thoughts: they are made to like it.
    ((text, pieces, end),) = served.ask(
        {"max_tokens": 200, "temperature": 1.0, "seed": 3, "logit_bias": {"277": 3.0, "256": -100.0, "276": -100.0}}
    )
    thoughts = "".join(piece.thinking for piece in pieces)
    assert thoughts
    assert text
    assert "think>" not in thoughts
    assert pieces[0].thinking
    assert pieces[-1].text
    assert end.thinking_tokens > 0
