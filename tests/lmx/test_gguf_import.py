"""GGUF files become model folders that compute the same; what cannot be imported is refused by name and leaves nothing."""

import json
import os
import shutil
import struct
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gguf
import mlx.core as mx
import numpy as np
import pytest
from gguf import GGMLQuantizationType, quants
from hypothesis import given, settings
from hypothesis import strategies as st
from mlx_lm import load
from support.gguf_files import SHAPE, add_value, gguf_writer, write_random_gguf
from support.model_places import ollama_model

from opta_core.errors import OptaError, Refused
from opta_core.inheritance import python
from opta_lmx.models.gguf.gguf_file import TENSOR_TYPES, read_gguf
from opta_lmx.models.gguf.gguf_import import Imported, import_gguf
from opta_lmx.models.gguf.weight_blocks import PLAIN, TYPES, as_dtype, decode, floats, kept_bits, packed

SIZE = 320
PLAIN_CONFIG = {**SHAPE, "vocab_size": SIZE}
IDS = mx.array([[1, 7, 300, 42, 42, 5, 99, 250, 3, 17, 64, 128]])
KINDS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "llama": ("llama", {"model_type": "llama"}, {}),
    "llama without tied embeddings": ("llama", {"model_type": "llama", "tie_word_embeddings": False}, {}),
    "llama with biases": ("llama", {"model_type": "llama", "attention_bias": True, "mlp_bias": True}, {}),
    "llama, linear scaling": (
        "llama",
        {"model_type": "llama", "rope_scaling": {"type": "linear", "factor": 4.0}},
        {"llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": 4.0},
    ),
    "mixtral": (
        "llama",
        {"model_type": "mixtral", "num_local_experts": 4, "num_experts_per_tok": 2},
        {"llama.expert_count": 4, "llama.expert_used_count": 2},
    ),
    "qwen2": ("qwen2", {"model_type": "qwen2", "num_key_value_heads": 4}, {}),
    "qwen3": ("qwen3", {"model_type": "qwen3"}, {}),
    "qwen3, yarn": (
        "qwen3",
        {"model_type": "qwen3", "rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128}},
        {"qwen3.rope.scaling.type": "yarn", "qwen3.rope.scaling.factor": 4.0, "qwen3.rope.scaling.original_context_length": 128},
    ),
    "qwen3 with experts": (
        "qwen3moe",
        {
            "model_type": "qwen3_moe", "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32, "decoder_sparse_step": 1,
            "mlp_only_layers": [], "norm_topk_prob": True,
        },
        {"qwen3moe.expert_count": 4, "qwen3moe.expert_used_count": 2, "qwen3moe.expert_feed_forward_length": 32},
    ),
    "gemma": ("gemma", {"model_type": "gemma"}, {}),
    "gemma2": (
        "gemma2",
        {"model_type": "gemma2", "query_pre_attn_scalar": 16, "attn_logit_softcapping": 20.0, "final_logit_softcapping": 10.0},
        {"gemma2.attn_logit_softcapping": 20.0, "gemma2.final_logit_softcapping": 10.0},
    ),
    "gemma3": (
        "gemma3",
        {
            "model_type": "gemma3_text", "query_pre_attn_scalar": 16, "sliding_window": 8, "sliding_window_pattern": 6, "num_hidden_layers": 6,
            "rope_scaling": {"rope_type": "linear", "factor": 8.0},
        },
        {"gemma3.attention.sliding_window": 8, "gemma3.rope.scaling.type": "linear", "gemma3.rope.scaling.factor": 8.0},
    ),
}  # fmt: skip


def quiet(done: int, total: int) -> None:
    assert 0 <= done <= total


def logits(model: Any) -> Any:
    return np.array(model(IDS).astype(mx.float32))


@pytest.mark.parametrize("kind", KINDS)
def test_an_imported_model_computes_what_the_original_does(kind: str, tmp_path: Path) -> None:
    architecture, config, more = KINDS[kind]
    original = write_random_gguf(tmp_path / "a.gguf", architecture, PLAIN_CONFIG | config, more=more)
    import_gguf(tmp_path / "a.gguf", tmp_path / "model", quiet)
    imported, _ = load(str(tmp_path / "model"))
    want, got = logits(original), logits(imported)
    assert np.abs(want).max() > 0.1
    assert np.abs(want - got).max() < 1e-4 * np.abs(want).max()


