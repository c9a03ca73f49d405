"""What the request bodies of all inference APIs share: their base, their limits, and the mark of fields that change nothing."""

from typing import Annotated, Any, get_type_hints

import msgspec

from opta_core.errors import Refused

MESSAGES_MAX, TOOLS_MAX, STOPS_MAX, STOP_CHARS_MAX = 2000, 128, 16, 256
DEFAULT_MAX_TOKENS, MAX_TOKENS_MAX = 4096, 131_072

ModelName = Annotated[str, msgspec.Meta(max_length=200)]
FunctionName = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
MaxTokens = Annotated[int, msgspec.Meta(ge=1, le=MAX_TOKENS_MAX)]
# Clients send these fields, and LMX has no use for them. Every other field does what its API says, or is refused by name.
IGNORED = msgspec.Meta(description="Accepted and ignored.")


class RequestBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every object in a request that refuses unknown fields."""


class StreamOptions(RequestBody, frozen=True, kw_only=True):
    """`stream_options`."""

    include_usage: bool = False


def ignored_fields(kind: type[RequestBody]) -> list[str]:
    """The fields of a body that are accepted and ignored."""
    hints: dict[str, Any] = get_type_hints(kind, include_extras=True)
    return [name for name in kind.__struct_fields__ if IGNORED in getattr(hints[name], "__metadata__", ())]


def stop_strings(field: str, given: str | list[str] | None) -> list[str]:
    """The stop strings of a request. Raises Refused naming the field."""
    found = [given] if isinstance(given, str) else given or []
    if len(found) > STOPS_MAX or any(not 1 <= len(text) <= STOP_CHARS_MAX for text in found):
        raise Refused(f"Field '{field}': at most {STOPS_MAX} strings of 1 to {STOP_CHARS_MAX} characters.")
    return found
