"""Renders messages with the chat template of a tokenizer: messages in, the text of the prompt out."""

import inspect
import json
import re
from typing import Any, Literal, cast

# How a template is given its tools: by the variable `tools`, by that variable though there are none, or by a message of a role of its own.
_ToolsBy = Literal["variable", "list", "role"]
_TOOLS_BY: tuple[_ToolsBy, ...] = ("variable", "list", "role")
_NAMED_TOKENS = ("bos_token", "eos_token", "unk_token", "pad_token")
_QUESTION: list[dict[str, Any]] = [{"role": "user", "content": "Hello"}]


class TemplateRefusal(Exception):
    """The template raised; the message is its own."""


class TemplateRenderer:
    """`tokenizer`: mlx-lm's wrapper of a Hugging Face tokenizer."""

    def __init__(self, tokenizer: Any):
        # A few models have a template that is a function of mlx-lm. Other templates are rendered without mlx-lm's own default for thinking.
        self._function: Any = getattr(tokenizer, "_chat_template", None)
        self._tokenizer: Any = getattr(tokenizer, "_tokenizer", tokenizer)
        self.is_function = self._function is not None
        self.source = _source(self._function, self._tokenizer)
        self._tools_by: _ToolsBy = "variable"
        self._names_functions = re.search(r"(?<![\w.'\"\[])functions(?![\w'\"])", self.source) is not None
        if not any(self._renders(by) for by in _TOOLS_BY):
            self._tools_by = "variable"

    def __call__(self, messages: list[dict[str, Any]], tools: list[dict[str, Any]], arguments: dict[str, Any], *, asks: bool = True) -> str:
        """The prompt. `arguments`: variables of the template; `asks`: whether an answer begins behind it. Raises TemplateRefusal."""
        render = self._function or self._tokenizer.apply_chat_template
        more = arguments if self._function else {**arguments, "tokenize": False}
        if self._names_functions:
            more = {"functions": json.dumps(tools, ensure_ascii=False), "datetime": "", **more}
        if not self.is_function:
            # Many templates join these to text, and fail where a tokenizer has none.
            more = {**{name: "" for name in _NAMED_TOKENS if getattr(self._tokenizer, name, None) is None}, **more}
        if "additional_special_tokens" in self.source:
            more = {"additional_special_tokens": _special_tokens(self._tokenizer), **more}
        if self._tools_by == "role":
            first = int(bool(messages) and messages[0]["role"] == "system")
            declared = {"role": "functions", "content": json.dumps(tools, ensure_ascii=False)}
            messages = [*messages[:first], declared, *messages[first:]]
        given = tools if tools or self._tools_by == "list" else None
        try:
            return str(render(messages, tools=given, add_generation_prompt=asks, **more))
        except Exception as error:  # templates raise what they like
            raise TemplateRefusal(str(error)) from error

    def _renders(self, by: _ToolsBy) -> bool:
        self._tools_by = by
        try:
            return bool(self(_QUESTION, [], {}))
        except TemplateRefusal:
            return False


def _special_tokens(tokenizer: Any) -> list[str]:
    """A model's special tokens beyond those with a name, in the order of their ids; newer versions of transformers no longer pass them."""
    named = {getattr(tokenizer, name, None) for name in (*_NAMED_TOKENS, "sep_token", "cls_token", "mask_token")}
    known: dict[int, Any] = getattr(tokenizer, "added_tokens_decoder", {})
    return [str(token) for _, token in sorted(known.items()) if token.special and str(token) not in named]


def _source(function: Any, tokenizer: Any) -> str:
    """The text of a template: all of them, where a tokenizer has several."""
    if function is not None:
        # Of a function, its parameters are what a template's variables are.
        return " ".join(inspect.signature(function).parameters)
    template: Any = getattr(tokenizer, "chat_template", None)
    return "\n".join(map(str, cast("dict[str, Any]", template).values())) if isinstance(template, dict) else str(template or "")
