"""Decoding constraint of the probe model: valid tool calls whose arguments are copied from the user's message.

The model decides what to do. The constraint keeps a call well-formed, allows `path` and `pattern` only as words of the user's
message, and lets the sentence about a result quote only its first line. The model card states the accuracy with and without it.
Only a model that sets `opta.copy_constraint` in its `config.json` gets it.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

from ..ipc.messages import Generate
from .mlx_adapter import mx

CALL_START, CALL_END, END = "<tool_call>", "</tool_call>", "<|end|>"
PATH, PATTERN, NEXT_PATH = '"path": "', '"pattern": "', '", "path": "'
CLOSE_VALUE, CLOSE_EMPTY = '"}}', "}}"
FOUND, BEGINS, FAILED = "I found ", "The file begins with: ", "That did not work: "
_FIRST_ARGUMENT = {"read_file": [PATH], "list_dir": [PATH, CLOSE_EMPTY], "search_files": [PATTERN], "grep": [PATTERN]}
_SEEN_CHARS, _QUOTED_CHARS, _NUMBERED_CHARS = 160, 60, 1600


def processor_of(order: Generate, pieces: list[bytes], prompt_length: int) -> Callable[[Any, Any], Any]:
    """The logits processor of one request."""
    asked = max((at for at, message in enumerate(order.messages) if message["role"] == "user"), default=0)
    turn = order.messages[asked:]
    result = _result(turn)
    constraint = CopyConstraint(pieces, str(turn[0].get("content", ""))[:240] if turn else "", result, tools=bool(order.tools))

    def process(context: Any, logits: Any) -> Any:
        allowed = constraint.allowed([int(id_) for id_ in context[prompt_length:].tolist()])
        if allowed is None:
            return logits
        return logits + mx.array([0.0 if id_ in allowed else -1e9 for id_ in range(logits.shape[-1])])

    return process


def _result(turn: list[dict[str, Any]]) -> str | None:
    """The result that ends a turn, as the chat template shows it; None when the turn ends otherwise."""
    if not turn or turn[-1]["role"] != "tool":
        return None
    called = next((str(message["tool_calls"][-1]["function"]["name"]) for message in reversed(turn) if message.get("tool_calls")), "")
    content = str(turn[-1]["content"])
    return without_line_numbers(content) if called == "read_file" else content


def without_line_numbers(content: str) -> str:
    """The beginning of what read_file answered without line numbers and note. The chat template does the same."""
    lines = [line.partition("\t") for line in content[:_NUMBERED_CHARS].split("\n")]
    if not (lines[0][1] and lines[0][0].isdigit()):
        return content
    return "\n".join(text for number, tab, text in lines if tab and number.isdigit())


class CopyConstraint:
    """The constraint of one request. `pieces[id]`: the bytes of a token."""

    def __init__(self, pieces: list[bytes], message: str, result: str | None, *, tools: bool):
        self._pieces = pieces
        self._bytes = {piece[0]: id for id, piece in enumerate(pieces) if len(piece) == 1}
        self._ids = {piece.decode(): id for id, piece in enumerate(pieces) if len(piece) > 1}
        self._words = [word.encode() for word in words_of(message)]
        self._result = result
        self._tools = tools

    def allowed(self, generated: list[int]) -> set[int] | None:
        """Token ids that may come next; None for all of them."""
        if not generated:
            return self._openings()
        head = self._text(generated[0])
        if head == CALL_START:
            return self._call(generated[1:])
        if self._result is not None and head in (FOUND, BEGINS, FAILED):
            return self._quote(head, generated[1:])
        return None

    def _text(self, id_: int) -> str:
        return self._pieces[id_].decode(errors="replace")

    def _names(self, *texts: str) -> set[int]:
        return {self._ids[text] for text in texts}

    def _openings(self) -> set[int] | None:
        if self._result is not None:
            return self._names(FAILED) if self._result.startswith("Error: ") else self._names(FOUND, BEGINS)
        if not self._tools:
            # No tools, no calls.
            return {id for id in range(len(self._pieces)) if id != self._ids[CALL_START]}
        return None

    def _call(self, ids: list[int]) -> set[int]:
        heads = {f'{{"name": "{tool}", "arguments": {{': tool for tool in _FIRST_ARGUMENT}
        if not ids:
            return self._names(*heads)
        tool = heads.get(self._text(ids[0]), "")
        rest = ids[1:]
        if not rest:
            return self._names(*_FIRST_ARGUMENT[tool])
        # The batch computes one step ahead, so it also asks for the token after the end.
        if self._text(rest[-1]) in (CALL_END, END):
            return self._names(END)
        if self._text(rest[-1]) in (CLOSE_VALUE, CLOSE_EMPTY):
            return self._names(CALL_END)
        return self._value(tool, rest)

    def _value(self, tool: str, ids: list[int]) -> set[int]:
        start = max(at for at, id_ in enumerate(ids) if self._text(id_) in (PATH, PATTERN, NEXT_PATH))
        opener = self._text(ids[start])
        value = b"".join(self._pieces[id_] for id_ in ids[start + 1 :])
        following = {self._bytes[word[len(value)]] for word in self._words if word.startswith(value) and len(word) > len(value)}
        if value in self._words:
            following |= self._names(CLOSE_VALUE)
            if opener == PATTERN:
                following |= self._names(NEXT_PATH)
        return following or self._names(CLOSE_VALUE)

    def _quote(self, head: str, ids: list[int]) -> set[int]:
        assert self._result is not None
        line = quoted_line(self._result, head)
        target = (line + "." if head == FOUND else line).encode()
        said = b"".join(self._pieces[id_] for id_ in ids)
        return {self._bytes[target[len(said)]]} if target.startswith(said) and len(said) < len(target) else self._names(END)


def quoted_line(result: str, head: str) -> str:
    """The text that the sentence about a result quotes: its first non-blank line, as far as the model sees it."""
    text = result[:_SEEN_CHARS]
    if head == FAILED:
        text = text.removeprefix("Error: ")
    line = next((line for line in text.split("\n") if line.strip()), "")
    return line[:_QUOTED_CHARS].rstrip() if head == BEGINS else line


def words_of(message: str) -> Iterable[str]:
    """Candidates for arguments: the words of a message without punctuation, and quoted texts."""
    for match in re.finditer(r"\"([^\"]+)\"|`([^`]+)`|(?<!\w)'([^']+)'(?!\w)", message):
        yield next(group for group in match.groups() if group)
    for word in message.split():
        bare = word.strip("\"'`").rstrip(".,;:!?\"'`") or word
        while bare.endswith(")") and bare.count(")") > bare.count("("):
            bare = bare[:-1].rstrip(".,;:!?\"'`")
        yield bare.lstrip("(") if bare.count("(") > bare.count(")") else bare
