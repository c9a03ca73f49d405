"""Whether and how much the model is to think: the many fields by which clients say it, as the few that an order has.

**The hand-over to the templates** (`Generate`): `thinking` is the switch (None: as the model does by itself); `effort` is '', minimal,
low, medium or high; `thinking_budget` is a number of tokens (0: none was given); `template_arguments` are variables that the client
names for the chat template.
"""

from typing import Any

import msgspec

from opta_core.errors import Refused

from ..json_values import as_object
from .request_body import Ignored

EFFORTS = {"minimal": "minimal", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
_OFF, _DEFAULT = ("none", "off", "disabled"), ("", "auto", "default")
# Of `apply_chat_template`: they would change more than the variables of the template.
_RESERVED = {
    "add_generation_prompt", "chat_template", "continue_final_message", "conversation", "documents", "max_length", "messages", "padding",
    "return_assistant_tokens_mask", "return_dict", "return_tensors", "self", "tokenize", "tokenizer_kwargs", "tools", "truncation",
}  # fmt: skip


class ThinkingOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a request says about thinking, as fields of an order."""

    thinking: bool | None = None
    effort: str = ""
    thinking_budget: int = 0
    template_arguments: dict[str, Any] = {}

    def fields(self) -> dict[str, Any]:
        """Fields of `Generate`."""
        return {name: getattr(self, name) for name in self.__struct_fields__}


def thinking_of(
    found: Ignored,
    *,
    effort: str | None = None,
    switch: bool | None = None,
    budget: int | None = None,
    arguments: dict[str, Any] | None = None,
) -> ThinkingOptions:
    """One `ThinkingOptions` of all that was said; what is said for the template counts more. Raises Refused naming the field."""
    variables = {name: value for name, value in (arguments or {}).items() if value is not None}
    for name in variables:
        if name in _RESERVED or not name.isidentifier():
            raise Refused(f"Field 'chat_template_kwargs': {name[:40]!r} is not a variable of chat templates.")
    for name in ("enable_thinking", "thinking"):
        if isinstance(value := variables.get(name), bool):
            switch = value
            del variables[name]
    if isinstance(value := variables.get("reasoning_effort"), str):
        effort = value
        del variables["reasoning_effort"]
    word = (effort or "").lower()
    if word not in (*EFFORTS, *_OFF, *_DEFAULT):
        found.add(f"reasoning_effort ({word})")
        word = ""
    if switch is None and word and word not in _DEFAULT:
        switch = word not in _OFF
    # A budget of nothing is a switch; a negative one leaves the amount to the model.
    if budget == 0 and switch is None:
        switch = False
    return ThinkingOptions(thinking=switch, effort=EFFORTS.get(word, ""), thinking_budget=max(budget or 0, 0), template_arguments=variables)


def said_by(field: str, given: dict[str, Any] | bool | str | None) -> tuple[bool | None, int | None, str | None]:
    """(switch, budget, effort) of the object forms `thinking` and `reasoning`. Raises Refused naming the field."""
    if given is None or isinstance(given, bool):
        return given, None, None
    if isinstance(given, str):
        return None, None, given
    switch: bool | None = None
    match given.get("type", given.get("enabled")):
        case "enabled" | True:
            switch = True
        case "disabled" | False:
            switch = False
        case None | "adaptive" | "auto":
            pass
        case other:
            raise Refused(f"Field '{field}.type': it is enabled, disabled or adaptive, not {str(other)[:40]!r}.")
    budget = given.get("budget_tokens", given.get("max_tokens"))
    effort = given.get("effort")
    if (budget is not None and (not isinstance(budget, int) or isinstance(budget, bool))) or not isinstance(effort, str | None):
        raise Refused(f"Field '{field}': its budget is a number of tokens, and its effort a word.")
    return switch, budget, effort


def template_arguments(given: Any) -> dict[str, Any] | None:
    """`chat_template_kwargs`, which some clients send as JSON text. Raises Refused."""
    if isinstance(given, str):
        try:
            given = msgspec.json.decode(given)
        except msgspec.DecodeError:
            given = 0
    if given is not None and as_object(given) is None:
        raise Refused("Field 'chat_template_kwargs': an object of variables for the chat template.")
    return as_object(given)
