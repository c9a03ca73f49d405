"""What the request bodies of all inference APIs share: their bases, their limits, and what a reading of one collects."""

from typing import Annotated, Any

import msgspec

from opta_core.errors import Refused

from ..ipc.messages import PictureFile

MESSAGES_MAX, TOOLS_MAX, STOPS_MAX, STOP_CHARS_MAX = 2000, 128, 16, 256
DEFAULT_MAX_TOKENS, MAX_TOKENS_MAX = 4096, 131_072

ModelName = Annotated[str, msgspec.Meta(max_length=200)]
FunctionName = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
# Without a maximum, because a larger wish is cut to MAX_TOKENS_MAX before it is decoded.
MaxTokens = Annotated[int, msgspec.Meta(ge=1)]
Temperature = Annotated[float, msgspec.Meta(ge=0, le=2)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Penalty = Annotated[float, msgspec.Meta(ge=-2, le=2)]
# Of 64 bits, with or without a sign: checked by `seed_of`.
Seed = int


class RequestBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the bodies of LMX's own routes, which refuse unknown fields."""


class ClientBody(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the bodies that other programs' clients send. `field_rules` decides on their fields before they are decoded."""


class StreamOptions(ClientBody, frozen=True, kw_only=True):
    """`stream_options`."""

    include_usage: bool | None = None


class Ignored:
    """Names of what a request held and LMX did not use, in the order in which they were found; each once. And its pictures."""

    def __init__(self) -> None:
        # Why the model does not see pictures; '' when it does. And the pictures for one that does.
        self.blindness = "this model reads only text parts"
        self.pictures: list[PictureFile] = []
        self._names: dict[str, None] = {}
        # Parts of schemas that answers need not follow.
        self.loosened: list[str] = []

    def add(self, name: str) -> None:
        """Note a field, or a part of one."""
        self._names[name] = None

    @property
    def names(self) -> list[str]:
        """Every name once."""
        return list(self._names)


def stop_strings(field: str, given: str | list[str] | None) -> list[str]:
    """The stop strings of a request; empty ones stop nothing and are left out. Raises Refused naming the field."""
    found = [text for text in ([given] if isinstance(given, str) else given or []) if text]
    if len(found) > STOPS_MAX or any(len(text) > STOP_CHARS_MAX for text in found):
        raise Refused(f"Field '{field}': at most {STOPS_MAX} strings of 1 to {STOP_CHARS_MAX} characters.")
    return found


def seed_of(given: int | None) -> int | None:
    """A seed as the engine takes it: not negative. Raises Refused: it has more than 64 bits."""
    if given is not None and not -(2**63) <= given < 2**64:
        raise Refused("Field 'seed': a number of at most 64 bits.")
    return None if given is None else given % 2**63


def chosen_of(default_max_tokens: int, *, max_tokens: int | None, **sampling: float | None) -> dict[str, Any]:
    """The length and sampling fields of an order: those that the request sets, and `chosen`, their names. `top_p` 0 is the most likely
    token. `default_max_tokens`: the length when the request sets none, and the user none for the model.
    """
    given = {"max_tokens": max_tokens, **sampling}
    found: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if found.get("top_p") == 0:
        found |= {"top_p": 1.0, "top_k": 1}
    return {"max_tokens": default_max_tokens, **found, "chosen": sorted(found)}