def test_a_file_that_ollama_made_is_imported_without_the_part_that_sees_images(tmp_path: Path) -> None:
    config = PLAIN_CONFIG | KINDS["gemma3"][1] | {"num_hidden_layers": 34, "rope_theta": 500_000.0}
    more = {"gemma3.attention.sliding_window": 8, "gemma3.rope.global.freq_base": 500_000.0, "gemma3.rope.local.freq_base": 10_000.0}
    original = write_random_gguf(
        tmp_path / "a.gguf", "gemma3", config, more=more, extra=("v.blk.0.attn_q.weight", "mm.mm_input_projection.weight")
    )
    made = import_gguf(tmp_path / "a.gguf", tmp_path / "model", quiet)
    imported, _ = load(str(tmp_path / "model"))
    assert np.abs(logits(original) - logits(imported)).max() < 1e-3 * np.abs(logits(original)).max()
    assert "The part that sees images was left out: the model reads texts." in made.notes


@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize("weights", ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"])
def test_quantised_weights_stay_what_they_are(weights: str, keeps: bool, tmp_path: Path) -> None:
    original = write_random_gguf(tmp_path / "a.gguf", "llama", PLAIN_CONFIG | {"model_type": "llama"}, weights=weights)
    made = import_gguf(tmp_path / "a.gguf", tmp_path / "model", quiet, dtype="float32", keeps=keeps)
    config = json.loads((tmp_path / "model/config.json").read_text())
    assert config.get("quantization", {}).get("bits", 0) == (int(weights[1]) if keeps else 0)
    imported, _ = load(str(tmp_path / "model"))
    want, got = logits(original), logits(imported)
    assert np.abs(want - got).max() < 1e-4 * np.abs(want).max()
    stored = sum(file.stat().st_size for file in (tmp_path / "model").glob("*.safetensors"))
    assert made.bytes < stored < made.bytes + 8192


def test_numbers_of_16_bits_are_kept_or_converted_as_asked(tmp_path: Path) -> None:
    for stored, asked, want in (
        ("F16", "", "float16"),
        ("BF16", "", "bfloat16"),
        ("F16", "float32", "float32"),
        ("F32", "bfloat16", "bfloat16"),
    ):
        file, folder = tmp_path / f"{stored}.gguf", tmp_path / f"{stored}{asked}"
        original = write_random_gguf(file, "qwen3", PLAIN_CONFIG | {"model_type": "qwen3"}, weights=stored)
        assert import_gguf(file, folder, quiet, dtype=asked).dtype == want
        imported, _ = load(str(folder))
        assert {str(value.dtype) for value in dict(mx.load(str(folder / "model.safetensors"))).values()} == {f"mlx.core.{want}"}
        assert np.abs(logits(original) - logits(imported)).max() < 0.05 * np.abs(logits(original)).max()


def random_blocks(type_: str, rows: int) -> Any:
    """Blocks of random bits, whose 16-bit floats are numbers."""
    _, block, size = next(each for each in TENSOR_TYPES.values() if each[0] == type_)
    halves = {"Q2_K": (80, 82), "Q3_K": (108,), "Q6_K": (208,), "Q4_K": (0, 2), "Q5_K": (0, 2), "Q4_1": (0, 2), "Q5_1": (0, 2)}.get(
        type_, (0,)
    )
    random = np.random.default_rng(7)
    raw = random.integers(0, 256, (rows, size), dtype=np.uint8)
    for at in halves:
        raw[:, at : at + 2] = random.normal(size=(rows, 1)).astype(np.float16).view(np.uint8)
    return raw, block


@pytest.mark.parametrize("type_", [name for name in TYPES if name not in PLAIN])
def test_blocks_are_read_bit_for_bit_as_llama_cpp_reads_them(type_: str) -> None:
    raw, block = random_blocks(type_, 96)
    codes = decode(type_, raw, 4 * block)
    want = quants.dequantize(raw, GGMLQuantizationType[type_]).reshape(24, -1)
    assert np.array_equal(codes.numbers(), want)
    if bits := kept_bits(type_):
        arrays = (mx.array(packed(codes.codes, bits)), mx.array(codes.scales), mx.array(codes.biases))
        assert np.array_equal(np.array(mx.dequantize(*arrays, group_size=32, bits=bits)), want)


def test_numbers_are_rounded_as_mlx_rounds_them() -> None:
    numbers = np.concatenate([np.random.default_rng(1).normal(size=4096), [0, -0.0, 1e-40, 3e38, np.inf]]).astype(np.float32)
    for dtype, kind in (("BF16", mx.bfloat16), ("F16", mx.float16)):
        assert np.array_equal(as_dtype(numbers, dtype).view(np.uint16), np.array(mx.array(numbers).astype(kind).view(mx.uint16)))
    halves = np.array(mx.array(numbers).astype(mx.bfloat16).view(mx.uint16)).view(np.uint8)
    assert np.array_equal(floats("BF16", halves), np.array(mx.array(numbers).astype(mx.bfloat16).astype(mx.float32)))


@pytest.mark.parametrize("type_", ["Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"])
def test_a_model_of_k_quants_is_imported(type_: str, tmp_path: Path) -> None:
    config = {**PLAIN_CONFIG, "model_type": "llama", "hidden_size": 256, "intermediate_size": 256, "head_dim": 64}
    writer = gguf_writer(tmp_path / "k.gguf", "llama", config)
    kind = GGMLQuantizationType[type_]
    rows = {"attn_q": 256, "attn_k": 128, "attn_v": 128, "attn_output": 256, "ffn_gate": 256, "ffn_up": 256, "ffn_down": 256}
    for name, count in [("token_embd", SIZE), *((f"blk.{layer}.{name}", count) for layer in range(2) for name, count in rows.items())]:
        raw, _ = random_blocks(type_, count)
        writer.add_tensor(f"{name}.weight", raw, raw_dtype=kind)
    for name in ("output_norm", *(f"blk.{layer}.{name}" for layer in range(2) for name in ("attn_norm", "ffn_norm"))):
        writer.add_tensor(f"{name}.weight", np.ones(256, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    made = import_gguf(tmp_path / "k.gguf", tmp_path / "model", quiet, dtype="float32")
    assert any(type_ in note for note in made.notes) == (type_ in ("Q2_K", "Q3_K", "Q6_K"))
    kept, _ = load(str(tmp_path / "model"))
    import_gguf(tmp_path / "k.gguf", tmp_path / "plain", quiet, dtype="float32", keeps=False)
    plain, _ = load(str(tmp_path / "plain"))
    want = quants.dequantize(random_blocks(type_, 256)[0], kind)
    got = np.array(plain.model.layers[0].self_attn.o_proj.weight)
    assert np.array_equal(got, want)
    assert np.abs(logits(kept) - logits(plain)).max() <= 1e-3 * np.abs(logits(plain)).max()


# what is refused ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small file that can be imported."""
    path = tmp_path_factory.mktemp("gguf") / "good-Q4_0.gguf"
    write_random_gguf(path, "llama", PLAIN_CONFIG | {"model_type": "llama"}, weights="Q4_0")
    return path


def refusal(file: Path, folder: Path, **options: Any) -> str:
    """Why a file is not imported; nothing is left then."""
    with pytest.raises(Refused) as refused:
        import_gguf(file, folder / "model", quiet, **options)
    assert not [path for path in folder.iterdir() if path.name.startswith("model")]
    return refused.value.message


def test_other_architectures_types_and_tensors_are_refused_by_name(good: Path, tmp_path: Path) -> None:
    cases = {
        ("whisper", "F32", ""): "has the architecture 'whisper', which cannot be imported. LMX imports llama, qwen2, qwen3",
        ("llama", "F32", "blk.0.strange"): "has a tensor 'blk.0.strange.weight' that mlx-lm's llama does not have",
        ("llama", "F32", "blk.9.attn_q"): "has a tensor 'blk.9.attn_q.weight' that mlx-lm's llama does not have",
    }
    for at, ((architecture, _, extra), reason) in enumerate(cases.items()):
        writer = gguf_writer(tmp_path / f"{at}.gguf", architecture, PLAIN_CONFIG)
        for name in ("token_embd", *([extra] if extra else [])):
            writer.add_tensor(f"{name}.weight", np.zeros((SIZE, 64), np.float32))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        assert reason in refusal(tmp_path / f"{at}.gguf", tmp_path)
    content = good.read_bytes()
    at = content.index(b"blk.0.attn_k.weight") + len("blk.0.attn_k.weight") + 4 + 16
    (tmp_path / "iq.gguf").write_bytes(content[:at] + struct.pack("<I", 20) + content[at + 4 :])
    assert "has weights of the type IQ4_NL (blk.0.attn_k.weight), which cannot be read. LMX reads F32, F16" in refusal(
        tmp_path / "iq.gguf", tmp_path
    )
    assert "There is a model 'model' already" in _existing(good, tmp_path)


def _existing(good: Path, folder: Path) -> str:
    (folder / "model").mkdir()
    with pytest.raises(Refused) as refused:
        import_gguf(good, folder / "model", quiet)
    (folder / "model").rmdir()
    return refused.value.message


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("llama.attention.head_count", [4, 2], "has layers of different shapes (attention.head_count)"),
        ("llama.rope.dimension_count", 8, "has heads of a shape that mlx-lm's llama cannot compute"),
        ("llama.rope.scaling.type", "longrope", "scales its rotary embeddings in a way (longrope) that cannot be imported"),
        ("split.count", 2, "is one part of a split file"),
        ("tokenizer.ggml.pre", "viking", "splits texts by the rule 'viking', which LMX does not know"),
        ("tokenizer.ggml.model", "bert", "has a tokenizer of the kind 'bert', which cannot be imported"),
        ("llama.block_count", 3, "is not whole: 9 tensors are missing, such as model.layers.2"),
        ("llama.block_count", 2**31, "is damaged: it states 2147483648 layers, which its 20 tensors cannot be"),
        ("llama.attention.head_count_kv", 4, "is damaged: its tensor blk.0.attn_k.weight has the shape"),
    ],
)  # fmt: skip
def test_a_model_that_would_compute_something_else_is_refused(key: str, value: Any, reason: str, good: Path, tmp_path: Path) -> None:
    reader = gguf.GGUFReader(good)
    writer = gguf.GGUFWriter(tmp_path / "x.gguf", "llama")
    for name, field in reader.fields.items():
        if not name.startswith("GGUF.") and name not in ("general.architecture", key):
            content = field.contents()
            if isinstance(content, int) and not isinstance(content, bool) and field.types[0] != gguf.GGUFValueType.UINT32:
                continue
            add_value(writer, name, content)
    add_value(writer, key, value)
    if key == "llama.rope.scaling.type":
        writer.add_float32("llama.rope.scaling.factor", 2.0)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert reason in refusal(tmp_path / "x.gguf", tmp_path)


def test_weights_that_are_no_numbers_are_refused_and_nothing_is_left(good: Path, tmp_path: Path) -> None:
    tensor = read_gguf(good).tensors["blk.1.ffn_down.weight"]
    content = bytearray(good.read_bytes())
    content[tensor.start : tensor.start + 2] = b"\xff\x7f"
    (tmp_path / "nan.gguf").write_bytes(content)
    assert "is damaged: its tensor blk.1.ffn_down.weight has values that are not numbers" in refusal(tmp_path / "nan.gguf", tmp_path)


def test_a_full_disk_is_found_before_anything_is_written(good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    assert "are needed at" in refusal(good, tmp_path)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_damage_of_a_file_gives_anything_but_a_sentence(
    data: st.DataObject, good: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = bytearray(good.read_bytes())
    header = read_gguf(good).tensors["token_embd.weight"].start
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, header))] = data.draw(st.integers(0, 255))
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "x.gguf").write_bytes(content)
    try:
        made: Imported | None = import_gguf(folder / "x.gguf", folder / "model", quiet)
    except OptaError as error:
        made = None
        assert error.message.endswith((".", "?", "search", "--merge", "--name")) and "\n" not in error.message
    assert (folder / "model").exists() == (made is not None)
    assert not (folder / "model.import").exists()


