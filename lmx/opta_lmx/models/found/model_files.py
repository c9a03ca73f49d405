"""One folder with the files of a model: what they are, and why LMX cannot run them if it cannot."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec

from ...json_values import as_list, as_object
from .. import sight
from .architectures import can_load

_CONFIG_BYTES_MAX, _HEADER_BYTES_MAX = 64 * 1024**2, 100 * 1024**2
# Methods of quantisation whose weights mlx-lm reads (`quantization_config.quant_method`).
_METHODS = {"bitnet", "mxfp4", "mxfp8", "fp8", "compressed-tensors", "modelopt", "awq", "gptq"}
_TOKENIZERS = {"tokenizer.json", "tokenizer.model", "tiktoken.model", "vocab.json", "qwen.tiktoken"}
_PICKLES = re.compile(r".*\.(bin|pt|pth|ckpt|pkl|h5|msgpack)$")


class ModelFiles(msgspec.Struct, frozen=True, kw_only=True):
    """What a folder says about its model. `problem`: why LMX cannot run it; '' when nothing speaks against it."""

    architecture: str = ""
    quantisation: str = ""
    licence: str = ""
    bytes: int = 0
    problem: str = ""


_known: dict[Path, tuple[object, ModelFiles]] = {}


def look_at(folder: Path, *, is_checked: bool = True) -> ModelFiles:
    """Look at a folder with a config.json; again only after a file of it changed. Raises OSError.

    `is_checked`: also compare the size of each weight file with its header, which shows a copy that was cut off.
    """
    stamp = _stamp(folder)
    known = _known.get(folder)
    if known is None or known[0] != (stamp, is_checked):
        known = _known[folder] = ((stamp, is_checked), _read(folder, {name: size for name, size, _ in stamp}, is_checked=is_checked))
    return known[1]


def read_config(folder: Path) -> dict[str, Any]:
    """The config.json of a model folder; {} when it cannot be read."""
    return _config(folder / "config.json")[0]


def _stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """(name, size, time of change) of every file, links followed; a broken link has size -1."""
    found: list[tuple[str, int, int]] = []
    for path in sorted(folder.iterdir()):
        try:
            seen = path.stat()
        except OSError:
            found.append((path.name, -1, 0))
        else:
            found.append((path.name, seen.st_size, seen.st_mtime_ns))
    return tuple(found)


def _read(folder: Path, sizes: dict[str, int], *, is_checked: bool) -> ModelFiles:
    config, problem = _config(folder / "config.json")
    text = as_object(config.get("text_config")) or config
    architecture = str(config.get("model_type") or "")
    weights = [name for name in sizes if name.startswith("model") and name.endswith(".safetensors")]
    return ModelFiles(
        architecture=architecture,
        quantisation=_quantisation(config, text),
        licence=licence_of(folder),
        bytes=sum(max(0, sizes[name]) for name in weights),
        problem=problem
        or _about_code(folder, config, architecture)
        or _about_weights(folder, sizes, weights, is_checked=is_checked)
        or ("" if _TOKENIZERS & sizes.keys() else "it has no tokenizer"),
    )


def _config(file: Path) -> tuple[dict[str, Any], str]:
    """(its content, why it cannot be used)."""
    try:
        with file.open("rb") as handle:
            config = as_object(json.loads(handle.read(_CONFIG_BYTES_MAX)))
    except OSError as error:
        return {}, f"its config.json cannot be read ({error.strerror or error})"
    except (ValueError, RecursionError):
        return {}, "its config.json is not valid JSON"
    return (config, "") if config is not None else ({}, "its config.json is not a JSON object")


def _about_code(folder: Path, config: dict[str, Any], architecture: str) -> str:
    if not architecture:
        return "its config.json names no architecture (model_type)"
    if config.get("model_file"):
        return "it needs code of its own (model_file), which LMX never runs"
    if not can_load(architecture):
        has_vision = sight.has_part(folder, config)
        if has_vision and sight.can_see(config):
            return ""
        missing = f"; it may be a model that sees pictures. {sight.INSTALL}" if has_vision and not sight.is_installed() else ""
        return f"mlx-lm has no architecture {architecture[:60]!r}{missing}"
    method = (as_object(config.get("quantization_config")) or {}).get("quant_method")
    if not config.get("quantization") and isinstance(method, str) and method not in _METHODS:
        return f"its weights are quantised with {method[:40]!r}, which mlx-lm cannot read"
    return ""


def _about_weights(folder: Path, sizes: dict[str, int], weights: list[str], *, is_checked: bool) -> str:
    needed = _indexed(folder / "model.safetensors.index.json") if "model.safetensors.index.json" in sizes else set[str]()
    if missing := [name for name in needed if sizes.get(name, -1) < 0]:
        return f"{len(missing)} of its {len(needed)} weight files are missing ({min(missing)[:80]})"
    if broken := next((name for name in weights if sizes[name] < 0), ""):
        return f"its weight file {broken[:80]} is missing"
    if not weights:
        return _about_no_weights(sizes)
    if not needed and (missing := _missing_shards(weights)):
        return missing
    if is_checked and (cut := next((name for name in weights if _is_cut(folder / name, sizes[name])), "")):
        return f"its weight file {cut[:80]} is damaged or not whole"
    return ""


def _missing_shards(weights: list[str]) -> str:
    """Files that were split say how many there are, also where the index is missing."""
    for name in weights:
        if found := re.fullmatch(r"(.*-)\d{5}-of-(\d{5})\.safetensors", name):
            count = int(found.group(2))
            here = sum(other.startswith(found.group(1)) and other.endswith(f"-of-{found.group(2)}.safetensors") for other in weights)
            return f"{count - here} of its {count} weight files are missing" if here < count else ""
    return ""


def _about_no_weights(sizes: dict[str, int]) -> str:
    if any(name.endswith(".safetensors") for name in sizes):
        return "its weight files are not named model*.safetensors"
    if any(_PICKLES.fullmatch(name) for name in sizes):
        return "its weights are not in safetensors files; other formats can run code and are never loaded"
    return "it has no weights here"


def _indexed(file: Path) -> set[str]:
    """The weight files that an index names."""
    try:
        with file.open("rb") as handle:
            names = (as_object((as_object(json.loads(handle.read(_CONFIG_BYTES_MAX))) or {}).get("weight_map")) or {}).values()
    except (OSError, ValueError, RecursionError):
        return set()
    return {name for name in names if isinstance(name, str)}


def _is_cut(file: Path, size: int) -> bool:
    """Whether a safetensors file is shorter than its header says, or has no valid header."""
    try:
        with file.open("rb") as handle:
            length = int.from_bytes(handle.read(8), "little")
            if not 2 <= length <= min(size - 8, _HEADER_BYTES_MAX):
                return True
            header = as_object(json.loads(handle.read(length)))
    except (OSError, ValueError, RecursionError):
        return True
    end = 0
    for name, entry in (header or {}).items():
        offsets = as_list((as_object(entry) or {}).get("data_offsets"))
        if name != "__metadata__" and offsets and len(offsets) == 2 and isinstance(offsets[1], int):
            end = max(end, offsets[1])
    return header is None or 8 + length + end > size


def _quantisation(config: dict[str, Any], text: dict[str, Any]) -> str:
    quantised = as_object(config.get("quantization")) or as_object(text.get("quantization")) or {}
    if isinstance(bits := quantised.get("bits"), int):
        mode = quantised.get("mode", "affine")
        return f"{bits}-bit" if mode == "affine" or not isinstance(mode, str) else mode
    other = as_object(config.get("quantization_config")) or as_object(text.get("quantization_config")) or {}
    if isinstance(method := other.get("quant_method"), str):
        return f"{method} {other['bits']}-bit" if isinstance(other.get("bits"), int) else method
    dtype = config.get("torch_dtype") or config.get("dtype") or text.get("torch_dtype") or text.get("dtype")
    return dtype if isinstance(dtype, str) else ""


def licence_of(folder: Path) -> str:
    """The licence that the head of README.md states, as model hubs read it; '' when there is none."""
    try:
        with (folder / "README.md").open("rb") as handle:
            text = handle.read(16 * 1024).decode(errors="replace")
    except OSError:
        return ""
    head = text[3:].partition("\n---")[0] if text.startswith("---") else ""
    found = re.search(r"^license:[ \t]*[\"']?([\w.+-]{1,60})", head, re.MULTILINE)
    return found.group(1) if found else ""
