"""The three classes of a request's fields: done, accepted and named in `X-LMX-Ignored`, or refused by name.

Each API has one table of its fields. A field that is in no table is accepted and named: clients send new fields long before they
mean anything to a local server. Only a field that would change the meaning of the answer is refused. Null stands for absent.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

import msgspec

from opta_core.errors import Refused

from .request_body import MAX_TOKENS_MAX, Ignored

T = TypeVar("T")
NAMES_MAX, NAME_CHARS_MAX = 30, 80


class FieldRule(msgspec.Struct, frozen=True):
    """What LMX does with one field. `note` completes the row of the documents; for a refused field it is the message, too."""

    treatment: Literal["done", "ignored", "refused"]
    note: str = ""
    # Of a done field: values that stand for the default. Of a refused field: values that change nothing.
    unset: tuple[Any, ...] = ()
    # A larger number is cut to this one.
    most: int | None = None


Rules = Mapping[str, FieldRule]


def done(note: str = "", *, unset: tuple[Any, ...] = (), most: int | None = None) -> FieldRule:
    """The field does what its API says."""
    return FieldRule("done", note, unset, most)


def ignored(note: str = "") -> FieldRule:
    """The field changes nothing here: accepted, and named."""
    return FieldRule("ignored", note)


def refused(note: str, *, unless: tuple[Any, ...] = ()) -> FieldRule:
    """The field would change the meaning of the answer."""
    return FieldRule("refused", note, unless)


_NOTHING: tuple[Any, ...] = ("", False, 0, [], {})
MAX_TOKENS = done(f"`-1`: the default; above {MAX_TOKENS_MAX:,}: cut to it", unset=(-1,), most=MAX_TOKENS_MAX)
MODEL = done("`org/name`, another case and `name:tag` find a model that is here; an unknown name gets the default model")
SERVICE_TIER = done('`"flex"`: runs when no other request waits; other values change nothing')
# Of every API whose answers are sampled.
SAMPLING: dict[str, FieldRule] = {
    "temperature": done("0 to 2"),
    "top_p": done("0: the most likely token"),
    "top_k": done("`-1`: the default", unset=(-1,)),
    "min_p": done(),
    "seed": done("`-1`: none", unset=(-1,)),
    "presence_penalty": done(),
    "frequency_penalty": done(),
    "repetition_penalty": done(unset=(0,)),
}
# Other grammars than JSON schemas: without them the answer would have another form.
GRAMMARS: dict[str, FieldRule] = {
    name: refused(
        "only JSON schemas can shape an answer here. Send response_format with a json_schema.", unless=_NOTHING
    )
    for name in ("grammar", "guided_regex", "guided_choice", "guided_grammar", "structural_tag", "ebnf", "regex")
}  # fmt: skip
# What clients send to every server.
COMMON: dict[str, FieldRule] = {
    "user": ignored("clients are distinguished by their keys"),
    "metadata": ignored(),
    "store": ignored("nothing is stored"),
    "safety_identifier": ignored(),
    "prompt_cache_key": ignored("every shared prefix is cached"),
    "prompt_cache_retention": ignored(),
    "provider": ignored(),
    "keep_alive": ignored("`lmx.idle-s` unloads unused models"),
}


def read(given: dict[str, Any], kind: type[T], rules: Rules, found: Ignored) -> T:
    """A request as `kind`. Names what is ignored in `found`. Raises Refused naming a field that cannot be done."""
    kept: dict[str, Any] = {}
    for name, value in given.items():
        if value is None:
            continue
        value, rule = _whole(value), rules.get(name)
        if rule is None or rule.treatment == "ignored":
            found.add(name)
        elif rule.treatment == "refused":
            if not _is_one_of(value, rule.unset):
                raise Refused(f"Field '{name}': {rule.note}")
        elif not _is_one_of(value, rule.unset):
            is_over = rule.most is not None and isinstance(value, int | float) and value > rule.most
            kept[name] = rule.most if is_over else value
    try:
        return msgspec.convert(kept, kind)
    except msgspec.ValidationError as error:
        raise Refused(f"{error}.") from error


def header_of(names: list[str]) -> str:
    """The value of `X-LMX-Ignored` and `X-LMX-Loosened`: names in ASCII, separated by commas; '' without names."""
    shown = ["".join(c if c.isascii() and c.isprintable() and c != "," else "?" for c in name[:NAME_CHARS_MAX]) for name in names]
    more = [f"and {len(names) - NAMES_MAX} more"] if len(names) > NAMES_MAX else []
    return ", ".join([*shown[:NAMES_MAX], *more])


def _whole(value: Any) -> Any:
    """A number without a fraction as an integer: some clients write every number with a point."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def _is_one_of(value: Any, known: tuple[Any, ...]) -> bool:
    """Whether a value is one of these, with the same type: `True` is not 1."""
    return any(type(value) is type(entry) and value == entry for entry in known)
