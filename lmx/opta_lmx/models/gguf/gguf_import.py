"""Turns a GGUF file into a model folder that mlx-lm loads."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from opta_core.errors import Refused

from ..new_folder import check_space, new_folder, refuse_existing
from .gguf_file import GgufFile, read_gguf
from .gguf_tokenizer import GgufTokenizer, tokenizer_of
from .llama_like import config_of, has_vision, targets_of
from .weight_blocks import PLAIN
from .weight_files import WeightPlan

SUFFIX = ".import"
DTYPES = {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}
_NAMES = {name: dtype for dtype, name in DTYPES.items()}
# Values between the layers of these models are too large for 16-bit floats.
_WIDE = ("gemma", "gemma2", "gemma3")


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What an import made. Sizes in bytes; `notes`: what a person should know, one sentence each."""

    architecture: str
    quantisation: str
    dtype: str
    bytes_before: int
    bytes: int
    notes: list[str]


def import_gguf(
    source: Path, folder: Path, report: Callable[[int, int], None], *, licence: str = "", dtype: str = "", keeps: bool = True
) -> Imported:
    """Make `folder` from a GGUF file. `report` gets bytes read and bytes to read; `dtype`: '' chooses it; `keeps`: see `WeightPlan`.

    Raises Refused: the file cannot be imported, or there is no space; nothing is left then. Unavailable, OSError.
    """
    refuse_existing(folder)
    file = read_gguf(source)
    if file.metadata.get("split.count") not in (None, 0, 1):
        raise Refused(f"{source.name} is one part of a split file. Join the parts first: llama-gguf-split --merge")
    config, words = config_of(file), tokenizer_of(file)
    targets = targets_of(file, config)
    if len(words.tokenizer["model"]["vocab"]) > config["vocab_size"]:
        raise Refused(f"{source.name} is damaged: it has more tokens than rows of embeddings.")
    numbers = DTYPES[dtype] if dtype else _dtype_of(file)
    plan = WeightPlan(file, targets, numbers, keeps=keeps)
    check_space(folder.parent, plan.size)
    stated = file.metadata.get("general.license")
    origin = {"repo": "", "revision": "", "licence": licence or (stated if isinstance(stated, str) else ""), "source": source.name}
    with new_folder(folder, SUFFIX) as part:
        _write_json(part / "config.json", {**config, **_about_tokens(words), "torch_dtype": _NAMES[numbers], **plan.quantisation()})
        _write_json(part / "generation_config.json", _about_tokens(words))
        _write_json(part / "tokenizer.json", words.tokenizer)
        _write_json(part / "tokenizer_config.json", words.settings)
        _write_json(part / "opta.json", origin)
        plan.write(part, lambda done: report(done, plan.work))
    return Imported(
        architecture=file.architecture,
        quantisation=file.quantisation,
        dtype=_NAMES[numbers],
        bytes_before=sum(tensor.size for tensor in file.tensors.values()),
        bytes=plan.size,
        notes=_notes(file, plan, words, config, keeps=keeps),
    )


def _dtype_of(file: GgufFile) -> str:
    """The type of numbers that are not quantised. Apple's GPUs compute fast with 16 bits, processors with 32."""
    types = {tensor.type for tensor in file.tensors.values() if len(tensor.shape) > 1}
    if types - set(PLAIN):
        return "F16" if sys.platform == "darwin" and file.architecture not in _WIDE else "F32"
    if "BF16" in types:
        return "BF16"
    return "F16" if "F16" in types and file.architecture not in _WIDE else "F32"


def _about_tokens(words: GgufTokenizer) -> dict[str, object]:
    return {**({} if words.begin is None else {"bos_token_id": words.begin}), **({"eos_token_id": words.ends} if words.ends else {})}


def _notes(file: GgufFile, plan: WeightPlan, words: GgufTokenizer, config: dict[str, object], *, keeps: bool) -> list[str]:
    notes: list[str] = []
    if changed := plan.changed_types():
        reason = "mlx has no groups of that size" if keeps else "as asked"
        notes.append(
            f"Weights of the types {', '.join(changed)} became plain numbers ({reason}). To make the model smaller: opta models quantise"
        )
    if has_vision(file):
        notes.append("The part that sees images was left out: the model reads texts.")
    if words.template:
        notes.append(f"The file has no chat template; by its tokens, that of {words.template} was chosen.")
    if "chat_template" not in words.settings:
        notes.append("The file has no chat template, so the model can continue texts, but knows no conversations.")
    if not words.ends:
        notes.append("The file names no token that ends an answer.")
    if plan.quantisation() and sys.platform != "darwin":
        notes.append("Processors compute quantised weights slowly. To trade memory for speed, import again with --plain.")
    if config["model_type"] == "gemma2":
        notes.append("mlx-lm gives gemma2 no sliding window: answers differ from the original's after 4,096 tokens.")
    return notes


def _write_json(file: Path, content: object) -> None:
    file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
