"""A real model, imported from GGUF: it computes what mlx's own reading of the file computes, and LMX serves it."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import mlx.core as mx
import numpy as np
import pytest
from mlx.utils import tree_flatten
from mlx_lm import generate, load, utils
from support import smollm2
from support.daemon import Daemon
from support.limits import limit_s
from support.lmx import lmx, port_of
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from opta_core.inheritance import python

PROMPTS = [
    "The capital of France is", "def add(a, b):\n    return", "Once upon a time", "1 + 1 =", "The opposite of hot is", "Water boils at",
    "import numpy as", "To be or not to", "Dear Sir or Madam,", "The quick brown fox", "SELECT name FROM", "In 1969, humans",
    "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n", "List three colours:", "Ça va bien,", "日本の首都は", "🙂🙂", "for i in range(10):",
    "The theory of relativity", "Roses are red,",
]  # fmt: skip
HARD = [
    "  two  spaces", "tab\tand\r\nlines\n\n\n", "1234567 3.14 007", "don't DON'T I'LL", "naïve café e\u0301", "日本語 テスト 中文", "👩‍👩‍👧🙂",
    "a_b.c(d)[e]{f}", "<|im_start|>x<|im_end|>", "x" * 500, "\u2028\u00a0\ufeff", "ไทย हिन्दी عربى", "\x00\x01\x7f", "<file_sep><reponame>", "",
]  # fmt: skip


@pytest.fixture(scope="module")
def kept() -> Iterator[tuple[Any, Any]]:
    """(model, tokenizer) with the weights quantised as in the file."""
    yield load(str(smollm2.imported()))


@pytest.fixture(scope="module")
def reference() -> Any:
    return smollm2.by_hand()


def test_plain_weights_are_those_that_mlx_reads_from_the_file(reference: Any) -> None:
    imported, _ = load(str(smollm2.imported("--plain")))
    want, got = (dict(tree_flatten(model.parameters())) for model in (reference, imported))
    assert want.keys() == got.keys()
    assert [name for name in want if not mx.array_equal(want[name], got[name]).item()] == []


def test_the_logits_of_twenty_prompts_are_equal_within_rounding(kept: tuple[Any, Any], reference: Any) -> None:
    model, tokenizer = kept
    # A processor computes quantised weights slowly: all prompts see them as 32-bit floats, and three as they are.
    floats: Any = load(str(smollm2.imported()))[0]
    floats.apply(lambda value: value.astype(mx.float32) if mx.issubdtype(value.dtype, mx.floating) else value)
    floats = utils.dequantize_model(floats)
    for computed, prompts in ((floats, PROMPTS), (model, PROMPTS[:3])):
        for prompt in prompts:
            ids = mx.array([tokenizer.encode(prompt)])
            want, got = np.array(reference(ids)), np.array(computed(ids))
            assert np.abs(want - got).max() < 1e-3, prompt
            assert np.array_equal(want.argmax(-1), got.argmax(-1)), prompt


def test_hard_texts_give_the_tokens_of_the_original(kept: tuple[Any, Any]) -> None:
    _, tokenizer = kept
    # The original's rule: digits one by one, then byte-level BPE.
    metadata: Any = mx.load(str(smollm2.gguf_file()), return_metadata=True)[1]  # type: ignore[call-overload]
    texts, kinds = metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.token_type"].tolist()
    original = Tokenizer(
        models.BPE({text: id_ for id_, text in enumerate(texts)}, [tuple(m.split(" ")) for m in metadata["tokenizer.ggml.merges"]])
    )
    original.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    original.decoder = decoders.ByteLevel()
    original.add_special_tokens([text for text, kind in zip(texts, kinds, strict=True) if kind == 3])
    for text in [*HARD, *PROMPTS]:
        ids = tokenizer.encode(text)
        assert ids == original.encode(text).ids, text
        assert tokenizer.decode(ids) == text


def test_it_continues_sensibly_and_knows_its_template_and_its_end(kept: tuple[Any, Any]) -> None:
    model, tokenizer = kept
    assert "Paris" in generate(model, tokenizer, "The capital of France is", max_tokens=6)
    assert {0, 2} <= set(tokenizer.eos_token_ids)
    rendered = tokenizer.apply_chat_template([{"role": "user", "content": "Hi"}], add_generation_prompt=True, tokenize=False)
    assert rendered.endswith("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n")


@pytest.mark.system
def test_lmx_serves_it(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path, only="lmx", config='[lmx]\nmodel = "plain"\n')
    (daemon.home / "models").mkdir(parents=True)
    (daemon.home / "models/plain").symlink_to(smollm2.imported("--plain"))
    (daemon.home / "models/kept").symlink_to(smollm2.imported())
    with lmx(tmp_path, daemon):
        question = {"messages": [{"role": "user", "content": "What is the capital of France?"}], "temperature": 0, "max_tokens": 20}
        answer = asked(port_of(daemon), "/v1/chat/completions", question)
        # A processor computes quantised weights slowly, so that one is asked little.
        text = asked(
            port_of(daemon), "/v1/completions", {"model": "kept", "prompt": "The capital of France is", "temperature": 0, "max_tokens": 4}
        )
    assert (answer["model"], text["model"]) == ("plain", "kept")
    assert "Paris" in answer["choices"][0]["message"]["content"] and "Paris" in text["choices"][0]["text"]
    assert answer["choices"][0]["finish_reason"] == "stop"


def asked(port: int, target: str, body: dict[str, Any]) -> dict[str, Any]:
    """The answer to a request."""
    answer = httpx2.post(f"http://127.0.0.1:{port}{target}", json=body, timeout=limit_s(120))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_an_import_that_is_stopped_leaves_nothing_and_one_that_is_killed_begins_anew(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "OPTA_HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    command = python("opta_lmx.models.gguf", ["--plain", "--name", "x", "--", str(smollm2.gguf_file())])
    for number, left in ((signal.SIGTERM, []), (signal.SIGKILL, ["x.import"])):
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as program:
            assert program.stdout is not None
            assert json.loads(program.stdout.readline())["event"] == "progress"
            program.send_signal(number)
        assert program.returncode
        assert [path.name for path in (tmp_path / "models").iterdir()] == left
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        first.stdout.readline()
        second = subprocess.run(command, env=environment, capture_output=True, timeout=limit_s(60))
        first.kill()
    assert json.loads(second.stdout)["message"] == "x is being made by another process. Wait until it ends."
