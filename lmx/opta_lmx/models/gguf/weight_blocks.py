"""Blocks of quantised weights, as GGUF stores them, to the codes, scales and biases of mlx, and to plain numbers.

Every type here is affine: a weight is `code * scale + bias`, with one scale and bias for a group of consecutive weights. mlx has
the same form with groups of 32, so those types are kept as they are; groups of 16 become plain numbers.
"""

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
# Weights in a block of the K types, and in a group that mlx can keep.
_SUPER, GROUP = 256, 32


class Codes(msgspec.Struct, frozen=True):
    """Rows of weights: codes of shape (rows, columns), scales and biases of shape (rows, columns / group)."""

    codes: Bytes
    scales: Floats
    biases: Floats

    def numbers(self) -> Floats:
        """The weights as 32-bit floats, exactly those that llama.cpp computes."""
        rows, groups = self.scales.shape
        grouped = self.codes.reshape(rows, groups, -1).astype(np.float32)
        return (grouped * self.scales[..., None] + self.biases[..., None]).reshape(rows, -1)


def decode(type_: str, raw: Bytes, columns: int) -> Codes:
    """The rows of a quantised tensor. `raw`: whole rows as the file has them. Raises KeyError: a type that is not in `TYPES`."""
    _, _, block, size, unpack = _TYPES[type_]
    found = unpack(raw.reshape(-1, size))
    rows = found.codes.size // columns
    groups = found.scales.size // rows
    assert columns % block == 0
    return Codes(found.codes.reshape(rows, columns), found.scales.reshape(rows, groups), found.biases.reshape(rows, groups))


def floats(type_: str, raw: Bytes) -> Floats:
    """The numbers of an unquantised tensor: F32, F16 or BF16."""
    if type_ == "BF16":
        return (raw.view("<u2").astype(np.uint32) << 16).view(np.float32)
    return raw.view({"F32": "<f4", "F16": "<f2"}[type_]).astype(np.float32)


def packed(codes: Bytes, bits: int) -> NDArray[np.uint32]:
    """Codes as mlx packs them: a row is one stream of bits, least significant first."""
    if bits == 8:
        content = codes
    elif bits == 4:
        content = codes[:, 0::2] | codes[:, 1::2] << np.uint8(4)
    else:
        stream = np.unpackbits(codes[..., None], axis=-1, count=bits, bitorder="little")
        content = np.packbits(stream.reshape(codes.shape[0], -1), axis=-1, bitorder="little")
    return np.ascontiguousarray(content).view("<u4")


def _halves(column: Bytes) -> Floats:
    """16-bit floats in columns of bytes, as 32-bit ones."""
    return np.ascontiguousarray(column).view("<f2").astype(np.float32)


def _nibbles(content: Bytes, run: int) -> Bytes:
    """Codes of 4 bits: of each `run` bytes, the low halves come first, then the high halves."""
    parts = content.reshape(content.shape[0], -1, 1, run) >> np.array([[0], [4]], np.uint8) & np.uint8(15)
    return parts.reshape(content.shape[0], -1)


def _planes(content: Bytes, run: int, bits: int) -> Bytes:
    """Codes of 1 or 2 bits: of each `run` bytes, the lowest bits come first, then the next ones."""
    shifts = np.arange(0, 8, bits, dtype=np.uint8)[:, None]
    parts = content.reshape(content.shape[0], -1, 1, run) >> shifts & np.uint8((1 << bits) - 1)
    return parts.reshape(content.shape[0], -1)


def _q4_0(blocks: Bytes) -> Codes:
    scale = _halves(blocks[:, :2])
    return Codes(_nibbles(blocks[:, 2:], 16), scale, -8 * scale)


def _q4_1(blocks: Bytes) -> Codes:
    return Codes(_nibbles(blocks[:, 4:], 16), _halves(blocks[:, :2]), _halves(blocks[:, 2:4]))


def _with_fifth_bit(low: Bytes, high: Bytes) -> Bytes:
    return low | np.unpackbits(high, axis=-1, bitorder="little") << np.uint8(4)


def _q5_0(blocks: Bytes) -> Codes:
    scale = _halves(blocks[:, :2])
    return Codes(_with_fifth_bit(_nibbles(blocks[:, 6:], 16), blocks[:, 2:6]), scale, -16 * scale)


def _q5_1(blocks: Bytes) -> Codes:
    codes = _with_fifth_bit(_nibbles(blocks[:, 8:], 16), blocks[:, 4:8])
    return Codes(codes, _halves(blocks[:, :2]), _halves(blocks[:, 2:4]))


