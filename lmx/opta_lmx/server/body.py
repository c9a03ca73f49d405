"""A request's body as what it should be."""

from typing import TypeVar

import msgspec

from opta_core.errors import Refused
from opta_protocol.errors import ErrorCode

T = TypeVar("T")


def read_body(content: bytes, kind: type[T]) -> T:
    """The body as `kind`. Raises Refused: bad_json, or invalid naming the field."""
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as error:
        raise Refused(f"{error}.") from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Refused(f"The body is not valid JSON: {error}.", code=ErrorCode.bad_json) from error
