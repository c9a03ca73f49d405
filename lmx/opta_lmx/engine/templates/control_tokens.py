"""Keeps a model's control tokens out of untrusted text: what stands in a message is text to the model, never the end of the message.

In the messages each control token's text is replaced by one character of a private area, so no template can act on it. In the prompt
the text is put back, and its tokens are those of ordinary characters. The model reads the same characters. Marks of roles that a template
writes as plain text, such as `[INST]` where that is no token, are put back with a space inside, because nothing else tells them apart.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, cast

from . import picture_marks

# The private area: one character for each hidden text.
_FIRST, _LAST = 0xF0000, 0xFFFFD
# In a message, these are hidden from templates that search for them, whether or not they are tokens of the model.
_SEARCHED = ("<think>", "</think>", "<|channel|>", "[THINK]", "[/THINK]")
# Marks of roles in the text of a template.
_MARK = re.compile(
    r"<\|[\w▁ -]{1,40}\|>|<｜[\w▁ -]{1,40}｜>|\[/?[A-Z_]{3,24}\]|<</?SYS>>|</?s>|<(?:start|end)_of_turn>|###? ?[A-Z][a-z]{2,16}:"
)
# Some templates take these words out of every message; as a part of a path they are no switch.
_WORDS_IN_PATHS = r"(?<=[\w.])/(?:no_?)?think|/(?:no_?)?think(?=[\w/.-])"
# Tokens without the mark of a special one that still steer: those of calls, reasoning, roles and turns.
_STEERING = re.compile(
    r"^[<\[].*(?:tool|func|call|think|reason|turn|im_|role|channel|message|user|assistant|system|start|end|arg_|eos|bos|inst)",
    re.IGNORECASE,
)


class ControlTokens:
    """The control tokens of one tokenizer. `tokenizer`: a Hugging Face tokenizer; `source`: the text of its chat template."""

    def __init__(self, tokenizer: Any, source: str):
        self._tokenizer = tokenizer
        self._ids: dict[int, str] = {}
        for id_, token in getattr(tokenizer, "added_tokens_decoder", {}).items():
            text = str(token)
            if text.strip() and (getattr(token, "special", False) or text in source or _STEERING.match(text)):
                self._ids[int(id_)] = text
        self.texts = tuple(self._ids.values())
        self._broken = set(_MARK.findall(source)) - set(self.texts) - set(_SEARCHED)
        words = f"|{_WORDS_IN_PATHS}" if "/think" in source or "/no_think" in source else ""
        self._pattern = re.compile(
            f"{_alternatives(tuple(dict.fromkeys([*self.texts, *_SEARCHED, *sorted(self._broken)])))}{words}|[{chr(_FIRST)}-{chr(_LAST)}{picture_marks.CLASS}]"
        )
        self._plain: dict[str, list[int]] = {}

    def hiding(self, pictures: Sequence[str] = ()) -> "HiddenTokens":
        """A place for the hidden texts of one prompt. `pictures`: what the model reads at the mark of each picture; control tokens stay such."""
        return HiddenTokens(self._pattern, self._broken, pictures)

    def encode(self, prompt: str, hidden: "HiddenTokens") -> list[int]:
        """The tokens of a prompt in which control tokens were hidden."""
        if not hidden:
            return self._encode(prompt)
        text, spans = hidden.shown(prompt)
        if not spans:
            return self._encode(text)
        if not getattr(self._tokenizer, "is_fast", False):
            return self._encode_parts(text, spans)
        encoded: Any = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        found: list[int] = []
        at = 0
        for id_, (begin, end) in zip(encoded["input_ids"], encoded["offset_mapping"], strict=True):
            while at < len(spans) and spans[at][1] <= begin:
                at += 1
            is_inside = at < len(spans) and spans[at][0] <= begin and end <= spans[at][1]
            found += self.plain(self._ids[id_]) if is_inside and id_ in self._ids else [int(id_)]
        return found

    def plain(self, text: str) -> list[int]:
        """The tokens of a control token's text as ordinary characters; where the tokenizer cannot write it so, with a space inside."""
        if text not in self._plain:
            whole = [self._behind(text[:cut]) + self._behind(text[cut:]) for cut in range(1, len(text))]
            spaced = [self._encode(f"{text[:cut]} {text[cut:]}") for cut in range(1, len(text))]
            fits = (ids for ids in whole if self._is_ordinary(ids) and self._decode(ids).strip() == text.strip())
            harmless = (ids for ids in spaced if self._is_ordinary(ids))
            self._plain[text] = next(fits, None) or next(harmless, None) or []
        return self._plain[text]

    def _encode_parts(self, text: str, spans: list[tuple[int, int]]) -> list[int]:
        found: list[int] = []
        at = 0
        for begin, end in spans:
            written = text[begin:end]
            found += self._encode(text[at:begin]) + (self.plain(written) if written in self._ids.values() else self._encode(written))
            at = end
        return found + self._encode(text[at:])

    def _behind(self, text: str) -> list[int]:
        """The tokens of a text behind another one: at the beginning some tokenizers add a space."""
        before, whole = self._encode("\n"), self._encode(f"\n{text}")
        return whole[len(before) :] if whole[: len(before)] == before else self._encode(text)

    def _is_ordinary(self, ids: list[int]) -> bool:
        return not any(id_ in self._ids for id_ in ids)

    def _encode(self, text: str) -> list[int]:
        return [int(id_) for id_ in self._tokenizer.encode(text, add_special_tokens=False)] if text else []

    def _decode(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False))