def _q8_0(blocks: Bytes) -> Codes:
    scale = _halves(blocks[:, :2])
    # Signed bytes become unsigned ones, larger by 128.
    return Codes(blocks[:, 2:] ^ np.uint8(128), scale, -128 * scale)


def _k_scales(blocks: Bytes) -> tuple[Floats, Floats]:
    """Scales and biases of eight groups of 32: two 16-bit floats, then 6-bit factors in 12 bytes."""
    low, mid, high = blocks[:, 4:8], blocks[:, 8:12], blocks[:, 12:16]
    factors = np.concatenate([low & 63, high & 15 | low >> 2 & 48], axis=-1).astype(np.float32)
    minima = np.concatenate([mid & 63, high >> 4 | mid >> 2 & 48], axis=-1).astype(np.float32)
    return _halves(blocks[:, :2]) * factors, -(_halves(blocks[:, 2:4]) * minima)


def _q4_k(blocks: Bytes) -> Codes:
    return Codes(_nibbles(blocks[:, 16:], 32), *_k_scales(blocks))


def _q5_k(blocks: Bytes) -> Codes:
    return Codes(_nibbles(blocks[:, 48:], 32) | _planes(blocks[:, 16:48], 32, 1) << np.uint8(4), *_k_scales(blocks))


def _q6_k(blocks: Bytes) -> Codes:
    codes = _nibbles(blocks[:, :128], 64) | _planes(blocks[:, 128:192], 32, 2) << np.uint8(4)
    scales = _halves(blocks[:, 208:210]) * np.ascontiguousarray(blocks[:, 192:208]).view(np.int8).astype(np.float32)
    return Codes(codes, scales, -32 * scales)


def _q2_k(blocks: Bytes) -> Codes:
    factors = blocks[:, :16]
    scales = _halves(blocks[:, 80:82]) * (factors & 15).astype(np.float32)
    biases = -(_halves(blocks[:, 82:84]) * (factors >> 4).astype(np.float32))
    return Codes(_planes(blocks[:, 16:80], 32, 2), scales, biases)


def _q3_k(blocks: Bytes) -> Codes:
    codes = _planes(blocks[:, 32:96], 32, 2) | _planes(blocks[:, :32], 32, 1) << np.uint8(2)
    low, high = _nibbles(blocks[:, 96:104], 8), _planes(blocks[:, 104:108], 4, 2)
    scales = _halves(blocks[:, 108:110]) * ((low | high << np.uint8(4)).astype(np.float32) - 32)
    return Codes(codes, scales, -4 * scales)


# Type -> (bits of a code, weights in a group, weights in a block, bytes of a block, how it is unpacked).
_TYPES: dict[str, tuple[int, int, int, int, Callable[[Bytes], Codes]]] = {
    "Q4_0": (4, 32, 32, 18, _q4_0),
    "Q4_1": (4, 32, 32, 20, _q4_1),
    "Q5_0": (5, 32, 32, 22, _q5_0),
    "Q5_1": (5, 32, 32, 24, _q5_1),
    "Q8_0": (8, 32, 32, 34, _q8_0),
    "Q2_K": (2, 16, _SUPER, 84, _q2_k),
    "Q3_K": (3, 16, _SUPER, 110, _q3_k),
    "Q4_K": (4, 32, _SUPER, 144, _q4_k),
    "Q5_K": (5, 32, _SUPER, 176, _q5_k),
    "Q6_K": (6, 16, _SUPER, 210, _q6_k),
}
PLAIN = ("F32", "F16", "BF16")
TYPES = (*PLAIN, *_TYPES)


def kept_bits(type_: str) -> int:
    """Bits of a code when mlx can keep this type; 0 when it becomes plain numbers."""
    bits, group, *_ = _TYPES.get(type_, (0, 0))
    return bits if group == GROUP else 0


def as_dtype(numbers: Floats, dtype: str) -> NDArray[Any]:
    """Numbers in the type of a safetensors file: F32, F16 or BF16 (rounded to the nearest, ties to even)."""
    if dtype == "BF16":
        bits = np.ascontiguousarray(numbers, "<f4").view("<u4")
        rounded = (bits + 0x7FFF + (bits >> 16 & 1) >> 16).astype("<u2")
        # Rounding must not turn "not a number" into a number.
        return np.where(np.isnan(numbers), np.uint16(0x7FC0), rounded).astype("<u2")
    with np.errstate(over="ignore"):
        return numbers.astype({"F32": "<f4", "F16": "<f2"}[dtype])
