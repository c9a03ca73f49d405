"""Short texts that match a pattern or a format of a JSON schema. They are proposals: the grammar checks them."""

import re
from re import _constants, _parser  # pyright: ignore
from typing import Any, cast

# Python's parser of regular expressions; the dialect of JSON schemas is close enough for proposals.
parser = cast("Any", _parser)
constants = cast("Any", _constants)

_FORMATS = {
    "date-time": ["1970-01-01T00:00:00Z"], "date": ["1970-01-01"], "time": ["00:00:00Z", "00:00:00"], "duration": ["P1D", "PT1S"],
    "email": ["a@a.a", "a@a", "a@a.aa"], "hostname": ["a"], "ipv4": ["1.1.1.1", "0.0.0.0"], "ipv6": ["::", "::1", "0:0:0:0:0:0:0:0"],
    "uuid": ["00000000-0000-0000-0000-000000000000"], "uri": ["a:", "a:a", "http://a"], "uri-reference": ["", "a"], "iri": ["a:", "a:a", "http://a"],
    "json-pointer": [""], "unknown": [""],
}  # fmt: skip
LENGTH_MAX = 2000
# Characters that are taken from a class, the first that is in it.
_PREFERRED = 'a0A-_. :/@"'


def samples(fields: dict[str, Any]) -> list[str]:
    """Texts of a schema of strings, the shortest first; [] when none is known."""
    pattern, size = fields.get("pattern"), fields.get("minLength")
    found = _of_pattern(pattern) if isinstance(pattern, str) else _FORMATS.get(str(fields.get("format")), [])
    least = int(size) if isinstance(size, int | float) else 0
    # An open pattern takes more of what it ends or begins with.
    longer = [
        variant
        for text in found
        if text and len(text) < least
        for variant in (text + text[-1] * (least - len(text)), text[0] * (least - len(text)) + text)
    ]
    return [text for text in [*found, *longer] if len(text) >= least]


def _of_pattern(pattern: str) -> list[str]:
    try:
        parsed: Any = parser.parse(pattern)
        texts = {_shortest(parsed, digit) for digit in (False, True)}
    except (re.error, RecursionError, OverflowError, ValueError):
        return []
    return sorted((text for text in texts if text is not None and len(text) <= LENGTH_MAX), key=len)


def _shortest(parsed: Any, prefers_digits: bool) -> str | None:
    parts: list[str] = []
    for operation, value in parsed:
        part = _part(operation, value, prefers_digits)
        if part is None:
            return None
        parts.append(part)
    return "".join(parts)


def _part(operation: Any, value: Any, prefers_digits: bool) -> str | None:
    match operation:
        case constants.LITERAL:
            return chr(value)
        case constants.NOT_LITERAL:
            return "a" if value != ord("a") else "b"
        case constants.ANY:
            return "0" if prefers_digits else "a"
        case constants.IN:
            return _of_class(value, prefers_digits)
        case constants.BRANCH:
            found = [text for branch in value[1] if (text := _shortest(branch, prefers_digits)) is not None]
            return min(found, key=len, default=None)
        case constants.SUBPATTERN:
            return _shortest(value[3], prefers_digits)
        case constants.MAX_REPEAT | constants.MIN_REPEAT | constants.POSSESSIVE_REPEAT:
            least, _, body = value
            text = _shortest(body, prefers_digits) if least else ""
            return None if text is None or len(text) * least > LENGTH_MAX else text * least
        case constants.ATOMIC_GROUP:
            return _shortest(value, prefers_digits)
        case constants.AT:
            return ""
        case _:
            return None


def _of_class(items: Any, prefers_digits: bool) -> str | None:
    tried = ("0" + _PREFERRED if prefers_digits else _PREFERRED) + "".join(chr(code) for code in range(32, 127))
    tried += "".join(
        chr(value[0] if operation is constants.RANGE else value)
        for operation, value in items
        if operation in (constants.RANGE, constants.LITERAL)
    )
    is_negated = items[0][0] is constants.NEGATE
    return next((character for character in tried if any(_is_in(character, *item) for item in items) != is_negated), None)


def _is_in(character: str, operation: Any, value: Any) -> bool:
    match operation:
        case constants.LITERAL:
            return ord(character) == value
        case constants.RANGE:
            return bool(value[0] <= ord(character) <= value[1])
        case constants.CATEGORY:
            return re.match(_CATEGORIES.get(value, "(?!)"), character, re.ASCII) is not None
        case _:
            return False


_CATEGORIES: dict[Any, str] = {
    constants.CATEGORY_DIGIT: r"\d", constants.CATEGORY_NOT_DIGIT: r"\D", constants.CATEGORY_SPACE: r"\s", constants.CATEGORY_NOT_SPACE: r"\S",
    constants.CATEGORY_WORD: r"\w", constants.CATEGORY_NOT_WORD: r"\W",
}  # fmt: skip
