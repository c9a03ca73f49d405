"""The tokenizer of a GGUF file, imported: hard texts give the tokens of the original."""

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
from jinja2.sandbox import ImmutableSandboxedEnvironment
from support.gguf_files import SHAPE, SPECIAL, add_byte_level_tokenizer, gguf_writer
from tokenizers import Tokenizer
from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS

from opta_lmx.models.gguf import gguf_tokenizer
from opta_lmx.models.gguf.gguf_file import read_gguf
from opta_lmx.models.gguf.usual_templates import usual_template

SIZE = 320
PLAIN_CONFIG = {**SHAPE, "vocab_size": SIZE}

HARD = [
    "", " ", "  two  spaces ", "the theme\tof\n\nthe\r\n", "1234567 3.14", "don't DON'T I'll", "naïve café Ångström", "日本語 テスト",
    "🙂👩‍👩‍👧 e\u0301", "a_b.c(d)[e]{f}", "<|im_start|>user\nhi<|im_end|>", "x" * 300, "\u2028\u00a0\ufeff", "عربى हिन्दी ไทย", "\x00\x01\x7f",
]  # fmt: skip


def tokenizer_of(path: Path) -> Any:
    """The imported tokenizer, in the library that reads it."""
    return Tokenizer.from_str(json.dumps(gguf_tokenizer.tokenizer_of(read_gguf(path)).tokenizer))


def test_a_byte_level_tokenizer_reads_hard_texts_and_gives_them_back(tmp_path: Path) -> None:
    for pre in ("gpt-2", "smollm", "llama-bpe", "llama3", "pixtral", "smaug-bpe", "dbrx", "qwen2", "deepseek-r1-qwen", "tekken"):
        writer = gguf_writer(tmp_path / "t.gguf", "llama", PLAIN_CONFIG, has_tokenizer=False)
        add_byte_level_tokenizer(writer, SIZE, pre=pre)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.close()
        tokens = tokenizer_of(tmp_path / "t.gguf")
        if pre in GGUF_PRE_TOKENIZER_SPLITS:
            # The rule as another program knows it.
            assert json.loads(tokens.to_str())["pre_tokenizer"]["pretokenizers"][0]["pattern"] == {"Regex": GGUF_PRE_TOKENIZER_SPLITS[pre]}
        for text in HARD:
            ids = tokens.encode(text, add_special_tokens=False).ids
            normalised = unicodedata.normalize("NFC", text) if pre in ("qwen2", "deepseek-r1-qwen") else text
            assert tokens.decode(ids, skip_special_tokens=False) == normalised
        assert tokens.encode("<|im_end|>", add_special_tokens=False).ids == [2]
        assert tokens.decode([1, 2], skip_special_tokens=True) == ""
        begins = [1] if pre in ("llama-bpe", "llama3", "tekken") else []
        assert tokens.encode("", add_special_tokens=True).ids == begins
        assert tokens.get_vocab_size() == len(SPECIAL) + 256


def test_tokens_of_conversations_are_found_whatever_kind_the_file_gives_them(tmp_path: Path) -> None:
    for name, more in (("plain", []), ("added", ["<think>"])):
        writer = gguf_writer(tmp_path / f"{name}.gguf", "qwen3", PLAIN_CONFIG, has_tokenizer=False)
        letters = [chr(c) for c in [*range(33, 127), *range(161, 173), *range(174, 256), *range(256, 324)]]
        writer.add_tokenizer_model("gpt2")
        writer.add_token_list([*letters, "<|im_end|>", "<start>", "<think>"])
        writer.add_token_types([1] * (len(letters) + 3))
        writer.add_token_merges(["t h"])
        writer.add_eos_token_id(len(letters) + 1)
        if more:
            writer.add_array("tokenizer.ggml.added_tokens", more)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.close()
        read = gguf_tokenizer.tokenizer_of(read_gguf(tmp_path / f"{name}.gguf"))
        tokens, size = tokenizer_of(tmp_path / f"{name}.gguf"), len(letters)
        assert tokens.encode("<|im_end|><start>").ids == [size, size + 1] and read.ends == [size, size + 1]
        assert (tokens.encode("<think>").ids == [size + 2]) == bool(more)
        assert tokens.decode([size, size + 2]) == "<think>"


