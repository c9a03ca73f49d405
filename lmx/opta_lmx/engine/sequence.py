"""One sequence of the engine: takes tokens, and returns the messages of its answer."""

import time
from collections.abc import Callable
from typing import Any

from ..ipc.messages import Delta, EngineMessage, Finished, Generate, TokenLogprob
from ..parsing.output_parser import OutputPiece
from ..parsing.thinking_first import AnswerParser
from .answer_constraint import AnswerConstraint
from .call_constraint import CallConstraint
from .mlx_adapter import mx
from .vocabulary_bytes import VocabularyBytes

# JSON has no infinity: OpenAI reports an impossible token with this value. It is the first argument of max(), which returns it for NaN.
LEAST_LOGPROB = -9999.0


class Vocabulary:
    """Tokens as text and bytes."""

    def __init__(self, tokenizer: Any):
        self._tokenizer = tokenizer
        self._bytes = VocabularyBytes(tokenizer._tokenizer)
        self._pieces: list[bytes] = []

    @property
    def size(self) -> int:
        """The number of tokens."""
        return len(self._tokenizer)

    def text(self, ids: list[int]) -> str:
        """The text of some tokens, special ones included."""
        return str(self._tokenizer.decode(ids, skip_special_tokens=False))

    def pieces(self) -> list[bytes]:
        """The bytes of every token."""
        if not self._pieces:
            self._pieces = [self._bytes.of(id_) for id_ in range(len(self._tokenizer))]
        return self._pieces

    def detokenizer(self) -> Any:
        """A streaming detokenizer, which returns complete characters only."""
        return self._tokenizer.detokenizer

    def logprob(self, token: int, logprobs: Any, alternatives: int, *, is_first: bool) -> TokenLogprob:
        """The log-probability of a token, with the most likely alternatives. `is_first`: the answer begins with it."""
        top: list[tuple[str, float, list[int]]] = []
        if alternatives:
            best = mx.argsort(-logprobs)[:alternatives].tolist()
            top = [(self.text([id_]), max(LEAST_LOGPROB, float(logprobs[id_])), self._added(id_, is_first=is_first)) for id_ in best]
        logprob = max(LEAST_LOGPROB, float(logprobs[token]))
        return TokenLogprob(token=self.text([token]), logprob=logprob, bytes=self._added(token, is_first=is_first), top=top)

    def _added(self, token: int, *, is_first: bool) -> list[int]:
        """The bytes that a token adds to the answer."""
        content = self._bytes.of(token)
        if is_first and content.startswith(b" "):
            # Some detokenizers leave out the space that a text begins with.
            detokenizer = self.detokenizer()
            detokenizer.add_token(token)
            detokenizer.finalize()
            content = content if str(detokenizer.text).startswith(" ") else content[1:]
        return list(content)


class Sequence:
    """One order with its prompt. `answer_tokens_max`: the largest number of tokens that its answer may have."""

    def __init__(self, order: Generate, prompt: list[int], answer_tokens_max: int, vocabulary: Vocabulary, parser: AnswerParser):
        self.order, self.prompt, self.answer_tokens_max = order, prompt, answer_tokens_max
        self._vocabulary, self._parser = vocabulary, parser
        self._detokenizer = vocabulary.detokenizer()
        self._logprobs: list[TokenLogprob] = []
        self._thinking = 0
        # Key of the adapter that computes it; '' for none.
        self.adapter = ""
        self.sampler: Callable[[Any], Any] | None = None
        self.processors: list[Any] = []
        # Of an answer with JSON in it.
        self.constraint: AnswerConstraint | CallConstraint | None = None
        # Tokens of the prompt from the prefix cache, those computed since, and where to keep a copy of the KV cache.
        self.cached = self.prefilled = 0
        self.checkpoints: list[tuple[int, bool]] = []
        self.tokens = 0
        # When it came, in seconds of the monotonic clock.
        self.began_at = time.monotonic()
        # Bytes of its KV cache at its greatest length.
        self.size = 0
        self.is_decoding = False
        # The batch will report a token that was taken already.
        self.is_ahead = False
        self.is_over = False

    @property
    def is_prefilling(self) -> bool:
        """Whether its prompt is still being computed."""
        return not self.is_decoding

    @property
    def prompt_left(self) -> int:
        """Tokens of the prompt that are still to be computed."""
        return max(0, len(self.prompt) - self.cached - self.prefilled)

    def note_prefill(self, progress: Any) -> int:
        """Take the batch's progress on the prompt; returns the number of tokens computed since."""
        self.is_decoding |= progress.end_of_prompt
        before, self.prefilled = self.prefilled, progress.progress[0] if not progress.end_of_prompt else self.prefilled
        return max(0, self.prefilled - before)

    def take(self, token: int, logprobs: Any, finish: str | None) -> list[EngineMessage]:
        """Take the next token. `finish`: "stop" or "length" when it is the last one."""
        self.tokens += 1
        self.is_decoding = True
        is_end = finish == "stop"
        if self.order.logprobs >= 0 and not is_end:
            self._logprobs.append(self._vocabulary.logprob(token, logprobs, self.order.logprobs, is_first=self.tokens == 1))
        if not is_end:
            self._detokenizer.add_token(token)
        finish = self._constrained_finish(token, finish)
        if finish is not None:
            self._detokenizer.finalize()
        messages: list[EngineMessage] = [self._delta(piece) for piece in self._pieces(self._detokenizer.last_segment, finish)]
        is_stopped = self._parser.is_stopped
        if finish is None and not is_stopped:
            return messages
        self.is_over = True
        if self._logprobs and not is_stopped and not self._thinking:
            # Tokens without a text of their own, such as the first part of a character that never became whole.
            messages.append(Delta(id=self.order.id, logprobs=self._logprobs))
        if is_stopped or finish is None:
            return [*messages, self._finished("stop")]
        is_complete = self.constraint is None or self.constraint.is_complete
        return [*messages, self._finished(finish if is_complete else "length")]

    def _constrained_finish(self, token: int, finish: str | None) -> str | None:
        """Why the answer ends with this token: JSON is over once it is whole, and it is not cut where it may end."""
        if self.constraint is None:
            return finish
        self.constraint.take(self.tokens - 1, token)
        if self.constraint.seen == self.tokens and (self.constraint.is_whole or (finish == "length" and self.constraint.is_accepted)):
            return "stop"
        return finish

    def _pieces(self, text: str, finish: str | None) -> list[OutputPiece]:
        pieces = self._parser.parse(text) if text else []
        if finish is not None and not self._parser.is_stopped:
            pieces += self._parser.end(is_cut=finish == "length")
        return pieces

    def _finished(self, finish: str) -> Finished:
        return Finished(
            id=self.order.id,
            finish=finish,
            prompt_tokens=len(self.prompt),
            completion_tokens=self.tokens,
            thinking_tokens=self._thinking,
            cached_tokens=self.cached,
            stopped_by=self._parser.stopped_by,
            malformed=self._parser.malformed,
        )

    def _delta(self, piece: OutputPiece) -> EngineMessage:
        if piece.kind == "thinking":
            self._thinking += 1
            return Delta(id=self.order.id, thinking=piece.text)
        logprobs, self._logprobs = self._logprobs, []
        return Delta(id=self.order.id, text=piece.text, name=piece.name, arguments=piece.arguments, logprobs=logprobs)
