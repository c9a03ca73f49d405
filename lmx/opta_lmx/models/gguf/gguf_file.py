"""Reads the header of a GGUF file: metadata, and where each tensor lies.

The file may be damaged or hostile: every count and length is checked against the file's size before anything is allocated.
"""

import struct
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from opta_core.errors import Refused

MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_STRING_BYTES_MAX, _DEPTH_MAX, _DIMENSIONS_MAX = 64 * 1024**2, 3, 4
# Type of a metadata value -> its format for struct.
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
# Type of a tensor -> (name, elements in a block, bytes of a block).
TENSOR_TYPES = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22), 7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34),
    9: ("Q8_1", 32, 36), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110), 12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210),
    15: ("Q8_K", 256, 292), 16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136), 24: ("I8", 1, 1), 25: ("I16", 1, 2),
    26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8), 29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54),
    35: ("TQ2_0", 256, 66), 39: ("MXFP4", 32, 17),
}  # fmt: skip
# `general.file_type` -> what most of the weights are.
_FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S",
    15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S",
    25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4",
}  # fmt: skip


class GgufTensor(msgspec.Struct, frozen=True):
    """One tensor. `shape` is in the order of mlx and numpy (rows first); `start` counts from the beginning of the file."""

    name: str
    type: str
    shape: tuple[int, ...]
    start: int
    size: int


class GgufFile(msgspec.Struct, frozen=True):
    """What a file says about itself. `tensors` is empty when only a summary was read."""

    path: Path
    metadata: dict[str, Any]
    tensors: dict[str, GgufTensor]

    @property
    def architecture(self) -> str:
        """The architecture's name in llama.cpp."""
        return self.text("general.architecture")

    @property
    def quantisation(self) -> str:
        """What most of the weights are, such as Q4_K_M; '' when the file does not say."""
        number = self.metadata.get("general.file_type")
        return _FILE_TYPES.get(number, "") if isinstance(number, int) else ""

    def text(self, key: str) -> str:
        """A string of the metadata; '' when there is none."""
        value = self.metadata.get(key)
        return value if isinstance(value, str) else ""

    def number(self, key: str) -> int:
        """A whole number of the architecture's part of the metadata; 0 when there is none, or one for each layer."""
        value = self.metadata.get(f"{self.architecture}.{key}")
        return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0

    def real(self, key: str, default: float) -> float:
        """A number of the architecture's part of the metadata."""
        value = self.metadata.get(f"{self.architecture}.{key}")
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else default


def read_gguf(path: Path, *, is_summary: bool = False) -> GgufFile:
    """Read a header; `is_summary`: only what comes before the tokenizer. Raises Refused: it is no whole GGUF file. OSError."""
    with path.open("rb", buffering=1024 * 1024) as handle:
        reader = _Reader(handle, path, path.stat().st_size)
        try:
            return reader.summary() if is_summary else reader.whole()
        except (struct.error, UnicodeDecodeError, RecursionError) as error:
            raise reader.problem("its header is damaged") from error


class _Reader:
    def __init__(self, handle: BinaryIO, path: Path, size: int):
        self._handle, self._path, self._size = handle, path, size

    def problem(self, reason: str) -> Refused:
        return Refused(f"{self._path.name} cannot be read as GGUF: {reason}. Fetch the file again.")

    def summary(self) -> GgufFile:
        _, count = self._begin()
        metadata: dict[str, Any] = {}
        for _ in range(count):
            key = self._string()
            # The vocabulary is long, and what a summary needs comes before it.
            if key.startswith("tokenizer."):
                break
            metadata[key] = self._value()
        return GgufFile(self._path, metadata, {})

    def whole(self) -> GgufFile:
        tensors, count = self._begin()
        metadata: dict[str, Any] = {}
        for _ in range(count):
            key = self._string()
            metadata[key] = self._value()
        found = [self._tensor() for _ in range(tensors)]
        alignment = metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or not 0 < alignment <= 65536:
            raise self.problem("its alignment is not valid")
        begin = -(-self._handle.tell() // alignment) * alignment
        moved = [msgspec.structs.replace(tensor, start=tensor.start + begin) for tensor in found]
        if cut := next((tensor for tensor in moved if tensor.start + tensor.size > self._size), None):
            raise self.problem(f"it ends before its tensor {cut.name[:80]!r} does, so it is not whole")
        if len({tensor.name for tensor in moved}) < len(moved):
            raise self.problem("it has two tensors of one name")
        return GgufFile(self._path, metadata, {tensor.name: tensor for tensor in moved})

    def _begin(self) -> tuple[int, int]:
        """(number of tensors, number of metadata values)."""
        if self._handle.read(4) != MAGIC:
            raise self.problem("it does not begin like one")
        version = self._number("I")
        if version not in _VERSIONS:
            raise self.problem(f"it has version {version}, and LMX reads versions {' and '.join(map(str, _VERSIONS))}, little endian")
        tensors, count = self._number("Q"), self._number("Q")
        # The shortest tensor entry has 33 bytes, the shortest value 13.
        if 32 * tensors + 13 * count > self._size:
            raise self.problem("it is shorter than its header says")
        return tensors, count

    def _tensor(self) -> GgufTensor:
        name, dimensions = self._string(), self._number("I")
        if not 0 < dimensions <= _DIMENSIONS_MAX:
            raise self.problem(f"its tensor {name[:80]!r} has {dimensions} dimensions")
        shape = tuple(reversed([self._number("Q") for _ in range(dimensions)]))
        kind, offset = self._number("I"), self._number("Q")
        type_, block, block_bytes = TENSOR_TYPES.get(kind, (f"type {kind}", 1, 1))
        elements = 1
        for size in shape:
            elements *= size
            if not 0 < elements <= 8 * self._size:
                raise self.problem(f"its tensor {name[:80]!r} has an impossible size")
        if shape[-1] % block:
            raise self.problem(f"its tensor {name[:80]!r} does not consist of whole blocks of {type_}")
        return GgufTensor(name, type_, shape, offset, elements // block * block_bytes)

    def _value(self, depth: int = 0) -> Any:
        return self._value_of(self._number("I"), depth)

    def _value_of(self, kind: int, depth: int) -> Any:
        if kind in _SCALARS:
            return self._number(_SCALARS[kind])
        if kind == _STRING:
            return self._string()
        if kind != _ARRAY or depth == _DEPTH_MAX:
            raise self.problem(f"its header has a value of unknown type {kind}")
        inner, count = self._number("I"), self._number("Q")
        if format_ := _SCALARS.get(inner):
            size = struct.calcsize(f"<{format_}") * self._bounded(count)
            return list(struct.unpack(f"<{count}{format_}", self._bytes(size)))
        return [self._value_of(inner, depth + 1) for _ in range(self._bounded(count))]

    def _bounded(self, count: int) -> int:
        if count > self._size:
            raise self.problem("its header is longer than the file")
        return count

    def _number(self, format_: str) -> Any:
        return struct.unpack(f"<{format_}", self._bytes(struct.calcsize(f"<{format_}")))[0]

    def _string(self) -> str:
        length = self._number("Q")
        if length > _STRING_BYTES_MAX:
            raise self.problem("its header has a text of impossible length")
        # Some vocabularies hold pieces that are not valid UTF-8; the tokenizer refuses them if it needs them.
        return self._bytes(length).decode(errors="replace")

    def _bytes(self, size: int) -> bytes:
        content = self._handle.read(size) if size <= self._size else b""
        if len(content) < size:
            raise self.problem("it ends in its header, so it is not whole")
        return content
