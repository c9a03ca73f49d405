"""Writes the tensors of a GGUF file as safetensors files, a piece at a time, so that memory does not grow with the model."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from opta_core.errors import Refused

from .gguf_file import GgufFile
from .llama_like import TensorTarget
from .weight_blocks import GROUP, PLAIN, Bytes, as_dtype, decode, floats, kept_bits, packed

# Weights in a piece, and bytes in a file.
PIECE_WEIGHTS, FILE_BYTES_MAX = 4 * 1024**2, 5 * 10**9
_SIZES = {"F32": 4, "F16": 2, "BF16": 2, "U32": 4}


class _Entry(msgspec.Struct, frozen=True):
    """One tensor of a safetensors file. `start`: in bytes after the header."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64)) * _SIZES[self.dtype]


class _File(msgspec.Struct, frozen=True):
    """One safetensors file: its tensors, and what they are made of."""

    targets: list[TensorTarget]
    entries: dict[str, _Entry]
    size: int


class WeightPlan:
    """The files that the weights of a GGUF file become. `dtype`: of every number that is no code; `keeps`: quantised weights stay so."""

    def __init__(self, file: GgufFile, targets: list[TensorTarget], dtype: str, *, keeps: bool):
        self._gguf, self._dtype, self._keeps = file, dtype, keeps
        self._targets = targets
        self._files = list(self._planned(targets))

    @property
    def size(self) -> int:
        """Bytes of all weights, without headers."""
        return sum(file.size for file in self._files)

    @property
    def work(self) -> int:
        """Bytes to read."""
        return sum(target.tensor.size for target in self._targets)

    def quantisation(self) -> dict[str, Any]:
        """The fields of config.json that say how weights are quantised; {} when none is."""
        bits = {target.name: bits for target in self._targets if (bits := self._bits(target))}
        if not bits:
            return {}
        usual = Counter(bits.values()).most_common(1)[0][0]
        others = {name: {"group_size": GROUP, "bits": number} for name, number in bits.items() if number != usual}
        return {"quantization": {"group_size": GROUP, "bits": usual, "mode": "affine", **others}}

    def changed_types(self) -> list[str]:
        """Types of quantised weights that become plain numbers."""
        return sorted({target.tensor.type for target in self._targets if target.tensor.type not in PLAIN and not self._bits(target)})

    def write(self, folder: Path, report: Callable[[int], None]) -> None:
        """Write every file and the index. `report` gets the bytes read so far. Raises OSError; Refused: the weights are not numbers."""
        done, index = 0, dict[str, str]()
        with self._gguf.path.open("rb") as source:
            for number, file in enumerate(self._files, 1):
                name = "model.safetensors" if len(self._files) == 1 else f"model-{number:05d}-of-{len(self._files):05d}.safetensors"
                index |= dict.fromkeys(file.entries, name)
                with (folder / name).open("wb") as handle:
                    begin = _write_header(handle, file)
                    handle.truncate(begin + file.size)
                    for target in file.targets:
                        for size in self._write_target(source, handle, begin, file, target):
                            done += size
                            report(done)
                    handle.flush()
                    os.fsync(handle.fileno())
        content = {"metadata": {"total_size": self.size}, "weight_map": index}
        (folder / "model.safetensors.index.json").write_text(json.dumps(content))

    def _bits(self, target: TensorTarget) -> int:
        return kept_bits(target.tensor.type) if self._keeps else 0

    def _planned(self, targets: list[TensorTarget]) -> Iterator[_File]:
        used: list[TensorTarget] = []
        entries: dict[str, _Entry] = {}
        at = 0
        for target in targets:
            new = self._entries_of(target)
            size = sum(_Entry("", dtype, shape, 0).size for _, dtype, shape in new)
            if at and at + size > FILE_BYTES_MAX:
                yield _File(used, entries, at)
                used, entries, at = [], {}, 0
            used.append(target)
            for name, dtype, shape in new:
                entries[name] = _Entry(name, dtype, shape, at)
                at += entries[name].size
        yield _File(used, entries, at)

    def _entries_of(self, target: TensorTarget) -> list[tuple[str, str, tuple[int, ...]]]:
        *rows, columns = target.tensor.shape
        if bits := self._bits(target):
            groups = (*rows, columns // GROUP)
            return [
                (f"{target.name}.weight", "U32", (*rows, columns * bits // 32)),
                (f"{target.name}.scales", self._dtype, groups),
                (f"{target.name}.biases", self._dtype, groups),
            ]
        return [(f"{target.name}.{target.part}", self._dtype, target.tensor.shape)]

    def _write_target(self, source: Any, handle: Any, begin: int, file: _File, target: TensorTarget) -> Iterator[int]:
        """Convert one tensor, some rows at a time; yields the bytes that were read."""
        tensor, bits = target.tensor, self._bits(target)
        columns = tensor.shape[-1] if len(tensor.shape) > 1 else 1
        rows = int(np.prod(tensor.shape, dtype=np.int64)) // columns
        row_bytes = tensor.size // rows
        step = max(1, PIECE_WEIGHTS // columns)
        if head := target.rows_of_head:
            step = max(1, step // head) * head
        for row in range(0, rows, step):
            count = min(step, rows - row)
            source.seek(tensor.start + row * row_bytes)
            raw = np.frombuffer(source.read(count * row_bytes), np.uint8)
            if len(raw) < count * row_bytes:
                raise Refused(f"{self._gguf.path.name} became shorter while it was read.")
            parts = self._converted(target, raw, columns, count, bits)
            for name, part in parts.items():
                entry = file.entries[f"{target.name}.{name}"]
                handle.seek(begin + entry.start + row * (entry.size // rows))
                handle.write(np.ascontiguousarray(part).tobytes())
            yield len(raw)

    def _converted(self, target: TensorTarget, raw: Bytes, columns: int, rows: int, bits: int) -> dict[str, NDArray[Any]]:
        type_, head = target.tensor.type, target.rows_of_head
        if type_ in PLAIN:
            numbers = floats(type_, raw).reshape(rows, columns) + np.float32(target.shift)
            return {target.part: self._checked(target, _in_order(numbers, head))}
        # Damaged scales give numbers that are none; `_checked` names them.
        with np.errstate(invalid="ignore", over="ignore"):
            codes = decode(type_, raw, columns)
            if not bits:
                return {target.part: self._checked(target, _in_order(codes.numbers(), head))}
        return {
            "weight": packed(_in_order(codes.codes, head), bits),
            "scales": self._checked(target, _in_order(codes.scales, head)),
            "biases": self._checked(target, _in_order(codes.biases, head)),
        }

    def _checked(self, target: TensorTarget, numbers: NDArray[np.float32]) -> NDArray[Any]:
        converted = as_dtype(numbers, self._dtype)
        if not np.isfinite(numbers).all():
            raise Refused(f"{self._gguf.path.name} is damaged: its tensor {target.tensor.name} has values that are not numbers.")
        if self._dtype == "F16" and not np.isfinite(converted).all():
            raise Refused(f"{target.tensor.name} has numbers that float16 cannot hold. Import with --dtype float32.")
        return converted


def _in_order(rows: NDArray[Any], head: int) -> NDArray[Any]:
    """Rows of q or k in the order of mlx-lm: llama.cpp stores the two halves of a head's rows in turns."""
    if not head:
        return rows
    return rows.reshape(-1, head // 2, 2, rows.shape[-1]).swapaxes(1, 2).reshape(rows.shape)


def _write_header(handle: Any, file: _File) -> int:
    """Write the head of a safetensors file; returns its size."""
    header: dict[str, Any] = {"__metadata__": {"format": "mlx"}}
    for entry in file.entries.values():
        header[entry.name] = {"dtype": entry.dtype, "shape": list(entry.shape), "data_offsets": [entry.start, entry.start + entry.size]}
    content = json.dumps(header, separators=(",", ":")).encode()
    content += b" " * (-len(content) % 8)
    handle.write(len(content).to_bytes(8, "little") + content)
    return 8 + len(content)
