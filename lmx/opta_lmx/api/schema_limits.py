"""Limits of JSON schemas: within them, compiling a grammar takes milliseconds and little memory.

The grammar library has no deadline and cannot be interrupted: a `multipleOf` of two thousand million, or a string of that length,
would block the engine for ever. Such a schema is refused here, before an engine sees it.
"""

import math
import re
from typing import Any

import msgspec

from opta_core.errors import Refused

from ..json_values import as_list, as_object
from ..schema_loosening import loosened
from .request_body import Ignored

BYTES_MAX, DEPTH_MAX, NODES_MAX = 64 * 1024, 32, 10_000
COUNT_MAX, MULTIPLE_MAX, DECIMALS_MAX = 10_000, 10_000, 4
PATTERN_CHARS_MAX, REPEATS_MAX = 500, 1000
NUMBER_MAX = 2**53
# Of a whole schema: its constraints form one automaton, whose size is their product.
PATTERNS_MAX, COMMON_MULTIPLE_MAX = 16, 100_000
_COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "minContains", "maxContains")
_NUMBERS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
# The values of these keywords are data, not schemas.
_DATA = ("const", "enum", "default", "examples", "required")
# The values of these keywords are objects from names to schemas.
_NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_REPEAT = re.compile(r"\{(\d*),?(\d*)\}")


def admit(field: str, schema: dict[str, Any], found: Ignored, *, is_strict: bool = False) -> None:
    """Check a schema, and note what answers need not follow of it. Raises Refused naming the field, and the limit or the keyword."""
    check(field, schema)
    _, names = loosened(field, schema, is_strict=is_strict)
    found.loosened += [name for name in names if name not in found.loosened]


def check(field: str, schema: dict[str, Any]) -> None:
    """Raise Refused when a schema exceeds a limit, naming the field and the limit."""
    if len(msgspec.json.encode(schema)) > BYTES_MAX:
        raise Refused(f"Field '{field}': the schema is larger than {BYTES_MAX // 1024} KiB.")
    left, patterns, multiple = NODES_MAX, 0, 1
    pending: list[tuple[Any, int, str]] = [(schema, 0, "schema")]
    while pending:
        node, depth, kind = pending.pop()
        left -= 1
        if depth > DEPTH_MAX or left < 0:
            raise Refused(f"Field '{field}': the schema is nested deeper than {DEPTH_MAX}, or has more than {NODES_MAX} parts.")
        # Integers close to -2**63 crash the grammar library.
        if (isinstance(node, float) and abs(node) > NUMBER_MAX) or (isinstance(node, int) and not -(2**62) <= node < 2**64):
            raise Refused(f"Field '{field}': the schema holds the number {str(node)[:20]}; a grammar can hold numbers up to {NUMBER_MAX}.")
        if (entries := as_list(node)) is not None:
            pending += [(entry, depth + 1, kind) for entry in entries]
        elif (fields := as_object(node)) is not None:
            if kind == "schema":
                _check_node(field, fields)
                patterns += ("pattern" in fields) + len(as_object(fields.get("patternProperties")) or {})
                multiple = math.lcm(multiple, _coefficient(fields.get("multipleOf")))
            pending += [(entry, depth + 1, _kind(kind, name)) for name, entry in fields.items() if not isinstance(entry, str)]
    if patterns > PATTERNS_MAX or multiple > COMMON_MULTIPLE_MAX:
        raise Refused(
            f"Field '{field}': a schema has {PATTERNS_MAX} patterns at most, and {COMMON_MULTIPLE_MAX} as the multiple of all its multipleOf."
        )


def _kind(parent: str, name: str) -> str:
    """What the value of a keyword is: a schema, schemas by name, or data."""
    if parent != "schema":
        return "schema" if parent == "names" else "data"
    return "data" if name in _DATA else "names" if name in _NAMED else "schema"


def _coefficient(multiple: Any) -> int:
    """The significant digits of a multiple, as an integer."""
    if not isinstance(multiple, int | float):
        return 1
    digits = round(multiple * 10**DECIMALS_MAX)
    while digits and not digits % 10:
        digits //= 10
    return digits or 1


def _check_node(field: str, node: dict[str, Any]) -> None:
    for name in _COUNTS:
        value = node.get(name)
        if isinstance(value, int | float) and not 0 <= value <= COUNT_MAX:
            raise Refused(f"Field '{field}': {name} is {value}; a grammar can count from 0 to {COUNT_MAX}.")
    for name in _NUMBERS:
        value = node.get(name)
        if isinstance(value, int | float) and not -NUMBER_MAX <= value <= NUMBER_MAX:
            raise Refused(f"Field '{field}': {name} is {str(value)[:20]}; a grammar can hold numbers up to {NUMBER_MAX}.")
    reference = node.get("$ref")
    if isinstance(reference, str) and ("%" in reference or not set(_DATA).isdisjoint(reference.split("/"))):
        raise Refused(f"Field '{field}': $ref {reference[:80]!r} does not refer to a schema.")
    multiple = node.get("multipleOf")
    if isinstance(multiple, int | float):
        steps = multiple * 10**DECIMALS_MAX
        if not 0 < multiple <= MULTIPLE_MAX or abs(steps - round(steps)) > 1e-6:
            raise Refused(
                f"Field '{field}': multipleOf is {str(multiple)[:20]}; it is up to {MULTIPLE_MAX}, with {DECIMALS_MAX} decimals at most."
            )
    patterns = [node.get("pattern"), *(as_object(node.get("patternProperties")) or {})]
    for pattern in patterns:
        if isinstance(pattern, str) and (len(pattern) > PATTERN_CHARS_MAX or _repeats(pattern) > REPEATS_MAX):
            raise Refused(f"Field '{field}': a pattern has {PATTERN_CHARS_MAX} characters and {REPEATS_MAX} repetitions at most.")
    if "x-guidance" in node:
        raise Refused(f"Field '{field}': x-guidance is not supported.")


def _repeats(pattern: str) -> int:
    """The product of all repetition counts of a pattern: its repetitions if every one were inside the others."""
    product = 1
    for least, most in _REPEAT.findall(pattern):
        product *= max(1, int(least or 0), int(most or 0))
        if product > REPEATS_MAX:
            break
    return product
