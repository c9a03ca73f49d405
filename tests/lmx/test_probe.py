"""The probe model as it is shipped: its files, its constraint, and what it can do (a sample of the card's evaluation)."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import mlx.core as mx
import pytest
from mlx_lm.models import lfm2
from mlx_lm.utils import load
from probe_training import forward
from probe_training.evaluate import TARGETS
from probe_training.generator import KINDS, Generator
from probe_training.train import CONFIG, batch
from probe_training.vocabulary import CALL_TOOLS, CHAT_TEMPLATE, END, encode, write_tokenizer

from opta_agent import framed_text
from opta_lmx.engine.copy_constraint import without_line_numbers, words_of
from opta_lmx.engine_client.blas import blas_environment
from opta_lmx.models import model_catalog
from opta_lmx.models.model_catalog import PROBE


def test_the_shipped_files_are_what_the_scripts_write(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("written")
    write_tokenizer(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        assert (PROBE / name).read_text() == (folder / name).read_text()
    assert json.loads((PROBE / "config.json").read_text()) == CONFIG
    assert (PROBE / "model.safetensors").stat().st_size <= 12_000_000


@pytest.mark.parametrize(
    ("config", "tools"),
    [({}, None), ({"opta": {"tools": ["grep"]}}, ("grep",)), ({"opta": {"tools": []}}, ()), ({"opta": {"tools": 3}}, None)],
)
def test_a_model_declares_which_tools_it_can_use(tmp_path: Path, config: dict[str, object], tools: tuple[str, ...] | None) -> None:
    assert model_catalog.read(PROBE).tools == CALL_TOOLS
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert model_catalog.read(tmp_path).tools == tools


def test_the_tokenizer_and_the_generator_agree_on_every_kind_of_sample() -> None:
    tokenizer = load(str(PROBE))[1]
    random_ = random.Random(5)
    for kind in KINDS:
        for _ in range(20):
            sample = Generator().draw(kind, random_)
            text = sample.prompt + sample.answer + END
            assert tokenizer.encode(text, add_special_tokens=False) == encode(text)
            assert tokenizer.decode(encode(text), skip_special_tokens=False) == text


@pytest.mark.parametrize(
    "added",
    [
        framed_text.instructions("AGENTS.md", "Be kind."),
        framed_text.untrusted("AGENTS.md", "Be kind."),
        framed_text.attached("file", "a.md", "text"),
        "<environment>mode do</environment>",
    ],
)
def test_the_chat_template_renders_a_conversation_as_the_generator_does(added: str) -> None:
    tokenizer = load(str(PROBE))[1]
    call = {"id": "1", "type": "function", "function": {"name": "read_file", "arguments": {"path": "a.md"}}}
    messages = [
        {"role": "system", "content": "long " * 500},
        {"role": "user", "content": "before"},
        {"role": "assistant", "content": "x"},
        # What the agent adds to a message is not typed by a person.
        {"role": "user", "content": f"Read a.md\n\n{added}"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "# Title\n" + "y" * 900},
    ]
    rendered = tokenizer.apply_chat_template(messages, tools=[{"type": "function"}], add_generation_prompt=True, tokenize=False)
    result = ("# Title\n" + "y" * 900)[:160]
    assert rendered == (
        '<|tools|><|user|>Read a.md<|end|><|assistant|><tool_call>{"name": "read_file", "arguments": {"path": "a.md"}}</tool_call><|end|>'
        f"<|tool|>{result}<|end|><|assistant|>"
    )
    assert len(encode(rendered)) < 512
    assert CHAT_TEMPLATE.startswith("{%-")


@pytest.mark.parametrize(
    ("tool", "content", "seen"),
    [
        ("read_file", "1\t# Title\n2\t\n3\t\tx = 1\n[lines 1-3 of 9; read on with start_line=4]", "# Title\n\n\tx = 1"),
        ("read_file", "12\tdef f():", "def f():"),
        ("read_file", "1\t\n2\t# Title", "\n# Title"),
        ("read_file", "\n".join(f"{number}\t" for number in range(1, 1000)), "\n" * 160),
        ("read_file", "1\t" + "y" * 9000 + "\n[the line is too long]", "y" * 160),
        ("read_file", "(empty file)", "(empty file)"),
        ("read_file", "Error: no such file: 1\tx", "Error: no such file: 1\tx"),
        ("run_command", "1\ta\n2\tb", "1\ta\n2\tb"),
        ("read_file", "", ""),
    ],
)
def test_the_line_numbers_of_a_file_are_cut(tool: str, content: str, seen: str) -> None:
    call = {"id": "1", "type": "function", "function": {"name": tool, "arguments": {"path": "a"}}}
    messages = [
        {"role": "user", "content": "Read a"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": content},
    ]
    rendered = load(str(PROBE))[1].apply_chat_template(messages, tools=[{"type": "function"}], add_generation_prompt=True, tokenize=False)
    assert rendered.rpartition("<|tool|>")[2] == f"{seen}<|end|><|assistant|>"
    assert tool != "read_file" or without_line_numbers(content)[:160] == seen


def test_training_and_serving_compute_the_same_function() -> None:
    mx.random.seed(3)
    model = lfm2.Model(lfm2.ModelArgs.from_dict(CONFIG))
    inputs = mx.random.randint(0, 256, (2, 90))
    expected = model(inputs)
    got = model.model.embed_tokens.as_linear(forward.hidden_states(model, inputs, mx.zeros((2, 90), dtype=mx.int32)))
    assert mx.abs(expected - got).max().item() < 1e-2 * mx.abs(expected).max().item()


def test_a_batch_depends_only_on_seed_and_step() -> None:
    for step in (0, 1, 8):
        one, two = batch(7, step, 0.5), batch(7, step, 0.5)
        assert all((a == b).all() for a, b in zip(one[:3], two[:3], strict=True))
        assert one[3] > 200


@pytest.mark.parametrize(
    ("message", "word"),
    [
        ("Read the file README.md.", "README.md"),
        ('find "two words" in `src/a`', "two words"),
        ('find "two words" in `src/a`', "src/a"),
        ("(see docs/x.md)", "docs/x.md"),
        ("grep foo()", "foo()"),
    ],
)
def test_a_call_can_name_the_words_of_a_message(message: str, word: str) -> None:
    assert word in set(words_of(message))


def test_held_out_prompts_reach_the_targets(tmp_path: Path) -> None:
    card = tmp_path / "card.json"
    # A process of its own: OpenBLAS, where it is installed, has to be loaded before Python starts.
    command = [sys.executable, "-m", "probe_training.evaluate", "--model", str(PROBE), "--count", "60", "--seed", "77", "--card", str(card)]
    done = subprocess.run(
        command, cwd=PROBE.parent.parent, env={**os.environ, **blas_environment()}, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(card.read_text())
    for name, target in TARGETS.items():
        assert figures[name]["prompts"] == 60
        assert figures[name]["constrained"] >= target - 0.03, done.stdout
