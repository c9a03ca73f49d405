"""The tokenizer of a GGUF file as the files that Hugging Face's tokenizers read: byte-level BPE, and SentencePiece BPE."""

from typing import Any

import msgspec

from opta_core.errors import Refused

from ...json_values import as_list
from .gguf_file import GgufFile
from .usual_templates import usual_template

# Kinds of tokens (`tokenizer.ggml.token_type`).
_NORMAL, _UNKNOWN, _CONTROL, _USER_DEFINED, _UNUSED, _BYTE = 1, 2, 3, 4, 5, 6
_PIECE_MAX = 256
_SPACE = "\u2581"
_LETTERS = r"[^\r\n\p{L}\p{N}]?\p{L}+"
_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_LLAMA3 = rf"{_CONTRACTIONS}|{_LETTERS}|\p{{N}}{{1,3}}|{_REST}"
_QWEN2 = rf"{_CONTRACTIONS}|{_LETTERS}|\p{{N}}|{_REST}"
_TEKKEN = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*|\p{{N}}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# Name of the rule by which a text is split into words (`tokenizer.ggml.pre`) -> the pattern; "digits" and "" are GPT-2's own rule,
# the former with each digit alone.
_PATTERNS = {
    "gpt-2": "", "gpt2": "", "phi-2": "", "smollm": "digits", "starcoder": "digits", "refact": "digits", "command-r": "digits",
    "llama-bpe": _LLAMA3, "llama3": _LLAMA3, "llama-v3": _LLAMA3, "falcon3": _LLAMA3, "pixtral": _LLAMA3, "smaug-bpe": _LLAMA3, "dbrx": _LLAMA3,
    "qwen2": _QWEN2, "deepseek-r1-qwen": _QWEN2, "megrez": _QWEN2, "tekken": _TEKKEN,
}  # fmt: skip
_LLAMA3_SIZE = 128_256
# A word that is a token as a whole needs no merges.
_WHOLE_WORDS = {"llama-bpe", "llama3", "llama-v3", "falcon3", "pixtral", "tekken"}
_BEGINS = {"llama-bpe", "llama3", "llama-v3", "tekken"}
# Tokens that end an answer, besides those that the file names.
_ALWAYS_CONTROL = {"<|eot_id|>", "<|eom_id|>", "<|im_end|>", "<|end|>", "<|endoftext|>", "<end_of_turn>", "<|end_of_text|>"}
_ENDS = {*_ALWAYS_CONTROL, "</s>"}


class GgufTokenizer(msgspec.Struct, frozen=True):
    """The files of a tokenizer, and the tokens that begin and end texts. `template`: whose chat template was chosen where the file has none."""

    tokenizer: dict[str, Any]
    settings: dict[str, Any]
    begin: int | None
    ends: list[int]
    template: str = ""


class _Tokens(msgspec.Struct, frozen=True):
    """The tokens of a file with their kinds."""

    file: GgufFile
    texts: list[str]
    kinds: list[int]

    def id_of(self, name: str) -> int | None:
        """The token of a role, such as `bos`; None when the file names none."""
        value = self.file.metadata.get(f"tokenizer.ggml.{name}_token_id")
        return value if isinstance(value, int) and 0 <= value < len(self.texts) else None

    def flag(self, name: str, default: bool) -> bool:
        """A setting that is true or false."""
        value = self.file.metadata.get(f"tokenizer.ggml.{name}")
        return value if isinstance(value, bool) else default

    def numbered(self) -> dict[str, int]:
        """Token -> id; of two equal ones the first."""
        known: dict[str, int] = {}
        for id_, text in enumerate(self.texts):
            known.setdefault(text, id_)
        return known


def tokenizer_of(file: GgufFile) -> GgufTokenizer:
    """The tokenizer of a file. Raises Refused: it has none, or one of an unknown kind."""
    tokens, model = _tokens(file), file.text("tokenizer.ggml.model")
    if model == "gpt2":
        return _with_settings(tokens, *_byte_level(tokens))
    if model == "llama":
        return _with_settings(tokens, *_sentence_pieces(tokens))
    raise Refused(f"{file.path.name} has a tokenizer of the kind {model[:40]!r}, which cannot be imported. LMX imports gpt2 and llama.")


