"""Decodes JSON bodies to typed values.

`read` is strict, for the gateway and the desktop process. msgspec alone accepts duplicate keys and fails on deep nesting, so the text
is scanned first. NaN, infinities, duplicate keys, lone surrogates, more than 64 levels, more than 10,000 values (which bounds the time)
and unknown fields are refused. `decode` uses msgspec alone, for LMX, whose bodies of 8 MiB would take too long to scan.
"""

import json
import math
import re
from typing import Any, TypeVar

import msgspec

from opta_core.errors import Refused
from opta_protocol.error_info import ErrorCode

DEPTH_MAX, VALUES_MAX = 64, 10_000
# The closing quote is optional and the quantifiers are possessive: an unclosed string consumes the rest, so the time is linear.
_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")

T = TypeVar("T")


def read(content: bytes, kind: type[T]) -> T:
    """Decode `content` as `kind`, strictly. Raises Refused: bad_json (400), or invalid (422) with the field's name."""
    tree = parse(content or b"{}")
    try:
        return msgspec.convert(tree, kind)
    except msgspec.ValidationError as error:
        raise Refused(_readable(str(error))) from error


def decode(content: bytes, kind: type[T]) -> T:
    """Decode `content` as `kind`, without the scan. Raises Refused: bad_json, or invalid with the field's name."""
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as error:
        raise Refused(f"{error}.") from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Refused(f"The body is not valid JSON: {error}.", code=ErrorCode.bad_json) from error


def parse(content: bytes) -> Any:
    """Decode `content` to dicts, lists, strings and numbers, strictly. Raises Refused: bad_json."""
    try:
        text = content.decode()
        if text.startswith("\ufeff"):
            raise ValueError("a byte order mark is not JSON")
        _check_shape(content)
        tree = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)
        json.dumps(tree, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        reason = (
            "lone surrogate" if isinstance(error, UnicodeEncodeError) else "not UTF-8" if isinstance(error, UnicodeDecodeError) else error
        )
        raise Refused(f"The body is not valid JSON: {reason}.", code=ErrorCode.bad_json) from error
    return tree


def _check_shape(content: bytes) -> None:
    bare = _STRINGS.sub(b"", content)
    if bare.count(b",") > VALUES_MAX:
        raise ValueError(f"more than {VALUES_MAX} values")
    depth = 0
    for bracket in _BRACKETS.finditer(bare):
        depth += 1 if bracket.group() in b"[{" else -1
        if depth > DEPTH_MAX:
            raise ValueError(f"nested deeper than {DEPTH_MAX} levels")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key appears twice")
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


def _readable(message: str) -> str:
    # msgspec: "Expected `str`, got `int` - at `$.text`"
    said, _, where = message.partition(" - at `$.")
    field = where.rstrip("`")
    return f"Field {field!r}: {said}." if field else f"{said}."