# the program -------------------------------------------------------------------------------------------


def run_import(home: Path, *arguments: str, **variables: str) -> tuple[int, list[dict[str, Any]]]:
    """(exit code, lines)."""
    environment = {"HOME": str(home), "OPTA_HOME": str(home), "PATH": os.environ["PATH"], **variables}
    done = subprocess.run(python("opta_lmx.models.gguf", arguments), env=environment, capture_output=True, timeout=120)
    assert done.stderr == b""
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_a_file_is_imported_under_its_name_without_the_quantisation(good: Path, tmp_path: Path) -> None:
    (tmp_path / "models/good.import").mkdir(parents=True)
    (tmp_path / "models/good.import/rest").write_bytes(b"of an interrupted import")
    code, lines = run_import(tmp_path, str(good))
    done = lines[-1]
    assert (code, done["event"], done["name"], done["summary"]) == (
        0,
        "done",
        "good",
        "llama, quantisation not stated, computed in float32",
    )
    assert [line["event"] for line in lines[:-1]][-1] == "progress" and lines[-2]["done"] == lines[-2]["total"]
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == ["good"]
    code, lines = run_import(tmp_path, str(good))
    assert (code, lines[-1]["event"]) == (1, "failed") and "There is a model 'good' already" in lines[-1]["message"]
    for name in ("../x", "a/b", "probe", "x.part", "", "é"):
        code, lines = run_import(tmp_path, "--name", name or " ", "--", str(good))
        assert (code, lines[-1]["event"]) == (1, "failed")


def test_a_model_of_ollama_is_imported_by_its_name(good: Path, tmp_path: Path) -> None:
    before = ollama_model(tmp_path / ".ollama/models", "tiny:latest", good.read_bytes(), licence="MIT License")
    blobs = sorted(path.name for path in (tmp_path / ".ollama/models/blobs").iterdir())
    code, lines = run_import(tmp_path, "ollama:tiny")
    assert (code, lines[-1]["name"]) == (0, "tiny")
    assert json.loads((tmp_path / "models/tiny/opta.json").read_text())["licence"] == "MIT License"
    code, lines = run_import(tmp_path, "--name", "again", "--", "tiny:latest")
    assert (code, lines[-1]["name"]) == (0, "again")
    code, lines = run_import(tmp_path, "ollama:other:7b")
    assert (code, lines[-1]["message"]) == (1, "Ollama's store has no model 'other:7b'. It has tiny:latest.")
    assert before.exists() and blobs == sorted(path.name for path in (tmp_path / ".ollama/models/blobs").iterdir())