def _tokens(file: GgufFile) -> _Tokens:
    texts, kinds = as_list(file.metadata.get("tokenizer.ggml.tokens")), as_list(file.metadata.get("tokenizer.ggml.token_type"))
    if not texts or not all(isinstance(text, str) for text in texts):
        raise Refused(f"{file.path.name} has no tokenizer.")
    if not kinds or len(kinds) != len(texts):
        kinds = [_NORMAL] * len(texts)
    # Files fill the vocabulary up to the rows of the embedding.
    size = len(texts)
    while size > 1 and kinds[size - 1] == _UNUSED and texts[size - 1].startswith("[PAD"):
        size -= 1
    return _Tokens(file, texts[:size], _corrected(file, texts[:size], kinds[:size]))


def _corrected(file: GgufFile, texts: list[str], kinds: list[int]) -> list[int]:
    """The kinds of tokens. Converters have written tokens that begin, end or structure a conversation as ordinary ones."""
    roles = {file.metadata.get(f"tokenizer.ggml.{role}_token_id") for role in ("bos", "eos", "eot", "eom")}
    added = set(as_list(file.metadata.get("tokenizer.ggml.added_tokens")) or [])
    found = list(kinds)
    for id_, text in enumerate(texts):
        if found[id_] == _NORMAL and (id_ in roles or text in _ALWAYS_CONTROL):
            found[id_] = _CONTROL
        elif found[id_] == _NORMAL and text in added:
            found[id_] = _USER_DEFINED
    return found


def _byte_level(tokens: _Tokens) -> tuple[dict[str, Any], bool]:
    """(tokenizer.json, whether texts begin with the first token)."""
    name = tokens.file.text("tokenizer.ggml.pre")
    if name in ("", "default") and tokens.file.architecture in ("qwen2", "qwen3", "qwen3moe"):
        name = "qwen2"
    elif name in ("", "default") and len(tokens.texts) == _LLAMA3_SIZE:
        # Files from before the rule had a name.
        name = "llama-bpe"
    if name not in _PATTERNS:
        raise Refused(
            f"{tokens.file.path.name} splits texts by the rule {name[:40] or 'default'!r}, which LMX does not know, so its tokens would be wrong. "
            f"LMX knows {', '.join(_PATTERNS)}."
        )
    merges = as_list(tokens.file.metadata.get("tokenizer.ggml.merges"))
    if merges is None or not all(isinstance(merge, str) for merge in merges):
        raise Refused(f"{tokens.file.path.name} has no merges, which its tokenizer needs.")
    model = {
        **_bpe(tokens.numbered(), [list(_halves(merge)) for merge in merges], unknown=None),
        "ignore_merges": name in _WHOLE_WORDS,
    }
    bytes_ = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    whole = {
        "normalizer": {"type": "NFC"} if _PATTERNS[name] == _QWEN2 else None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": _words(_PATTERNS[name], bytes_)},
        "decoder": {**bytes_, "use_regex": True},
        "model": model,
        "added_tokens": _added(tokens, is_normalized=False),
    }
    return whole, tokens.flag("add_bos_token", name in _BEGINS)


