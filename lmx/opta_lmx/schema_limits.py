"""What a JSON schema may ask of a grammar: bounds within which making one takes milliseconds and little memory.

The library that makes grammars has no deadline and cannot be interrupted: a multiple of two thousand million, or a string of as many
characters, would hold the engine for ever. Such a schema is refused here, before any engine sees it.
"""

import re
from typing import Any

import msgspec

from opta_core.errors import Refused

from .json_values import as_list, as_object

BYTES_MAX, DEPTH_MAX, NODES_MAX = 64 * 1024, 32, 10_000
COUNT_MAX, MULTIPLE_MAX, DECIMALS_MAX = 10_000, 10_000, 4
PATTERN_CHARS_MAX, REPEATS_MAX = 500, 1000
NUMBER_MAX = 2**53
_COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "minContains", "maxContains")
_NUMBERS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
# Values in these are data and no schemas.
_DATA = ("const", "enum", "default", "examples", "required")
_REPEAT = re.compile(r"\{(\d*),?(\d*)\}")


def check(field: str, schema: dict[str, Any]) -> None:
    """Raises Refused naming the field and what of its schema is too much."""
    if len(msgspec.json.encode(schema)) > BYTES_MAX:
        raise Refused(f"Field '{field}': the schema is larger than {BYTES_MAX // 1024} KiB.")
    left = NODES_MAX
    pending: list[tuple[Any, int, bool]] = [(schema, 0, False)]
    while pending:
        node, depth, is_data = pending.pop()
        left -= 1
        if depth > DEPTH_MAX or left < 0:
            raise Refused(f"Field '{field}': the schema is nested deeper than {DEPTH_MAX}, or has more than {NODES_MAX} parts.")
        if (isinstance(node, float) and abs(node) > NUMBER_MAX) or (isinstance(node, int) and abs(node) >= 2**64):
            raise Refused(f"Field '{field}': the schema holds the number {node:.6g}; a grammar can hold numbers up to {NUMBER_MAX}.")
        if (entries := as_list(node)) is not None:
            pending += [(entry, depth + 1, is_data) for entry in entries]
        elif (fields := as_object(node)) is not None:
            if not is_data:
                _check_node(field, fields)
            pending += [(entry, depth + 1, is_data or name in _DATA) for name, entry in fields.items() if not isinstance(entry, str)]


def _check_node(field: str, node: dict[str, Any]) -> None:
    for name in _COUNTS:
        value = node.get(name)
        if isinstance(value, int | float) and not 0 <= value <= COUNT_MAX:
            raise Refused(f"Field '{field}': {name} is {value}; a grammar can count from 0 to {COUNT_MAX}.")
    for name in _NUMBERS:
        value = node.get(name)
        if isinstance(value, int | float) and not -NUMBER_MAX <= value <= NUMBER_MAX:
            raise Refused(f"Field '{field}': {name} is {value:.6g}; a grammar can hold numbers up to {NUMBER_MAX}.")
    multiple = node.get("multipleOf")
    if isinstance(multiple, int | float):
        steps = multiple * 10**DECIMALS_MAX
        if not 0 < multiple <= MULTIPLE_MAX or abs(steps - round(steps)) > 1e-6:
            raise Refused(
                f"Field '{field}': multipleOf is {multiple:.6g}; it is up to {MULTIPLE_MAX}, with {DECIMALS_MAX} decimals at most."
            )
    patterns = [node.get("pattern"), *(as_object(node.get("patternProperties")) or {})]
    for pattern in patterns:
        if isinstance(pattern, str) and (len(pattern) > PATTERN_CHARS_MAX or _repeats(pattern) > REPEATS_MAX):
            raise Refused(f"Field '{field}': a pattern has {PATTERN_CHARS_MAX} characters and {REPEATS_MAX} repetitions at most.")
    if "x-guidance" in node:
        raise Refused(f"Field '{field}': x-guidance is not supported.")


def _repeats(pattern: str) -> int:
    """How often a pattern repeats in all, were every repetition within every other."""
    product = 1
    for least, most in _REPEAT.findall(pattern):
        product *= max(1, int(least or 0), int(most or 0))
        if product > REPEATS_MAX:
            break
    return product
