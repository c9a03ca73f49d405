"""The bytes of each token of a vocabulary. A token can be a part of a character, which no text can show.

Read from the tokenizer's own table and from the rule by which its decoder joins tokens: byte-level (a letter stands for a byte),
byte fallback (`<0xE2>`, and `▁` for a space), or plain text.
"""

import json
import re
from typing import Any

_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")


class VocabularyBytes:
    """`tokenizer`: the Hugging Face tokenizer inside mlx-lm's wrapper."""

    def __init__(self, tokenizer: Any):
        self._tokenizer = tokenizer
        kinds = _decoder_kinds(tokenizer)
        self._letters = _letters() if "ByteLevel" in kinds else {}
        self._has_byte_tokens = "ByteFallback" in kinds
        self._has_marks = bool({"Metaspace", "Replace"} & kinds)
        self._added = {int(id_): str(token) for id_, token in getattr(tokenizer, "added_tokens_decoder", {}).items()}

    def of(self, id_: int) -> bytes:
        """The bytes that a token adds to the text."""
        if id_ in self._added:
            return self._added[id_].encode()
        token = self._tokenizer.convert_ids_to_tokens(id_)
        if not isinstance(token, str):
            return b""
        if self._letters and all(letter in self._letters for letter in token):
            return bytes(self._letters[letter] for letter in token)
        if self._has_byte_tokens and (found := _BYTE_TOKEN.fullmatch(token)):
            return bytes([int(found[1], 16)])
        if self._has_marks:
            return token.replace("\u2581", " ").encode()
        return str(self._tokenizer.decode([id_], skip_special_tokens=False)).encode()


def _decoder_kinds(tokenizer: Any) -> set[str]:
    """The types of the decoder's steps."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    decoder = backend and backend.decoder
    if decoder is None:
        return set()
    found: set[str] = set()
    steps: list[Any] = [json.loads(decoder.__getstate__())]
    while steps:
        step = steps.pop()
        found.add(str(step.get("type")))
        steps += step.get("decoders", [])
    return found


def _letters() -> dict[str, int]:
    """The letter by which byte-level tokenizers write each byte: itself where it can be printed, else one from 256 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in set(printable)]
    return {chr(byte): byte for byte in printable} | {chr(256 + at): byte for at, byte in enumerate(others)}