@pytest.mark.parametrize(
    ("tokens", "name", "rendered"),
    [
        (["<|im_start|>", "<|im_end|>"], "ChatML", "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\nA<|im_end|>\n<|im_start|>user\nV<|im_end|>\n<|im_start|>assistant\n"),
        (["<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"], "Llama 3", "B" + "".join(f"<|start_header_id|>{role}<|end_header_id|>\n\n{text}<|eot_id|>" for role, text in (("system", "S"), ("user", "U"), ("assistant", "A"), ("user", "V"))) + "<|start_header_id|>assistant<|end_header_id|>\n\n"),
        (["<start_of_turn>", "<end_of_turn>"], "Gemma", "B<start_of_turn>user\nS\n\nU<end_of_turn>\n<start_of_turn>model\nA<end_of_turn>\n<start_of_turn>user\nV<end_of_turn>\n<start_of_turn>model\n"),
        (["<other>"], "", ""),
    ],
)  # fmt: skip
def test_a_file_without_a_template_gets_that_of_its_tokens(tokens: list[str], name: str, rendered: str) -> None:
    found, template = usual_template(set(tokens))
    talk = [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "U"},
        {"role": "assistant", "content": "A"},
        {"role": "user", "content": "V"},
    ]
    # As transformers renders them.
    made = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True).from_string(template)
    assert (found, made.render(messages=talk, add_generation_prompt=True, bos_token="B")) == (name, rendered)


def sentence_piece_gguf(folder: Path, **options: Any) -> tuple[Any, Path]:
    """(a SentencePiece model trained on our own documents, a GGUF file with its vocabulary)."""
    root = Path(__file__).parents[2]
    texts = [line for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md") for line in (root / name).read_text().splitlines()]
    (folder / "text.txt").write_text("\n".join([*texts, "naïve café Ångström", "日本語 テスト"]))
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "text.txt"), model_prefix=str(folder / "sp"), vocab_size=900, model_type="bpe", byte_fallback=True,
        normalization_rule_name="identity", remove_extra_whitespaces=False, split_digits=True, allow_whitespace_only_pieces=True,
        minloglevel=2, **options,
    )  # fmt: skip
    model = sentencepiece.SentencePieceProcessor(model_file=str(folder / "sp.model"))
    ids = range(model.get_piece_size())
    writer = gguf_writer(folder / "sp.gguf", "llama", PLAIN_CONFIG, has_tokenizer=False)
    writer.add_tokenizer_model("llama")
    writer.add_token_list([model.id_to_piece(id_) for id_ in ids])
    writer.add_token_scores([model.get_score(id_) for id_ in ids])
    user = set(options.get("user_defined_symbols", []))

    def kind(id_: int) -> int:
        if model.is_byte(id_):
            return 6
        return 2 if model.is_unknown(id_) else 3 if model.is_control(id_) else 4 if model.id_to_piece(id_) in user else 1

    writer.add_token_types([kind(id_) for id_ in ids])
    writer.add_bos_token_id(model.bos_id())
    writer.add_eos_token_id(model.eos_id())
    writer.add_unk_token_id(model.unk_id())
    writer.add_add_space_prefix(options.get("add_dummy_prefix", True))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return model, folder / "sp.gguf"


@pytest.mark.parametrize(
    "options", [{}, {"add_dummy_prefix": False}, {"add_dummy_prefix": False, "user_defined_symbols": ["<tag>", "\n\n", "▁▁"]}]
)
def test_a_sentence_piece_tokenizer_gives_the_same_tokens_as_the_original(options: dict[str, Any], tmp_path: Path) -> None:
    original, file = sentence_piece_gguf(tmp_path, **options)
    tokens = tokenizer_of(file)
    lines = (tmp_path / "text.txt").read_text().splitlines()
    for text in [text for text in [*HARD, *lines, "a<tag>b  c\n\n\nd"] if text and "\x00" not in text]:
        assert tokens.encode(text, add_special_tokens=False).ids == original.encode(text), text
    assert tokens.encode("a").ids[0] == original.bos_id()
    assert tokens.decode(original.encode("naïve 🙂 café")) == "naïve 🙂 café"