class HiddenTokens:
    """The hidden texts of one prompt."""

    def __init__(self, pattern: "re.Pattern[str]", broken: set[str], pictures: Sequence[str] = ()):
        self._pattern, self._broken, self._pictures = pattern, broken, pictures
        self._texts: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._texts or self._pictures)

    def hide(self, text: str) -> str:
        """A text without control tokens."""
        return self._pattern.sub(self._placeholder, text)

    def hide_between_marks(self, text: str) -> str:
        """A message's text without control tokens, with the marks of its pictures."""
        parts = picture_marks.split_at_marks(text) if self._pictures else [text]
        return "".join(part if at % 2 else self.hide(part) for at, part in enumerate(parts))

    def hide_in(self, value: Any) -> Any:
        """Decoded JSON with the same done to all its texts."""
        if isinstance(value, str):
            return self.hide(value)
        if isinstance(value, list):
            return [self.hide_in(entry) for entry in cast("list[Any]", value)]
        if isinstance(value, dict):
            return {self.hide(str(key)): self.hide_in(entry) for key, entry in cast("dict[Any, Any]", value).items()}
        return value

    def shown(self, prompt: str) -> tuple[str, list[tuple[int, int]]]:
        """The prompt with the texts put back, and (begin, end) of each."""
        parts: list[str] = []
        spans: list[tuple[int, int]] = []
        size = 0
        for at, part in enumerate(re.split(f"([{chr(_FIRST)}-{chr(_LAST)}{picture_marks.CLASS}])", self._unescaped(prompt))):
            if at % 2 and (pictures := picture_marks.numbers_in(part)):
                part = self._pictures[pictures[0]] if pictures[0] < len(self._pictures) else ""
            elif at % 2 and (number := ord(part) - _FIRST) < len(self._texts):
                part = self._texts[number]
                part = f"{part[0]} {part[1:]}" if part in self._broken else part
                spans.append((size, size + len(part)))
            parts.append(part)
            size += len(part)
        return "".join(parts), spans

    def _unescaped(self, prompt: str) -> str:
        """The prompt of a template that writes JSON in ASCII, with our characters as they are."""
        for number in range(len(self._pictures)):
            prompt = prompt.replace(json.dumps(picture_marks.mark_of(number))[1:-1], picture_marks.mark_of(number))
        for number in range(len(self._texts)) if "\\udb8" in prompt else ():
            prompt = prompt.replace(json.dumps(chr(_FIRST + number))[1:-1], chr(_FIRST + number))
        return prompt

    def _placeholder(self, found: "re.Match[str]") -> str:
        text = found.group()
        if text not in self._texts:
            if len(self._texts) > _LAST - _FIRST:
                return ""
            self._texts.append(text)
        return chr(_FIRST + self._texts.index(text))


def _alternatives(texts: tuple[str, ...]) -> str:
    """A pattern for any of the texts, the longest first. A tree: with a thousand tokens, one after the other would be slow."""
    tree: dict[str, Any] = {}
    for text in texts:
        node = tree
        for character in text:
            node = node.setdefault(character, {})
        node[""] = {}
    return _branches(tree)


def _branches(node: dict[str, Any]) -> str:
    options = [re.escape(character) + _branches(below) for character, below in node.items() if character]
    if not options:
        return ""
    joined = options[0] if len(options) == 1 and "" not in node else f"(?:{'|'.join(options)})"
    return f"{joined}?" if "" in node else joined