def _words(pattern: str, bytes_: dict[str, Any]) -> list[dict[str, Any]]:
    if pattern in ("", "digits"):
        digits = [{"type": "Digits", "individual_digits": True}] if pattern else []
        return [*digits, {**bytes_, "use_regex": True}]
    return [{"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}, {**bytes_, "use_regex": False}]


def _halves(merge: str) -> tuple[str, str]:
    # A token may begin with a space only in the second half.
    at = merge.find(" ", 1)
    return merge[:at], merge[at + 1 :]


def _sentence_pieces(tokens: _Tokens) -> tuple[dict[str, Any], bool]:
    """(tokenizer.json, whether texts begin with the first token)."""
    scores = as_list(tokens.file.metadata.get("tokenizer.ggml.scores"))
    if scores is None or len(scores) < len(tokens.texts) or not all(isinstance(score, float) for score in scores):
        raise Refused(f"{tokens.file.path.name} has no scores of its tokens, which its tokenizer needs.")
    if tokens.flag("remove_extra_whitespaces", False) or tokens.file.metadata.get("tokenizer.ggml.precompiled_charsmap"):
        raise Refused(f"{tokens.file.path.name} changes texts before it splits them, in a way that cannot be imported.")
    has_prefix = tokens.flag("add_space_prefix", True)
    known = tokens.numbered()
    unknown = tokens.id_of("unknown")
    unknown_text = (
        tokens.texts[unknown]
        if unknown is not None
        else next((t for t, k in zip(tokens.texts, tokens.kinds, strict=True) if k == _UNKNOWN), None)
    )
    spaces = {"type": "Replace", "pattern": {"String": " "}, "content": _SPACE}
    back = {"type": "Replace", "pattern": {"String": _SPACE}, "content": " "}
    strip = [{"type": "Strip", "content": " ", "start": 1, "stop": 0}] if has_prefix else []
    whole = {
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": _SPACE}, spaces] if has_prefix else [spaces]},
        "pre_tokenizer": None,
        "decoder": {"type": "Sequence", "decoders": [back, {"type": "ByteFallback"}, {"type": "Fuse"}, *strip]},
        "model": {
            **_bpe(known, _merges(tokens, known, scores), unknown=unknown_text),
            "fuse_unk": True,
            "byte_fallback": _BYTE in tokens.kinds,
        },
        "added_tokens": _added(tokens, is_normalized=not has_prefix),
    }
    return whole, tokens.flag("add_bos_token", True)


def _merges(tokens: _Tokens, known: dict[str, int], scores: list[float]) -> list[list[str]]:
    """Every way to put a token together from two others, the best result first, as SentencePiece would choose them."""
    found: list[tuple[float, int, int, str, str]] = []
    # SentencePiece makes pieces of at most 16 characters, unless it is asked for more.
    pieces = {text for text, kind in zip(tokens.texts, tokens.kinds, strict=True) if kind == _NORMAL and len(text) <= _PIECE_MAX}
    for text in pieces:
        for at in range(1, len(text)):
            left, right = text[:at], text[at:]
            if left in pieces and right in pieces:
                found.append((-scores[known[text]], known[left], known[right], left, right))
    return [[left, right] for *_, left, right in sorted(found)]


def _bpe(vocabulary: dict[str, int], merges: list[list[str]], unknown: str | None) -> dict[str, Any]:
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": unknown,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "vocab": vocabulary,
        "merges": [merge for merge in merges if all(merge) and "".join(merge) in vocabulary and all(part in vocabulary for part in merge)],
    }


def _added(tokens: _Tokens, *, is_normalized: bool) -> list[dict[str, Any]]:
    """Tokens that are found in a text before it is split. `special`: left out of answers."""
    return [
        {
            "id": id_,
            "content": text,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": is_normalized and kind == _USER_DEFINED,
            "special": kind != _USER_DEFINED,
        }
        for id_, (text, kind) in enumerate(zip(tokens.texts, tokens.kinds, strict=True))
        if kind in (_CONTROL, _USER_DEFINED, _UNKNOWN) and text
    ]


def _with_settings(tokens: _Tokens, whole: dict[str, Any], begins: bool) -> GgufTokenizer:
    begin, end = tokens.id_of("bos"), tokens.id_of("eos")
    named = {id_ for role in ("eos", "eot", "eom") if (id_ := tokens.id_of(role)) is not None}
    usual = {id_ for id_, (text, kind) in enumerate(zip(tokens.texts, tokens.kinds, strict=True)) if kind == _CONTROL and text in _ENDS}
    # Some models begin and end texts with one token; then it counts only when the file names it as the end.
    ends = sorted(id_ for id_ in named | usual if id_ != begin or id_ == end)
    add = [{"SpecialToken": {"id": tokens.texts[begin], "type_id": 0}}] if begins and begin is not None else []
    processor = {
        "type": "TemplateProcessing",
        "single": [*add, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [*add, {"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
        "special_tokens": {tokens.texts[begin]: {"id": tokens.texts[begin], "ids": [begin], "tokens": [tokens.texts[begin]]}}
        if add and begin is not None
        else {},
    }
    roles = {"bos": begin, "eos": end, "unk": tokens.id_of("unknown"), "pad": tokens.id_of("padding")}
    template, chosen = tokens.file.text("tokenizer.chat_template"), ""
    if not template:
        chosen, template = usual_template({text for text, kind in zip(tokens.texts, tokens.kinds, strict=True) if kind == _CONTROL})
    settings: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": tokens.file.number("context_length") or 1_000_000,
        "clean_up_tokenization_spaces": False,
        **{f"{role}_token": tokens.texts[id_] for role, id_ in roles.items() if id_ is not None},
        **({"chat_template": template} if template else {}),
    }
    return GgufTokenizer(
        {"version": "1.0", "truncation": None, "padding": None, "post_processor": processor if add else None, **whole},
        settings,
        begin,
        ends,
        chosen,
    )
